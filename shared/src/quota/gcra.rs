//! The generic cell rate algorithm of ITU-T I.371, in its form of virtual scheduling.

use std::num::NonZero;

use super::{
    Limit, State,
    limit::Standing,
    time::{Time, divide},
};

impl Limit {
    pub(super) fn judge_gcra(&self, state: State, cost: u32, now: u64) -> Result<State, u64> {
        let after = self.arrival(state).max(Time::whole(now)).plus(self.price(cost), self.quota);
        let end = self.end(now);
        if after <= end { Ok(self.gcra(after)) } else { Err(after.minus(end, self.quota).ceil()) }
    }

    pub(super) fn standing_gcra(&self, state: State, now: u64) -> Standing {
        let used = self.arrival(state).minus(Time::whole(now), self.quota);
        let free = self.capacity.minus(used, self.quota);
        // In parts, of which one request takes as many as the window has nanoseconds.
        let parts = u128::from(free.ns).wrapping_mul(self.quota.get().into()).wrapping_add(free.parts.into());
        let (remaining, _) = divide(parts, self.window_ns);
        Standing { remaining: u32::try_from(remaining).unwrap_or(u32::MAX), reset_ns: used.ceil() }
    }

    pub(super) fn force_gcra(&self, state: State, cost: u32, now: u64) -> State {
        let arrival = self.arrival(state);
        let after = arrival.max(Time::whole(now)).plus(self.price(cost.min(self.burst)), self.quota);
        self.gcra(after.min(self.end(now)).max(arrival))
    }

    pub(super) fn give_back_gcra(&self, state: State, cost: u32) -> State {
        self.gcra(self.arrival(state).minus(self.price(cost), self.quota))
    }

    pub(super) fn heal_gcra(&self, state: State, now: u64) -> Option<State> {
        // A window more than there can be: other workers' clocks may be ahead.
        let end = self.end(now);
        let is_odd = state.time > end.ns.saturating_add(self.window_ns.get());
        is_odd.then(|| self.gcra(end))
    }

    pub(super) const fn is_idle_gcra(state: State, now: u64) -> bool {
        state.time < now || (state.time == now && state.first == 0)
    }

    pub(super) fn used_gcra(&self, state: State, now: u64) -> u64 {
        let unit = NonZero::new(self.capacity.ns >> 16).unwrap_or(NonZero::<u64>::MIN);
        state.time.saturating_sub(now) / unit
    }

    /// The latest arrival time that a request may leave behind.
    fn end(&self, now: u64) -> Time {
        Time::whole(now).plus(self.capacity, self.quota)
    }

    fn price(&self, cost: u32) -> Time {
        if cost == 1 { self.step } else { Time::of(cost, self.window_ns, self.quota) }
    }

    /// The theoretical arrival time.
    fn arrival(&self, state: State) -> Time {
        match NonZero::new(state.second) {
            Some(quota) if quota != self.quota => Time::convert(state.time, state.first, quota, self.quota),
            Some(_) => Time { ns: state.time, parts: state.first },
            None => Time::whole(state.time),
        }
    }

    const fn gcra(&self, arrival: Time) -> State {
        State { time: arrival.ns, first: arrival.parts, second: self.quota.get() }
    }
}
