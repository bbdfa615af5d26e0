use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Found, SourceFault, find_in_cookies, find_in_header, find_in_query};

#[cfg(not(target_arch = "wasm32"))]
mod properties;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// With the scheme `Bearer`.
    schemes: Vec<Case>,
    /// Without a scheme.
    headers: Vec<Case>,
    /// For the cookie `session`.
    cookies: Vec<Case>,
    /// For the parameter `access_token`.
    queries: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    values: Vec<String>,
    token: Option<String>,
    /// One of `missing`, `other_scheme`, `malformed` and `multiple`.
    none: Option<String>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

impl Case {
    fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.values.iter().map(String::as_bytes)
    }

    fn check(&self, found: Found<'_>) {
        let expected = match (self.token.as_deref(), self.none.as_deref()) {
            (Some(token), None) => Found::Token(token.as_bytes()),
            (None, Some("missing")) => Found::Missing,
            (None, Some("other_scheme")) => Found::OtherScheme,
            (None, Some("malformed")) => Found::Malformed,
            (None, Some("multiple")) => Found::Multiple,
            _ => panic!("a case has either a token or a word for none: {:?}", self.values),
        };
        assert_eq!(found, expected, "{:?}", self.values);
    }
}

fn table() -> Table {
    serde_json::from_str(include_str!("../../../testdata/jose/sources.json")).unwrap()
}

#[test]
fn tokens_behind_a_scheme_are_found_as_the_table_says() {
    for case in table().schemes {
        case.check(find_in_header(case.values(), Some("Bearer")));
    }
}

#[test]
fn tokens_in_headers_are_found_as_the_table_says() {
    for case in table().headers {
        case.check(find_in_header(case.values(), None));
    }
}

#[test]
fn tokens_in_cookies_are_found_as_the_table_says() {
    for case in table().cookies {
        case.check(find_in_cookies(case.values(), "session"));
    }
}

#[test]
fn tokens_in_queries_are_found_as_the_table_says() {
    for case in table().queries {
        case.check(find_in_query(case.values().next().unwrap(), "access_token"));
    }
}

#[test]
fn a_scheme_and_a_name_are_the_operators_choice() {
    assert_eq!(find_in_header([&b"DPoP abc"[..]], Some("DPoP")), Found::Token(b"abc"));
    assert_eq!(find_in_header([&b"Bearer abc"[..]], Some("DPoP")), Found::OtherScheme);
    assert_eq!(find_in_query(b"a+b=t", "a b"), Found::Token(b"t"));
    assert_eq!(find_in_query(b"a%20b=t", "a b"), Found::Token(b"t"));
    assert_eq!(find_in_query(b"%=t", "%"), Found::Token(b"t"));
    assert_eq!(find_in_query(b"%4=t&%zz=t", "%zz"), Found::Token(b"t"));
}

#[test]
fn bytes_that_are_no_text_are_no_token() {
    assert_eq!(find_in_header([&b"Bearer \xff"[..]], Some("Bearer")), Found::Malformed);
    assert_eq!(find_in_header([&b"\xff"[..]], Some("Bearer")), Found::Malformed);
    assert_eq!(find_in_cookies([&b"session=\x00"[..]], "session"), Found::Malformed);
    assert_eq!(find_in_query(b"\xff=a&access_token=\x80", "access_token"), Found::Malformed);
}

#[test]
fn two_places_are_judged_together() {
    let all = [Found::Missing, Found::OtherScheme, Found::Token(b"t"), Found::Malformed, Found::Multiple];
    for (rank, one) in all.into_iter().enumerate() {
        for other in all.into_iter().take(rank + 1) {
            // The one that comes later in the list, but for two tokens.
            let expected =
                if matches!((one, other), (Found::Token(_), Found::Token(_))) { Found::Multiple } else { one };
            assert_eq!(one.and(other), expected, "{one:?} {other:?}");
            assert_eq!(other.and(one), expected, "{other:?} {one:?}");
        }
    }
}

#[test]
fn what_is_found_is_a_token_or_has_a_reason() {
    for (found, outcome) in [
        (Found::Token(b"t"), Ok(&b"t"[..])),
        (Found::Missing, Err("token_missing")),
        (Found::OtherScheme, Err("token_missing")),
        (Found::Malformed, Err("token_source_malformed")),
        (Found::Multiple, Err("token_source_multiple")),
    ] {
        assert_eq!(found.token().map_err(SourceFault::code), outcome);
    }
}
