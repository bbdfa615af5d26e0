//! Audit pipelines: from decisions to calls to the collector.
//!
//! A pipeline belongs to the VM, not to a configuration: a new configuration with the same `audit` part takes it over with
//! all that waits in it, and no event is lost in a live change of rules. One whose configurations are gone empties itself
//! on the ticks of the others, and is then forgotten.
//!
//! An audited decision costs about 10 µs more than one that is not. About 4 of them are what the host is asked for (the
//! header map and two properties), 2 to 3 the rendering, and the rest the way to the collector.

use portcullis_shared::{
    audit::{
        Class, Delivery, Sink,
        event::{EventInput, RequestFacts, Template},
    },
    decision::Detail,
    metrics,
};

use crate::{
    host::{self, Host, HttpCall, Level, Metric, MetricKind},
    request::HostRequest,
};

/// What defines a metric; `None` when it cannot be had.
pub(crate) type Define<'a> = &'a mut dyn FnMut(MetricKind, &str) -> Option<Metric>;

/// All pipelines of a VM.
#[derive(Default)]
pub(crate) struct Pipelines {
    /// Configurations know theirs by its place, so a place stays empty until another pipeline takes it.
    places: Vec<Option<Pipeline>>,
    /// The event that is being built.
    event: String,
}

struct Pipeline {
    filter: &'static str,
    delivery: Delivery,
    /// Of the requests that carry batches.
    headers: Vec<u8>,
    /// Names this pipeline in its events, with `sequence` counting them.
    vm: String,
    sequence: u64,
    metrics: Metrics,
    /// Since when no configuration has used it.
    unused_since: Option<u64>,
}

/// A decision that is to be audited.
pub(crate) struct Facts<'a> {
    pub(crate) template: &'a Template,
    pub(crate) class: Class,
    /// Whether someone should look at it now.
    pub(crate) is_alert: bool,
    /// The status that the client gets, when it is refused.
    pub(crate) status: Option<u16>,
    pub(crate) details: &'a [Detail],
}

/// What an event says of a request by this header.
fn fact<'s, 'a>(seen: &'s mut RequestFacts<'a>, name: &[u8]) -> Option<&'s mut Option<&'a [u8]>> {
    Some(match name {
        b":method" => &mut seen.method,
        b":path" => &mut seen.path,
        b":authority" => &mut seen.authority,
        b"user-agent" => &mut seen.user_agent,
        b"x-request-id" => &mut seen.request_id,
        b"traceparent" => &mut seen.traceparent,
        _ => return None,
    })
}

/// Whether events say what a request has in this header.
pub(crate) fn is_told(name: &[u8]) -> bool {
    fact(&mut RequestFacts::default(), name).is_some()
}

impl Pipelines {
    /// A pipeline that no configuration uses drops what it could not deliver for this long, in nanoseconds.
    const PATIENCE: u64 = 600_000_000_000;

    /// The pipeline to this sink: one that is there already, or a new one.
    pub(crate) fn open(&mut self, sink: &Sink, filter: &'static str, host: &impl Host, define: Define<'_>) -> usize {
        let same = |known: &Pipeline| known.filter == filter && known.delivery.sink() == sink;
        if let Some(index) = self.places.iter().position(|place| place.as_ref().is_some_and(same)) {
            return index;
        }
        let headers: Vec<_> = sink.request_headers().collect();
        let pipeline = Some(Pipeline {
            filter,
            headers: host::render(&headers),
            delivery: Delivery::new(sink.clone()),
            vm: format!("{:016x}", host.random()),
            sequence: 0,
            metrics: Metrics::new(filter, define),
            unused_since: None,
        });
        for (index, place) in self.places.iter_mut().enumerate() {
            if place.is_none() {
                *place = pipeline;
                return index;
            }
        }
        self.places.push(pipeline);
        self.places.len().saturating_sub(1)
    }

    /// How often the pipeline wants to look at what is due: several times within the age at which a batch is.
    pub(crate) fn tick_ms(&self, pipeline: usize) -> Option<u32> {
        let sink = self.places.get(pipeline)?.as_ref()?.delivery.sink();
        Some((sink.batch.max_age_ms / 4).clamp(10, 250))
    }

    /// Builds a decision's event and queues it. The request does not wait for more.
    pub(crate) fn record<H: Host>(
        &mut self,
        pipeline: usize,
        request: &HostRequest<'_, H>,
        facts: &Facts<'_>,
        host: &H,
    ) {
        let Some(Some(pipeline)) = self.places.get_mut(pipeline) else { return };
        pipeline.sequence = pipeline.sequence.saturating_add(1);
        let client = request.client().ok().flatten();
        let mut seen = RequestFacts {
            client: client.map(|client| client.address),
            client_port: client.and_then(|client| client.port),
            protocol: host.property("request\0protocol").ok().flatten(),
            status: facts.status,
            ..RequestFacts::default()
        };
        // An event says what could be learned: a decision that the host was unavailable is audited too.
        for (name, value) in request.all_headers().into_iter().flatten() {
            let Some(fact) = fact(&mut seen, name) else { continue };
            // Of repeated headers the first.
            fact.get_or_insert(value);
        }
        let input = EventInput {
            time: host.now(),
            vm: &pipeline.vm,
            sequence: pipeline.sequence,
            alert: facts.is_alert,
            details: facts.details,
            request: seen,
        };
        facts.template.render(&input, &mut self.event);
        pipeline.delivery.offer(facts.class, self.event.as_str());
    }

