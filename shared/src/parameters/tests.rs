mod bodies;
#[cfg(not(target_arch = "wasm32"))]
mod properties;

use std::rc::Rc;

use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Inputs, ParameterSet, Problem, Reason, Tools, Wanted};
use crate::{
    json::{Limits, Part, Tape},
    media::MediaType,
    openapi::{Location, Parameter, ParameterKind, Style},
    request::Headers,
    schema::{Budget, Compiler, Dialect, Direction, SchemaId, Schemas, Settings},
};

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
    /// What was read last, where nothing is wrong; none if nothing was judged.
    #[serde(default, deserialize_with = "present")]
    value: Option<Json>,
    /// Such as `repeated query id`, in order; with the keyword where the schema is broken.
    #[serde(default)]
    problems: Vec<String>,
}

/// Tells a null from nothing.
fn present<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(text).map(Some)
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

/// Compiles schemas.
fn compile(schemas: &[&Json]) -> (Schemas, Vec<SchemaId>) {
    let document = Part::from(&json!(schemas));
    let settings = Settings { formats: true, closed: false, closed_responses: false };
    let mut compiler = Compiler::new(document.clone(), Dialect::OpenApi31, settings, &[]);
    let ids = document.value().elements().map(|schema| compiler.schema(schema, "", Direction::Request)).collect();
    let (schemas, faults, warnings) = compiler.finish();
    assert_eq!((faults, warnings), (Vec::new(), Vec::new()));
    (schemas, ids)
}

fn set(parameters: &[Json], wanted: Wanted) -> (ParameterSet, Schemas) {
    let content =
        |text: &Json| text["content"].as_object().map(|content| content.iter().next().unwrap().1["schema"].clone());
    let schema = |text: &Json| text.get("schema").cloned().or_else(|| content(text)).filter(|schema| !schema.is_null());
    let texts: Vec<_> = parameters.iter().map(|text| schema(text).unwrap_or(Json::Bool(true))).collect();
    let (schemas, ids) = compile(&texts.iter().collect::<Vec<_>>());
    let parameters: Vec<_> =
        parameters.iter().zip(ids).map(|(text, id)| parameter(text, schema(text).map(|_| id))).collect();
    (ParameterSet::new(&parameters, wanted, &schemas), schemas)
}

