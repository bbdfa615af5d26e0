//! Which key: names that lead nowhere or too far, keys for other purposes, keys that are too weak.

use serde_json::{Value, json};

use super::{Table, rs256, rsa};
use crate::mint::{Key, Token, claims, encode};

/// The keys of the provider `main`: good ones, and those that must not be used.
pub(super) fn set() -> Vec<Value> {
    let (rsa_2, p256_2) = (Key::load("rsa-2"), Key::load("p256-2"));
    vec![
        rsa().public(),
        rsa_2.public_with(&json!({"alg": "RS256"})),
        rsa_2.public_with(&json!({"kid": "rsa-stolen"})),
        Key::load("rsa-3072").public_with(&json!({"alg": "PS256", "use": null})),
        Key::load("p256-1").public(),
        p256_2.public_with(&json!({"alg": "ES256", "use": null, "key_ops": ["verify"]})),
        Key::load("p384-1").public(),
        Key::load("p521-1").public(),
        Key::load("ed25519-1").public(),
        Key::load("ed25519-2").public_with(&json!({"alg": "EdDSA"})),
        rsa_2.public_with(&json!({"kid": "for-encryption", "use": "enc"})),
        p256_2.public_with(&json!({"kid": "for-deriving", "use": null, "key_ops": ["deriveBits"]})),
        rsa_2.public_with(&json!({"kid": "for-oaep", "use": null, "alg": "RSA-OAEP"})),
        Key::load("rsa-weak").public(),
        // The neutral element, of which every multiple is itself.
        json!({"kty": "OKP", "kid": "small-order", "crv": "Ed25519", "x": encode(NEUTRAL)}),
    ]
}

const NEUTRAL: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};

pub(super) fn add(table: &mut Table) {
    names(table);
    purposes(table);
    strength(table);
}

fn names(table: &mut Table) {
    let expect = "token_key_unknown";
    let long = "k".repeat(256);
    for (kid, why) in [
        ("", "empty is a name as any other, not no name"),
        ("rsa", "the beginning of a name"),
        ("rsa-11", "a name and more"),
        ("RSA-1", "case counts"),
        (" rsa-1", "a blank counts"),
        ("rsa-1 ", "a blank counts"),
        ("rsa-1\0", "a NUL counts"),
        ("rsa-1\n", "a line end counts"),
        ("rs\u{0430}-1", "a Cyrillic letter"),
        ("rsa\u{2010}1", "another hyphen"),
        ("../../../../dev/null", "a path to a file whose contents are known"),
        ("/proc/sys/kernel/randomize_va_space", "a path to a file whose contents are known"),
        ("x' UNION SELECT 'secret' -- ", "SQL"),
        ("x|/usr/bin/id", "a command"),
        ("https://evil.example/key", "an address"),
        ("0", "a place in the list"),
        ("*", "a pattern"),
        ("rsa-1,p256-1", "two names"),
        ("__proto__", "a name that some languages know"),
        ("oct-1", "a key of this name is elsewhere"),
        (long.as_str(), "long, and still allowed"),
    ] {
        let shown = if kid.len() > 100 { "of 256 letters".to_owned() } else { format!("{kid:?}") };
        table.token(&format!("kid {shown}"), rs256().kid(kid).sign(&rsa()), expect, why);
    }
    let expect = "token_header_invalid";
    for (name, kid) in [
        ("null", "null"),
        ("a number", "1"),
        ("a list", r#"["rsa-1"]"#),
        ("an object", r#"{"$ne":""}"#),
        ("true", "true"),
    ] {
        let token = rs256().header_text(format!(r#"{{"alg":"RS256","kid":{kid}}}"#));
        table.token(&format!("kid {name}"), token.sign(&rsa()), expect, "a kid is text");
    }
    let token = rs256().kid(&"k".repeat(257)).sign(&rsa());
    table.token("kid of 257 letters", token, expect, "longer than any name should be");
}

fn purposes(table: &mut Table) {
    let expect = "token_key_mismatch";
    for (kid, key, alg, why) in [
        ("for-encryption", "rsa-2", "RS256", "use: enc"),
        ("for-deriving", "p256-2", "ES256", "key_ops without verify"),
        ("for-oaep", "rsa-2", "RS256", "alg: RSA-OAEP"),
        ("rsa-2", "rsa-2", "PS256", "alg: RS256"),
        ("rsa-2", "rsa-2", "RS512", "alg: RS256"),
        ("rsa-3072", "rsa-3072", "RS256", "alg: PS256"),
        ("rsa-3072", "rsa-3072", "PS512", "alg: PS256"),
        ("p256-1", "rsa-1", "RS256", "a key on P-256 for RSA"),
        ("ed25519-1", "rsa-1", "RS256", "a key on Ed25519 for RSA"),
        ("rsa-1", "p256-1", "ES256", "an RSA key for ECDSA"),
        ("rsa-1", "ed25519-1", "EdDSA", "an RSA key for EdDSA"),
        ("p256-1", "p256-1", "ES384", "a key on P-256 for P-384"),
        ("p256-1", "p256-1", "ES512", "a key on P-256 for P-521"),
        ("p384-1", "p384-1", "ES256", "a key on P-384 for P-256"),
        ("p521-1", "p521-1", "ES384", "a key on P-521 for P-384"),
        ("ed25519-1", "p256-1", "ES256", "a key on Ed25519 for P-256"),
        ("p256-1", "ed25519-1", "EdDSA", "a key on P-256 for Ed25519"),
    ] {
        let token = Token::new(alg, &claims()).kid(kid).sign(&Key::load(key));
        table.token(&format!("{alg} with the kid {kid}"), token, expect, why);
    }
}

fn strength(table: &mut Table) {
    let weak = Key::load("rsa-weak");
    let token = Token::new("RS256", &claims()).kid("rsa-weak").sign(&weak);
    table.token("a weak RSA key", token, "token_key_unknown", "1024 bits: left out of the key set");
    table.or("token_key_mismatch");
    let token = Token::new("PS256", &claims()).kid("rsa-weak").sign(&weak);
    table.token("a weak RSA key with PSS", token, "token_key_unknown", "1024 bits: left out of the key set");
    table.or("token_key_mismatch");
    let token = Token::new("RS256", &claims()).sign(&weak);
    let why = "without kid, only keys that fit are tried, whose signatures are longer";
    table.token("a weak RSA key without kid", token, "token_signature_malformed", why);
    table.or("token_signature_invalid");
    let token = Token::new("EdDSA", &claims()).kid("small-order").signature([NEUTRAL, [0; 32]].concat());
    let why = "a public key of small order: this signature fits every message, and nobody had to sign";
    table.token("an Ed25519 key of small order", token, "token_key_unknown", why);
    table.or("token_signature_invalid");
}
