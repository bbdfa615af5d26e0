//! Configurations that are taken and that are not.

use portcullis_shared::policy::Policy;
use serde::Deserialize;
use serde_json::{Value, json};

use super::contracts::filter;
use crate::{SchemaCheck, config::Config};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bad {
    config: Value,
    /// A part of what is said.
    fault: String,
    /// Whether the JSON Schema refuses it as well.
    schema: bool,
}

fn bad() -> Vec<Bad> {
    serde_json::from_str(include_str!("../../testdata/bad_configs.json")).unwrap()
}

/// What is wrong with a configuration.
fn faults(config: &Value) -> Option<String> {
    let text = match config {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    portcullis_adaptor::load::<SchemaCheck>(text.as_bytes(), &|_| None).err().map(|errors| errors.to_string())
}

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../../config.schema.json")).unwrap();
    let made = schemars::schema_for!(Config).to_value();
    assert_eq!(
        schema, made,
        "cargo run -p portcullis-tools -- schema schema_check >filters/schema_check/config.schema.json"
    );
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn bad_configurations_are_refused_with_their_place() {
    let cases = bad();
    assert!(cases.len() >= 150, "{}", cases.len());
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|Bad { config, fault, .. }| {
            let found = faults(config).unwrap_or_else(|| "nothing".to_owned());
            let is_good = fault.starts_with('$') && found.contains(fault.as_str());
            (!is_good).then(|| format!("{config}\nfound    {found}\nexpected {fault}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_schema_refuses_what_is_wrong_in_itself() {
    let schema = schema();
    let mut wrong = Vec::new();
    for Bad { config, schema: refuses, .. } in bad() {
        let config = match &config {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        };
        let Some(config) = config else { continue };
        if schema.is_valid(&config) == refuses {
            wrong.push(format!("{config}: {}", if refuses { "taken" } else { "refused" }));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// One operation, with one key more each time.
fn good() -> Vec<Value> {
    let operation = json!({"path": "/a", "method": "GET"});
    let mut all = vec![json!({"operations": [operation.clone()]})];
    for (key, value) in [
        ("mode", json!("off")),
        ("openapi", json!({"openapi": "3.0.0", "info": {"title": "", "version": ""}, "paths": {"/b": {"get": {}}}})),
        ("base_path", json!("")),
        ("base_path", json!("/v1/")),
        ("unknown", json!({"path": "shadow", "header": "deny", "media_type": "allow"})),
        (
            "limits",
            json!({"body_bytes": 0, "depth": 1, "keys": 0, "string_bytes": 0, "number_digits": 0, "steps": 1000}),
        ),
        ("limits", json!({"body_bytes": 67_108_864, "depth": 512, "keys": 4_294_967_295_u32})),
        ("overrides", json!([{"operation": "get-a", "mode": "shadow", "body": "stream", "body_bytes": 67_108_864}])),
        ("ignore", json!([])),
        ("read_only", json!("drop")),
        ("undeclared_properties", json!("deny")),
        ("formats", json!("ignore")),
        ("content_encoding", json!("decode")),
        ("paths", json!({"dot_segment": "resolve", "encoded_slash": "keep", "max_length": 100})),
        ("response", json!({"mode": "enforce", "body_bytes": 0, "undeclared_properties": "allow"})),
        ("status", json!(422)),
        ("statuses", json!({"path": 404, "method": 405, "media_type": 415, "body_bytes": 599})),
        ("detail", json!("none")),
        ("violations", json!(100)),
        ("discovery", json!({"routes": 10_000})),
        ("audit", json!({"cluster": "audit"})),
    ] {
        let mut config = json!({"operations": [operation.clone()]});
        config[key] = value;
        all.push(config);
    }
    all
}

#[test]
fn good_configurations_are_taken_and_fit_the_schema() {
    let schema = schema();
    for config in good() {
        assert_eq!(faults(&config), None, "{config}");
        assert!(schema.is_valid(&config), "{config}");
    }
}

/// Each thing that cannot be enforced is told of once, by its place.
#[test]
fn operators_are_told_what_is_odd_though_it_is_taken() {
    let document =
        |operation: &Value| json!({"openapi": "3.1.0", "paths": {"/a": {"post": operation}, "/{b}": {"get": {}}}});
    let parameters = json!([
        {"name": "a", "in": "query"},
        {"name": "c", "in": "path", "required": true, "schema": {}},
        {"name": "d", "in": "query", "schema": {}, "style": "matrix"},
    ]);
    let config = json!({
        "openapi": document(&json!({"operationId": "x", "parameters": parameters, "requestBody": {}})),
        "operations": [{"path": "/c", "method": "GET"}, {"path": "/c/", "method": "GET"}],
        "ignore": ["/paths/~1nowhere"],
    });
    let warnings = filter(&config).warnings().join("\n");
    for place in [
        "$.openapi at /paths/~1a/post/parameters/0: ",
        "$.openapi at /paths/~1a/post/parameters/1: ",
        "$.openapi at /paths/~1a/post/parameters/2: ",
        "$.openapi at /paths/~1a/post/requestBody: ",
        "$.openapi at /paths/~1{b}: ",
        "$.openapi at /paths/~1nowhere: ",
        "$ at /operations/1: is for the same requests",
    ] {
        assert_eq!(warnings.matches(place).count(), 1, "{place}: {warnings}");
    }
}

/// What is ignored is no fault; what stands beside it still is.
#[test]
fn faults_may_be_ignored_by_their_place() {
    let bad = json!({"type": "text"});
    let body = |schema: &Value| json!({"requestBody": {"content": {"application/json": {"schema": schema}}}});
    let mut config =
        json!({"openapi": {"openapi": "3.1.0", "paths": {"/a": {"post": body(&bad)}, "/b": {"post": body(&bad)}}}});
    let faults_of = |config: &Value| faults(config).unwrap_or_default();
    assert_eq!(faults_of(&config).matches("$.openapi at /paths/").count(), 2);
    for place in [
        "/paths/~1a/post",
        "/paths/~1a/post/requestBody",
        "/paths/~1a/post/requestBody/content/application~1json/schema",
    ] {
        config["ignore"] = json!([place]);
        let found = faults_of(&config);
        assert_eq!(found.matches("$.openapi at /paths/").count(), 1, "{place}: {found}");
        assert!(found.starts_with("$.openapi at /paths/~1b/post/"), "{found}");
    }
    config["ignore"] = json!(["/paths/~1a/post", "/paths/~1b/post"]);
    assert_eq!(faults(&config), None);
}

/// Of a document with many faults some are listed.
#[test]
fn a_broken_document_does_not_flood_the_log() {
    let operation = json!({"get": {"parameters": [{"name": "a", "in": "body"}]}});
    let paths: serde_json::Map<_, _> = (0..1000).map(|index| (format!("/a{index}"), operation.clone())).collect();
    let found = faults(&json!({"openapi": {"openapi": "3.1.0", "paths": paths}})).unwrap();
    assert!(found.len() < 5000 && found.contains("more"), "{found}");
}
