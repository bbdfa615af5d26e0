mod attacks;
mod behaviour;
mod configuration;
mod documentation;
mod service;

use portcullis_shared::{
    config::parse,
    decision::{Decision, Detail},
    policy::{Filter, Next, Policy, Trail},
    request::Parts,
};
use serde_json::{Value, json};

use crate::{RateLimit, config::Config};

/// A second, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// When the tests begin.
const NOW: u64 = 1_790_000_000 * SECOND;

fn filter(config: &Value) -> RateLimit {
    let config: Config = parse(config.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
    RateLimit::compile(config, &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A configuration with these limits and more keys.
fn config(limits: &Value, more: &Value) -> Value {
    let mut config = more.clone();
    config["limits"] = limits.clone();
    config
}

/// One limit of `quota` a minute, by address.
fn limit(quota: u32) -> Value {
    json!({ "name": "a", "key": ["client_ip"], "quota": quota, "window_s": 60 })
}

/// A GET of `/` from 192.0.2.1.
fn request() -> Parts {
    let mut parts = Parts::new([(":method", "GET"), (":path", "/")]);
    parts.client_address = Some("192.0.2.1".parse().unwrap());
    parts.now = NOW;
    parts
}

/// The same requests see the same store.
fn with(mut parts: Parts, headers: &[(&str, &str)]) -> Parts {
    parts.headers = Parts::new(headers.iter().copied()).headers;
    parts
}

/// Decides about a request that needs no service.
fn decide(filter: &RateLimit, request: &Parts) -> Vec<Decision> {
    let mut trail = Trail::default();
    match filter.on_request_headers(request, &mut trail).unwrap() {
        Next::Done => trail.decisions().to_vec(),
        other => panic!("{other:?}"),
    }
}

/// The decisions in words: `deny a quota_exceeded`; `shadow` before those that are.
fn words(filter: &RateLimit, decisions: &[Decision]) -> Vec<String> {
    let one = |decision: &Decision| {
        let outcome = filter.outcomes().get(decision.outcome).unwrap();
        let mode = if outcome.mode == portcullis_shared::mode::Mode::Shadow { "shadow " } else { "" };
        format!("{mode}{} {} {}", outcome.action.as_str(), outcome.rule, outcome.reason.0)
    };
    decisions.iter().map(one).collect()
}

/// The same of one request.
fn said(filter: &RateLimit, request: &Parts) -> Vec<String> {
    words(filter, &decide(filter, request))
}

/// Whether it passes.
fn passes(filter: &RateLimit, request: &Parts) -> bool {
    let decisions = decide(filter, request);
    !decisions.iter().any(|decision| filter.outcomes().get(decision.outcome).unwrap().refuses())
}

fn detail(decisions: &[Decision], name: &str) -> Value {
    let details = decisions.iter().flat_map(|decision| &decision.details);
    let found = |detail: &Detail| (detail.name == name).then(|| detail.value.clone());
    details.rev().find_map(found).unwrap_or_default()
}
