//! What the collector gets, and what it never gets.

use std::fmt::Write;

use portcullis_integration_tests::{Bootstrap, Launch, Request};
use serde_json::{Map, Value, json};

use crate::gate::{Gate, filter};
use crate::sample::{bad, config, create, create_text};

/// The only event since the last time.
async fn event_of(gate: &Gate, request: Request) -> Value {
    gate.collector.clear();
    gate.refused_with(400, &gate.h1(), request).await;
    let events = gate.collector.await_count(1).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    events[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_say_which_operation_and_why() {
    let gate = Gate::start(&config(&json!({}))).await;
    for (request, operation, reason) in bad() {
        let event = event_of(&gate, request).await;
        let at = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or("(none)");
        let said = ["/event/reason", "/rule/name", "/rule/ruleset", "/event/action", "/portcullis/class"];
        assert_eq!(said.map(at), [reason, operation, "schema_check", "deny", "deny"], "{event:#}");
        assert_eq!(event["http"]["response"]["status_code"], 400);
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_say_where_which_keyword_failed() {
    // Whatever clients are told.
    for detail in ["pointers", "none"] {
        let gate = Gate::start(&config(&json!({"detail": detail}))).await;
        let cases = [
            (
                create(&json!({"email": "alice@example.com", "age": -1})),
                json!([{"in": "body", "pointer": "/age", "keyword": "minimum"}]),
            ),
            (create(&json!({})), json!([{"in": "body", "pointer": "/email", "keyword": "required"}])),
            (
                Request::get("/users?limit=many"),
                json!([{"in": "query", "name": "limit", "pointer": "", "keyword": "type"}]),
            ),
            (Request::get("/users?other=1"), json!([{"in": "query", "name": "other"}])),
            (
                Request::get("/users").header("cookie", "theme=blue"),
                json!([{"in": "cookie", "name": "theme", "pointer": "", "keyword": "enum"}]),
            ),
        ];
        for (request, errors) in cases {
            let event = event_of(&gate, request).await;
            assert_eq!(event["portcullis"]["details"], json!({"errors": errors}), "{event:#}");
        }
        let event = event_of(&gate, create_text("{")).await;
        assert_eq!(event["portcullis"].get("details"), None, "{event:#}");
        gate.assert_no_vm_failed().await;
    }
}

/// What must never be seen; each is a part of one value below.
const SECRETS: [&str; 16] = [
    "bodytext1",
    "bodynumber4711",
    "bodynested2",
    "bodyemail3",
    "queryvalue4",
    "queryunknown5",
    "pathvalue6",
    "headervalue7",
    "headerother8",
    "cookievalue9",
    "cookieother10",
    "authorization11",
    "formvalue12",
    "multipart13",
    "eyJhbGciOiJIUzI1NiJ9",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
];

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dGhlIHNpZ25hdHVyZSBvZiBpdA";

fn full_of_secrets() -> Vec<Request> {
    let typed =
        |body: &str, media_type: &str| Request::post("/login", body.to_owned()).header("content-type", media_type);
    let login = |body: &str| typed(body, "application/json");
    let mut requests = vec![
        // Each breaks another rule.
        login(r#"{"password": "bodytext1", "pin": "bodynumber4711", "user": {"name": "bodynested2"}}"#),
        login(r#"{"email": "bodyemail3", "password": "bodytext1"}"#),
        login(r#"{"password": "bodytext1", "password": "bodytext1"}"#),
        login(r#"{"password": "bodytext1"#),
        login(r#"{"password": "bodytext1"} "bodynested2""#),
        login(&format!(r#"{{"password": "bodytext1", "{TOKEN}": 1}}"#)),
        login(r#"{"password": "bodytext1", "ghp_0123456789abcdefghijABCDEFGHIJ012345": 1}"#),
        login(
            r#"{"password": "bodytext1", "password=bodynested2": 1, "token: bodynested2": 2, "api_key=bodynested2": 3}"#,
        ),
        login(&format!(r#"{{"headers": {{"Authorization: Bearer {TOKEN}": true}}}}"#)),
        login(r#""bodytext1""#),
        typed("password=formvalue12&password=formvalue12", "application/x-www-form-urlencoded"),
        typed("password=formvalue12&other=formvalue12", "application/x-www-form-urlencoded"),
        typed("password=%formvalue12", "application/x-www-form-urlencoded"),
        typed(
            "--b\r\ncontent-disposition: form-data; name=\"password\"\r\n\r\nmultipart13\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
        ),
        typed("bodytext1", "text/bodytext1"),
        login("{}").header("content-encoding", "bodytext1"),
        typed("{}", "application/json; charset=bodytext1"),
    ];
    for path in [
        "/login?token=queryvalue4",
        "/login?code=1&code=queryvalue4",
        "/login?api_key=queryunknown5&password=queryunknown5",
        "/login?session=%ffqueryvalue4",
        "/keys/token=pathvalue6",
    ] {
        requests.push(Request::get(path));
    }
    requests.push(Request::get(&format!("/keys/{TOKEN}")));
    requests.push(Request::get(&format!("/login?{TOKEN}=1")));
    for name in ["x-key", "x-other", "authorization", "x-api-key"] {
        let value = match name {
            "authorization" => "Basic authorization11",
            "x-key" => "headervalue7",
            _ => "headerother8",
        };
        requests.push(Request::get("/login").header(name, value));
    }
    requests.push(Request::get("/login").header("cookie", "session=cookievalue9; other=cookieother10"));
    requests.push(Request::get("/login").header("cookie", format!("{TOKEN}=1")));
    requests
        .into_iter()
        .map(|request| request.header("authorization", "Bearer authorization11").header("cookie", "a=cookieother10"))
        .collect()
}

fn login() -> Value {
    let schema = json!({
        "type": "object", "required": ["email", "password"], "additionalProperties": false,
        "properties": {
            "email": {"type": "string", "format": "email"},
            "password": {"type": "string", "minLength": 64, "pattern": "^[0-9]+$"},
            "pin": {"type": "integer"},
            "user": {"type": "object", "properties": {"name": {"const": "someone"}}},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    });
    let parameter =
        |place: &str, name: &str| json!({"in": place, "name": name, "schema": {"type": "integer", "maximum": 9}});
    json!({
        "operations": [
            {
                "path": "/login", "method": "POST", "name": "login",
                "body": {
                    "application/json": schema, "application/x-www-form-urlencoded": schema,
                    "multipart/form-data": schema,
                },
            },
            {
                "path": "/login", "method": "GET", "name": "getLogin",
                "parameters": [
                    parameter("query", "token"), parameter("query", "code"), parameter("query", "session"),
                    parameter("header", "X-Key"), parameter("cookie", "session"),
                ],
            },
            {
                "path": "/keys/{key}", "method": "GET", "name": "getKey",
                "parameters": [{"in": "path", "name": "key", "required": true, "schema": {"type": "integer"}}],
            },
        ],
        "unknown": {"header": "deny", "cookie": "deny"},
        "violations": 100,
        "audit": {
            "cluster": "audit", "batch": {"max_age_ms": 10}, "events": ["allow", "deny", "shadow", "error"],
        },
    })
}

/// In no event, no answer, and not in the log that Envoy writes at level `debug` by its Wasm parts, enforced or not.
#[tokio::test(flavor = "multi_thread")]
async fn no_value_in_events_answers_or_log() {
    for mode in ["enforce", "shadow"] {
        let mut config = login();
        config["mode"] = json!(mode);
        let launch = |bootstrap: Bootstrap| Launch::new(bootstrap).wasm_log_level("debug");
        let gate = Gate::launch(filter(&config), launch).await;
        let mut texts = String::new();
        let mut requests = 0;
        for (_, client) in gate.clients() {
            for request in full_of_secrets() {
                let shown = format!("{request:?}");
                let response = client.send(request).await;
                assert_eq!(response.status, if mode == "enforce" { 400 } else { 200 }, "{shown}");
                // What a client called a member may be told to it.
                let told = response.text().replace(TOKEN, "").replace(SECRETS[15], "").replace("bodynested2", "");
                let _ = writeln!(texts, "{:?} {told}", response.headers);
                requests += 1;
            }
        }
        let events = gate.collector.await_count(requests).await;
        let _ = writeln!(texts, "{}", json!(events));
        assert!(texts.contains("token=[REDACTED]"), "the query is in the events");
        gate.assert_no_vm_failed().await;
        let (_, log) = gate.0.envoy.terminate().await;
        texts += &log;
        for secret in SECRETS {
            let line = texts.lines().find(|line| line.contains(secret)).map(|line| {
                let at = line.find(secret).unwrap();
                let from = (0..=at.saturating_sub(400)).rev().find(|from| line.is_char_boundary(*from)).unwrap();
                line[from..at + secret.len()].to_owned()
            });
            assert_eq!(line, None, "{mode}: {secret}");
        }
    }
}

/// Member names are a client's own: however long they are and whatever is in them, an event is one line of some KB, and says
/// where the first faults are.
#[tokio::test(flavor = "multi_thread")]
async fn events_stay_small_and_whole() {
    let gate = Gate::start(&config(&json!({"violations": 100}))).await;
    let names = [
        "a".repeat(10_000),
        "\u{1}\n\r\u{2028}\u{7f}\"\\/~".repeat(1000),
        "é".repeat(5000),
        "\u{1F600}".repeat(5000),
        "%41%0a<script>".repeat(1000),
    ];
    for name in names {
        let members: Map<_, _> = (0..99).map(|index| (format!("{index}{name}"), json!(index))).collect();
        let body = Value::from(members).to_string();
        if body.len() > 1_000_000 {
            continue;
        }
        let event = event_of(&gate, create_text(body)).await;
        let text = event.to_string();
        assert!(text.len() <= 16 << 10, "{} bytes", text.len());
        let errors = event["portcullis"]["details"]["errors"].as_array().unwrap_or_else(|| panic!("{event:#}"));
        assert!(!errors.is_empty() && errors.len() < 100, "{}", errors.len());
        assert!(errors.iter().all(|error| error["in"] == "body" && error["keyword"].is_string()), "{event:#}");
        assert!(json!(errors).to_string().len() <= 4096);
        let batch = gate.collector.batches().remove(0);
        assert_eq!(batch.body.iter().filter(|byte| **byte < b' ' && **byte != b'\n').count(), 0);
    }
    // And what is short is there as a whole.
    let body = json!({"email": "alice@example.com", "tags": vec!["too long"; 20]});
    let event = event_of(&gate, create(&body)).await;
    assert_eq!(event["portcullis"]["details"]["errors"].as_array().unwrap().len(), 20);
    gate.assert_no_vm_failed().await;
}
