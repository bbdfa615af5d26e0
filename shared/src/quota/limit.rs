//! A limit, and what it says of a client's state.

use std::num::NonZero;

use super::{Algorithm, State, time::Time};

/// Later times are taken for this one, the last second of 2106 that a `u32` can name: so that no sum overflows.
const LATEST: u64 = NANOS.wrapping_mul(u32::MAX as u64);

/// Nanoseconds in a second.
pub(super) const NANOS: u64 = NANOS_IN_ONE.get();

const NANOS_IN_ONE: NonZero<u64> = NonZero::new(1_000_000_000).unwrap();

/// One limit, compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    algorithm: Algorithm,
    pub(super) quota: NonZero<u32>,
    pub(super) burst: u32,
    pub(super) window_s: NonZero<u32>,
    pub(super) window_ns: NonZero<u64>,
    /// The quota and the burst before they were scaled.
    whole: (NonZero<u32>, u32),
    /// GCRA: what a cost of 1 takes.
    pub(super) step: Time,
    /// GCRA: what the burst takes.
    pub(super) capacity: Time,
}

/// A limit's answer, and how the client stands after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was decided.
    pub answer: Answer,
    /// How many requests of cost 1 would pass now, one after another.
    pub remaining: u32,
    /// After how many nanoseconds, rounded up, the full quota is there again if nothing more comes.
    pub reset_ns: u64,
    /// After how many nanoseconds, rounded up, the same request would pass if nothing else comes; 0 for one that did,
    /// `None` for one that never can: it costs more than the burst (GCRA) or the quota.
    pub retry_ns: Option<u64>,
}

/// What a limit says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is within the limit.
    Passes,
    /// It is over the limit.
    Limited,
    /// There is no room to count it, and what is not counted is refused.
    TableFull,
    /// There is no room to count it; it may pass.
    Uncounted,
}

impl Answer {
    /// Whether the request may go on.
    pub const fn passes(self) -> bool {
        matches!(self, Self::Passes | Self::Uncounted)
    }
}

/// How a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) remaining: u32,
    pub(super) reset_ns: u64,
}

/// A request passes and leaves a state behind, or would pass after so many nanoseconds, if ever.
pub(super) type Judged = Result<State, Option<u64>>;

/// A factor for quotas, to six decimal places: as decimal fractions are written, so that 0.29 of 100 is 29.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor {
    millionths: u64,
}

impl Factor {
    /// Changes nothing.
    pub const ONE: Self = Self { millionths: Self::MILLION.get() };

    /// The greatest factor there can be.
    pub const MAX: f64 = 1_000_000.0;

    const MILLION: NonZero<u64> = NonZero::new(1_000_000).unwrap();

    /// A factor from 0 to [`Factor::MAX`]; `None` for other numbers.
    pub fn new(factor: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 10^12")]
        (0.0..=Self::MAX).contains(&factor).then(|| Self { millionths: (factor * 1e6).round() as u64 })
    }

    fn of(self, quota: NonZero<u32>) -> NonZero<u32> {
        // 2^32 times 10^12 fits 128 bits.
        let millionths = u128::from(self.millionths).wrapping_mul(quota.get().into());
        let scaled = millionths / NonZero::<u128>::from(Self::MILLION);
        NonZero::new(u32::try_from(scaled).unwrap_or(u32::MAX)).unwrap_or(NonZero::<u32>::MIN)
    }
}

impl Limit {
    /// `quota` requests of cost 1 in `window_s` seconds; 0 is taken for 1. `burst`, for GCRA alone: how much may be taken
    /// at once; the quota by default. A burst that would take more than 136 years to come back is cut to that.
    pub fn new(algorithm: Algorithm, quota: u32, window_s: u32, burst: Option<u32>) -> Self {
        let quota = NonZero::new(quota).unwrap_or(NonZero::<u32>::MIN);
        let window_s = NonZero::new(window_s).unwrap_or(NonZero::<u32>::MIN);
        let burst = burst.filter(|_| algorithm == Algorithm::Gcra).unwrap_or(quota.get()).max(1);
        Self::build(algorithm, quota, window_s, burst, (quota, burst))
    }

    /// The same limit for those who have more, or less: the quota times the factor, rounded down, but 1 at least. The
    /// burst keeps its proportion to the quota, rounded down, but is 1 at least.
    #[must_use]
    pub fn scale(&self, factor: Factor) -> Self {
        self.with_quota(factor.of(self.whole.0))
    }

    fn with_quota(&self, quota: NonZero<u32>) -> Self {
        let (whole, burst) = self.whole;
        let burst = u64::from(burst).wrapping_mul(quota.get().into()) / NonZero::<u64>::from(whole);
        let burst = u32::try_from(burst).unwrap_or(u32::MAX).max(1);
        Self::build(self.algorithm, quota, self.window_s, burst, self.whole)
    }

    fn build(
        algorithm: Algorithm,
        quota: NonZero<u32>,
        seconds: NonZero<u32>,
        burst: u32,
        whole: (NonZero<u32>, u32),
    ) -> Self {
        let window_ns = NonZero::<u64>::from(seconds).saturating_mul(NANOS_IN_ONE);
        let longest = u128::from(LATEST).wrapping_mul(quota.get().into()) / NonZero::<u128>::from(window_ns);
        let burst = burst.min(u32::try_from(longest).unwrap_or(u32::MAX));
        let step = Time::of(1, window_ns, quota);
        let capacity = Time::of(burst, window_ns, quota);
        Self { algorithm, quota, burst, window_s: seconds, window_ns, whole, step, capacity }
    }

