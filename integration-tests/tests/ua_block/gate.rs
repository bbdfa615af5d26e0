//! What the tests share: an Envoy with `ua_block` between a client, an upstream and a collector.

use std::ops::Deref;

use portcullis_integration_tests::{Bootstrap, Client, Launch, Request, Response, WasmFilter, dist};
use serde_json::{Value, json};

/// An Envoy with `ua_block`.
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
        Self::launch(filter(config), Launch::new).await
    }

    /// Any form of the filter, and any change to the bootstrap.
    pub(crate) async fn launch(filter: impl Into<Value>, launch: impl FnOnce(Bootstrap) -> Launch) -> Self {
        Self(portcullis_integration_tests::Gate::launch("ua_block", filter, launch).await)
    }

    /// Sends a request that must be refused before the upstream hears of it.
    pub(crate) async fn refused(&self, client: &Client, request: Request) -> Response {
        self.refused_with(403, client, request).await
    }
}

/// The filter with this config.
pub(crate) fn filter(config: &Value) -> WasmFilter {
    WasmFilter::new("ua_block", dist("ua_block")).config(config)
}

/// A config that refuses `BadBot`, by the rule `named`, and reports to the cluster `audit`.
pub(crate) fn bad_bots(audit: &Value) -> Value {
    let named = json!({"name": "named", "contains": ["BadBot"], "action": "deny"});
    let mut config = json!({"rules": [named], "audit": {"cluster": "audit", "batch": {"max_age_ms": 10}}});
    portcullis_integration_tests::merge(&mut config["audit"], audit);
    config
}

/// A GET request of `/` with this user agent.
pub(crate) fn get(agent: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("user-agent", agent)
}
