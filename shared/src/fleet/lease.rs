//! Hits that a worker took before it needs them.

#[cfg(test)]
mod tests;

use super::{
    table::{Entry, Quota, Table},
    timer::Span,
};

const SECOND: u64 = 1_000_000_000;

/// A worker's leases.
///
/// What a user may expect: most requests of a busy client are allowed without a call, as the worker takes a batch of hits
/// at a time. The sum over all workers never exceeds the quota: hits are spent in the window they were taken in. When the
/// window ends, less than a batch for each worker is unused, and what was taken by calls whose answer was lost.
///
/// When the service says that less than a batch is left, hits are asked for one request at a time until the limit resets, so
/// that the last ones go to who comes first. So they are in a window's last second, as services tell its end in whole
/// seconds; windows of a second or two are not for leases. Nobody waits for another's call: requests that come while a
/// batch is under way ask for themselves.
///
/// A service that does not say when limits reset, such as Limitador, cannot be leased from: once that is seen, leases are
/// off until the next configuration.
///
/// When there is no room, the lease that ends first gives way, and its hits are unused. An entry takes about 150 bytes.
#[derive(Debug)]
pub struct Lease {
    table: Table,
    patience: u64,
}

/// Where a request's hits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// From the lease.
    Served(Granted),
    /// A batch is to be asked for. What comes of it must be told by [`Lease::grant`] or [`Lease::forget`].
    Batch,
    /// The request's own hits are to be asked for.
    Single,
}

/// Up to when hits may be spent, and of which limit they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The limit; what remains of it includes the lease.
    pub quota: Quota,
    /// The earliest time at which the limit can reset.
    pub spend_until: u64,
    /// The latest.
    pub until: u64,
}

impl Granted {
    /// Whether two are of one window: their ends are known to a second.
    const fn is_window_of(&self, spend_until: u64) -> bool {
        self.spend_until.abs_diff(spend_until) <= SECOND
    }
}

impl Entry {
    fn granted(&self) -> Granted {
        let remaining = self.quota.remaining.saturating_add(self.left);
        let quota = Quota { remaining, ..self.quota };
        Granted { quota, spend_until: self.spend_until, until: self.span.until }
    }

    /// Hits that may be spent.
    const fn left(&self, now: u64) -> u32 {
        if now < self.spend_until { self.left } else { 0 }
    }
}

impl Lease {
    /// Room for so many leases. A batch that did not come within `patience` nanoseconds may be asked for again.
    pub fn new(capacity: usize, patience: u64) -> Self {
        Self { table: Table::new(capacity), patience }
    }

    /// Takes `cost` hits at `now`, if there are so many. `key` is a keyed hash of the descriptor.
    pub fn take(&mut self, key: u64, cost: u32, batch: u32, now: u64) -> Taken {
        let asked = Span::of(now, self.patience);
        let is_small = cost < batch;
        match self.table.get(key, now) {
            Some(entry) if entry.left(now) >= cost.max(1) => {
                entry.left = entry.left.saturating_sub(cost);
                return Taken::Served(entry.granted());
            }
            Some(entry) => {
                let is_last = entry.is_low || now >= entry.spend_until;
                if !is_small || is_last || entry.asked.is_some_and(|asked| asked.lasts(now)) {
                    return Taken::Single;
                }
                entry.asked = Some(asked);
            }
            None if is_small => {
                let entry = Entry { span: asked, asked: Some(asked), spend_until: asked.until, ..Entry::default() };
                self.table.insert(key, entry);
            }
            None => return Taken::Single,
        }
        Taken::Batch
    }

    /// Whether [`Self::take`] would serve so much.
    pub fn has(&mut self, key: u64, cost: u32, now: u64) -> bool {
        self.table.get(key, now).is_some_and(|entry| entry.left(now) >= cost.max(1))
    }

    /// So many hits more may be spent. `is_low` says that less than another batch is left of the quota.
    pub fn grant(&mut self, key: u64, hits: u32, granted: Granted, is_low: bool, now: u64) {
        let before = self.table.get(key, now).filter(|entry| granted.is_window_of(entry.spend_until));
        let left = before.map_or(0, |entry| entry.left(now)).saturating_add(hits);
        let Granted { quota, spend_until, until } = granted;
        self.table.remove(key);
        if now < until {
            let span = Span::new(now, until);
            self.table.insert(key, Entry { span, quota, left, spend_until, asked: None, is_low });
        }
    }

    /// Puts back what was taken for a request that was refused.
    pub fn put_back(&mut self, key: u64, cost: u32, granted: Granted, now: u64) {
        if let Some(entry) = self.table.get(key, now).filter(|entry| granted.is_window_of(entry.spend_until)) {
            entry.left = entry.left.saturating_add(cost);
        }
    }

    /// No batch comes.
    pub fn forget(&mut self, key: u64, now: u64) {
        if let Some(entry) = self.table.get(key, now) {
            entry.asked = None;
        }
    }

    /// How many are held, those that have ended and were not asked for since among them.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
