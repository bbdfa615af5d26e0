//! What the tests share: an Envoy with `ratelimit`.

use std::net::SocketAddr;
use std::ops::Deref;

use portcullis_integration_tests::{
    Bootstrap, DEADLINE, Launch, RateLimitService, Redis, Request, Response, WasmFilter, dist, merge, telling, until,
};
use serde_json::{Value, json};

/// An Envoy with `ratelimit`.
pub(crate) struct Gate(pub(crate) portcullis_integration_tests::Gate);

impl Deref for Gate {
    type Target = portcullis_integration_tests::Gate;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Gate {
    /// One worker, the harness's defaults.
    pub(crate) async fn start(config: &Value) -> Self {
        Self::launch(filter(config), |bootstrap| Launch::new(bootstrap.http(&telling()))).await
    }

    /// The module that sees responses as well.
    pub(crate) async fn with_responses(config: &Value) -> Self {
        Self::launch(filter_with_responses(config), |bootstrap| Launch::new(bootstrap.http(&telling()))).await
    }

    /// The cluster `ratelimit` is this service.
    pub(crate) async fn with_service(config: &Value, service: &RateLimitService) -> Self {
        Self::launch(filter(config), |bootstrap| {
            Launch::new(bootstrap.http(&telling()).http2_cluster("ratelimit", service.address()))
        })
        .await
    }

    /// So many workers, among which connections are spread evenly; the cluster `ratelimit` is at this address.
    pub(crate) async fn with_workers(filter: impl Into<Value>, service: SocketAddr, workers: u32) -> Self {
        Self::launch(filter, |bootstrap| {
            let mut root = bootstrap.http(&telling()).http2_cluster("ratelimit", service).build();
            root["static_resources"]["listeners"][0]["connection_balance_config"] = json!({"exact_balance": {}});
            Launch::new(root).concurrency(workers)
        })
        .await
    }

    /// A metric of the service's side, `portcullis_ratelimit_service_<name>`, as it stands.
    pub(crate) async fn measured(&self, name: &str) -> u64 {
        self.stats().counter(&format!("portcullis_ratelimit_service_{name}"), &[("filter", "ratelimit")]).await
    }

    /// Waits until it is exactly this.
    pub(crate) async fn await_measured(&self, name: &str, wanted: u64) {
        let same = || async { (self.measured(name).await == wanted).then_some(()) };
        let is_so = until(DEADLINE, same).await.is_some();
        assert!(is_so, "{name} is {}, not {wanted}, after {DEADLINE:?}", self.measured(name).await);
    }

    /// Any form of the filter, and any change to the bootstrap.
    pub(crate) async fn launch(filter: impl Into<Value>, launch: impl FnOnce(Bootstrap) -> Launch) -> Self {
        Self(portcullis_integration_tests::Gate::launch("ratelimit", filter, launch).await)
    }
}

/// The filter with this config.
pub(crate) fn filter(config: &Value) -> WasmFilter {
    plugin("ratelimit").config(config)
}

/// The module that sees responses.
pub(crate) fn filter_with_responses(config: &Value) -> WasmFilter {
    plugin("ratelimit_responses").config(config)
}

/// As `docs/ratelimit.md` has it: Envoy does not read on while a request waits for the service.
fn plugin(module: &str) -> WasmFilter {
    WasmFilter::new("ratelimit", dist(module)).merge(&json!({"allow_on_headers_stop_iteration": null}))
}

/// Why the filter refused: [`portcullis_integration_tests::Gate::reason`].
pub(crate) fn reason(response: &Response) -> String {
    portcullis_integration_tests::Gate::reason("ratelimit", response)
}

/// A limit of `quota` an hour for the value of `x-key`.
pub(crate) fn by_key(quota: u32) -> Value {
    json!({"name": "by-key", "key": ["header:x-key"], "quota": quota, "window_s": 3600})
}

/// One limit that a fleet shares, of `quota` an hour for the value of `x-key`. Its fallback lets a tenth of that pass. What
/// `more` has goes to `global`.
pub(crate) fn shared(quota: u32, more: &Value) -> Value {
    let mut global =
        json!({"cluster": "ratelimit", "domain": "portcullis", "timeout_ms": 1000, "fallback_factor": 0.1});
    merge(&mut global, more);
    json!({
        "limits": [{"name": "shared", "key": ["header:x-key"], "quota": quota, "window_s": 3600, "global": true}],
        "global": global,
    })
}

/// The same on the service's side.
pub(crate) async fn shared_service(quota: u32) -> (Redis, RateLimitService) {
    service(&[("shared", "header:x-key", quota)]).await
}

pub(crate) fn keyed(key: &str) -> Request {
    Request::get("/").header("x-key", key)
}

/// When the services' clocks stand still: 10 s after an hour has begun.
pub(crate) const NOW: u64 = 1_700_002_800 + 10;

/// A service with these limits by `(name, key, an hour's quota)`, on a Redis of its own.
pub(crate) async fn service(limits: &[(&str, &str, u32)]) -> (Redis, RateLimitService) {
    let redis = Redis::start().await;
    let limits: Vec<_> = limits
        .iter()
        .map(|(name, key, quota)| {
            json!({"key": "limit", "value": name, "descriptors": [
                {"key": key, "rate_limit": {"unit": "hour", "requests_per_unit": quota}},
            ]})
        })
        .collect();
    let service = RateLimitService::start(&redis, &json!({"domain": "portcullis", "descriptors": limits})).await;
    service.set_clock(Some(NOW));
    (redis, service)
}

/// What is left of each limit, by its name, as the header `ratelimit` tells.
pub(crate) fn left(response: &Response) -> Vec<(String, u32)> {
    let told = response.headers.text("ratelimit").unwrap_or_else(|| panic!("tells nothing: {response:?}"));
    let one = |limit: &str| {
        let (name, rest) = limit.strip_prefix('"')?.split_once("\";r=")?;
        Some((name.to_owned(), rest.split(';').next()?.parse().ok()?))
    };
    told.split(", ").map(|limit| one(limit).unwrap_or_else(|| panic!("{told}"))).collect()
}
