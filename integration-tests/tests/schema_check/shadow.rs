//! Trying before enforcing: what shadow mode would have refused is counted and audited, and passes as it came. And the
//! report on routes that are used and not documented.

use std::collections::BTreeMap;

use portcullis_integration_tests::{Client, Decisions, Request, Upstream};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::sample::{bad, config, create};

/// What the upstream gets of a request: first without Envoy, then through it. Both must be the same.
async fn passes(gate: &Gate, client: &Client, request: Request, context: &str) {
    let bare = Upstream::start().await;
    Client::h1(bare.address()).send(request.clone()).await;
    let sent = bare.wait_for(|seen| seen.complete).await;
    gate.upstream.clear();
    gate.passed(client, request).await;
    let seen = gate.upstream.wait_for(|seen| seen.complete).await;
    assert_eq!((&seen.method, &seen.path, &seen.body), (&sent.method, &sent.path, &sent.body), "{context}");
    for name in ["content-type", "content-encoding", "cookie", "x-region"] {
        assert_eq!(seen.headers.all(name), sent.headers.all(name), "{context}: {name}");
    }
}

fn unknown() -> [(Request, &'static str, &'static str); 3] {
    [
        (Request::get("/admin"), "unknown.path", "path_unknown"),
        (Request::new("DELETE", "/users"), "unknown.method", "method_unknown"),
        (Request::get("/users/%2e%2e/admin"), "paths", "path_encoded_dot"),
    ]
}

