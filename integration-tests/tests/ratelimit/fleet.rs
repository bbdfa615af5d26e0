//! Envoys that share one quota over Redis.

use portcullis_integration_tests::{Client, Request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::gate::{Gate, filter, filter_with_responses, keyed, reason, shared, shared_service};

const QUOTA: u32 = 300;
const WORKERS: u32 = 2;

/// Sends requests from so many clients at the same time until each was refused three times. How many passed, and the
/// reasons for refusals.
async fn use_up(clients: Vec<Client>) -> (usize, Vec<String>) {
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(async move {
            let (mut passed, mut refusals) = (0, Vec::new());
            while refusals.len() < 3 {
                let answer = client.send(keyed("a")).await;
                match answer.status {
                    200 => passed += 1,
                    429 => refusals.push(reason(&answer)),
                    _ => panic!("{answer:?}"),
                }
            }
            (passed, refusals)
        });
    }
    let each = tasks.join_all().await;
    (each.iter().map(|(passed, _)| passed).sum(), each.into_iter().flat_map(|(_, refusals)| refusals).collect())
}

async fn two_envoys(lease: u32) -> (usize, usize) {
    let (_redis, service) = shared_service(QUOTA).await;
    let mut config = shared(QUOTA, &json!({"fallback_factor": 0.001}));
    config["limits"][0]["lease"] = json!(lease);
    let start = || Gate::with_workers(filter(&config), service.address(), WORKERS);
    let gates: [Gate; 2] = tokio::join!(start(), start()).into();
    // Two connections for each worker, and those of HTTP/2 with four requests at a time.
    let clients = gates.iter().flat_map(|gate| {
        let h2 = gate.h2();
        [gate.h1(), gate.h1(), h2.clone(), h2.clone(), h2.clone(), h2]
    });
    let (passed, refusals) = use_up(clients.collect()).await;
    // None by the fallback, which would falsify the sum.
    assert_eq!(refusals, vec!["quota_exceeded"; 3 * 12]);
    assert_eq!(gates.iter().map(|gate| gate.upstream.count()).sum::<usize>(), passed, "nothing refused gets through");
    for gate in gates {
        assert_eq!(gate.measured("fallback_total").await, 0);
        gate.assert_no_vm_failed().await;
    }
    (passed, service.counts().calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_envoys_share_a_quota_exactly() {
    let (passed, calls) = two_envoys(1).await;
    assert_eq!(passed, QUOTA as usize);
    assert!(calls > passed, "each that passed was asked for: {calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_leases_never_more_and_little_less() {
    const LEASE: u32 = 20;
    let (passed, calls) = two_envoys(LEASE).await;
    let unused = 2 * WORKERS * (LEASE - 1);
    assert!(((QUOTA - unused) as usize..=QUOTA as usize).contains(&passed), "{passed}");
    assert!(calls < QUOTA as usize / 2, "{calls} calls for {passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_told_what_the_fleet_has_left() {
    let (_redis, service) = shared_service(5).await;
    let config = shared(5, &json!({}));
    let start = || Gate::with_workers(filter(&config), service.address(), 1);
    let (one, two) = tokio::join!(start(), start());
    for (gate, client) in [(&one, one.h1()), (&two, two.h2()), (&one, one.h2()), (&two, two.h1()), (&one, one.h1())] {
        gate.passed(&client, keyed("a")).await;
    }
    for (gate, other) in [(&one, "b"), (&two, "c")] {
        for (_, client) in gate.clients() {
            let refused = gate.refused_with(429, &client, keyed("a")).await;
            assert_eq!(reason(&refused), "quota_exceeded");
            let header = |name: &str| refused.headers.text(name).unwrap_or_default();
            let reset = header("ratelimit").strip_prefix("\"shared\";r=0;t=").and_then(|reset| reset.parse().ok());
            // The service's clock stands 3,590 s before the end of its hour.
            assert!(reset.is_some_and(|reset: u32| (3550..=3590).contains(&reset)), "{refused:?}");
            assert_eq!(header("ratelimit-policy"), "\"shared\";q=5;w=3600");
            assert_eq!(header("retry-after").parse().ok(), reset);
        }
        // Another client is another.
        gate.passed(&gate.h1(), keyed(other)).await;
        gate.assert_no_vm_failed().await;
    }
    // The first refusal by each was the service's, the second is remembered.
    assert_eq!(service.counts().calls, 5 + 2 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_passes_is_told_what_the_fleet_has_left() {
    let (_redis, service) = shared_service(5).await;
    let mut config = shared(50, &json!({}));
    config["headers"] = json!({"on": "all", "legacy": true});
    let start = || Gate::with_workers(filter_with_responses(&config), service.address(), 1);
    let (one, two) = tokio::join!(start(), start());
    for (gate, left) in [(&one, 4), (&two, 3), (&one, 2)] {
        let passed = gate.passed(&gate.h1(), keyed("a").body("some")).await;
        let header = |name: &str| passed.headers.text(name).unwrap_or_default();
        assert!(header("ratelimit").starts_with(&format!("\"shared\";r={left};t=35")), "{passed:?}");
        // The service's quota, not the one that is configured here.
        assert_eq!(
            (header("ratelimit-policy"), header("x-ratelimit-limit")),
            ("\"shared\";q=5;w=3600".into(), "5".into())
        );
        assert_eq!(header("x-ratelimit-remaining"), left.to_string());
    }
    service.down().await;
    let passed = one.passed(&one.h2(), keyed("b")).await;
    let told = passed.headers.text("ratelimit").unwrap_or_default();
    assert!(told.starts_with("\"shared\";r=4;t="), "a tenth, and one less: {told}");
}

/// The fleet counts in Redis, so what one Envoy knew is not lost with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_envoy_goes_on_where_the_old_one_ended() {
    let (_redis, service) = shared_service(2).await;
    let config = shared(2, &json!({}));
    for passes in [2, 0] {
        let gate = Gate::with_service(&config, &service).await;
        for _ in 0..passes {
            gate.passed(&gate.h1(), keyed("a")).await;
        }
        gate.refused_with(429, &gate.h2(), keyed("a")).await;
    }
}

/// A network's `factor` is for the fallback; `unlimited` holds without a call.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_knows_nothing_of_networks() {
    let (_redis, service) = shared_service(3).await;
    let mut config: Value = shared(20, &json!({"fallback_factor": 1}));
    config["networks"] = json!([
        {"cidr": "127.0.0.2/32", "unlimited": true}, {"cidr": "127.0.0.3/32", "factor": 0.1},
    ]);
    let gate = Gate::with_service(&config, &service).await;
    let from = |last: u8| gate.h1().source([127, 0, 0, last]);
    for _ in 0..5 {
        gate.passed(&from(2), Request::get("/")).await;
    }
    assert_eq!(service.counts().calls, 0);
    for _ in 0..3 {
        gate.passed(&from(3), keyed("a")).await;
    }
    assert_eq!(reason(&gate.refused_with(429, &from(3), keyed("a")).await), "quota_exceeded");
    service.down().await;
    for (last, quota) in [(3, 2), (4, 20)] {
        let key = format!("from {last}");
        for _ in 0..quota {
            gate.passed(&from(last), keyed(&key)).await;
        }
        assert_eq!(reason(&gate.refused_with(429, &from(last), keyed(&key)).await), "quota_exceeded_in_fallback");
    }
    gate.passed(&from(2), Request::get("/")).await;
}
