//! How a request is judged: by its headers, when documents have come, and by its body.

use portcullis_shared::{
    decision::{Detail, Outcome},
    policy::{Answer as ServiceAnswer, Call, Next, Then, Trail},
    request::{Headers, Request, Unavailable},
};

use super::{Flow, Metrics, Vm, chain_of, metric, response::replace};
use crate::{
    audit::{Facts, Pipelines},
    chain::{self, Effect, Link},
    host::{self, Host, HttpCall, Level, Reply},
    request::HostRequest,
    stream::{Awaited, Held, Streams},
    watched::{Responses, Watched},
};

impl<H: Host> Vm<H> {
    /// Judges the body of a held request if it is all here, or is too much of it.
    pub(super) fn judge_held(&mut self, context: u32) -> Flow {
        match self.streams.take_if(context, Held::is_complete) {
            Some(held) => self.judge(held, false).into(),
            None => Flow::Pause,
        }
    }

    /// Asks the policies that have not judged yet: first for the headers, and when all are through with those, for the
    /// body.
    pub(super) fn judge(&mut self, held: Held, may_wait: bool) -> Judged {
        self.judge_answered(held, may_wait, None)
    }

    /// The same of a request that may have waited for the answer of a service.
    fn judge_answered(&mut self, mut held: Held, may_wait: bool, found: Option<Found>) -> Judged {
        let Self { host, roots, trail, pipelines, streams, metrics, .. } = self;
        let tools = &mut Tools { host, pipelines, metrics, answer: Answer::Reply };
        let Some(chain) = chain_of(roots, held.root) else {
            return self.no_configuration().into();
        };
        let request = HostRequest::new(host, may_wait, !held.ended || held.size > 0);
        // Asked again, a policy does not get more time than it asked for first.
        let (asked, deadline) = (held.link, held.until.take());
        for (index, link) in chain.iter().enumerate().skip(held.link) {
            trail.begin(link.allowed_is_audited);
            request.see_documents(&link.documents);
            let next = match held.then.take() {
                Some(Awaited(then)) => {
                    then(&request, found.and_then(|found| found.answer(host)).as_ref(), trail).map(|()| Next::Done)
                }
                None => link.policy.on_request_headers(&request, trail),
            };
            let next = match next {
                Ok(Next::Call(call)) => {
                    held.link = index;
                    match send(host, call, held, streams) {
                        None => return Judged::Held,
                        Some((back, then)) => {
                            held = back;
                            then(&request, None, trail).map(|()| Next::Done)
                        }
                    }
                }
                next => next,
            };
            if conclude(tools, &request, link, trail, next.is_err()) == Flow::Pause {
                return Judged::Refused;
            }
            held.ask_for_response(index, trail);
            match next {
                Ok(Next::Body(check)) => held.checks.push((index, check)),
                Ok(Next::Wait(until)) if may_wait => {
                    let deadline = deadline.filter(|_| index == asked);
                    (held.link, held.until) = (index, Some(deadline.map_or(until, |first| first.min(until))));
                    let root = held.root;
                    held.since = host.now();
                    streams.hold(held);
                    self.set_tick(root);
                    return Judged::Held;
                }
                Ok(Next::Wait(_)) => return unavailable(tools, &request, link),
                Ok(Next::Done | Next::Call(_)) | Err(_) => {}
            }
        }
        held.link = chain.len();
        if held.checks.is_empty() {
            return pass(held, &request, &mut self.responses);
        }
        let is_body = if held.ended { Ok(true) } else { request.is_upgrade().map(|upgrade| !upgrade) };
        let Ok(is_body) = is_body else {
            return chain.first().map_or(Judged::Refused, |first| unavailable(tools, &request, first));
        };
        for (index, over_limit) in held.take_oversize() {
            let Some(link) = chain.get(index) else { continue };
            trail.begin(link.allowed_is_audited);
            trail.conclude(over_limit);
            if conclude(tools, &request, link, trail, false) == Flow::Pause {
                return Judged::Refused;
            }
        }
        if !held.ended && is_body && !held.checks.is_empty() {
            held.since = host.now();
            streams.hold(held);
            return Judged::Held;
        }
        let body = if held.size == 0 { Ok(&[][..]) } else { host.request_body() };
        for (index, check) in std::mem::take(&mut held.checks) {
            let Some(link) = chain.get(index) else { continue };
            trail.begin(link.allowed_is_audited);
            request.see_documents(&link.documents);
            let judged = body.map_err(|_| Unavailable).and_then(|body| (check.judge)(&request, body, trail));
            if conclude(tools, &request, link, trail, judged.is_err()) == Flow::Pause {
                return Judged::Refused;
            }
            held.ask_for_response(index, trail);
        }
        pass(held, &request, &mut self.responses)
    }

