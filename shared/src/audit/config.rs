//! Where audit events go, and how: the `audit` part of a filter's configuration.
#![allow(clippy::struct_field_names, reason = "they are the configuration's keys")]

mod compile;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::Class;

pub use compile::Sink;

/// Sends audit events as JSON over HTTP to a collector, in batches, without ever holding up a request.
///
/// All limits count for each worker thread of Envoy: each has its own queue and its own calls.
#[derive(Clone, Debug, eserde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Name of the Envoy cluster of the collector. Required.
    #[schemars(length(min = 1, max = 255))]
    pub cluster: String,
    /// Path of the request that carries a batch, with its query. Default: `/`.
    #[serde(default = "root")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = "^/[!-~]*$"))]
    pub path: String,
    /// `:authority` of that request, 1 to 255 characters. Default: the cluster's name; of an Istio name such as
    /// `outbound|443||logs.example.com` the last part.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    pub authority: Option<String>,
    /// `ndjson`: one event a line, `application/x-ndjson`; what Vector, `ClickHouse` and Fluent Bit take. `json`: an
    /// array, `application/json`; what Fluentd takes. Default: `ndjson`.
    #[serde(default)]
    pub format: Format,
    /// Headers that the request carries as they stand here, such as `{"x-stream": "portcullis"}`; at most 32. A header
    /// that holds a credential belongs in `header_env`. Default: none.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose value comes from the VM's environment, as `{"authorization": "AUDIT_TOKEN"}`: name of the header,
    /// name of the variable (`vm_config.environment_variables`). The variable must be set. Default: none.
    #[serde(default)]
    pub header_env: BTreeMap<String, String>,
    /// Which events are sent: `deny` (refused requests), `shadow` (would have been refused), `error` (what failed) and
    /// `allow` (all others, so as many as there are requests). At least one. Default: `deny`, `shadow` and `error`.
    #[serde(default = "all_but_allow")]
    #[schemars(length(min = 1))]
    pub events: BTreeSet<Class>,
    /// When events are sent off.
    #[serde(default)]
    pub batch: Batch,
    /// What is kept while they cannot be sent.
    #[serde(default)]
    pub queue: Queue,
    /// How long the collector may take to answer, in milliseconds: 1 to 60,000. Default: 2000.
    #[serde(default = "number::<2000>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub timeout_ms: u32,
    /// How many requests to the collector may wait for an answer at a time, 1 to 16. Default: 2.
    #[serde(default = "number::<2>")]
    #[schemars(range(min = 1, max = 16))]
    pub max_in_flight: u32,
    /// How long to leave a failing collector alone.
    #[serde(default)]
    pub retry: Retry,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, eserde::Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One event a line: `application/x-ndjson`.
    #[default]
    Ndjson,
    /// An array of events: `application/json`.
    Json,
}

/// A batch is sent as soon as one of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, eserde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Number of events, 1 to 10,000. Default: 100.
    #[serde(default = "number::<100>")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_events: u32,
    /// Size of the request's body in bytes, 32,768 to 4,194,304. Default: 262,144.
    #[serde(default = "number::<262_144>")]
    #[schemars(range(min = 32_768, max = 4_194_304))]
    pub max_bytes: u32,
    /// How long the oldest event has waited, in milliseconds: 10 to 60,000. Default: 1000.
    #[serde(default = "number::<1000>")]
    #[schemars(range(min = 10, max = 60_000))]
    pub max_age_ms: u32,
}

impl Default for Batch {
    fn default() -> Self {
        Self { max_events: 100, max_bytes: 262_144, max_age_ms: 1000 }
    }
}

/// A full queue drops `allow` events for any other, then `shadow` for `deny`, then `deny` for `error`; the oldest
/// first. Every event dropped is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, eserde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Number of events, 1 to 100,000, and no fewer than a batch has. Default: 10,000.
    #[serde(default = "number::<10_000>")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_events: u32,
    /// Size of the events in bytes, 32,768 to 67,108,864, and no less than a batch's. Default: 8,388,608.
    #[serde(default = "number::<8_388_608>")]
    #[schemars(range(min = 32_768, max = 67_108_864))]
    pub max_bytes: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self { max_events: 10_000, max_bytes: 8_388_608 }
    }
}

/// After a failure, one request at a time probes the collector until it takes a batch. Before each probe is a random
/// wait between `base_ms` and a limit that starts there and doubles with each failure, up to `max_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, eserde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The shortest wait in milliseconds, 10 to 60,000. Default: 200.
    #[serde(default = "number::<200>")]
    #[schemars(range(min = 10, max = 60_000))]
    pub base_ms: u32,
    /// The longest wait in milliseconds, `base_ms` to 3,600,000. Default: 30,000.
    #[serde(default = "number::<30_000>")]
    #[schemars(range(min = 10, max = 3_600_000))]
    pub max_ms: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { base_ms: 200, max_ms: 30_000 }
    }
}

fn root() -> String {
    "/".to_owned()
}

fn all_but_allow() -> BTreeSet<Class> {
    BTreeSet::from([Class::Deny, Class::Shadow, Class::Error])
}

const fn number<const N: u32>() -> u32 {
    N
}
