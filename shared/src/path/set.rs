//! Many path templates.

use std::cmp::Ordering;

use crate::config_enum;

use super::{
    NormalPath, Overlaps, Template,
    mixed::Mixed,
    overlap::{Shape, overlaps},
    template::Step,
};

config_enum! {
    /// Whether letters in templates stand for both cases.
    #[derive(Default)]
    pub enum Case {
        /// `/admin` is not `/ADMIN` (RFC 3986 section 6.2.2.1).
        #[default]
        Sensitive = "sensitive",
        /// `/admin` is `/ADMIN`, for upstreams that think so. ASCII letters only.
        Insensitive = "insensitive",
    }
}

/// Values by path template; the most specific template that matches wins.
///
/// Templates are compared from the left: at the first segment where two differ in kind, a literal goes before a mixed
/// segment, such as `{id}.json`, that before `{name}`, that before `*`, and that before `**`. Of mixed segments, that with
/// more literal text goes first. If the better choice leads nowhere, the next one is tried: with `/a/b/c` and
/// `/{x}/b/d`, the path `/a/b/d` is the second's.
///
/// Built once as a tree of segments. A look-up allocates nothing, and where the templates' literals tell paths apart its
/// cost depends on the path's segments, not on the number of templates: each step is a binary search among siblings, and
/// one more for each way in which mixed ones are built: the lengths of what they begin and end with, and what is between.
/// At worst, with wildcards everywhere, it visits each node of the tree once.
#[derive(Clone, Debug)]
pub struct TemplateSet<T> {
    entries: Vec<(Template, T)>,
    case: Case,
    root: Node,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Sorted.
    literals: Vec<(Box<[u8]>, Node)>,
    /// In order of precedence; those that are alike in one group, sorted.
    mixed: Vec<Vec<(Mixed, Node)>>,
    pub(super) capture: Option<Box<Node>>,
    pub(super) any: Option<Box<Node>>,
    /// The entries that end here, in their order.
    pub(super) exact: Vec<usize>,
    /// The entries that end here with `**`.
    pub(super) rest: Vec<usize>,
}

impl<T> TemplateSet<T> {
    /// A set of these templates. Where a template comes twice, under whichever names, the first wins; see
    /// [`TemplateSet::duplicates`].
    pub fn new(entries: impl IntoIterator<Item = (Template, T)>, case: Case) -> Self {
        let entries: Vec<_> = entries.into_iter().collect();
        let mut shapes = shapes(&entries, case);
        // Stable, so that equal templates keep their order.
        shapes.sort_by(|a, b| a.steps.cmp(&b.steps));
        Self { root: Node::new(&shapes, 0), entries, case }
    }

    /// The most specific template that matches this path.
    pub fn find<'s, 'p>(&'s self, path: &NormalPath<'p>) -> Option<Match<'s, 'p, T>> {
        self.find_where(path, |_| true)
    }

    /// The most specific template that matches this path and whose value is accepted, such as for its method. A template
    /// that comes twice is offered twice.
    pub fn find_where<'s, 'p>(
        &'s self,
        path: &NormalPath<'p>,
        mut accept: impl FnMut(&T) -> bool,
    ) -> Option<Match<'s, 'p, T>> {
        let mut accept = |index: &usize| self.entries.get(*index).is_some_and(|(_, value)| accept(value));
        let index = self.root.find(path, 0, self.case, &mut accept)?;
        let (template, value) = self.entries.get(index)?;
        Some(Match { template, value, index, path: *path, case: self.case })
    }

    /// Whether any template matches this path.
    pub fn matches_any(&self, path: &NormalPath<'_>) -> bool {
        self.find(path).is_some()
    }

    /// The value of the entry at this position.
    pub fn value(&self, index: usize) -> Option<&T> {
        self.entries.get(index).map(|(_, value)| value)
    }

    /// Whether there is no template at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The positions of entries with the same template: the first one, and one that [`TemplateSet::find`] never yields.
    pub fn duplicates(&self) -> Vec<(usize, usize)> {
        let mut duplicates = Vec::new();
        self.root.visit(&mut |ending| {
            if let [first, again @ ..] = ending {
                duplicates.extend(again.iter().map(|again| (*first, *again)));
            }
        });
        duplicates.sort_unstable();
        duplicates
    }

    /// Up to `most` pairs of templates of which a user should know, besides duplicates; see [`Overlap`](super::Overlap). For the check of a
    /// configuration: ten thousand templates take some milliseconds, and no set takes longer than 2^20 steps.
    pub fn overlaps(&self, most: usize) -> Overlaps {
        overlaps(&self.root, &shapes(&self.entries, self.case), most)
    }

    #[cfg(test)]
    pub(super) fn naive_overlaps(&self) -> Vec<super::Overlap> {
        super::overlap::naive_overlaps(shapes(&self.entries, self.case))
    }
}

fn shapes<T>(entries: &[(Template, T)], case: Case) -> Vec<Shape> {
    let shape = |(index, (template, _)): (usize, &(Template, T))| {
        let mut steps = template.steps.clone();
        if case == Case::Insensitive {
            steps.iter_mut().for_each(Step::make_ascii_lowercase);
        }
        Shape { steps, rest: template.rest, index }
    };
    entries.iter().enumerate().map(shape).collect()
}

