#[cfg(all(feature = "encoding", not(target_arch = "wasm32")))]
mod corpus;
mod render;

use std::rc::Rc;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{
    json::{Document, Limits, Part, Tape},
    path::{Case, Normaliser, PathBuffer},
    schema::{Budget, Dialect, Settings},
};

use super::{
    BasePath, Contract, Lookup, ReadSettings, Router,
    inline::{Inline, contract},
    position,
};
use render::{lines, render};

/// How documents are read where a test does not say.
fn settings() -> ReadSettings {
    ReadSettings {
        schema: Settings { formats: true, closed: false, closed_responses: false },
        base_path: BasePath::Servers,
        ignored: Vec::new(),
        responses: false,
        read_only: true,
    }
}

/// A document and what is made of it. The document is read from the text, for its order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadCase {
    name: String,
    #[serde(rename = "document")]
    _document: IgnoredAny,
    #[serde(default)]
    base_path: Option<Vec<String>>,
    #[serde(default)]
    ignored: Vec<String>,
    #[serde(default)]
    responses: bool,
    #[serde(default)]
    operations: Vec<Vec<String>>,
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[test]
fn documents_are_read_as_the_table_says() {
    let text = include_str!("../../testdata/openapi/read.json");
    let cases: Vec<ReadCase> = serde_json::from_str(text).unwrap();
    let table = Rc::new(Document::parse(text.as_bytes(), &Limits::NONE).unwrap());
    assert!(!cases.is_empty());
    for (case, value) in cases.into_iter().zip(table.root().elements()) {
        let document = Part::new(&table, value.get("document").unwrap());
        let base_path = case.base_path.map_or(BasePath::Servers, BasePath::Explicit);
        let settings = ReadSettings { base_path, ignored: case.ignored, responses: case.responses, ..settings() };
        let (contract, faults, warnings) = Contract::read(&document, &settings);
        let found = json!([render(&contract.operations), lines(&faults), lines(&warnings)]);
        let expected = json!([case.operations, case.faults, case.warnings]);
        assert_eq!(found, expected, "{}: {found:#}", case.name);
    }
}

