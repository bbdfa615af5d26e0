//! Attempts to get a body or a parameter past the contract, as raw bytes over both versions of HTTP: of what is refused the
//! upstream sees nothing, and of what passes it sees what was judged.

mod dropped;
mod encodings;
mod json;
mod lengths;
mod media_types;
mod parameters;
mod paths;

use std::fmt::Write;

use portcullis_integration_tests::{Line, Request};
use serde_json::{Value, json};

use crate::gate::{Gate, reason};

pub(super) const GOOD: &[u8] = br#"{"id": 42, "name": "Ada"}"#;
pub(super) const BAD: &[u8] = br#"{"malformed": true}"#;

/// An API with a body, and one with parameters of every kind.
pub(super) fn settings() -> Value {
    let user = json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {
            "id": {"type": "integer"}, "name": {"type": "string", "maxLength": 20}, "is_admin": {"const": false},
            "tags": {"type": "array", "items": {"type": "string"}}, "nested": {"type": "object"},
        },
    });
    let parameter = |place: &str, name: &str, schema: &Value| json!({"in": place, "name": name, "schema": schema});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 100});
    let word = json!({"type": "string", "pattern": "^[a-z]{1,8}$"});
    json!({
        "openapi": {
            "openapi": "3.1.0",
            "info": {"title": "Users", "version": "1"},
            "paths": {
                "/users": {
                    "post": {
                        "operationId": "createUser",
                        "requestBody": {"required": true, "content": {"application/json": {"schema": user}}},
                    },
                    "get": {
                        "operationId": "listUsers",
                        "parameters": [
                            parameter("query", "limit", &limit),
                            parameter("query", "tags", &json!({"type": "array", "items": word, "maxItems": 3})),
                            parameter("header", "X-Tenant", &word),
                            parameter("cookie", "region", &word),
                        ],
                    },
                },
                "/users/{id}": {
                    "parameters": [{"in": "path", "name": "id", "required": true, "schema": limit}],
                    "get": {"operationId": "getUser"},
                },
                "/admin/users": {
                    "post": {
                        "operationId": "createAdmin",
                        "requestBody": {"required": true, "content": {"application/json": {"schema": {"not": {}}}}},
                    },
                },
            },
        },
        "limits": {"body_bytes": 65536},
    })
}

/// One attempt.
pub(super) struct Case<'a> {
    pub(super) request: (&'a [u8], &'a [u8]),
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    pub(super) body: Option<&'a [u8]>,
    /// What may become of it: reasons with `|` between them, `envoy` for any of Envoy's own.
    pub(super) expect: &'a str,
}

impl<'a> Case<'a> {
    pub(super) fn post(headers: &[(&'a str, &'a [u8])], body: &'a [u8], expect: &'a str) -> Self {
        Self { request: (b"POST", b"/users"), headers: headers.to_vec(), body: Some(body), expect }
    }

    pub(super) fn json(body: &'a [u8], expect: &'a str) -> Self {
        Self::post(&[("content-type", b"application/json")], body, expect)
    }

    pub(super) fn get(target: &'a [u8], headers: &[(&'a str, &'a [u8])], expect: &'a str) -> Self {
        Self { request: (b"GET", target), headers: headers.to_vec(), body: None, expect }
    }
}

/// Sends all of them over both versions; panics with all that went wrong.
pub(super) async fn judge(gate: &Gate, cases: &[Case<'_>]) {
    let mut faults = String::new();
    for (version, mut line) in
        [("HTTP/1.1", Line::h1(gate.envoy.address())), ("HTTP/2", Line::h2(gate.envoy.address()))]
    {
        for case in cases {
            gate.upstream.clear();
            let mut headers: Vec<(&str, &[u8])> = vec![
                (":method", case.request.0),
                (":scheme", b"http"),
                (":authority", b"a"),
                (":path", case.request.1),
            ];
            headers.extend(&case.headers);
            let answer = line.send(&headers, case.body).await;
            let found = answer.as_ref().map_or_else(|| "envoy:closed".to_owned(), reason);
            let may = |expect: &str| found == expect || (expect == "envoy" && found.starts_with("envoy:"));
            let seen = gate.upstream.requests();
            let is_intact = seen.iter().all(|seen| seen.body == case.body.unwrap_or_default());
            let passed = usize::from(found == "accepted");
            if !case.expect.split('|').any(may) || seen.len() != passed || !is_intact {
                let (method, target) = (case.request.0.escape_ascii(), case.request.1.escape_ascii());
                let start: Vec<u8> = case.body.unwrap_or_default().iter().take(60).copied().collect();
                let _ = writeln!(
                    faults,
                    "{version}: {method} {target} {} {}: {found}, not {}; {} at the upstream",
                    case.headers
                        .iter()
                        .map(|(name, value)| format!("{name}: {}", value.escape_ascii()))
                        .collect::<Vec<_>>()
                        .join(", "),
                    start.escape_ascii(),
                    case.expect,
                    seen.len(),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{}:\n{faults}", faults.lines().count());
    gate.assert_no_vm_failed().await;
}

/// What `curl -X POST -d '{"malformed": true}'` sends.
#[tokio::test(flavor = "multi_thread")]
async fn the_request_of_the_article() {
    let gate = Gate::start(&settings()).await;
    let form = ("content-type", &b"application/x-www-form-urlencoded"[..]);
    let curl: [(&str, &[u8]); 3] = [("user-agent", b"curl/8.5.0"), ("accept", b"*/*"), form];
    judge(
        &gate,
        &[
            Case::post(&curl, BAD, "media_type_unknown"),
            Case::post(&curl, GOOD, "media_type_unknown"),
            Case::json(BAD, "body_invalid"),
            Case::json(GOOD, "accepted"),
        ],
    )
    .await;
    let request = Request::post("/users", BAD).header("content-type", "application/x-www-form-urlencoded");
    let answer = gate.refused_with(400, &gate.h1(), request).await;
    let problem = answer.json();
    assert_eq!(problem["status"], 400);
    assert!(!answer.text().contains("malformed"), "{problem}");
    let answer = gate
        .refused_with(400, &gate.h1(), Request::post("/users", BAD).header("content-type", "application/json"))
        .await;
    let problem = answer.json();
    for error in [
        json!({"in": "body", "pointer": "/name", "keyword": "required"}),
        json!({"in": "body", "pointer": "/malformed", "keyword": "additionalProperties"}),
    ] {
        assert!(problem["errors"].as_array().unwrap().contains(&error), "{problem}");
    }
}
