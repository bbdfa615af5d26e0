//! Regexes as one deterministic automaton, built in full from an [`Nfa`] by the subset construction.
//!
//! A state of it is what is known between two bytes: where in the regexes a match may have got to, what kind of byte came
//! before, and which rules' matches were completed. What reads nothing (splits, assertions, the ends of regexes) is followed
//! only when the next byte or the end of the text is known, because `$`, `\b` and `\B` need to know it. So a match is
//! reported by the state after the symbol that follows it, and the end of the text is a symbol, too.

use super::{
    Hits,
    bytes::{ByteSet, Classes},
    dense::Dense,
    nfa::{Nfa, State},
    syntax::{Look, is_word},
};

/// What came before a state.
const NOTHING: u32 = 0;
const OTHER: u32 = 1;
const WORD: u32 = 2;

/// What comes after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Other,
    Word,
    End,
}

#[derive(Debug)]
pub(super) struct Dfa {
    dense: Dense,
    /// The column for the end of the text.
    end: usize,
    /// Of each reporting state, the rules that matched.
    rules: Vec<Box<[u32]>>,
}

impl Dfa {
    /// `None` where the table or the work of building it would pass the limit.
    pub(super) fn new(nfa: &Nfa, max_bytes: usize) -> Option<Self> {
        Builder::new(nfa, max_bytes).build()
    }

    pub(super) fn add_hits(&self, text: &[u8], hits: &mut Hits) {
        let mut add = |number: usize| {
            for &rule in self.rules.get(number).into_iter().flatten() {
                hits.insert(rule as usize);
            }
        };
        let last = self.dense.run(text, |number, _| add(number));
        if let Some(number) = self.dense.reporting(self.dense.next(last, self.end)) {
            add(number);
        }
    }
}

struct Builder<'a> {
    nfa: &'a Nfa,
    columns: Vec<Column>,
    classes: Classes,
    /// Of each of the NFA's sets, the columns of the bytes in it.
    set_columns: Vec<Vec<usize>>,
    states: States,
    /// The number of the NFA state's last visit.
    visited: Vec<u32>,
    visit: u32,
    max_bytes: usize,
    /// How many more steps building may take.
    work: usize,
}

struct Column {
    ahead: Ahead,
    /// What the state after it has behind it.
    behind: u32,
    /// Where in the NFA reading this symbol leads, sorted. Empty between uses.
    reached: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn new(nfa: &'a Nfa, max_bytes: usize) -> Self {
        let mut classes = Classes::default();
        nfa.sets.iter().for_each(|set| classes.split(set));
        if nfa.words {
            classes.split(&ByteSet::of(is_word));
        }
        let samples = classes.samples();
        // Whatever no assertion asks about is not told apart: that would only make more states.
        let column = |ahead, behind| Column { ahead, behind, reached: Vec::new() };
        let mut columns = Vec::new();
        for byte in &samples {
            columns.push(match (nfa.looks, nfa.words && is_word(byte)) {
                (false, _) => column(Ahead::Other, NOTHING),
                (true, false) => column(Ahead::Other, OTHER),
                (true, true) => column(Ahead::Word, WORD),
            });
        }
        columns.push(if nfa.looks { column(Ahead::End, OTHER) } else { column(Ahead::Other, NOTHING) });
        let columns_of = |set: &ByteSet| {
            let columns = samples.iter().enumerate().filter(|(_, sample)| set.contains(**sample));
            columns.map(|(column, _)| column).collect()
        };
        Self {
            nfa,
            columns,
            set_columns: nfa.sets.iter().map(columns_of).collect(),
            classes,
            states: States::default(),
            visited: vec![0; nfa.states.len()],
            visit: 0,
            max_bytes,
            work: max_bytes.saturating_mul(2),
        }
    }

    fn spend(&mut self, steps: usize) -> Option<()> {
        self.work = self.work.checked_sub(steps)?;
        Some(())
    }

