//! Names and their texts.

use std::borrow::Cow;

use super::text::{Coding, Fault, decode};
use crate::query::MAX_NAME;

/// One pair, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) text: Cow<'a, str>,
    /// Whether a `;` is in it as it is.
    pub(super) has_semicolon: bool,
    /// The position of the parameter that it is for.
    pub(super) owner: Option<usize>,
}

impl<'a> Pair<'a> {
    /// Reads the pairs of a query or a form. Empty ones are nothing. All of them have to be readable, also those that nobody
    /// wants: what cannot be read may be read in several ways.
    pub(super) fn all(text: &'a [u8], most: usize, coding: Coding) -> Result<Vec<Self>, Fault> {
        let mut pairs = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() >= most {
                return Err(Fault::Malformed);
            }
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, rest) = pair.split_at_checked(end).unwrap_or_default();
            let raw = rest.get(1..).unwrap_or_default();
            if name.len() > MAX_NAME || name.contains(&b';') {
                return Err(Fault::Malformed);
            }
            pairs.push(Self {
                name: decode(name, coding)?,
                text: decode(raw, coding)?,
                has_semicolon: raw.contains(&b';'),
                owner: None,
            });
        }
        Ok(pairs)
    }
}
