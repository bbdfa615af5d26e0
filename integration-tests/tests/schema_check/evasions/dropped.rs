//! Bodies that are changed on their way.

use portcullis_integration_tests::{Raw, Request, Response};
use serde_json::{Value, json};

use crate::compress::gzip;
use crate::gate::{Gate, reason};

/// A contract whose members are partly the service's own.
fn dropping() -> Value {
    let own = json!({"type": "string", "readOnly": true});
    let schema = json!({
        "type": "object", "required": ["id", "name"], "additionalProperties": false,
        "properties": {
            "id": own, "name": {"type": "string"},
            "nested": {"type": "object", "properties": {"id": own, "b": {}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"id": own, "b": {}}}},
        },
    });
    let body = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    json!({
        "openapi": {
            "openapi": "3.1.0", "info": {"title": "Users", "version": "1"},
            "paths": {"/users": {"post": {"operationId": "createUser", "requestBody": body}}},
        },
        "read_only": "drop", "content_encoding": "decode",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_changed_is_whole() {
    let gate = Gate::start(&dropping()).await;
    let hidden = "GET /smuggled HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n";
    let bodies = [
        (format!(r#"{{"id": "{hidden}", "name": "Ada"}}"#), json!({"name": "Ada"})),
        (format!(r#"{{"name": "Ada", "id": "{hidden}"}}"#), json!({"name": "Ada"})),
        (
            r#"{"id": "1", "name": "Ada", "nested": {"id": "2", "b": [1.50, {"id": 3}]}}"#.to_owned(),
            json!({"name": "Ada", "nested": {"b": [1.5, {"id": 3}]}}),
        ),
        (
            r#"{"name": "Ada", "list": [{"id": "1"}, {"id": "2", "b": 1}, {}]}"#.to_owned(),
            json!({"name": "Ada", "list": [{}, {"b": 1}, {}]}),
        ),
        (r#" {"\u0069d": "1", "name": "\u0041da\n"} "#.to_owned(), json!({"name": "Ada\n"})),
        (r#"{"name": "Ada"}"#.to_owned(), json!({"name": "Ada"})),
    ];
    let head = "POST /users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let mut expected: Vec<Value> = Vec::new();
    // On one connection, which is Envoy's to the upstream as well; and one behind the other without waiting.
    let mut raw = Raw::connect(gate.envoy.address()).await;
    for (body, left) in &bodies {
        let length = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let (start, end) = body.split_at(body.len() / 2);
        let chunked = format!(
            "{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
            start.len(),
            end.len()
        );
        for request in [&length, &chunked] {
            raw.write(request).await;
            assert_eq!(raw.read_response().await.status, 200, "{request}");
            expected.push(left.clone());
        }
        raw.write([length.as_str(), &chunked, &length].concat()).await;
        for _ in 0..3 {
            assert_eq!(raw.read_response().await.status, 200, "{body}");
            expected.push(left.clone());
        }
    }
    assert_eq!(gate.upstream.connections(), 1);
    for (_, client) in gate.clients() {
        for (body, left) in &bodies {
            let post = || Request::new("POST", "/users").header("content-type", "application/json");
            let (start, end) = body.split_at(body.len() / 2);
            for request in [
                post().body(body.clone()),
                post().body(start.to_owned()).body(end.to_owned()),
                post().body(body.clone()).trailer("x-trailer", "1"),
            ] {
                gate.passed(&client, request).await;
                expected.push(left.clone());
            }
        }
    }
    let seen = gate.upstream.requests();
    let read = |body: &[u8]| {
        serde_json::from_slice::<Value>(body).unwrap_or_else(|error| panic!("{error}: {}", body.escape_ascii()))
    };
    assert_eq!(seen.iter().map(|seen| read(&seen.body)).collect::<Vec<_>>(), expected);
    for seen in &seen {
        assert!(seen.complete && seen.path == "/users", "{seen:?}");
        let length = seen.headers.text("content-length").map(|length| length.parse::<usize>().unwrap());
        assert!(length.is_none_or(|length| length == seen.body.len()), "{seen:?}");
        assert!(length.is_some() != (seen.headers.text("transfer-encoding").is_some()), "{seen:?}");
    }
    // What is not changed is sent on as it came; what is compressed cannot be changed.
    let odd = b" {\"name\" :\t\"\\u0041\"}\n".to_vec();
    gate.upstream.clear();
    gate.passed(&gate.h1(), Request::post("/users", odd.clone()).header("content-type", "application/json")).await;
    assert_eq!(gate.upstream.only_request().body, odd);
    for (body, expect) in [(r#"{"id": "1", "name": "Ada"}"#, "body_invalid"), (r#"{"name": "Ada"}"#, "accepted")] {
        let request = Request::post("/users", gzip(body.as_bytes())).header("content-type", "application/json");
        let answer: Response = gate.h1().send(request.header("content-encoding", "gzip")).await;
        assert_eq!(reason(&answer), expect, "{body}");
    }
    // What is dropped is not judged less for that.
    for (body, expect) in [
        (r#"{"id": 1, "name": "Ada"}"#, "body_invalid|accepted"),
        (r#"{"id": "1", "id": "2", "name": "Ada"}"#, "json_duplicate_key"),
        (r#"{"id": "1"}"#, "body_invalid"),
        (r#"{"id": "1", "name": "Ada", "x": 1}"#, "body_invalid"),
    ] {
        let answer = gate.h1().send(Request::post("/users", body).header("content-type", "application/json")).await;
        assert!(expect.split('|').any(|expect| reason(&answer) == expect), "{body}: {}", reason(&answer));
    }
    gate.assert_no_vm_failed().await;
}