    fn build(mut self) -> Option<Dfa> {
        let width = self.columns.len();
        let mut table: Vec<u32> = Vec::new();
        let mut key = vec![NOTHING, 0];
        let mut last = (self.states.number(&key), key.clone());
        let mut current = 0;
        while let Some(state) = self.states.get(current) {
            let (behind, kernel) = (state.behind, state.kernel.to_vec());
            let row = table.len();
            table.resize(row.checked_add(width)?, 0);
            self.spend(width)?;
            let states = self.states.words.len() / 2;
            if table.len().max(states).checked_mul(4)? > self.max_bytes {
                return None;
            }
            for ahead in [Ahead::Other, Ahead::Word, Ahead::End] {
                if !self.columns.iter().any(|column| column.ahead == ahead) {
                    continue;
                }
                let (readers, matched) = self.follow(behind, &kernel, ahead)?;
                self.read(&readers, &matched, ahead)?;
                for column in 0..width {
                    let Some(entry) = self.columns.get_mut(column).filter(|column| column.ahead == ahead) else {
                        continue;
                    };
                    key.clear();
                    key.extend([entry.behind, u32::try_from(matched.len()).ok()?]);
                    key.extend(matched.iter().chain(&entry.reached));
                    entry.reached.clear();
                    // Neighbours often lead to the same state.
                    if key != last.1 {
                        self.spend(key.len())?;
                        last.0 = self.states.number(&key);
                        last.1.clone_from(&key);
                    }
                    *table.get_mut(row.checked_add(column)?)? = last.0;
                }
            }
            current = current.checked_add(1)?;
        }
        self.finish(&table)
    }

    /// From where a state is, and from the start of every regex, to all that can be reached without reading: the states
    /// that read a byte, and the rules that match.
    fn follow(&mut self, behind: u32, kernel: &[u32], ahead: Ahead) -> Option<(Vec<u32>, Vec<u32>)> {
        let (mut readers, mut matched) = (Vec::new(), Vec::new());
        self.visit = self.visit.checked_add(1)?;
        // Taken from the end: the kernel in its order, so that what is read next comes out nearly sorted.
        let mut todo: Vec<u32> = self.nfa.starts.iter().chain(kernel.iter().rev()).copied().collect();
        while let Some(id) = todo.pop() {
            self.spend(1)?;
            let (state, visited) = (self.nfa.states.get(id as usize)?, self.visited.get_mut(id as usize)?);
            if *visited == self.visit {
                continue;
            }
            *visited = self.visit;
            match *state {
                State::Bytes { .. } => readers.push(id),
                State::Split(one, other) => todo.extend([one, other]),
                State::Look(look, next) => {
                    let edge = (behind == WORD) != (ahead == Ahead::Word);
                    let holds = match look {
                        Look::Start => behind == NOTHING,
                        Look::End => ahead == Ahead::End,
                        Look::Word => edge,
                        Look::NotWord => !edge,
                    };
                    if holds {
                        todo.push(next);
                    }
                }
                State::Match => {
                    let rule = *self.nfa.rules.get(id as usize)?;
                    let steps = insert(&mut matched, rule);
                    self.spend(steps)?;
                }
            }
        }
        Some((readers, matched))
    }

    /// Fills each column's `reached`. A rule that has matched need not go on: it is a hit already.
    fn read(&mut self, readers: &[u32], matched: &[u32], ahead: Ahead) -> Option<()> {
        for &id in readers {
            self.spend(matched.len())?;
            let Some(&State::Bytes { set, next }) = self.nfa.states.get(id as usize) else { continue };
            if matched.contains(self.nfa.rules.get(id as usize)?) {
                continue;
            }
            let mut steps = 0_usize;
            for &column in self.set_columns.get(set as usize)? {
                let column = self.columns.get_mut(column)?;
                if column.ahead == ahead {
                    steps = steps.saturating_add(insert(&mut column.reached, next));
                }
            }
            self.spend(steps)?;
        }
        Some(())
    }

