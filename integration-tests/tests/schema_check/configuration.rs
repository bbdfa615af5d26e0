//! How a config gets into force: bad ones never, good ones under traffic without a request lost.

use portcullis_integration_tests::{
    DiscoveredFilter, Launch, Request, Traffic, WasmFilter, assert_start_refused, bad_configs, dist,
};
use serde_json::json;

use crate::gate::{Gate, filter};
use crate::sample::{config, create, good};

fn unparsed(config: &str) -> WasmFilter {
    WasmFilter::new("schema_check", dist("schema_check")).config_text(config)
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_does_not_start_with_a_bad_config() {
    // Each takes a second of processor time: a few show that the start is refused, and the next test has all of them.
    let table = bad_configs("schema_check", 150);
    let step = table.len().div_ceil(8);
    assert_start_refused(table.into_iter().step_by(step), unparsed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_reload_leaves_the_old_config_in_force() {
    let mut discovered = DiscoveredFilter::new(filter(&config(&json!({}))));
    let gate = Gate::launch(&discovered, |bootstrap| Launch::new(bootstrap).concurrency(2)).await;
    let client = gate.h1();
    let mut faults = Vec::new();
    for (config, fault) in bad_configs("schema_check", 150) {
        match discovered.update(&gate.envoy, unparsed(&config)).await {
            Ok(()) => panic!("taken: {config}"),
            Err(rejected) if !rejected.log.contains(&fault) => {
                faults.push(format!("{config}: no {fault:?} in {rejected}"));
            }
            Err(_) => {}
        }
        gate.passed(&client, good()).await;
        gate.refused_with(400, &client, create(&json!({}))).await;
        gate.refused_with(400, &client, Request::get("/elsewhere")).await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // And a good one after all the bad ones.
    let other = json!({"operations": [{"path": "/elsewhere", "method": "GET"}]});
    discovered.update(&gate.envoy, filter(&other)).await.unwrap();
    gate.passed(&client, Request::get("/elsewhere")).await;
    gate.refused_with(400, &client, good()).await;
    let log = gate.envoy.log();
    assert!(!log.contains("panicked") && !log.contains("unreachable"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_of_what_is_not_enforced() {
    let mut config = config(&json!({"ignore": ["/paths/~1nowhere"]}));
    config["openapi"]["paths"]["/odd"] = json!({"post": {
        "parameters": [{"name": "a", "in": "query"}],
        "requestBody": {"content": {"json": {}}},
    }});
    let gate = Gate::start(&config).await;
    for place in [
        "$.openapi at /paths/~1odd/post/parameters/0: ",
        "$.openapi at /paths/~1odd/post/requestBody/content/json: ",
        "$.openapi at /paths/~1nowhere: ",
    ] {
        assert!(gate.envoy.log().contains(place), "no {place:?} in {}", gate.envoy.log());
    }
    gate.passed(&gate.h1(), good()).await;
    gate.assert_no_vm_failed().await;
}

/// A changed document comes into force under traffic: no request is lost, and each is judged by one of the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_document_applies_under_traffic() {
    let with_age = |maximum: u32| {
        let mut config = config(&json!({}));
        config["openapi"]["components"]["schemas"]["User"]["properties"]["age"]["maximum"] = json!(maximum);
        filter(&config)
    };
    let old = || create(&json!({"email": "alice@example.com", "age": 60}));
    let mut discovered = DiscoveredFilter::new(with_age(100));
    let gate = Gate::launch(&discovered, |bootstrap| Launch::new(bootstrap).concurrency(2)).await;
    for (version, client) in gate.clients() {
        let traffic = Traffic::start(&client, 4, move |turn| match turn % 4 {
            0 => ("good", good()),
            1 => ("bad", create(&json!({"email": 1}))),
            2 => ("unknown", Request::get("/elsewhere")),
            _ => ("old", old()),
        });
        for turn in 0..4 {
            let maximum = if turn % 2 == 0 { 50 } else { 100 };
            discovered.update(&gate.envoy, with_age(maximum)).await.unwrap();
            // It is in force now.
            if maximum == 50 {
                assert_eq!(client.send(old()).await.status, 400, "{version}");
            } else {
                assert_eq!(client.send(old()).await.status, 200, "{version}");
            }
            traffic.await_more(200).await;
        }
        let tally = traffic.stop().await;
        assert!(tally.failures.is_empty(), "{version}: {tally:#?}");
        let kinds: Vec<_> = tally.answers.keys().copied().collect();
        let expected = [("bad", 400), ("good", 200), ("old", 200), ("old", 400), ("unknown", 400)];
        assert_eq!(kinds, expected, "{version}: {tally:#?}");
    }
    gate.assert_no_vm_trapped().await;
}

/// A document of the size of a large service's: all of it is there, and what is not in it is not.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_operations_load_and_route() {
    const OPERATIONS: usize = 3000;
    let mut config = config(&json!({}));
    for number in 0..OPERATIONS {
        let schema = json!({"type": "object", "required": [format!("member{number}")]});
        config["openapi"]["paths"][format!("/service-{number}/{{id}}")] = json!({
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
            "post": {"requestBody": {"content": {"application/json": {"schema": schema}}}},
        });
    }
    let gate = Gate::start(&config).await;
    let client = gate.h2();
    let post = |number: usize, id: &str, member: usize| {
        let body = json!({format!("member{member}"): 1}).to_string();
        Request::post(&format!("/service-{number}/{id}"), body).header("content-type", "application/json")
    };
    for number in (0..OPERATIONS).step_by(499).chain([OPERATIONS - 2, OPERATIONS - 1]) {
        gate.passed(&client, post(number, "1", number)).await;
        gate.refused_with(400, &client, post(number, "a", number)).await;
        gate.refused_with(400, &client, post(number, "1", number + 1)).await;
        gate.refused_with(400, &client, Request::get(&format!("/service-{number}/1"))).await;
    }
    gate.refused_with(400, &client, post(OPERATIONS, "1", OPERATIONS)).await;
    gate.assert_no_vm_failed().await;
}
