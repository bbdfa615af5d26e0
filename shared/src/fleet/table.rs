//! What is known of descriptors, each up to a time.

use std::{
    collections::{BTreeSet, HashMap},
    hash::BuildHasherDefault,
};

use super::timer::Span;
use crate::hashed::Hashed;

/// A limit as the service told it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Hits in each window.
    pub limit: u32,
    /// Hits left of it, as last heard.
    pub remaining: u32,
}

/// What is known of one descriptor.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) span: Span,
    pub(super) quota: Quota,
    /// Hits that were taken and are not used yet.
    pub(super) left: u32,
    /// Up to when they may be.
    pub(super) spend_until: u64,
    /// Up to when an answer about a batch is awaited.
    pub(super) asked: Option<Span>,
    /// Whether less than a batch was left.
    pub(super) is_low: bool,
}

/// Entries by key, held to a number. When there is no room, the one that ends first gives way.
#[derive(Debug)]
pub(super) struct Table {
    capacity: usize,
    entries: HashMap<u64, Entry, BuildHasherDefault<Hashed>>,
    ends: BTreeSet<(u64, u64)>,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::default(), ends: BTreeSet::new() }
    }

    pub(super) fn get(&mut self, key: u64, now: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&key).filter(|entry| entry.span.lasts(now))
    }

    pub(super) fn insert(&mut self, key: u64, entry: Entry) {
        self.remove(key);
        if self.capacity == 0 {
            return;
        }
        if self.entries.len() >= self.capacity
            && let Some(first @ (until, old)) = self.ends.first().copied()
        {
            if until > entry.span.until {
                return;
            }
            self.ends.remove(&first);
            self.entries.remove(&old);
        }
        self.ends.insert((entry.span.until, key));
        self.entries.insert(key, entry);
    }

    pub(super) fn remove(&mut self, key: u64) {
        if let Some(entry) = self.entries.remove(&key) {
            self.ends.remove(&(entry.span.until, key));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn ends_len(&self) -> usize {
        self.ends.len()
    }
}
