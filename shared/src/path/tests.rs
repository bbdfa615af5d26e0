use std::collections::BTreeMap;

use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::config::parse;

use super::{Ambiguity, Case, Match, Normaliser, Overlap, Overlaps, PathBuffer, Template, TemplateError, TemplateSet};

#[cfg(not(target_arch = "wasm32"))]
mod properties;

/// The canonical spelling, or the reason code.
fn outcome(normaliser: &Normaliser, target: &[u8]) -> String {
    let mut buffer = PathBuffer::default();
    normaliser.normalise(target, &mut buffer).map_or_else(|error| error.code().to_owned(), |path| path.to_string())
}

/// A template in the syntax of OpenAPI, or of configurations where it has wildcards.
fn either(text: &str) -> Template {
    if text.contains('*') { text.parse().unwrap() } else { Template::openapi(text).unwrap() }
}

/// A set whose values are its templates' positions.
fn set(templates: &[&str], case: Case) -> TemplateSet<usize> {
    TemplateSet::new(templates.iter().map(|text| either(text)).zip(0..), case)
}

/// What normalising this path yields: a canonical spelling, which starts with a slash, or a reason code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NormaliseCase {
    raw: Option<String>,
    /// For what is not UTF-8.
    raw_hex: Option<String>,
    strict: String,
    lenient: String,
    query: Option<String>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

impl NormaliseCase {
    fn raw(&self) -> Vec<u8> {
        match (&self.raw, &self.raw_hex) {
            (Some(raw), None) => raw.clone().into_bytes(),
            (None, Some(hex)) => hex
                .as_bytes()
                .chunks(2)
                .map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap())
                .collect(),
            _ => panic!("a case has either raw or raw_hex"),
        }
    }
}

fn normalise_cases() -> Vec<NormaliseCase> {
    serde_json::from_str(include_str!("../../testdata/path/normalise.json")).unwrap()
}

#[test]
fn paths_normalise_as_the_table_says() {
    let (strict, lenient) = (Normaliser::strict(), Normaliser::lenient());
    for case in normalise_cases() {
        let raw = case.raw();
        let shown = String::from_utf8_lossy(&raw);
        assert_eq!(outcome(&strict, &raw), case.strict, "strict {shown:?}");
        assert_eq!(outcome(&lenient, &raw), case.lenient, "lenient {shown:?}");
        let mut buffer = PathBuffer::default();
        if let Ok(path) = lenient.normalise(&raw, &mut buffer) {
            assert_eq!(path.query(), case.query.as_deref().map(str::as_bytes), "query of {shown:?}");
        }
    }
}

#[test]
fn the_table_has_every_reason() {
    let cases = normalise_cases();
    for ambiguity in Ambiguity::ALL {
        let seen = cases.iter().any(|case| case.strict == ambiguity.code());
        assert!(seen || *ambiguity == Ambiguity::TooLong, "{ambiguity}");
    }
}

