//! A host made of plain data, and a filter that does what a request header says.
#![allow(unreachable_pub, reason = "the macro makes a public type")]

use portcullis_shared::{
    audit::AuditConfig,
    config::{Environment, Errors},
    config_struct,
    decision::{Outcome, OutcomeId, Outcomes},
    mode::Mode,
    policy::{Answer, BodyCheck, Call, Filter, Next, Policy, Service, Trail},
    problem::Refusal,
    request::{Headers, Packed, Request, Unavailable},
    response::{Response, ResponseBody, ResponseCheck},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use crate::{
    Loaded,
    host::{Host, HttpCall, Level, Metric, MetricKind, Refused, Reply, render},
};

#[derive(Default)]
pub(super) struct FakeHost {
    pub(super) configuration: Vec<u8>,
    /// Every call that hands something over, or sends something, fails.
    pub(super) broken: bool,
    /// Calls are not sent.
    pub(super) sends_nothing: bool,
    pub(super) call_status: Option<u16>,
    pub(super) call_body: Vec<u8>,
    pub(super) call_headers: Vec<u8>,
    pub(super) call_trailers: Vec<u8>,
    /// Of the request.
    pub(super) body: Vec<u8>,
    /// Of the request.
    pub(super) trailers: Vec<u8>,
    /// The headers of the response.
    pub(super) response: Vec<u8>,
    /// Whether it is Envoy's own.
    pub(super) is_local: bool,
    /// Streams that have ended.
    pub(super) gone: Vec<u32>,
    /// What it shares with other hosts of the process. Without, it has no shared data.
    pub(super) shared: Option<Rc<Shared>>,
    request: Vec<u8>,
    /// Of all streams.
    requests: BTreeMap<u32, Vec<u8>>,
    now_ms: u64,
    contexts: u32,
    seen: RefCell<Seen>,
}

/// Shared data as Envoy has it: one counter of versions for all keys.
#[derive(Default)]
pub(super) struct Shared(pub(super) RefCell<(Values, u32)>);

type Values = BTreeMap<String, (Vec<u8>, u32)>;

#[derive(Default)]
struct Seen {
    replies: Vec<String>,
    calls: Vec<String>,
    clusters: Vec<String>,
    headers: Vec<u8>,
    log: String,
    metrics: Vec<(String, i64)>,
    edits: Vec<String>,
    entered: u32,
    resumed: Vec<u32>,
    tick_ms: u32,
}

impl FakeHost {
    pub(super) fn set_request(&mut self, headers: &[(&str, &str)]) {
        self.request = render(headers);
    }

    pub(super) fn next_context(&mut self) -> u32 {
        self.contexts += 1;
        self.requests.insert(1000 + self.contexts, self.request.clone());
        1000 + self.contexts
    }

    pub(super) const fn contexts(&self) -> u32 {
        self.contexts
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

    /// What was done to requests.
    pub(super) fn edits(&self) -> Vec<String> {
        self.seen.borrow().edits.clone()
    }

    /// The streams that were let go on.
    pub(super) fn resumed(&self) -> Vec<u32> {
        self.seen.borrow().resumed.clone()
    }

    fn edit(&self, edit: String) -> Result<(), Refused> {
        self.seen.borrow_mut().edits.push(edit);
        self.unless_broken(())
    }

    pub(super) fn last_cluster(&self) -> String {
        self.seen.borrow().clusters.last().cloned().unwrap_or_default()
    }

    pub(super) fn last_token(&self) -> u32 {
        u32::try_from(self.seen.borrow().calls.len()).unwrap()
    }

    /// How often it was last asked to tick, in milliseconds.
    pub(super) fn tick_ms(&self) -> u32 {
        self.seen.borrow().tick_ms
    }

    /// The headers of the last call.
    pub(super) fn last_headers(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let seen = self.seen.borrow();
        Packed::new(&seen.headers).unwrap().map(|(name, value)| (text(name), text(value))).collect()
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
    fn begin(&mut self) {
        self.seen.get_mut().entered = 0;
    }

    fn request_header(&self, name: &str) -> Result<Option<&[u8]>, Refused> {
        Ok(Headers::Packed(self.request_headers()?).get(name))
    }

    fn request_headers(&self) -> Result<Packed<'_>, Refused> {
        let request = self.requests.get(&self.seen.borrow().entered).unwrap_or(&self.request);
        self.unless_broken(Packed::new(request).unwrap())
    }

    fn property(&self, path: &str) -> Result<Option<&[u8]>, Refused> {
        let value: Option<&[u8]> = match path {
            "source\0address" => Some(b"192.0.2.1:1234"),
            "response\0code_details" => Some(if self.is_local { b"direct_response" } else { b"via_upstream" }),
            _ => None,
        };
        self.unless_broken(value)
    }

    fn configuration(&self, size: usize) -> Result<&[u8], Refused> {
        Ok(&self.configuration[..size])
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), Refused> {
        self.edit(format!("{name}={}", String::from_utf8_lossy(value)))
    }

    fn remove_request_header(&self, name: &str) -> Result<(), Refused> {
        self.edit(format!("-{name}"))
    }

    fn request_trailers(&self) -> Result<Packed<'_>, Refused> {
        Ok(Packed::new(&self.trailers).unwrap())
    }

    fn remove_request_trailer(&self, name: &[u8]) -> Result<(), Refused> {
        self.edit(format!("-trailer {}", String::from_utf8_lossy(name)))
    }

    fn set_property(&self, path: &str, value: &[u8]) -> Result<(), Refused> {
        self.edit(format!("@{path}={}", String::from_utf8_lossy(value)))
    }

    fn request_body(&self) -> Result<&[u8], Refused> {
        self.unless_broken(&self.body)
    }

    fn set_request_body(&self, body: &[u8]) -> Result<(), Refused> {
        self.edit(format!("body={}", String::from_utf8_lossy(body)))
    }

    fn response_headers(&self) -> Result<Packed<'_>, Refused> {
        self.unless_broken(Packed::new(&self.response).unwrap())
    }

    fn response_body(&self, size: usize) -> Result<&[u8], Refused> {
        self.unless_broken(self.body.get(..size).unwrap_or(&self.body))
    }

    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), Refused> {
        self.edit(format!("response {name}={}", String::from_utf8_lossy(value)))
    }

    fn remove_response_header(&self, name: &str) -> Result<(), Refused> {
        let _ = name;
        Ok(())
    }

    fn response_trailers(&self) -> Result<Packed<'_>, Refused> {
        Ok(Packed::new(&self.trailers).unwrap())
    }

    fn remove_response_trailer(&self, name: &[u8]) -> Result<(), Refused> {
        self.edit(format!("-response trailer {}", String::from_utf8_lossy(name)))
    }

    fn set_response_body(&self, body: &[u8]) -> Result<(), Refused> {
        self.edit(format!("response body={}", String::from_utf8_lossy(body)))
    }

    fn enter(&self, context: u32) -> bool {
        self.seen.borrow_mut().entered = context;
        !self.gone.contains(&context)
    }

    fn resume(&self) -> Result<(), Refused> {
        let mut seen = self.seen.borrow_mut();
        let entered = seen.entered;
        seen.resumed.push(entered);
        Ok(())
    }

    fn foreign(&self, _: &str, _: &[u8]) -> Option<&[u8]> {
        None
    }

    fn shared(&self, key: &str) -> Result<Option<(&[u8], u32)>, Refused> {
        let shared = self.shared.as_ref().ok_or(Refused(12))?;
        // As the host's memory, it is there until the callback ends; here it stays.
        let stored = shared.0.borrow().0.get(key).cloned();
        Ok(stored.map(|(value, version)| (&*value.leak(), version)))
    }

    fn set_shared(&self, key: &str, value: &[u8], version: u32) -> Result<bool, Refused> {
        let (values, last) = &mut *self.shared.as_ref().ok_or(Refused(12))?.0.borrow_mut();
        // 0 overwrites, and of a key that is not there no version is asked for.
        if values.get(key).is_some_and(|(_, known)| version != 0 && version != *known) {
            return Ok(false);
        }
        *last += 1;
        values.insert(key.to_owned(), (value.to_vec(), *last));
        Ok(true)
    }

    fn call_status(&self) -> Option<u16> {
        self.call_status
    }

    fn call_headers(&self) -> Result<Packed<'_>, Refused> {
        self.unless_broken(Packed::new(&self.call_headers).unwrap())
    }

    fn call_trailers(&self) -> Result<Packed<'_>, Refused> {
        Packed::new(&self.call_trailers).ok_or(Refused(1))
    }

    fn call_body(&self, size: usize) -> Result<&[u8], Refused> {
        Ok(&self.call_body[..size])
    }

    fn reply(&self, reply: &Reply, grpc: bool) -> Result<(), Refused> {
        let body =
            if grpc { format!("grpc {}: {}", reply.grpc_status, reply.grpc_message) } else { reply.body.clone() };
        self.seen.borrow_mut().replies.push(format!("{} {} {body}", reply.status, reply.details));
        Ok(())
    }

    fn http_call(&self, call: HttpCall<'_>) -> Result<u32, Refused> {
        if self.broken || self.sends_nothing {
            return Err(Refused(10));
        }
        self.seen.borrow_mut().calls.push(String::from_utf8(call.body.to_vec()).unwrap());
        self.seen.borrow_mut().clusters.push(call.cluster.to_owned());
        self.seen.borrow_mut().headers = call.headers.to_vec();
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

    fn tick_every(&self, milliseconds: u32) {
        self.seen.borrow_mut().tick_ms = milliseconds;
    }

    fn log(&self, _: Level, message: &str) {
        self.seen.borrow_mut().log.push_str(message);
    }

    fn now(&self) -> u64 {
        self.now_ms * 1_000_000
    }

    /// Small, and another one for each call of any host of the test.
    fn random(&self) -> u64 {
        thread_local!(static LAST: Cell<u64> = const { Cell::new(5) });
        LAST.set(LAST.get() + 2);
        LAST.get()
    }

    fn environment(&self, _: &str) -> Option<String> {
        None
    }
}

