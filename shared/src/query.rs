//! Query strings, read strictly: one value by its name, or the shape that servers would read in different ways.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::{
    path::{unescape, unescape_leniently},
    spelling::is_near,
};

/// Pairs beyond this many are dropped by some servers (PHP and Express at 1000), so more are refused.
pub const MAX_PAIRS: usize = 256;

/// The longest name, in bytes and decoded, that is held against another.
pub const MAX_NAME: usize = 256;

/// Why a query does not tell what a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueryFault {
    /// The parameter comes more than once, or another one does that some servers take for it: its name in another case
    /// (`ID`), with other separators (`user.id` for `user_id`), with an index or a type (`id[]`, `id[0]`, `id.x`,
    /// `id:int`).
    Repeated,
    /// The query has a shape that servers read in different ways, or the parameter is only there under such a name.
    Ambiguous,
}

/// The value of the parameter `name`, percent-decoded once; `None` without it, and empty without a `=`.
///
/// `query` is what follows the first `?`. Names and values are UTF-8; the name that is asked for is compared with the
/// decoded ones as it is. In the whole query these are ambiguous: a raw `;` (a separator to some), blanks and control
/// bytes, a `%` without two digits, NUL, bytes that are not UTF-8, names over [`MAX_NAME`] or with signs of syntax or
/// escapes in them, more than [`MAX_PAIRS`] pairs. In the value that is asked for, these are as well: a raw `+` (a
/// space to some; `%2B` is a plus to all), a control character, an encoded separator, and what would change if it were
/// decoded again. In the values of others those are data.
///
/// # Errors
/// [`QueryFault`].
pub fn only<'q>(query: &'q [u8], name: &str) -> Result<Option<Cow<'q, str>>, QueryFault> {
    let (mut value, mut near) = (None, false);
    for (position, pair) in query.split(|byte| *byte == b'&').enumerate() {
        if position >= MAX_PAIRS {
            return Err(QueryFault::Ambiguous);
        }
        let (raw_name, raw_value) = split_pair(pair);
        let (pair_name, pair_value) = (decode(raw_name)?, decode(raw_value)?);
        if pair_name.len() > MAX_NAME || pair_name.contains(|char: char| is_syntax(char) || char == '%') {
            return Err(QueryFault::Ambiguous);
        }
        if pair_name == name {
            if value.is_some() {
                return Err(QueryFault::Repeated);
            }
            if raw_value.contains(&b'+') || pair_value.contains(is_syntax_in_value) || has_escape(&pair_value) {
                return Err(QueryFault::Ambiguous);
            }
            value = Some(pair_value);
        } else {
            near |= is_near(&pair_name, name);
        }
    }
    match (value, near) {
        (Some(_), true) => Err(QueryFault::Repeated),
        (None, true) => Err(QueryFault::Ambiguous),
        (value, false) => Ok(value),
    }
}

/// Whether any server could see a parameter of this name: read as leniently as can be, by whichever separator.
pub fn may_have(query: &[u8], name: &str) -> bool {
    query.split(|byte| matches!(byte, b'&' | b';')).any(|pair| {
        let (raw_name, _) = split_pair(pair);
        // Most names end here: they begin with a letter, and with another one.
        if raw_name.first().is_some_and(|first| first.is_ascii_alphanumeric() && !starts_with(name, *first)) {
            return false;
        }
        let pair_name = unescape_leniently(raw_name);
        let pair_name = pair_name.get(..MAX_NAME).unwrap_or(&pair_name);
        is_near(&String::from_utf8_lossy(pair_name), name)
    })
}

fn starts_with(name: &str, byte: u8) -> bool {
    name.bytes().next().is_some_and(|first| first.eq_ignore_ascii_case(&byte))
}

/// Whether the text has a `%` before two hexadecimal digits.
pub(crate) fn has_escape(text: &str) -> bool {
    text.split('%').skip(1).any(|after| unescape(after.as_bytes()).is_some())
}

fn split_pair(pair: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = pair.splitn(2, |byte| *byte == b'=');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// What splits a query when it is decoded too early.
fn is_syntax(char: char) -> bool {
    matches!(char, '&' | '=' | ';' | '#') || char.is_control()
}

/// The same within a value, where a further `=` is data to every server (base64 has it).
fn is_syntax_in_value(char: char) -> bool {
    char != '=' && is_syntax(char)
}

fn decode(raw: &[u8]) -> Result<Cow<'_, str>, QueryFault> {
    if raw.iter().any(|byte| matches!(byte, b';' | b'#' | b' ') || byte.is_ascii_control()) {
        return Err(QueryFault::Ambiguous);
    }
    let text = if raw.contains(&b'%') {
        let decoded = unescape_strictly(raw).ok_or(QueryFault::Ambiguous)?;
        String::from_utf8(decoded).map(Cow::Owned).ok()
    } else {
        str::from_utf8(raw).map(Cow::Borrowed).ok()
    };
    text.filter(|text| !text.contains('\0')).ok_or(QueryFault::Ambiguous)
}

fn unescape_strictly(raw: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, after @ ..] = rest {
        let (byte, after) = if *byte == b'%' { unescape(after)? } else { (*byte, after) };
        decoded.push(byte);
        rest = after;
    }
    Some(decoded)
}