    /// A service has answered about a request, or Envoy in its place; whether one waited for that.
    pub(super) fn judge_called(&mut self, token: u32, found: Option<Found>) -> bool {
        let Some(held) = self.streams.take_answered(token) else { return false };
        let may_wait = self.streams.may_wait();
        self.go_on(held, may_wait, found);
        true
    }

    /// Goes on with a request that waited.
    fn go_on(&mut self, held: Held, may_wait: bool, found: Option<Found>) {
        // Of one that is gone the policy still learns what the answer was.
        let is_there = self.host.enter(held.context);
        if self.judge_answered(held, may_wait, found) == Judged::Passed && is_there && self.host.resume().is_err() {
            self.host.log(Level::Error, "portcullis: Envoy did not let a request go on");
        }
    }

    /// Asks the policies again about requests that wait for a document: those of `root` where one has come, and all
    /// whose time is up. Also forgets held requests that are gone.
    pub(super) fn judge_waiting(&mut self, root: Option<u32>, now: u64) {
        if self.streams.is_empty() {
            return;
        }
        let host = &self.host;
        self.streams.retain(|context| host.enter(context));
        if !self.has_seen_body {
            self.refuse_bodiless(now.saturating_sub(Self::BODY_MISSED_AFTER));
        }
        // A call that was under way when the configuration changed gets no answer.
        for held in self.streams.take_unanswered(now) {
            let may_wait = self.streams.may_wait();
            self.go_on(held, may_wait, None);
        }
        for held in self.streams.take_waiting(|held, until| Some(held.root) == root || until <= now) {
            let may_wait = held.until.is_some_and(|until| until > now);
            self.go_on(held, may_wait, None);
        }
    }

    /// Refuses requests that have been held for their bodies since before `then`, in a VM that was never shown a body:
    /// the plugin's configuration is not as it must be, and they would hang.
    fn refuse_bodiless(&mut self, then: u64) {
        for held in self.streams.take_bodiless(then) {
            let Self { host, roots, pipelines, metrics, .. } = self;
            if !self.bodies_missed {
                self.bodies_missed = true;
                host.log(
                    Level::Error,
                    "portcullis: a request is held for its body, and Envoy shows none: does the plugin's configuration \
                     have `allow_on_headers_stop_iteration: true`?",
                );
            }
            host.enter(held.context);
            let link = held.checks.first().and_then(|(index, _)| chain_of(roots, held.root)?.get(*index));
            if let Some(link) = link {
                let tools = &mut Tools { host, pipelines, metrics, answer: Answer::Reply };
                unavailable(tools, &HostRequest::new(host, false, true), link);
            }
        }
    }
}

/// An answer that is here, of which the host shows more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) body_size: usize,
}

impl Found {
    fn answer<H: Host>(self, host: &H) -> Option<ServiceAnswer<'_>> {
        let trailers = host.call_trailers().map_or(Headers::Listed(&[]), Headers::Packed);
        let body = host.call_body(self.body_size).ok()?;
        let headers = Headers::Packed(host.call_headers().ok()?);
        Some(ServiceAnswer { headers, body, trailers })
    }
}

/// Sends a call, and holds the request until its answer is here. What is not sent comes back.
fn send<H: Host>(host: &H, call: Call, mut held: Held, streams: &mut Streams) -> Option<(Held, Then)> {
    let Call { service, body, then } = call;
    if !streams.may_call() {
        return Some((held, then));
    }
    let headers: Vec<_> = service.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let headers = host::render(&headers);
    let call = HttpCall { cluster: &service.cluster, headers: &headers, body: &body, timeout_ms: service.timeout_ms };
    let Ok(token) = host.http_call(call) else { return Some((held, then)) };
    held.since = host.now();
    held.until =
        Some(held.since.saturating_add(u64::from(service.timeout_ms).saturating_mul(1_000_000)).saturating_add(GRACE));
    held.then = Some(Awaited(then));
    streams.await_answer(token, held);
    None
}

