//! Who is over a limit, and until when.

#[cfg(test)]
mod tests;

use super::{
    table::{Entry, Quota, Table},
    timer::Span,
};

/// How long an answer is believed, if its limit does not reset before: a limit that was raised must count at some time.
const MAX_AGE: u64 = 60_000_000_000;

/// Descriptors that are over their limit, in one worker.
///
/// What a user may expect: a client that is over its limit costs no call until the limit resets, or one a minute. When there
/// is no room, the descriptor that is held shortest gives way, and is asked for again when it comes: nobody gets quota
/// back by it.
///
/// An entry takes about 150 bytes.
#[derive(Debug)]
pub struct OverLimit(Table);

impl OverLimit {
    /// Room for so many descriptors; 0 keeps none.
    pub fn new(capacity: usize) -> Self {
        Self(Table::new(capacity))
    }

    /// The limit of a descriptor that is over it at `now`, and when that ends. `key` is a keyed hash of the descriptor.
    pub fn get(&mut self, key: u64, now: u64) -> Option<(Quota, u64)> {
        self.0.get(key, now).map(|entry| (entry.quota, entry.spend_until))
    }

    /// A descriptor is over its limit from `now` up to `until`.
    pub fn insert(&mut self, key: u64, quota: Quota, now: u64, until: u64) {
        if now < until {
            let span = Span::new(now, until.min(now.saturating_add(MAX_AGE)));
            self.0.insert(key, Entry { span, quota, spend_until: until, ..Entry::default() });
        }
    }

    /// How many are held, those that have ended and did not come since among them.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
