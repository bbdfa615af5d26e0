//! What the filter adds to Envoy's start.

use std::time::Duration;

use portcullis_integration_tests::{Bootstrap, Envoy, Upstream, workspace};
use serde_json::{Value, json};

use crate::gate::filter;

/// Of the processor time that Envoy has used when it is ready.
async fn median_of_starts(bootstrap: &Bootstrap) -> Duration {
    let mut times = Vec::new();
    for _ in 0..3 {
        times.push(Envoy::start(bootstrap).await.cpu_time());
    }
    times.sort_unstable();
    times[1]
}

/// Nearly all of it is V8 compiling the module's code; the configuration adds nothing to see.
///
/// Nearly all of it is V8 compiling the module's code, at about 1.4 µs a byte; the configuration adds nothing to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_start_stays_within_its_budget() {
    let budgets: Value = serde_json::from_slice(&std::fs::read(workspace("budgets.json")).unwrap()).unwrap();
    let budget = Duration::from_millis(budgets["ua_block"]["max_startup_cpu_ms"].as_u64().unwrap());
    let upstream = Upstream::start().await;
    let bare = Bootstrap::new(upstream.address());
    let config = json!({"rules": [
        {"name": "scanners", "preset": ["scanners"], "action": "deny"},
        {"name": "named", "regex": ["BadBot|Scraper"], "action": "deny"},
    ]});
    let without = median_of_starts(&bare).await;
    let with = median_of_starts(&bare.filter(filter(&config))).await;
    let added = with.saturating_sub(without);
    println!("Envoy's start takes {with:?} of processor time, {without:?} without the filter: {added:?} of {budget:?}");
    assert!(added <= budget, "the filter adds {added:?} to Envoy's start; its budget is {budget:?}");
}
