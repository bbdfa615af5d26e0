#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[cfg(not(target_arch = "wasm32"))]
mod differential;

use serde::Deserialize;

use super::{Format, NAMES, NumberFormat};
use crate::schema::decimal::Decimal;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) format: String,
    pub(super) valid: Vec<String>,
    pub(super) invalid: Vec<String>,
}

impl Case {
    /// Each text, and whether it is valid.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&String, bool)> {
        self.valid.iter().map(|text| (text, true)).chain(self.invalid.iter().map(|text| (text, false)))
    }
}

pub(super) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../testdata/schema/formats.json")).unwrap()
}

#[test]
fn formats_accept_what_the_table_says() {
    let cases = cases();
    for case in &cases {
        let format = Format::find(&case.format).unwrap();
        for (text, expected) in case.texts() {
            assert_eq!(format.is_valid(text), expected, "{} {text:?}", case.format);
        }
    }
    for (name, _) in NAMES {
        assert!(cases.iter().any(|case| case.format == name), "{name}");
    }
}

#[test]
fn number_formats_accept_what_the_table_says() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../testdata/schema/number_formats.json")).unwrap();
    for case in &cases {
        let format = NumberFormat::find(&case.format).unwrap();
        for (text, expected) in case.texts() {
            assert_eq!(format.is_valid(&Decimal::parse(text).unwrap()), expected, "{} {text}", case.format);
        }
    }
}

#[test]
fn other_names_are_unknown() {
    for name in ["", "Date", "datetime", "int32", "url", "unix-time"] {
        assert_eq!(Format::find(name), None, "{name}");
    }
    for name in ["", "int", "INT32", "date", "decimal"] {
        assert_eq!(NumberFormat::find(name), None, "{name}");
    }
}
