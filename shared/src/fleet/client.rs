//! The parts together: what to do with a request, and what its answer says.

mod flights;
mod settle;

#[cfg(test)]
mod tests;

use super::{
    Breaker, Descriptor, Entry, Granted, Lease, OverLimit, Quota, Reason, Response, Taken, answer, encode, timer::Span,
};
use crate::policy::Answer;
use flights::{Asked, Flight, Flights, Slot, State};

pub use flights::CallId;

/// How much longer than its time-out a call may take before it counts as lost: Envoy gives no answer at all after some
/// configuration changes.
const GRACE: u64 = 1_000_000_000;

/// What does not change from request to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The service's `domain`; not empty.
    pub domain: Box<str>,
    /// How long the service has for an answer, in milliseconds. The call-out's own time-out is to be the same.
    pub timeout_ms: u32,
    /// How many calls of this worker may wait for an answer.
    pub max_in_flight: usize,
    /// After how many failures in a row the service is left alone.
    pub failures: u32,
    /// How many clients over their limits are remembered; 0 for none.
    pub over_limit: usize,
    /// How many leases are held.
    pub leases: usize,
}

impl Config {
    /// The usual bounds for a domain: 20 ms, 1,024 calls, 5 failures, and 4,096 entries of each kind, 1.2 MB when full.
    pub fn new(domain: impl Into<Box<str>>) -> Self {
        let domain = domain.into();
        Self { domain, timeout_ms: 20, max_in_flight: 1024, failures: 5, over_limit: 4096, leases: 4096 }
    }
}

/// What one limit takes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// A hash of limit and descriptor, with a secret key: clients must not be able to choose it. No two hits of a request
    /// share one.
    pub key: u64,
    /// The descriptor, as the service knows it.
    pub entries: &'a [Entry<'a>],
    /// How many hits it takes.
    pub cost: u32,
    /// How many hits are leased at a time; with no more than `cost` there is no lease. A batch larger than the quota would
    /// be refused, so it should be a small part of it.
    pub batch: u32,
    /// Whether it can refuse the request; else it is only reported.
    pub is_enforced: bool,
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// All is known: a verdict for each hit.
    Known(Vec<Verdict>),
    /// The service must be asked; after this [`Client::answered`] or [`Client::not_sent`] must be told.
    Call(Call),
    /// The fallback decides.
    Fallback(Reason),
}

/// A call to the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Names it until its answer.
    pub id: CallId,
    /// The request's body.
    pub body: Vec<u8>,
}

/// What is known of one hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is within its limit. What was not looked at, as another hit refuses, is allowed.
    pub is_allowed: bool,
    /// The limit, where one applies and is known.
    pub quota: Option<Quota>,
    /// When the limit resets, where the service says so. Services tell it in whole seconds, so it can be off by one.
    pub resets_at: Option<u64>,
}

impl Verdict {
    const UNSEEN: Self = Self { is_allowed: true, quota: None, resets_at: None };

    const fn over((quota, until): (Quota, u64)) -> Self {
        Self { is_allowed: false, quota: Some(quota), resets_at: Some(until) }
    }

    const fn leased(granted: Granted) -> Self {
        Self { is_allowed: true, quota: Some(granted.quota), resets_at: Some(granted.until) }
    }
}

/// What happened, and what is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls that found all within the limits.
    pub ok: u64,
    /// Calls that found a limit exceeded.
    pub over_limit: u64,
    /// Calls without an answer in time.
    pub timeouts: u64,
    /// Calls that failed in another way.
    pub errors: u64,
    /// How often the service began to be left alone.
    pub opened: u64,
    /// Requests that were refused without a call.
    pub cached: u64,
    /// Hits that a lease served.
    pub leased: u64,
    /// Requests that the fallback decided.
    pub fallback: u64,
    /// Calls under way.
    pub in_flight: usize,
    /// Clients over their limits that are remembered.
    pub over_limit_entries: usize,
    /// Leases held.
    pub lease_entries: usize,
}

/// One worker's side of a rate limit service.
#[derive(Debug)]
pub struct Client {
    config: Config,
    breaker: Breaker,
    over_limit: OverLimit,
    lease: Lease,
    flights: Flights,
    /// Whether the service says when limits reset, without which nothing can be leased.
    tells_resets: bool,
    counters: Counters,
    /// Of the latest call that failed.
    failure: Option<Reason>,
}

impl Client {
    /// A client that knows nothing yet.
    pub fn new(config: Config) -> Self {
        let patience = u64::from(config.timeout_ms).saturating_mul(1_000_000).saturating_add(GRACE);
        Self {
            breaker: Breaker::new(config.failures, patience),
            over_limit: OverLimit::new(config.over_limit),
            lease: Lease::new(config.leases, patience),
            flights: Flights::new(patience),
            tells_resets: true,
            counters: Counters::default(),
            failure: None,
            config,
        }
    }

