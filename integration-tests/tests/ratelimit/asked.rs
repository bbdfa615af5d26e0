//! What the service is asked, when, and what is told of its answers.

use portcullis_integration_tests::{RateLimitCall, RateLimitDescriptor, RateLimitMode, Request};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::gate::{Gate, keyed, reason, service, shared, shared_service};

fn global(limits: &Value) -> Value {
    json!({
        "limits": limits,
        "global": {"cluster": "ratelimit", "domain": "portcullis", "timeout_ms": 1000, "fallback_factor": 0.1},
    })
}

fn hashed(secret: &str) -> String {
    let digest = Sha256::digest(secret);
    digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn descriptor(entries: &[(&str, &str)]) -> RateLimitDescriptor {
    let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    RateLimitDescriptor { entries, ..RateLimitDescriptor::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_are_as_documented_and_secrets_are_hashes() {
    let (_redis, service) = service(&[]).await;
    let gate = Gate::with_service(
        &global(&json!([
            {"name": "address", "key": ["client_ip", "constant:all"], "quota": 9, "window_s": 60, "global": true},
            {"name": "parts", "path": "/users/{id}/**", "quota": 9, "window_s": 60, "global": true, "cost": 3, "key": [
                "method", "path", "path:id", "header:x-plan", "header:x-api-key", "query:page", "query:access_token",
                "cookie:session",
            ]},
            {"name": "own", "key": ["client_ip"], "quota": 9, "window_s": 60},
        ])),
        &service,
    )
    .await;
    let request = |plan: &[u8]| {
        Request::get("/users/42/a%2Db?page=7&access_token=s3cr3t-query")
            .header("x-plan", plan)
            .header("x-api-key", "s3cr3t-key")
            .header("cookie", "session=s3cr3t-cookie")
    };
    gate.passed(&gate.h1(), request(b"gold")).await;
    let (key, query, cookie) = (hashed("s3cr3t-key"), hashed("s3cr3t-query"), hashed("s3cr3t-cookie"));
    let mut address = descriptor(&[("limit", "address"), ("client_ip", "127.0.0.1"), ("constant:all", "all")]);
    address.hits_addend = Some(1);
    let parts = descriptor(&[
        ("limit", "parts"),
        ("method", "GET"),
        ("path", "/users/42/a-b"),
        ("path:id", "42"),
        ("header:x-plan", "gold"),
        ("header:x-api-key", &key),
        ("query:page", "7"),
        ("query:access_token", &query),
        ("cookie:session", &cookie),
    ]);
    let call = RateLimitCall { domain: "portcullis".to_owned(), descriptors: vec![address, parts], hits_addend: 3 };
    assert_eq!(service.calls(), [call]);
    // What is no short text is a hash, too: a service must take it.
    let long = "x".repeat(300);
    for plan in [&b"\xff\xfe"[..], long.as_bytes()] {
        gate.passed(&gate.h2(), request(plan)).await;
        let plan = service.calls().pop().unwrap().descriptors[1].entries[4].clone();
        assert!(plan.0 == "header:x-plan" && plan.1.starts_with("sha256:") && plan.1.len() == 71, "{plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_limit_of_the_fleet_refuses_nobody() {
    let (_redis, service) = shared_service(1).await;
    let mut config = shared(10, &json!({}));
    config["limits"][0]["mode"] = json!("shadow");
    let gate = Gate::with_service(&config, &service).await;
    for _ in 0..4 {
        gate.passed(&gate.h1(), keyed("a")).await;
    }
    service.down().await;
    // In the fallback, too.
    for _ in 0..4 {
        gate.passed(&gate.h1(), keyed("b")).await;
    }
    let expected = [
        ("allow limits within_limits enforce", 8),
        ("deny shared quota_exceeded shadow", 3),
        ("deny shared quota_exceeded_in_fallback shadow", 3),
    ];
    let expected = expected.map(|(decision, count)| (decision.to_owned(), count)).into();
    gate.await_decisions(&expected).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_this_envoy_are_looked_at_first_and_taken_from_last() {
    let (_redis, service) = service(&[("fleet", "header:x-key", 2)]).await;
    let gate = Gate::with_service(
        &global(&json!([
            {"name": "own", "key": ["client_ip"], "quota": 3, "window_s": 3600},
            {"name": "fleet", "key": ["header:x-key"], "quota": 2, "window_s": 3600, "global": true},
        ])),
        &service,
    )
    .await;
    for _ in 0..2 {
        gate.passed(&gate.h1(), keyed("a")).await;
    }
    // Refused by the service, the first time and from memory: nothing is taken from the other.
    for _ in 0..5 {
        let refused = gate.refused_with(429, &gate.h1(), keyed("a")).await;
        let told = refused.headers.text("ratelimit").unwrap_or_default();
        assert!(told.starts_with("\"own\";r=1;t=") && told.contains("\"fleet\";r=0;t="), "{told}");
        assert_eq!(refused.json()["violated-policies"], json!(["fleet"]));
    }
    assert_eq!(service.counts().calls, 3);
    gate.passed(&gate.h1(), keyed("b")).await;
    assert_eq!(service.counts().calls, 4);
    // Refused here: the service hears nothing of it.
    for key in ["b", "c"] {
        let refused = gate.refused_with(429, &gate.h1(), keyed(key)).await;
        assert_eq!(refused.json()["violated-policies"], json!(["own"]));
    }
    assert_eq!(service.counts().calls, 4);
    gate.assert_no_vm_failed().await;
}

/// Of requests that wait at the same time more may ask than the limit of this Envoy then lets pass.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_takes_nothing_from_this_envoys_limits() {
    let (_redis, service) = service(&[("fleet", "header:x-key", 100)]).await;
    let gate = Gate::with_service(
        &global(&json!([
            {"name": "own", "key": ["client_ip"], "quota": 2, "window_s": 3600},
            {"name": "fleet", "key": ["header:x-key"], "quota": 100, "window_s": 3600, "global": true},
        ])),
        &service,
    )
    .await;
    service.set_mode(RateLimitMode::Slow(std::time::Duration::from_millis(300)));
    let clients: Vec<_> = (0..5).map(|_| gate.h1()).collect();
    let mut all = tokio::task::JoinSet::new();
    for client in clients {
        all.spawn(async move { client.send(keyed("a")).await });
    }
    service.wait_for("all are asked for", |counts| counts.calls == 5).await;
    let answers = all.join_all().await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!((answers.len(), refused.len(), gate.upstream.count()), (5, 3, 2));
    assert!(refused.iter().all(|answer| answer.json()["violated-policies"] == json!(["own"])), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_events_tell_and_say_nothing_secret() {
    let (_redis, service) = service(&[("shared", "header:x-api-key", 2)]).await;
    let mut config = shared(20, &json!({"timeout_ms": 200}));
    config["limits"][0]["key"] = json!(["header:x-api-key"]);
    config["audit"] = json!({"cluster": "audit", "path": "/"});
    let gate = Gate::with_service(&config, &service).await;
    let secret = |name: &str| Request::get("/").header("x-api-key", format!("s3cr3t-{name}"));
    let measures = [
        "ok_total",
        "over_limit_total",
        "cached_total",
        "errors_total",
        "timeouts_total",
        "fallback_total",
        "opened_total",
    ];
    let mut expected = [2, 1, 2, 0, 0, 0, 0];
    for _ in 0..2 {
        gate.passed(&gate.h1(), secret("a")).await;
    }
    for _ in 0..3 {
        gate.refused_with(429, &gate.h1(), secret("a")).await;
    }
    for (name, wanted) in measures.into_iter().zip(expected) {
        gate.await_measured(name, wanted).await;
    }
    gate.await_measured("cache_entries", 1).await;
    // Failures, of which five in a row are enough.
    service.set_mode(RateLimitMode::Status(14));
    for _ in 0..2 {
        gate.passed(&gate.h1(), secret("b")).await;
    }
    service.set_mode(RateLimitMode::Hang);
    for _ in 0..6 {
        let refused = gate.refused_with(429, &gate.h1(), secret("b")).await;
        assert_eq!(reason(&refused), "quota_exceeded_in_fallback");
        let problem = refused.json();
        assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity");
        assert_eq!(problem["violated-policies"], json!(["shared"]));
    }
    expected[3..].copy_from_slice(&[2, 3, 8, 1]);
    for (name, wanted) in measures.into_iter().zip(expected) {
        gate.await_measured(name, wanted).await;
    }
    gate.await_measured("in_flight", 0).await;
    let events = gate.collector.await_count(9).await;
    let of = |reason: &str| events.iter().filter(|event| event["event"]["reason"] == reason).collect::<Vec<_>>();
    assert_eq!((of("quota_exceeded").len(), of("quota_exceeded_in_fallback").len(), events.len()), (3, 6, 9));
    for event in of("quota_exceeded_in_fallback") {
        assert_eq!(event["rule"]["name"], "shared");
        let details = &event["portcullis"]["details"];
        // A tenth of the quota.
        assert_eq!((&details["limit"], &details["remaining"]), (&json!(2), &json!(0)), "{event}");
        assert!(details["retry_after_s"].as_u64().is_some_and(|seconds| (1700..=1800).contains(&seconds)), "{event}");
    }
    // Whether they were refused at once, from memory, or when the answer was here or overdue.
    for event in &events {
        let facts = [&event["source"]["ip"], &event["url"]["path"], &event["http"]["request"]["method"]];
        assert_eq!(facts, ["127.0.0.1", "/", "GET"], "{event:#}");
        assert_eq!(event["http"]["response"]["status_code"], 429);
    }
    let told = Value::from(events).to_string() + &gate.envoy.log() + &format!("{:?}", service.calls());
    assert!(!told.contains("s3cr3t"), "{told}");
    gate.assert_no_vm_failed().await;
}
