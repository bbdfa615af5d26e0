//! Small deterministic automata: one look-up for each character. Most patterns of real documents have one.

use super::{
    program::{Program, State},
    set::{CharSet, LAST},
    syntax::Look,
};

/// The most states, ranges of code points and classes of these, and the work for building one, in states of the program
/// that are looked at. What would need more is run as a [`Program`].
const MAX_STATES: usize = 255;
const MAX_RANGES: usize = 200;
const MAX_CLASSES: usize = 64;
const MAX_WORK: usize = 1_000_000;

/// Nothing can match any more; something has matched. Others follow.
const DEAD: u8 = 0;
const MATCHED: u8 = 1;

#[derive(Debug)]
pub(super) struct Dfa {
    start: u8,
    /// The class of each code point: of ASCII, and of those from here to the next entry.
    ascii: Vec<u8>,
    others: Starts,
    /// For each state and class, the next state.
    next: Vec<u8>,
    classes: usize,
    /// Of each state, whether a text that ends there matches.
    at_end: Vec<bool>,
}

impl Dfa {
    /// `None` where it would be large, or the pattern has look-arounds or asks for the bounds of words.
    pub(super) fn new(program: &Program, sets: &[CharSet]) -> Option<Self> {
        let plain = |state: &State| match state {
            State::Look { look, .. } => matches!(look, Look::Start | Look::End),
            _ => true,
        };
        if !program.states.iter().all(plain) {
            return None;
        }
        let (starts, members) = classes(program, sets)?;
        let mut builder = Builder { program, sets, work: MAX_WORK, states: Vec::new(), at_end: vec![false, true] };
        let start = builder.state(&[program.start], true)?;
        let mut next = vec![DEAD; members.len()];
        next.resize(members.len().saturating_mul(2), MATCHED);
        let mut done = 0;
        while let Some(state) = builder.states.get(done).cloned() {
            for member in &members {
                next.push(builder.after(&state, *member)?);
            }
            done = done.saturating_add(1);
        }
        let class = |char: u32| {
            let after = starts.partition_point(|(start, _)| *start <= char);
            after.checked_sub(1).and_then(|last| starts.get(last)).map_or(0, |(_, class)| *class)
        };
        let ascii = (0..128).map(class).collect();
        let others = std::iter::once((128, class(128))).chain(starts.iter().copied().filter(|(start, _)| *start > 128));
        Some(Self { start, ascii, others: others.collect(), next, classes: members.len(), at_end: builder.at_end })
    }

    /// `None` where `steps` are not enough.
    pub(super) fn search(&self, text: &str, steps: &mut u64) -> Option<bool> {
        let mut state = self.start;
        let mut chars = text.chars();
        let mut left = *steps;
        let found = loop {
            if state <= MATCHED {
                break Some(state == MATCHED);
            }
            let Some(char) = chars.next() else { break Some(self.at_end.get(usize::from(state)).copied()?) };
            let Some(less) = left.checked_sub(1) else { break None };
            left = less;
            let row = usize::from(state).saturating_mul(self.classes);
            state = *self.next.get(row.saturating_add(usize::from(self.class(u32::from(char)))))?;
        };
        *steps = left;
        found
    }

    fn class(&self, char: u32) -> u8 {
        if let Some(class) = self.ascii.get(char as usize) {
            return *class;
        }
        let after = self.others.partition_point(|(start, _)| *start <= char);
        after.checked_sub(1).and_then(|last| self.others.get(last)).map_or(0, |(_, class)| *class)
    }
}

/// Where each range of alike code points starts, and its class.
type Starts = Vec<(u32, u8)>;

