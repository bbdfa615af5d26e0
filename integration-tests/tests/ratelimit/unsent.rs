//! Calls that Envoy does not send: the cluster is not there, or has too many already.

use portcullis_integration_tests::{Launch, RateLimitMode, telling};
use serde_json::json;
use tokio::task::JoinSet;

use crate::gate::{Gate, filter, keyed, reason, shared, shared_service};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_told_of_once() {
    let gate = Gate::start(&shared(30, &json!({"cluster": "nowhere"}))).await;
    for (_, client) in gate.clients() {
        for _ in 0..3 {
            client.send(keyed("a")).await;
        }
        let refused = gate.refused_with(429, &client, keyed("a")).await;
        assert_eq!(reason(&refused), "quota_exceeded_in_fallback");
    }
    assert_eq!(gate.upstream.count(), 3);
    gate.envoy.await_log("cluster nowhere").await;
    gate.await_measured("fallback_total", 8).await;
    gate.await_measured("errors_total", 5).await;
    gate.await_measured("opened_total", 1).await;
    assert_eq!(gate.measured("timeouts_total").await, 0);
    assert_eq!(gate.envoy.log().matches("nowhere").count(), 1, "{}", gate.envoy.log());
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_max_in_flight_and_the_clusters_own_limit_the_fallback_decides() {
    for (most, of_cluster) in [(3, 1024), (256, 3)] {
        let (_redis, service) = shared_service(10).await;
        service.set_mode(RateLimitMode::Hang);
        let gate = Gate::launch(filter(&shared(10, &json!({"max_in_flight": most}))), |bootstrap| {
            let mut root = bootstrap.http(&telling()).http2_cluster("ratelimit", service.address()).build();
            let clusters = root["static_resources"]["clusters"].as_array_mut().unwrap();
            let thresholds = json!({"thresholds": [{"max_requests": of_cluster}]});
            clusters.iter_mut().find(|cluster| cluster["name"] == "ratelimit").unwrap()["circuit_breakers"] =
                thresholds;
            Launch::new(root)
        })
        .await;
        let client = gate.h2();
        let mut all = JoinSet::new();
        // Other failures would open the circuit.
        for number in 0..3 + 4 {
            let client = client.clone();
            all.spawn(async move { client.send(keyed(&number.to_string())).await.status });
            if number == 2 {
                service.wait_for("three wait", |counts| counts.waiting == 3).await;
            }
        }
        gate.upstream.await_count(4).await;
        let all = all.join_all().await;
        assert_eq!(all, [200; 7]);
        assert_eq!((service.counts().calls, service.counts().most_waiting), (3, 3));
        assert_eq!(gate.upstream.count(), 7);
        gate.await_measured("fallback_total", 7).await;
        gate.assert_no_vm_failed().await;
    }
}