#[test]
fn reasons_are_distinct_and_read_well() {
    let codes: std::collections::BTreeSet<_> = Ambiguity::ALL.iter().map(|ambiguity| ambiguity.code()).collect();
    assert_eq!(codes.len(), Ambiguity::ALL.len());
    let text = Ambiguity::EncodedSlash.to_string();
    assert_eq!(text, "path_encoded_slash: An encoded slash (`%2F`): data, or a separator.");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionsCase {
    options: serde_json::Value,
    raw: String,
    normal: String,
    segments: Option<Vec<String>>,
}

#[test]
fn options_read_paths_as_the_table_says() {
    let cases: Vec<OptionsCase> = serde_json::from_str(include_str!("../../testdata/path/options.json")).unwrap();
    for case in cases {
        let normaliser: Normaliser = parse(case.options.to_string().as_bytes()).unwrap();
        let shown = format!("{} with {}", case.raw, case.options);
        assert_eq!(outcome(&normaliser, case.raw.as_bytes()), case.normal, "{shown}");
        let mut buffer = PathBuffer::default();
        if let (Some(expected), Ok(path)) = (case.segments, normaliser.normalise(case.raw.as_bytes(), &mut buffer)) {
            let segments: Vec<_> = path.segments().collect();
            assert_eq!(segments, expected.iter().map(String::as_bytes).collect::<Vec<_>>(), "{shown}");
        }
    }
}

#[test]
fn the_default_is_strict() {
    assert_eq!(Normaliser::default(), Normaliser::strict());
    assert_eq!(parse::<Normaliser>(b"{}").unwrap(), Normaliser::strict());
    assert!(parse::<Normaliser>(br#"{"control_byte": "resolve"}"#).is_err());
    assert!(parse::<Normaliser>(br#"{"dot_segment": "keep"}"#).is_err());
}

/// Each option is the reason code of its shape without `path_`, so that the event's word can be looked up.
#[test]
fn options_are_named_after_reasons() {
    let options = serde_json::to_value(Normaliser::strict()).unwrap();
    for name in options.as_object().unwrap().keys() {
        let known = Ambiguity::ALL.iter().any(|ambiguity| ambiguity.code() == format!("path_{name}"));
        assert!(known || name == "max_length", "{name}");
    }
}

#[test]
fn a_plain_path_is_borrowed_and_a_buffer_is_used_again() {
    let normaliser = Normaliser::strict();
    let mut buffer = PathBuffer::default();
    let target = b"/users/42?x";
    let path = normaliser.normalise(target, &mut buffer).unwrap();
    assert_eq!(path.segment(1), Some(b"42".as_slice()));
    assert!(target.as_ptr_range().contains(&path.segment(1).unwrap().as_ptr()));
    assert_eq!(normaliser.normalise(b"/%61/b/", &mut buffer).unwrap().to_string(), "/a/b/");
    assert_eq!(normaliser.normalise(b"/a//b", &mut buffer).unwrap_err(), Ambiguity::EmptySegment);
    let path = normaliser.normalise(b"/", &mut buffer).unwrap();
    assert!(path.is_empty() && !path.trailing_slash() && path.segment(0).is_none());
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateCase {
    template: String,
    #[serde(default)]
    names: Vec<String>,
    error: Option<String>,
}

fn check_templates(cases: &str, parse: impl Fn(&str) -> Result<Template, TemplateError>) {
    let cases: Vec<TemplateCase> = serde_json::from_str(cases).unwrap();
    for case in cases {
        match (parse(&case.template), case.error) {
            (Ok(template), None) => {
                assert_eq!(template.to_string(), case.template);
                assert_eq!(template.names().map(|(_, name)| name).collect::<Vec<_>>(), case.names);
            }
            (found, expected) => {
                assert_eq!(found.map_err(|error| error.to_string()), Err(expected.unwrap_or_default()));
            }
        }
    }
}

#[test]
fn templates_parse_as_the_table_says() {
    check_templates(include_str!("../../testdata/path/templates.json"), str::parse);
}

#[test]
fn templates_of_openapi_parse_as_the_table_says() {
    check_templates(include_str!("../../testdata/path/openapi.json"), Template::openapi);
}

#[test]
fn a_template_of_openapi_has_a_bounded_size() {
    let many = |count: usize, part: &str| {
        let parts = (0..count).map(|at| part.replace('#', &at.to_string()));
        Template::openapi(&parts.collect::<String>()).map_err(|error| error.to_string())
    };
    let error = "expected at most 64 segments and 64 variables, found `/a";
    assert!(many(Template::MAX_SEGMENTS, "/a").is_ok());
    assert!(many(Template::MAX_SEGMENTS + 1, "/a").unwrap_err().starts_with(error));
    assert!(many(Template::MAX_VARIABLES / 2, "/a{#}-{b#}").is_ok());
    assert!(many(Template::MAX_VARIABLES / 2 + 1, "/a{#}-{b#}").unwrap_err().starts_with(error));
}

/// The name of a part of a segment is no place for what takes whole segments.
#[test]
fn only_whole_segments_have_a_position() {
    let template = Template::openapi("/a/{id}/{name}.{format}/").unwrap();
    let positions = ["id", "name", "format", "x"].map(|name| template.position(name));
    assert_eq!(positions, [Some(1), None, None, None]);
    assert_eq!(template.names().collect::<Vec<_>>(), [(1, "id"), (2, "name"), (2, "format")]);
}

#[test]
fn a_template_is_a_string_of_bounded_size() {
    let template: Template = parse(b"\"/users/{id}\"").unwrap();
    assert_eq!(template.position("id"), Some(1));
    assert_eq!(serde_json::to_string(&template).unwrap(), "\"/users/{id}\"");
    assert!(parse::<Template>(b"[]").unwrap_err().to_string().contains("as a string"));
    assert!("/a".repeat(Template::MAX_SEGMENTS).parse::<Template>().is_ok());
    let error = "/a".repeat(Template::MAX_SEGMENTS + 1).parse::<Template>().unwrap_err().to_string();
    assert!(error.starts_with("expected at most 64 segments, found `/a/a") && error.len() < 200, "{error}");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchTable {
    templates: Vec<String>,
    /// Letters stand for both cases.
    #[serde(default)]
    insensitive: bool,
    #[serde(default)]
    openapi: bool,
    #[serde(default)]
    options: serde_json::Map<String, serde_json::Value>,
    cases: Vec<MatchCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchCase {
    path: String,
    #[serde(rename = "match")]
    matched: Option<String>,
    #[serde(default)]
    captures: BTreeMap<String, String>,
}

#[test]
fn paths_match_as_the_table_says() {
    let tables: Vec<MatchTable> = serde_json::from_str(include_str!("../../testdata/path/match.json")).unwrap();
    for table in tables {
        let case = if table.insensitive { Case::Insensitive } else { Case::Sensitive };
        let template =
            |text: &String| if table.openapi { Template::openapi(text).unwrap() } else { text.parse().unwrap() };
        let set = TemplateSet::new(table.templates.iter().map(|text| (template(text), ())), case);
        let options: Normaliser = parse(serde_json::Value::from(table.options).to_string().as_bytes()).unwrap();
        for case in table.cases {
            let mut buffer = PathBuffer::default();
            let path = options.normalise(case.path.as_bytes(), &mut buffer).unwrap();
            let found = set.find(&path);
            assert_eq!(found.map(|found| found.template.as_str()), case.matched.as_deref(), "{}", case.path);
            assert_eq!(set.matches_any(&path), case.matched.is_some());
            let captures = found.iter().flat_map(Match::captures);
            let captures = captures.map(|(name, value)| (name.to_owned(), String::from_utf8(value.to_vec()).unwrap()));
            assert_eq!(captures.collect::<BTreeMap<_, _>>(), case.captures, "{}", case.path);
            for (name, value) in &case.captures {
                assert_eq!(found.unwrap().capture(name), Some(value.as_bytes()));
            }
        }
    }
}

#[test]
fn a_refused_value_leaves_the_path_to_the_next_template() {
    let set = set(&["/users/me", "/users/{id}", "/**", "/users/me"], Case::Sensitive);
    let mut buffer = PathBuffer::default();
    let path = Normaliser::strict().normalise(b"/users/me", &mut buffer).unwrap();
    let mut offered = Vec::new();
    let found = set.find_where(&path, |value| {
        offered.push(*value);
        false
    });
    assert!(found.is_none());
    assert_eq!(offered, [0, 3, 1, 2]);
    let found = set.find_where(&path, |value| *value != 0 && *value != 3).unwrap();
    assert_eq!((found.index, found.capture("id"), found.capture("x")), (1, Some(b"me".as_slice()), None));
}

#[test]
fn duplicates_are_the_same_template_under_any_names() {
    let templates = ["/a/{x}", "/a/{y}/", "/a/*", "/A/{x}", "/a/{x}/**", "/a/%7a", "/a/z", "/a/{z}"];
    assert_eq!(set(&templates, Case::Sensitive).duplicates(), [(0, 1), (0, 7), (5, 6)]);
    assert_eq!(set(&templates, Case::Insensitive).duplicates(), [(0, 1), (0, 3), (0, 7), (5, 6)]);
}

#[test]
fn overlaps_are_what_is_never_reached_and_what_crosses() {
    let overlaps = |templates: &[&str]| set(templates, Case::Sensitive).overlaps(9).found;
    let overlap = |winner, loser, unreachable| Overlap { winner, loser, unreachable };
    assert_eq!(overlaps(&["/users/me", "/users/{id}", "/users/**", "/**", "/users/{id}", "/x"]), []);
    assert_eq!(overlaps(&["/a/*", "/a/{x}"]), [overlap(1, 0, true)]);
    assert_eq!(overlaps(&["/a/*/b", "/a/{x}/**"]), [overlap(1, 0, true)]);
    assert_eq!(overlaps(&["/{y}/b", "/a/{x}"]), [overlap(1, 0, false)]);
    assert_eq!(overlaps(&["/a/**", "/{y}/b"]), [overlap(0, 1, false)]);
    assert_eq!(overlaps(&["/a/b", "/a"]), []);
    assert_eq!(set(&["/A/{x}", "/a/*"], Case::Insensitive).overlaps(9).found, [overlap(0, 1, true)]);
}

#[test]
fn mixed_segments_overlap_where_neither_is_a_part_of_the_other() {
    let overlaps = |templates: &[&str]| set(templates, Case::Sensitive).overlaps(9).found;
    let crossing = |winner, loser| Overlap { winner, loser, unreachable: false };
    assert_eq!(
        overlaps(&["/{x}", "/{x}.json", "/a.json", "/{x}-{y}.json", "/b{x}.json", "/{x}.yaml"]),
        [crossing(4, 3)]
    );
    assert_eq!(overlaps(&["/v{x}", "/{x}.json", "/w{x}"]), [crossing(1, 0), crossing(1, 2)]);
    assert_eq!(overlaps(&["/{x}/b", "/{x}.json/{y}"]), [crossing(1, 0)]);
    assert_eq!(overlaps(&["/{x}-{y}", "/{x}-{y}-{z}", "/{x}--{y}"]), [crossing(1, 2)]);
    assert_eq!(set(&["/A{x}", "/a{y}", "/{z}B"], Case::Insensitive).duplicates(), [(0, 1)]);
    assert_eq!(set(&["/{x}/B", "/{x}-Y/{z}"], Case::Insensitive).overlaps(9).found, [crossing(1, 0)]);
}

#[test]
fn no_set_makes_the_search_for_overlaps_long() {
    let many = |make: &dyn Fn(usize) -> String| (0..10_000).map(make).collect::<Vec<_>>();
    let plain = many(&|index| format!("/a{index}/{{x}}/b"));
    let crossing = many(&|index| if index % 2 == 0 { format!("/a{index}/{{x}}") } else { format!("/{{x}}/b{index}") });
    for (texts, found, more) in [(plain, 0, false), (crossing, 64, true)] {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let overlaps = set(&texts, Case::Sensitive).overlaps(64);
        assert_eq!((overlaps.found.len(), overlaps.more), (found, more));
    }
    let mixed = many(&|index| format!("/{{x}}:a{index}"));
    let texts: Vec<_> = mixed.iter().map(String::as_str).collect();
    assert!(set(&texts, Case::Sensitive).overlaps(64).more);
    // No pair is worth telling, and all are to be looked at.
    let wild = many(&|index| if index % 2 == 0 { format!("/a{index}/x") } else { format!("/{{x}}/{{y}}/b{index}/**") });
    let texts: Vec<_> = wild.iter().map(String::as_str).collect();
    assert_eq!(set(&texts, Case::Sensitive).overlaps(64), Overlaps::default());
}