/// Paths with methods, and what is found for requests: `method path` or `method path < asked` to what.
#[derive(Deserialize)]
struct RouteCase {
    name: String,
    operations: Vec<String>,
    #[serde(default)]
    insensitive: bool,
    requests: Vec<(String, String)>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[test]
fn requests_are_routed_as_the_table_says() {
    let cases: Vec<RouteCase> = serde_json::from_str(include_str!("../../testdata/openapi/route.json")).unwrap();
    for case in cases {
        let mut document = json!({ "openapi": "3.1.0", "paths": {} });
        let mut operations: Vec<_> =
            case.operations.iter().map(|operation| (operation.split_once(' ').unwrap(), operation)).collect();
        // In one order, whether or not another package of the build has serde keep that of insertion.
        operations.sort_by_key(|((method, path), _)| (*path, *method));
        for ((method, path), operation) in operations {
            document["paths"][path][method.to_lowercase()] = json!({ "operationId": operation });
        }
        let (contract, faults, _) = Contract::read(&Part::from(&document), &settings());
        assert_eq!(lines(&faults), Vec::<String>::new(), "{}", case.name);
        let sensitivity = if case.insensitive { Case::Insensitive } else { Case::Sensitive };
        let (router, warnings) = Router::new(&contract.operations, sensitivity);
        assert_eq!(lines(&warnings), case.warnings, "{}", case.name);
        for (request, expected) in case.requests {
            let (request, asked) = request.split_once(" < ").map_or((request.as_str(), None), |(r, a)| (r, Some(a)));
            let (method, path) = request.split_once(' ').unwrap();
            let mut buffer = PathBuffer::default();
            let path = Normaliser::strict().normalise(path.as_bytes(), &mut buffer).unwrap();
            let found = match router.find(&path, method.as_bytes(), asked.map(str::as_bytes)) {
                Lookup::PathUnknown => "path unknown".to_owned(),
                Lookup::Preflight => "preflight".to_owned(),
                Lookup::MethodUnknown(methods) => format!("allow {}", methods.list().join(", ")),
                Lookup::Found(candidates) => {
                    let show = |candidate: &super::Candidate| {
                        let operation = contract.operations[candidate.operation].operation_id.as_deref().unwrap();
                        let values = candidate.template.values(path, router.case());
                        let value =
                            |(name, value): (&str, &[u8])| format!(" {name}={}", str::from_utf8(value).unwrap());
                        format!("{operation}{}", values.map(value).collect::<String>())
                    };
                    candidates.iter().map(show).collect::<Vec<_>>().join(" | ")
                }
            };
            assert_eq!(found, expected, "{}: {request}", case.name);
        }
    }
}

#[test]
fn operations_of_a_configuration_make_a_contract() {
    let part = |value: Value| Some(Part::from(&value));
    let mut operations = vec![
        Inline {
            id: None,
            method: "POST".to_owned(),
            path: "/users/{id}".to_owned(),
            body: part(json!({ "application/json": { "type": "object" }, "multipart/form-data": {
                "properties": { "file": { "$ref": "#/$defs/file" } },
                "$defs": { "file": { "type": "string", "contentMediaType": "image/png" } },
            } })),
            is_body_required: true,
            parameters: part(json!([
                { "name": "dry", "in": "query", "schema": { "type": "boolean" } },
                { "name": "by", "in": "query", "style": "deepObject", "schema": {
                    "$ref": "#/definitions/by", "definitions": { "by": { "type": "object" } } } },
            ])),
            dialect: Dialect::Draft7,
            pointer: "/operations/0".to_owned(),
        },
        Inline {
            id: Some("list users".to_owned()),
            method: "GET".to_owned(),
            path: "/users".to_owned(),
            body: None,
            is_body_required: true,
            parameters: None,
            dialect: Dialect::Draft4,
            pointer: "/operations/1".to_owned(),
        },
    ];
    let (good, faults, warnings) = contract(&operations, &settings());
    assert_eq!(lines(&faults), Vec::<String>::new());
    assert_eq!(
        lines(&warnings),
        ["/operations/0: a variable of the path that no parameter declares: it may be any text"]
    );
    let expected = json!([
        [
            "POST /users/{id} post-users-_id_ at /operations/0",
            "query dry form explode schema at /operations/0/parameters/0",
            "query by deepObject explode schema at /operations/0/parameters/1",
            "path id required simple any at /operations/0",
            "body required at /operations/0/body",
            "application/json schema",
            "multipart/form-data schema, file: binary",
        ],
        ["GET /users list_users = list users at /operations/1"],
    ]);
    assert_eq!(json!(render(&good.operations)), expected);

    operations[0].method = "post".to_owned();
    operations[0].parameters = part(json!([{ "$ref": "#/x" }, 1]));
    operations[0].body =
        part(json!({ "application/json": { "$schema": "http://example.com/schema" }, "image/png": { "$schema": 1 } }));
    operations[1].path = "users".to_owned();
    let (_, faults, _) = contract(&operations, &settings());
    assert_eq!(
        lines(&faults),
        [
            "/operations/0/method: expected a method such as \"POST\", found \"post\"",
            "/operations/0/parameters/0: expected `name` with a name, found none",
            "/operations/0/parameters/1: expected a parameter, which is an object, found 1",
            "/operations/1/path: expected a path that starts with `/`, such as `/users/{id}`, found `users`",
            "/operations/0/body/application~1json/$schema: expected JSON Schema draft 4, 6, 7, 2019-09 or 2020-12, such as \
             \"https://json-schema.org/draft/2020-12/schema\", found \"http://example.com/schema\"",
            "/operations/0/body/image~1png/$schema: expected JSON Schema draft 4, 6, 7, 2019-09 or 2020-12, such as \
             \"https://json-schema.org/draft/2020-12/schema\", found 1",
        ]
    );
    let ignored = ["/operations/0", "/operations/1/path"].map(ToOwned::to_owned).to_vec();
    operations[0].method = "POST".to_owned();
    let (left, faults, _) = contract(&operations, &ReadSettings { ignored, ..settings() });
    assert_eq!(lines(&faults), Vec::<String>::new());
    assert_eq!(
        json!(render(&left.operations)),
        json!([["POST /users/{id} post-users-_id_ unchecked at /operations/0"]])
    );
}

#[test]
fn operations_are_found_by_either_name() {
    let document = json!({ "openapi": "3.1.0", "paths": { "/": {
        "get": { "operationId": "a/b" }, "post": { "operationId": "a-b" }, "put": {},
    } } });
    let (contract, _, _) = Contract::read(&Part::from(&document), &settings());
    let ids: Vec<_> = contract.operations.iter().map(|operation| &*operation.id).collect();
    assert_eq!(ids, ["a-b", "put-", "a-b-2"]);
    for (name, expected) in [("a/b", Some(0)), ("a-b", Some(2)), ("a-b-2", Some(2)), ("put-", Some(1)), ("a", None)] {
        assert_eq!(position(contract.operations.iter(), name), expected, "{name}");
    }
}

#[test]
fn an_ignored_alternative_is_told() {
    let document =
        json!({ "openapi": "3.1.0", "paths": { "/a": { "get": {} }, "/a#b": { "get": {} }, "/a#c": { "get": {} } } });
    for (ignored, expected) in [
        (
            "/paths/~1a",
            "is for the same requests as an operation before it, and one of them is ignored: these requests pass \
             unchecked; also /paths/~1a#c/get",
        ),
        (
            "/nowhere",
            "is for the same requests as an operation before it: what either allows is allowed; also \
             /paths/~1a#c/get",
        ),
    ] {
        let settings = ReadSettings { ignored: vec![ignored.to_owned()], ..settings() };
        let (contract, _, _) = Contract::read(&Part::from(&document), &settings);
        let (_, warnings) = Router::new(&contract.operations, Case::Sensitive);
        assert_eq!(lines(&warnings), [format!("/paths/~1a#b/get: {expected}")]);
    }
}

#[test]
fn responses_are_found_by_their_status() {
    let document = json!({ "openapi": "3.1.0", "paths": { "/": { "get": {
        "responses": { "200": { "$ref": "#/a" }, "2XX": {}, "default": {} } } } }, "a": {} });
    let (contract, _, _) = Contract::read(&Part::from(&document), &ReadSettings { responses: true, ..settings() });
    for (status, expected) in [(200, "/a"), (201, "2XX"), (299, "2XX"), (404, "default"), (99, "default")] {
        let response = contract.operations[0].response(status).unwrap();
        assert!(response.pointer.ends_with(expected), "{status}: {}", response.pointer);
    }
}

/// Each value of the table's documents becomes something else: nothing breaks, and what is said is said of a place.
#[test]
fn documents_that_are_odd_somewhere_are_read_too() {
    let cases: Value = serde_json::from_str(include_str!("../../testdata/openapi/read.json")).unwrap();
    let odd =
        [json!(null), json!(true), json!(-1.5), json!("x"), json!("#"), json!(["#/paths"]), json!({ "$ref": "#" })];
    let mut count = 0;
    for case in cases.as_array().unwrap() {
        let mut pointers = Vec::new();
        places(&case["document"], String::new(), &mut pointers);
        for pointer in &pointers {
            for odd in &odd {
                let mut document = case["document"].clone();
                *document.pointer_mut(pointer).unwrap() = odd.clone();
                let settings = ReadSettings { responses: true, ..settings() };
                let (contract, faults, warnings) = Contract::read(&Part::from(&document), &settings);
                let (_, more) = Router::new(&contract.operations, Case::Sensitive);
                for fault in faults.iter().chain(&warnings).chain(&more) {
                    // What is missing is said of what it should be in.
                    let is_there = document.pointer(&fault.pointer).is_some() || fault.pointer == "/paths";
                    assert!(is_there, "{pointer} {odd}: {} {}", fault.pointer, fault.message);
                }
                count += 1;
            }
        }
    }
    assert!(count > 5000, "{count}");
}

fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                places(element, format!("{pointer}/{position}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                places(member, format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
    found.push(pointer);
}

#[test]
fn limits_of_either_openapi_are_read_in_both() {
    let values = [("0", false), ("1", true), ("9", true), ("10", false)];
    for version in ["3.0.3", "3.1.0"] {
        for (schema, lines_of_warnings) in [
            (
                json!({ "minimum": 0, "maximum": 10, "exclusiveMinimum": true, "exclusiveMaximum": true }),
                version == "3.1.0",
            ),
            (json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 10 }), version == "3.0.3"),
        ] {
            let body = json!({ "content": { "application/json": { "schema": schema } } });
            let document = json!({ "openapi": version, "paths": { "/": { "post": { "requestBody": body } } } });
            let (contract, faults, warnings) = Contract::read(&Part::from(&document), &settings());
            assert_eq!((faults.len(), !warnings.is_empty()), (0, lines_of_warnings), "{version} {schema}");
            let content = &contract.operations[0].body.as_ref().unwrap().content;
            let id = content.iter().next().and_then(|(_, media)| media.schema).unwrap();
            for (text, expected) in values {
                let mut tape = Tape::default();
                let value = tape.parse(text.as_bytes(), &Limits::NONE).unwrap();
                let is_valid = contract.schemas.is_valid(id, value, &mut Budget(1000)).unwrap();
                assert_eq!(is_valid, expected, "{version} {schema} {text}");
            }
        }
    }
}
