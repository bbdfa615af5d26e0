//! A VM: the configurations that live in it, and what happens at each entry.

use portcullis_shared::{
    config::{Environment, Errors},
    decision::Detail,
    policy::Trail,
};
use std::collections::BTreeMap;

use crate::{
    audit::{Facts, Pipelines},
    chain::{self, Effect, Link, Loaded},
    host::{Host, Level, Metric, MetricKind, Reply},
    request::HostRequest,
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

/// How a configuration becomes policies.
pub type Load = fn(&[u8], Environment<'_>) -> Result<Vec<Loaded>, Errors>;

/// A root context: one configuration.
struct Root {
    id: u32,
    /// Empty until the configuration is there.
    chain: Option<Vec<Link>>,
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
    /// By name: Envoy makes a new metric each time that one is defined.
    metrics: BTreeMap<String, Metric>,
}

impl<H: Host> Vm<H> {
    /// How often a VM with nothing to deliver ticks, in milliseconds.
    const IDLE_TICK_MS: u32 = 5_000;
    /// A root is gone when it has not ticked for this long (in nanoseconds), and ...
    const GONE_AFTER: u64 = 60_000_000_000;
    /// ... others have ticked this often meanwhile. Timers of one thread that are due fire in one round, so a thread that
    /// hung for an hour does not make its roots seem gone.
    const GONE_AFTER_TICKS: u32 = 10;

    /// A VM with nothing in it.
    pub fn new(host: H) -> Self {
        Self {
            host,
            roots: Vec::new(),
            stream: (0, 0),
            trail: Trail::default(),
            pipelines: Pipelines::default(),
            metrics: BTreeMap::new(),
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
            self.roots.push(Root { id: context, chain: None, seen, missed: 0 });
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
            let audit = loaded.audit.as_ref().map(|audit| pipelines.open(audit, loaded.filter, host, &mut define));
            let counter = |name: &str| define(MetricKind::Counter, name);
            chain.push(Link::new(loaded, audit, counter));
        }
        host.tick_every(
            chain.iter().filter_map(|link| pipelines.tick_ms(link.audit?)).min().unwrap_or(Self::IDLE_TICK_MS),
        );
        match roots.iter_mut().find(|known| known.id == root) {
            Some(known) => known.chain = Some(chain),
            None => roots.push(Root { id: root, chain: Some(chain), seen: host.now(), missed: 0 }),
        }
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
        self.roots
            .retain(|known| known.missed < Self::GONE_AFTER_TICKS || now.saturating_sub(known.seen) < Self::GONE_AFTER);
        self.pipelines.deliver(&self.host, now);
        let links = || self.roots.iter().filter_map(|root| root.chain.as_deref()).flatten();
        self.pipelines.sweep(&self.host, now, |index| links().any(|link| link.audit == Some(index)));
    }

    /// The answer to a call-out, or what Envoy says in its place; no headers at all when there was no answer.
    pub fn on_http_call_response(&mut self, token: u32, headers: u32) {
        self.host.begin();
        let status = if headers == 0 { None } else { self.host.call_status() };
        let now = self.host.now();
        self.pipelines.answered(&self.host, token, status, now);
    }

    /// A request's headers are here.
    pub fn on_request_headers(&mut self, context: u32) -> Flow {
        self.host.begin();
        let Self { host, roots, stream, trail, pipelines, .. } = self;
        let (created, root) = *stream;
        let chain =
            roots.iter().find(|known| known.id == root && created == context).and_then(|root| root.chain.as_ref());
        let request = HostRequest::new(host);
        let Some(chain) = chain else {
            host.log(Level::Error, "portcullis: a request came without a configuration");
            return refuse(host, &request, &chain::no_configuration());
        };
        for link in chain {
            trail.clear();
            let seen = link.policy.on_request_headers(&request, trail);
            for decision in trail.decisions() {
                let Some(effect) = link.effects.get(decision.outcome.index()) else { continue };
                if carry_out(host, pipelines, &request, link.audit, effect, &decision.details) == Flow::Pause {
                    return Flow::Pause;
                }
            }
            if seen.is_err() {
                carry_out(host, pipelines, &request, link.audit, &link.unavailable, &[]);
                return Flow::Pause;
            }
        }
        Flow::Continue
    }
}

/// Counts a decision, audits it where that is asked for, and refuses the request where it says so.
fn carry_out<H: Host>(
    host: &H,
    pipelines: &mut Pipelines,
    request: &HostRequest<'_, H>,
    pipeline: Option<usize>,
    effect: &Effect,
    details: &[Detail],
) -> Flow {
    if let Some(counter) = effect.counter {
        host.add(counter, 1);
    }
    if let (Some(pipeline), Some(template)) = (pipeline, &effect.event) {
        let status = effect.reply.as_ref().map(|reply| reply.status);
        pipelines.record(pipeline, request, &Facts { template, class: effect.class, status, details }, host);
    }
    effect.reply.as_ref().map_or(Flow::Continue, |reply| refuse(host, request, reply))
}

/// Ends the request. After the reply nothing else is asked of this stream: a second reply would hang the client.
fn refuse<H: Host>(host: &H, request: &HostRequest<'_, H>, reply: &Reply) -> Flow {
    if host.reply(reply, chain::is_grpc(request)).is_err() {
        // The request stays paused, and so does not pass; Envoy's stream timeout ends it.
        host.log(Level::Error, "portcullis: Envoy took no reply");
    }
    Flow::Pause
}

fn metric(host: &impl Host, metrics: &mut BTreeMap<String, Metric>, kind: MetricKind, name: &str) -> Option<Metric> {
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
