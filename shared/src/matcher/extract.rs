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
    let literals = Extract { fold, max_bytes }.node(regex)?;
    literals.iter().all(|literal| !literal.text.is_empty()).then_some(literals)
}

struct Extract {
    fold: bool,
    /// Of the literals of any part together, each counted as one byte more than it has.
    max_bytes: usize,
}

impl Extract {
    fn node(&self, node: &Node) -> Option<Vec<Anchored>> {
        match node {
            Node::Empty => Some(vec![Anchored::default()]),
            Node::Look(Look::Start) => Some(vec![Anchored { start: true, ..Anchored::default() }]),
            Node::Look(Look::End) => Some(vec![Anchored { end: true, ..Anchored::default() }]),
            Node::Look(Look::Word | Look::NotWord) => None,
            Node::Bytes(set) if self.fold && set.folded() != *set => None,
            Node::Bytes(set) => {
                let bytes = set.iter().filter(|byte| !(self.fold && byte.is_ascii_uppercase()));
                self.bounded(bytes.map(|byte| Anchored { text: vec![byte], ..Anchored::default() }).collect())
            }
            Node::Concat(parts) => {
                let mut all = vec![Anchored::default()];
                for part in parts {
                    all = self.product(&all, &self.node(part)?)?;
                }
                Some(all)
            }
            Node::Either(branches) => {
                let mut all = Vec::new();
                for branch in branches {
                    all.extend(self.node(branch)?);
                    all = self.bounded(all)?;
                }
                Some(all)
            }
            Node::Repeat(body, min, max) => {
                let (body, max) = (self.node(body)?, (*max)?);
                let mut all = Vec::new();
                let mut power = vec![Anchored::default()];
                for count in 0..=max {
                    if count >= *min {
                        all.extend_from_slice(&power);
                        all = self.bounded(all)?;
                    }
                    if count < max {
                        power = self.product(&power, &body)?;
                    }
                }
                Some(all)
            }
        }
    }

    /// Each of the ones followed by each of the others.
    fn product(&self, left: &[Anchored], right: &[Anchored]) -> Option<Vec<Anchored>> {
        let mut all = Vec::new();
        for left in left {
            for right in right {
                // Such a text is nowhere; that is left to the automaton, which knows.
                if right.start && !left.text.is_empty() || left.end && !right.text.is_empty() {
                    return None;
                }
                let text = [left.text.as_slice(), &right.text].concat();
                all.push(Anchored { text, start: left.start || right.start, end: left.end || right.end });
            }
            all = self.bounded(all)?;
        }
        Some(all)
    }

    fn bounded(&self, all: Vec<Anchored>) -> Option<Vec<Anchored>> {
        let bytes: usize = all.iter().map(|literal| literal.text.len().saturating_add(1)).sum();
        (bytes <= self.max_bytes).then_some(all)
    }
}
