//! How a config gets into force: bad ones never, good ones at once, each filter by its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use portcullis_integration_tests::{
    Bootstrap, Client, Collector, DiscoveredFilter, Envoy, Launch, Mode, Upstream, WasmFilter, assert_start_refused,
    bad_configs, dist,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::gate::{Gate, bad_bots, filter, get};

fn unparsed(config: &str) -> WasmFilter {
    WasmFilter::new("ua_block", dist("ua_block")).config_text(config)
}

/// Refuses this agent and `Always`, and reports.
fn refusing(agent: &str, audit: &Value) -> WasmFilter {
    let mut config = bad_bots(audit);
    config["rules"] = json!([
        {"name": "always", "contains": ["Always"], "action": "deny"},
        {"name": agent, "contains": [agent], "action": "deny"},
    ]);
    filter(&config)
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_does_not_start_with_a_bad_config() {
    assert_start_refused(bad_configs("ua_block", 25), unparsed).await;
}

/// A gate whose filter comes from a file.
async fn discovered(first: WasmFilter) -> (DiscoveredFilter, Gate) {
    let filter = DiscoveredFilter::new(first);
    let gate = Gate::launch(&filter, |bootstrap| Launch::new(bootstrap).concurrency(2)).await;
    (filter, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_reload_leaves_the_old_config_in_force() {
    let (mut filter, gate) = discovered(refusing("BadBot", &json!({}))).await;
    let client = gate.h1();
    let mut served = 0;
    for (config, fault) in bad_configs("ua_block", 25) {
        let Err(rejected) = filter.update(&gate.envoy, unparsed(&config)).await else { panic!("taken: {config}") };
        assert!(rejected.log.contains(&fault), "{config}: no {fault:?} in {rejected}");
        gate.refused(&client, get("BadBot")).await;
        gate.passed(&client, get("Mozilla/5.0")).await;
        served += 1;
    }
    let expected =
        [("allow default no_rule_matched enforce", served), ("deny BadBot user_agent_denied enforce", served)];
    gate.await_decisions(&expected.map(|(key, count)| (key.to_owned(), count)).into()).await.unwrap();
    assert_eq!(gate.collector.await_count(served.try_into().unwrap()).await.len() as u64, served);
    // And a good one after all the bad ones.
    filter.update(&gate.envoy, refusing("Scraper", &json!({}))).await.unwrap();
    gate.passed(&client, get("BadBot")).await;
    gate.refused(&client, get("Scraper")).await;
    assert!(!gate.envoy.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_reload_applies_live_and_fails_no_request() {
    let (mut filter, gate) = discovered(refusing("Even", &json!({}))).await;
    let stop = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicUsize::new(0));
    let mut streams = JoinSet::new();
    for (_, client) in gate.clients().into_iter().chain(gate.clients()) {
        let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
        streams.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(client.send(get("Mozilla/5.0")).await.status, 200);
                assert_eq!(client.send(get("Always")).await.status, 403);
                sent.fetch_add(2, Ordering::Relaxed);
            }
        });
    }
    for round in 0..10 {
        let (refused, passed) = if round % 2 == 0 { ("Odd", "Even") } else { ("Even", "Odd") };
        filter.update(&gate.envoy, refusing(refused, &json!({}))).await.unwrap();
        let before = sent.load(Ordering::Relaxed);
        // New connections come to both workers.
        for _ in 0..8 {
            for client in [gate.h1(), gate.h2()] {
                assert_eq!(client.send(get(refused)).await.status, 403, "round {round}");
                assert_eq!(client.send(get(passed)).await.status, 200, "round {round}");
            }
        }
        assert!(sent.load(Ordering::Relaxed) > before, "the streams have ended");
    }
    stop.store(true, Ordering::Relaxed);
    streams.join_all().await;
    println!("{} requests while ten configs went by", sent.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_wait_survive_a_reload() {
    let audit = json!({"retry": {"base_ms": 10, "max_ms": 40}});
    let mut filter = DiscoveredFilter::new(refusing("First", &audit));
    let gate = Gate::launch(&filter, Launch::new).await;
    let client = gate.h1();
    gate.collector.set_mode(Mode::Down).await;
    let send = async |agent| {
        for _ in 0..20 {
            gate.refused(&client, get(agent)).await;
        }
    };
    send("First").await;
    filter.update(&gate.envoy, refusing("Second", &audit)).await.unwrap();
    send("Second").await;
    // The part `audit` changes: what waits goes where it was to go.
    let mut elsewhere = audit.clone();
    elsewhere["path"] = json!("/elsewhere");
    filter.update(&gate.envoy, refusing("Third", &elsewhere)).await.unwrap();
    send("Third").await;
    assert_eq!(gate.audited("deny", "dropped").await, 0);

    gate.collector.set_mode(Mode::Ok).await;
    gate.collector.await_count(60).await;
    let mut rules: Vec<(String, String, u64)> = Vec::new();
    for batch in gate.collector.batches() {
        for event in batch.events.unwrap() {
            let rule = event["rule"]["name"].as_str().unwrap().to_owned();
            rules.push((batch.path.clone(), rule, event["event"]["sequence"].as_u64().unwrap()));
        }
    }
    rules.sort_unstable();
    let of = |path: &str, rule: &str, from| (from..from + 20).map(|n| (path.to_owned(), rule.to_owned(), n)).collect();
    let expected: [Vec<_>; 3] = [of("/", "First", 1), of("/", "Second", 21), of("/elsewhere", "Third", 1)];
    assert_eq!(rules, expected.concat(), "each event once, numbered on across the reload");
}

/// One VM, and so one thread's state, for both.
#[tokio::test(flavor = "multi_thread")]
async fn filters_in_one_vm_judge_by_their_own_configs() {
    let filters =
        [("one", refusing("One", &json!({"path": "/one"}))), ("two", refusing("Two", &json!({"path": "/two"})))];
    let gate = Gate::launch(filter(&json!({})), |bootstrap| Launch::new(bootstrap.listeners(filters))).await;
    let send = |listener, version: fn(_) -> Client, agent, status| {
        let client = version(gate.envoy.listener(listener));
        async move {
            for _ in 0..50 {
                assert_eq!(client.send(get(agent)).await.status, status, "{agent} to {listener}");
            }
        }
    };
    // At once, so that the VM goes back and forth between them.
    tokio::join!(
        send("one", Client::h1, "One", 403),
        send("two", Client::h1, "One", 200),
        send("one", Client::h2, "Two", 200),
        send("two", Client::h2, "Two", 403),
    );
    gate.collector.await_count(100).await;
    for batch in gate.collector.batches() {
        let rule = if batch.path == "/one" { "One" } else { "Two" };
        assert!(batch.events.unwrap().iter().all(|event| event["rule"]["name"] == rule));
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_filters_in_one_chain() {
    let upstream = Upstream::start().await;
    let collector = Collector::start().await;
    let bootstrap = Bootstrap::new(upstream.address())
        .cluster("audit", collector.address())
        .filter(refusing("One", &json!({"path": "/one"})))
        .filter(refusing("Two", &json!({"path": "/two"})));
    let envoy = Envoy::start(bootstrap).await;
    for client in [Client::h1(envoy.address()), Client::h2(envoy.address())] {
        for (agent, status) in [("One", 403), ("Two", 403), ("Always", 403), ("Mozilla/5.0", 200)] {
            assert_eq!(client.send(get(agent)).await.status, status, "{agent}");
        }
    }
    assert_eq!(upstream.count(), 2);
    collector.await_count(6).await;
    let paths: Vec<String> = collector.batches().into_iter().map(|batch| batch.path).collect();
    assert!(paths.iter().any(|path| path == "/one") && paths.iter().any(|path| path == "/two"), "{paths:?}");
}
