//! A bounded queue that drops what matters least.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::{Class, PerClass};

/// An event that waits, or is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How much it matters.
    pub class: Class,
    /// Its JSON. A boxed str takes no more memory than is counted.
    pub json: Box<str>,
    /// Its place in the order of arrival.
    arrival: u64,
}

impl Event {
    /// Its size in bytes, as the limits count it.
    pub fn bytes(&self) -> usize {
        self.json.len()
    }
}

/// Events by class, held to a number and to a sum of bytes.
///
/// When one more does not fit, the oldest of the lowest classes go, as long as their class is strictly lower than the
/// newcomer's. If all of these together would not make room, none goes and the newcomer is dropped. So a flood of
/// denials cannot push out other denials that came first, nor an error. Every drop is counted by class.
#[derive(Debug)]
pub struct Queue {
    lanes: PerClass<Lane>,
    max_events: usize,
    max_bytes: usize,
    arrivals: u64,
    dropped: PerClass<u64>,
}

/// The events of one class, in order of arrival.
#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Event>,
    bytes: usize,
}

impl Queue {
    /// A queue that holds `max_events` events and `max_bytes` bytes of them.
    pub fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { lanes: PerClass::default(), max_events, max_bytes, arrivals: 0, dropped: PerClass::default() }
    }

    /// Takes an event, or drops it.
    pub fn offer(&mut self, class: Class, json: Box<str>) {
        self.arrivals = self.arrivals.saturating_add(1);
        self.put_back(Event { class, json, arrival: self.arrivals });
    }

    /// Takes an event that could not be delivered, to where it was. Others may have come since: it must fit like any
    /// newcomer.
    pub fn put_back(&mut self, event: Event) {
        if !self.make_room(event.class, event.bytes()) {
            self.dropped.count(event.class);
            return;
        }
        let lane = self.lanes.get_mut(event.class);
        lane.bytes = lane.bytes.saturating_add(event.bytes());
        let place = lane.events.partition_point(|other| other.arrival < event.arrival);
        lane.events.insert(place, event);
    }

    /// The oldest event, unless it has more than `max_bytes` bytes.
    pub fn pop(&mut self, max_bytes: usize) -> Option<Event> {
        let fronts = Class::ALL.into_iter().filter_map(|class| Some((self.lanes.get(class).events.front()?, class)));
        let (oldest, class) = fronts.min_by_key(|(event, _)| event.arrival)?;
        if oldest.bytes() > max_bytes { None } else { self.lanes.get_mut(class).pop() }
    }

    /// Counts an event as dropped that was never offered.
    pub fn drop_unseen(&mut self, class: Class) {
        self.dropped.count(class);
    }

    /// Number of events held.
    pub fn len(&self) -> usize {
        self.lanes.iter().fold(0, |sum, (_, lane)| sum.saturating_add(lane.events.len()))
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|(_, lane)| lane.events.is_empty())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.lanes.iter().fold(0, |sum, (_, lane)| sum.saturating_add(lane.bytes))
    }

    /// What was dropped since this was last asked.
    pub fn take_dropped(&mut self) -> PerClass<u64> {
        std::mem::take(&mut self.dropped)
    }

    /// Makes room for an event of `class` with `bytes` bytes; changes nothing when there cannot be any.
    fn make_room(&mut self, class: Class, bytes: usize) -> bool {
        let kept = |count: fn(&Lane) -> usize| {
            let lanes = self.lanes.iter().filter(|(other, _)| *other >= class);
            lanes.fold(0_usize, |sum, (_, lane)| sum.saturating_add(count(lane)))
        };
        let fits = kept(|lane| lane.events.len()) < self.max_events
            && kept(|lane| lane.bytes).saturating_add(bytes) <= self.max_bytes;
        if !fits {
            return false;
        }
        for lower in Class::ALL.into_iter().filter(|lower| *lower < class) {
            while self.len() >= self.max_events || self.bytes().saturating_add(bytes) > self.max_bytes {
                if self.lanes.get_mut(lower).pop().is_none() {
                    break;
                }
                self.dropped.count(lower);
            }
        }
        true
    }
}

impl Lane {
    fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.bytes = self.bytes.saturating_sub(event.bytes());
        Some(event)
    }
}
