//! The promises of the first page.

use std::collections::BTreeMap;

use portcullis_integration_tests::{Launch, Reply, Request, telling};
use serde_json::{Value, json};

use crate::gate::{Gate, by_key, filter, reason};

#[tokio::test]
async fn a_client_that_used_up_its_quota_is_told_when_to_come_again() {
    let gate = Gate::start(&json!({"limits": [
        {"name": "per-client", "key": ["client_ip"], "quota": 3, "window_s": 3600},
    ], "headers": {"legacy": true}}))
    .await;
    let [(_, h1), (_, h2)] = gate.clients();
    for client in [&h1, &h2, &h1] {
        gate.passed(client, Request::get("/")).await;
    }
    for client in [&h1, &h2] {
        let refused = gate.refused_with(429, client, Request::get("/")).await;
        assert_eq!(reason(&refused), "quota_exceeded");
        let header = |name: &str| refused.headers.text(name).unwrap_or_default();
        assert_eq!(header("content-type"), "application/problem+json");
        // A third of an hour comes back in 1,200 s, of which some have gone by.
        let retry: u32 = header("retry-after").parse().unwrap();
        assert!((1100..=1200).contains(&retry), "{retry}");
        let left = header("ratelimit");
        let reset = left.strip_prefix("\"per-client\";r=0;t=").and_then(|reset| reset.parse().ok());
        assert!(reset.is_some_and(|reset: u32| (3500..=3600).contains(&reset)), "{left}");
        assert_eq!(header("ratelimit-policy"), "\"per-client\";q=3;w=3600");
        assert_eq!((header("x-ratelimit-limit"), header("x-ratelimit-remaining")), ("3".into(), "0".into()));
        let problem = json!({
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded", "title": "Quota Exceeded",
            "status": 429, "violated-policies": ["per-client"],
        });
        assert_eq!(refused.json(), problem);
    }
    // Another client is another.
    gate.passed(&gate.h1().source([127, 0, 0, 2]), Request::get("/")).await;
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn a_shadow_limit_is_counted_and_audited_and_refuses_nobody() {
    let mut limit = by_key(1);
    limit["mode"] = json!("shadow");
    let gate = Gate::start(&json!({"limits": [limit], "audit": {"cluster": "audit", "path": "/"}})).await;
    for _ in 0..3 {
        gate.passed(&gate.h1(), Request::get("/").header("x-key", "s3cr3t")).await;
    }
    let expected = BTreeMap::from([
        ("allow limits within_limits enforce".to_owned(), 3),
        ("deny by-key quota_exceeded shadow".to_owned(), 2),
    ]);
    gate.await_decisions(&expected).await.unwrap();
    let events = gate.collector.await_count(2).await;
    for event in &events {
        assert_eq!(event["event"]["reason"], "quota_exceeded");
        assert_eq!(event["rule"]["name"], "by-key");
        let details = &event["portcullis"]["details"];
        assert_eq!((&details["limit"], &details["remaining"]), (&json!(1), &json!(0)), "{event}");
    }
    assert!(!Value::from(events).to_string().contains("s3cr3t"));
}

#[tokio::test]
async fn grpc_clients_get_resource_exhausted() {
    let gate = Gate::start(&json!({"limits": [by_key(1)]})).await;
    let call = || Request::post("/svc/Method", "x").header("content-type", "application/grpc").header("x-key", "a");
    gate.passed(&gate.h2(), call()).await;
    let refused = gate.refused_with(200, &gate.h2(), call()).await;
    assert_eq!(refused.headers.text("grpc-status").as_deref(), Some("8"));
}

#[tokio::test]
async fn failures_are_counted_and_all_responses_tell_of_limits() {
    let gate = Gate::with_responses(&json!({
        "limits": [
            {"name": "failures", "path": "/login", "key": ["header:x-key"], "quota": 2, "window_s": 3600, "count": "401"},
            {"name": "all", "key": ["client_ip"], "quota": 100, "window_s": 3600},
        ],
        "headers": {"on": "all"},
    }))
    .await;
    for (status, left) in [(200, 2), (401, 2), (403, 1), (401, 1)] {
        gate.upstream.reply(Reply::status(status));
        let answer = gate.h1().send(Request::post("/login", "").header("x-key", "a")).await;
        assert_eq!(answer.status, status);
        let told = answer.headers.text("ratelimit").unwrap_or_default();
        assert!(told.starts_with(&format!("\"failures\";r={left};")), "{told}");
    }
    let refused = gate.refused_with(429, &gate.h1(), Request::post("/login", "").header("x-key", "a")).await;
    assert_eq!(reason(&refused), "quota_exceeded");
    assert!(refused.headers.text("ratelimit").unwrap_or_default().starts_with("\"failures\";r=0;"));
    gate.upstream.reply(Reply::status(200).body("hello"));
    let passed = gate.passed(&gate.h1(), Request::get("/")).await;
    assert!(passed.headers.text("ratelimit").unwrap_or_default().starts_with("\"all\";r=95;"), "{passed:?}");
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn workers_count_together() {
    for workers in [1, 4] {
        let gate = Gate::launch(filter(&json!({"limits": [by_key(50)]})), |bootstrap| {
            Launch::new(bootstrap.http(&telling())).concurrency(workers)
        })
        .await;
        let mut passed = 0;
        for _ in 0..20 {
            // Each on a connection of its own, and so on any of the workers.
            let clients: Vec<_> = (0..5).map(|_| gate.h1()).collect();
            let sent = clients.iter().map(|client| client.send(Request::get("/").header("x-key", "a")));
            for answer in futures(sent).await {
                passed += usize::from(answer.status == 200);
            }
        }
        assert_eq!(passed, 50, "{workers} workers");
        assert_eq!(gate.upstream.count(), 50);
    }
}

/// All at the same time.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut results = Vec::new();
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(result) => {
                results.push(result);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    results
}
