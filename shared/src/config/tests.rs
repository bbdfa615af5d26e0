#![allow(unreachable_pub, reason = "the macros make public types")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Errors, Texts, check_name, parse};
use crate::{config_enum, config_struct};

config_struct! {
    /// An outer object.
    #[derive(Debug, PartialEq)]
    pub struct Outer {
        /// Required.
        pub name: String,
        /// Optional.
        pub inner: Vec<Inner> = Vec::new(),
        /// Optional.
        pub map: Texts = Texts::default(),
    }
}

config_struct! {
    /// An inner object.
    #[derive(Debug, PartialEq, serde::Serialize)]
    pub struct Inner {
        /// Required.
        pub size: u16,
        /// Optional.
        pub kind: Option<Kind> = None,
    }
}

config_enum! {
    /// Big or small.
    pub enum Kind {
        /// Big.
        Big = "big",
        /// Small.
        Small = "small",
    }
}

fn faults(json: &str) -> Vec<String> {
    parse::<Outer>(json.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn good_configuration_is_parsed() {
    let parsed: Outer = parse(br#"{"name":"n","inner":[{"size":1,"kind":"big"}],"map":{"a":"1"}}"#).unwrap();
    assert_eq!(parsed.inner, [Inner { size: 1, kind: Some(Kind::Big) }]);
}

#[test]
fn each_fault_has_path_expected_and_found() {
    for (json, fault) in [
        ("", "$: expected a JSON object, found nothing"),
        ("  \n", "$: expected a JSON object, found nothing"),
        (r#"["n"]"#, "$: expected an object, found an array"),
        ("null", "$: expected an object, found null"),
        (r#"{"name":1}"#, "$.name: expected a string, found 1"),
        (r#"{"inner":[]}"#, "$: expected key `name`, found none"),
        (r#"{"name":"n","inner":{}}"#, "$.inner: expected an array, found an object"),
        (
            r#"{"name":"n","inner":[{"size":70000}]}"#,
            "$.inner[0].size: expected a whole number from 0 to 65535, found 70000",
        ),
        (
            r#"{"name":"n","inner":[{"size":1.5}]}"#,
            "$.inner[0].size: expected a whole number from 0 to 65535, found 1.5",
        ),
        (
            r#"{"name":"n","inner":[{"size":1,"kind":"huge"}]}"#,
            r#"$.inner[0].kind: expected one of `big`, `small`, found "huge""#,
        ),
        (
            r#"{"name":"n","inner":[{"size":1,"colour":2}]}"#,
            "$.inner[0].colour: expected one of `size`, `kind`, found unknown key `colour`",
        ),
        (r#"{"name":"n","map":{"a b":true}}"#, "$.map.a b: expected a string, found true"),
    ] {
        assert_eq!(faults(json), [fault], "{json}");
    }
}

#[test]
fn all_faults_are_given_at_once() {
    let found = faults(r#"{"name":1,"colour":2,"inner":[{"size":"x"},{"size":2},{}]}"#);
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn what_serde_would_let_pass_is_a_fault() {
    for json in [
        r#"{"name":"n"} x"#,
        r#"{"name":"n"}{}"#,
        r#"{"name":"n","name":"m"}"#,
        r#"{"name":"n","map":{"a":"1","a":"2"}}"#,
        r#"{"name":"n","map":{"a":"1","\u0061":"2"}}"#,
        r#"{"name":"n",}"#,
        r#"{"name":"\ud800"}"#,
        "\u{feff}{\"name\":\"n\"}",
    ] {
        assert_eq!(faults(json).len(), 1, "{json}");
        assert!(faults(json)[0].starts_with("$: expected a JSON object, found "), "{:?}", faults(json));
    }
    assert!(parse::<Outer>(b"{\"name\":\"\xA1\"}").is_err());
}

#[test]
fn a_bottomless_document_is_a_fault() {
    assert!(parse::<Outer>("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn names_fit_labels() {
    for (name, good) in [("a", true), ("A-1._b", true), ("", false), ("-a", false), ("a b", false), ("é", false)] {
        let mut errors = Errors::default();
        check_name(name, "$.name", &mut errors);
        assert_eq!(errors.is_empty(), good, "{name:?}");
    }
}

#[test]
fn the_schema_says_what_the_parser_does() {
    let schema = schemars::schema_for!(Outer).to_value();
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["inner"]["default"], serde_json::json!([]));
    assert_eq!(schema["$defs"]["Inner"]["required"], serde_json::json!(["size"]));
}
