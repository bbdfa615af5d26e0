//! Documents that are fetched from a service, again and again, and shared by all workers of a process: key sets,
//! revocation lists, address feeds. No I/O, no clock: the caller has both.
//!
//! # Use
//!
//! Each worker has a [`Document`] for each configured [`Source`]; what they must agree on is in a [`Store`]. After
//! [`Document::next_poll_ms`], and after each answer:
//!
//! ```text
//! while let Some(step) = document.poll(now, random, store) {
//!     match step {
//!         Step::New { body, .. } => match parse(&body) {
//!             Ok(parsed) => keys = parsed,
//!             Err(_) => document.refuse(now, store),
//!         },
//!         Step::Renewed { .. } => {}
//!         Step::Fetch(id) => match dispatch(document.source()) {
//!             Ok(token) => calls.insert(token, id),
//!             Err(_) => document.answered(id, Err(Failure::NotSent), now, random, store),
//!         },
//!     }
//! }
//! ```
//!
//! An answer's status goes through [`Failure::of_status`] and its body through the parser; then [`Document::answered`]
//! says whether what was parsed is to be used. Requests may use it while [`Document::is_usable`].
//!
//! # Who fetches
//!
//! The first worker that sees that a fetch is due takes a lease in the store, by compare-and-swap; the others wait for
//! its end and take the document from the store. So one fetch at a time is under way in a process, also after an outage.
//! The lease of a worker that died ends by itself, 1 s after the call's time-out. With no store to be had, each worker
//! fetches for itself.
//!
//! # When
//!
//! At once when there is nothing yet; a new configuration finds the old one's document in the store. Then after
//! `refresh_s`, give or take a tenth, so that processes that started together drift apart. After a failure: after a
//! random time from 1 s to a limit that doubles with each failure up to `refresh_s`; the document stays. Sooner by
//! [`Document::demand`], but no sooner than the kind's `demand_s` after the last fetch began, and not after a failure.
//! Times in the store that no configuration makes are not believed: the clock was set back.
//!
//! # Memory
//!
//! A source takes two keys of the store, which are never given back: 69 bytes, and the document. A worker keeps neither.

mod config;
mod fetches;
mod pace;
mod record;
mod source;
#[cfg(test)]
mod tests;
mod url;

use std::borrow::Cow;

use pace::Pace;
use record::{Header, Record};

use crate::store::{ABSENT, NotSet, Store, Unavailable};
pub use config::{Kind, Remote};
pub use fetches::{Failure, Fetches};
pub use source::Source;

/// How often a lost compare-and-swap is tried again. Who loses this often has the others' word that all is well.
const ATTEMPTS: usize = 8;

/// How long between polls when somebody waits, in milliseconds.
const WAITING_POLL_MS: u32 = 50;

/// A source of random numbers.
pub type Random<'a> = &'a mut dyn FnMut() -> u64;

/// Names a fetch from [`Step::Fetch`] until its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchId(u64);

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step<'a> {
    /// Use this document from now on, which another worker fetched; if it cannot be read, tell [`Document::refuse`].
    New {
        /// The document.
        body: Cow<'a, [u8]>,
        /// When it was last fetched, in nanoseconds since 1970.
        fetched_at: u64,
    },
    /// The document in use was fetched again.
    Renewed {
        /// When, in nanoseconds since 1970.
        fetched_at: u64,
    },
    /// Send the request that [`Document::source`] describes, and tell [`Document::answered`] what comes of it.
    Fetch(FetchId),
}

/// What an answer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// Use the fetched document from now on.
    New,
    /// The fetched document is the one in use.
    Unchanged,
    /// Use what was there before.
    Failed(Failure),
    /// The answer came too late: the fetch counts as lost already, or there is a newer document in the store.
    Ignored,
}

/// What one who needs a newer document may hope for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Demand {
    /// There is one in the store already: poll at once.
    Stored,
    /// A fetch is under way or due: poll at once and then each [`Document::next_poll_ms`]; waiting may be worth it.
    Coming,
    /// No fetch begins before this time, in nanoseconds since 1970: do not wait.
    NotBefore(u64),
}

/// A worker's view of a document.
#[derive(Debug)]
pub struct Document {
    source: Source,
    record_key: String,
    body_key: String,
    /// The record as it was last seen; the only one while there is no store.
    local: Record,
    /// The `success` that was last looked at.
    seen: u64,
    /// The version that was last refused.
    refused: u64,
    held: Option<Held>,
    /// What was held before a [`Step::New`].
    before: Option<Held>,
    flight: Option<Flight>,
    fetches: Fetches,
}