async fn await_decisions(gate: &Gate, expected: &Decisions) {
    gate.await_decisions(expected).await.unwrap_or_else(|found| panic!("{found:#?} instead of {expected:#?}"));
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_in_shadow_mode_lets_all_pass() {
    let gate = Gate::start(&config(&json!({"mode": "shadow"}))).await;
    let mut expected = Decisions::new();
    for (version, client) in gate.clients() {
        for (request, rule, reason) in bad().into_iter().chain(unknown()) {
            let decision = format!("deny {rule} {reason} shadow");
            passes(&gate, &client, request, &format!("{version}: {decision}")).await;
            *expected.entry(decision).or_default() += 1;
        }
    }
    await_decisions(&gate, &expected).await;
    let total: u64 = expected.values().sum();
    // Routes are told of when they are new: that is so for each of two once.
    for event in gate.collector.await_count(usize::try_from(total).unwrap() - 2).await {
        let at = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or("(none)");
        let said = ["/portcullis/class", "/portcullis/mode", "/portcullis/action", "/event/action", "/event/outcome"];
        assert_eq!(said.map(at), ["shadow", "shadow", "deny", "allow", "success"], "{event}");
        assert!(event.pointer("/http/response").is_none(), "nothing was answered: {event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_have_modes_of_their_own() {
    let overrides = json!([{"operation": "createUser", "mode": "shadow"}, {"operation": "findUsers", "mode": "off"}]);
    let gate = Gate::start(&config(&json!({"overrides": overrides}))).await;
    let mut expected = Decisions::new();
    for (version, client) in gate.clients() {
        for (request, operation, reason) in bad() {
            let context = format!("{version}: {operation} {reason}");
            let decision = match operation {
                "createUser" => {
                    passes(&gate, &client, request, &context).await;
                    format!("deny createUser {reason} shadow")
                }
                "findUsers" => {
                    passes(&gate, &client, request, &context).await;
                    "allow findUsers unchecked off".to_owned()
                }
                _ => {
                    gate.refused_with(400, &client, request).await;
                    format!("deny {operation} {reason} enforce")
                }
            };
            *expected.entry(decision).or_default() += 1;
        }
        for (request, rule, reason) in unknown() {
            gate.refused_with(400, &client, request).await;
            *expected.entry(format!("deny {rule} {reason} enforce")).or_default() += 1;
        }
    }
    await_decisions(&gate, &expected).await;
}

/// An operation is enforced though the filter is not; then paths that lead round it are refused as well.
#[tokio::test(flavor = "multi_thread")]
async fn one_operation_may_be_enforced_alone() {
    let overrides = json!([{"operation": "createUser", "mode": "enforce"}]);
    let gate = Gate::start(&config(&json!({"mode": "shadow", "overrides": overrides}))).await;
    for (version, client) in gate.clients() {
        for (request, operation, reason) in bad() {
            if operation == "createUser" {
                gate.refused_with(400, &client, request).await;
            } else {
                passes(&gate, &client, request, &format!("{version}: {operation} {reason}")).await;
            }
        }
        passes(&gate, &client, Request::get("/admin"), version).await;
        gate.refused_with(400, &client, Request::post("/other/%2e%2e/users", "{}")).await;
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_off_does_nothing() {
    let audit = json!({"events": ["allow", "deny", "shadow", "error"]});
    // Also with an operation that says otherwise.
    let overrides = json!([{"operation": "createUser", "mode": "enforce"}]);
    let gate = Gate::start(&config(&json!({"mode": "off", "audit": audit, "overrides": overrides}))).await;
    for (version, client) in gate.clients() {
        for (request, ..) in bad().into_iter().chain(unknown()) {
            passes(&gate, &client, request, version).await;
        }
    }
    assert_eq!(gate.decisions().await, Decisions::new());
    assert!(gate.collector.batches().is_empty());
}

/// What is unknown, with the decision about it in shadow mode and where it is allowed.
fn strangers() -> Vec<(&'static str, Request, &'static str, &'static str)> {
    let text = Request::post("/users", "{").header("content-type", "text/plain");
    let passes = "allow findUsers valid enforce";
    vec![
        (
            "path",
            Request::get("/pets/1"),
            "deny unknown.path path_unknown shadow",
            "allow unknown.path not_documented enforce",
        ),
        (
            "method",
            Request::new("DELETE", "/users"),
            "deny unknown.method method_unknown shadow",
            "allow unknown.method not_documented enforce",
        ),
        ("query", Request::get("/users?other=1"), "deny findUsers query_unknown shadow", passes),
        ("header", Request::get("/users").header("x-other", "1"), "deny findUsers header_unknown shadow", passes),
        ("cookie", Request::get("/users").header("cookie", "a=1"), "deny findUsers cookie_unknown shadow", passes),
        ("media_type", text, "deny createUser media_type_unknown shadow", "allow createUser valid enforce"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_may_be_told_of_or_allowed() {
    for verdict in ["shadow", "allow", "deny"] {
        let all = json!({"path": verdict, "method": verdict, "query": verdict, "header": verdict, "cookie": verdict,
            "media_type": verdict});
        let gate = Gate::start(&config(&json!({"unknown": all}))).await;
        let mut expected = Decisions::new();
        for (version, client) in gate.clients() {
            for (kind, request, in_shadow, allowed) in strangers() {
                let context = format!("{version}: {kind} {verdict}");
                let decision = match verdict {
                    "shadow" => in_shadow.to_owned(),
                    "allow" => allowed.to_owned(),
                    _ => in_shadow.replace("shadow", "enforce"),
                };
                if verdict == "deny" {
                    gate.refused_with(400, &client, request).await;
                } else {
                    passes(&gate, &client, request, &context).await;
                }
                *expected.entry(decision).or_default() += 1;
                if verdict == "shadow" && ["query", "header", "cookie"].contains(&kind) {
                    // All else in it is judged as well.
                    *expected.entry(allowed.to_owned()).or_default() += 1;
                }
            }
        }
        await_decisions(&gate, &expected).await;
        // All else is as strict as ever.
        for (_, client) in gate.clients() {
            gate.refused_with(400, &client, create(&json!({}))).await;
            gate.refused_with(400, &client, Request::get("/users?other=1&limit=a")).await;
            gate.refused_with(400, &client, Request::get("/pets/%2e%2e/users")).await;
        }
    }
}

/// Sends one request for each path, which must pass, and returns what the collector got of routes: the template with the
/// number of events, and of requests in them.
async fn report(gate: &Gate, paths: impl Iterator<Item = String>) -> BTreeMap<String, (usize, u64)> {
    gate.collector.clear();
    let client = gate.h1();
    let mut sent = 0;
    for path in paths {
        let response = client.send(Request::get(&path)).await;
        assert_eq!(response.status, 200, "{path}");
        sent += 1;
    }
    // Events come in their order, so all others are there with this one.
    gate.refused_with(400, &client, create(&json!({"marker": sent}))).await;
    let is_marker = |event: &Value| event["event"]["reason"] == "body_invalid";
    gate.collector.wait_for(is_marker).await;
    let mut routes = BTreeMap::new();
    for event in gate.collector.events().into_iter().filter(|event| !is_marker(event)) {
        assert_eq!(
            (&event["rule"]["name"], &event["event"]["action"]),
            (&json!("unknown.path"), &json!("allow")),
            "{event}"
        );
        let details = &event["portcullis"]["details"];
        let route = details["route"].as_str().unwrap_or_else(|| panic!("no route: {event}"));
        assert!(details["first_seen"].is_boolean(), "{event}");
        let entry: &mut (usize, u64) = routes.entry(route.to_owned()).or_default();
        entry.0 += 1;
        entry.1 += details["requests"].as_u64().unwrap();
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_ids_are_one_route() {
    for (verdict, decision) in
        [("shadow", "deny unknown.path path_unknown shadow"), ("allow", "allow unknown.path not_documented enforce")]
    {
        let gate = Gate::start(&config(&json!({"unknown": {"path": verdict}}))).await;
        let ids = (0..2000).map(|id| format!("/pets/{}?page={id}", 17 + id * 3));
        let routes = report(&gate, ids).await;
        // The first request is told of at once; another line may come a minute later.
        assert_eq!(routes.keys().collect::<Vec<_>>(), ["GET /pets/{number}"], "{verdict}");
        assert!((1..4).contains(&routes["GET /pets/{number}"].0), "{routes:?}");
        let expected =
            Decisions::from([(decision.to_owned(), 2000), ("deny createUser body_invalid enforce".to_owned(), 1)]);
        await_decisions(&gate, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_told_by_their_shape() {
    let gate = Gate::start(&config(&json!({"unknown": {"path": "shadow"}}))).await;
    let paths = [
        "/v2/users/550e8400-e29b-41d4-a716-446655440000/orders/7",
        "/v2/users/550e8400-e29b-41d4-a716-446655440001/orders/8",
        "/internal/debug",
        "/internal/debug?token=s3cr3t",
        "/",
        "/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl",
    ];
    let routes = report(&gate, paths.into_iter().map(str::to_owned)).await;
    let found: Vec<_> = routes.keys().map(String::as_str).collect();
    assert_eq!(
        found,
        ["GET /", "GET /internal/debug", "GET /reset/{token}", "GET /v2/users/{uuid}/orders/{number}"],
        "{routes:?}"
    );
    assert!(!json!(gate.collector.events()).to_string().contains("s3cr3t"));
    gate.assert_no_vm_failed().await;
}

/// Whoever makes up paths fills neither the report nor memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_does_not_fill_the_report() {
    let patch = json!({"unknown": {"path": "shadow"}, "discovery": {"routes": 50}});
    let gate = Gate::start(&config(&patch)).await;
    let word = |number: usize| -> String {
        [number, number / 26, number / 676]
            .iter()
            .map(|part| char::from(b'a' + u8::try_from(part % 26).unwrap()))
            .collect()
    };
    let paths = (0..2000).map(|number| format!("/{}/{}.php", word(number), word(number * 7)));
    let routes = report(&gate, paths).await;
    let events: usize = routes.values().map(|(events, _)| events).sum();
    // 30 lines a minute.
    assert!((2..=90).contains(&events), "{events} events: {routes:?}");
    assert!(routes.len() <= 51, "{routes:?}");
    let expected = Decisions::from([
        ("deny unknown.path path_unknown shadow".to_owned(), 2000),
        ("deny createUser body_invalid enforce".to_owned(), 1),
    ]);
    await_decisions(&gate, &expected).await;
}
