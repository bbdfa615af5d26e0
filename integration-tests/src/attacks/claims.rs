//! Claims that are none, or not good for here and now.

use serde_json::{Value, json};

use super::{Table, claiming, internal, rs256, secret, signed};
use crate::mint::{Key, Token, claims, claims_with};

/// 2001.
const PAST: u64 = 1_000_000_000;

/// 2090.
const FUTURE: u64 = 3_786_912_000;

pub(super) fn add(table: &mut Table) {
    broken(table);
    duplicates(table);
    types(table);
    issuer(table);
    audience(table);
    time(table);
    revoked(table);
}

/// The good claims as text with this put in front.
fn text(first: &str) -> String {
    let good = claims().to_string();
    format!("{{{first}{}", good.strip_prefix('{').expect("an object"))
}

fn broken(table: &mut Table) {
    let expect = "token_claims_invalid";
    let good = claims().to_string();
    for (name, payload) in [
        ("an array", format!("[{good}]")),
        ("a text", json!(good).to_string()),
        ("a number", "1".to_owned()),
        ("null", "null".to_owned()),
        ("true", "true".to_owned()),
        ("an empty list", "[]".to_owned()),
        ("no JSON", "iss=https://idp.example&sub=alice".to_owned()),
        ("a token inside", signed(&rs256())),
        ("half an object", good.trim_end_matches('}').to_owned()),
        ("an object and more", format!("{good}x")),
        ("two objects", format!("{good}{good}")),
        ("a NUL after it", format!("{good}\0")),
        ("a byte order mark", format!("\u{feff}{good}")),
        ("a trailing comma", format!("{},}}", good.trim_end_matches('}'))),
        ("a raw tab in a text", text("\"x\":\"\t\",")),
        ("a raw NUL in a text", text("\"x\":\"\0\",")),
        ("half a surrogate", text(r#""x":"\udc00","#)),
        ("an unknown escape", text(r#""x":"\x41","#)),
        ("NaN", text(r#""x":NaN,"#)),
        ("Infinity", text(r#""x":Infinity,"#)),
        ("a number with a leading zero", text(r#""x":01,"#)),
        ("a hexadecimal number", text(r#""x":0x10,"#)),
        ("a number without end", text(&format!(r#""x":1e{},"#, "9".repeat(50)))),
        ("deep nesting", text(&format!(r#""x":{}{},"#, "[".repeat(1000), "]".repeat(1000)))),
        ("deep nesting of objects", text(&format!(r#""x":{}1{},"#, r#"{"x":"#.repeat(500), "}".repeat(500)))),
    ] {
        let token = signed(&rs256().payload(payload));
        table.token(&format!("claims: {name}"), token, expect, "claims are one JSON object");
    }
    let latin1 = [b"{\"sub\":\"al\xefce\",".as_slice(), &good.as_bytes()[1..]].concat();
    table.token("claims: no UTF-8", signed(&rs256().payload(latin1)), expect, "JSON is UTF-8");
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    table.token("claims: UTF-16", signed(&rs256().payload(utf16)), expect, "JSON is UTF-8");
    let surrogates = [b"{\"x\":\"\xed\xa0\x80\",".as_slice(), &good.as_bytes()[1..]].concat();
    table.token("claims: a surrogate in UTF-8", signed(&rs256().payload(surrogates)), expect, "no character");
    let deflated = b"\x78\x9c\xab\x56\x2a\x2e\x4d\x52\xb2\x52\x4a\xcc\xc9\x4c\x4e\x55\xaa\x05\x00\x2c\x28\x05\x35";
    let token = signed(&rs256().header(&json!({"zip": "DEF"})).payload(deflated.as_slice()));
    table.token("claims: compressed", token, expect, "zip is for JWE");
}

fn duplicates(table: &mut Table) {
    for (name, first) in [
        ("sub", r#""sub":"bob","#),
        ("sub, equal", r#""sub":"alice","#),
        ("sub in escapes", r#""\u0073ub":"bob","#),
        ("exp", r#""exp":1000000000,"#),
        ("iss", r#""iss":"internal","#),
        ("aud", r#""aud":"other-api","#),
        ("roles", r#""roles":["user"],"roles":["admin"],"#),
        ("deep inside", r#""realm_access":{"roles":[],"r\u006fles":["admin"]},"#),
        ("in a list", r#""x":[{"y":1,"y":2}],"#),
    ] {
        let token = signed(&rs256().payload(text(first)));
        let why = "two readers would read it in two ways";
        table.token(&format!("twice in the claims: {name}"), token, "token_duplicate_member", why);
    }
}

fn types(table: &mut Table) {
    let expect = "token_claims_invalid";
    for claim in ["exp", "nbf", "iat"] {
        for (name, value) in [
            ("a text", json!("4102444800")),
            ("true", json!(true)),
            ("a list", json!([4_102_444_800_u64])),
            ("an object", json!({"$gt": 0})),
            ("negative", json!(-1)),
            ("in milliseconds", json!(4_102_444_800_000_u64)),
            ("huge", json!(1e300)),
            ("the largest integer", json!(u64::MAX)),
        ] {
            let token = claiming(&json!({claim: value}));
            table.token(&format!("{claim} {name}"), token, expect, "a number of seconds within the calendar");
        }
        let with = |value: &str| signed(&rs256().payload(without(claim, value)));
        table.token(&format!("{claim} null"), with("null"), expect, "null is not absent");
        table.token(&format!("{claim} too large for a number"), with("1e999"), expect, "no infinity in JSON");
    }
    for claim in ["iss", "sub", "jti"] {
        for (name, value) in [
            ("a number", "1"),
            ("null", "null"),
            ("a list", r#"["https://idp.example"]"#),
            ("an object", r#"{"a":"https://idp.example"}"#),
            ("false", "false"),
        ] {
            let token = signed(&rs256().payload(without(claim, value)));
            table.token(&format!("{claim} {name}"), token, expect, "is text");
        }
    }
    for (name, value) in [
        ("a number", "1"),
        ("null", "null"),
        ("an object", r#"{"orders-api":true}"#),
        ("true", "true"),
        ("a list of numbers", "[1,2]"),
        ("a list with a good one and a number", r#"["orders-api",1]"#),
        ("a list with a good one and null", r#"["orders-api",null]"#),
        ("a list in a list", r#"[["orders-api"]]"#),
    ] {
        let token = signed(&rs256().payload(without("aud", value)));
        table.token(&format!("aud {name}"), token, expect, "is text or a list of texts");
    }
}

/// The good claims as text, with this value for one of them.
fn without(claim: &str, value: &str) -> String {
    let mut good = claims();
    good.as_object_mut().expect("an object").retain(|name, _| name != claim);
    let good = good.to_string();
    format!("{{\"{claim}\":{value},{}", good.strip_prefix('{').expect("an object"))
}

fn issuer(table: &mut Table) {
    let expect = "token_issuer_mismatch";
    for (iss, why) in [
        ("https://idp.example/", "a slash at the end"),
        ("https://IDP.example", "upper case: compared as text, not as an address"),
        ("HTTPS://idp.example", "upper case: compared as text, not as an address"),
        ("http://idp.example", "another scheme"),
        ("idp.example", "no scheme"),
        ("https://idp.example.", "a dot at the end"),
        ("https://idp.example:443", "the port that is meant anyway"),
        ("https://idp.example.evil.example", "the issuer and more"),
        ("https://idp.exampl", "the beginning of the issuer"),
        ("https://evil.example/https://idp.example", "the issuer at the end"),
        ("https://idp.example@evil.example", "the issuer as userinfo"),
        ("https://idp.example/realms/other", "another realm"),
        ("https://idp.example#", "an empty fragment"),
        (" https://idp.example", "a blank before it"),
        ("https://idp.example\0", "a NUL behind it"),
        ("https://idp.example\n", "a line end behind it"),
        ("https://\u{456}dp.example", "a Cyrillic letter"),
        ("https://idp.example\u{200b}", "a blank of no width"),
        ("https://evil.example", "somebody else"),
        ("", "empty"),
        ("*", "a pattern"),
    ] {
        table.token(&format!("iss {iss:?}"), claiming(&json!({"iss": iss})), expect, why);
    }
    table.token("no iss", claiming(&json!({"iss": null})), expect, "nobody said so");
    let token = signed(&rs256().payload(text("").replace("\"iss\"", "\"ISS\"")));
    table.token("iss in upper case", token, expect, "names of claims are compared exactly");
}

fn audience(table: &mut Table) {
    let expect = "token_audience_mismatch";
    for (name, aud) in [
        ("another", json!("billing-api")),
        ("in upper case", json!("ORDERS-API")),
        ("the beginning", json!("orders")),
        ("and more", json!("orders-api-admin")),
        ("a blank behind it", json!("orders-api ")),
        ("two in one text", json!("orders-api billing-api")),
        ("two in one text, with a comma", json!("billing-api,orders-api")),
        ("a NUL behind it", json!("orders-api\0")),
        ("a Cyrillic letter", json!("\u{43e}rders-api")),
        ("a pattern", json!("*")),
        ("the issuer", json!("https://idp.example")),
        ("empty", json!("")),
        ("an empty list", json!([])),
        ("a list of others", json!(["billing-api", "account"])),
        ("a list of one empty", json!([""])),
        ("a long list of others", json!((0..200).map(|n| format!("api-{n}")).collect::<Vec<_>>())),
        ("missing", Value::Null),
    ] {
        let why = "made for another service, or for none";
        table.token(&format!("aud {name}"), claiming(&json!({"aud": aud})), expect, why);
    }
}

fn time(table: &mut Table) {
    for (name, patch, expect, why) in [
        ("no exp", json!({"exp": null}), "token_expiry_missing", "good for ever"),
        ("Exp in upper case", json!({"exp": null, "Exp": 4_102_444_800_u64}), "token_expiry_missing", "no such claim"),
        ("expired in 2001", json!({"exp": PAST}), "token_expired", "late"),
        ("expired, a decimal", json!({"exp": 1_000_000_000.5}), "token_expired", "late"),
        ("expired in 1970", json!({"exp": 0}), "token_expired", "0 is a time, not no time"),
        ("expired, a tiny number", json!({"exp": 1e-300}), "token_expired", "a time, too"),
        ("expired before it was issued", json!({"exp": PAST, "iat": PAST + 1}), "token_expired", "late"),
        ("nbf in 2090", json!({"nbf": FUTURE}), "token_not_yet_valid", "early"),
        ("nbf after exp", json!({"nbf": 4_102_444_801_u64}), "token_not_yet_valid", "never good"),
        ("nbf in 2090, a decimal", json!({"nbf": 3_786_912_000.25}), "token_not_yet_valid", "early"),
        ("iat in 2090", json!({"iat": FUTURE}), "token_issued_in_future", "nobody has issued it yet"),
    ] {
        table.token(name, claiming(&patch), expect, why);
    }
    for (name, patch, expect) in [
        ("too old", json!({"iat": 1}), "token_too_old"),
        ("iat missing where age counts", json!({"iat": null}), "token_issued_at_missing"),
        ("expired, internal", json!({"exp": PAST}), "token_expired"),
    ] {
        let token = internal(&patch).sign(&Key::from_secret(secret()));
        table.token(name, token, expect, "the provider internal limits the age");
    }
    for (alg, name) in [("ES256", "p256-1"), ("EdDSA", "ed25519-1"), ("PS256", "rsa-1")] {
        let token = Token::new(alg, &claims_with(&json!({"exp": PAST}))).kid(name).sign(&Key::load(name));
        table.token(&format!("expired, {alg}"), token, "token_expired", "late, whoever signed it");
    }
}

fn revoked(table: &mut Table) {
    let expect = "token_revoked";
    table.token("jti revoked", claiming(&json!({"jti": "stolen"})), expect, "this token");
    let token = claiming(&json!({"sub": "mallory"}));
    table.token("subject revoked", token, expect, "issued before the time from which mallory's tokens are good");
    let token = claiming(&json!({"sub": "mallory", "iat": null}));
    table.token("subject revoked, no iat", token, expect, "does not say that it is newer");
    let token = rs256().kid("rsa-stolen").sign(&Key::load("rsa-2"));
    table.token("key revoked", token, expect, "all tokens of a key");
    let token = signed(&rs256().payload(text(r#""jti":"\u0073tolen","#)));
    table.token("jti revoked, in escapes", token, expect, "the text counts, not its spelling");
    let token = rs256().claims(&claims_with(&json!({"jti": "stolen", "x": 1}))).sign(&super::rsa());
    table.token("jti revoked, other claims", token, expect, "the id counts, not the token's text");
}
