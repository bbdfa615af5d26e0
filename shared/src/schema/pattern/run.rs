//! Programs over texts: all states that can be reached at a place are followed at once.

use super::{
    Pattern,
    program::{Program, State},
    syntax::{Look, is_word},
};

/// A bit for each place in a text: where a look-around holds.
struct Places(Vec<u64>);

impl Places {
    fn new(text: &str) -> Self {
        Self(vec![0; (text.len() >> 6).saturating_add(1)])
    }

    fn set(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at >> 6) {
            *word |= 1 << (at & 63);
        }
    }

    fn has(&self, at: usize) -> bool {
        self.0.get(at >> 6).is_some_and(|word| word >> (at & 63) & 1 == 1)
    }
}

impl Pattern {
    /// `None` where `steps` are not enough.
    pub(super) fn search(&self, text: &str, steps: &mut u64) -> Option<bool> {
        if let Some(dfa) = &self.dfa {
            return dfa.search(text, steps);
        }
        let ends = || text.char_indices().map(|(at, char)| (at.saturating_add(char.len_utf8()), char));
        let mut found = Vec::with_capacity(self.arounds.len());
        for around in &self.arounds {
            let mut places = Places::new(text);
            let mut run = Run::new(self, &found, &around.program, text);
            if around.behind {
                run.all(0, ends(), Some(&mut places), steps)?;
            } else {
                run.all(text.len(), text.char_indices().rev(), Some(&mut places), steps)?;
            }
            found.push(places);
        }
        Run::new(self, &found, &self.program, text).all(0, ends(), None, steps)
    }
}

struct Run<'a> {
    pattern: &'a Pattern,
    found: &'a [Places],
    program: &'a Program,
    text: &'a str,
    /// States of this place that are to be followed, and those that read.
    stack: Vec<u32>,
    reading: Vec<u32>,
    /// Of each state, the number of the last place where it was reached.
    reached: Vec<u32>,
    place: u32,
    matched: bool,
    used: u64,
}

impl<'a> Run<'a> {
    fn new(pattern: &'a Pattern, found: &'a [Places], program: &'a Program, text: &'a str) -> Self {
        let reached = vec![0; program.states.len()];
        let (stack, reading) = (Vec::new(), Vec::new());
        Self { pattern, found, program, text, stack, reading, reached, place: 1, matched: false, used: 0 }
    }

    /// Reads all characters, each with the place after it, and notes where there are matches; without `places`, says at
    /// the first that there is one. `None` where `steps` are not enough.
    fn all(
        &mut self,
        first: usize,
        mut chars: impl Iterator<Item = (usize, char)>,
        mut places: Option<&mut Places>,
        steps: &mut u64,
    ) -> Option<bool> {
        let mut at = first;
        let mut before = Vec::new();
        loop {
            if at == first || !self.program.anchored {
                self.follow(self.program.start, at);
            }
            *steps = steps.checked_sub(self.used)?;
            self.used = 0;
            if self.matched {
                match &mut places {
                    Some(places) => places.set(at),
                    None => return Some(true),
                }
            }
            if self.program.anchored && self.reading.is_empty() {
                return Some(false);
            }
            let Some((after, char)) = chars.next() else { return Some(false) };
            at = after;
            self.matched = false;
            self.place = self.place.wrapping_add(1);
            std::mem::swap(&mut before, &mut self.reading);
            self.reading.clear();
            for &state in &before {
                self.read(state, u32::from(char), at);
            }
        }
    }

    /// Goes on from a state that reads, if it reads this.
    fn read(&mut self, state: u32, char: u32, at: usize) {
        self.used = self.used.saturating_add(1);
        match self.program.states.get(state as usize) {
            Some(State::Char { char: wanted, next }) if *wanted == char => self.follow(*next, at),
            Some(State::Set { set, next })
                if self.pattern.sets.get(*set as usize).is_some_and(|set| set.contains(char)) =>
            {
                self.follow(*next, at);
            }
            _ => {}
        }
    }

    /// Follows a state until all is read that can be read from there.
    fn follow(&mut self, state: u32, at: usize) {
        self.stack.push(state);
        while let Some(state) = self.stack.pop() {
            match self.reached.get_mut(state as usize) {
                Some(reached) if *reached != self.place => *reached = self.place,
                _ => continue,
            }
            self.used = self.used.saturating_add(1);
            match self.program.states.get(state as usize) {
                Some(State::Char { .. } | State::Set { .. }) => self.reading.push(state),
                Some(State::Split(one, other)) => self.stack.extend([*other, *one]),
                Some(State::Look { look, next }) if self.holds(*look, at) => self.stack.push(*next),
                Some(State::Match) => self.matched = true,
                _ => {}
            }
        }
    }

    fn holds(&self, look: Look, at: usize) -> bool {
        let word = |at: Option<usize>| at.and_then(|at| self.text.as_bytes().get(at)).is_some_and(is_word);
        match look {
            Look::Start => at == 0,
            Look::End => at == self.text.len(),
            Look::Word => word(at.checked_sub(1)) != word(Some(at)),
            Look::NotWord => word(at.checked_sub(1)) == word(Some(at)),
            Look::Around { index, negated } => {
                self.found.get(index as usize).is_some_and(|places| places.has(at) != negated)
            }
        }
    }
}
