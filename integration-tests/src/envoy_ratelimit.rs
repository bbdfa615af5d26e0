//! Envoy's own filter for a rate limit service: what ours is held against, and compared with.

use serde_json::{Value, json};

/// The `ratelimit` filter that asks the cluster `ratelimit` about this domain, tells clients the limits in
/// `x-ratelimit-*` headers, and lets requests pass when there is no answer within 20 ms, unless `patch` says otherwise
/// (see [`merge`](crate::merge)): `{"timeout": "1s", "failure_mode_deny": true}`.
pub fn envoy_ratelimit(domain: &str, patch: &Value) -> Value {
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
        "domain": domain,
        "timeout": "0.02s",
        "failure_mode_deny": false,
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        "rate_limit_service": {
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": "ratelimit"}},
        },
    });
    crate::merge(&mut config, patch);
    json!({"name": "envoy.filters.http.ratelimit", "typed_config": config})
}

/// For [`envoy_ratelimit`]: a route of everything to the upstream, with the `rate_limits` that say what is counted. See
/// [`limit_by_header`] for one.
pub fn rate_limited_route(rate_limits: &[Value]) -> Value {
    json!({"match": {"prefix": "/"}, "route": {"cluster": "upstream", "rate_limits": rate_limits}})
}

/// For [`rate_limited_route`]: the descriptor of a limit of this name, whose key is the value of a header. A request
/// without the header is not limited.
pub fn limit_by_header(limit: &str, key: &str, header: &str) -> Value {
    json!({"actions": [
        {"generic_key": {"descriptor_key": "limit", "descriptor_value": limit}},
        {"request_headers": {"descriptor_key": key, "header_name": header}},
    ]})
}