/// The document in use.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// 0: it was fetched without a store.
    version: u64,
    fetched_at: u64,
}

/// A fetch without an answer yet.
#[derive(Clone, Copy, Debug)]
struct Flight {
    owner: u64,
    /// 0: it began without a store.
    sequence: u64,
    since: u64,
}

/// What became of a document that was to be stored.
enum Written {
    /// The store has it, as this version.
    As(u64),
    /// The store has a newer one.
    Superseded,
}

/// Where a record was saved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Saved {
    InStore,
    /// There is no store.
    Here,
    /// Nowhere: another worker was first.
    No,
}

/// The `cas` of a record; `None` when there is no store.
type Cas = Option<u32>;

impl Document {
    /// A document of which nothing is known yet. Filters of another name do not share it.
    pub fn new(filter: &str, source: Source) -> Self {
        let key = source.key(filter);
        Self {
            record_key: format!("{key}.record"),
            body_key: format!("{key}.body"),
            source,
            local: Record::default(),
            seen: 0,
            refused: 0,
            held: None,
            before: None,
            flight: None,
            fetches: Fetches::default(),
        }
    }

    /// Where it comes from.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// What is to be done at `now`, in nanoseconds since 1970 by a clock that may jump. Poll until there is no more.
    pub fn poll<'a>(&mut self, now: u64, random: Random<'_>, store: &'a dyn Store) -> Option<Step<'a>> {
        if let Some(flight) = self.flight
            && self.source.pace.is_lost(flight.since, now)
        {
            self.flight = None;
            self.fail(flight, Failure::TimedOut, now, random, store);
        }
        let (record, cas) = self.load(store);
        let mut is_missing = false;
        if let Some(step) = self.news(&record, cas, store, &mut is_missing) {
            return Some(step);
        }
        let pace = self.source.pace;
        let is_due =
            pace.is_due(&record, now) || (is_missing && record.failures == 0 && pace.demand_at(&record, now) <= now);
        if self.flight.is_some() || Pace::is_leased(&record, now) || !is_due {
            return None;
        }
        self.lease(record, cas, now, random, store).map(Step::Fetch)
    }

