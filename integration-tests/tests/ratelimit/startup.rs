//! What the filter adds to Envoy's start.

use portcullis_integration_tests::startup_stays_within_budget;
use serde_json::json;

use crate::gate::filter;

#[tokio::test(flavor = "multi_thread")]
async fn the_start_stays_within_its_budget() {
    let config = json!({"limits": [
        {"name": "per-client", "key": ["client_ip"], "quota": 100, "window_s": 60, "burst": 20},
        {"name": "login", "path": "/login", "methods": ["POST"], "key": ["client_ip", "header:x-account"], "quota": 5, "window_s": 300},
    ]});
    startup_stays_within_budget("ratelimit", filter(&config)).await;
}
