//! Windows, which begin at whole multiples of their length since 1970: fixed ones, and those that slide by weighing the
//! count of the window before.

use std::num::NonZero;

use super::{
    Algorithm, Limit, State,
    limit::{NANOS, Standing},
    time::{divide_up, product},
};

/// The counts at a time.
struct Counts {
    /// The start of the window, in seconds since 1970.
    start_s: u32,
    current: u32,
    previous: u32,
    /// Until the window's end, in nanoseconds; never 0.
    left: u64,
    /// How far the state's time is ahead of the clock, in nanoseconds: workers read it at slightly different times.
    ahead: u64,
}

impl Limit {
    pub(super) fn judge_window(&self, state: State, cost: u32, now: u64) -> Result<State, u64> {
        let counts = self.counts(state, now);
        let current = u64::from(counts.current).wrapping_add(cost.into());
        if current.wrapping_add(self.weigh(&counts)) <= self.quota.get().into() {
            let current = u32::try_from(current).unwrap_or(u32::MAX);
            return Ok(self.window(&Counts { current, ..counts }));
        }
        Err(self.wait_window(&counts, current))
    }

    pub(super) fn standing_window(&self, state: State, now: u64) -> Standing {
        let counts = self.counts(state, now);
        let used = u64::from(counts.current).wrapping_add(self.weigh(&counts));
        let remaining = u32::try_from(u64::from(self.quota.get()).saturating_sub(used)).unwrap_or_default();
        let reset_ns = match (counts.current, counts.previous) {
            (0, 0) => 0,
            (1.., _) if self.slides() => counts.left.saturating_add(self.window_ns.get()).saturating_add(counts.ahead),
            _ => counts.left.saturating_add(counts.ahead),
        };
        Standing { remaining, reset_ns }
    }

    pub(super) fn force_window(&self, state: State, cost: u32, now: u64) -> State {
        let counts = self.counts(state, now);
        let current = counts.current.saturating_add(cost).min(self.quota.get()).max(counts.current);
        self.window(&Counts { current, ..counts })
    }

    pub(super) fn give_back_window(&self, state: State, taken: State, cost: u32) -> State {
        let (start, then) = (start_s(state), start_s(taken));
        if start == then {
            State { first: state.first.saturating_sub(cost), ..state }
        } else if self.slides() && start == then.saturating_add(self.window_s.get()) {
            State { second: state.second.saturating_sub(cost), ..state }
        } else {
            state
        }
    }

    pub(super) fn heal_window(&self, state: State, now: u64) -> Option<State> {
        // A window ahead at most: other workers' clocks may be.
        let is_odd = nanos(start_s(state)) > now.saturating_add(self.window_ns.get());
        is_odd.then(|| {
            let start_s = self.align(now);
            self.window(&Counts { start_s, current: state.first, previous: state.second, left: 0, ahead: 0 })
        })
    }

    pub(super) fn used_window(&self, state: State, now: u64) -> u64 {
        let counts = self.counts(state, now);
        let used = u64::from(counts.current).wrapping_add(self.weigh(&counts));
        used.wrapping_mul(1 << 16) / NonZero::<u64>::from(self.quota)
    }

    /// The nanoseconds until a request passes that would make `current` of the count: it is refused now, and costs no
    /// more than the quota.
    fn wait_window(&self, counts: &Counts, current: u64) -> u64 {
        let quota = u64::from(self.quota.get());
        let window = self.window_ns.get();
        let wait = match quota.checked_sub(current) {
            _ if !self.slides() => counts.left,
            // Within this window: when the previous count weighs no more than there is room.
            Some(room) => {
                let over = u32::try_from(u64::from(counts.previous).saturating_sub(room)).unwrap_or_default();
                let elapsed = window.saturating_sub(counts.left);
                share(window, over, counts.previous).saturating_sub(elapsed)
            }
            // Within the next, in which this count is the previous one.
            None => {
                let over = u32::try_from(current.saturating_sub(quota)).unwrap_or(u32::MAX);
                counts.left.saturating_add(share(window, over, counts.current))
            }
        };
        wait.saturating_add(counts.ahead)
    }

    /// How much the count of the previous window weighs, rounded up: the limit, which is a whole number, is passed by the
    /// exact weight if and only if it is by this.
    fn weigh(&self, counts: &Counts) -> u64 {
        match counts.previous {
            0 => 0,
            previous => divide_up(product(counts.left, previous), self.window_ns),
        }
    }

    /// A state as of now; of its own time where that is ahead.
    fn counts(&self, state: State, now: u64) -> Counts {
        let state_s = start_s(state);
        let ahead = nanos(state_s).saturating_sub(now);
        let now = now.saturating_add(ahead);
        let start_s = self.align(now);
        let elapsed = now.saturating_sub(nanos(start_s));
        let left = self.window_ns.get().saturating_sub(elapsed);
        let (current, previous) = if state_s >= start_s {
            (state.first, state.second)
        } else if state_s >= start_s.saturating_sub(self.window_s.get()) {
            (0, state.first)
        } else {
            (0, 0)
        };
        let previous = if self.slides() { previous } else { 0 };
        Counts { start_s, current, previous, left, ahead }
    }

    fn window(&self, counts: &Counts) -> State {
        let time = u64::from(counts.start_s) << 32 | u64::from(self.quota.get());
        State { time, first: counts.current, second: counts.previous }
    }

    /// The start of a time's window, in seconds.
    fn align(&self, now: u64) -> u32 {
        let seconds = u32::try_from(now / NANOS).unwrap_or(u32::MAX);
        seconds.saturating_sub(seconds % self.window_s)
    }

    fn slides(&self) -> bool {
        self.algorithm() == Algorithm::SlidingWindow
    }
}

const fn start_s(state: State) -> u32 {
    (state.time >> 32) as u32
}

fn nanos(seconds: u32) -> u64 {
    // 32 and 30 bits.
    u64::from(seconds).wrapping_mul(NANOS)
}

/// A part of a window, rounded up: `over` in `all`.
fn share(window: u64, over: u32, all: u32) -> u64 {
    NonZero::new(u64::from(all)).map_or(window, |all| divide_up(product(window, over), all))
}
