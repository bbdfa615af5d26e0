//! What the filter adds to Envoy's start.

use portcullis_integration_tests::startup_stays_within_budget;
use serde_json::json;

use crate::gate::filter;

#[tokio::test(flavor = "multi_thread")]
async fn the_start_stays_within_its_budget() {
    let config = json!({"rules": [
        {"name": "scanners", "preset": ["scanners"], "action": "deny"},
        {"name": "named", "regex": ["BadBot|Scraper"], "action": "deny"},
    ]});
    startup_stays_within_budget("ua_block", filter(&config)).await;
}
