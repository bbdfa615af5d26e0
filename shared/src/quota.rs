//! Rate limits: how much of a quota a client has used, counted by all workers of a process together. No clock and no
//! randomness of its own.
//!
//! What a user may expect:
//! - What passes is exact: a request passes if and only if the limit's definition (see [`Algorithm`]) lets it, in whole
//!   numbers, without drift, whatever the cost. What a client is told of the future is no nanosecond too early: the
//!   caller rounds up to seconds.
//! - All workers count together, and a new configuration goes on where the old one was, as long as the limit keeps its
//!   name, its algorithm and its table's size. Who counts under other names shares nothing.
//! - A request under several limits takes from all of them, or from none if one refuses ([`Decider::decide`]).
//! - Memory is bounded, whatever clients make up: see below. A client that is limited, at the cost of the
//!   requests that come, is never forgotten, so never gets its quota back early; what becomes of one that finds no room
//!   [`OnFull`] says.
//! - Clients' keys are kept nowhere: of a key there is a keyed hash of 128 bits. Who does not know its secret can choose
//!   neither whom he shares a slot with, nor whose quota he uses.
//!
//! # Use
//!
//! A worker has a [`Table`] and a [`Limit`] for each limit, and one [`Decider`]. For each request:
//!
//! ```text
//! let client = table.client(store, &[key])?;
//! let scaled = limit.scale(factor);    // at configure time, one for each network
//! let charge = Charge { table, limit: &scaled, client, cost: 1, enforced: true, later: false };
//! let decided = decider.decide(store, now, &[charge])?;
//! if decided.refused_by.is_some() { /* 429 */ }
//! ```
//!
//! What is to be counted only when the response is known is charged with `later: true`, and again in
//! [`Decider::count`].
//!
//! # What is guaranteed
//!
//! - One limit: what is admitted in any stretch of time is what the definition lets pass, with any number of workers. A
//!   set that loses to another worker is judged again with what that one wrote: no count is lost, and no request is
//!   refused that there was room for. So a charge is one get and one set, and a refusal one get.
//! - Several limits: first all are judged, and if one refuses nothing is set. If all pass, they are set one after
//!   another. Where another worker has meanwhile used up a limit, what was set before is given back. Nothing is ever
//!   admitted above a quota; but until it is given back, some microseconds later, another worker may refuse a request
//!   for what is not used in the end. What others took with GCRA meanwhile counts as taken at the time of the request
//!   that gives back, those microseconds earlier.
//! - Workers read the clock at slightly different times. One that is behind gains nothing: GCRA counts as of the later
//!   time, and windows never turn back, so that what comes late counts in the new window.
//! - A clock that is set back by no more than a window (and the time for the burst) keeps limited clients limited until
//!   it is there again. Further back, a client's use counts as a full one at the new time: nobody is freed, and nobody
//!   is limited for longer than after that. Times after 2106 are taken for that year.
//! - A quota that changes, as with a network's factor, leaves GCRA's use in proportion, and windows' counts as they
//!   are. Nothing is owed: what [`Decider::count`] counts makes a limit full, and no more than that.
//! - A store that fails is an error ([`Unavailable`](crate::store::Unavailable)), and so is a value in it that is no
//!   slot of ours, since what it counted is unknown: nothing passes unless the caller says so.
//!
//! # Memory
//!
//! A table's `entries` are in slots of 16, which come into being when they are first used. A slot takes 384 bytes, 24 for
//! a client, and what the store takes for a key: its text, which is some 50 bytes, and some 72 in Envoy. So 65,536
//! entries are 4096 slots, and 2.1 MB when all are in use; 1,000,000 are 32 MB. A table takes one more key, for the
//! secret. A worker keeps some 500 bytes for each charge of the request with the most charges.
//!
//! Of a client that comes when its slot has no idle place, [`OnFull`] says what becomes of it. By default the client of
//! that slot that has used the least of its quota gives way, so a flood of new clients passes through by pushing out each
//! other. [`Counts::evicted`] tells how many were forgotten so. Where many clients are limited at a time the table should
//! have room for some times as many: with a quarter as many as there are entries, 1 in 200,000 newcomers finds all 16
//! places limited, with half as many 1 in 120.
//!
//! Tables of another size have other slots: with a changed `entries` counting begins anew, and the old table's memory
//! stays until the process ends.

mod decide;
mod gcra;
mod limit;
mod slot;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod window;

use crate::config_enum;

pub use decide::{Charge, Decided, Decider};
pub use limit::{Answer, Factor, Limit, Verdict};
pub use state::State;
pub use table::{Client, Counts, OnFull, SECRET_LEN, Table};

config_enum! {
    /// How a limit counts.
    #[derive(Default)]
    pub enum Algorithm {
        /// The quota flows back evenly all the time; as much as the burst may be taken at once.
        #[default]
        Gcra = "gcra",
        /// The count of the current window, and that of the one before by how much of it a window that ends now covers.
        SlidingWindow = "sliding_window",
        /// The count of the current window. Around a window's end twice the quota may pass in a short time.
        FixedWindow = "fixed_window",
    }
}