/// How long after its time is up a call is given up, in nanoseconds: Envoy itself answers it before.
const GRACE: u64 = 250_000_000;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Passed,
    Held,
    Refused,
}

impl From<Judged> for Flow {
    fn from(judged: Judged) -> Self {
        if judged == Judged::Passed { Self::Continue } else { Self::Pause }
    }
}

impl From<Flow> for Judged {
    fn from(flow: Flow) -> Self {
        if flow == Flow::Continue { Self::Passed } else { Self::Refused }
    }
}

/// A request passes; what was asked for its response is kept.
fn pass<H: Host>(held: Held, request: &HostRequest<'_, H>, responses: &mut Responses) -> Judged {
    if !held.responses.is_empty() || !held.response_headers.is_empty() {
        let decides = held.responses.iter().any(|(_, check)| check.decides);
        let headers = if decides { request.all_headers().ok() } else { None };
        responses.watch(held.context, Watched::new(held.root, headers, held.responses, held.response_headers));
    }
    Judged::Passed
}

/// Carries out what a policy recorded. Where it could not see the request, that refuses it.
pub(super) fn conclude<H: Host>(
    tools: &mut Tools<'_, H>,
    request: &HostRequest<'_, H>,
    link: &Link,
    trail: &Trail,
    is_unseen: bool,
) -> Flow {
    for decision in trail.decisions() {
        let outcome = link.policy.outcomes().get(decision.outcome);
        let (Some(outcome), Some(effect)) = (outcome, link.effects.get(decision.outcome.index())) else {
            continue;
        };
        if carry_out(tools, request, link, (outcome, effect), &decision.details) == Flow::Pause {
            return Flow::Pause;
        }
    }
    if is_unseen {
        unavailable(tools, request, link);
        return Flow::Pause;
    }
    Flow::Continue
}

/// Refuses a request that a policy was not let to see.
fn unavailable<H: Host>(tools: &mut Tools<'_, H>, request: &HostRequest<'_, H>, link: &Link) -> Judged {
    let (outcome, effect) = &link.unavailable;
    carry_out(tools, request, link, (outcome, effect), &[]);
    Judged::Refused
}

/// Counts a decision, audits it where that is asked for, and refuses the request where it says so.
fn carry_out<H: Host>(
    tools: &mut Tools<'_, H>,
    request: &HostRequest<'_, H>,
    link: &Link,
    (outcome, effect): (&Outcome, &Effect),
    details: &[Detail],
) -> Flow {
    let Tools { host, pipelines, metrics, answer } = tools;
    let ready = effect.ready(link.filter, outcome, &mut |kind, name| metric(*host, metrics, kind, name));
    if let Some(counter) = ready.counter {
        host.add(counter, 1);
    }
    let reply = ready.reply.as_ref().filter(|_| *answer != Answer::Nothing);
    if let (Some(pipeline), Some(template)) = (link.audit, &ready.event) {
        let status = reply.map(|reply| reply.status);
        let facts = Facts { template, class: effect.class, is_alert: effect.is_alert, status, details };
        pipelines.record(pipeline, request, &facts, *host);
    }
    let Some(reply) = reply else { return Flow::Continue };
    // What details say is for the client as well where the outcome says so.
    let own =
        (!details.is_empty() && outcome.shows_details()).then(|| chain::reply_with(link.filter, outcome, details));
    let reply = own.as_ref().unwrap_or(reply);
    match answer {
        Answer::Replace => {
            replace(*host, reply);
            Flow::Pause
        }
        _ => refuse(*host, request, reply),
    }
}

/// How a refusal reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// As an answer of Envoy's.
    Reply,
    /// In the place of a response that is held.
    Replace,
    /// Not at all: it has another one already.
    Nothing,
}

/// What it takes to carry out a decision.
pub(super) struct Tools<'a, H> {
    pub(super) host: &'a H,
    pub(super) pipelines: &'a mut Pipelines,
    pub(super) metrics: &'a mut Metrics,
    pub(super) answer: Answer,
}

/// Ends the request. After the reply nothing else is asked of this stream: a second reply would hang the client.
pub(super) fn refuse<H: Host>(host: &H, request: &HostRequest<'_, H>, reply: &Reply) -> Flow {
    if host.reply(reply, chain::is_grpc(request)).is_err() {
        // The request stays paused, and so does not pass; Envoy's stream timeout ends it.
        host.log(Level::Error, "portcullis: Envoy took no reply");
    }
    Flow::Pause
}
