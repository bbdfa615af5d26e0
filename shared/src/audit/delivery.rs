//! When to send which batch, and what becomes of it. No I/O, no clock: the caller has both.
//!
//! # Use
//!
//! Offer events as they come. On each tick, and after each answer:
//!
//! ```text
//! while let Some(batch) = delivery.poll(now, random) {
//!     match dispatch(&batch) {
//!         Ok(token) => delivery.sent(batch.id, token),
//!         Err(_) => delivery.dispatch_failed(batch.id, now, random),
//!     }
//! }
//! ```
//!
//! and hand each answer to [`Delivery::answered`]. Then move metrics by [`Delivery::take_changes`].
//!
//! # What becomes of a batch
//!
//! | answer | its events | counted as |
//! |---|---|---|
//! | 2xx | delivered | `ok` |
//! | 400, 422 | rejected: a collector that cannot read them never will | `rejected` |
//! | 413 | sent again in batches of half the size; a single event is rejected | `too_large` |
//! | any other status | sent again: 401, 403 and 404 are faults of set-up, 408, 429 and 5xx pass | `failed` |
//! | none, in time or at all | sent again | `timed_out` |
//! | the host would not send it | sent again | `not_sent` |
//!
//! After anything but 2xx the collector is left alone for a random time that grows with each failure (exponential
//! back-off with full jitter over [`Retry`](super::config::Retry)'s `base_ms`), and is then probed with one call at a
//! time. The first 2xx ends that. Events that are sent again keep their place, and compete for room like any other.
//!
//! # Memory
//!
//! At most `queue.max_bytes`, and twice `batch.max_bytes` for each of `max_in_flight`: the events of a batch stay until
//! its answer, and its body is written from them. On top come the queue's places, 24 bytes each in wasm32: there is a
//! list for each class, which doubles as it grows and stays large, so at worst 8 times `queue.max_events` places. With
//! the defaults that is 8 MiB, 1 MiB and 2 MB.

mod changes;
mod timer;

#[cfg(test)]
mod tests;

use super::{
    Class, Sink,
    config::Format,
    queue::{Event, Queue},
};
use timer::{Timer, ms};

pub use changes::{Calls, Changes};

/// How much longer than its time-out a call may take before it counts as lost: Envoy gives no answer at all after some
/// configuration changes.
const GRACE_MS: u32 = 1000;

/// Names a batch from [`Delivery::poll`] until it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId(u64);

/// A batch that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// For [`Delivery::sent`] or [`Delivery::dispatch_failed`].
    pub id: BatchId,
    /// The request's body, of [`Format::content_type`].
    pub body: String,
}

/// Holds events until the collector has them.
#[derive(Debug)]
pub struct Delivery {
    sink: Sink,
    queue: Queue,
    flights: Vec<Flight>,
    batches: u64,
    /// Events for a batch at present: fewer after a 413.
    batch_events: usize,
    /// Runs while events wait.
    age: Option<Timer>,
    /// Runs from a failure on, and stays until a success.
    back_off: Option<Timer>,
    failures: u32,
    draining: bool,
    changes: Changes,
}

/// A batch without an answer yet.
#[derive(Debug)]
struct Flight {
    id: BatchId,
    token: Option<u32>,
    events: Vec<Event>,
    patience: Timer,
}

/// What an answer says about a batch.
enum Verdict {
    Delivered,
    Again,
    Halve,
    Reject,
}

impl Delivery {
    /// A delivery with nothing in it.
    pub fn new(sink: Sink) -> Self {
        Self {
            queue: Queue::new(size(sink.queue.max_events), size(sink.queue.max_bytes)),
            flights: Vec::new(),
            batches: 0,
            batch_events: size(sink.batch.max_events),
            age: None,
            back_off: None,
            failures: 0,
            draining: false,
            changes: Changes::default(),
            sink,
        }
    }

