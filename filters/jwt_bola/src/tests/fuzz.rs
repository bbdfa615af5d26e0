//! Whatever a client sends: nothing panics, and nothing passes that is not signed.
//!
//! `make test` draws a few hundred requests for each property; `PROPTEST_CASES=1000000 cargo test -p jwt_bola fuzz` draws
//! more.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::{policy::Policy, request::Parts};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

use super::{JwtBola, NOW_S, SECRET, config, environment, filter, reason, request, token};

thread_local! {
    /// All places for tokens, all places for ids.
    static GATE: JwtBola = filter(&gate());
}

fn gate() -> Value {
    let mut config = config(&json!([
        { "path": "/token", "auth": ["main"] },
        { "path": "/users/{id}", "auth": ["main"], "owner": [{ "resource": "path.id", "claim": "/sub" }] },
        { "path": "/query", "auth": ["main"], "owner": [{ "resource": "query.id", "claim": "/sub" }] },
        { "path": "/header", "auth": ["main"], "owner": [{ "resource": "header.x-id", "claim": "/sub" }] },
        { "path": "/body", "auth": ["main"], "owner": [{ "resource": "body./user/id", "claim": "/sub" }] },
        { "path": "/claims", "auth": ["main"],
          "require": [{ "claim": "/scope", "any_of": ["read"] }],
          "owner": [{ "resource": "query.id", "claim": "/ids", "compare": "integer" }],
          "exempt": [{ "claim": "/a/b", "any_of": [true, 1, "x"] }] },
    ]));
    config["providers"]["main"]["from"] = json!([
        { "header": "authorization", "scheme": "Bearer" }, { "cookie": "session" }, { "query": "access_token" },
    ]);
    config["providers"]["main"]["claims_to_headers"] = json!({ "x-user-id": "/sub", "x-all": "/a" });
    config["providers"]["main"]["claims_to_filters"] = json!(["/sub", "/a/b"]);
    config["revoked"] = json!({ "jti": ["x"], "subjects": [{ "sub": "m", "issued_before": 5 }] });
    config["enumeration"] = json!({ "objects": 1 });
    config
}

fn said(request: &Parts, body: &[u8]) -> &'static str {
    GATE.with(|gate| reason(gate, request, body))
}

/// Bytes, some of them such as tokens, paths and JSON are made of.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(
        &[
            "Bearer ",
            "bearer",
            " ",
            ",",
            ".",
            "..",
            "=",
            ";",
            "&",
            "?",
            "/",
            "%",
            "%2e",
            "%2F",
            "%25",
            "#",
            "session=",
            "access_token=",
            "id=",
            "eyJhbGciOiJIUzI1NiJ9",
            "eyJhbGciOiJub25lIn0",
            "e30",
            "{",
            "}",
            "[",
            "]",
            "\"",
            ":",
            "null",
            "\\u0000",
            "users",
            "42",
            "\u{e9}",
            "\u{ff0f}",
            "\0",
            "\r\n",
        ][..],
    );
    let piece = prop_oneof![4 => piece.prop_map(|piece| piece.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..4)];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// JSON in which the names of claims and of header parameters come up.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..9_u64).prop_map(|late| Value::from(NOW_S - 2 + late)),
        select(&["https://idp.example", "api", "42", "read", "HS256", "none", "x", "JWT", ""][..])
            .prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), object(inner).prop_map(Value::from)]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = select(
        &[
            "iss", "aud", "sub", "exp", "nbf", "iat", "jti", "scope", "ids", "a", "b", "alg", "kid", "typ", "crit",
            "b64", "jwk", "cty", "keys", "kty", "k",
        ][..],
    );
    vec((name.prop_map(str::to_owned), inner), 0..6).prop_map(|members| members.into_iter().collect())
}

