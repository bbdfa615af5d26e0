//! Templates that get in each other's way.

use std::cmp::Ordering;

use super::{Case, set::Node, template::Step};

/// Two templates that match the same paths in a way that is easily overlooked. That `/users/me` goes before
/// `/users/{id}` is no such case: what it matches is a part of what the other one matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap {
    /// The position of the template that wins where both match.
    pub winner: usize,
    /// The position of the other one.
    pub loser: usize,
    /// Whether the winner matches all that the loser matches, so that the loser never wins: `/a/{x}` before `/a/*`.
    /// (But for empty segments, where they are kept.) If not, each matches paths that the other one does not: `/a/{x}`
    /// and `/{y}/b`.
    pub unreachable: bool,
}

/// What a template matches, and its position among the set's entries.
pub(super) struct Shape {
    pub(super) steps: Box<[Step]>,
    pub(super) rest: bool,
    pub(super) index: usize,
}

impl Shape {
    /// The order in which templates are tried where both match.
    fn precedence(&self, other: &Self) -> Ordering {
        let common = self.steps.iter().zip(&other.steps).map(|(a, b)| a.cmp(b)).find(|order| order.is_ne());
        // All the same as far as the shorter one goes: `**` goes last.
        common.unwrap_or_else(|| match self.steps.len().cmp(&other.steps.len()) {
            Ordering::Equal => self.rest.cmp(&other.rest),
            Ordering::Less if self.rest => Ordering::Greater,
            Ordering::Greater if other.rest => Ordering::Less,
            order => order,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.steps == other.steps && self.rest == other.rest
    }

    /// Whether some path is matched by both.
    #[cfg(test)]
    fn meets(&self, other: &Self) -> bool {
        let steps_meet = self.steps.iter().zip(&other.steps).all(|(a, b)| a.meets(b));
        steps_meet
            && match self.steps.len().cmp(&other.steps.len()) {
                Ordering::Less => self.rest,
                Ordering::Equal => true,
                Ordering::Greater => other.rest,
            }
    }

    /// Whether every path that the other one matches is matched by this one, empty segments aside.
    fn covers(&self, other: &Self) -> bool {
        let steps_cover = self.steps.iter().zip(&other.steps).all(|(a, b)| a.covers(b));
        steps_cover
            && match self.steps.len().cmp(&other.steps.len()) {
                Ordering::Less => self.rest,
                Ordering::Equal => self.rest || !other.rest,
                Ordering::Greater => false,
            }
    }
}

/// What was found of the overlaps of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlaps {
    /// Pairs, in order.
    pub found: Vec<Overlap>,
    /// Whether there may be others: the search ended early.
    pub more: bool,
}

/// How far a search goes: this many looks at nodes or templates, some 10 ms.
const LOOKS: usize = 1 << 20;

/// Searches up to `most` pairs in a set's tree. `shapes` are by their position among the set's entries.
///
/// From each template those are looked for that go after it and meet it. As long as the two are the same, the other one
/// cannot go on with a step that goes before.
pub(super) fn overlaps(root: &Node, shapes: &[Shape], most: usize) -> Overlaps {
    let mut search = Search { shapes, most, looks: LOOKS, overlaps: Overlaps::default() };
    for winner in shapes {
        search.descend(root, winner, 0, true);
    }
    search.overlaps.found.sort_unstable();
    search.overlaps
}

struct Search<'a> {
    shapes: &'a [Shape],
    most: usize,
    looks: usize,
    overlaps: Overlaps,
}

impl Search<'_> {
    /// Looks at a node under which are templates that meet `winner` so far; `tied`: whose steps are the same so far.
    fn descend(&mut self, node: &Node, winner: &Shape, position: usize, tied: bool) {
        if !self.look() {
            return;
        }
        self.judge(winner, &node.rest);
        let next = position.saturating_add(1);
        match winner.steps.get(position) {
            None => {
                self.judge(winner, &node.exact);
                // Where they are the same, `**` goes after all that is longer.
                if winner.rest && !tied {
                    for child in node.children() {
                        self.descend(child, winner, next, false);
                    }
                }
            }
            Some(Step::Literal(literal)) => {
                if let Some(child) = node.literal(literal) {
                    self.descend(child, winner, next, tied);
                }
                for (mixed, child) in node.mixed() {
                    if self.look() && mixed.matches(literal, Case::Sensitive) {
                        self.descend(child, winner, next, false);
                    }
                }
                for child in node.capture.as_deref().into_iter().chain(node.any.as_deref()) {
                    self.descend(child, winner, next, false);
                }
            }
            Some(Step::Mixed(mixed)) => {
                for (literal, child) in node.literals().filter(|_| !tied) {
                    if self.look() && mixed.matches(literal, Case::Sensitive) {
                        self.descend(child, winner, next, false);
                    }
                }
                for (other, child) in node.mixed() {
                    if self.look() && mixed.meets(other) {
                        self.descend(child, winner, next, tied && mixed == other);
                    }
                }
                for child in node.capture.as_deref().into_iter().chain(node.any.as_deref()) {
                    self.descend(child, winner, next, false);
                }
            }
            Some(Step::Capture) if tied => {
                if let Some(child) = &node.capture {
                    self.descend(child, winner, next, true);
                }
                if let Some(child) = &node.any {
                    self.descend(child, winner, next, false);
                }
            }
            Some(Step::Any) if tied => {
                if let Some(child) = &node.any {
                    self.descend(child, winner, next, true);
                }
            }
            Some(Step::Capture | Step::Any) => {
                for child in node.children() {
                    self.descend(child, winner, next, false);
                }
            }
        }
    }

    fn judge(&mut self, winner: &Shape, losers: &[usize]) {
        for loser in losers.iter().filter_map(|index| self.shapes.get(*index)) {
            if !self.look() {
                return;
            }
            if winner.is_same(loser) || winner.precedence(loser) != Ordering::Less {
                continue;
            }
            let unreachable = winner.covers(loser);
            if !unreachable && loser.covers(winner) {
                continue;
            }
            if self.overlaps.found.len() >= self.most {
                self.overlaps.more = true;
                return;
            }
            self.overlaps.found.push(Overlap { winner: winner.index, loser: loser.index, unreachable });
        }
    }

    /// Whether to look any further.
    fn look(&mut self) -> bool {
        self.looks = self.looks.saturating_sub(1);
        self.overlaps.more |= self.looks == 0;
        !self.overlaps.more
    }
}

/// The same by comparing each template with each.
#[cfg(test)]
pub(super) fn naive_overlaps(mut shapes: Vec<Shape>) -> Vec<Overlap> {
    shapes.sort_by(Shape::precedence);
    let mut found = Vec::new();
    let mut rest = shapes.as_slice();
    while let [winner, losers @ ..] = rest {
        for loser in losers.iter().filter(|loser| winner.meets(loser) && !winner.is_same(loser)) {
            let unreachable = winner.covers(loser);
            if unreachable || !loser.covers(winner) {
                found.push(Overlap { winner: winner.index, loser: loser.index, unreachable });
            }
        }
        rest = losers;
    }
    found.sort_unstable();
    found
}