    /// Sends what is due.
    pub(crate) fn deliver(&mut self, host: &impl Host, now: u64) {
        for pipeline in self.places.iter_mut().flatten() {
            pipeline.deliver(host, now);
        }
    }

    /// Forgets pipelines that no configuration uses any more: once all is delivered, or patience has ended.
    pub(crate) fn sweep(&mut self, host: &impl Host, now: u64, is_used: impl Fn(usize) -> bool) {
        for (index, place) in self.places.iter_mut().enumerate() {
            let Some(pipeline) = place else { continue };
            if is_used(index) {
                pipeline.unused_since = None;
                continue;
            }
            let since = *pipeline.unused_since.get_or_insert(now);
            if now.saturating_sub(since) >= Self::PATIENCE {
                pipeline.delivery.abandon();
                pipeline.metrics.update(&mut pipeline.delivery, host);
            }
            if pipeline.delivery.is_idle() {
                *place = None;
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// The answer to a call; whether it is of one of the pipelines.
    pub(crate) fn answered(&mut self, host: &impl Host, token: u32, status: Option<u16>, now: u64) -> bool {
        for pipeline in self.places.iter_mut().flatten() {
            if pipeline.delivery.answered(token, status, now, &mut || host.random()) {
                pipeline.deliver(host, now);
                return true;
            }
        }
        false
    }
}

impl Pipeline {
    fn deliver(&mut self, host: &impl Host, now: u64) {
        let random = &mut || host.random();
        while let Some(batch) = self.delivery.poll(now, random) {
            let sink = self.delivery.sink();
            let call = HttpCall {
                cluster: &sink.cluster,
                headers: &self.headers,
                body: batch.body.as_bytes(),
                timeout_ms: sink.timeout_ms,
            };
            match host.http_call(call) {
                Ok(token) => self.delivery.sent(batch.id, token),
                Err(_) => self.delivery.dispatch_failed(batch.id, now, random),
            }
        }
        let failed_before = self.metrics.is_failing;
        self.metrics.update(&mut self.delivery, host);
        if self.metrics.is_failing != failed_before {
            let state = if self.metrics.is_failing { "takes no events; they wait" } else { "takes events again" };
            let cluster = &self.delivery.sink().cluster;
            host.log(Level::Warn, &format!("portcullis {}: audit cluster {cluster} {state}", self.filter));
        }
    }
}

/// A pipeline's metrics, and what its gauges were last moved to.
struct Metrics {
    /// Delivered, dropped and rejected events of a class.
    events: Vec<(Class, [Option<Metric>; 3])>,
    /// In the order of `Calls::iter`.
    calls: Vec<Option<Metric>>,
    queued: [Option<Metric>; 2],
    queued_before: [usize; 2],
    is_failing: bool,
}

impl Metrics {
    fn new(filter: &str, define: Define<'_>) -> Self {
        let mut counter =
            |name: &str, labels: &[(&str, &str)]| define(MetricKind::Counter, &metrics::name(name, labels));
        let events = Class::ALL.iter().map(|&class| {
            let result = ["delivered", "dropped", "rejected"].map(|result| {
                let labels = [("filter", filter), ("class", class.as_str()), ("result", result)];
                counter("portcullis_audit_events_total", &labels)
            });
            (class, result)
        });
        let events = events.collect();
        let results = portcullis_shared::audit::delivery::Calls::default().iter();
        let calls = results
            .map(|(result, _)| counter("portcullis_audit_calls_total", &[("filter", filter), ("result", result)]));
        let gauges = ["portcullis_audit_queue_events", "portcullis_audit_queue_bytes"];
        let queued = gauges.map(|gauge| define(MetricKind::Gauge, &metrics::name(gauge, &[("filter", filter)])));
        Self { events, calls: calls.into(), queued, queued_before: [0; 2], is_failing: false }
    }

    fn update(&mut self, delivery: &mut Delivery, host: &impl Host) {
        let add = |metric: Option<Metric>, by: i64| {
            if let Some(metric) = metric
                && by != 0
            {
                host.add(metric, by);
            }
        };
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let changes = delivery.take_changes();
        for (class, [delivered, dropped, rejected]) in &self.events {
            add(*delivered, count(*changes.delivered.get(*class)));
            add(*dropped, count(*changes.dropped.get(*class)));
            add(*rejected, count(*changes.rejected.get(*class)));
        }
        for (metric, (_, calls)) in self.calls.iter().zip(changes.calls.iter()) {
            add(*metric, count(calls));
        }
        let queued_now = [changes.queued_events, changes.queued_bytes];
        for ((metric, before), now) in self.queued.iter().zip(self.queued_before).zip(queued_now) {
            let size = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
            add(*metric, size(now).saturating_sub(size(before)));
        }
        self.queued_before = queued_now;
        self.is_failing = changes.is_failing;
    }
}
