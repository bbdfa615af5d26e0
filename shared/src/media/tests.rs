#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;
use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{MediaRange, MediaTable, MediaType};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeCase {
    value: String,
    /// What it reads as, or why it does not.
    essence: Option<String>,
    error: Option<String>,
    #[serde(default)]
    parameters: Vec<(String, String)>,
    #[serde(default)]
    json: bool,
    /// `false` where another charset than UTF-8 is named.
    utf8: Option<bool>,
    boundary: Option<String>,
}

#[test]
fn media_types_read_as_the_table_says() {
    let cases: Vec<TypeCase> = serde_json::from_str(include_str!("../../testdata/media/types.json")).unwrap();
    for case in cases {
        match MediaType::parse(case.value.as_bytes()) {
            Err(fault) => assert_eq!((Some(fault.to_string()), None), (case.error, case.essence), "{}", case.value),
            Ok(found) => {
                assert_eq!((None, Some(found.essence())), (case.error, case.essence.as_deref()), "{}", case.value);
                let parameters = case.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                assert!(found.parameters().eq(parameters), "{} has {:?}", case.value, found.parameters);
                assert_eq!(found.is_json(), case.json, "{}", case.value);
                assert_eq!(found.is_utf8(), case.utf8.unwrap_or(true), "{}", case.value);
                assert_eq!(found.boundary(), case.boundary.as_deref(), "{}", case.value);
            }
        }
    }
}

#[test]
fn a_media_type_is_ascii_of_bounded_length() {
    for value in [b"text/pl\xffain".as_slice(), b"text/plain;a=\xff", b"text/plain;a=\"\xc3\x28\""] {
        assert!(MediaType::parse(value).is_err());
    }
    let of_length = |length: usize| format!("text/{}", "a".repeat(length - 5));
    assert!(MediaType::parse(of_length(MediaType::MAX_BYTES).as_bytes()).is_ok());
    assert!(MediaType::parse(of_length(MediaType::MAX_BYTES + 1).as_bytes()).is_err());
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableCase {
    ranges: Vec<String>,
    /// Media types, each with the range that is chosen for it.
    cases: Vec<(String, Option<String>)>,
}

#[test]
fn the_most_specific_range_is_chosen() {
    let cases: Vec<TableCase> = serde_json::from_str(include_str!("../../testdata/media/ranges.json")).unwrap();
    for case in cases {
        let table = MediaTable::new(case.ranges.iter().map(|range| (range.parse().unwrap(), range.clone())));
        for (media_type, expected) in case.cases {
            let found = table.find(&MediaType::parse(media_type.as_bytes()).unwrap());
            assert_eq!(found, expected.as_ref(), "{media_type} among {:?}", case.ranges);
        }
    }
}

#[test]
fn ranges_that_are_none_are_refused() {
    for text in
        ["", "*", "json", "*/json", "app*/json", "*/*+json", "application/*json", "application/j*", "a/*+*", "a/*+"]
    {
        let fault = text.parse::<MediaRange>().unwrap_err().to_string();
        assert_eq!(fault, "no media type such as `application/json`", "{text}");
    }
    assert!("text/*;q".parse::<MediaRange>().is_err());
}

#[test]
fn a_range_of_one_is_its_media_type() {
    let range: MediaRange = "Application/JSON; Profile=\"A b\"".parse().unwrap();
    assert_eq!(range.media_type(), Some(MediaType::parse(b"application/json;profile=\"A b\"").unwrap()));
    assert_eq!("application/*".parse::<MediaRange>().unwrap().media_type(), None);
    assert!(MediaTable::<()>::default().is_empty() && !MediaTable::new([(range, ())]).is_empty());
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn what_reads_reads_again(value in "[a-cA-C*]{1,3}/[a-c+*]{1,4}( ?;? ?[a-c]{0,2}=?\"?[a-c\\\\ ;,]{0,3}\"?){0,3}") {
        let Ok(found) = MediaType::parse(value.as_bytes()) else { return Ok(()) };
        let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
        let parameters = found.parameters().map(|(name, value)| format!("; {name}={}", quoted(value)));
        let text = found.essence().to_owned() + &parameters.collect::<String>();
        prop_assert_eq!(MediaType::parse(text.as_bytes()), Ok(found.clone()));
        prop_assert!(text.parse::<MediaRange>().unwrap().contains(&found));
    }

    #[test]
    fn no_text_panics(value in any::<Vec<u8>>(), text in ".{0,40}") {
        let _ = MediaType::parse(&value);
        let _ = text.parse::<MediaRange>();
    }
}
