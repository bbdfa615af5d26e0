//! What a filter adds to Envoy's start.

use std::time::Duration;

use serde_json::Value;

use crate::config::Bootstrap;
use crate::envoy::Envoy;
use crate::upstream::Upstream;
use crate::workspace;

/// Starts Envoy with and without the filter of this name, and panics if the difference in processor time is over the
/// filter's `max_startup_cpu_ms` in `budgets.json`.
///
/// Nearly all of it is V8 compiling the module's code, at about 1.4 µs a byte; the configuration adds nothing to it.
pub async fn startup_stays_within_budget(name: &str, filter: impl Into<Value>) {
    let budgets = std::fs::read(workspace("budgets.json")).expect("the budgets");
    let budgets: Value = serde_json::from_slice(&budgets).expect("budgets in JSON");
    let budget = Duration::from_millis(budgets[name]["max_startup_cpu_ms"].as_u64().expect("a budget"));
    let upstream = Upstream::start().await;
    let bare = Bootstrap::new(upstream.address());
    let without = median_of_starts(&bare).await;
    let with = median_of_starts(&bare.filter(filter)).await;
    let added = with.saturating_sub(without);
    println!("Envoy's start takes {with:?} of processor time, {without:?} without {name}: {added:?} of {budget:?}");
    assert!(added <= budget, "{name} adds {added:?} to Envoy's start; its budget is {budget:?}");
}

/// Of the processor time that Envoy has used when it is ready.
async fn median_of_starts(bootstrap: &Bootstrap) -> Duration {
    let mut times = Vec::new();
    for _ in 0..3 {
        times.push(Envoy::start(bootstrap).await.cpu_time());
    }
    times.sort_unstable();
    times[1]
}
