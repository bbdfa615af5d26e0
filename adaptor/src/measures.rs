//! What policies and the VM say of their own state, as metrics: moved on ticks, never by requests.

use portcullis_shared::{metrics, policy::Measure};

use crate::{
    audit::Define,
    host::{Host, Metric, MetricKind},
};

/// The metrics of one policy, and what they were last moved to.
pub(crate) struct Measures(Vec<Measured>);

struct Measured {
    metric: Option<Metric>,
    kind: MetricKind,
    before: u64,
}

impl Measures {
    pub(crate) fn new(filter: &str, measures: &[Measure], define: Define<'_>) -> Self {
        let one = |measure: &Measure| {
            let kind = if measure.only_grows { MetricKind::Counter } else { MetricKind::Gauge };
            Measured { metric: define(kind, &metrics::name(measure.name, &[("filter", filter)])), kind, before: 0 }
        };
        Self(measures.iter().map(one).collect())
    }

    /// Moves them to what is measured now, in the same order.
    pub(crate) fn update(&mut self, host: &impl Host, now: &[Measure]) {
        for (measured, now) in self.0.iter_mut().zip(now) {
            measured.move_to(host, now.value);
        }
    }

    /// Gives back what gauges hold: what was measured is gone.
    pub(crate) fn end(&mut self, host: &impl Host) {
        for measured in self.0.iter_mut().filter(|measured| measured.kind == MetricKind::Gauge) {
            measured.move_to(host, 0);
        }
    }
}

impl Measured {
    fn move_to(&mut self, host: &impl Host, now: u64) {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let by = signed(now).saturating_sub(signed(self.before));
        if let Some(metric) = self.metric.filter(|_| by != 0) {
            host.add(metric, by);
        }
        self.before = now;
    }
}