/// The ranges, and one code point of each class.
fn classes(program: &Program, sets: &[CharSet]) -> Option<(Starts, Vec<u32>)> {
    let mut starts: Vec<u64> = vec![0];
    let mut symbols = Vec::new();
    for state in &program.states {
        let known = match state {
            State::Char { char, .. } => symbols.contains(&(*char, true)),
            State::Set { set, .. } => symbols.contains(&(*set, false)),
            _ => true,
        };
        if known {
            continue;
        }
        let mut add = |from: u32, to: u32| starts.extend([u64::from(from), u64::from(to).saturating_add(1)]);
        match state {
            State::Char { char, .. } => {
                symbols.push((*char, true));
                add(*char, *char);
            }
            State::Set { set, .. } => {
                symbols.push((*set, false));
                let ranges = sets.get(*set as usize)?.ranges();
                if ranges.len() > MAX_RANGES {
                    return None;
                }
                for &(from, to) in ranges {
                    add(from, to);
                }
            }
            _ => {}
        }
        if starts.len() > MAX_RANGES.saturating_mul(2) {
            return None;
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let mut kinds: Vec<Vec<bool>> = Vec::new();
    let mut members = Vec::new();
    let mut classes = Vec::with_capacity(starts.len());
    for start in starts.into_iter().filter_map(|start| u32::try_from(start).ok()).filter(|start| *start <= LAST) {
        let reads = |&(symbol, is_char): &(u32, bool)| {
            if is_char { symbol == start } else { sets.get(symbol as usize).is_some_and(|set| set.contains(start)) }
        };
        let kind: Vec<bool> = symbols.iter().map(reads).collect();
        let class = kinds.iter().position(|other| *other == kind).unwrap_or_else(|| {
            kinds.push(kind);
            members.push(start);
            kinds.len().saturating_sub(1)
        });
        classes.push((start, u8::try_from(class).ok().filter(|class| usize::from(*class) < MAX_CLASSES)?));
    }
    Some((classes, members))
}

struct Builder<'a> {
    program: &'a Program,
    sets: &'a [CharSet],
    work: usize,
    /// From the third on: the states of the program that read or ask for the end, in order.
    states: Vec<Vec<u32>>,
    at_end: Vec<bool>,
}

impl Builder<'_> {
    /// The state after `char` was read in one.
    fn after(&mut self, state: &[u32], char: u32) -> Option<u8> {
        let mut reached = Vec::new();
        for &id in state {
            match self.program.states.get(id as usize)? {
                State::Char { char: wanted, next } if *wanted == char => reached.push(*next),
                State::Set { set, next } if self.sets.get(*set as usize)?.contains(char) => reached.push(*next),
                _ => {}
            }
        }
        if !self.program.anchored {
            reached.push(self.program.start);
        }
        self.work = self.work.checked_sub(state.len())?;
        self.state(&reached, false)
    }

    /// The state in which all of these are reached.
    fn state(&mut self, reached: &[u32], at_start: bool) -> Option<u8> {
        if reached.is_empty() {
            return Some(DEAD);
        }
        let (state, matched) = self.follow(reached, at_start, false)?;
        if matched || state.is_empty() {
            return Some(if matched { MATCHED } else { DEAD });
        }
        // The start's is never found again: what holds there does not hold later.
        let later = self.states.get(1..).unwrap_or_default();
        let found = later.iter().position(|other| *other == state).map(|index| index.saturating_add(3));
        let id = if let Some(found) = found {
            found
        } else {
            let (_, at_end) = self.follow(&state, at_start, true)?;
            self.states.push(state);
            self.at_end.push(at_end);
            self.at_end.len().saturating_sub(1)
        };
        u8::try_from(id).ok().filter(|id| usize::from(*id) < MAX_STATES)
    }

    /// The states that read, or ask for the end, without reading; and whether the pattern has matched.
    fn follow(&mut self, reached: &[u32], at_start: bool, at_end: bool) -> Option<(Vec<u32>, bool)> {
        self.work = self.work.checked_sub(self.program.states.len())?;
        let mut seen = vec![false; self.program.states.len()];
        let mut stack = reached.to_vec();
        let mut matched = false;
        while let Some(id) = stack.pop() {
            if std::mem::replace(seen.get_mut(id as usize)?, true) {
                continue;
            }
            match self.program.states.get(id as usize)? {
                State::Split(one, other) => stack.extend([*one, *other]),
                State::Look { look: Look::Start, next } if at_start => stack.push(*next),
                State::Look { look: Look::End, next } if at_end => stack.push(*next),
                State::Match => matched = true,
                _ => {}
            }
        }
        let waits = |state: &State| {
            matches!(state, State::Char { .. } | State::Set { .. } | State::Look { look: Look::End, .. })
        };
        let states = (0..).zip(&self.program.states).zip(seen);
        let found = states.filter(|((_, state), seen)| *seen && waits(state)).map(|((id, _), _)| id).collect();
        Some((found, matched))
    }
}
