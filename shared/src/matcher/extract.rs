//! Regexes that are nothing but literals, such as `BadBot|Scraper`, `^curl/` or `py(thon)?/2`: they need no [`super::dfa`].

use super::syntax::{Look, Node};

/// A text and whether it must stand at the start or the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Anchored {
    pub(super) text: Vec<u8>,
    pub(super) start: bool,
    pub(super) end: bool,
}

/// The literals of which one is found wherever the regex is; `None` where it is more than that, or they would be too many.
/// With `fold` they are lower case and any case of them is meant; `None` where the regex tells cases apart.
pub(super) fn literals(regex: &Node, fold: bool, max_bytes: usize) -> Option<Vec<Anchored>> {
    let mut extract = Extract { fold, max_bytes, steps: max_bytes.saturating_mul(4) };
    let literals = extract.append(regex, vec![Anchored::default()])?;
    literals.iter().all(|literal| !literal.text.is_empty()).then_some(literals)
}

struct Extract {
    fold: bool,
    /// Of all literals together, each counted as one byte more than it has.
    max_bytes: usize,
    /// How many more nodes may be visited, those in repetitions each time.
    steps: usize,
}

impl Extract {
    /// Each of the literals followed by each of those of the node.
    fn append(&mut self, node: &Node, mut literals: Vec<Anchored>) -> Option<Vec<Anchored>> {
        self.steps = self.steps.checked_sub(1)?;
        match node {
            Node::Empty => {}
            Node::Look(Look::Start) => {
                for literal in &mut literals {
                    // After something else the start is nowhere, and so is something else after the end. That is left to
                    // the automaton, which knows.
                    if !literal.text.is_empty() {
                        return None;
                    }
                    literal.start = true;
                }
            }
            Node::Look(Look::End) => literals.iter_mut().for_each(|literal| literal.end = true),
            Node::Look(Look::Word | Look::NotWord) => return None,
            Node::Bytes(set) => {
                if self.fold && set.folded() != *set {
                    return None;
                }
                let mut longer = Vec::new();
                for byte in set.iter().filter(|byte| !(self.fold && byte.is_ascii_uppercase())) {
                    for literal in &literals {
                        if literal.end {
                            return None;
                        }
                        let mut literal = literal.clone();
                        literal.text.push(byte);
                        longer.push(literal);
                    }
                    self.bounded(&longer)?;
                }
                literals = longer;
            }
            Node::Concat(parts) => {
                for part in parts {
                    literals = self.append(part, literals)?;
                }
            }
            Node::Either(branches) => {
                let mut all = Vec::new();
                for branch in branches {
                    all.append(&mut self.append(branch, literals.clone())?);
                    self.bounded(&all)?;
                }
                literals = all;
            }
            Node::Repeat(body, min, max) => {
                let mut all = Vec::new();
                for count in 0..(*max)? {
                    if count >= *min {
                        all.append(&mut literals.clone());
                        self.bounded(&all)?;
                    }
                    literals = self.append(body, literals)?;
                }
                literals.append(&mut all);
                self.bounded(&literals)?;
            }
        }
        Some(literals)
    }

    fn bounded(&self, literals: &[Anchored]) -> Option<()> {
        let bytes: usize = literals.iter().map(|literal| literal.text.len().saturating_add(1)).sum();
        (bytes <= self.max_bytes).then_some(())
    }
}
