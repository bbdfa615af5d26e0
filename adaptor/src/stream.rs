//! Requests that are held: for a document to come, for the answer of a service, or for their bodies.
//!
//! Few requests are, so only these are kept in a table; a request that is decided by its headers leaves nothing behind.
//! Envoy does not say when a held request is gone (that would take an entry into the VM for every request), so the ticks
//! ask.

use portcullis_shared::{
    decision::OutcomeId,
    policy::{BodyCheck, Then, Trail},
    response::ResponseCheck,
};
use std::{collections::BTreeMap, fmt};

/// A request that is held.
#[derive(Debug)]
pub(crate) struct Held {
    /// The stream's context.
    pub(crate) context: u32,
    /// Its configuration.
    pub(crate) root: u32,
    /// The first policy that has not judged the headers yet.
    pub(crate) link: usize,
    /// When it waits for a document or an answer: until when, in nanoseconds since 1970.
    pub(crate) until: Option<u64>,
    /// What policies want to do with the body, each with its position in the chain.
    pub(crate) checks: Vec<(usize, BodyCheck)>,
    /// What the policy that asked a service wants to do with the answer.
    pub(crate) then: Option<Awaited>,
    /// What they want to do with the response.
    pub(crate) responses: Vec<(usize, ResponseCheck)>,
    /// Headers that the response gets.
    pub(crate) response_headers: Vec<(&'static str, String)>,
    /// Since when it is held, in nanoseconds since 1970.
    pub(crate) since: u64,
    /// Bytes of the body that are here.
    pub(crate) size: usize,
    /// Whether all of the request is here.
    pub(crate) ended: bool,
}

impl Held {
    /// A request of which no policy has seen anything.
    pub(crate) const fn new(context: u32, root: u32, ended: bool) -> Self {
        Self {
            context,
            root,
            link: 0,
            until: None,
            checks: Vec::new(),
            then: None,
            responses: Vec::new(),
            response_headers: Vec::new(),
            since: 0,
            size: 0,
            ended,
        }
    }

    /// Keeps what the policy at this position wants of the response.
    pub(crate) fn ask_for_response(&mut self, index: usize, trail: &mut Trail) {
        self.responses.extend(trail.take_response().map(|check| (index, check)));
        self.response_headers.append(&mut trail.take_response_headers());
    }

    /// Whether a policy refuses the body for its size.
    pub(crate) fn is_oversize(&self) -> bool {
        self.checks.iter().any(|(_, check)| self.size > check.limit)
    }

    /// Takes out the checks that refuse the body for its size: their positions in the chain, and what becomes of it. The
    /// others go on waiting for the rest of it.
    pub(crate) fn take_oversize(&mut self) -> Vec<(usize, OutcomeId)> {
        let size = self.size;
        let oversize = self.checks.extract_if(.., |(_, check)| size > check.limit);
        oversize.map(|(index, check)| (index, check.over_limit)).collect()
    }

    /// Whether the body can be judged: no document is waited for, and all of it is here, or too much.
    pub(crate) fn is_complete(&self) -> bool {
        self.until.is_none() && (self.ended || self.is_oversize())
    }
}

/// What is to be done with an answer.
pub(crate) struct Awaited(pub(crate) Then);

impl fmt::Debug for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Awaited")
    }
}

/// The requests that a VM holds.
///
/// Clients can leave many behind before a tick tells that they are gone. That must not make the others slow: those that
/// wait are apart, so that a request that waits for nothing looks at none, and the latest ones are looked at first.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// For a document.
    waiting: Vec<Held>,
    /// For the answer to a call, by its token.
    calls: BTreeMap<u32, Held>,
    /// For their bodies.
    bodies: Vec<Held>,
}

impl Streams {
    /// The most requests that wait for a document, and the most that wait for an answer; others are told at once that it is not there. How many wait for
    /// their bodies is bounded by the proxy's own limits of streams.
    const MOST_WAITING: usize = 4096;

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.calls.is_empty() && self.bodies.is_empty()
    }

    pub(crate) fn hold(&mut self, held: Held) {
        let list = if held.until.is_some() { &mut self.waiting } else { &mut self.bodies };
        list.push(held);
    }

    /// Holds a request until a call is answered.
    pub(crate) fn await_answer(&mut self, token: u32, held: Held) {
        self.calls.insert(token, held);
    }

    /// Takes out the request that waits for this call.
    pub(crate) fn take_answered(&mut self, token: u32) -> Option<Held> {
        self.calls.remove(&token)
    }

    /// Takes out the requests whose calls were not answered in time.
    pub(crate) fn take_unanswered(&mut self, now: u64) -> Vec<Held> {
        self.calls.extract_if(.., |_, held| held.until.is_none_or(|until| until <= now)).map(|(_, held)| held).collect()
    }

    pub(crate) fn may_call(&self) -> bool {
        self.calls.len() < Self::MOST_WAITING
    }

    pub(crate) fn get_mut(&mut self, context: u32) -> Option<&mut Held> {
        let Self { waiting, calls, bodies } = self;
        let held = waiting.iter_mut().chain(bodies).rfind(|held| held.context == context);
        held.or_else(|| calls.values_mut().rfind(|held| held.context == context))
    }

    pub(crate) fn take_if(&mut self, context: u32, is_wanted: impl Fn(&Held) -> bool) -> Option<Held> {
        let take = |list: &mut Vec<Held>| {
            let position = list.iter().rposition(|held| held.context == context && is_wanted(held))?;
            Some(list.swap_remove(position))
        };
        take(&mut self.bodies).or_else(|| take(&mut self.waiting))
    }

    /// Takes out the requests of a root that wait and are to be asked again.
    pub(crate) fn take_waiting(&mut self, mut ask: impl FnMut(&Held, u64) -> bool) -> Vec<Held> {
        self.waiting.extract_if(.., |held| held.until.is_some_and(|until| ask(held, until))).collect()
    }

    pub(crate) const fn may_wait(&self) -> bool {
        self.waiting.len() < Self::MOST_WAITING
    }

    /// How many wait for a document or an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len().saturating_add(self.calls.len())
    }

    /// Whether any request of this root waits.
    pub(crate) fn is_any_waiting(&self, root: u32) -> bool {
        self.waiting.iter().any(|held| held.root == root)
    }

    /// Takes out the requests that have been held for their bodies since before `then`.
    pub(crate) fn take_bodiless(&mut self, then: u64) -> Vec<Held> {
        self.bodies.extract_if(.., |held| held.since < then).collect()
    }

    /// Forgets those that are gone.
    pub(crate) fn retain(&mut self, mut is_there: impl FnMut(u32) -> bool) {
        self.waiting.retain(|held| is_there(held.context));
        self.bodies.retain(|held| is_there(held.context));
    }
}
