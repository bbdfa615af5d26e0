//! Routes that are used and not documented: the report on shadow APIs.
//!
//! What a user expects:
//! - One line for each route, not for each object: `/users/42` and `/users/43` are `/users/{number}`. What is told by
//!   its shape is so from the first request on; where a place has had more than sixteen texts, those that were not seen
//!   often are `{name}` from then on.
//! - The first request of a route is worth a line at once; later ones are counted and told after a minute, two minutes,
//!   four, and so on up to an hour. There are never more than [`Routes::MAX_REPORTS`] lines a minute: what is due then
//!   waits for its next request.
//! - Whatever clients send, memory is bounded: what finds no room is counted as [`OTHER`].
//! - A line holds printable ASCII alone and is not long. What looks like a credential is not shown: it is `{token}`.
//!
//! A scanner can use up the lines of a minute, or make `{name}` of a place. Where only requests are noted that the
//! upstream knew what to do with, he finds less to do it with.

mod label;
#[cfg(test)]
mod tests;
mod tree;

use crate::path::NormalPath;

use tree::{Count, Node, Pace};

/// Stands for all routes that found no room.
pub const OTHER: &str = "{other}";

/// The most segments of a path that are told apart; `/**` stands for what follows.
const MAX_DEPTH: usize = 12;

/// The routes that were seen.
#[derive(Clone, Debug)]
pub struct Routes {
    root: Node,
    /// How many more nodes and methods there may be.
    room: usize,
    other: Count,
    pace: Pace,
}

/// A route to report, now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The method; `{other}` for those that RFC 9110 and RFC 5789 do not know.
    pub method: &'static str,
    /// Such as `/users/{number}`, or [`OTHER`].
    pub template: String,
    /// Whether it was never reported before.
    pub is_new: bool,
    /// Its requests since it was last reported, this one included.
    pub count: u64,
}

impl Routes {
    /// The most reports within a minute.
    pub const MAX_REPORTS: u32 = 30;

    /// A route takes one place of `capacity`, and one more for each of its segments that no other route shares. A place
    /// takes some 300 bytes at most.
    pub fn new(capacity: usize) -> Self {
        Self { root: Node::default(), room: capacity, other: Count::default(), pace: Pace::default() }
    }

    /// Counts a request. What to report, if it is time. `now` is in seconds.
    pub fn note(&mut self, method: &[u8], path: &NormalPath<'_>, now: u64) -> Option<Sighting> {
        let method = known(method);
        let mut labels: Vec<_> = path.segments().take(MAX_DEPTH).map(label::of).collect();
        if path.len() > MAX_DEPTH {
            labels.push("**".into());
        }
        let mut template = String::new();
        let count = self.root.reach(&labels, method, &mut self.room, &mut template);
        let (method, count) = if let Some(count) = count {
            (method, count)
        } else {
            OTHER.clone_into(&mut template);
            (OTHER, &mut self.other)
        };
        let (count, is_new) = count.note(now, &mut self.pace)?;
        if template.is_empty() {
            template.push('/');
        }
        Some(Sighting { method, template, is_new, count })
    }
}

/// A method that is safe to show.
fn known(method: &[u8]) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| known.as_bytes() == method).unwrap_or(OTHER)
}
