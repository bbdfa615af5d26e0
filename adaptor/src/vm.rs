//! A VM: the configurations that live in it, and what happens at each entry.

use portcullis_shared::{
    config::{Environment, Errors},
    decision::{Detail, Outcome},
    policy::{Measure, Next, Trail},
    request::Unavailable,
};
use std::collections::BTreeMap;

use crate::{
    audit::{Facts, Pipelines},
    chain::{self, Effect, Link, Loaded},
    host::{Host, Level, Metric, MetricKind, Reply},
    measures::Measures,
    request::HostRequest,
    stream::{Held, Streams},
};

/// What Envoy is to do with the stream's headers (proxy-wasm's `proxy_action_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Flow {
    /// On to the next filter.
    Continue = 0,
    /// Stop here. Also what a VM that cannot be entered says: nothing passes unseen.
    #[default]
    Pause = 1,
}

/// Metrics by name.
type Metrics = BTreeMap<String, Metric>;

/// How a configuration becomes policies.
pub type Load = fn(&[u8], Environment<'_>) -> Result<Vec<Loaded>, Errors>;

/// A root context: one configuration.
struct Root {
    id: u32,
    /// Empty until the configuration is there.
    chain: Option<Vec<Link>>,
    /// How often it ticks, in milliseconds.
    tick_ms: u32,
    /// When it last ticked, or was made.
    seen: u64,
    /// How often others have ticked since.
    missed: u32,
}

/// A Wasm VM: one for each worker thread of Envoy, one for its main thread, and one for each `vm_id`.
pub struct Vm<H> {
    pub(crate) host: H,
    roots: Vec<Root>,
    /// The stream that was created last, and its root.
    stream: (u32, u32),
    trail: Trail,
    pipelines: Pipelines,
    streams: Streams,
    /// The metric of those that wait.
    waiting: Option<Measures>,
    /// Whether it was said that bodies do not come.
    bodies_missed: bool,
    /// By name: Envoy makes a new metric each time that one is defined.
    metrics: Metrics,
}

impl Root {
    /// Makes it tick as often as its documents and events want, and requests that wait.
    fn set_tick(&mut self, host: &impl Host, pipelines: &Pipelines, is_waited_for: bool) {
        let links = || self.chain.iter().flatten();
        let events = links().filter_map(|link| pipelines.tick_ms(link.audit?));
        let documents = links().filter_map(|link| link.documents.next_poll_ms(is_waited_for));
        let wanted = events.chain(documents).min().unwrap_or(IDLE_TICK_MS);
        let wanted = if is_waited_for { wanted.min(WAITING_TICK_MS) } else { wanted };
        if self.tick_ms != wanted {
            self.tick_ms = wanted;
            host.tick_every(wanted);
        }
    }
}

/// How often a VM with nothing to deliver ticks, in milliseconds.
const IDLE_TICK_MS: u32 = 5_000;

/// While a request waits for a document.
const WAITING_TICK_MS: u32 = 20;

impl<H: Host> Vm<H> {
    /// A root is gone when it has not ticked for this long (in nanoseconds), and ...
    const GONE_AFTER: u64 = 60_000_000_000;
    /// ... others have ticked this often meanwhile. Timers of one thread that are due fire in one round, so a thread that
    /// hung for an hour does not make its roots seem gone.
    const GONE_AFTER_TICKS: u32 = 10;

    /// For how long a request is held for its body, in nanoseconds, before it is said that none comes.
    const BODY_MISSED_AFTER: u64 = 5_000_000_000;

    /// A VM with nothing in it.
    pub fn new(host: H) -> Self {
        Self {
            host,
            roots: Vec::new(),
            stream: (0, 0),
            trail: Trail::default(),
            pipelines: Pipelines::default(),
            streams: Streams::default(),
            waiting: None,
            bodies_missed: false,
            metrics: Metrics::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn roots(&self) -> usize {
        self.roots.len()
    }

    #[cfg(test)]
    pub(crate) fn pipelines(&self) -> usize {
        self.pipelines.len()
    }

    /// A context was made: a root (its own root is 0), or a stream of one.
    pub fn on_context_create(&mut self, context: u32, root: u32) {
        if root == 0 {
            let seen = self.host.now();
            self.roots.push(Root { id: context, chain: None, tick_ms: 0, seen, missed: 0 });
        } else {
            self.stream = (context, root);
        }
    }

    /// A root's configuration is here. `false` makes Envoy refuse it: at start it exits, later it keeps the old one.
    /// Called on each worker's VM and on others that serve no requests, each of which is another VM.
    pub fn on_configure(&mut self, root: u32, size: usize, load: Load) -> bool {
        self.host.begin();
        let Self { host, roots, pipelines, metrics, .. } = self;
        let loaded = match host.configuration(size) {
            Ok(configuration) => load(configuration, &|name| host.environment(name)),
            Err(refused) => {
                host.log(Level::Error, &format!("portcullis: the configuration cannot be read: {refused:?}"));
                return false;
            }
        };
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(errors) => {
                host.log(Level::Error, &format!("portcullis: configuration refused: {errors}"));
                return false;
            }
        };
        for Loaded { filter, .. } in &loaded {
            host.log(
                Level::Info,
                &format!("portcullis {filter} {}: configuration accepted", env!("CARGO_PKG_VERSION")),
            );
        }
        let mut define = |kind, name: &str| metric(host, metrics, kind, name);
        let mut chain = Vec::new();
        for loaded in loaded {
            for warning in loaded.policy.warnings() {
                host.log(Level::Warn, &format!("portcullis {}: {warning}", loaded.filter));
            }
            let audit = loaded.audit.as_ref().map(|audit| pipelines.open(audit, loaded.filter, host, &mut define));
            chain.push(Link::new(loaded, audit, &mut define));
        }
        if !roots.iter().any(|known| known.id == root) {
            roots.push(Root { id: root, chain: None, tick_ms: 0, seen: host.now(), missed: 0 });
        }
        let Some(root) = roots.iter_mut().find(|known| known.id == root) else { return false };
        // What is shared already is taken at once: a new configuration has its keys before its first request.
        for link in &mut chain {
            link.documents.take_shared(host, link.filter, &*link.policy);
        }
        root.chain = Some(chain);
        root.set_tick(host, pipelines, false);
        true
    }

    /// A root's timer. Delivers audit events, and notices roots that are gone.
    pub fn on_tick(&mut self, root: u32) {
        self.host.begin();
        let now = self.host.now();
        for known in &mut self.roots {
            if known.id == root {
                (known.seen, known.missed) = (now, 0);
            } else {
                known.missed = known.missed.saturating_add(1);
            }
        }
        let Self { host, roots, .. } = self;
        let is_gone =
            |known: &Root| known.missed >= Self::GONE_AFTER_TICKS && now.saturating_sub(known.seen) >= Self::GONE_AFTER;
        for mut link in roots.extract_if(.., |known| is_gone(known)).filter_map(|root| root.chain).flatten() {
            link.measures.end(host);
        }
        let mut has_new = false;
        if let Some(root) = roots.iter_mut().find(|known| known.id == root) {
            for link in root.chain.iter_mut().flatten() {
                has_new |= link.documents.poll(host, link.filter, &*link.policy, now);
                link.measures.update(host, &link.policy.measures());
            }
        }
        self.judge_waiting(has_new.then_some(root), now);
        self.host.enter(root);
        self.measure();
        self.pipelines.deliver(&self.host, now);
        let links = || self.roots.iter().filter_map(|root| root.chain.as_deref()).flatten();
        self.pipelines.sweep(&self.host, now, |index| links().any(|link| link.audit == Some(index)));
        self.set_tick(root);
    }

    /// Tells how many requests are held. The metric is there from the first one on.
    fn measure(&mut self) {
        let waiting = u64::try_from(self.streams.waiting()).unwrap_or(u64::MAX);
        let now = [Measure { name: "portcullis_requests_waiting", only_grows: false, value: waiting }];
        let Self { host, metrics, waiting, .. } = self;
        if waiting.is_none() && now.iter().any(|measure| measure.value > 0) {
            let filter = "all";
            *waiting = Some(Measures::new(filter, &now, &mut |kind, name| metric(host, metrics, kind, name)));
        }
        if let Some(waiting) = waiting {
            waiting.update(host, &now);
        }
    }

    /// Makes a root tick as often as it has to.
    fn set_tick(&mut self, root: u32) {
        let is_waited_for = self.streams.is_any_waiting(root);
        if let Some(root) = self.roots.iter_mut().find(|known| known.id == root) {
            root.set_tick(&self.host, &self.pipelines, is_waited_for);
        }
    }

    /// The answer to a call-out, or what Envoy says in its place; no headers at all when there was no answer.
    pub fn on_http_call_response(&mut self, root: u32, token: u32, headers: u32, body_size: usize) {
        self.host.begin();
        let Self { host, roots, pipelines, .. } = self;
        let status = if headers == 0 { None } else { host.call_status() };
        let now = host.now();
        if pipelines.answered(host, token, status, now) {
            return;
        }
        let links = roots.iter_mut().filter(|known| known.id == root).flat_map(|root| root.chain.iter_mut().flatten());
        for link in links {
            let Some(is_new) = link.documents.answered(host, link.filter, &*link.policy, token, status, body_size, now)
            else {
                continue;
            };
            if is_new {
                self.judge_waiting(Some(root), now);
                self.host.enter(root);
            }
            break;
        }
        self.set_tick(root);
    }

    /// A request's headers are here.
    pub fn on_request_headers(&mut self, context: u32, end_of_stream: bool) -> Flow {
        self.host.begin();
        let (created, root) = self.stream;
        if created != context {
            return self.no_configuration();
        }
        let may_wait = self.streams.may_wait();
        self.judge(Held::new(context, root, end_of_stream), may_wait).into()
    }

    /// More of a request's body is here; while it is held, Envoy shows all of it that came so far.
    pub fn on_request_body(&mut self, context: u32, size: usize, end_of_stream: bool) -> Flow {
        if self.streams.is_empty() {
            return Flow::Continue;
        }
        self.host.begin();
        let Some(held) = self.streams.get_mut(context) else { return Flow::Continue };
        held.size = size;
        held.ended |= end_of_stream;
        self.judge_held(context)
    }

    /// A request's trailers are here: its body has ended, and no body callback has said so.
    pub fn on_request_trailers(&mut self, context: u32) -> Flow {
        if self.streams.is_empty() {
            return Flow::Continue;
        }
        self.host.begin();
        let Some(held) = self.streams.get_mut(context) else { return Flow::Continue };
        held.ended = true;
        self.judge_held(context)
    }

    /// Judges the body of a held request if it is all here, or is too much of it.
    fn judge_held(&mut self, context: u32) -> Flow {
        match self.streams.take_if(context, Held::is_complete) {
            Some(held) => self.judge(held, false).into(),
            None => Flow::Pause,
        }
    }

    /// Asks the policies that have not judged yet: first for the headers, and when all are through with those, for the
    /// body.
    fn judge(&mut self, mut held: Held, may_wait: bool) -> Judged {
        let Self { host, roots, trail, pipelines, streams, metrics, .. } = self;
        let tools = &mut Tools { host, pipelines, metrics };
        let chain = roots.iter().find(|known| known.id == held.root).and_then(|root| root.chain.as_ref());
        let Some(chain) = chain else {
            return self.no_configuration().into();
        };
        let request = HostRequest::new(host, may_wait);
        // Asked again, a policy does not get more time than it asked for first.
        let (asked, deadline) = (held.link, held.until.take());
        for (index, link) in chain.iter().enumerate().skip(held.link) {
            trail.clear();
            request.see_documents(&link.documents);
            let next = link.policy.on_request_headers(&request, trail);
            if conclude(tools, &request, link, trail, next.is_err()) == Flow::Pause {
                return Judged::Refused;
            }
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
                Ok(Next::Done) | Err(_) => {}
            }
        }
        held.link = chain.len();
        if held.checks.is_empty() {
            return Judged::Passed;
        }
        if !held.is_complete() {
            match request.is_upgrade() {
                Ok(true) => {}
                Ok(false) => {
                    held.since = host.now();
                    streams.hold(held);
                    return Judged::Held;
                }
                Err(_) => {
                    return chain.first().map_or(Judged::Refused, |first| unavailable(tools, &request, first));
                }
            }
        }
        let oversize = held.is_oversize();
        let body = if held.size == 0 || oversize { Ok(&[][..]) } else { host.request_body() };
        for (index, check) in held.checks {
            let Some(link) = chain.get(index) else { continue };
            trail.clear();
            request.see_documents(&link.documents);
            let judged = match body {
                _ if held.size > check.limit => {
                    trail.conclude(check.over_limit);
                    Ok(())
                }
                // Of a body that one policy refuses for its size the others see nothing.
                Ok(_) if oversize => continue,
                Ok(body) => (check.judge)(&request, body, trail),
                Err(_) => Err(Unavailable),
            };
            if conclude(tools, &request, link, trail, judged.is_err()) == Flow::Pause {
                return Judged::Refused;
            }
        }
        Judged::Passed
    }

    /// Asks the policies again about requests that wait for a document: those of `root` where one has come, and all
    /// whose time is up. Also forgets held requests that are gone.
    fn judge_waiting(&mut self, root: Option<u32>, now: u64) {
        if self.streams.is_empty() {
            return;
        }
        let host = &self.host;
        self.streams.retain(|context| host.enter(context));
        if !self.bodies_missed && self.streams.is_any_without_body(now.saturating_sub(Self::BODY_MISSED_AFTER)) {
            self.bodies_missed = true;
            host.log(
                Level::Warn,
                "portcullis: a request is held for its body, and none comes; its client may be slow, or the plugin's \
                 configuration lacks `allow_on_headers_stop_iteration: true`",
            );
        }
        for held in self.streams.take_waiting(|held, until| Some(held.root) == root || until <= now) {
            let context = held.context;
            self.host.enter(context);
            let may_wait = held.until.is_some_and(|until| until > now);
            if self.judge(held, may_wait) == Judged::Passed && self.host.resume().is_err() {
                self.host.log(Level::Error, "portcullis: Envoy did not let a request go on");
            }
        }
    }

    /// Refuses a request of which nothing is known.
    fn no_configuration(&self) -> Flow {
        self.host.log(Level::Error, "portcullis: a request came without a configuration");
        refuse(&self.host, &HostRequest::new(&self.host, false), &chain::no_configuration())
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
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

/// Carries out what a policy recorded. Where it could not see the request, that refuses it.
fn conclude<H: Host>(
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
    let Tools { host, pipelines, metrics } = tools;
    let ready = effect.ready(link.filter, outcome, &mut |kind, name| metric(*host, metrics, kind, name));
    if let Some(counter) = ready.counter {
        host.add(counter, 1);
    }
    let reply = ready.reply.as_ref();
    if let (Some(pipeline), Some(template)) = (link.audit, &ready.event) {
        let status = reply.map(|reply| reply.status);
        let facts = Facts { template, class: effect.class, is_alert: effect.is_alert, status, details };
        pipelines.record(pipeline, request, &facts, *host);
    }
    reply.map_or(Flow::Continue, |reply| refuse(*host, request, reply))
}

/// What it takes to carry out a decision.
struct Tools<'a, H> {
    host: &'a H,
    pipelines: &'a mut Pipelines,
    metrics: &'a mut Metrics,
}

/// Ends the request. After the reply nothing else is asked of this stream: a second reply would hang the client.
fn refuse<H: Host>(host: &H, request: &HostRequest<'_, H>, reply: &Reply) -> Flow {
    if host.reply(reply, chain::is_grpc(request)).is_err() {
        // The request stays paused, and so does not pass; Envoy's stream timeout ends it.
        host.log(Level::Error, "portcullis: Envoy took no reply");
    }
    Flow::Pause
}

fn metric(host: &impl Host, metrics: &mut Metrics, kind: MetricKind, name: &str) -> Option<Metric> {
    if let Some(metric) = metrics.get(name) {
        return Some(*metric);
    }
    match host.define_metric(kind, name) {
        Ok(metric) => {
            metrics.insert(name.to_owned(), metric);
            Some(metric)
        }
        Err(refused) => {
            host.log(Level::Warn, &format!("portcullis: metric {name} cannot be had: {refused:?}"));
            None
        }
    }
}