    /// How it counts.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many requests of cost 1 pass in a window.
    pub const fn quota(&self) -> u32 {
        self.quota.get()
    }

    /// How much a client that has used nothing can take at once.
    pub const fn capacity(&self) -> u32 {
        match self.algorithm {
            Algorithm::Gcra => self.burst,
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.quota.get(),
        }
    }

    /// The window, in seconds.
    pub const fn window_s(&self) -> u32 {
        self.window_s.get()
    }

    /// Takes `cost` at `now`, in nanoseconds since 1970, if that is within the limit.
    pub fn take(&self, state: &mut State, cost: u32, now: u64) -> Verdict {
        *state = self.heal(*state, now).unwrap_or(*state);
        let judged = self.judge(*state, cost, now);
        if let Ok(after) = judged {
            *state = after;
        }
        self.verdict(&judged, *state, now)
    }

    /// What [`Limit::take`] would say; takes nothing.
    pub fn peek(&self, state: &State, cost: u32, now: u64) -> Verdict {
        let state = self.heal(*state, now).unwrap_or(*state);
        self.verdict(&self.judge(state, cost, now), state, now)
    }

    /// Counts what has happened already, above the limit as well; but no more than makes the limit full: nobody's debts
    /// grow beyond that.
    pub fn take_anyway(&self, state: &mut State, cost: u32, now: u64) {
        *state = self.force(self.heal(*state, now).unwrap_or(*state), cost, now);
    }

    pub(super) fn verdict(&self, judged: &Judged, state: State, now: u64) -> Verdict {
        let Standing { remaining, reset_ns } = self.standing(state, now);
        match *judged {
            Ok(_) => Verdict { answer: Answer::Passes, remaining, reset_ns, retry_ns: Some(0) },
            Err(retry_ns) => Verdict { answer: Answer::Limited, remaining, reset_ns, retry_ns },
        }
    }

    /// Whether a request passes, and what it leaves behind.
    pub(super) fn judge(&self, state: State, cost: u32, now: u64) -> Judged {
        if cost > self.capacity() {
            return Err(None);
        }
        let now = now.min(LATEST);
        let judged = match self.algorithm {
            Algorithm::Gcra => self.judge_gcra(state, cost, now),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.judge_window(state, cost, now),
        };
        judged.map(|after| if cost == 0 { state } else { after }).map_err(Some)
    }

    pub(super) fn standing(&self, state: State, now: u64) -> Standing {
        let now = now.min(LATEST);
        match self.algorithm {
            Algorithm::Gcra => self.standing_gcra(state, now),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.standing_window(state, now),
        }
    }

    pub(super) fn force(&self, state: State, cost: u32, now: u64) -> State {
        let now = now.min(LATEST);
        match self.algorithm {
            Algorithm::Gcra => self.force_gcra(state, cost, now),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.force_window(state, cost, now),
        }
    }

    /// What `state` is without a cost that was taken and left `taken` behind.
    pub(super) fn give_back(&self, state: State, taken: State, cost: u32) -> State {
        match self.algorithm {
            Algorithm::Gcra => self.give_back_gcra(state, cost),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.give_back_window(state, taken, cost),
        }
    }

    /// A state that lies further in the future than any request leaves one was written before the clock was set back, or
    /// the limit lowered. What stands in its place then is a full use of the limit from now on.
    pub(super) fn heal(&self, state: State, now: u64) -> Option<State> {
        let now = now.min(LATEST);
        match self.algorithm {
            Algorithm::Gcra => self.heal_gcra(state, now),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.heal_window(state, now),
        }
    }

    /// Whether a state holds nothing any more.
    pub(super) fn is_idle(&self, state: State, now: u64) -> bool {
        match self.algorithm {
            Algorithm::Gcra => Self::is_idle_gcra(state, now.min(LATEST)),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.standing(state, now).reset_ns == 0,
        }
    }

    /// After how many nanoseconds a request would pass, or one that costs what the limit has; 0: now.
    pub(super) fn wait(&self, state: State, cost: u32, now: u64) -> u64 {
        self.judge(state, cost.min(self.capacity()).max(1), now).map_or_else(Option::unwrap_or_default, |_| 0)
    }

    /// The share of the limit that is used, to compare.
    pub(super) fn used(&self, state: State, now: u64) -> u64 {
        let now = now.min(LATEST);
        match self.algorithm {
            Algorithm::Gcra => self.used_gcra(state, now),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.used_window(state, now),
        }
    }

    /// The limit under which another client's state of the same table was written: networks scale it.
    pub(super) fn owner(&self, state: State) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the quota is half of it")]
        let quota = match self.algorithm {
            Algorithm::Gcra => state.second,
            Algorithm::SlidingWindow | Algorithm::FixedWindow => state.time as u32,
        };
        match NonZero::new(quota) {
            Some(quota) if quota != self.quota => self.with_quota(quota),
            _ => *self,
        }
    }
}
