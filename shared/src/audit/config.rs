//! Where audit events go, and how: the `audit` part of a filter's configuration.
#![allow(clippy::struct_field_names, reason = "they are the configuration's keys")]

mod compile;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::Class;
use crate::{config::Texts, config_enum, config_struct};

pub use compile::Sink;

config_struct! {
    /// Sends audit events as JSON over HTTP to a collector, in batches, without ever holding up a request.
    ///
    /// All limits count for each worker thread of Envoy: each has its own queue and its own calls.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditConfig {
        /// Name of the Envoy cluster of the collector. Required.
        #[schemars(length(min = 1, max = 255))]
        pub cluster: String,
        /// Path of the request that carries a batch, with its query. Default: `/`.
        #[schemars(length(min = 1, max = 2048), regex(pattern = "^/[!-~]*$"))]
        pub path: String = "/".to_owned(),
        /// `:authority` of that request, 1 to 255 characters. Default: the cluster's name; of an Istio name such as
        /// `outbound|443||logs.example.com` the last part.
        #[schemars(length(min = 1, max = 255))]
        pub authority: Option<String> = None,
        /// `ndjson`: one event a line, `application/x-ndjson`; what Vector, `ClickHouse` and Fluent Bit take. `json`: an
        /// array, `application/json`; what Fluentd takes. Default: `ndjson`.
        pub format: Format = Format::default(),
        /// Headers that the request carries as they stand here, such as `{"x-stream": "portcullis"}`; at most 32. A header
        /// that holds a credential belongs in `header_env`. Default: none.
        pub headers: Texts = Texts::default(),
        /// Headers whose value comes from the VM's environment, as `{"authorization": "AUDIT_TOKEN"}`: name of the header,
        /// name of the variable (`vm_config.environment_variables`). The variable must be set. Default: none.
        pub header_env: Texts = Texts::default(),
        /// Which events are sent: `deny` (refused requests), `shadow` (would have been refused), `error` (what failed) and
        /// `allow` (all others, so as many as there are requests). At least one. Default: `deny`, `shadow` and `error`.
        #[schemars(length(min = 1))]
        pub events: Vec<Class> = vec![Class::Shadow, Class::Deny, Class::Error],
        /// When events are sent off.
        pub batch: Batch = Batch::default(),
        /// What is kept while they cannot be sent.
        pub queue: Queue = Queue::default(),
        /// How long the collector may take to answer, in milliseconds: 1 to 60,000. Default: 2000.
        #[schemars(range(min = 1, max = 60_000))]
        pub timeout_ms: u32 = 2000,
        /// How many requests to the collector may wait for an answer at a time, 1 to 16. Default: 2.
        #[schemars(range(min = 1, max = 16))]
        pub max_in_flight: u32 = 2,
        /// How long to leave a failing collector alone.
        pub retry: Retry = Retry::default(),
    }
}

config_enum! {
    /// How a batch is written.
    #[derive(Default)]
    pub enum Format {
        /// One event a line: `application/x-ndjson`.
        #[default]
        Ndjson = "ndjson",
        /// An array of events: `application/json`.
        Json = "json",
    }
}

config_struct! {
    /// A batch is sent as soon as one of these is reached.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    pub struct Batch {
        /// Number of events, 1 to 10,000. Default: 100.
        #[schemars(range(min = 1, max = 10_000))]
        pub max_events: u32 = 100,
        /// Size of the request's body in bytes, 32,768 to 4,194,304. Default: 262,144.
        #[schemars(range(min = 32_768, max = 4_194_304))]
        pub max_bytes: u32 = 262_144,
        /// How long the oldest event has waited, in milliseconds: 10 to 60,000. Default: 1000.
        #[schemars(range(min = 10, max = 60_000))]
        pub max_age_ms: u32 = 1000,
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self { max_events: 100, max_bytes: 262_144, max_age_ms: 1000 }
    }
}

config_struct! {
    /// A full queue drops `allow` events for any other, then `shadow` for `deny`, then `deny` for `error`; the oldest
    /// first. Every event dropped is counted.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    pub struct Queue {
        /// Number of events, 1 to 100,000, and no fewer than a batch has. Default: 10,000.
        #[schemars(range(min = 1, max = 100_000))]
        pub max_events: u32 = 10_000,
        /// Size of the events in bytes, 32,768 to 67,108,864, and no less than a batch's. Default: 8,388,608.
        #[schemars(range(min = 32_768, max = 67_108_864))]
        pub max_bytes: u32 = 8_388_608,
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { max_events: 10_000, max_bytes: 8_388_608 }
    }
}

config_struct! {
    /// After a failure, one request at a time probes the collector until it takes a batch. Before each probe is a random
    /// wait between `base_ms` and a limit that starts there and doubles with each failure, up to `max_ms`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    pub struct Retry {
        /// The shortest wait in milliseconds, 10 to 60,000. Default: 200.
        #[schemars(range(min = 10, max = 60_000))]
        pub base_ms: u32 = 200,
        /// The longest wait in milliseconds, `base_ms` to 3,600,000. Default: 30,000.
        #[schemars(range(min = 10, max = 3_600_000))]
        pub max_ms: u32 = 30_000,
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self { base_ms: 200, max_ms: 30_000 }
    }
}
