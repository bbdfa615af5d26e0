//! Calls that have no answer yet.

use std::collections::VecDeque;

use super::{Granted, Quota, Span, Verdict};
use crate::fleet::Pass;

/// Names a call from [`Client::decide`](super::Client::decide) until its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(u64);

/// A call under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: CallId,
    pub(super) pass: Pass,
    pub(super) sent: u64,
    patience: Span,
    pub(super) slots: Vec<Slot>,
}

/// One hit of it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: u64,
    pub(super) cost: u32,
    pub(super) is_enforced: bool,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Known to be over its limit; only of a hit that cannot refuse.
    Over(Quota, u64),
    /// Taken from a lease.
    Leased(Granted),
    /// Asked for.
    Asked(Asked),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) hits: u32,
    pub(super) is_batch: bool,
}

impl Slot {
    pub(super) const fn asked(&self) -> Option<Asked> {
        match self.state {
            State::Asked(asked) => Some(asked),
            _ => None,
        }
    }

    /// What is known without an answer.
    pub(super) const fn known(&self) -> Verdict {
        match self.state {
            State::Over(quota, until) => Verdict::over((quota, until)),
            State::Leased(granted) => Verdict::leased(granted),
            State::Asked(_) => Verdict::UNSEEN,
        }
    }
}

/// All calls under way, the oldest first.
#[derive(Debug)]
pub(super) struct Flights {
    patience: u64,
    next: u64,
    queue: VecDeque<Flight>,
}

impl Flights {
    pub(super) const fn new(patience: u64) -> Self {
        Self { patience, next: 0, queue: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn begin(&mut self, pass: Pass, now: u64, slots: Vec<Slot>) -> CallId {
        self.next = self.next.saturating_add(1);
        let id = CallId(self.next);
        self.queue.push_back(Flight { id, pass, sent: now, patience: Span::of(now, self.patience), slots });
        id
    }

    pub(super) fn end(&mut self, id: CallId) -> Option<Flight> {
        // Answers come in about the order of their calls, so little is moved.
        let place = self.queue.binary_search_by_key(&id, |flight| flight.id).ok()?;
        self.queue.remove(place)
    }

    /// The oldest, if nobody waits for it any more.
    pub(super) fn end_lost(&mut self, now: u64) -> Option<Flight> {
        self.queue.pop_front_if(|flight| !flight.patience.lasts(now))
    }
}
