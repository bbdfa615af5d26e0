//! What a text is split into by its style.

use std::borrow::Cow;

use super::pairs::{Coding, Malformed, decode};
use crate::openapi::Style;

/// What a parameter's text is made of.
#[derive(Clone, Debug)]
pub(super) enum Parts<'a> {
    One(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    Members(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

/// What a text is to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    List,
    Members,
}

/// Why a text cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Malformed,
    Repeated,
}

impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Splits the one text of a parameter called `name`.
pub(super) fn split<'a>(
    raw: &'a [u8],
    (style, explode): (Style, bool),
    shape: Shape,
    name: &str,
    coding: Coding,
) -> Result<Parts<'a>, Fault> {
    let delimited = |raw: &'a [u8], delimiter: u8| parts(raw, delimiter, explode, shape, coding);
    match style {
        Style::Simple | Style::Form | Style::DeepObject => delimited(raw, b','),
        Style::PipeDelimited => {
            if shape == Shape::One {
                delimited(raw, b',')
            } else {
                escaped(raw, b'|', *b"7C", explode, shape, coding)
            }
        }
        Style::SpaceDelimited => {
            if shape == Shape::One {
                delimited(raw, b',')
            } else {
                escaped(raw, b'+', *b"20", explode, shape, coding)
            }
        }
        Style::Label => {
            let raw = raw.strip_prefix(b".").ok_or(Fault::Malformed)?;
            delimited(raw, if explode { b'.' } else { b',' })
        }
        Style::Matrix => matrix(raw, explode, shape, name, coding),
    }
}

fn parts(raw: &[u8], delimiter: u8, explode: bool, shape: Shape, coding: Coding) -> Result<Parts<'_>, Fault> {
    let pieces = raw.split(|byte| *byte == delimiter);
    match shape {
        Shape::One => Ok(Parts::One(decode(raw, coding)?)),
        Shape::List => {
            let items: Result<_, Malformed> = pieces.map(|piece| decode(piece, coding)).collect();
            Ok(Parts::List(items?))
        }
        Shape::Members => members(pieces, explode, coding),
    }
}

fn members<'a>(mut pieces: impl Iterator<Item = &'a [u8]>, explode: bool, coding: Coding) -> Result<Parts<'a>, Fault> {
    let mut members = Vec::new();
    while let Some(piece) = pieces.next() {
        let (name, value) = if explode {
            let mut halves = piece.splitn(2, |byte| *byte == b'=');
            (halves.next().unwrap_or_default(), halves.next())
        } else {
            (piece, pieces.next())
        };
        let (name, value) = (decode(name, coding)?, decode(value.ok_or(Fault::Malformed)?, coding)?);
        add(&mut members, name, value)?;
    }
    Ok(Parts::Members(members))
}

/// Adds a member that must not be there yet.
pub(super) fn add<'a>(
    members: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
    name: Cow<'a, str>,
    value: Cow<'a, str>,
) -> Result<(), Fault> {
    if members.iter().any(|(known, _)| *known == name) {
        return Err(Fault::Repeated);
    }
    members.push((name, value));
    Ok(())
}

/// Splits at a delimiter that clients write as it is or escaped.
fn escaped(
    raw: &[u8],
    plain: u8,
    digits: [u8; 2],
    explode: bool,
    shape: Shape,
    coding: Coding,
) -> Result<Parts<'_>, Fault> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0_usize, 0_usize);
    while let Some(byte) = raw.get(at) {
        let escape = raw.get(at.saturating_add(1)..at.saturating_add(3));
        let width = if *byte == plain {
            1
        } else if *byte == b'%' && escape.is_some_and(|escape| escape.eq_ignore_ascii_case(&digits)) {
            3
        } else {
            at = at.saturating_add(1);
            continue;
        };
        pieces.push(raw.get(start..at).unwrap_or_default());
        at = at.saturating_add(width);
        start = at;
    }
    pieces.push(raw.get(start..).unwrap_or_default());
    if shape == Shape::Members {
        return members(pieces.into_iter(), explode, coding);
    }
    let items: Result<_, Malformed> = pieces.into_iter().map(|piece| decode(piece, coding)).collect();
    Ok(Parts::List(items?))
}

/// `;name=value;name=value`.
fn matrix<'a>(raw: &'a [u8], explode: bool, shape: Shape, name: &str, coding: Coding) -> Result<Parts<'a>, Fault> {
    let raw = raw.strip_prefix(b";").ok_or(Fault::Malformed)?;
    let mut pairs = Vec::new();
    for piece in raw.split(|byte| *byte == b';') {
        let mut halves = piece.splitn(2, |byte| *byte == b'=');
        let known = decode(halves.next().unwrap_or_default(), coding)?;
        pairs.push((known, halves.next().unwrap_or_default()));
    }
    if explode && shape == Shape::Members {
        let mut members = Vec::new();
        for (name, value) in pairs {
            add(&mut members, name, decode(value, coding)?)?;
        }
        return Ok(Parts::Members(members));
    }
    if pairs.iter().any(|(known, _)| known != name) {
        return Err(Fault::Malformed);
    }
    if explode && shape == Shape::List {
        let items: Result<_, Malformed> = pairs.into_iter().map(|(_, value)| decode(value, coding)).collect();
        return Ok(Parts::List(items?));
    }
    match pairs.as_slice() {
        [(_, value)] => parts(value, b',', false, shape, coding),
        _ => Err(Fault::Repeated),
    }
}
