#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Errors, check_name, parse};
use std::collections::BTreeMap;

#[derive(Debug, PartialEq, eserde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    name: String,
    #[serde(default)]
    inner: Vec<Inner>,
    #[serde(default)]
    map: BTreeMap<String, u32>,
}

#[derive(Debug, PartialEq, eserde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    size: u8,
    #[serde(default)]
    kind: Option<Kind>,
}

#[derive(Debug, PartialEq, eserde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Big,
    Small,
}

fn faults(json: &str) -> Vec<String> {
    parse::<Outer>(json.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn good_configuration_is_parsed() {
    let parsed: Outer = parse(br#"{"name":"n","inner":[{"size":1,"kind":"big"}],"map":{"a":1}}"#).unwrap();
    assert_eq!(parsed.inner, [Inner { size: 1, kind: Some(Kind::Big) }]);
}

#[test]
fn each_fault_has_path_expected_and_found() {
    for (json, fault) in [
        ("", "$: expected a JSON object, found nothing"),
        ("  \n", "$: expected a JSON object, found nothing"),
        (r#"["n"]"#, r#"$: expected a JSON object, found "[\"n\"]""#),
        (r#"{"name":1}"#, "$.name: expected a string, found integer `1`"),
        (r#"{"inner":[]}"#, "$: expected key `name`, found none"),
        (r#"{"name":"n","inner":[{"size":300}]}"#, "$.inner[0].size: expected u8, found integer `300`"),
        (
            r#"{"name":"n","inner":[{"size":1,"kind":"huge"}]}"#,
            "$.inner[0].kind: expected `big` or `small`, found `huge`",
        ),
        (
            r#"{"name":"n","inner":[{"size":1,"colour":2}]}"#,
            "$.inner[0].colour: expected `size` or `kind`, found unknown key `colour`",
        ),
        (r#"{"name":"n","map":{"a b":"x"}}"#, r#"$.map.a b: expected u32, found string "x""#),
    ] {
        assert_eq!(faults(json), [fault], "{json}");
    }
}

#[test]
fn all_faults_are_given_at_once() {
    let found = faults(r#"{"name":1,"inner":[{"size":"x"},{"size":2},{}]}"#);
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn what_serde_would_let_pass_is_a_fault() {
    for json in [
        r#"{"name":"n"} x"#,
        r#"{"name":"n"}{}"#,
        r#"{"name":"n","name":"m"}"#,
        r#"{"name":"n","map":{"a":1,"a":2}}"#,
        r#"{"name":"n","map":{"a":1,"\u0061":2}}"#,
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
