//! Routes as a tree of segments.

use std::borrow::Cow;

use super::{
    Routes,
    label::{NAME, is_text},
};

/// How many texts a place may have before they are names.
const MAX_TEXTS: usize = 16;

/// So many requests speak for a text: it stays when the others of its place become names.
const OFTEN: u64 = 32;

/// Seconds from a route's first report to its second one.
const SHORTEST: u64 = 60;

/// The most seconds between two reports of a route.
const LONGEST: u64 = 3600;

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    children: Vec<(Box<str>, Node)>,
    /// Whether texts that are not known are names.
    has_names: bool,
    /// Requests that came here or through here.
    seen: u64,
    /// By method.
    routes: Vec<(&'static str, Count)>,
}

impl Node {
    /// The route's count, which is made if there is room for it. Writes its template.
    pub(super) fn reach(
        &mut self,
        labels: &[Cow<'_, str>],
        method: &'static str,
        room: &mut usize,
        template: &mut String,
    ) -> Option<&mut Count> {
        self.seen = self.seen.saturating_add(1);
        let Some((label, rest)) = labels.split_first() else { return self.route(method, room) };
        let mut found = self.position(label);
        let mut label = label.as_ref();
        if found.is_none() && is_text(label) {
            let texts = self.children.iter().filter(|(known, _)| is_text(known)).count();
            if !self.has_names && texts >= MAX_TEXTS {
                let before = self.size();
                self.merge_names();
                *room = room.saturating_add(before.saturating_sub(self.size()));
            }
            if self.has_names {
                label = NAME;
                found = self.position(NAME);
            }
        }
        let at = if let Some(at) = found {
            at
        } else {
            // For this node, those below it, and the method.
            if *room <= labels.len() {
                return None;
            }
            *room = room.saturating_sub(1);
            self.children.push((label.into(), Self::default()));
            self.children.len().saturating_sub(1)
        };
        template.push('/');
        template.push_str(label);
        self.children.get_mut(at)?.1.reach(rest, method, room, template)
    }

    fn route(&mut self, method: &'static str, room: &mut usize) -> Option<&mut Count> {
        let found = self.routes.iter().position(|(known, _)| *known == method);
        let at = if let Some(at) = found {
            at
        } else {
            *room = room.checked_sub(1)?;
            self.routes.push((method, Count::default()));
            self.routes.len().saturating_sub(1)
        };
        self.routes.get_mut(at).map(|(_, count)| count)
    }

    fn position(&self, label: &str) -> Option<usize> {
        self.children.iter().position(|(known, _)| **known == *label)
    }

    /// Makes one name of the texts that were not seen often.
    fn merge_names(&mut self) {
        self.has_names = true;
        let is_name = |(label, node): &mut (Box<str>, Self)| is_text(label) && node.seen < OFTEN;
        let names: Vec<_> = self.children.extract_if(.., is_name).collect();
        for (_, node) in names {
            self.merge_child(NAME.into(), node);
        }
    }

    fn merge_child(&mut self, label: Box<str>, node: Self) {
        match self.children.iter_mut().find(|(known, _)| *known == label) {
            Some((_, known)) => known.merge(node),
            None => self.children.push((label, node)),
        }
    }

    fn merge(&mut self, other: Self) {
        self.seen = self.seen.saturating_add(other.seen);
        self.has_names |= other.has_names;
        for (label, node) in other.children {
            self.merge_child(label, node);
        }
        for (method, count) in other.routes {
            match self.routes.iter_mut().find(|(known, _)| *known == method) {
                Some((_, known)) => known.merge(&count),
                None => self.routes.push((method, Count { pending: count.pending, ..Count::default() })),
            }
        }
        if self.children.iter().filter(|(label, _)| is_text(label)).count() > MAX_TEXTS {
            self.merge_names();
        }
    }

    /// The places that it takes, itself and all below it.
    pub(super) fn size(&self) -> usize {
        let below = self.children.iter().map(|(_, node)| node.size()).fold(0, usize::saturating_add);
        below.saturating_add(self.routes.len()).saturating_add(1)
    }
}

/// A route's requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    /// Since it was last reported.
    pending: u64,
    /// When to report it, and the seconds from the last report to then; 0 before the first one.
    due: u64,
    interval: u64,
}

impl Count {
    /// Counts a request. The count and whether it is the first, if it is to be reported.
    pub(super) fn note(&mut self, now: u64, pace: &mut Pace) -> Option<(u64, bool)> {
        self.pending = self.pending.saturating_add(1);
        // A clock that was set back must not silence a route.
        let is_due = now >= self.due || self.due.saturating_sub(now) > self.interval;
        if !(is_due && pace.take(now)) {
            return None;
        }
        let is_new = self.interval == 0;
        self.interval = self.interval.saturating_mul(2).clamp(SHORTEST, LONGEST);
        self.due = now.saturating_add(self.interval);
        Some((std::mem::take(&mut self.pending), is_new))
    }

    /// Both are one route that was never reported.
    fn merge(&mut self, other: &Self) {
        *self = Self { pending: self.pending.saturating_add(other.pending), ..Self::default() };
    }
}

/// How many reports there were in this minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    minute: u64,
    reports: u32,
}

impl Pace {
    fn take(&mut self, now: u64) -> bool {
        let minute = now / 60;
        if minute != self.minute {
            *self = Self { minute, reports: 0 };
        }
        let is_free = self.reports < Routes::MAX_REPORTS;
        self.reports = self.reports.saturating_add(is_free.into());
        is_free
    }
}
