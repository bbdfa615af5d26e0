//! Texts, as they are written in requests.

use std::borrow::Cow;

use crate::path::unescape;

/// Why a text is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not written as it has to be.
    Malformed,
    /// Something comes twice.
    Repeated,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it is.
    Plain,
    /// Percent-encoded.
    Percent,
    /// Percent-encoded, with `+` for blanks, and without what a query cannot have.
    Query,
    /// The same, with blanks as they are: some clients write them so, and all servers read them.
    Form,
}

/// A text, decoded once. There is no NUL in it.
pub(super) fn decode(raw: &[u8], coding: Coding) -> Result<Cow<'_, str>, Fault> {
    let has_plus = matches!(coding, Coding::Query | Coding::Form);
    let mut is_escaped = false;
    for byte in raw {
        match byte {
            0 => return Err(Fault::Malformed),
            b'%' => is_escaped |= coding != Coding::Plain,
            b'+' => is_escaped |= has_plus,
            b'#' | b' ' if coding == Coding::Query => return Err(Fault::Malformed),
            _ if has_plus && byte.is_ascii_control() => return Err(Fault::Malformed),
            _ => {}
        }
    }
    if !is_escaped {
        return str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| Fault::Malformed);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, after @ ..] = rest {
        let (byte, after) = match byte {
            b'%' => unescape(after).ok_or(Fault::Malformed)?,
            b'+' if has_plus => (b' ', after),
            byte => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    text.map(Cow::Owned).ok_or(Fault::Malformed)
}