    /// Renumbers the states, so that those which report something come last.
    fn finish(self, table: &[u32]) -> Option<Dfa> {
        let width = self.columns.len();
        let (mut old_ids, mut reporting) = (Vec::new(), Vec::new());
        let mut rules = Vec::new();
        for id in 0..u32::try_from(self.states.len()).ok()? {
            let matched = self.states.get(id as usize)?.matched;
            if matched.is_empty() {
                old_ids.push(id);
            } else {
                reporting.push(id);
                rules.push(matched.into());
            }
        }
        let silent = old_ids.len();
        old_ids.extend(reporting);
        let mut offsets = vec![0; old_ids.len()];
        for (new, &old) in old_ids.iter().enumerate() {
            *offsets.get_mut(old as usize)? = u32::try_from(new.checked_mul(width)?).ok()?;
        }
        let mut sorted = Vec::with_capacity(table.len());
        for &old in &old_ids {
            for target in table.chunks_exact(width).nth(old as usize)? {
                sorted.push(*offsets.get(*target as usize)?);
            }
        }
        let first_match = u32::try_from(silent.checked_mul(width)?).ok()?;
        let dense = Dense::new(&self.classes, u32::try_from(width).ok()?, sorted, first_match);
        Some(Dfa { dense, end: self.classes.count, rules })
    }
}

/// Inserts into a sorted list what is not yet in it; says how many steps that took.
fn insert(list: &mut Vec<u32>, item: u32) -> usize {
    let mut index = list.len();
    while let Some(before) = index.checked_sub(1)
        && let Some(&other) = list.get(before)
        && other >= item
    {
        if other == item {
            return list.len().saturating_sub(before);
        }
        index = before;
    }
    let steps = list.len().saturating_sub(index).saturating_add(1);
    list.insert(index, item);
    steps
}

/// The states found so far, numbered, each with its key: what is behind it, how many rules matched, these rules, and where
/// in the NFA it is. All keys are in one list, and found by hash.
#[derive(Default)]
struct States {
    words: Vec<u32>,
    /// Where each key ends in `words`.
    ends: Vec<usize>,
    /// Open addressing; never more than half full.
    slots: Vec<Option<u32>>,
}

struct Key<'a> {
    behind: u32,
    matched: &'a [u32],
    kernel: &'a [u32],
}

impl States {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn words(&self, id: usize) -> Option<&[u32]> {
        let start = id.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.words.get(start..*self.ends.get(id)?)
    }

    fn get(&self, id: usize) -> Option<Key<'_>> {
        let (&[behind, matched], rest) = self.words(id)?.split_first_chunk()?;
        let (matched, kernel) = rest.split_at_checked(matched as usize)?;
        Some(Key { behind, matched, kernel })
    }

    /// The number of the state with this key, which is added where it is new.
    fn number(&mut self, key: &[u32]) -> u32 {
        if self.len() >= self.slots.len() / 2 {
            self.grow();
        }
        let mut slot = hash(key);
        loop {
            slot &= self.slots.len().wrapping_sub(1);
            let Some(&Some(id)) = self.slots.get(slot) else { break };
            if self.words(id as usize) == Some(key) {
                return id;
            }
            slot = slot.wrapping_add(1);
        }
        // The limits keep the count far below 2³².
        let id = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.words.extend(key);
        self.ends.push(self.words.len());
        if let Some(free) = self.slots.get_mut(slot) {
            *free = Some(id);
        }
        id
    }

    fn grow(&mut self) {
        let size = self.slots.len().saturating_mul(2).max(64);
        let old = std::mem::replace(&mut self.slots, vec![None; size]);
        for id in old.into_iter().flatten() {
            let Some(key) = self.words(id as usize) else { continue };
            let mut slot = hash(key) & size.wrapping_sub(1);
            while self.slots.get(slot).is_some_and(Option::is_some) {
                slot = slot.wrapping_add(1) & size.wrapping_sub(1);
            }
            if let Some(free) = self.slots.get_mut(slot) {
                *free = Some(id);
            }
        }
    }
}

/// One multiplication for each word (`FxHash`), and the upper bits, which are the better ones.
fn hash(key: &[u32]) -> usize {
    let mix = |hash: u64, &word: &u32| (hash.rotate_left(5) ^ u64::from(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
    (key.iter().fold(0, mix) >> 32) as usize
}
