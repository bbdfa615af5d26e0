//! What the tests share: an Envoy with `ratelimit`.

use std::ops::Deref;

use portcullis_integration_tests::{Bootstrap, Launch, RateLimitService, Redis, Response, WasmFilter, dist, telling};
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

    /// Any form of the filter, and any change to the bootstrap.
    pub(crate) async fn launch(filter: impl Into<Value>, launch: impl FnOnce(Bootstrap) -> Launch) -> Self {
        Self(portcullis_integration_tests::Gate::launch("ratelimit", filter, launch).await)
    }
}

/// The filter with this config.
pub(crate) fn filter(config: &Value) -> WasmFilter {
    WasmFilter::new("ratelimit", dist("ratelimit")).config(config)
}

/// The module that sees responses.
pub(crate) fn filter_with_responses(config: &Value) -> WasmFilter {
    WasmFilter::new("ratelimit", dist("ratelimit_responses")).config(config)
}

/// Why the filter refused: [`portcullis_integration_tests::Gate::reason`].
pub(crate) fn reason(response: &Response) -> String {
    portcullis_integration_tests::Gate::reason("ratelimit", response)
}

/// A limit of `quota` an hour for the value of `x-key`.
pub(crate) fn by_key(quota: u32) -> Value {
    json!({"name": "by-key", "key": ["header:x-key"], "quota": quota, "window_s": 3600})
}

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
