//! Patterns as nondeterministic automata (Thompson's construction).

use super::syntax::{Look, Node};

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Reads this code point.
    Char { char: u32, next: u32 },
    /// Reads one code point of the set with this number.
    Set { set: u32, next: u32 },
    /// Reads nothing and goes both ways.
    Split(u32, u32),
    /// Reads nothing and goes on where the assertion holds.
    Look { look: Look, next: u32 },
    /// The pattern has matched.
    Match,
}

#[derive(Debug)]
pub(super) struct Program {
    pub(super) states: Vec<State>,
    pub(super) start: u32,
    /// Whether it can only match at the start of a text.
    pub(super) anchored: bool,
}

impl Program {
    /// For reading forwards or backwards. `None` where it needs more than `left` states; they are taken from it.
    pub(super) fn new(node: &Node, reverse: bool, left: &mut usize) -> Option<Self> {
        let mut builder = Builder { states: Vec::new(), reverse, left };
        let end = builder.push(State::Match)?;
        let start = builder.add(node, end)?;
        let mut states = builder.states;
        states.shrink_to_fit();
        Some(Self { states, start, anchored: !reverse && is_anchored(node) })
    }
}

fn is_anchored(node: &Node) -> bool {
    match node {
        Node::Look(Look::Start) => true,
        // Others before it may be assertions.
        Node::Concat(parts) => {
            let first = parts.iter().find(|part| !matches!(part, Node::Look(look) if *look != Look::Start));
            first.is_some_and(is_anchored)
        }
        Node::Either(branches) => branches.iter().all(is_anchored),
        Node::Repeat(body, min, _) => *min > 0 && is_anchored(body),
        _ => false,
    }
}

struct Builder<'a> {
    states: Vec<State>,
    reverse: bool,
    left: &'a mut usize,
}

impl Builder<'_> {
    fn push(&mut self, state: State) -> Option<u32> {
        *self.left = self.left.checked_sub(1)?;
        let id = u32::try_from(self.states.len()).ok()?;
        self.states.push(state);
        Some(id)
    }

    /// Adds what matches `node` and then goes on at `next`; says where that starts. Everything but an empty node adds a
    /// state, so that the limit bounds the time, too.
    fn add(&mut self, node: &Node, next: u32) -> Option<u32> {
        match node {
            Node::Empty => Some(next),
            Node::Char(char) => self.push(State::Char { char: *char, next }),
            Node::Set(set) => self.push(State::Set { set: *set, next }),
            Node::Look(look) => self.push(State::Look { look: *look, next }),
            Node::Concat(parts) if self.reverse => parts.iter().try_fold(next, |next, part| self.add(part, next)),
            Node::Concat(parts) => parts.iter().rev().try_fold(next, |next, part| self.add(part, next)),
            Node::Either(branches) => {
                let (last, others) = branches.split_last()?;
                let mut entry = self.add(last, next)?;
                for branch in others.iter().rev() {
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
}
