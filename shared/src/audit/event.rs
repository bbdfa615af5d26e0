//! One audit event as JSON, in the nested names of the Elastic Common Schema (ECS), which OpenTelemetry's semantic
//! conventions have taken over for most of these.
//!
//! | field | what | bytes | missing when |
//! |---|---|---|---|
//! | `@timestamp` | when it was decided: RFC 3339, UTC, microseconds | 27 | |
//! | `ecs.version` | `8.17.0` | 6 | |
//! | `event.id` | VM and sequence; the same when an event is delivered twice | 85 | |
//! | `event.kind` | `alert` for what someone should look at now, else `event` | 5 | |
//! | `event.category` | `["network", "web"]` | 17 | |
//! | `event.type` | `access`, with `denied` or `allowed` by what was done, and `error` for class `error` | 26 | |
//! | `event.action` | what was done with the request, `allow` or `deny`; in shadow mode always `allow` | 5 | |
//! | `event.outcome` | `failure` for a refused request, `unknown` for class `error` that was not, else `success` | 7 | |
//! | `event.reason` | the stable reason code | 64 | |
//! | `event.sequence` | counts the events of a VM, so a gap is a loss | 20 | |
//! | `event.module` | `portcullis` | 10 | |
//! | `event.dataset` | `portcullis.` and the filter's name | 75 | |
//! | `event.provider` | the filter's name | 64 | |
//! | `rule.name` | the rule that decided: its name in the configuration, or the key, such as `default` | 128 | |
//! | `rule.ruleset` | the filter's name | 64 | |
//! | `source.ip` | the client's address as the proxy trusts it; IPv4 as such when mapped into IPv6 | 39 | there is none |
//! | `source.port` | its port | 5 | there is none |
//! | `http.version` | such as `1.1` or `2` | 8 | not given |
//! | `http.request.method` | `:method` | 32 | not given |
//! | `http.request.id` | `x-request-id` | 128 | not given |
//! | `http.response.status_code` | what a refused client got | 5 | not given |
//! | `url.path` | the path up to its `?`, redacted | 2048 | not given |
//! | `url.query` | the rest without its `?`, redacted | 2048 | there is no `?` |
//! | `url.domain` | `:authority` without port and login; lower case | 255 | not given or empty |
//! | `user_agent.original` | `user-agent`, redacted | 1024 | not given |
//! | `trace.id`, `span.id` | from `traceparent` (W3C Trace Context) | 32, 16 | it is missing or not valid |
//! | `observer.vendor`, `.product` | `Portcullis` | 10 | |
//! | `observer.type` | `waf` | 3 | |
//! | `observer.version` | the filter's version | 64 | |
//! | `portcullis.filter` | the filter's name | 64 | |
//! | `portcullis.action` | what the policy decided, `allow` or `deny`, whatever was done | 5 | |
//! | `portcullis.mode` | `enforce` or `shadow` | 7 | |
//! | `portcullis.vm` | the VM | 64 | |
//! | `portcullis.class` | `allow`, `shadow`, `deny` or `error`: which go first when the queue is full | 6 | |
//! | `portcullis.details` | an object of what only this request could tell | 4096 | there is nothing |
//! | `portcullis.details_omitted` | how many details, or elements of one that is a list, found no room there | 20 | none |
//!
//! Bytes are those in the JSON, where `"` and `\` take two. What is longer ends in `…`. So an event has at most
//! [`MAX_BYTES`], and is always one line: see [`printable`](crate::redact::printable) for bytes that are not text.

mod details;
mod facts;
mod json;
mod parse;
mod template;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::decision::Detail;

pub use template::Template;

/// No event is larger, in bytes.
pub const MAX_BYTES: usize = 16 << 10;

/// What is known of an event only when it happens.
#[derive(Clone, Copy, Debug)]
pub struct EventInput<'a> {
    /// When it was decided, in nanoseconds since 1970.
    pub time: u64,
    /// Names this VM's life among all others, such as 16 random hexadecimal digits drawn when it began.
    pub vm: &'a str,
    /// The number of this event in that life.
    pub sequence: u64,
    /// Whether someone should look at it now, as at an address that was just banned.
    pub alert: bool,
    /// What only this request could tell. Strings go through [`redact::text`](crate::redact::text); names must differ.
    pub details: &'a [Detail],
    /// About what request.
    pub request: RequestFacts<'a>,
}

/// What is known of a request, in the bytes that the client sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFacts<'a> {
    /// `:method`.
    pub method: Option<&'a [u8]>,
    /// `:path`, with the query.
    pub path: Option<&'a [u8]>,
    /// `:authority`.
    pub authority: Option<&'a [u8]>,
    /// `user-agent`.
    pub user_agent: Option<&'a [u8]>,
    /// The client's address as the proxy trusts it.
    pub client: Option<IpAddr>,
    /// The port of that address.
    pub client_port: Option<u16>,
    /// `x-request-id`.
    pub request_id: Option<&'a [u8]>,
    /// `traceparent`.
    pub traceparent: Option<&'a [u8]>,
    /// Envoy's `request.protocol`, such as `HTTP/1.1`.
    pub protocol: Option<&'a [u8]>,
    /// The status that a refused client got.
    pub status: Option<u16>,
}
