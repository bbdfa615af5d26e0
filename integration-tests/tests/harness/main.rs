//! The harness held against a real Envoy, without any Wasm: what the other tests stand on.

mod attacks;
mod clients;
mod collector;
mod config;
mod ecds;
mod envoy;
mod issuer;
mod mint;
mod rate_limit_service;
mod redis;
mod traffic;
mod upstream;

use portcullis_integration_tests::{Bootstrap, Envoy, Upstream};
use serde_json::{Value, json};

/// An Envoy that only forwards, and its upstream.
async fn proxy() -> (Envoy, Upstream) {
    let upstream = Upstream::start().await;
    let envoy = Envoy::start(Bootstrap::new(upstream.address())).await;
    (envoy, upstream)
}

/// Answers every request with this status, by Lua.
fn lua_answering(status: u16) -> Value {
    lua(&format!("function envoy_on_request(h) h:respond({{[':status'] = '{status}'}}, '') end"))
}

fn lua(script: &str) -> Value {
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": script},
        },
    })
}

/// Denies a user agent that contains this text, by RBAC.
fn rbac_denying(agent: &str) -> Value {
    let agent = json!({"header": {"name": "user-agent", "string_match": {"contains": agent}}});
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {
                "action": "DENY",
                "policies": {"agents": {"permissions": [agent], "principals": [{"any": true}]}},
            },
        },
    })
}