/// Any header and payload, signed well.
fn signed(header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A token that is good until its end.
static GOOD: LazyLock<String> = LazyLock::new(|| token(&json!({ "scope": "read", "ids": [1, 42], "a": { "c": 1 } })));

fn bearer(target: &[u8], token: &[u8]) -> Parts {
    let authorization = [b"Bearer ", token].concat();
    let headers: [(&str, &[u8]); 3] = [(":method", b"GET"), (":path", target), ("authorization", &authorization)];
    Parts { now: NOW_S * 1_000_000_000, ..Parts::new(headers) }
}

proptest! {
    #[test]
    fn nothing_passes_without_a_signature(
        target in prop_oneof![Just(b"/token".to_vec()), bytes()],
        authorization in vec(bytes(), 0..3),
        cookie in vec(bytes(), 0..3),
        other in (select(&["x-user-id", "x_id", "x-id", "content-type", "x-http-method"][..]), bytes()),
        body in bytes(),
    ) {
        let mut headers: Vec<(&str, &[u8])> = vec![(":method", b"GET"), (":path", &target), (other.0, &other.1)];
        headers.extend(authorization.iter().map(|value| ("authorization", value.as_slice())));
        headers.extend(cookie.iter().map(|value| ("cookie", value.as_slice())));
        let request = Parts { now: NOW_S * 1_000_000_000, ..Parts::new(headers) };
        let said = said(&request, &body);
        prop_assert!(!matches!(said, "authorized" | "owner_exempt" | "owner_mismatch" | "object_enumeration"), "{said}");
    }

    #[test]
    fn a_token_like_text_is_no_token(header in object(value()), payload in object(value()), signature in vec(any::<u8>(), 0..80)) {
        let part = |part: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::from(part).to_string());
        let token = format!("{}.{}.{}", part(header), part(payload), URL_SAFE_NO_PAD.encode(signature));
        prop_assert_ne!(said(&bearer(b"/token", token.as_bytes()), b""), "authorized");
    }

    /// Whether the good one is remembered or not.
    #[test]
    fn no_byte_of_a_token_can_be_changed(
        at in any::<Index>(),
        byte in any::<u8>(),
        change in 0..6_u8,
        known in any::<bool>(),
    ) {
        let gate = filter(&gate());
        if known {
            prop_assert_eq!(reason(&gate, &request("GET", "/token", Some(&GOOD)), b""), "authorized");
        }
        let mut token = GOOD.clone().into_bytes();
        let at = at.index(token.len());
        match change {
            0 | 1 => token[at] = byte,
            2 => token[at] ^= 1 << (byte % 8),
            3 => token.insert(at, byte),
            4 => drop(token.remove(at)),
            _ => token.truncate(at),
        }
        // Blanks between the scheme and the token are not part of it.
        let is_same = token.trim_ascii_start() == GOOD.as_bytes() && !token.starts_with(b"\t");
        let said = reason(&gate, &bearer(b"/token", &token), b"");
        prop_assert_eq!(said == "authorized", is_same, "{} {}", said, String::from_utf8_lossy(&token));
    }

    #[test]
    fn two_tokens_do_not_make_a_third(one in 0..3_usize, other in 0..3_usize, third in 0..3_usize) {
        let tokens = [GOOD.clone(), token(&json!({ "sub": "43" })), token(&json!({ "exp": NOW_S - 600 }))];
        let part = |token: usize, part: usize| tokens[token].split('.').nth(part).unwrap().to_owned();
        let mixed = [part(one, 0), part(other, 1), part(third, 2)].join(".");
        let said = said(&bearer(b"/token", mixed.as_bytes()), b"");
        prop_assert_eq!(said == "authorized", other == third && other != 2, "{}", said);
    }

    #[test]
    fn claims_that_are_signed_are_still_judged(
        claims in object(value()),
        aud in select(&["api", "apis", "x"][..]),
        late in 0..70_u64,
        sub in prop_oneof![select(&["42", "43", "", "042"][..]).prop_map(Value::from), (41..44).prop_map(Value::from), value()],
        good in 0..4_u8,
    ) {
        let mut claims = claims;
        if good > 0 {
            claims.insert("iss".to_owned(), json!("https://idp.example"));
            claims.insert("aud".to_owned(), json!(["x", aud]));
            claims.insert("exp".to_owned(), json!(NOW_S + 5 - late));
        }
        if good > 1 {
            claims.insert("ids".to_owned(), json!([sub]));
            claims.insert("scope".to_owned(), json!("write read"));
            claims.retain(|name, _| !matches!(name.as_str(), "sub" | "nbf" | "iat" | "jti"));
        }
        if good > 2 {
            claims.insert("sub".to_owned(), sub);
        }
        let claims = Value::from(claims);
        let token = signed(br#"{"alg":"HS256"}"#, claims.to_string().as_bytes());
        for target in ["/token", "/users/42", "/claims?id=42", "/query?id=42"] {
            let said = said(&bearer(target.as_bytes(), token.as_bytes()), b"");
            if matches!(said, "authorized" | "owner_exempt" | "owner_mismatch") {
                prop_assert_eq!(&claims["iss"], "https://idp.example");
                let is_for = |audience: &Value| audience == "api";
                prop_assert!(is_for(&claims["aud"]) || claims["aud"].as_array().is_some_and(|all| all.iter().any(is_for)));
                prop_assert!(claims["exp"].as_f64().is_some_and(|exp| exp > 1_767_225_539.0));
                prop_assert!(claims["jti"] != "x");
            }
            let owns = |claim: &Value| {
                let owns = |id: &Value| *id == "42" || *id == 42;
                owns(claim) || claim.as_array().is_some_and(|all| all.iter().any(owns))
            };
            match (target, said) {
                ("/users/42" | "/query?id=42", "authorized") => prop_assert_eq!(&claims["sub"], "42"),
                ("/claims?id=42", "authorized") => prop_assert!(owns(&claims["ids"]), "{claims}"),
                _ => {}
            }
        }
    }

    #[test]
    fn any_bytes_may_be_signed(header in bytes(), payload in bytes(), object in object(value()), with_algorithm in any::<bool>()) {
        let good = r#"{"iss":"https://idp.example","aud":"api","exp":1900000000}"#;
        let mut object = object;
        if with_algorithm {
            object.insert("alg".to_owned(), json!("HS256"));
        }
        let object = Value::from(object).to_string();
        for (header, payload) in [
            (header.as_slice(), payload.as_slice()),
            (br#"{"alg":"HS256"}"#, &payload),
            (&header, good.as_bytes()),
        ] {
            prop_assert_ne!(said(&bearer(b"/token", signed(header, payload).as_bytes()), b""), "authorized");
        }
        let said = said(&bearer(b"/token", signed(object.as_bytes(), good.as_bytes()).as_bytes()), b"");
        if said == "authorized" {
            let header: Value = serde_json::from_str(&object).unwrap();
            prop_assert_eq!(&header["alg"], "HS256");
            prop_assert!(["crit", "b64", "jwk"].iter().all(|name| header.get(*name).is_none()));
        }
    }

    #[test]
    fn only_the_path_of_the_object_leads_to_it(target in prop_oneof![
        bytes(),
        bytes().prop_map(|end| [b"/users/".as_slice(), &end].concat()),
        (bytes(), bytes()).prop_map(|(start, end)| [&start, b"/users/42".as_slice(), &end].concat()),
        vec(select(&["/users", "/42", "/4%32", "/u%73ers", "/", "//", "/.", "/..", "/%2e", "?", ";", "/token", "/USERS", "%00"][..]), 0..5)
            .prop_map(|pieces| pieces.concat().into_bytes()),
    ]) {
        if said(&bearer(&target, GOOD.as_bytes()), b"") == "authorized" {
            let path = target.split(|byte| *byte == b'?').next().unwrap();
            let text = std::str::from_utf8(path).unwrap().replace("%32", "2").replace("%73", "s");
            prop_assert!(["/users/42", "/users/42/", "/token", "/token/"].contains(&text.as_str()), "{text}");
        }
    }

    #[test]
    fn only_one_reading_of_a_body_is_enough(body in prop_oneof![
        bytes(),
        value().prop_map(|value| value.to_string().into_bytes()),
        value().prop_map(|value| json!({ "user": { "id": value } }).to_string().into_bytes()),
        (bytes(), bytes()).prop_map(|(start, end)| [&start, br#"{"user":{"id":"42"}}"#.as_slice(), &end].concat()),
    ]) {
        let mut request = bearer(b"/body", GOOD.as_bytes());
        request.headers.push(("content-type".to_owned(), b"application/json".to_vec()));
        let found = said(&request, &body);
        if found == "authorized" {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let id = &body["user"]["id"];
            prop_assert!(*id == "42" || *id == 42, "{id}");
        }
        prop_assert_ne!(found, "owner_not_judged");
    }

    #[test]
    fn no_document_panics(body in prop_oneof![
        bytes(),
        value().prop_map(|value| value.to_string().into_bytes()),
        vec(object(value()), 0..4).prop_map(|keys| json!({ "keys": keys }).to_string().into_bytes()),
    ]) {
        let mut config = gate();
        config["revoked"] = json!({ "remote": { "cluster": "c", "url": "https://idp.example/" } });
        let gate = filter(&config);
        if let Ok(read) = gate.read_document(0, &body) {
            (read.accept)();
        }
        let keys = json!({ "remote": { "cluster": "c", "url": "https://idp.example/" } });
        let main = config["providers"]["main"].as_object_mut().unwrap();
        main.remove("secret");
        main.insert("algorithms".to_owned(), json!(["RS256", "ES256", "EdDSA"]));
        main.insert("jwks".to_owned(), keys);
        prop_assert!(filter(&config).read_document(0, &body).is_err(), "no such key has all it needs");
    }

    #[test]
    fn no_configuration_panics(changes in vec((any::<Index>(), value()), 1..4), text in bytes()) {
        let mut config = gate();
        for (at, value) in changes {
            let pointers = pointers(&config);
            if let Some(place) = config.pointer_mut(&pointers[at.index(pointers.len())]) {
                *place = value;
            }
        }
        let _ = portcullis_adaptor::load::<JwtBola>(config.to_string().as_bytes(), &environment);
        let _ = portcullis_adaptor::load::<JwtBola>(&text, &environment);
    }
}

/// Pointers to all values.
fn pointers(value: &Value) -> Vec<String> {
    let below = |name: &str, value: &Value| -> Vec<String> {
        pointers(value).into_iter().map(|rest| format!("/{name}{rest}")).collect()
    };
    let mut all = vec![String::new()];
    match value {
        Value::Array(values) => {
            all.extend(values.iter().enumerate().flat_map(|(at, value)| below(&at.to_string(), value)));
        }
        Value::Object(members) => all.extend(members.iter().flat_map(|(name, value)| below(name, value))),
        _ => {}
    }
    all
}
