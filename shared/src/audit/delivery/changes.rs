//! What the delivery tells metrics.

use crate::audit::PerClass;

/// What happened since the last look, for counters, and what is held now, for gauges.
///
/// Each event that was offered is `delivered`, `dropped` or `rejected` in the end, and `queued` or in flight till then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Events that the collector took.
    pub delivered: PerClass<u64>,
    /// Events that found no room, or that were left at the end.
    pub dropped: PerClass<u64>,
    /// Events that the collector would not take.
    pub rejected: PerClass<u64>,
    /// Calls by what came of them.
    pub calls: Calls,
    /// Gauge: events that wait.
    pub queued_events: usize,
    /// Gauge: their bytes.
    pub queued_bytes: usize,
    /// Gauge: calls without an answer yet.
    pub in_flight: usize,
    /// Gauge: whether the last answer was a failure.
    pub is_failing: bool,
}

/// Calls to the collector by what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Answered with 2xx.
    pub ok: u64,
    /// Answered with another status that says to try again.
    pub failed: u64,
    /// Answered with 400 or 422.
    pub rejected: u64,
    /// Answered with 413.
    pub too_large: u64,
    /// Not answered in time, or without a status.
    pub timed_out: u64,
    /// Not sent by the host.
    pub not_sent: u64,
}

impl Calls {
    /// All counts with their stable word for metrics.
    #[expect(clippy::iter_not_returning_iterator, reason = "an array can be mapped to an array")]
    pub const fn iter(&self) -> [(&'static str, u64); 6] {
        [
            ("ok", self.ok),
            ("failed", self.failed),
            ("rejected", self.rejected),
            ("too_large", self.too_large),
            ("timed_out", self.timed_out),
            ("not_sent", self.not_sent),
        ]
    }
}
