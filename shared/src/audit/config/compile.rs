//! From the `audit` configuration to what the delivery works with, or all that is wrong with it.

use std::{fmt, ops::RangeInclusive};

use super::{AuditConfig, Batch, Format, Queue, Retry};
use crate::{
    audit::Class,
    config::{Environment, Errors, callout, quoted},
};

/// A checked `audit` configuration, with its secrets looked up. Its [`Debug`] form shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct Sink {
    /// Name of the collector's cluster in Envoy.
    pub cluster: String,
    /// How a batch is written.
    pub format: Format,
    /// The classes that are sent.
    pub events: Vec<Class>,
    /// When a batch is due.
    pub batch: Batch,
    /// What is held at most.
    pub queue: Queue,
    /// How long the collector may take, in milliseconds.
    pub timeout_ms: u32,
    /// How many calls may wait for an answer.
    pub max_in_flight: u32,
    /// How long a failing collector is left alone.
    pub retry: Retry,
    path: String,
    authority: String,
    headers: Vec<(String, String)>,
}

impl Sink {
    /// Whether events of this class are sent at all. Ask before building one.
    pub fn wants(&self, class: Class) -> bool {
        self.events.contains(&class)
    }

    /// The headers of the request that carries a batch, pseudo-headers first.
    pub fn request_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            (":method", "POST"),
            (":path", self.path.as_str()),
            (":authority", self.authority.as_str()),
            ("content-type", self.format.content_type()),
        ];
        own.into_iter().chain(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("cluster", &self.cluster).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Format {
    /// The media type of a batch.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Json => "application/json",
        }
    }
}

impl AuditConfig {
    /// Checks the configuration that stands at `path` (such as `$.audit`) and looks up its secrets. All that is wrong
    /// goes into `errors`; the sink is of use only when nothing was.
    #[must_use]
    pub fn compile(self, path: &str, environment: Environment, errors: &mut Errors) -> Sink {
        let mut check = Check { path, errors };
        check.limits(&self);
        callout::check_cluster(format_args!("{path}.cluster"), &self.cluster, check.errors);
        if !self.path.starts_with('/')
            || self.path.len() > 2048
            || !self.path.bytes().all(|byte| byte.is_ascii_graphic())
        {
            let expected = "a path that starts with '/', at most 2048 visible ASCII characters";
            check.fault("path", expected, quoted(&self.path));
        }
        let authority = self.authority.unwrap_or_else(|| {
            let (_, host) = self.cluster.rsplit_once('|').unwrap_or(("", &self.cluster));
            host.to_owned()
        });
        if !callout::is_authority(&authority) {
            let expected = "a host with or without port (give one where the cluster's name is none)";
            check.fault("authority", expected, quoted(&authority));
        }
        if self.events.is_empty() {
            check.fault("events", "at least one of deny, shadow, error and allow", "none");
        }
        let headers = callout::headers(path, self.headers, self.header_env, environment, check.errors);
        Sink {
            cluster: self.cluster,
            format: self.format,
            events: self.events,
            batch: self.batch,
            queue: self.queue,
            timeout_ms: self.timeout_ms,
            max_in_flight: self.max_in_flight,
            retry: self.retry,
            path: self.path,
            authority,
            headers,
        }
    }
}

/// Where faults go.
struct Check<'a> {
    path: &'a str,
    errors: &'a mut Errors,
}

impl Check<'_> {
    fn fault(&mut self, key: impl fmt::Display, expected: impl fmt::Display, found: impl fmt::Display) {
        self.errors.add(format_args!("{}.{key}", self.path), expected, found);
    }

    fn range(&mut self, key: &str, value: u32, range: RangeInclusive<u32>) {
        if !range.contains(&value) {
            self.fault(key, format_args!("{} to {}", range.start(), range.end()), value);
        }
    }

    fn limits(&mut self, config: &AuditConfig) {
        let AuditConfig { batch, queue, retry, .. } = config;
        self.range("batch.max_events", batch.max_events, 1..=10_000);
        self.range("batch.max_bytes", batch.max_bytes, 32 << 10..=4 << 20);
        self.range("batch.max_age_ms", batch.max_age_ms, 10..=60_000);
        self.range("queue.max_events", queue.max_events, 1..=100_000);
        self.range("queue.max_bytes", queue.max_bytes, 32 << 10..=64 << 20);
        self.range("timeout_ms", config.timeout_ms, 1..=60_000);
        self.range("max_in_flight", config.max_in_flight, 1..=16);
        self.range("retry.base_ms", retry.base_ms, 10..=60_000);
        self.range("retry.max_ms", retry.max_ms, 10..=3_600_000);
        for (key, least, value, other) in [
            ("queue.max_events", batch.max_events, queue.max_events, "batch.max_events"),
            ("queue.max_bytes", batch.max_bytes, queue.max_bytes, "batch.max_bytes"),
            ("retry.max_ms", retry.base_ms, retry.max_ms, "retry.base_ms"),
        ] {
            if value < least {
                self.fault(key, format_args!("no less than {other}, {least}"), value);
            }
        }
    }
}
