//! Claims for what comes after the filter: they cannot be forged, and Envoy sees them as filter state.

use portcullis_integration_tests::{Launch, Request};
use serde_json::json;

use crate::gate::{Gate, config, filter, token, users, with_token};

#[tokio::test(flavor = "multi_thread")]
async fn a_route_sees_the_claims_that_are_handed_over() {
    let mut config = config(&users());
    config["providers"]["main"]["claims_to_filters"] = json!(["/sub", "/tenant/id"]);
    let show = |name: &str, pointer: &str| {
        let value = format!("%FILTER_STATE(wasm.portcullis.claim.{pointer}:PLAIN)%");
        json!({"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"})
    };
    let route = json!({
        "match": {"prefix": "/"},
        "route": {"cluster": "upstream"},
        "request_headers_to_add": [show("x-sub", "/sub"), show("x-tenant", "/tenant/id")],
    });
    let gate = Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.routes(&[route]))).await;
    let token = token(&json!({"tenant": {"id": 7}}));
    gate.passed(&gate.h1(), with_token(Request::get("/users/42/orders"), &token)).await;
    let seen = gate.upstream.only_request();
    assert_eq!(seen.headers.text("x-sub").as_deref(), Some("42"), "{:?}", seen.headers);
    assert_eq!(seen.headers.text("x-tenant").as_deref(), Some("7"));
    gate.assert_no_vm_failed().await;
}
