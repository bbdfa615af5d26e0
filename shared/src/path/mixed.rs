//! Segments that are part text, part variables.

use std::{cmp::Ordering, iter};

use super::Case;

/// A segment with one variable or more among literal text, such as `report.{format}` or `{base}...{head}`.
///
/// A variable is one byte at least, and as short as it can be: with `{base}...{head}`, `a...b...c` is `a` and `b...c`.
/// Taking the first place for each text leaves the most for those behind it, so no second try is ever needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mixed {
    /// What comes before the first variable.
    pub(super) prefix: Box<[u8]>,
    /// What stands between a variable and the next one; never empty.
    pub(super) between: Box<[Box<[u8]>]>,
    /// What follows the last variable.
    pub(super) suffix: Box<[u8]>,
}

impl Mixed {
    /// From the texts around the variables, one more than there are variables; `None` for less than two texts.
    pub(super) fn new(mut texts: Vec<Box<[u8]>>) -> Option<Self> {
        let suffix = texts.pop()?;
        let mut texts = texts.into_iter();
        Some(Self { prefix: texts.next()?, between: texts.collect(), suffix })
    }

    /// Shows the variables' values, in order, with their numbers from 0. Whether the segment matches; if not, what was
    /// shown means nothing.
    fn walk<'s>(&self, segment: &'s [u8], case: Case, mut see: impl FnMut(usize, &'s [u8])) -> bool {
        let Some(mut rest) = self.inner(segment, case) else { return false };
        let mut number = 0_usize;
        for text in &self.between {
            let Some((value, after)) = cut(rest, text, case) else { return false };
            see(number, value);
            number = number.saturating_add(1);
            rest = after;
        }
        see(number, rest);
        !rest.is_empty()
    }

    /// What is between the prefix and the suffix.
    fn inner<'s>(&self, segment: &'s [u8], case: Case) -> Option<&'s [u8]> {
        let (head, rest) = segment.split_at_checked(self.prefix.len())?;
        let (inner, tail) = rest.split_at_checked(rest.len().checked_sub(self.suffix.len())?)?;
        (is_same(head, &self.prefix, case) && is_same(tail, &self.suffix, case)).then_some(inner)
    }

    pub(super) fn matches(&self, segment: &[u8], case: Case) -> bool {
        self.walk(segment, case, |_, _| {})
    }

    /// The value of the variable with this number in a segment that matches.
    pub(super) fn value<'s>(&self, segment: &'s [u8], variable: usize, case: Case) -> Option<&'s [u8]> {
        let mut found = None;
        let matches = self.walk(segment, case, |number, value| {
            if number == variable {
                found = Some(value);
            }
        });
        found.filter(|_| matches)
    }

    /// Whether some segment is matched by both: with the longer of the prefixes and of the suffixes, and all that is
    /// between in a row.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let heads = self.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&self.prefix);
        let tails = self.suffix.ends_with(&other.suffix) || other.suffix.ends_with(&self.suffix);
        heads && tails
    }

    /// Whether every segment that the other one matches is matched by this one: whether a segment is whose variables
    /// are a byte that is in no template.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let between = other.between.iter().flat_map(|text| [text.as_ref(), b"\0".as_slice()]);
        let texts = [other.prefix.as_ref(), b"\0"].into_iter().chain(between).chain(iter::once(other.suffix.as_ref()));
        self.matches(&texts.collect::<Vec<_>>().concat(), Case::Sensitive)
    }

    pub(super) fn make_ascii_lowercase(&mut self) {
        self.prefix.make_ascii_lowercase();
        self.suffix.make_ascii_lowercase();
        for text in &mut self.between {
            text.make_ascii_lowercase();
        }
    }

    /// How many bytes of text there are.
    fn text_bytes(&self) -> usize {
        self.between.iter().map(|text| text.len()).chain([self.prefix.len(), self.suffix.len()]).sum()
    }

    /// Whether two differ in nothing but the bytes of prefix and suffix: a search tells them apart.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.prefix.len() == other.prefix.len()
            && self.suffix.len() == other.suffix.len()
            && self.between == other.between
    }
}

/// The order of precedence: more text goes first. What is alike stands together.
impl Ord for Mixed {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |mixed: &Self| (mixed.text_bytes(), mixed.prefix.len());
        key(other)
            .cmp(&key(self))
            .then_with(|| self.between.cmp(&other.between))
            .then_with(|| self.prefix.cmp(&other.prefix))
            .then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl PartialOrd for Mixed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn is_same(one: &[u8], other: &[u8], case: Case) -> bool {
    match case {
        Case::Sensitive => one == other,
        Case::Insensitive => one.eq_ignore_ascii_case(other),
    }
}

/// What is before the first place of `text`, one byte at least, and what is behind it.
fn cut<'s>(rest: &'s [u8], text: &[u8], case: Case) -> Option<(&'s [u8], &'s [u8])> {
    let at = rest.get(1..)?.windows(text.len().max(1)).position(|window| is_same(window, text, case))?;
    let (value, after) = rest.split_at_checked(at.saturating_add(1))?;
    Some((value, after.get(text.len()..)?))
}
