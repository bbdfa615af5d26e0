//! When to fetch: the rules of time, over a record and a clock that may jump either way.

use super::record::Record;

const SECOND: u64 = 1_000_000_000;

/// How much longer than its time-out a call may take before it counts as lost: Envoy gives no answer at all after some
/// configuration changes.
const GRACE: u64 = SECOND;

/// What a fetch may be late by: it is noticed by one poll that it is due, and by another that it is done.
const POLLS: u64 = 3 * SECOND;

/// The longest lease that any configuration makes.
const LONGEST_LEASE: u64 = 60 * SECOND + GRACE;

/// The shortest wait after a failure.
const RETRY: u64 = SECOND;

/// A source's spans of time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    refresh: u64,
    lease: u64,
    stale: u64,
    demand: u64,
}

impl Pace {
    pub(super) fn new(refresh_s: u32, timeout_ms: u32, stale_s: u32, demand_s: u32) -> Self {
        let seconds = |count: u32| u64::from(count).saturating_mul(SECOND);
        let refresh = seconds(refresh_s);
        let lease = u64::from(timeout_ms).saturating_mul(SECOND / 1000).saturating_add(GRACE);
        // Without a fault, a document gets as old as this.
        let fresh = refresh.saturating_add(refresh / 10).saturating_add(lease).saturating_add(POLLS);
        Self { refresh, lease, stale: seconds(stale_s).max(fresh), demand: seconds(demand_s) }
    }

    /// When a fetch that begins now counts as lost.
    pub(super) const fn lease_until(&self, now: u64) -> u64 {
        now.saturating_add(self.lease)
    }

    /// Whether a fetch that began at `since` counts as lost. A clock that is set back a little does not make it so.
    pub(super) const fn is_lost(&self, since: u64, now: u64) -> bool {
        now.abs_diff(since) >= self.lease
    }

    /// Whether a fetch is under way. A lease that ends later than any could was made by another clock.
    pub(super) const fn is_leased(record: &Record, now: u64) -> bool {
        record.lease_until > now && record.lease_until.abs_diff(now) <= LONGEST_LEASE
    }

    /// Whether a fetch is due. A time that is further off than this configuration could have set it is not believed: the
    /// clock was set back, or another configuration has a longer `refresh_s`.
    pub(super) const fn is_due(&self, record: &Record, now: u64) -> bool {
        let is_far = record.next_at.abs_diff(now) > self.refresh.saturating_add(self.refresh / 4);
        let is_old = record.attempted_at > now || record.attempted_at.saturating_add(self.refresh) <= now;
        record.next_at <= now || (is_far && is_old)
    }

    /// The earliest time for a fetch out of turn.
    pub(super) const fn demand_at(&self, record: &Record, now: u64) -> u64 {
        let at = record.attempted_at.saturating_add(self.demand);
        // A fetch in the future is the mark of a clock that was set back.
        if record.attempted_at > now || at < now { now } else { at }
    }

    /// When to fetch after a success: `refresh_s` from now, give or take a tenth.
    pub(super) fn after_success(&self, now: u64, random: u64) -> u64 {
        let earliest = now.saturating_add(self.refresh.saturating_sub(self.refresh / 10));
        earliest.saturating_add(below(self.refresh / 5, random))
    }

    /// When to fetch after a failure with so many before it: a random wait from 1 s to a limit that starts there, doubles
    /// each time and ends at `refresh_s`.
    pub(super) fn after_failure(&self, before: u32, now: u64, random: u64) -> u64 {
        let limit = RETRY.saturating_mul(1 << before.min(30)).min(self.refresh.max(RETRY));
        now.saturating_add(RETRY).saturating_add(below(limit.saturating_sub(RETRY), random))
    }

    /// Whether a document may be used that was last fetched then. After the clock was set back its age is not known; the
    /// limit counts both ways.
    pub(super) const fn is_usable(&self, fetched_at: u64, now: u64) -> bool {
        now.abs_diff(fetched_at) <= self.stale
    }

    /// How long between polls when nobody waits, in milliseconds.
    pub(super) fn poll_ms(&self) -> u32 {
        u32::try_from(self.refresh / 10 / (SECOND / 1000)).unwrap_or(u32::MAX).clamp(100, 1000)
    }
}

/// A number from 0 to `most`. The bias of the remainder does not matter here.
fn below(most: u64, random: u64) -> u64 {
    random.checked_rem(most.saturating_add(1)).unwrap_or_default()
}
