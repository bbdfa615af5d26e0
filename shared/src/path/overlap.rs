//! Templates that get in each other's way.

use std::cmp::Ordering;

use super::template::Step;

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
    fn meets(&self, other: &Self) -> bool {
        let steps_meet = self.steps.iter().zip(&other.steps).all(|steps| match steps {
            (Step::Literal(a), Step::Literal(b)) => a == b,
            _ => true,
        });
        steps_meet
            && match self.steps.len().cmp(&other.steps.len()) {
                Ordering::Less => self.rest,
                Ordering::Equal => true,
                Ordering::Greater => other.rest,
            }
    }

    /// Whether every path that the other one matches is matched by this one, empty segments aside.
    fn covers(&self, other: &Self) -> bool {
        let steps_cover = self.steps.iter().zip(&other.steps).all(|(a, b)| !matches!(a, Step::Literal(_)) || a == b);
        steps_cover
            && match self.steps.len().cmp(&other.steps.len()) {
                Ordering::Less => self.rest,
                Ordering::Equal => self.rest || !other.rest,
                Ordering::Greater => false,
            }
    }
}

/// All overlaps among these templates.
pub(super) fn overlaps(mut shapes: Vec<Shape>) -> Vec<Overlap> {
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
