//! Good tokens: what the strictest filter still has to accept.

use serde_json::json;

use super::signature::order;
use super::{ACCEPTED, Table, claiming, internal, rs256, secret, signed};
use crate::mint::{Key, Token, claims, claims_with};

pub(super) fn add(table: &mut Table) {
    algorithms(table);
    headers(table);
    claims_of_all_kinds(table);
}

fn algorithms(table: &mut Table) {
    for (alg, name) in [
        ("RS256", "rsa-1"),
        ("RS384", "rsa-1"),
        ("RS512", "rsa-1"),
        ("PS256", "rsa-1"),
        ("PS384", "rsa-1"),
        ("PS512", "rsa-1"),
        ("RS256", "rsa-2"),
        ("PS256", "rsa-3072"),
        ("ES256", "p256-1"),
        ("ES256", "p256-2"),
        ("ES384", "p384-1"),
        ("ES512", "p521-1"),
        ("EdDSA", "ed25519-1"),
        ("EdDSA", "ed25519-2"),
    ] {
        let token = Token::new(alg, &claims()).kid(name).sign(&Key::load(name));
        table.token(&format!("good {alg} of {name}"), token, ACCEPTED, "named by its kid");
    }
    for (alg, name) in [
        ("RS256", "rsa-1"),
        ("RS256", "rsa-2"),
        ("PS256", "rsa-3072"),
        ("ES256", "p256-2"),
        ("ES512", "p521-1"),
        ("EdDSA", "ed25519-2"),
    ] {
        let token = Token::new(alg, &claims()).sign(&Key::load(name));
        table.token(&format!("good {alg} of {name} without kid"), token, ACCEPTED, "the keys that fit are tried");
    }
    let token = internal(&json!({})).sign(&Key::from_secret(secret()));
    table.token("good HS256", token, ACCEPTED, "the provider internal");
    for (alg, name) in [("ES256", "p256-1"), ("ES384", "p384-1"), ("ES512", "p521-1")] {
        let token = Token::new(alg, &claims()).kid(name);
        let bytes = Key::load(name).sign(alg, token.input().as_bytes());
        let (r, s) = bytes.split_at(bytes.len() / 2);
        let mirrored = super::signature::difference(&order(alg), s);
        let why = "s and the order less s are both signatures: RFC 7518 asks for neither";
        table.token(&format!("good {alg}, s mirrored"), token.signature([r, &mirrored].concat()), ACCEPTED, why);
    }
}

fn headers(table: &mut Table) {
    for (name, header, why) in [
        ("no typ", r#"{"alg":"RS256","kid":"rsa-1"}"#, "typ may be left out"),
        ("alg alone", r#"{"alg":"RS256"}"#, "the least there is"),
        ("typ at+jwt", r#"{"alg":"RS256","kid":"rsa-1","typ":"at+jwt"}"#, "RFC 9068"),
        ("cty of no token", r#"{"alg":"RS256","kid":"rsa-1","cty":"application/json"}"#, "nothing is nested"),
        ("unknown members", r#"{"alg":"RS256","kid":"rsa-1","x":{"y":[1,null]}}"#, "RFC 7515: they are ignored"),
        (
            "x5t",
            r#"{"alg":"RS256","kid":"rsa-1","x5t":"2jmj7l5rSw0yVb_vlWAYkK_YBwk"}"#,
            "names a certificate, brings none",
        ),
        ("blanks", " {\n\t\"alg\" : \"RS256\",\r\n\"kid\":\"rsa-1\" }\n", "blanks are JSON, too"),
        ("escapes", r#"{"\u0061lg":"RS\u003256","kid":"rsa\u002d1"}"#, "spelt otherwise, and once"),
    ] {
        table.token(&format!("good header: {name}"), signed(&rs256().header_text(header)), ACCEPTED, why);
    }
}

fn claims_of_all_kinds(table: &mut Table) {
    for (name, patch, why) in [
        ("aud a list", json!({"aud": ["billing-api", "orders-api"]}), "one of them is enough"),
        ("aud a list of one", json!({"aud": ["orders-api"]}), "one of them is enough"),
        ("exp a decimal", json!({"exp": 4_102_444_800.5}), "RFC 7519 allows it"),
        ("exp at the end of the calendar", json!({"exp": 253_402_300_799_u64}), "the year 9999"),
        ("nbf in the past", json!({"nbf": 1_700_000_000}), "has come"),
        ("iat a decimal", json!({"iat": 1_700_000_000.123_456}), "RFC 7519 allows it"),
        ("no iat", json!({"iat": null}), "main does not limit the age"),
        ("no sub", json!({"sub": null}), "a rule without owner does not need it"),
        ("a jti", json!({"jti": "3f0c"}), "not revoked"),
        ("a jti like a revoked one", json!({"jti": "stolen "}), "ids are compared exactly"),
        ("mallory, later", json!({"sub": "mallory", "iat": 1_760_000_000}), "issued after the time of the revocation"),
        ("other letters", json!({"sub": "Zoë 山田", "name": "\u{1f512}"}), "JSON is UTF-8"),
        ("names with slashes", json!({"https://idp.example/roles": ["user"], "a~b": 1}), "any name"),
        (
            "nested claims",
            json!({"realm_access": {"roles": ["user", "admin"]}, "x": {"roles": []}}),
            "no member comes twice",
        ),
        ("many claims", json!({"groups": (0..100).map(|n| format!("group-{n}")).collect::<Vec<_>>()}), "2 KB"),
    ] {
        table.token(&format!("good claims: {name}"), claiming(&patch), ACCEPTED, why);
    }
    let exponent = rs256().payload(claims().to_string().replace("4102444800", "4.1024448e9"));
    table.token("good claims: exp with an exponent", signed(&exponent), ACCEPTED, "a number all the same");
    let blanks = rs256().payload(format!("\n{:#}\n", claims_with(&json!({}))));
    table.token("good claims: blanks", signed(&blanks), ACCEPTED, "blanks are JSON, too");
}
