//! `testdata/matcher`: what regexes match, and what is said of those that are refused. In its texts each character is the
//! byte with its number, so that `Ã©` is the UTF-8 of `é`.

use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::matcher::{Kind, Limits, Matcher, Pattern};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "as in the file")]
pub(super) struct Case {
    pub(super) regex: String,
    #[serde(default)]
    pub(super) case_sensitive: bool,
    pub(super) matches: Vec<String>,
    pub(super) others: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {
    pub(super) regex: String,
    pub(super) found: String,
}

pub(super) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../testdata/matcher/regexes.json")).unwrap()
}

pub(super) fn refused() -> Vec<Refused> {
    serde_json::from_str(include_str!("../../../testdata/matcher/refused.json")).unwrap()
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(char).unwrap()).collect()
}

impl Case {
    fn pattern(&self, rule: usize) -> Pattern {
        Pattern { rule, kind: Kind::Regex, text: self.regex.clone(), case_sensitive: self.case_sensitive }
    }

    /// Each text, and whether it matches.
    pub(super) fn texts(&self) -> impl Iterator<Item = (Vec<u8>, bool)> {
        let matches = self.matches.iter().map(|text| (bytes(text), true));
        matches.chain(self.others.iter().map(|text| (bytes(text), false)))
    }
}

#[test]
fn regexes_match_what_the_table_says() {
    assert!(cases().iter().flat_map(Case::texts).count() > 500);
    for case in cases() {
        let matcher = Matcher::new(&[case.pattern(3)], Limits::default()).unwrap();
        for (text, expected) in case.texts() {
            let found: Vec<_> = matcher.hits(&text).iter().collect();
            assert_eq!(found == [3], expected, "{} in {:?}", case.regex, text.escape_ascii().to_string());
        }
    }
}

#[test]
fn regexes_match_alike_alone_and_together() {
    let patterns: Vec<_> = cases().iter().enumerate().map(|(rule, case)| case.pattern(rule)).collect();
    let together = Matcher::new(&patterns, Limits { dfas: 64, ..Limits::default() }).unwrap();
    let alone = |pattern: &Pattern| Matcher::new(std::slice::from_ref(pattern), Limits::default()).unwrap();
    let alone: Vec<_> = patterns.iter().map(alone).collect();
    for (text, _) in cases().iter().flat_map(Case::texts) {
        let expected: Vec<_> =
            alone.iter().flat_map(|matcher| matcher.hits(&text).iter().collect::<Vec<_>>()).collect();
        assert_eq!(together.hits(&text).iter().collect::<Vec<_>>(), expected, "{:?}", text.escape_ascii().to_string());
    }
}

#[test]
fn refusals_say_what_and_where() {
    for Refused { regex, found } in refused() {
        let pattern = Pattern { rule: 0, kind: Kind::Regex, text: regex.clone(), case_sensitive: true };
        let errors = Matcher::new(&[pattern], Limits::default()).expect_err(&regex);
        assert_eq!(errors.len(), 1, "{regex}");
        assert_eq!(errors[0].found, found, "{regex}");
    }
}
