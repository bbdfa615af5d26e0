#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{MAX_NAME, MAX_PAIRS, QueryFault, may_have, only};

fn id(query: &str) -> Result<Option<String>, QueryFault> {
    only(query.as_bytes(), "id").map(|value| value.map(std::borrow::Cow::into_owned))
}

// What is refused is in the table of evasions (testdata/ownership/evasions.json).

#[test]
fn a_value_is_decoded_once() {
    for (query, expected) in [
        ("", None),
        ("a=b", None),
        ("id=1", Some("1")),
        ("a&id=1&b=id", Some("1")),
        ("%69%64=%31", Some("1")),
        ("id", Some("")),
        ("id=", Some("")),
        ("id=a=b==", Some("a=b==")),
        ("id=a%3Db", Some("a=b")),
        ("id=%C3%A9é", Some("éé")),
        ("id=100%25", Some("100%")),
        ("id=a%2Bb%20c", Some("a+b c")),
        ("id=a/b?c:@!$'()*,", Some("a/b?c:@!$'()*,")),
        ("_id=2&id=1&ids=3&idx", Some("1")),
    ] {
        assert_eq!(id(query), Ok(expected.map(str::to_owned)), "{query}");
    }
}

#[test]
fn a_plain_value_is_borrowed() {
    assert!(matches!(only(b"a=1&id=42", "id"), Ok(Some(std::borrow::Cow::Borrowed("42")))));
}

#[test]
fn bytes_that_are_no_query_are_ambiguous() {
    for query in [b"id=1\xff".as_slice(), b"id=1 ", b"id=1\t", b"id=1\0", b"id=1\x7f", b"a=\xc3&id=1"] {
        assert_eq!(only(query, "id"), Err(QueryFault::Ambiguous), "{query:?}");
    }
}

#[test]
fn pairs_and_names_are_limited() {
    let pairs = |count: usize| "a&".repeat(count - 1) + "id=1";
    assert_eq!(id(&pairs(MAX_PAIRS)), Ok(Some("1".to_owned())));
    assert_eq!(id(&pairs(MAX_PAIRS + 1)), Err(QueryFault::Ambiguous));
    let name = |length: usize| format!("{}&id=1", ".".repeat(length));
    assert_eq!(id(&name(MAX_NAME)), Ok(Some("1".to_owned())));
    assert_eq!(id(&name(MAX_NAME + 1)), Err(QueryFault::Ambiguous));
}

#[test]
fn a_parameter_may_be_there_in_any_reading() {
    for (query, expected) in [
        ("_method=x", true),
        ("a;_method", true),
        ("%5fMETHOD", true),
        ("%&%5fmethod%", false),
        ("_method[x]=1", true),
        ("_method.x=1", true),
        ("%00_method", false),
        ("_method%00x", true),
        ("a=_method", false),
        ("method", false),
        ("", false),
    ] {
        assert_eq!(may_have(query.as_bytes(), "_method"), expected, "{query}");
    }
    assert!(may_have(b"_method\xff=1&_method=1", "_method"));
    assert!(may_have(("_method[".to_owned() + &"x".repeat(10_000)).as_bytes(), "_method"));
}