    /// Where the batches go.
    pub const fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Takes an event's JSON, or drops and counts it.
    pub fn offer(&mut self, class: Class, json: impl Into<Box<str>>) {
        let json = json.into();
        if json.len() > self.largest_event() {
            self.queue.drop_unseen(class);
        } else {
            self.queue.offer(class, json);
        }
    }

    /// The next batch that is due at `now`, in nanoseconds of a clock that may jump. `random` is any source of random
    /// numbers. After this either [`Self::sent`] or [`Self::dispatch_failed`] must be told. An event's age counts from
    /// the first poll after it came.
    pub fn poll(&mut self, now: u64, random: &mut dyn FnMut() -> u64) -> Option<Batch> {
        self.give_up_on_lost(now, random);
        if self.queue.is_empty() {
            self.age = None;
            return None;
        }
        let age = *self.age.get_or_insert(Timer::new(now, ms(self.sink.batch.max_age_ms)));
        let allowed = if self.back_off.is_some() { 1 } else { size(self.sink.max_in_flight) };
        let must_wait = self.back_off.is_some_and(|back_off| !back_off.is_over(now));
        let due = self.draining
            || age.is_over(now)
            || self.queue.len() >= self.batch_events
            || self.queue.bytes() >= self.largest_event();
        (due && !must_wait && self.flights.len() < allowed).then(|| self.take_batch(now))
    }

