mod bodies;
mod mini;
#[cfg(not(target_arch = "wasm32"))]
mod properties;

use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value as Json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Inputs, ParameterSet, Problem, Reason, Tools, Wanted};
use crate::{
    json::{Limits, Tape},
    media::MediaType,
    openapi::{Location, Parameter, ParameterKind, Style},
    request::Headers,
    schema::Budget,
};
use mini::Mini;

pub(super) const LIMITS: Limits = Limits { depth: 8, keys: 100, string_bytes: 1000, number_digits: 20 };

/// A request with its parameters, and what becomes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// As in an OpenAPI document, with the defaults of its place.
    parameters: Vec<Json>,
    #[serde(default)]
    path: Vec<(String, String)>,
    query: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Whether unknown names are told of.
    #[serde(default)]
    unknown: bool,
    /// What was found valid, in order.
    #[serde(default)]
    values: Vec<Json>,
    /// Such as `repeated query id`, in order; with the keyword where the schema is broken.
    #[serde(default)]
    problems: Vec<String>,
}

fn location(name: &str) -> Location {
    match name {
        "path" => Location::Path,
        "query" => Location::Query,
        "header" => Location::Header,
        _ => Location::Cookie,
    }
}

fn style(name: &str) -> Style {
    Style::ALL.into_iter().find(|style| style.as_str() == name).unwrap()
}

fn parameter(text: &Json, mini: &Mini) -> Rc<Parameter> {
    let location = location(text["in"].as_str().unwrap());
    let style = text["style"].as_str().map_or(Style::of(location), style);
    let is = |name: &str| text[name].as_bool() == Some(true);
    let kind = match (text.get("schema"), text.get("content").and_then(Json::as_object)) {
        (Some(schema), _) => ParameterKind::Schema(mini.add(schema)),
        (None, Some(content)) => {
            let (media_type, media) = content.iter().next().unwrap();
            let schema = media.get("schema").map(|schema| mini.add(schema));
            ParameterKind::Content(MediaType::parse(media_type.as_bytes()).unwrap(), schema)
        }
        (None, None) => ParameterKind::Any,
    };
    Rc::new(Parameter {
        location,
        name: text["name"].as_str().unwrap().into(),
        is_required: is("required"),
        style,
        explode: text["explode"].as_bool().unwrap_or(matches!(style, Style::Form | Style::DeepObject)),
        allow_empty: is("allowEmptyValue"),
        allow_reserved: is("allowReserved"),
        kind,
        pointer: "".into(),
    })
}

/// What is found valid, and what is wrong.
fn check(case: &Case) -> (Vec<Json>, Vec<Problem>) {
    let mini = Mini::default();
    let parameters: Vec<_> = case.parameters.iter().map(|text| parameter(text, &mini)).collect();
    let wanted = Wanted { query: case.unknown, headers: case.unknown, cookies: case.unknown };
    let set = ParameterSet::new(&parameters, wanted, &mini);
    let headers: Vec<_> = case.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let mut path = case.path.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut inputs = Inputs {
        path: &mut path,
        query: case.query.as_deref().map(str::as_bytes),
        headers: &Headers::Listed(&headers),
    };
    let mut problems = Vec::new();
    let mut tools =
        Tools { schemas: &mini, tape: &mut Tape::default(), limits: &LIMITS, budget: &mut Budget(100), most: 10 };
    set.check(&mut inputs, &mut tools, &mut |problem| problems.push(problem));
    (mini.valid.take(), problems)
}

fn render(problem: &Problem) -> String {
    let reason = match problem.reason {
        Reason::Missing => "missing",
        Reason::Repeated => "repeated",
        Reason::Malformed => "malformed",
        Reason::Invalid => "invalid",
        Reason::Unknown => "unknown",
        Reason::TooComplex => "too complex",
    };
    let location = match problem.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
        Location::Cookie => "cookie",
    };
    let mut words = vec![reason, location, &problem.name];
    words.extend(problem.violations.iter().map(|violation| violation.keyword));
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