fn parameter(text: &Json, schema: Option<SchemaId>) -> Rc<Parameter> {
    let location = location(text["in"].as_str().unwrap());
    let style = text["style"].as_str().map_or(Style::of(location), style);
    let is = |name: &str| text[name].as_bool() == Some(true);
    let kind = match (text["content"].as_object(), schema) {
        (Some(content), schema) => {
            let name = content.keys().next().unwrap();
            ParameterKind::Content(MediaType::parse(name.as_bytes()).unwrap(), schema)
        }
        (None, Some(schema)) => ParameterKind::Schema(schema),
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

/// The value that was read last, and what is wrong.
fn check(case: &Case) -> (Option<Json>, Vec<String>) {
    let wanted = Wanted { query: case.unknown, headers: case.unknown, cookies: case.unknown };
    let (set, schemas) = set(&case.parameters, wanted);
    let headers: Vec<_> = case.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let mut path = case.path.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let query = case.query.as_deref().map(str::as_bytes);
    run((&set, &schemas), Inputs { path: &mut path, query, headers: &Headers::Listed(&headers) }, 10_000)
}

fn run(
    (set, schemas): (&ParameterSet, &Schemas),
    mut inputs: Inputs<'_, '_>,
    budget: u32,
) -> (Option<Json>, Vec<String>) {
    let mut problems = Vec::new();
    let tape = &mut Tape::default();
    let mut tools = Tools { schemas, tape, limits: &LIMITS, budget: &mut Budget(budget), most: 10 };
    set.check(&mut inputs, &mut tools, &mut |problem| problems.push(render(&problem)));
    ((!tape.is_empty()).then(|| tape.built().to_serde()), problems)
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
        let (value, problems) = check(case);
        let is_expected = problems == case.problems && (value == case.value || !problems.is_empty());
        (!is_expected).then(|| format!("{}: {problems:?}, {value:?}", case.name))
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
    let text = |place: &str| json!({ "name": "a", "in": place, "schema": { "type": "string" } });
    let (set, schemas) = set(&["path", "query", "header", "cookie"].map(text), Wanted::default());
    let headers = [("a".to_owned(), b"\xff".to_vec()), ("cookie".to_owned(), b"b=\xff; a=\xff".to_vec())];
    let mut path = [("a", &b"\xff"[..])].into_iter();
    let inputs = Inputs { path: &mut path, query: Some(b"a=\xff"), headers: &Headers::Listed(&headers) };
    let (_, problems) = run((&set, &schemas), inputs, 100);
    assert_eq!(problems, ["malformed path a", "malformed query", "malformed header a", "malformed cookie"]);
}

/// What is wrong with a query for one parameter.
fn query(text: &str, schema: &Json, budget: u32) -> Vec<String> {
    let parameter = json!({ "name": "a", "in": "query", "explode": false, "schema": schema });
    let (set, schemas) = set(&[parameter], Wanted::default());
    let inputs = Inputs { path: &mut std::iter::empty(), query: Some(text.as_bytes()), headers: &Headers::Listed(&[]) };
    run((&set, &schemas), inputs, budget).1
}

#[test]
fn all_is_bounded() {
    let array = json!({ "type": "array" });
    let object = json!({ "type": "object" });
    let pairs = |count: usize| vec!["b=1"; count].join("&");
    assert!(query(&pairs(256), &array, 100).is_empty());
    assert_eq!(query(&pairs(257), &array, 100), ["malformed query"]);
    assert!(query(&format!("a={}", vec!["1"; 20_000].join(",")), &array, 100_000).is_empty());
    let members = |count: usize| {
        let all: Vec<_> = (0..count).map(|name| format!("{name},1")).collect();
        format!("a={}", all.join(","))
    };
    assert!(query(&members(256), &object, 10_000).is_empty());
    assert_eq!(query(&members(257), &object, 10_000), ["malformed query a"]);
    assert!(query(&format!("{}=1", "x".repeat(256)), &array, 100).is_empty());
    assert_eq!(query(&format!("{}=1", "x".repeat(257)), &array, 100), ["malformed query"]);
}

#[test]
fn work_is_bounded() {
    let schema = json!({ "type": "array", "uniqueItems": true });
    let text = format!("a={}", vec!["1"; 1000].join(","));
    assert_eq!(query(&text, &schema, 10), ["too complex query a"]);
    assert_eq!(query(&text, &schema, 1_000_000), ["invalid query a uniqueItems"]);
}

#[test]
fn unknown_names_are_told_short_and_printable() {
    let told = Problem::unknown(Location::Query, &format!("a\n\u{202e}{}", "x".repeat(200)));
    assert_eq!(told.name, format!("a\u{fffd}\u{fffd}{}", "x".repeat(125)));
}

#[test]
fn one_cookie_is_found_or_it_is_ambiguous() {
    use super::{AmbiguousCookie, cookie};
    for (header, found) in [
        (&["a=1; b=2"][..], Ok(Some("2"))),
        (&["a=1", "b=\"2\""], Ok(Some("2"))),
        (&["a=1"], Ok(None)),
        (&[], Ok(None)),
        (&["b=1; b=2"], Err(AmbiguousCookie)),
        (&["b=1", "b=1"], Err(AmbiguousCookie)),
        (&["$Version=1; b=2"], Err(AmbiguousCookie)),
        (&["a=b=1"], Ok(None)),
        (&["b.sig=1; bb=3; b=2"], Ok(Some("2"))),
        (&["b=%32%2"], Ok(Some("2%2"))),
        (&["b=\"%32\""], Ok(Some("2"))),
        (&["b= 2 "], Ok(Some("2"))),
        // Read by some servers as `b`, by others not.
        (&["B=1"], Err(AmbiguousCookie)),
        (&["b =1"], Err(AmbiguousCookie)),
        (&["b=2; B=1"], Err(AmbiguousCookie)),
        (&["b= \"2\""], Err(AmbiguousCookie)),
    ] {
        let list: Vec<_> = header.iter().map(|value| ("cookie".to_owned(), value.as_bytes().to_vec())).collect();
        let headers = crate::request::Headers::Listed(&list);
        assert_eq!(cookie(&headers, "b"), found.map(|value| value.map(|value| value.as_bytes().into())), "{header:?}");
    }
}
