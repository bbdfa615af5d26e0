//! What the tests share: an Envoy with `schema_check`.

use std::ops::Deref;

use portcullis_integration_tests::{Bootstrap, Launch, Response, WasmFilter, dist, telling};
use serde_json::Value;

/// An Envoy with `schema_check`.
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

    /// The module that judges responses as well.
    pub(crate) async fn with_responses(config: &Value) -> Self {
        let filter = WasmFilter::new("schema_check", dist("schema_check_responses")).config(config);
        Self::launch(filter, |bootstrap| Launch::new(bootstrap.http(&telling()))).await
    }

    /// Any form of the filter, and any change to the bootstrap.
    pub(crate) async fn launch(filter: impl Into<Value>, launch: impl FnOnce(Bootstrap) -> Launch) -> Self {
        Self(portcullis_integration_tests::Gate::launch("schema_check", filter, launch).await)
    }
}

/// The filter with this config.
pub(crate) fn filter(config: &Value) -> WasmFilter {
    WasmFilter::new("schema_check", dist("schema_check")).config(config)
}

/// Why the filter refused: [`portcullis_integration_tests::Gate::reason`].
pub(crate) fn reason(response: &Response) -> String {
    portcullis_integration_tests::Gate::reason("schema_check", response)
}
