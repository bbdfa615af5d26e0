//! Spans by a clock that may be set back.

/// From a time up to another, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    since: u64,
    pub(super) until: u64,
}

impl Span {
    pub(super) const fn new(since: u64, until: u64) -> Self {
        Self { since, until }
    }

    pub(super) const fn of(since: u64, length: u64) -> Self {
        Self { since, until: since.saturating_add(length) }
    }

    /// Whether it lasts. A clock that was set back ends it: rather asked too early than not for hours.
    pub(super) const fn lasts(&self, now: u64) -> bool {
        self.since <= now && now < self.until
    }
}
