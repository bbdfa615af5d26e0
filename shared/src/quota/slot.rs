//! A value of the store: the clients that share a slot of a table.

use super::{Limit, OnFull, State};

/// How many clients a slot has places for.
pub(super) const PLACES: usize = 16;

/// A place: the client's tag and state.
const PLACE: usize = 8 + State::LEN;

/// A slot's places. One whose state is idle is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot([[u8; PLACE]; PLACES]);

/// Where a client's state is or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Here.
    Known(usize, State),
    /// Nowhere yet; here is room.
    Free(usize),
    /// Nowhere yet; here is another that may be forgotten.
    Evict(usize),
    /// Nowhere, and there is no room before so many nanoseconds have gone.
    Full(u64),
    /// Some state was written before the clock was set back: [`Slot::heal`] first.
    Odd,
}

impl Slot {
    pub(super) const EMPTY: Self = Self([[0; PLACE]; PLACES]);

    /// From a stored value; `None` if it is none.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let (places, rest) = value.as_chunks();
        let places = places.try_into().ok().map(Self);
        places.filter(|_| rest.is_empty())
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// Looks for a client, of which `cost` is to be taken. A client that would be refused that much may not be forgotten;
    /// nor one whose tag `keeps` says so of.
    pub(super) fn find(
        &self,
        tag: u64,
        limit: &Limit,
        cost: u32,
        on_full: OnFull,
        now: u64,
        keeps: impl Fn(u64) -> bool,
    ) -> Place {
        if let Some((index, state)) = self.known(tag) {
            return if limit.heal(state, now).is_some() { Place::Odd } else { Place::Known(index, state) };
        }
        if let Some(index) = self.iter().position(|(_, state)| limit.is_idle(state, now)) {
            return Place::Free(index);
        }
        let mut least = None;
        let mut wait = u64::MAX;
        for (index, (tag, state)) in self.iter().enumerate() {
            let owner = limit.owner(state);
            if owner.heal(state, now).is_some() {
                return Place::Odd;
            }
            let limited = owner.wait(state, cost, now);
            if on_full == OnFull::Evict && limited == 0 && !keeps(tag) {
                let used = owner.used(state, now);
                if least.is_none_or(|(_, least)| used < least) {
                    least = Some((index, used));
                }
            }
            let until = if on_full == OnFull::Evict { limited } else { owner.standing(state, now).reset_ns };
            wait = wait.min(until);
        }
        least.map_or(Place::Full(wait), |(index, _)| Place::Evict(index))
    }

    /// Mends what [`Place::Odd`] is about.
    pub(super) fn heal(&mut self, tag: u64, limit: &Limit, now: u64) {
        for index in 0..PLACES {
            let Some((owner, state)) = self.get(index) else { continue };
            let limit = if owner == tag { *limit } else { limit.owner(state) };
            if let Some(healed) = limit.heal(state, now) {
                self.put(index, owner, healed);
            }
        }
    }

    /// A client's place and state.
    pub(super) fn known(&self, tag: u64) -> Option<(usize, State)> {
        let tag = tag.to_le_bytes();
        let index = self.0.iter().position(|place| place.starts_with(&tag))?;
        Some((index, self.get(index)?.1))
    }

    pub(super) fn put(&mut self, index: usize, tag: u64, state: State) {
        if let Some(place) = self.0.get_mut(index)
            && let Some((first, rest)) = place.split_first_chunk_mut()
            && let Some(last) = rest.first_chunk_mut()
        {
            *first = tag.to_le_bytes();
            *last = state.to_bytes();
        }
    }

    fn get(&self, index: usize) -> Option<(u64, State)> {
        self.0.get(index).and_then(parse)
    }

    fn iter(&self) -> impl Iterator<Item = (u64, State)> {
        self.0.iter().filter_map(parse)
    }
}

/// Never `None`: a place is as long as that.
fn parse(place: &[u8; PLACE]) -> Option<(u64, State)> {
    let (tag, state) = place.split_first_chunk()?;
    Some((u64::from_le_bytes(*tag), State::from_bytes(*state.first_chunk()?)))
}