    /// What to do with a request that comes at `now`. `random` is any source of random numbers.
    ///
    /// A call has all hits that are not known, so that the service decides them together. One that is known to be over its
    /// limit refuses the request at once, and nothing is taken from the others.
    pub fn decide(&mut self, hits: &[Hit<'_>], now: u64, random: &mut dyn FnMut() -> u64) -> Decision {
        let known: Vec<_> = hits.iter().map(|hit| self.over(hit, now)).collect();
        if known.iter().zip(hits).any(|(over, hit)| over.is_some() && hit.is_enforced) {
            add(&mut self.counters.cached, 1);
            return Decision::Known(
                known.into_iter().map(|over| over.map_or(Verdict::UNSEEN, Verdict::over)).collect(),
            );
        }
        let mut is_unknown = false;
        for (over, hit) in known.iter().zip(hits) {
            is_unknown |= over.is_none() && !self.lease.has(hit.key, hit.cost, now);
        }
        let pass = if is_unknown {
            let pass = if self.flights.len() < self.config.max_in_flight {
                self.breaker.ask(now, random).ok_or(Reason::Open)
            } else {
                Err(Reason::Busy)
            };
            match pass {
                Ok(pass) => Some(pass),
                Err(reason) => {
                    add(&mut self.counters.fallback, 1);
                    return Decision::Fallback(reason);
                }
            }
        } else {
            None
        };
        let slots: Vec<_> = known.iter().zip(hits).map(|(over, hit)| self.slot(*over, hit, now)).collect();
        let Some(pass) = pass else {
            return Decision::Known(slots.iter().map(Slot::known).collect());
        };
        let asked = hits.iter().zip(&slots).filter_map(|(hit, slot)| {
            let hits = slot.asked()?.hits;
            Some(Descriptor { entries: hit.entries, hits })
        });
        let body = encode(&self.config.domain, &asked.collect::<Vec<_>>());
        let id = self.flights.begin(pass, now, slots);
        Decision::Call(Call { id, body })
    }

    /// What a call came to; `None` for the host's answer that there is none. A verdict for each hit, or why the fallback
    /// decides.
    pub fn answered(
        &mut self,
        id: CallId,
        answer: Option<&Answer<'_>>,
        now: u64,
        random: &mut dyn FnMut() -> u64,
    ) -> Result<Vec<Verdict>, Reason> {
        // A call that was given up is accounted for.
        let flight = self.flights.end(id).ok_or(Reason::Timeout)?;
        let count = flight.slots.iter().filter(|slot| slot.asked().is_some()).count();
        let response =
            answer.ok_or(Reason::Timeout).and_then(|answer| answer::read(answer, count)).and_then(|response| {
                // Limitador has no statuses.
                let fits = response.statuses.len() == count || response.statuses.is_empty();
                if fits { Ok(response) } else { Err(Reason::Malformed) }
            });
        match response {
            Ok(response) => Ok(self.settle(flight, &response, now)),
            Err(reason) => {
                self.fail(&flight, reason, now, random);
                Err(reason)
            }
        }
    }

    /// The host would not send a call; the fallback decides.
    pub fn not_sent(&mut self, id: CallId, now: u64, random: &mut dyn FnMut() -> u64) {
        if let Some(flight) = self.flights.end(id) {
            self.fail(&flight, Reason::NotSent, now, random);
        }
    }

    /// A call that the host gave no answer to, a second after it should have; the fallback decides. To be asked on each tick,
    /// until there is none: what waits for such a call would wait forever, and the call would count as under way.
    pub fn lost(&mut self, now: u64, random: &mut dyn FnMut() -> u64) -> Option<CallId> {
        let flight = self.flights.end_lost(now)?;
        self.fail(&flight, Reason::Timeout, now, random);
        Some(flight.id)
    }

    /// What happened since the beginning, and what is held.
    pub fn counters(&self) -> Counters {
        Counters {
            opened: self.breaker.opened(),
            in_flight: self.flights.len(),
            over_limit_entries: self.over_limit.len(),
            lease_entries: self.lease.len(),
            ..self.counters
        }
    }

    /// Whether the service is asked as usual.
    pub const fn is_closed(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Why the service is left alone, if it is.
    pub fn failing(&self) -> Option<Reason> {
        self.failure.filter(|_| !self.is_closed())
    }

    fn over(&mut self, hit: &Hit<'_>, now: u64) -> Option<(Quota, u64)> {
        // What a lease has left is of before the limit was reached.
        let over = self.over_limit.get(hit.key, now)?;
        (!self.lease.has(hit.key, hit.cost, now)).then_some(over)
    }

    fn slot(&mut self, over: Option<(Quota, u64)>, hit: &Hit<'_>, now: u64) -> Slot {
        let Hit { key, cost, batch, is_enforced, .. } = *hit;
        let batch = if self.tells_resets { batch } else { 0 };
        let state = match over {
            Some((quota, until)) => State::Over(quota, until),
            None => match self.lease.take(key, cost, batch, now) {
                Taken::Served(granted) => {
                    add(&mut self.counters.leased, 1);
                    State::Leased(granted)
                }
                Taken::Batch => State::Asked(Asked { hits: batch, is_batch: true }),
                Taken::Single => State::Asked(Asked { hits: cost, is_batch: false }),
            },
        };
        Slot { key, cost, is_enforced, state }
    }

    fn fail(&mut self, flight: &Flight, reason: Reason, now: u64, random: &mut dyn FnMut() -> u64) {
        self.breaker.failed(flight.pass, now, random);
        self.failure = Some(reason);
        for slot in &flight.slots {
            if slot.asked().is_some_and(|asked| asked.is_batch) {
                self.lease.forget(slot.key, now);
            }
        }
        let is_late = reason == Reason::Timeout;
        add(if is_late { &mut self.counters.timeouts } else { &mut self.counters.errors }, 1);
        add(&mut self.counters.fallback, 1);
    }
}

const fn add(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}
