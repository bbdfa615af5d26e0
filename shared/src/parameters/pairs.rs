//! `name=value` pairs of queries and forms.

use std::borrow::Cow;

use crate::path::unescape;

/// A text that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it is.
    Plain,
    /// Percent-encoded.
    Percent,
    /// Percent-encoded, with `+` for blanks.
    Form,
}

/// One pair: its name decoded, its value as it is written.
#[derive(Clone, Debug)]
pub(super) struct Pair<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) raw: &'a [u8],
    /// Whether a parameter has it.
    pub(super) is_known: bool,
}

impl<'a> Pair<'a> {
    /// Reads up to `most` pairs. Empty ones are nothing.
    pub(super) fn all(text: &'a [u8], most: usize) -> Result<Vec<Self>, Malformed> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let mut pairs = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() >= most {
                return Err(Malformed);
            }
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(parts.next().unwrap_or_default(), Coding::Form)?;
            let raw = parts.next().unwrap_or_default();
            // Also where nobody wants it: what cannot be read may be read in several ways.
            check(raw)?;
            pairs.push(Self { name, raw, is_known: false });
        }
        Ok(pairs)
    }
}

fn check(raw: &[u8]) -> Result<(), Malformed> {
    decode(raw, Coding::Form).map(drop)
}

/// A text, decoded once.
pub(super) fn decode(raw: &[u8], coding: Coding) -> Result<Cow<'_, str>, Malformed> {
    let is_plain = |byte: &u8| match coding {
        Coding::Plain => true,
        Coding::Percent => *byte != b'%',
        Coding::Form => !matches!(byte, b'%' | b'+'),
    };
    if coding == Coding::Form && raw.iter().any(|byte| matches!(byte, b'#' | b' ') || byte.is_ascii_control()) {
        return Err(Malformed);
    }
    let text = if raw.iter().all(is_plain) {
        Cow::Borrowed(str::from_utf8(raw).map_err(|_| Malformed)?)
    } else {
        let mut bytes = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            bytes.push(match byte {
                b'%' => {
                    let (byte, after) = unescape(after).ok_or(Malformed)?;
                    rest = after;
                    byte
                }
                b'+' if coding == Coding::Form => b' ',
                byte => *byte,
            });
        }
        Cow::Owned(String::from_utf8(bytes).map_err(|_| Malformed)?)
    };
    if text.contains('\0') { Err(Malformed) } else { Ok(text) }
}
