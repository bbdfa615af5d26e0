//! Responses that policies asked for, by their streams.
//!
//! As with requests that are held, ticks forget those that ended without a word.

use portcullis_shared::{
    request::Headers,
    response::{ResponseBody, ResponseCheck},
};
use std::collections::BTreeMap;

use crate::audit;

/// A response that is waited for, or is on its way.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Its configuration.
    pub(crate) root: u32,
    /// What events say of the request, whose headers are gone by now.
    pub(crate) request: Vec<(String, Vec<u8>)>,
    /// Headers that it gets.
    pub(crate) sets: Vec<(&'static str, String)>,
    /// What policies want to do with the headers, each with its position in the chain.
    pub(crate) checks: Vec<(usize, ResponseCheck)>,
    /// What they want to do with the body.
    pub(crate) bodies: Vec<(usize, ResponseBody)>,
    /// Whether the client gets nothing before it is judged.
    pub(crate) holds: bool,
    /// The body so far, where it is not held.
    pub(crate) copy: Vec<u8>,
    /// Whether the client has got another answer: what still comes goes nowhere.
    pub(crate) is_replaced: bool,
}

impl Watched {
    /// Of a request with these headers, if anyone is to be told of them.
    pub(crate) fn new(
        root: u32,
        headers: Option<Headers<'_>>,
        checks: Vec<(usize, ResponseCheck)>,
        sets: Vec<(&'static str, String)>,
    ) -> Self {
        let kept = headers.into_iter().flatten().filter(|(name, _)| audit::is_told(name));
        let own = |(name, value): (&[u8], &[u8])| (String::from_utf8_lossy(name).into_owned(), value.to_vec());
        let request = kept.map(own).collect();
        Self { root, request, sets, checks, bodies: Vec::new(), holds: false, copy: Vec::new(), is_replaced: false }
    }
}

/// The responses that a VM watches.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    by_context: BTreeMap<u32, Watched>,
    /// The bytes in all copies.
    copied: usize,
}

impl Responses {
    /// The most bytes of bodies that are kept, all responses together. What finds no room is not judged.
    const MOST_COPIED: usize = 64 << 20;

    pub(crate) fn is_empty(&self) -> bool {
        self.by_context.is_empty()
    }

    pub(crate) fn watch(&mut self, context: u32, watched: Watched) {
        self.copied = self.copied.saturating_add(watched.copy.len());
        if let Some(before) = self.by_context.insert(context, watched) {
            self.copied = self.copied.saturating_sub(before.copy.len());
        }
    }

    pub(crate) fn take(&mut self, context: u32) -> Option<Watched> {
        let watched = self.by_context.remove(&context)?;
        self.copied = self.copied.saturating_sub(watched.copy.len());
        Some(watched)
    }

    /// Whether so many bytes more can be kept.
    pub(crate) const fn has_room(&self, bytes: usize) -> bool {
        self.copied.saturating_add(bytes) <= Self::MOST_COPIED
    }

    /// Forgets those that are gone.
    pub(crate) fn retain(&mut self, mut is_there: impl FnMut(u32) -> bool) {
        let Self { by_context, copied } = self;
        by_context.retain(|context, watched| {
            let stays = is_there(*context);
            if !stays {
                *copied = copied.saturating_sub(watched.copy.len());
            }
            stays
        });
    }
}
