#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{AuditConfig, Sink};
use crate::{
    audit::Class,
    config::{Errors, parse},
};

fn compile(json: &str) -> Result<Sink, Errors> {
    let config: AuditConfig = parse(json.as_bytes())?;
    let mut errors = Errors::default();
    let environment = |name: &str| match name {
        "AUDIT_TOKEN" => Some("Bearer s3cr3t".to_owned()),
        "BROKEN" => Some("s3cr3t\n".to_owned()),
        _ => None,
    };
    let sink = config.compile("$.audit", &environment, &mut errors);
    errors.into_result(sink)
}

fn faults(json: &str) -> Vec<String> {
    compile(json).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_cluster_is_enough() {
    let sink = compile(r#"{"cluster": "collector"}"#).unwrap();
    let headers: Vec<_> = sink.request_headers().collect();
    assert_eq!(
        headers,
        [(":method", "POST"), (":path", "/"), (":authority", "collector"), ("content-type", "application/x-ndjson"),]
    );
    assert!(sink.wants(Class::Deny) && sink.wants(Class::Shadow) && sink.wants(Class::Error));
    assert!(!sink.wants(Class::Allow));
    assert_eq!((sink.batch.max_events, sink.batch.max_bytes, sink.batch.max_age_ms), (100, 262_144, 1000));
    assert_eq!((sink.queue.max_events, sink.queue.max_bytes), (10_000, 8_388_608));
    assert_eq!((sink.timeout_ms, sink.max_in_flight), (2000, 2));
    assert_eq!((sink.retry.base_ms, sink.retry.max_ms), (200, 30_000));
}

#[test]
fn an_empty_part_is_a_missing_one() {
    let parts = compile(r#"{"cluster": "collector", "batch": {}, "queue": {}, "retry": {}}"#).unwrap();
    assert_eq!(parts, compile(r#"{"cluster": "collector"}"#).unwrap());
}

#[test]
fn everything_can_be_set() {
    let sink = compile(
        r#"{"cluster": "outbound|443||logs.example.com", "path": "/?query=INSERT%20INTO%20t", "format": "json",
            "headers": {"X-Stream": "a b"}, "header_env": {"Authorization": "AUDIT_TOKEN"}, "events": ["allow"],
            "batch": {"max_events": 1}, "queue": {"max_events": 1}, "timeout_ms": 1, "max_in_flight": 16,
            "retry": {"base_ms": 10, "max_ms": 10}}"#,
    )
    .unwrap();
    let headers: Vec<_> = sink.request_headers().skip(1).collect();
    assert_eq!(
        headers,
        [
            (":path", "/?query=INSERT%20INTO%20t"),
            (":authority", "logs.example.com"),
            ("content-type", "application/json"),
            ("x-stream", "a b"),
            ("authorization", "Bearer s3cr3t"),
        ]
    );
    assert!(sink.wants(Class::Allow) && !sink.wants(Class::Deny));
    assert!(!format!("{sink:?}").contains("s3cr3t"));
}

#[test]
fn every_fault_is_named() {
    let faults = faults(
        r#"{"cluster": "", "path": "x y", "authority": "a/b", "events": [],
            "batch": {"max_events": 0, "max_bytes": 100, "max_age_ms": 0}, "queue": {"max_events": 0, "max_bytes": 0},
            "timeout_ms": 0, "max_in_flight": 17, "retry": {"base_ms": 300, "max_ms": 200}}"#,
    );
    let expected = [
        "$.audit.batch.max_events: expected 1 to 10000, found 0",
        "$.audit.batch.max_bytes: expected 32768 to 4194304, found 100",
        "$.audit.batch.max_age_ms: expected 10 to 60000, found 0",
        "$.audit.queue.max_events: expected 1 to 100000, found 0",
        "$.audit.queue.max_bytes: expected 32768 to 67108864, found 0",
        "$.audit.timeout_ms: expected 1 to 60000, found 0",
        "$.audit.max_in_flight: expected 1 to 16, found 17",
        "$.audit.queue.max_bytes: expected no less than batch.max_bytes, 100, found 0",
        "$.audit.retry.max_ms: expected no less than retry.base_ms, 300, found 200",
        "$.audit.cluster: expected the name of an Envoy cluster, 1 to 255 characters, found \"\"",
        "$.audit.path: expected a path that starts with '/', at most 2048 visible ASCII characters, found \"x y\"",
        "$.audit.authority: expected a host with or without port (give one where the cluster's name is none), found \"a/b\"",
        "$.audit.events: expected at least one of deny, shadow, error and allow, found none",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn headers_are_checked() {
    for (headers, fault) in [
        (r#"{"headers": {"": "x"}}"#, "a header name"),
        (r#"{"headers": {":path": "x"}}"#, "a header name"),
        (r#"{"headers": {"a b": "x"}}"#, "a header name"),
        (r#"{"headers": {"Content-Length": "1"}}"#, "the operator's to set"),
        (r#"{"headers": {"transfer-encoding": "chunked"}}"#, "the operator's to set"),
        (r#"{"headers": {"x": "a\r\nb: c"}}"#, "visible ASCII"),
        (r#"{"headers": {"x": " a"}}"#, "visible ASCII"),
        (r#"{"headers": {"x": "é"}}"#, "visible ASCII"),
        (r#"{"headers": {"x": "1", "X": "2"}}"#, "each header once"),
        (r#"{"headers": {"authorization": "Bearer s3cr3t"}}"#, "name a variable"),
        (r#"{"headers": {"X-Api-Key": "s3cr3t"}}"#, "name a variable"),
        (r#"{"header_env": {"authorization": "MISSING"}}"#, "environment_variables` sets, found \"MISSING\""),
        (r#"{"header_env": {"authorization": "BROKEN"}}"#, "visible ASCII"),
        (r#"{"header_env": {"host": "AUDIT_TOKEN"}}"#, "the operator's to set"),
    ] {
        let faults = faults(&headers.replacen('{', r#"{"cluster": "c", "#, 1));
        assert_eq!(faults.len(), 1, "{headers}: {faults:?}");
        assert!(faults[0].contains(fault), "{faults:?}");
        assert!(!faults[0].contains("s3cr3t"), "{faults:?}");
    }
    let many: Vec<String> = (0..33).map(|n| format!(r#""x-{n}": "1""#)).collect();
    let faults = faults(&format!(r#"{{"cluster": "c", "headers": {{{}}}}}"#, many.join(",")));
    assert_eq!(faults, ["$.audit.headers: expected at most 32 with header_env, found 33"]);
}

#[test]
fn unknown_words_are_refused() {
    for (json, path) in [
        (r"{}", "$: expected key `cluster`"),
        (r#"{"cluster": "c", "url": "x"}"#, "$"),
        (r#"{"cluster": "c", "format": "xml"}"#, "$.format"),
        (r#"{"cluster": "c", "events": ["denied"]}"#, "$.events[0]"),
        (r#"{"cluster": "c", "batch": {"events": 1}}"#, "$.batch"),
        (r#"{"cluster": "c", "timeout_ms": -1}"#, "$.timeout_ms"),
    ] {
        let faults = faults(json);
        assert!(faults[0].starts_with(path), "{faults:?}");
    }
}

#[test]
fn the_schema_has_every_default() {
    let schema = serde_json::to_value(schemars::schema_for!(AuditConfig)).unwrap();
    for (key, property) in schema["properties"].as_object().unwrap() {
        let default = property.get("default");
        assert_eq!(default.is_none(), key == "cluster", "{key}: {property}");
        assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    assert_eq!(schema["properties"]["batch"]["default"]["max_events"], 100);
    assert_eq!(schema["properties"]["events"]["default"], serde_json::json!(["shadow", "deny", "error"]));
}