fn judge(table: &str) {
    let cases: Vec<Case> = serde_json::from_str(table).unwrap();
    let failed = cases.iter().filter_map(|case| {
        let (values, problems) = check(case);
        let problems: Vec<_> = problems.iter().map(render).collect();
        let is_expected = problems == case.problems && values == case.values;
        (!is_expected).then(|| format!("{}: {problems:?}, {}", case.name, Json::from(values)))
    });
    assert_eq!(failed.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn styles_are_those_of_the_specification() {
    judge(include_str!("../../testdata/parameters/styles.json"));
}

#[test]
fn texts_are_what_the_schema_takes() {
    judge(include_str!("../../testdata/parameters/coercion.json"));
}

#[test]
fn names_are_matched() {
    judge(include_str!("../../testdata/parameters/names.json"));
}

#[test]
fn cookies_and_headers_are_read_strictly() {
    judge(include_str!("../../testdata/parameters/headers.json"));
}

#[test]
fn what_is_not_utf8_is_malformed() {
    let mini = Mini::default();
    let text = |location: &str| {
        parameter(&serde_json::json!({ "name": "a", "in": location, "schema": { "type": "string" } }), &mini)
    };
    let parameters: Vec<_> = ["path", "query", "header", "cookie"].into_iter().map(text).collect();
    let set = ParameterSet::new(&parameters, Wanted::default(), &mini);
    let headers = [("a".to_owned(), b"\xff".to_vec()), ("cookie".to_owned(), b"b=\xff; a=\xff".to_vec())];
    let mut path = [("a", &b"\xff"[..])].into_iter();
    let mut inputs = Inputs { path: &mut path, query: Some(b"a=\xff"), headers: &Headers::Listed(&headers) };
    let mut problems = Vec::new();
    let tape = &mut Tape::default();
    let mut tools = Tools { schemas: &mini, tape, limits: &LIMITS, budget: &mut Budget(100), most: 10 };
    set.check(&mut inputs, &mut tools, &mut |problem| problems.push(render(&problem)));
    assert_eq!(problems, ["malformed path a", "malformed query", "malformed header a", "malformed cookie"]);
}

fn integers(query: String, schema: &Json) -> Vec<String> {
    let parameters = vec![serde_json::json!({ "name": "a", "in": "query", "explode": false, "schema": schema })];
    let (path, headers) = (Vec::new(), Vec::new());
    let case = Case {
        name: String::new(),
        parameters,
        path,
        query: Some(query),
        headers,
        unknown: false,
        values: Vec::new(),
        problems: Vec::new(),
    };
    check(&case).1.iter().map(render).collect()
}

#[test]
fn all_is_bounded() {
    let array = serde_json::json!({ "type": "array" });
    let object = serde_json::json!({ "type": "object" });
    let pairs = |count: usize| vec!["b=1"; count].join("&");
    assert!(integers(pairs(256), &array).is_empty());
    assert_eq!(integers(pairs(257), &array), ["malformed query"]);
    assert!(integers(format!("a={}", vec!["1"; 20_000].join(",")), &array).is_empty());
    let members = |count: usize| {
        let all: Vec<_> = (0..count).map(|name| format!("{name},1")).collect();
        format!("a={}", all.join(","))
    };
    assert!(integers(members(256), &object).is_empty());
    assert_eq!(integers(members(257), &object), ["malformed query a"]);
    assert!(integers(format!("{}=1", "x".repeat(256)), &array).is_empty());
    assert_eq!(integers(format!("{}=1", "x".repeat(257)), &array), ["malformed query"]);
}

#[test]
fn the_budget_is_for_all_parameters() {
    let mini = Mini::default();
    let text =
        serde_json::json!({ "name": "a", "in": "query", "schema": { "type": ["integer", "string"], "enum": [] } });
    let set = ParameterSet::new(&[parameter(&text, &mini)], Wanted::default(), &mini);
    for (budget, expected) in [(2, Reason::Invalid), (1, Reason::TooComplex)] {
        let mut inputs = Inputs { path: &mut std::iter::empty(), query: Some(b"a=1"), headers: &Headers::Listed(&[]) };
        let mut problems = Vec::new();
        let tape = &mut Tape::default();
        let mut tools = Tools { schemas: &mini, tape, limits: &LIMITS, budget: &mut Budget(budget), most: 10 };
        set.check(&mut inputs, &mut tools, &mut |problem| problems.push(problem.reason));
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn unknown_names_are_told_short_and_printable() {
    let told = Problem::unknown(Location::Query, &format!("a\n\u{202e}{}", "x".repeat(200)));
    assert_eq!(told.name, format!("a\u{fffd}\u{fffd}{}", "x".repeat(125)));
}