    /// Like [`Document::poll`], but fetches nothing: for times at which no request can be sent.
    pub fn look<'a>(&mut self, store: &'a dyn Store) -> Option<Step<'a>> {
        let (record, cas) = self.load(store);
        self.news(&record, cas, store, &mut false)
    }

    /// What the store has that this worker does not. `is_missing`: whether it should have a document, and does not.
    fn news<'a>(&mut self, record: &Record, cas: Cas, store: &'a dyn Store, is_missing: &mut bool) -> Option<Step<'a>> {
        if !self.is_news(record, cas) {
            return None;
        }
        if let Some(step) = self.renew(record) {
            return Some(step);
        }
        if self.is_new(record.version) {
            match self.read(record, store) {
                Some((held, body)) if self.is_new(held.version) => {
                    self.before = self.held.replace(held);
                    self.seen = if held.version == record.version { record.success } else { self.seen };
                    return Some(Step::New { body, fetched_at: held.fetched_at });
                }
                Some(_) => {}
                None => *is_missing = true,
            }
        }
        None
    }

    /// The document of the last [`Step::New`] cannot be read: the one before stays in use, and another is fetched soon.
    pub fn refuse(&mut self, now: u64, store: &dyn Store) {
        self.refused = self.held.map_or(0, |held| held.version);
        self.held = self.before.take();
        // Whether it comes soon is the next poll's business.
        let _ = self.demand(now, store);
    }

    /// What came of a fetch: the document, which the caller has parsed, or why there is none.
    pub fn answered(
        &mut self,
        id: FetchId,
        result: Result<&[u8], Failure>,
        now: u64,
        random: Random<'_>,
        store: &dyn Store,
    ) -> Answer {
        let Some(flight) = self.flight.take_if(|flight| flight.owner == id.0) else { return Answer::Ignored };
        let body = match result {
            Ok(body) if body.len() > self.source.max_bytes => Err(Failure::TooLarge),
            other => other,
        };
        match body {
            Ok(body) => self.succeed(flight, body, now, random, store),
            Err(failure) => {
                self.fail(flight, failure, now, random, store);
                Answer::Failed(failure)
            }
        }
    }

    /// Somebody needs a newer document than this worker has: a token names an unknown key.
    pub fn demand(&mut self, now: u64, store: &dyn Store) -> Demand {
        for _ in 0..ATTEMPTS {
            let (record, cas) = self.load(store);
            if self.is_news(&record, cas) && self.is_new(record.version) {
                return Demand::Stored;
            }
            let pace = self.source.pace;
            if self.flight.is_some() || Pace::is_leased(&record, now) || pace.is_due(&record, now) {
                return Demand::Coming;
            }
            if record.failures > 0 {
                return Demand::NotBefore(record.next_at);
            }
            let at = pace.demand_at(&record, now);
            if at >= record.next_at {
                return Demand::NotBefore(record.next_at);
            }
            if self.save(Record { next_at: at, ..record }, cas, store) != Saved::No {
                return if at <= now { Demand::Coming } else { Demand::NotBefore(at) };
            }
        }
        // Others are at it.
        Demand::Coming
    }

    /// Whether there is a document, and it was fetched recently enough (`stale_s`).
    pub fn is_usable(&self, now: u64) -> bool {
        self.fetched_at().is_some_and(|fetched_at| self.source.pace.is_usable(fetched_at, now))
    }

    /// When the document in use was last fetched, in nanoseconds since 1970.
    pub fn fetched_at(&self) -> Option<u64> {
        self.held.map(|held| held.fetched_at)
    }

    /// How many fetches of the process have failed since the last that succeeded, as of the last poll.
    pub const fn failures(&self) -> u32 {
        self.local.failures
    }

    /// How soon to poll again, in milliseconds. `waiting`: whether requests wait for the document.
    pub fn next_poll_ms(&self, waiting: bool) -> u32 {
        if waiting || self.held.is_none() { WAITING_POLL_MS } else { self.source.pace.poll_ms() }
    }

    /// What came of this worker's fetches since this was last asked.
    pub fn take_fetches(&mut self) -> Fetches {
        std::mem::take(&mut self.fetches)
    }

    /// The record in the store; what was seen last if there is no store.
    fn load(&mut self, store: &dyn Store) -> (Record, Cas) {
        match store.get(&self.record_key) {
            Ok(stored) => {
                let cas = stored.as_ref().map_or(ABSENT, |stored| stored.cas);
                let record = stored.and_then(|stored| Record::parse(&stored.value)).unwrap_or_default();
                self.local = record;
                (record, Some(cas))
            }
            Err(Unavailable) => (self.local, None),
        }
    }

    /// Stores the record, or keeps it here if there is no store.
    fn save(&mut self, record: Record, cas: Cas, store: &dyn Store) -> Saved {
        let saved = match cas.map(|cas| store.set(&self.record_key, &record.to_bytes(), cas)) {
            Some(Ok(())) => Saved::InStore,
            None | Some(Err(NotSet::Unavailable)) => Saved::Here,
            Some(Err(NotSet::CasMismatch)) => return Saved::No,
        };
        self.local = record;
        saved
    }

    /// Whether a fetch succeeded that this worker has not looked at.
    fn is_news(&self, record: &Record, cas: Cas) -> bool {
        cas.is_some() && record.version != 0 && record.success != self.seen
    }

    /// Whether a version is neither in use nor refused.
    fn is_new(&self, version: u64) -> bool {
        version != self.refused && self.held.is_none_or(|held| held.version != version)
    }

    /// Looks at a success that brought nothing new.
    fn renew<'a>(&mut self, record: &Record) -> Option<Step<'a>> {
        if self.is_new(record.version) {
            return None;
        }
        self.seen = record.success;
        let held = self.held.as_mut().filter(|held| held.version == record.version)?;
        let fetched_at = std::mem::replace(&mut held.fetched_at, record.fetched_at);
        (fetched_at != record.fetched_at).then_some(Step::Renewed { fetched_at: record.fetched_at })
    }

    /// The document in the store, if it is no older than the record says. It is newer when the record is about to be
    /// written, or when the worker that should have done so died.
    fn read<'a>(&self, record: &Record, store: &'a dyn Store) -> Option<(Held, Cow<'a, [u8]>)> {
        let stored = store.get(&self.body_key).ok()??;
        let (Header { version, fetched_at }, body) = Header::split_off(stored.value)?;
        let fetched_at = if version == record.version { record.fetched_at } else { fetched_at };
        (version >= record.version && body.len() <= self.source.max_bytes)
            .then_some((Held { version, fetched_at }, body))
    }

    /// Takes the right to fetch, unless another worker does.
    fn lease(&mut self, record: Record, cas: Cas, now: u64, random: Random<'_>, store: &dyn Store) -> Option<FetchId> {
        // The record may have been lost, but not what makes versions grow.
        let stored = store.get(&self.body_key).ok().flatten();
        let stored = stored.and_then(|stored| Header::split(&stored.value).map(|(header, _)| header.version));
        let sequence = record.sequence.max(stored.unwrap_or_default()).saturating_add(1);
        // 0 is what a record has that names no fetch.
        let owner = random() | 1;
        let lease_until = self.source.pace.lease_until(now);
        let leased = Record { sequence, attempted_at: now, lease_until, owner, ..record };
        let sequence = match self.save(leased, cas, store) {
            Saved::InStore => sequence,
            // Others may have the same.
            Saved::Here => 0,
            Saved::No => return None,
        };
        self.flight = Some(Flight { owner, sequence, since: now });
        Some(FetchId(owner))
    }

    fn succeed(&mut self, flight: Flight, body: &[u8], now: u64, random: Random<'_>, store: &dyn Store) -> Answer {
        let next_at = self.source.pace.after_success(now, random());
        let version = match self.write(flight.sequence, body, now, store) {
            Some(Written::As(version)) => version,
            Some(Written::Superseded) => {
                self.fetches.count_success(true);
                self.release(flight, next_at, store);
                return Answer::Ignored;
            }
            // No store: the document is this worker's own.
            None => 0,
        };
        let mut is_latest = false;
        for _ in 0..ATTEMPTS {
            let (record, cas) = self.load(store);
            let is_own = record.owner == flight.owner;
            let mut settled = Record { next_at, failures: 0, ..record };
            if is_own {
                settled.lease_until = 0;
            }
            // A document that the store does not have is not the others' document renewed.
            if version != 0 || cas.is_none() {
                settled.version = record.version.max(version);
                settled.success = if version == 0 { record.success } else { flight.owner };
                settled.fetched_at = now;
            } else if !is_own {
                break;
            }
            if self.save(settled, cas, store) != Saved::No {
                is_latest = settled.version == version;
                break;
            }
        }
        // What came to the store before this fetch is of no more interest.
        if version == 0 {
            self.seen = self.local.success;
        } else if is_latest {
            self.seen = flight.owner;
        }
        let is_unchanged = version != 0 && self.held.is_some_and(|held| held.version == version);
        self.fetches.count_success(version == 0 || version == flight.sequence);
        self.held = Some(Held { version, fetched_at: now });
        if is_unchanged { Answer::Unchanged } else { Answer::New }
    }

    /// Stores a fetched document, unless it is there already. `None` when that cannot be done.
    fn write(&self, version: u64, body: &[u8], now: u64, store: &dyn Store) -> Option<Written> {
        if version == 0 {
            return None;
        }
        for _ in 0..ATTEMPTS {
            let stored = store.get(&self.body_key).ok()?;
            let known = stored.as_ref().and_then(|stored| Header::split(&stored.value));
            match known {
                Some((header, known)) if known == body => return Some(Written::As(header.version)),
                Some((header, _)) if header.version >= version => return Some(Written::Superseded),
                _ => {}
            }
            let cas = stored.as_ref().map_or(ABSENT, |stored| stored.cas);
            match store.set(&self.body_key, &Header { version, fetched_at: now }.with(body), cas) {
                Ok(()) => return Some(Written::As(version)),
                Err(NotSet::CasMismatch) => {}
                Err(NotSet::Unavailable) => return None,
            }
        }
        None
    }

    fn fail(&mut self, flight: Flight, failure: Failure, now: u64, random: Random<'_>, store: &dyn Store) {
        self.fetches.count_failure(failure);
        for _ in 0..ATTEMPTS {
            let (record, cas) = self.load(store);
            // Another worker has fetched since: it knows better.
            if record.owner != flight.owner {
                return;
            }
            let next_at = self.source.pace.after_failure(record.failures, now, random());
            let failures = record.failures.saturating_add(1);
            if self.save(Record { next_at, lease_until: 0, failures, ..record }, cas, store) != Saved::No {
                return;
            }
        }
    }

    /// Gives the lease back, if it is still this fetch's.
    fn release(&mut self, flight: Flight, next_at: u64, store: &dyn Store) {
        for _ in 0..ATTEMPTS {
            let (record, cas) = self.load(store);
            let released = Record { next_at, lease_until: 0, ..record };
            if record.owner != flight.owner || self.save(released, cas, store) != Saved::No {
                return;
            }
        }
    }
}