/// Denies requests with `x-gate: deny`; with `body`, those whose body says `deny` or has more than 8 bytes; with `wait`,
/// those for which it may not wait any longer; with `call`, those that a service does not say yes to; with `watch` and
/// `hold`, responses, and with `label` it sets a header of all.
pub(super) struct Gate {
    outcomes: Outcomes,
    limit: usize,
    allow: OutcomeId,
    deny: OutcomeId,
    /// Whether a service gave no answer.
    silence: Rc<Cell<bool>>,
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
        let allow = outcomes.add(Outcome::allow("open", rule, mode));
        let deny = outcomes.add(Outcome::deny("closed", rule, mode, &Rc::new(Refusal::new(403, None))));
        Self { outcomes, limit: 8, allow, deny, silence: Rc::default() }
    }
}

impl Gate {
    /// Denies responses with status 500, and those whose body says `deny` or has more than 8 bytes.
    fn watch(&self, holds: bool) -> ResponseCheck {
        let (allow, deny, limit) = (self.allow, self.deny, self.limit);
        let judge = move |response: &Response<'_>, trail: &mut Trail| {
            if response.status == 500 {
                trail.conclude(deny);
                return None;
            }
            let judge =
                move |body: &[u8], trail: &mut Trail| trail.conclude(if body == b"deny" { deny } else { allow });
            Some(ResponseBody { limit, over_limit: deny, judge: Box::new(judge) })
        };
        ResponseCheck { holds, judges_local: false, decides: true, judge: Box::new(judge) }
    }
}

