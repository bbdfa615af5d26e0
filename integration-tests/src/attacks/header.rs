//! Headers that lie: `none`, other algorithms, keys that the token brings, extensions, types.

use serde_json::{Value, json};

use super::{Table, internal, rs256, rsa, secret, signed};
use crate::mint::{Key, Token, claims};

pub(super) fn add(table: &mut Table) {
    none(table);
    unknown_algorithms(table);
    not_allowed(table);
    embedded_keys(table);
    extensions(table);
    types(table);
    broken(table);
    duplicates(table);
}

fn none(table: &mut Table) {
    let expect = "token_algorithm_none";
    for alg in ["none", "None", "NONE", "nOnE", "noNE"] {
        let token = Token::new(alg, &claims()).signature("");
        table.token(&format!("alg {alg}"), token, expect, "not signed; in whichever case");
    }
    let token = Token::new("none", &claims()).kid("rsa-1");
    table.token("alg none with a kid", token.signature(""), expect, "a key's name does not make it signed");
    table.token("alg none with a signature", signed(&token), expect, "a good signature that nobody would look at");
    let token = Token::new("none", &claims()).header_text(r#"{"alg":"\u006eone","typ":"JWT"}"#);
    table.token("alg none in escapes", token.signature(""), expect, "the text counts, not its spelling");
    table.token(
        "alg none, internal",
        internal(&json!({})).header(&json!({"alg": "none"})).signature(""),
        expect,
        "HMAC's provider, too",
    );
}

fn unknown_algorithms(table: &mut Table) {
    for alg in [
        "",
        " ",
        "none ",
        "nonе",
        "\u{ff4e}one",
        "no",
        "null",
        "rs256",
        "Rs256",
        "RS256 ",
        " RS256",
        "RS256\0",
        "RS256,none",
        "RS1",
        "RS128",
        "ES256K",
        "ES521",
        "eddsa",
        "Ed25519",
        "Ed448",
        "SHA256",
        "HMAC",
        "A128KW",
        "dir",
        "RSA-OAEP",
    ] {
        let token = signed(&rs256().header(&json!({"alg": alg})));
        table.token(&format!("alg {alg:?}"), token, "token_algorithm_unknown", "names are matched exactly");
    }
}

fn not_allowed(table: &mut Table) {
    let expect = "token_algorithm_not_allowed";
    let secrets: [(&str, Vec<u8>); 8] = [
        ("PEM", rsa().public_pem().into()),
        ("PEM without its last line end", rsa().public_pem().trim_end().into()),
        ("PEM of PKCS #1", rsa().public_pkcs1_pem().into()),
        ("DER", rsa().public_der()),
        ("JWK", rsa().public().to_string().into()),
        ("modulus", rsa().modulus()),
        ("modulus in base64url", rsa().public()["n"].as_str().expect("text").into()),
        ("kid", "rsa-1".into()),
    ];
    for (name, bytes) in secrets {
        let token = Token::new("HS256", &claims()).kid("rsa-1").sign(&Key::from_secret(bytes));
        let why = "algorithm confusion: what is public taken for a secret";
        table.token(&format!("HS256 with the {name} of an RSA key"), token, expect, why);
    }
    for (alg, name) in [("HS384", "rsa-1"), ("HS512", "rsa-1"), ("HS256", "p256-1"), ("HS256", "ed25519-1")] {
        let token = Token::new(alg, &claims()).kid(name).sign(&Key::from_secret(Key::load(name).public_der()));
        let why = "algorithm confusion: what is public taken for a secret";
        table.token(&format!("{alg} with the DER of {name}"), token, expect, why);
    }
    let token = Token::new("HS256", &claims()).sign(&Key::from_secret(secret()));
    table.token("the other provider's secret", token, expect, "each provider has its own algorithms and keys");
    let token = Token::new("HS256", &claims()).kid("rsa-1").sign(&Key::from_secret(""));
    table.token("HS256 with no secret", token, expect, "what a key that is not there may become");
    let own = internal(&json!({})).header(&json!({"alg": "RS256", "kid": "rsa-1"})).sign(&rsa());
    table.token("main's key for the issuer internal", own, expect, "a provider's key speaks for that provider alone");
    let other = internal(&json!({})).header(&json!({"alg": "HS512"})).sign(&Key::from_secret(secret()));
    table.token(
        "HS512 where HS256 is allowed",
        other,
        expect,
        "the right secret with an algorithm that is not allowed",
    );
}

fn embedded_keys(table: &mut Table) {
    let expect = "token_key_embedded";
    let theirs = Key::load("rsa-2");
    let certificate = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA";
    let members = [
        ("jwk", json!({"jwk": theirs.public_with(&json!({"kid": "rsa-1"}))}), "the sender's own key"),
        ("jku", json!({"jku": "https://evil.example/jwks.json"}), "an address of the sender's own key set"),
        (
            "jku of the issuer",
            json!({"jku": "https://idp.example/.well-known/jwks.json"}),
            "no address from a token is called",
        ),
        ("jku with userinfo", json!({"jku": "https://idp.example@evil.example/jwks.json"}), "looks like the issuer's"),
        ("jku of the metadata service", json!({"jku": "http://169.254.169.254/latest/meta-data/"}), "request forgery"),
        ("x5u", json!({"x5u": "https://evil.example/cert.pem"}), "an address of the sender's own certificate"),
        ("x5c", json!({"x5c": [certificate]}), "the sender's own certificate"),
        ("empty x5c", json!({"x5c": []}), "no header that brings keys, even none"),
        ("jwk and jku", json!({"jwk": theirs.public(), "jku": "file:///etc/passwd"}), "two at once"),
    ];
    for (name, patch, why) in members {
        table.token(&format!("embedded {name}"), rs256().header(&patch).sign(&theirs), expect, why);
    }
    let patch = json!({"jwk": rsa().public()});
    let why = "even the right key: a token that brings its key is not from this issuer";
    table.token("embedded jwk, the issuer's own", signed(&rs256().header(&patch)), expect, why);
    let token = rs256().header_text(r#"{"alg":"RS256","jwk":null}"#);
    table.token("embedded jwk null", signed(&token), expect, "there at all is enough");
    let patch = json!({"alg": "EdDSA", "kid": null, "jwk": Key::load("ed25519-2").public()});
    table.token(
        "embedded jwk without kid",
        rs256().header(&patch).sign(&Key::load("ed25519-2")),
        expect,
        "no kid, own key",
    );
    let token = rs256().header_text(format!(r#"{{"alg":"RS256","\u006awk":{}}}"#, theirs.public()));
    table.token(
        "embedded jwk in escapes",
        token.sign_as("RS256", &theirs),
        expect,
        "the text counts, not its spelling",
    );
}

fn extensions(table: &mut Table) {
    let expect = "token_critical_unknown";
    for (name, crit) in [
        ("an unknown extension", json!(["urn:example:must-understand"])),
        ("a registered member", json!(["alg"])),
        ("exp", json!(["exp"])),
        ("nothing", json!([])),
        ("a text", json!("exp")),
        ("a number in the list", json!([1])),
        ("a name twice", json!(["a", "a"])),
        ("an object", json!({"exp": true})),
    ] {
        let token = rs256().header(&json!({"crit": crit, "exp": 1, "urn:example:must-understand": true}));
        table.token(&format!("crit with {name}"), signed(&token), expect, "whoever does not know it must refuse");
    }
    let token = rs256().header_text(r#"{"alg":"RS256","kid":"rsa-1","crit":null}"#);
    table.token("crit null", signed(&token), expect, "there at all is enough");
    let unencoded = |value: Value| rs256().header(&json!({"b64": value, "crit": ["b64"]}));
    let expect = "token_payload_unencoded";
    for (name, value) in [("false", json!(false)), ("true", json!(true)), ("text", json!("false"))] {
        let token = signed(&unencoded(value));
        table.token(&format!("b64 {name}"), token, expect, "RFC 7797: payloads that are not encoded are not for JWT");
    }
    let token = rs256().header(&json!({"b64": false}));
    table.token("b64 false without crit", signed(&token), expect, "some read it, some do not");
    let (header, payload) = (unencoded(json!(false)).input(), claims().to_string());
    let (header, _) = header.split_once('.').expect("two parts");
    let signature = crate::mint::encode(rsa().sign("RS256", format!("{header}.{payload}").as_bytes()));
    let detached = format!("{header}..{signature}");
    table.token("b64 false and detached", detached, expect, "its payload would come from elsewhere");
}

fn types(table: &mut Table) {
    let expect = "token_type_unexpected";
    for cty in ["JWT", "jwt", "application/jwt", "at+jwt", "JOSE"] {
        let token = signed(&rs256().header(&json!({"cty": cty})));
        table.token(&format!("cty {cty}"), token, expect, "a token in a token: the claims are not the outer one's");
    }
    for typ in ["at+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE+JSON", "\u{ff2a}WT", "", "JWT "] {
        let token = internal(&json!({})).header(&json!({"typ": typ})).sign(&Key::from_secret(secret()));
        table.token(&format!("typ {typ:?}"), token, expect, "made for another purpose; internal's are JWT");
    }
    let token = internal(&json!({})).header(&json!({"typ": null})).sign(&Key::from_secret(secret()));
    table.token("no typ", token, expect, "a provider that names its types wants one of them");
}

fn broken(table: &mut Table) {
    let expect = "token_header_invalid";
    for (name, header) in [
        ("an array", r#"["RS256"]"#),
        ("a text", r#""RS256""#),
        ("a number", "256"),
        ("null", "null"),
        ("an empty object", "{}"),
        ("no JSON", "alg=RS256"),
        ("half an object", r#"{"alg":"RS256""#),
        ("an object and more", r#"{"alg":"RS256"}x"#),
        ("two objects", r#"{"alg":"RS256"}{"alg":"none"}"#),
        ("a trailing comma", r#"{"alg":"RS256",}"#),
        ("single quotes", "{'alg':'RS256'}"),
        ("a comment", r#"{"alg":"RS256"/*,"alg":"none"*/}"#),
        ("a byte order mark", "\u{feff}{\"alg\":\"RS256\"}"),
        ("a NUL after it", "{\"alg\":\"RS256\"}\0"),
        ("a raw line end in a text", "{\"alg\":\"RS256\",\"x\":\"\n\"}"),
        ("half a surrogate", r#"{"alg":"RS256","x":"\ud800"}"#),
        ("no alg", r#"{"typ":"JWT","kid":"rsa-1"}"#),
        ("Alg in upper case", r#"{"ALG":"RS256","kid":"rsa-1"}"#),
        ("alg null", r#"{"alg":null,"kid":"rsa-1"}"#),
        ("alg a number", r#"{"alg":256,"kid":"rsa-1"}"#),
        ("alg a list", r#"{"alg":["RS256"],"kid":"rsa-1"}"#),
        ("alg an object", r#"{"alg":{"alg":"RS256"},"kid":"rsa-1"}"#),
        ("alg true", r#"{"alg":true,"kid":"rsa-1"}"#),
        ("typ a number", r#"{"alg":"RS256","kid":"rsa-1","typ":1}"#),
        ("typ a list", r#"{"alg":"RS256","kid":"rsa-1","typ":["JWT"]}"#),
        ("cty null", r#"{"alg":"RS256","kid":"rsa-1","cty":null}"#),
    ] {
        let token = signed(&rs256().header_text(header));
        table.token(&format!("header: {name}"), token, expect, "a header is one JSON object with alg as text");
    }
    let deep = format!(r#"{{"alg":"RS256","kid":"rsa-1","x":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
    table.token("header: deep nesting", signed(&rs256().header_text(deep)), expect, "must not eat the stack");
    let open = format!(r#"{{"alg":"RS256","x":{}"#, r#"{"x":"#.repeat(500));
    table.token(
        "header: deep nesting, never closed",
        signed(&rs256().header_text(open)),
        expect,
        "must not eat the stack",
    );
    let latin1 = b"{\"alg\":\"RS256\",\"kid\":\"rsa-1\",\"x\":\"\xe9\"}";
    table.token("header: no UTF-8", signed(&rs256().header_text(latin1.as_slice())), expect, "JSON is UTF-8");
    let utf16: Vec<u8> = r#"{"alg":"RS256"}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
    table.token("header: UTF-16", signed(&rs256().header_text(utf16)), expect, "JSON is UTF-8");
    let overlong = b"{\"\xc1\xa1lg\":\"none\",\"alg\":\"RS256\"}";
    table.token(
        "header: overlong UTF-8",
        signed(&rs256().header_text(overlong.as_slice())),
        expect,
        "two bytes for an a",
    );
}

fn duplicates(table: &mut Table) {
    let expect = "token_duplicate_member";
    for (name, header) in [
        ("alg, none first", r#"{"alg":"none","alg":"RS256","kid":"rsa-1"}"#),
        ("alg, none last", r#"{"alg":"RS256","kid":"rsa-1","alg":"none"}"#),
        ("alg, equal", r#"{"alg":"RS256","alg":"RS256","kid":"rsa-1"}"#),
        ("alg in escapes", r#"{"alg":"RS256","\u0061lg":"none","kid":"rsa-1"}"#),
        ("alg in escapes, upper case", r#"{"\u0061\u006C\u0067":"HS256","alg":"RS256","kid":"rsa-1"}"#),
        ("kid", r#"{"alg":"RS256","kid":"rsa-1","kid":"rsa-2"}"#),
        ("kid in escapes", r#"{"alg":"RS256","kid":"rsa-1","k\u0069d":"rsa-2"}"#),
        ("typ", r#"{"alg":"RS256","kid":"rsa-1","typ":"JWT","typ":"x"}"#),
        ("an unknown member", r#"{"alg":"RS256","kid":"rsa-1","x":1,"x":2}"#),
        ("the empty name", r#"{"alg":"RS256","kid":"rsa-1","":1,"":2}"#),
        ("deep inside", r#"{"alg":"RS256","kid":"rsa-1","x":[{"y":1,"y":2}]}"#),
    ] {
        let token = signed(&rs256().header_text(header));
        table.token(&format!("twice in the header: {name}"), token, expect, "two readers would read it in two ways");
    }
}
