//! Whether a service is asked at all.

#[cfg(test)]
mod tests;

use super::timer::Span;

const MS: u64 = 1_000_000;

/// The least that a service is left alone for.
const BASE: u64 = 200 * MS;

/// The most.
const MAX: u64 = 5_000 * MS;

/// A circuit breaker for one service in one worker.
///
/// What a user may expect: after so many failures in a row the service is left alone for a random time, of 200 to 400 ms at
/// first and up to twice as long after each further failure, to at most 5 s. Then one call is let through, and no other
/// while it is under way. If it succeeds, all are again, and the next outage begins with 200 ms; if it fails, or has no
/// answer in time, the service is left alone again.
#[derive(Debug)]
pub struct Breaker {
    threshold: u32,
    patience: u64,
    state: State,
    opened: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// So many failures in a row.
    Closed(u32),
    /// After so many failed tries to close it.
    Open(u32, Span),
    /// A call is under way that tells whether the service is back.
    Probing(u32, Span),
}

/// Leave for one call. Its result must be told by [`Breaker::succeeded`] or [`Breaker::failed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// One call among others.
    Usual,
    /// The call on which it depends whether the service is asked again.
    Probe,
}

impl Breaker {
    /// A closed breaker that opens after `threshold` failures in a row; 0 is as 1. A probe without an answer for `patience`
    /// nanoseconds has failed.
    pub const fn new(threshold: u32, patience: u64) -> Self {
        Self { threshold, patience, state: State::Closed(0), opened: 0 }
    }

    /// Leave for a call at `now`, if there is any. `random` is any source of random numbers.
    pub fn ask(&mut self, now: u64, random: &mut dyn FnMut() -> u64) -> Option<Pass> {
        match self.state {
            State::Closed(_) => Some(Pass::Usual),
            State::Open(tries, wait) if !wait.lasts(now) => {
                self.state = State::Probing(tries, Span::of(now, self.patience));
                Some(Pass::Probe)
            }
            State::Probing(tries, patience) if !patience.lasts(now) => {
                self.open(tries.saturating_add(1), now, random);
                None
            }
            State::Open(..) | State::Probing(..) => None,
        }
    }

    /// The service answered.
    pub const fn succeeded(&mut self, pass: Pass) {
        match (self.state, pass) {
            (State::Closed(_), _) | (State::Probing(..), Pass::Probe) => self.state = State::Closed(0),
            // Calls from before it opened say nothing of now, nor does a probe that was given up.
            _ => {}
        }
    }

    /// The service did not answer, or with an error.
    pub fn failed(&mut self, pass: Pass, now: u64, random: &mut dyn FnMut() -> u64) {
        match (self.state, pass) {
            (State::Closed(failures), _) => {
                let failures = failures.saturating_add(1);
                self.state = State::Closed(failures);
                if failures >= self.threshold {
                    self.open(0, now, random);
                }
            }
            (State::Probing(tries, _), Pass::Probe) => self.open(tries.saturating_add(1), now, random),
            _ => {}
        }
    }

    /// Whether the service is asked as usual.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// How often it opened, failed probes not among them.
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    fn open(&mut self, tries: u32, now: u64, random: &mut dyn FnMut() -> u64) {
        self.opened = self.opened.saturating_add(u64::from(tries == 0));
        let most = BASE.saturating_mul(2 << tries.min(20)).min(MAX);
        // The bias of the remainder does not matter here.
        let jitter = random().checked_rem(most.saturating_sub(BASE).saturating_add(1)).unwrap_or_default();
        self.state = State::Open(tries, Span::of(now, BASE.saturating_add(jitter)));
    }
}
