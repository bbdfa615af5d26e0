//! Regexes as one nondeterministic automaton (Thompson's construction), the form from which [`super::dfa`] starts.

use super::{
    bytes::ByteSet,
    syntax::{Look, Node},
};

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Reads one byte of the set with this number.
    Bytes { set: u32, next: u32 },
    /// Reads nothing and goes both ways.
    Split(u32, u32),
    /// Reads nothing and goes on where the assertion holds.
    Look(Look, u32),
    /// The regex has matched.
    Match,
}

#[derive(Debug, Default)]
pub(super) struct Nfa {
    pub(super) states: Vec<State>,
    /// Of each state, the rule whose regex it is part of.
    pub(super) rules: Vec<u32>,
    /// Where each regex starts.
    pub(super) starts: Vec<u32>,
    /// The sets of bytes that occur, each once.
    pub(super) sets: Vec<ByteSet>,
    /// Whether there are assertions at all, and whether any is about words.
    pub(super) looks: bool,
    pub(super) words: bool,
    rule: u32,
    limit: usize,
}

impl Nfa {
    /// `None` where the regexes need more than `limit` states.
    pub(super) fn new<'a>(regexes: impl Iterator<Item = (u32, &'a Node)>, limit: usize) -> Option<Self> {
        let mut nfa = Self { limit, ..Self::default() };
        for (rule, regex) in regexes {
            nfa.rule = rule;
            let end = nfa.push(State::Match)?;
            let start = nfa.add(regex, end)?;
            nfa.starts.push(start);
        }
        Some(nfa)
    }

    fn push(&mut self, state: State) -> Option<u32> {
        if self.states.len() >= self.limit {
            return None;
        }
        let id = u32::try_from(self.states.len()).ok()?;
        self.states.push(state);
        self.rules.push(self.rule);
        Some(id)
    }

    /// Adds what matches `node` and then goes on at `next`; says where that starts. Everything but an empty node adds a
    /// state, so that the limit bounds the time, too.
    fn add(&mut self, node: &Node, next: u32) -> Option<u32> {
        match node {
            Node::Empty => Some(next),
            Node::Bytes(bytes) => {
                let set = self.set(bytes)?;
                self.push(State::Bytes { set, next })
            }
            Node::Look(look) => {
                self.looks = true;
                self.words |= matches!(look, Look::Word | Look::NotWord);
                self.push(State::Look(*look, next))
            }
            Node::Concat(parts) => parts.iter().rev().try_fold(next, |next, part| self.add(part, next)),
            Node::Either(branches) => {
                let (last, others) = branches.split_last()?;
                let mut entry = self.add(last, next)?;
                for branch in others {
                    let other = self.add(branch, next)?;
                    entry = self.push(State::Split(other, entry))?;
                }
                Some(entry)
            }
            Node::Repeat(body, min, max) => self.repeat(body, *min, *max, next),
        }
    }

    fn repeat(&mut self, body: &Node, min: u32, max: Option<u32>, next: u32) -> Option<u32> {
        let mut entry = next;
        let mut copies = min;
        if let Some(max) = max {
            for _ in min..max {
                let body = self.add(body, entry)?;
                entry = self.push(State::Split(body, next))?;
            }
        } else {
            let fork = self.push(State::Split(next, next))?;
            let body = self.add(body, fork)?;
            if let Some(state) = self.states.get_mut(fork as usize) {
                *state = State::Split(body, next);
            }
            // The loop's body is the last of the copies that there must be.
            entry = if min == 0 { fork } else { body };
            copies = min.saturating_sub(1);
        }
        (0..copies).try_fold(entry, |next, _| self.add(body, next))
    }

    fn set(&mut self, bytes: &ByteSet) -> Option<u32> {
        let found = self.sets.iter().position(|set| set == bytes);
        let index = found.unwrap_or_else(|| {
            self.sets.push(*bytes);
            self.sets.len().saturating_sub(1)
        });
        u32::try_from(index).ok()
    }
}
