//! Limits, as Envoy's own filters and ours have them.

use portcullis_integration_tests::{WasmFilter, dist, envoy_ratelimit, limit_by_header, rate_limited_route};
use serde_json::{Value, json};

/// What tells clients apart. The load is always the same client.
#[derive(Clone, Copy)]
pub(crate) enum By {
    /// The client's address.
    Address,
    /// The header [`TENANT`].
    Tenant,
    /// Nothing but the path: all clients are one.
    Path,
}

pub(crate) const THREE: [By; 3] = [By::Address, By::Tenant, By::Path];

/// Not one that is hashed before the service gets it: Envoy's own filter does not either.
pub(crate) const TENANT: &str = "x-tenant";

/// How much there is for each client, in a year.
#[derive(Clone, Copy)]
pub(crate) enum Quota {
    /// More than the load takes. What was taken is not back before the next request comes, so that each one finds a
    /// client that is known.
    Plenty = 1_000_000_000,
    /// The first request takes all.
    One = 1,
}

const YEAR_S: u32 = 31_622_400;

/// Which responses tell of limits, in headers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// What the filter does by default: in ours, those to refused requests, in Envoy's none.
    Default,
    All,
}

/// Envoy's `local_ratelimit`, with a bucket for each client, 20 of them by default.
pub(crate) fn local_ratelimit(limits: &[By], quota: Quota, told: Told) -> Value {
    let bucket = |quota: Quota| {
        let quota = quota as u32;
        json!({"max_tokens": quota, "tokens_per_fill": quota, "fill_interval": format!("{YEAR_S}s")})
    };
    // An entry without a value stands for each value.
    let descriptor = |by: &By| {
        let entries = match by {
            By::Address => json!([{"key": "remote_address"}]),
            By::Tenant => json!([{"key": "tenant"}]),
            By::Path => json!([{"key": "all", "value": "orders"}, {"key": "path"}]),
        };
        json!({"entries": entries, "token_bucket": bucket(quota)})
    };
    let rate_limit = |by: &By| {
        json!({"actions": match by {
            By::Address => json!([{"remote_address": {}}]),
            By::Tenant => json!([{"request_headers": {"descriptor_key": "tenant", "header_name": TENANT}}]),
            By::Path => json!([
                {"generic_key": {"descriptor_key": "all", "descriptor_value": "orders"}},
                {"request_headers": {"descriptor_key": "path", "header_name": ":path"}},
            ]),
        }})
    };
    json!({"name": "local_ratelimit", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "bench",
        "filter_enabled": {"default_value": {"numerator": 100}},
        "filter_enforced": {"default_value": {"numerator": 100}},
        // It must have one, which only requests take from that no descriptor is for.
        "token_bucket": bucket(Quota::Plenty),
        "always_consume_default_token_bucket": false,
        "rate_limits": limits.iter().map(rate_limit).collect::<Vec<_>>(),
        "descriptors": limits.iter().map(descriptor).collect::<Vec<_>>(),
        "enable_x_ratelimit_headers": if told == Told::All { "DRAFT_VERSION_03" } else { "OFF" },
    }})
}

/// Our `ratelimit` with the same limits, by GCRA in tables of 65,536 clients each.
pub(crate) fn ratelimit(limits: &[By], quota: Quota, told: Told) -> WasmFilter {
    let limit = |by: &By| {
        let (name, key) = match by {
            By::Address => ("per-client", json!(["client_ip"])),
            By::Tenant => ("per-tenant", json!([format!("header:{TENANT}")])),
            By::Path => ("per-path", json!(["constant:orders", "path"])),
        };
        json!({"name": name, "key": key, "quota": quota as u32, "window_s": YEAR_S})
    };
    let (module, on) = match told {
        Told::Default => ("ratelimit", "refused"),
        Told::All => ("ratelimit_responses", "all"),
    };
    WasmFilter::new("ratelimit", dist(module)).config(&json!({
        "limits": limits.iter().map(limit).collect::<Vec<_>>(),
        "table": {"entries": 65_536},
        "headers": {"on": on},
    }))
}

const DOMAIN: &str = "bench";
const FLEET_LIMIT: &str = "per-tenant";

/// What the service is started with: the tenants' limit, which no load exceeds.
pub(crate) fn descriptors() -> Value {
    let limit = json!({"unit": "hour", "requests_per_unit": u32::MAX});
    json!({"domain": DOMAIN, "descriptors": [{
        "key": "limit",
        "value": FLEET_LIMIT,
        "descriptors": [{"key": format!("header:{TENANT}"), "rate_limit": limit}],
    }]})
}

/// Envoy's own filter that asks the service, and the route that says about what.
pub(crate) fn envoy_fleet() -> (Value, [Value; 1]) {
    // A debug build of the service under full load needs its time.
    let filter = envoy_ratelimit(DOMAIN, &json!({"timeout": "1s", "enable_x_ratelimit_headers": "OFF"}));
    let limit = limit_by_header(FLEET_LIMIT, &format!("header:{TENANT}"), TENANT);
    (filter, [rate_limited_route(&[limit])])
}

/// Ours that asks the same, each time for so many requests.
pub(crate) fn fleet(lease: u32) -> WasmFilter {
    WasmFilter::new("ratelimit", dist("ratelimit")).config(&json!({
        "limits": [{
            "name": FLEET_LIMIT,
            "key": [format!("header:{TENANT}")],
            "quota": 1_000_000_000,
            "window_s": 3600,
            "global": true,
            "lease": lease,
        }],
        "global": {"cluster": "ratelimit", "domain": DOMAIN, "timeout_ms": 1000},
    }))
}
