//! Waiting by a clock that may be set back.

const NS_PER_MS: u64 = 1_000_000;

/// A span that began at a time, both in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    since: u64,
    wait: u64,
}

impl Timer {
    pub(super) const fn new(since: u64, wait: u64) -> Self {
        Self { since, wait }
    }

    /// Whether the wait is over. A clock that was set back ends it: rather a call too early than none for hours.
    pub(super) fn is_over(&self, now: u64) -> bool {
        now.checked_sub(self.since).is_none_or(|elapsed| elapsed >= self.wait)
    }
}

/// Milliseconds as nanoseconds.
pub(super) fn ms(ms: u32) -> u64 {
    u64::from(ms).saturating_mul(NS_PER_MS)
}
