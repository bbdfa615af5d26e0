//! A new configuration while requests wait for the service: Envoy answers no call that the old one made.

use std::time::Duration;

use portcullis_integration_tests::{DiscoveredFilter, Launch, RateLimitMode, Reply, Traffic, WasmFilter, telling};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::gate::{Gate, by_key, filter, filter_with_responses, keyed, reason, shared, shared_service};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hangs_when_the_configuration_changes() {
    let other: Value = shared(200, &json!({}));
    let new: [(&str, WasmFilter); 4] = [
        ("another quota", filter(&other)),
        ("no service", filter(&json!({"limits": [by_key(10)]}))),
        ("another module", filter_with_responses(&other)),
        ("another VM", filter(&other).vm_id("another")),
    ];
    let mut all = JoinSet::new();
    for (what, new) in new {
        all.spawn(async move {
            let (_redis, service) = shared_service(1000).await;
            let mut filter = DiscoveredFilter::new(filter(&shared(1000, &json!({}))));
            let gate = Gate::launch(&filter, |bootstrap| {
                Launch::new(bootstrap.http(&telling()).http2_cluster("ratelimit", service.address()))
            })
            .await;
            service.set_mode(RateLimitMode::Hang);
            let mut waiting = JoinSet::new();
            for number in 0..20 {
                let client = if number % 2 == 0 { gate.h1() } else { gate.h2() };
                let request = if number % 3 == 0 { keyed("a") } else { keyed("a").body("some") };
                waiting.spawn(async move { client.try_send(request).await });
            }
            service.wait_for("all wait", |counts| counts.waiting == 20).await;
            filter.update(&gate.envoy, new).await.unwrap();
            service.set_mode(RateLimitMode::Ok);
            let passed = gate.h1().send(keyed("new")).await;
            assert_eq!(passed.status, 200, "{what}: {passed:?}");
            for answer in waiting.join_all().await {
                let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(answer.status, 200, "{what}: {} {answer:?}", reason(&answer));
            }
            assert_eq!(gate.upstream.count(), 21, "{what}");
            gate.assert_no_vm_trapped().await;
        });
    }
    all.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_change_under_load() {
    let (_redis, service) = shared_service(1_000_000).await;
    let config = |quota: u32, lease: u32| {
        let mut config = shared(quota, &json!({"timeout_ms": 200}));
        config["limits"][0]["lease"] = json!(lease);
        filter(&config)
    };
    let mut filter = DiscoveredFilter::new(config(1_000_000, 1));
    let gate = Gate::with_workers(&filter, service.address(), 2).await;
    gate.upstream.reply(Reply::status(200).body("hello").delay(Duration::from_millis(4)));
    let steady = Traffic::start(&gate.h1(), 8, |number| {
        let request = keyed(&(number % 10).to_string());
        ("steady", if number % 3 == 0 { request.body("some") } else { request })
    });
    for (quota, lease) in [(2_000_000, 1), (1_000_000, 50), (2_000_000, 50), (1_000_000, 1)] {
        steady.await_more(100).await;
        filter.update(&gate.envoy, config(quota, lease)).await.unwrap();
        let calls = service.counts().calls;
        service.wait_for("it is asked as before", |counts| counts.calls > calls + 10).await;
    }
    let tally = steady.stop().await;
    assert_eq!(tally.failures, [], "no request hangs");
    assert_eq!(tally.count("steady", 200), tally.total(), "{:?}", tally.answers);
    assert_eq!(gate.upstream.count(), tally.total());
    gate.await_measured("in_flight", 0).await;
    gate.assert_no_vm_trapped().await;
}