    /// The batch is on its way, and its answer will bear `token`.
    pub fn sent(&mut self, id: BatchId, token: u32) {
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == id) {
            flight.token = Some(token);
        }
    }

    /// The host would not send the batch.
    pub fn dispatch_failed(&mut self, id: BatchId, now: u64, random: &mut dyn FnMut() -> u64) {
        if let Some(index) = self.flights.iter().position(|flight| flight.id == id) {
            self.changes.calls.not_sent = self.changes.calls.not_sent.saturating_add(1);
            let flight = self.flights.swap_remove(index);
            self.settle(flight, &Verdict::Again, now, random);
        }
    }

    /// The answer to the call with `token`: its status, or `None` when it had none. Returns whether the call was one of
    /// ours and still awaited.
    pub fn answered(&mut self, token: u32, status: Option<u16>, now: u64, random: &mut dyn FnMut() -> u64) -> bool {
        let Some(index) = self.flights.iter().position(|flight| flight.token == Some(token)) else {
            return false;
        };
        let flight = self.flights.swap_remove(index);
        let calls = &mut self.changes.calls;
        let (verdict, counter) = match status {
            Some(200..=299) => (Verdict::Delivered, &mut calls.ok),
            Some(400 | 422) => (Verdict::Reject, &mut calls.rejected),
            Some(413) if flight.events.len() > 1 => (Verdict::Halve, &mut calls.too_large),
            Some(413) => (Verdict::Reject, &mut calls.too_large),
            Some(_) => (Verdict::Again, &mut calls.failed),
            None => (Verdict::Again, &mut calls.timed_out),
        };
        *counter = counter.saturating_add(1);
        self.settle(flight, &verdict, now, random);
        true
    }

    /// From now on everything is due at once, and a collector that failed before gets another chance. For the end of
    /// this delivery's life: go on polling until [`Self::is_idle`] or until patience ends, then [`Self::abandon`].
    pub fn drain(&mut self) {
        self.draining = true;
        self.back_off = None;
        self.failures = 0;
    }

    /// Whether nothing waits and nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.flights.is_empty()
    }

    /// Drops and counts all that is still held.
    pub fn abandon(&mut self) {
        for event in self.flights.drain(..).flat_map(|flight| flight.events) {
            self.queue.drop_unseen(event.class);
        }
        while let Some(event) = self.queue.pop(usize::MAX) {
            self.queue.drop_unseen(event.class);
        }
    }

    /// What happened since this was last asked, and how much is held now.
    pub fn take_changes(&mut self) -> Changes {
        let changes = std::mem::take(&mut self.changes);
        Changes {
            dropped: self.queue.take_dropped(),
            queued_events: self.queue.len(),
            queued_bytes: self.queue.bytes(),
            in_flight: self.flights.len(),
            is_failing: self.back_off.is_some(),
            ..changes
        }
    }

    /// A batch of one event has room for the brackets of a JSON array or a line's end.
    fn largest_event(&self) -> usize {
        size(self.sink.batch.max_bytes).saturating_sub(2)
    }

    fn take_batch(&mut self, now: u64) -> Batch {
        let mut room = self.largest_event();
        let mut events = Vec::new();
        while events.len() < self.batch_events
            && let Some(event) = self.queue.pop(room)
        {
            // Each event but the first has a comma or a line's end before it.
            room = room.saturating_sub(event.bytes()).saturating_sub(1);
            events.push(event);
        }
        self.batches = self.batches.saturating_add(1);
        let id = BatchId(self.batches);
        let body = body(self.sink.format, &events);
        let patience = Timer::new(now, ms(self.sink.timeout_ms.saturating_add(GRACE_MS)));
        self.flights.push(Flight { id, token: None, events, patience });
        // What is left is newer than what went.
        self.age = (!self.queue.is_empty()).then(|| Timer::new(now, ms(self.sink.batch.max_age_ms)));
        Batch { id, body }
    }

    fn give_up_on_lost(&mut self, now: u64, random: &mut dyn FnMut() -> u64) {
        while let Some(index) = self.flights.iter().position(|flight| flight.patience.is_over(now)) {
            self.changes.calls.timed_out = self.changes.calls.timed_out.saturating_add(1);
            let flight = self.flights.swap_remove(index);
            self.settle(flight, &Verdict::Again, now, random);
        }
    }

    fn settle(&mut self, flight: Flight, verdict: &Verdict, now: u64, random: &mut dyn FnMut() -> u64) {
        let count = flight.events.len();
        for event in flight.events {
            match verdict {
                Verdict::Delivered => self.changes.delivered.count(event.class),
                Verdict::Reject => self.changes.rejected.count(event.class),
                Verdict::Again | Verdict::Halve => self.queue.put_back(event),
            }
        }
        match verdict {
            Verdict::Delivered => {
                self.back_off = None;
                self.failures = 0;
                // Back up by a quarter each time: slowly, or every second batch would be too large again.
                let more = (self.batch_events >> 2).saturating_add(1);
                self.batch_events = self.batch_events.saturating_add(more).min(size(self.sink.batch.max_events));
                return;
            }
            Verdict::Halve => self.batch_events = self.batch_events.min(count >> 1).max(1),
            Verdict::Again | Verdict::Reject => {}
        }
        // What came back has waited long enough.
        self.age = Some(Timer::new(now, 0));
        self.slow_down(now, random);
    }

    fn slow_down(&mut self, now: u64, random: &mut dyn FnMut() -> u64) {
        // Calls that were under way when the first one failed tell nothing new.
        if self.back_off.is_some_and(|back_off| !back_off.is_over(now)) {
            return;
        }
        let (base, max) = (ms(self.sink.retry.base_ms), ms(self.sink.retry.max_ms));
        let cap = base.saturating_mul(1 << self.failures.min(30)).min(max);
        self.failures = self.failures.saturating_add(1);
        // The bias of the remainder does not matter here.
        let jitter = random().checked_rem(cap.saturating_sub(base).saturating_add(1)).unwrap_or_default();
        self.back_off = Some(Timer::new(now, base.saturating_add(jitter)));
    }
}

fn body(format: Format, events: &[Event]) -> String {
    let bytes = events.iter().fold(2_usize, |sum, event| sum.saturating_add(event.bytes()).saturating_add(1));
    let mut body = String::with_capacity(bytes);
    let (open, between, close) = match format {
        Format::Ndjson => ("", "\n", "\n"),
        Format::Json => ("[", ",", "]"),
    };
    body.push_str(open);
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            body.push_str(between);
        }
        body.push_str(&event.json);
    }
    body.push_str(close);
    body
}

/// A configured limit as a size: 32 bits fit on every target that Portcullis has.
fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
