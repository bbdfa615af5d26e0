//! What the filter adds to Envoy's start.

use portcullis_integration_tests::{WasmFilter, dist, startup_stays_within_budget};
use serde_json::json;

use crate::gate::filter;
use crate::sample::config;

#[tokio::test(flavor = "multi_thread")]
async fn the_start_stays_within_its_budget() {
    let mut config = config(&json!({}));
    config.as_object_mut().unwrap().remove("audit");
    startup_stays_within_budget("schema_check", filter(&config)).await;
    config["response"] = json!({"mode": "shadow"});
    let responses = WasmFilter::new("schema_check", dist("schema_check_responses")).config(&config);
    startup_stays_within_budget("schema_check_responses", responses).await;
}