/// Compares a literal, folded already, with a path's segment.
fn compare(literal: &[u8], segment: &[u8], case: Case) -> Ordering {
    match case {
        Case::Sensitive => literal.cmp(segment),
        Case::Insensitive => literal.iter().copied().cmp(segment.iter().map(u8::to_ascii_lowercase)),
    }
}

impl Node {
    /// The node for templates that are sorted, and equal in what comes before this position.
    fn new(shapes: &[Shape], position: usize) -> Self {
        let mut node = Self::default();
        for group in shapes.chunk_by(|a, b| a.steps.get(position) == b.steps.get(position)) {
            let child = || Self::new(group, position.saturating_add(1));
            match group.first().and_then(|shape| shape.steps.get(position)) {
                Some(Step::Literal(literal)) => node.literals.push((literal.clone(), child())),
                Some(Step::Mixed(mixed)) => {
                    let entry = (mixed.clone(), child());
                    match node.mixed.last_mut() {
                        Some(alike) if alike.first().is_some_and(|(known, _)| known.is_alike(mixed)) => {
                            alike.push(entry);
                        }
                        _ => node.mixed.push(vec![entry]),
                    }
                }
                Some(Step::Capture) => node.capture = Some(Box::new(child())),
                Some(Step::Any) => node.any = Some(Box::new(child())),
                None => {
                    let (rest, exact) = group.iter().partition::<Vec<_>, _>(|shape| shape.rest);
                    node.rest = rest.into_iter().map(|shape| shape.index).collect();
                    node.exact = exact.into_iter().map(|shape| shape.index).collect();
                }
            }
        }
        node
    }

    fn find(
        &self,
        path: &NormalPath<'_>,
        position: usize,
        case: Case,
        accept: &mut impl FnMut(&usize) -> bool,
    ) -> Option<usize> {
        let Some(segment) = path.segment(position) else {
            return self.exact.iter().chain(&self.rest).copied().find(|index| accept(index));
        };
        let literal = self.literals.binary_search_by(|(literal, _)| compare(literal, segment, case)).ok();
        let literal = literal.and_then(|found| self.literals.get(found)).map(|(_, node)| node);
        let mixed = self.mixed.iter().filter_map(|alike| matching(alike, segment, case));
        let capture = self.capture.as_deref().filter(|_| !segment.is_empty());
        for node in literal.into_iter().chain(mixed).chain(capture).chain(self.any.as_deref()) {
            if let Some(found) = node.find(path, position.saturating_add(1), case, accept) {
                return Some(found);
            }
        }
        self.rest.iter().copied().find(|index| accept(index))
    }

    /// Shows the entries that end in the same place, for each place.
    fn visit(&self, see: &mut impl FnMut(&[usize])) {
        see(&self.exact);
        see(&self.rest);
        for node in self.children() {
            node.visit(see);
        }
    }

    /// All nodes for one segment more.
    pub(super) fn children(&self) -> impl Iterator<Item = &Self> {
        let literals = self.literals.iter().map(|(_, node)| node);
        let mixed = self.mixed().map(|(_, node)| node);
        literals.chain(mixed).chain(self.capture.as_deref()).chain(self.any.as_deref())
    }

    /// The nodes for literals, as the set spells them.
    pub(super) fn literals(&self) -> impl Iterator<Item = (&[u8], &Self)> {
        self.literals.iter().map(|(literal, node)| (literal.as_ref(), node))
    }

    /// The nodes for mixed segments, as the set spells them.
    pub(super) fn mixed(&self) -> impl Iterator<Item = (&Mixed, &Self)> {
        self.mixed.iter().flatten().map(|(mixed, node)| (mixed, node))
    }

    /// The node for a literal as the set spells it.
    pub(super) fn literal(&self, literal: &[u8]) -> Option<&Self> {
        let found = self.literals.binary_search_by(|(known, _)| (**known).cmp(literal)).ok()?;
        self.literals.get(found).map(|(_, node)| node)
    }
}

/// Of mixed segments that are alike, the one that matches.
fn matching<'n>(alike: &'n [(Mixed, Node)], segment: &[u8], case: Case) -> Option<&'n Node> {
    let (first, _) = alike.first()?;
    let head = segment.get(..first.prefix.len())?;
    let tail = segment.get(segment.len().checked_sub(first.suffix.len())?..)?;
    let order = |mixed: &Mixed| compare(&mixed.prefix, head, case).then_with(|| compare(&mixed.suffix, tail, case));
    let found = alike.binary_search_by(|(mixed, _)| order(mixed)).ok()?;
    let (mixed, node) = alike.get(found)?;
    mixed.matches(segment, case).then_some(node)
}

/// A template that matches a path.
#[derive(Clone, Copy, Debug)]
pub struct Match<'s, 'p, T> {
    /// The template.
    pub template: &'s Template,
    /// Its value.
    pub value: &'s T,
    /// Its position among the set's entries.
    pub index: usize,
    path: NormalPath<'p>,
    case: Case,
}

impl<'s, 'p, T> Match<'s, 'p, T> {
    /// What `{name}` stands for, decoded; `None` if the template has no such name.
    pub fn capture(&self, name: &str) -> Option<&'p [u8]> {
        self.captures().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// What each name stands for, decoded, in the order of the template.
    pub fn captures(&self) -> impl Iterator<Item = (&'s str, &'p [u8])> {
        self.template.values(self.path, self.case)
    }
}