impl Policy for Gate {
    fn calls(&self) -> bool {
        true
    }

    fn news(&self) -> Option<String> {
        self.silence.take().then(|| "the oracle is silent".to_owned())
    }

    fn is_reserved(&self, name: &[u8]) -> bool {
        name == b"x-size"
    }

    fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        let (allow, deny) = (self.allow, self.deny);
        let denied = match request.header("x-gate")? {
            Some(b"body") => {
                let judge = move |request: &dyn Request, body: &[u8], trail: &mut Trail| {
                    request.set_header("x-size", body.len().to_string().as_bytes())?;
                    trail.conclude(if body == b"deny" { deny } else { allow });
                    Ok(())
                };
                return Ok(Next::Body(BodyCheck { limit: self.limit, over_limit: deny, judge: Box::new(judge) }));
            }
            Some(how @ (b"watch" | b"hold")) => {
                trail.watch_response(self.watch(how == b"hold"));
                false
            }
            Some(b"call") => {
                let silence = Rc::clone(&self.silence);
                let then = move |request: &dyn Request, answer: Option<&Answer<'_>>, trail: &mut Trail| {
                    silence.set(answer.is_none());
                    request.set_header("x-asked", answer.map_or(b"nobody".as_slice(), |answer| answer.body))?;
                    let is_allowed = answer
                        .is_some_and(|answer| answer.headers.get(":status") == Some(b"200") && answer.body == b"yes");
                    trail.conclude(if is_allowed { allow } else { deny });
                    Ok(())
                };
                let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let headers = vec![header(":path", "/ask")];
                let service = Rc::new(Service { cluster: "oracle".into(), headers, timeout_ms: 20 });
                return Ok(Next::Call(Call { service, body: b"may I".to_vec(), then: Box::new(then) }));
            }
            Some(b"label") => {
                trail.set_response_header("x-label", "passed".to_owned());
                false
            }
            Some(b"wait") if request.may_wait() => return Ok(Next::Wait(request.now() + 1_000_000_000)),
            Some(b"deny" | b"wait") => true,
            _ => false,
        };
        trail.conclude(if denied { deny } else { allow });
        Ok(Next::Done)
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

/// The first one in shadow mode, and with less patience for bodies.
#[expect(clippy::unnecessary_wraps, reason = "a `Load`")]
pub(super) fn small_and_large(_: &[u8], _: Environment) -> Result<Vec<Loaded>, Errors> {
    let gate = |rule, mode, limit| {
        let policy = Box::new(Gate { limit, ..Gate::new(rule, mode) });
        Loaded { filter: "gate", policy, audit: None }
    };
    Ok(vec![gate("first", Mode::Shadow, 2), gate("second", Mode::Enforce, 8)])
}
