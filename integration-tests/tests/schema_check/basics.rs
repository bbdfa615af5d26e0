//! The promises of the first page: what the contract allows passes, all else is refused and told of, and counted by
//! operation and reason.

use portcullis_integration_tests::{Decisions, Launch, Request, telling};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};
use crate::sample::{bad, config, create, create_text, good};

/// The article's request, which must never reach the upstream.
#[tokio::test]
async fn a_contract_in_five_lines_keeps_the_rest_outside() {
    let gate = Gate::start(&json!({"operations": [{
        "path": "/users", "method": "POST",
        "body": {"application/json": {"type": "object", "required": ["email"], "properties": {"email": {"type": "string"}}}},
    }]}))
    .await;
    for (_, client) in gate.clients() {
        // As `curl -X POST -d '{"malformed": true}'` sends it.
        let form = Request::post("/users", r#"{"malformed": true}"#)
            .header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(reason(&gate.refused_with(400, &client, form).await), "media_type_unknown");
        let malformed = create(&json!({"malformed": true}));
        assert_eq!(reason(&gate.refused_with(400, &client, malformed).await), "body_invalid");
        for body in ["", "{", "null", r#"{"email": 1}"#, r#"{"email": "a", "email": "b"}"#] {
            gate.refused_with(400, &client, create_text(body)).await;
        }
        gate.refused_with(400, &client, Request::get("/users")).await;
        gate.refused_with(400, &client, Request::get("/admin")).await;
        gate.upstream.clear();
        gate.passed(&client, good()).await;
        assert_eq!(gate.upstream.only_request().body, br#"{"email":"alice@example.com"}"#);
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn clients_are_told_where_which_keyword_failed() {
    let gate = Gate::start(&config(&json!({}))).await;
    let problem = |errors: &Value| json!({"title": "Bad Request", "status": 400, "errors": errors});
    let cases = [
        (
            create(&json!({"age": -1, "tags": ["fine", "too long"], "role": "admin"})),
            json!([
                {"in": "body", "pointer": "/email", "keyword": "required"},
                {"in": "body", "pointer": "/age", "keyword": "minimum"},
                {"in": "body", "pointer": "/tags/1", "keyword": "maxLength"},
                {"in": "body", "pointer": "/role", "keyword": "additionalProperties"},
            ]),
        ),
        (create(&json!([])), json!([{"in": "body", "pointer": "", "keyword": "type"}])),
        (
            create(&json!({"email": "alice@example.com", "id": 1})),
            json!([{"in": "body", "pointer": "/id", "keyword": "readOnly"}]),
        ),
        (
            Request::get("/users?limit=1000&name=123456789"),
            json!([
                {"in": "query", "name": "limit", "pointer": "", "keyword": "maximum"},
                {"in": "query", "name": "name", "pointer": "", "keyword": "maxLength"},
            ]),
        ),
        (
            Request::get("/users").header("x-region", "mars"),
            json!([{"in": "header", "name": "x-region", "pointer": "", "keyword": "enum"}]),
        ),
        (
            Request::get("/users").header("cookie", "a=b; theme=blue"),
            json!([{"in": "cookie", "name": "theme", "pointer": "", "keyword": "enum"}]),
        ),
        (Request::get("/users/me"), json!([{"in": "path", "name": "id", "pointer": "", "keyword": "type"}])),
        (Request::get("/users?other=1"), json!([{"in": "query", "name": "other"}])),
    ];
    for (version, client) in gate.clients() {
        for (request, errors) in &cases {
            let response = gate.refused_with(400, &client, request.clone()).await;
            assert_eq!(response.headers.get("content-type"), Some(&b"application/problem+json"[..]), "{version}");
            let sorted = |problem: Value| {
                let mut problem = problem;
                let key = |error: &Value| error.to_string().to_lowercase();
                problem["errors"].as_array_mut().unwrap_or_else(|| panic!("no errors")).sort_by_key(key);
                problem.to_string().to_lowercase()
            };
            assert_eq!(sorted(response.json()), sorted(problem(errors)), "{version}: {request:?}");
        }
        // What is no violation of a schema has no place.
        let response = gate.refused_with(400, &client, create_text("{")).await;
        assert_eq!(response.json(), json!({"title": "Bad Request", "status": 400}));
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn without_details_nothing_is_given_away() {
    let gate = Gate::start(&config(&json!({"detail": "none"}))).await;
    for (_, client) in gate.clients() {
        let unknown = [Request::get("/admin"), Request::new("DELETE", "/users"), Request::get("/users/%2e%2e/a")];
        for request in bad().into_iter().map(|(request, ..)| request).chain(unknown) {
            let shown = format!("{request:?}");
            let response = gate.refused_with(400, &client, request).await;
            assert_eq!(response.text(), r#"{"title":"Bad Request","status":400}"#, "{shown}");
            assert_eq!(response.headers.get("allow"), None, "{shown}");
        }
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn of_many_violations_some_are_told() {
    let body = json!({"email": "alice@example.com", "tags": vec!["too long"; 500]});
    for (patch, told) in [(json!({}), 10), (json!({"violations": 1}), 1), (json!({"violations": 100}), 100)] {
        let gate = Gate::start(&config(&patch)).await;
        let response = gate.refused_with(400, &gate.h1(), create(&body)).await;
        let problem = response.json();
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors.len(), told);
        let first = json!({"in": "body", "pointer": "/tags/0", "keyword": "maxLength"});
        assert_eq!(errors[0], first);
    }
}

#[tokio::test]
async fn statuses_are_as_configured() {
    let statuses = json!({"path": 404, "method": 405, "body_bytes": 413, "media_type": 415});
    let limits = json!({"body_bytes": 1000});
    let own = Gate::start(&config(&json!({"status": 422, "statuses": statuses, "limits": limits}))).await;
    let usual = Gate::start(&config(&json!({"limits": limits}))).await;
    let large = || create(&json!({"email": "alice@example.com", "tags": vec!["a"; 1000]}));
    let cases = [
        (Request::get("/admin"), 404, 400),
        (Request::new("DELETE", "/users/1"), 405, 400),
        (large(), 413, 413),
        // Nothing says how long it is.
        (large().trailer("x-trailer", "1"), 413, 413),
        (Request::post("/users", "a").header("content-type", "text/plain"), 415, 400),
        (good().header("content-encoding", "gzip"), 415, 400),
        (Request::post("/users", "{}").header("content-type", "application/json; charset=utf-16"), 415, 400),
        (create(&json!({})), 422, 400),
        (Request::get("/users?limit=a"), 422, 400),
        (Request::get("/users/%2e%2e/a"), 422, 400),
    ];
    for (gate, is_own) in [(&own, true), (&usual, false)] {
        for (version, client) in gate.clients() {
            for (request, status, default) in &cases {
                let status = if is_own { *status } else { *default };
                let response = gate.refused_with(status, &client, request.clone()).await;
                assert_eq!(response.json()["status"], status, "{version}");
                let allow = response.headers.text("allow");
                assert_eq!(allow.is_some(), status == 405, "{allow:?}");
                if let Some(allow) = allow {
                    let mut methods: Vec<_> = allow.split(", ").collect();
                    methods.sort_unstable();
                    assert_eq!(methods, ["GET", "HEAD", "PUT"]);
                }
            }
        }
        gate.assert_no_vm_failed().await;
    }
}

#[tokio::test]
async fn decisions_are_counted_by_operation_and_reason() {
    let gate = Gate::start(&config(&json!({}))).await;
    let mut expected = Decisions::new();
    let mut count = |decision: String| *expected.entry(decision).or_default() += 1;
    for (_, client) in gate.clients() {
        for (request, operation, reason) in bad() {
            gate.refused_with(400, &client, request).await;
            count(format!("deny {operation} {reason} enforce"));
        }
        for (request, rule, reason) in [
            (Request::get("/admin"), "unknown.path", "path_unknown"),
            (Request::new("DELETE", "/users"), "unknown.method", "method_unknown"),
            (Request::get("/users/%2e%2e/admin"), "paths", "path_encoded_dot"),
        ] {
            gate.refused_with(400, &client, request).await;
            count(format!("deny {rule} {reason} enforce"));
        }
        gate.passed(&client, good()).await;
        count("allow createUser valid enforce".to_owned());
        gate.passed(&client, Request::get("/users/42")).await;
        count("allow getUser valid enforce".to_owned());
        let preflight = Request::new("OPTIONS", "/users/42")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "PUT");
        gate.passed(&client, preflight).await;
        count("allow openapi preflight enforce".to_owned());
    }
    gate.await_decisions(&expected).await.unwrap_or_else(|found| panic!("{found:#?} instead of {expected:#?}"));
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn the_access_log_says_which_operation_and_why() {
    let log = json!({"access_log": [{
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"text_format_source": {"inline_string":
                "accessed %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n"}},
        },
    }]});
    let gate = Gate::launch(filter(&config(&json!({}))), |bootstrap| {
        Launch::new(bootstrap.http(&telling()).http(&log)).arg("--file-flush-interval-msec").arg("10")
    })
    .await;
    gate.refused_with(400, &gate.h1(), Request::get("/users?limit=a")).await;
    gate.refused_with(400, &gate.h1(), create(&json!({}))).await;
    gate.refused_with(400, &gate.h1(), Request::get("/admin")).await;
    gate.passed(&gate.h1(), good()).await;
    for line in [
        "accessed /users?limit=a 400 portcullis:schema_check:parameter_invalid:findUsers\n",
        "accessed /users 400 portcullis:schema_check:body_invalid:createUser\n",
        "accessed /admin 400 portcullis:schema_check:path_unknown:unknown.path\n",
        "accessed /users 200 via_upstream\n",
    ] {
        gate.envoy.await_log(line).await;
    }
}
