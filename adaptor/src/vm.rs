//! A VM: the configurations that live in it, and what happens at each entry.

mod judge;
mod response;

use portcullis_shared::{
    config::{Environment, Errors},
    policy::{Measure, Trail},
};
use std::collections::BTreeMap;

use crate::{
    audit::Pipelines,
    chain::{self, Link, Loaded},
    host::{Host, Level, Metric, MetricKind},
    measures::Measures,
    request::HostRequest,
    stream::{Held, Streams},
    watched::Responses,
};
use judge::{Found, refuse};

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
    /// Whether its policies ask services about requests.
    calls: bool,
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
    responses: Responses,
    /// The metric of those that wait.
    waiting: Option<Measures>,
    /// Whether a body was ever shown.
    has_seen_body: bool,
    /// Whether it was said that bodies do not come.
    bodies_missed: bool,
    /// By name: Envoy makes a new metric each time that one is defined.
    metrics: Metrics,
}

impl Root {
    const fn new(id: u32, seen: u64) -> Self {
        Self { id, chain: None, tick_ms: 0, seen, missed: 0, calls: false }
    }

    /// Makes it tick as often as its documents and events want, and requests that wait.
    fn set_tick(&mut self, host: &impl Host, pipelines: &Pipelines, is_waited_for: bool) {
        let links = || self.chain.iter().flatten();
        let events = links().filter_map(|link| pipelines.tick_ms(link.audit?));
        let documents = links().filter_map(|link| link.documents.next_poll_ms(is_waited_for));
        let wanted = events.chain(documents).min().unwrap_or(IDLE_TICK_MS);
        let wanted = if self.calls { wanted.min(CALLING_TICK_MS) } else { wanted };
        let wanted = if is_waited_for { wanted.min(WAITING_TICK_MS) } else { wanted };
        if self.tick_ms != wanted {
            self.tick_ms = wanted;
            host.tick_every(wanted);
        }
    }
}

/// How often a VM with nothing to deliver ticks, in milliseconds.
const IDLE_TICK_MS: u32 = 5_000;

/// Of a root whose policies ask services about requests, so that those whose calls were lost do not wait long.
const CALLING_TICK_MS: u32 = 250;

/// While a request waits for a document.
const WAITING_TICK_MS: u32 = 20;

impl<H: Host> Vm<H> {
    /// A root is gone when it has not ticked for this long (in nanoseconds), and ...
    const GONE_AFTER: u64 = 60_000_000_000;
    /// ... others have ticked this often meanwhile. Timers of one thread that are due fire in one round, so a thread that
    /// hung for an hour does not make its roots seem gone.
    const GONE_AFTER_TICKS: u32 = 10;

    /// For how long a request is held for its body, in nanoseconds, in a VM that was never shown one.
    const BODY_MISSED_AFTER: u64 = 10_000_000_000;

    /// A VM with nothing in it.
    pub fn new(host: H) -> Self {
        Self {
            host,
            roots: Vec::new(),
            stream: (0, 0),
            trail: Trail::default(),
            pipelines: Pipelines::default(),
            streams: Streams::default(),
            responses: Responses::default(),
            waiting: None,
            has_seen_body: false,
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
            self.roots.push(Root::new(context, seen));
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
            roots.push(Root::new(root, host.now()));
        }
        let Some(root) = roots.iter_mut().find(|known| known.id == root) else { return false };
        // What is shared already is taken at once: a new configuration has its keys before its first request.
        for link in &mut chain {
            link.documents.take_shared(host, link.filter, &*link.policy);
        }
        root.calls = chain.iter().any(|link| link.policy.calls());
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
            }
        }
        // Of all: requests of a configuration that was replaced, and ticks no more, still end.
        for link in roots.iter_mut().filter_map(|root| root.chain.as_mut()).flatten() {
            link.measures.update(host, &link.policy.measures());
            if let Some(news) = link.policy.news() {
                host.log(Level::Warn, &format!("portcullis {}: {news}", link.filter));
            }
        }
        self.judge_waiting(has_new.then_some(root), now);
        self.responses.retain(|context| self.host.enter(context));
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
        let status = if headers == 0 { None } else { self.host.call_status() };
        if self.judge_called(token, status.map(|_| Found { body_size })) {
            self.host.enter(root);
            return;
        }
        let Self { host, roots, pipelines, .. } = self;
        let now = host.now();
        if pipelines.answered(host, token, status, now) {
            return;
        }
        let links = roots.iter_mut().filter(|known| known.id == root).flat_map(|root| root.chain.iter_mut().flatten());
        for link in links {
            if link.documents.answered(host, link.filter, &*link.policy, token, status, body_size, now) {
                // Also when nothing came: who waited for that need not wait any longer.
                self.judge_waiting(Some(root), now);
                self.host.enter(root);
                break;
            }
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
        self.has_seen_body = true;
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
        self.host.begin();
        self.remove_trailers();
        let Some(held) = self.streams.get_mut(context) else { return Flow::Continue };
        held.ended = true;
        self.judge_held(context)
    }

    /// Removes trailers with names that clients may not send: an upstream may take them for headers (RFC 9110 section
    /// 6.5.1). Which configuration a request belongs to is not known any more, so the names of all count.
    fn remove_trailers(&self) {
        let chains = || self.roots.iter().filter_map(|root| root.chain.as_deref()).flatten();
        let is_reserved = |name: &[u8]| chains().any(|link| link.policy.is_reserved(name));
        let names = self.host.request_trailers().into_iter().flatten().map(|(name, _)| name);
        for name in names.filter(|name| is_reserved(name)) {
            if self.host.remove_request_trailer(name).is_err() {
                self.host.log(Level::Error, "portcullis: Envoy does not remove a trailer");
            }
        }
    }

    /// Refuses a request of which nothing is known.
    fn no_configuration(&self) -> Flow {
        self.host.log(Level::Error, "portcullis: a request came without a configuration");
        refuse(&self.host, &HostRequest::new(&self.host, false, false), &chain::no_configuration())
    }
}

/// The policies of a root whose configuration is there.
fn chain_of(roots: &[Root], root: u32) -> Option<&[Link]> {
    roots.iter().find(|known| known.id == root)?.chain.as_deref()
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
