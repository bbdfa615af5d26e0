//! What the tests share: an Envoy with `schema_check`.

use std::ops::Deref;

use portcullis_integration_tests::{Bootstrap, Launch, Response, WasmFilter, dist};
use serde_json::{Value, json};

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

/// For the connection manager: answers that do not come from the upstream say why, as the access log does.
pub(crate) fn telling() -> Value {
    let any = json!({"comparison": {"op": "GE", "value": {"default_value": 100, "runtime_key": "unused"}}});
    json!({"local_reply_config": {"mappers": [{
        "filter": {"status_code_filter": any},
        "headers_to_add": [{"header": {"key": "x-details", "value": "%RESPONSE_CODE_DETAILS%"}}],
    }]}})
}

/// Why the filter refused, by its code; `envoy:` and Envoy's own word where it refused; `accepted` for the upstream's answer.
pub(crate) fn reason(response: &Response) -> String {
    if response.headers.get("x-envoy-upstream-service-time").is_some() {
        return "accepted".to_owned();
    }
    let details = response.headers.text("x-details").unwrap_or_default();
    match details.strip_prefix("portcullis:schema_check:") {
        Some(ours) => ours.split(':').next().unwrap_or_default().to_owned(),
        None => format!("envoy:{details}"),
    }
}
