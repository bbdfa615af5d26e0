//! Names in brackets: `a[b][0]=x`, as `deepObject` and forms have them.

use std::borrow::Cow;

/// How deep brackets may be.
const MAX_DEPTH: usize = 16;

/// A value in the making.
#[derive(Clone, Debug)]
pub(super) enum Tree<'a> {
    Text(Cow<'a, str>),
    /// By name; list items by their position, or with no name at all.
    Members(Vec<(Cow<'a, str>, Tree<'a>)>),
}

/// Why pairs make no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Brackets that do not match, or that are too deep.
    Malformed,
    /// A name twice, or with a value and with members.
    Repeated,
}

impl<'a> Tree<'a> {
    pub(super) const fn new() -> Self {
        Self::Members(Vec::new())
    }

    /// Adds the pair whose name goes on with these brackets.
    pub(super) fn add(&mut self, brackets: &str, text: Cow<'a, str>) -> Result<(), Fault> {
        let (mut place, mut rest) = (self, brackets);
        for _ in 0..MAX_DEPTH {
            let inner = rest.strip_prefix('[').ok_or(Fault::Malformed)?;
            let (name, after) = inner.split_once(']').ok_or(Fault::Malformed)?;
            if name.contains('[') {
                return Err(Fault::Malformed);
            }
            let Self::Members(members) = place else { return Err(Fault::Repeated) };
            // Each `[]` is an item of its own.
            let known = if name.is_empty() { None } else { members.iter().position(|(known, _)| known == name) };
            if after.is_empty() {
                if known.is_some() {
                    return Err(Fault::Repeated);
                }
                members.push((name.to_owned().into(), Self::Text(text)));
                return Ok(());
            }
            let index = known.unwrap_or(members.len());
            if known.is_none() {
                members.push((name.to_owned().into(), Self::new()));
            }
            place = members.get_mut(index).map(|(_, tree)| tree).ok_or(Fault::Malformed)?;
            rest = after;
        }
        Err(Fault::Malformed)
    }

    /// Whether the names are those of list items: none at all, or 0 and on in their order.
    pub(super) fn is_list(members: &[(Cow<'_, str>, Self)]) -> bool {
        let is_numbered = |(position, (name, _)): (usize, &(Cow<'_, str>, Self))| {
            name.bytes().all(|byte| byte.is_ascii_digit()) && name.parse() == Ok(position)
        };
        members.iter().all(|(name, _)| name.is_empty()) || members.iter().enumerate().all(is_numbered)
    }
}
