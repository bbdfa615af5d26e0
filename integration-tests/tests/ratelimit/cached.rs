//! Answers that are remembered, and answers that are not.

use portcullis_integration_tests::{DEADLINE, until};
use serde_json::json;

use crate::gate::{Gate, NOW, keyed, reason, shared, shared_service};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_over_the_limit_is_not_asked_for_until_it_ends() {
    let (_redis, service) = shared_service(3).await;
    let end = NOW - 10 + 3600;
    // The hour ends in 3 s, as the service has it.
    service.set_clock(Some(end - 3));
    let gate = Gate::with_service(&shared(3, &json!({})), &service).await;
    for _ in 0..3 {
        gate.passed(&gate.h1(), keyed("hot")).await;
    }
    gate.refused_with(429, &gate.h1(), keyed("hot")).await;
    assert_eq!(service.counts().calls, 4);
    for _ in 0..50 {
        for (_, client) in gate.clients() {
            let refused = gate.refused_with(429, &client, keyed("hot")).await;
            assert_eq!(reason(&refused), "quota_exceeded");
            let retry = refused.headers.text("retry-after").unwrap_or_default();
            assert!(matches!(retry.as_str(), "1" | "2" | "3"), "{retry}");
        }
        if service.counts().calls > 4 {
            break;
        }
    }
    // Others are asked for meanwhile.
    gate.passed(&gate.h1(), keyed("other")).await;
    service.set_clock(Some(end));
    let again = || async { (gate.h1().send(keyed("hot")).await.status == 200).then_some(()) };
    until(DEADLINE, again).await.expect("it passes when the hour has ended");
    let refusals = gate.measured("cached_total");
    assert!(refusals.await > 0);
    let calls = service.calls();
    let asked: Vec<_> = calls.iter().map(|call| call.descriptors == calls[0].descriptors).collect();
    assert_eq!(asked, [true, true, true, true, false, true], "once, and not before the end");
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_over_the_limit_stays_so_when_the_service_is_gone() {
    let (_redis, service) = shared_service(3).await;
    let gate = Gate::with_service(&shared(30, &json!({})), &service).await;
    for _ in 0..3 {
        gate.passed(&gate.h1(), keyed("hot")).await;
    }
    gate.refused_with(429, &gate.h1(), keyed("hot")).await;
    service.down().await;
    // The fallback knows nothing of what the service counted: three more for who is new to it.
    for key in ["a", "b", "c"] {
        for _ in 0..3 {
            gate.passed(&gate.h2(), keyed(key)).await;
            assert_eq!(reason(&gate.refused_with(429, &gate.h1(), keyed("hot")).await), "quota_exceeded");
        }
        let refused = gate.refused_with(429, &gate.h1(), keyed(key)).await;
        assert_eq!(reason(&refused), "quota_exceeded_in_fallback");
    }
    gate.await_measured("opened_total", 1).await;
    gate.envoy.await_log("cluster ratelimit gives no answers (service_error)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cache_each_request_is_asked_for() {
    let (_redis, service) = shared_service(1).await;
    let gate = Gate::with_service(&shared(1, &json!({"cache": {"over_limit": false}})), &service).await;
    gate.passed(&gate.h1(), keyed("hot")).await;
    for calls in 2..20 {
        assert_eq!(reason(&gate.refused_with(429, &gate.h1(), keyed("hot")).await), "quota_exceeded");
        assert_eq!(service.counts().calls, calls);
    }
    gate.await_measured("over_limit_total", 18).await;
    assert_eq!((gate.measured("ok_total").await, gate.measured("cached_total").await), (1, 0));
}
