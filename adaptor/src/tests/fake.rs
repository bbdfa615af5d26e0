//! A host made of plain data, and a filter that does what a request header says.
#![allow(unreachable_pub, reason = "the macro makes a public type")]

use portcullis_shared::{
    audit::AuditConfig,
    config::{Environment, Errors},
    config_struct,
    decision::{Action, Outcome, OutcomeId, Outcomes, Reason},
    mode::Mode,
    policy::{Filter, Policy, Trail},
    problem::Refusal,
    request::{Request, Unavailable},
};
use std::cell::RefCell;

use crate::{
    Loaded,
    host::{Host, HttpCall, Level, Metric, MetricKind, Pairs, Refused, Reply, render},
};

#[derive(Default)]
pub(super) struct FakeHost {
    pub(super) configuration: Vec<u8>,
    /// Every call that hands something over, or sends something, fails.
    pub(super) broken: bool,
    pub(super) call_status: Option<u16>,
    request: Vec<u8>,
    now_ms: u64,
    contexts: u32,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    replies: Vec<String>,
    calls: Vec<String>,
    clusters: Vec<String>,
    log: String,
    metrics: Vec<(String, i64)>,
}

impl FakeHost {
    pub(super) fn set_request(&mut self, headers: &[(&str, &str)]) {
        self.request = render(headers);
    }

    pub(super) fn next_context(&mut self) -> u32 {
        self.contexts += 1;
        1000 + self.contexts
    }

    pub(super) fn advance(&mut self, milliseconds: u64) {
        self.now_ms += milliseconds;
    }

    pub(super) fn replies(&self) -> Vec<String> {
        self.seen.borrow().replies.clone()
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.seen.borrow().calls.clone()
    }

    pub(super) fn last_cluster(&self) -> String {
        self.seen.borrow().clusters.last().cloned().unwrap_or_default()
    }

    pub(super) fn last_token(&self) -> u32 {
        u32::try_from(self.seen.borrow().calls.len()).unwrap()
    }

    pub(super) fn logged(&self) -> String {
        self.seen.borrow().log.clone()
    }

    pub(super) fn defined(&self) -> usize {
        self.seen.borrow().metrics.len()
    }

    /// The sum of all metrics that have this in their name.
    pub(super) fn counted(&self, part: &str) -> i64 {
        let seen = self.seen.borrow();
        seen.metrics.iter().filter(|(name, _)| name.contains(part)).map(|(_, value)| value).sum()
    }

    fn unless_broken<T>(&self, value: T) -> Result<T, Refused> {
        if self.broken { Err(Refused(10)) } else { Ok(value) }
    }
}

impl Host for FakeHost {
    fn begin(&mut self) {}

    fn request_header(&self, name: &str) -> Result<Option<&[u8]>, Refused> {
        Ok(self.request_headers()?.get(name))
    }

    fn request_headers(&self) -> Result<Pairs<'_>, Refused> {
        self.unless_broken(Pairs::new(&self.request).unwrap())
    }

    fn property(&self, path: &str) -> Result<Option<&[u8]>, Refused> {
        self.unless_broken((path == "source\0address").then_some(b"192.0.2.1:1234"))
    }

    fn configuration(&self, size: usize) -> Result<&[u8], Refused> {
        Ok(&self.configuration[..size])
    }

    fn call_status(&self) -> Option<u16> {
        self.call_status
    }

    fn reply(&self, reply: &Reply, grpc: bool) -> Result<(), Refused> {
        let body =
            if grpc { format!("grpc {}: {}", reply.grpc_status, reply.grpc_message) } else { reply.body.clone() };
        self.seen.borrow_mut().replies.push(format!("{} {} {body}", reply.status, reply.details));
        Ok(())
    }

    fn http_call(&self, call: HttpCall<'_>) -> Result<u32, Refused> {
        self.unless_broken(())?;
        self.seen.borrow_mut().calls.push(String::from_utf8(call.body.to_vec()).unwrap());
        self.seen.borrow_mut().clusters.push(call.cluster.to_owned());
        Ok(self.last_token())
    }

    fn define_metric(&self, _: MetricKind, name: &str) -> Result<Metric, Refused> {
        let metrics = &mut self.seen.borrow_mut().metrics;
        metrics.push((name.to_owned(), 0));
        Ok(Metric(u32::try_from(metrics.len() - 1).unwrap()))
    }

    fn add(&self, metric: Metric, by: i64) {
        assert_ne!(by, 0, "Envoy refuses it");
        self.seen.borrow_mut().metrics[metric.0 as usize].1 += by;
    }

    fn tick_every(&self, _: u32) {}

    fn log(&self, _: Level, message: &str) {
        self.seen.borrow_mut().log.push_str(message);
    }

    fn now(&self) -> u64 {
        self.now_ms * 1_000_000
    }

    fn random(&self) -> u64 {
        7
    }

    fn environment(&self, _: &str) -> Option<String> {
        None
    }
}

/// Denies requests with `x-gate: deny`.
pub(super) struct Gate {
    outcomes: Outcomes,
    allow: OutcomeId,
    deny: OutcomeId,
}

config_struct! {
    /// Of [`Gate`].
    pub struct GateConfig {
        /// Required.
        pub mode: Mode,
        /// Where events go.
        pub audit: Option<AuditConfig> = None,
    }
}

impl Gate {
    fn new(rule: &str, mode: Mode) -> Self {
        let mut outcomes = Outcomes::default();
        let mut add = |action, reason, refusal| {
            outcomes.add(Outcome { action, reason: Reason(reason), rule: rule.to_owned(), mode, refusal })
        };
        let allow = add(Action::Allow, "open", None);
        let deny = add(Action::Deny, "closed", Some(Refusal::new(403, None)));
        Self { outcomes, allow, deny }
    }
}

impl Policy for Gate {
    fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<(), Unavailable> {
        let denied = request.header("x-gate")? == Some(b"deny");
        trail.conclude(if denied { self.deny } else { self.allow });
        Ok(())
    }
}

impl Filter for Gate {
    const NAME: &'static str = "gate";
    type Config = GateConfig;

    fn audit(config: &mut GateConfig) -> Option<AuditConfig> {
        config.audit.take()
    }

    fn compile(config: GateConfig, _: Environment) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        if config.mode == Mode::Off {
            errors.add("$.mode", "a gate that is not off", "off");
        }
        errors.into_result(Self::new("gate", config.mode))
    }
}

/// A module with two policies.
#[expect(clippy::unnecessary_wraps, reason = "a `Load`")]
pub(super) fn gates(_: &[u8], _: Environment) -> Result<Vec<Loaded>, Errors> {
    let gate = |rule| Loaded { filter: "gate", policy: Box::new(Gate::new(rule, Mode::Enforce)), audit: None };
    Ok(vec![gate("first"), gate("second")])
}
