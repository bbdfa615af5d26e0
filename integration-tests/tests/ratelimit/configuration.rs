//! Configs that must not get into force.

use portcullis_integration_tests::{WasmFilter, assert_start_refused, bad_configs, dist};
use serde_json::json;

use crate::gate::Gate;

#[tokio::test]
async fn bad_configs_stop_the_start() {
    // Each takes a start; all are tested natively.
    let some = bad_configs("ratelimit", 100).into_iter().step_by(8);
    assert_start_refused(some, |config| WasmFilter::new("ratelimit", dist("ratelimit")).config_text(config)).await;
}

#[tokio::test]
async fn what_needs_responses_is_refused_by_the_module_without() {
    let limit = |more: &str| format!(r#"{{"limits":[{{"name":"a","key":["client_ip"],"quota":1,"window_s":1{more}}}]"#);
    let configs = [
        (limit(r#","count":"4xx""#) + "}", "$.limits[0].count: expected the module `ratelimit_responses.wasm`"),
        (limit("") + r#","headers":{"on":"all"}}"#, "$.headers.on: expected the module `ratelimit_responses.wasm`"),
    ];
    let configs = configs.map(|(config, fault)| (config, fault.to_owned()));
    assert_start_refused(configs, |config| WasmFilter::new("ratelimit", dist("ratelimit")).config_text(config)).await;
    Gate::with_responses(&json!({
        "limits": [{"name": "a", "key": ["client_ip"], "quota": 1, "window_s": 1, "count": "4xx"}],
        "headers": {"on": "all"},
    }))
    .await;
}
