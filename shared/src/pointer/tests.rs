use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::config::parse;

use super::Pointer;

fn pointer(text: &str) -> Pointer {
    text.parse().unwrap()
}

/// The examples of RFC 6901 section 5.
#[test]
fn the_rfcs_examples() {
    let document = json!({
        "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
    });
    assert_eq!(pointer("").lookup(&document), Some(&document));
    assert_eq!(pointer("/foo").lookup(&document), Some(&json!(["bar", "baz"])));
    assert_eq!(pointer("/foo/0").lookup(&document), Some(&json!("bar")));
    for (text, value) in ["/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"].iter().zip(0..) {
        assert_eq!(pointer(text).lookup(&document), Some(&Value::from(value)), "{text}");
    }
}

#[test]
fn what_is_not_there_is_none() {
    let document = json!({"a": ["x", {"b": 1}], "c": "text", "~1": 1});
    for text in ["/b", "/a/2", "/a/00", "/a/01", "/a/+1", "/a/-1", "/a/-", "/a/", "/a/1.0", "/a/1/b/c", "/c/0", "/a/٠"]
    {
        assert_eq!(pointer(text).lookup(&document), None, "{text}");
    }
    assert_eq!(pointer("/a/99999999999999999999999").lookup(&document), None);
    assert_eq!(pointer("/a/1/b").lookup(&document), Some(&json!(1)));
    // Unescaped once.
    assert_eq!(pointer("/~01").lookup(&document), Some(&json!(1)));
}

#[test]
fn what_is_no_pointer_is_refused() {
    let schema = schemars::schema_for!(Pointer);
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap();
    let pattern = regex_automata::dfa::regex::Regex::new(pattern).unwrap();
    for text in ["a", "sub", "#/a", " /a", "a/b", "/~", "/a~", "/~2", "/a~/b", "/~~0"] {
        assert!(text.parse::<Pointer>().is_err(), "{text}");
        assert!(!pattern.is_match(text), "the schema takes {text:?}");
    }
    for text in ["", "/", "//", "/a~0~1b/0"] {
        assert!(text.parse::<Pointer>().is_ok() && pattern.is_match(text), "{text}");
    }
    let error = parse::<Pointer>(br#""sub""#).unwrap_err().to_string();
    assert_eq!(error, r#"$: expected a JSON pointer that starts with `/`, such as `/sub`, found "sub""#);
    assert_eq!(
        parse::<Pointer>(b"1").unwrap_err().to_string(),
        "$: expected a JSON pointer such as `/sub`, as a string, found 1"
    );
}

#[test]
fn a_pointer_is_a_string_of_bounded_size() {
    let parsed: Pointer = parse(br#""/a~1b/0""#).unwrap();
    assert_eq!(serde_json::to_value(&parsed).unwrap(), "/a~1b/0");
    assert_eq!((parsed.len(), parsed.token(0), parsed.token(1), parsed.token(2)), (2, Some("a/b"), Some("0"), None));
    assert!("/a".repeat(Pointer::MAX_TOKENS).parse::<Pointer>().is_ok());
    let error = "/a".repeat(Pointer::MAX_TOKENS + 1).parse::<Pointer>().unwrap_err().to_string();
    assert!(error.starts_with("expected a JSON pointer of at most 32 tokens"), "{error}");
}
