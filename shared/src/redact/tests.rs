#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde_json::Value;

use super::{REDACTED, bytes, header_is_plain, header_is_secret, path, printable, query, text};

const CASES: &str = include_str!("../../testdata/audit/redaction.json");

fn cases(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(CASES).unwrap();
    let cases = all[kind].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn check(kind: &str, redact: impl Fn(&str) -> String) {
    for case in cases(kind) {
        let [from, to] = [0, 1].map(|index| case[index].as_str().unwrap());
        assert_eq!(redact(from), to, "{kind}: {from}");
    }
}

#[test]
fn queries() {
    check("query", |from| query(from.as_bytes()).into_owned());
}

#[test]
fn paths() {
    check("path", |from| path(from.as_bytes()).into_owned());
}

#[test]
fn free_text() {
    check("text", |from| text(from).into_owned());
}

#[test]
fn headers() {
    for (kind, secret, plain) in
        [("secret_headers", true, false), ("plain_headers", false, true), ("other_headers", false, false)]
    {
        for name in cases(kind) {
            let name = name.as_str().unwrap();
            assert_eq!((header_is_secret(name), header_is_plain(name)), (secret, plain), "{name}");
        }
    }
}

#[test]
fn no_plain_header_is_secret() {
    for name in super::PLAIN_HEADERS {
        assert!(!header_is_secret(name), "{name}");
    }
}

#[test]
fn what_is_not_utf8_is_spelt_out() {
    assert_eq!(printable(b"a\xa1\xff b\xc3"), r"a\xA1\xFF b\xC3");
    assert_eq!(query(b"a=\xa1&token=\xff&b=\xe2\x82\xac"), format!(r"a=\xA1&token={REDACTED}&b=€"));
    assert_eq!(query(b"tok\xffen=abc"), format!(r"tok\xFFen={REDACTED}"));
    assert_eq!(bytes(b"\xa1 password=\xff"), format!(r"\xA1 password={REDACTED}"));
}

#[test]
fn long_texts_are_cut() {
    let word = "x".repeat(3000);
    assert_eq!(text(&word), format!("{}…", "x".repeat(2048)));
    assert_eq!(text(&"é".repeat(1025)), format!("{}…", "é".repeat(1024)));
    // Units that are not whole are not shown, for half a secret would not be known.
    let long = format!("password={word}&a=1&b={}&c={word}", "y".repeat(1000));
    assert_eq!(query(long.as_bytes()), format!("password={REDACTED}&a=1&b={}…", "y".repeat(1000)));
    let long = format!("{}&to=//user:{}@host", "x".repeat(2040), "y".repeat(1500));
    assert_eq!(query(long.as_bytes()), format!("{}&to=//[R…", "x".repeat(2040)));
}

#[test]
fn the_cost_is_linear() {
    // 60 KB is what Envoy lets through by default.
    for part in
        ["//", "eyJ-", "eyJaaaaaaaaaaaaaaaaa.", "=", ":\"", "token=", "%25", "Basic ", "%2", "&", "@", "\" = ", "a%3D"]
    {
        let long = part.repeat(60_000 / part.len());
        let _ = (query(long.as_bytes()), path(long.as_bytes()), text(&long));
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::super::{bytes, find, path, query, signs::Signs};

    /// What secrets are made of, and what stands between them.
    const PARTS: &[&str] = &[
        "AKIA",
        "ASIA",
        "SG.",
        "ghp_",
        "xoxb-",
        "sk-",
        "ya29.",
        "0123456789",
        "abcdefghij",
        "AB",
        "x",
        "-",
        "_",
        ".",
        "eyJ",
        "eyAi",
        "hbGciOiJIUzI1NiJ9",
        "-----BEGIN",
        "-----",
        "Basic",
        "bearer",
        "DPoP",
        "negotiate",
        " ",
        "\t",
        "+",
        "=",
        ":",
        "//",
        "/",
        "@",
        "user:pass@",
        "https://",
        "token",
        "key",
        "&",
        "?",
        "\"",
        "\n",
        "é",
    ];

    /// `name` with letters in either case and percent-encoded to a depth of 0 to 3.
    fn disguise(name: &str, seed: &[u8]) -> String {
        let spell = |(index, byte): (usize, u8)| {
            let choice = seed[index % seed.len()];
            let byte = if choice & 1 == 0 { byte } else { byte.to_ascii_uppercase() };
            match (choice >> 1) % 4 {
                0 => char::from(byte).to_string(),
                depth => format!("%{}{byte:02x}", "25".repeat(usize::from(depth) - 1)),
            }
        };
        name.bytes().enumerate().map(spell).collect()
    }

    proptest! {
        #[test]
        fn no_value_of_a_secret_name_gets_through(
            name in prop::sample::select(vec![
                "access_token", "api_key", "password", "user-password", "client_secret", "sig", "code", "x-amz-signature",
            ]),
            seed in prop::collection::vec(any::<u8>(), 1..8),
            value in "[A-Za-z0-9~!*]{8,40}",
            before in "([a-z]{1,5}=[a-z0-9%+;]{0,5}&){0,3}",
            after in "(&[a-z]{1,5}=[a-z0-9]{0,5}){0,3}",
        ) {
            let name = disguise(name, &seed);
            let raw = format!("{before}{name}={value}{after}");
            prop_assert!(!query(raw.as_bytes()).contains(&value), "{raw}");
            let nested = raw.replace('%', "%25").replace('&', "%26").replace('=', "%3D");
            let nested = format!("to=https%3A%2F%2Fx%2F%3F{nested}&z=1");
            prop_assert!(!query(nested.as_bytes()).contains(&value), "{nested}");
            prop_assert!(query(nested.as_bytes()).ends_with("&z=1"), "{nested}");
            prop_assert!(!bytes(raw.as_bytes()).contains(&value), "{raw}");
        }

        #[test]
        fn no_jwt_gets_through(
            payload in "[A-Za-z0-9_-]{4,60}",
            signature in "[A-Za-z0-9_-]{20,43}",
            before in "[ -~]{0,20}",
            after in "([ &/?=].{0,20})?",
        ) {
            let jwt = format!("eyJhbGciOiJFUzI1NiJ9.{payload}.{signature}");
            let raw = format!("{before}{jwt}{after}");
            for redacted in [query(raw.as_bytes()), path(raw.as_bytes()), bytes(raw.as_bytes())] {
                prop_assert!(!redacted.contains(&signature), "{raw}: {redacted}");
            }
        }

        #[test]
        fn what_has_no_sign_has_no_secret(parts in prop::collection::vec(prop::sample::select(PARTS), 0..12)) {
            let text = parts.concat();
            prop_assert_eq!(find(text.as_bytes(), Signs::of(text.as_bytes())), find(text.as_bytes(), Signs::ALL));
        }

        #[test]
        fn any_bytes_give_one_printable_line(raw in prop::collection::vec(any::<u8>(), 0..200)) {
            for redacted in [query(&raw), path(&raw), bytes(&raw)] {
                prop_assert!(!redacted.chars().any(char::is_control), "{redacted}");
            }
        }
    }
}
