//! Finding the token in a request (RFC 6750 section 2). Nothing is copied.

use crate::spelling::is_tchar;

#[cfg(test)]
mod tests;

/// Why a place in a request that should hold a token holds no token that can be told for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceFault {
    /// There is none.
    Missing,
    /// What is there is not made of a token's characters, or not written as the place demands.
    Malformed,
    /// There are several: which of them the upstream would take, nobody knows.
    Multiple,
}

impl SourceFault {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Missing, Self::Malformed, Self::Multiple];

    /// The stable reason code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Malformed => "token_source_malformed",
            Self::Multiple => "token_source_multiple",
        }
    }
}

/// What a place in a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// No token.
    Missing,
    /// Credentials of another scheme, such as `Basic`: no token.
    OtherScheme,
    /// One token.
    Token(&'a [u8]),
    /// Something that is not one.
    Malformed,
    /// Several.
    Multiple,
}

impl<'a> Found<'a> {
    /// What two places hold, or what one holds twice. Two tokens are several, even when they are equal (RFC 6750
    /// section 2: one method in a request); and where one place is faulty, no token is taken from the other.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Multiple, _) | (_, Self::Multiple) | (Self::Token(_), Self::Token(_)) => Self::Multiple,
            (Self::Malformed, _) | (_, Self::Malformed) => Self::Malformed,
            (Self::Token(token), _) | (_, Self::Token(token)) => Self::Token(token),
            (Self::OtherScheme, _) | (_, Self::OtherScheme) => Self::OtherScheme,
            (Self::Missing, Self::Missing) => Self::Missing,
        }
    }

    /// The one token, or why there is none.
    pub const fn token(self) -> Result<&'a [u8], SourceFault> {
        match self {
            Self::Token(token) => Ok(token),
            Self::Missing | Self::OtherScheme => Err(SourceFault::Missing),
            Self::Malformed => Err(SourceFault::Malformed),
            Self::Multiple => Err(SourceFault::Multiple),
        }
    }

    /// A value that must be a token.
    fn value(value: &'a [u8]) -> Self {
        if is_token68(value) { Self::Token(value) } else { Self::Malformed }
    }

    /// Something with the right name or scheme was found after this: the first holds what it holds, the second makes
    /// several.
    fn again(self, found: Self) -> Self {
        if matches!(self, Self::Missing) { found } else { Self::Multiple }
    }
}

/// Looks for a token behind a scheme (`Authorization: Bearer …`, RFC 6750 section 2.1), or for one alone in a header
/// that has no schemes.
///
/// `values` are all the values of the header. Envoy may have joined several into one with commas: no token has a comma,
/// so one behind the scheme is [`Found::Multiple`], and so is a comma before the scheme.
pub fn find_in_header<'a>(values: impl IntoIterator<Item = &'a [u8]>, scheme: Option<&str>) -> Found<'a> {
    let one = |value| scheme.map_or_else(|| find_alone(value), |scheme| find_behind(value, scheme.as_bytes()));
    values.into_iter().fold(Found::Missing, |found, value| found.again(one(value)))
}

fn find_alone(value: &[u8]) -> Found<'_> {
    match Found::value(value) {
        Found::Malformed if value.contains(&b',') => Found::Multiple,
        found => found,
    }
}

fn find_behind<'a>(value: &'a [u8], scheme: &[u8]) -> Found<'a> {
    let (found, credentials) = cut(value, b' ').unwrap_or((value, &[]));
    if found.eq_ignore_ascii_case(scheme) {
        let spaces = credentials.iter().take_while(|byte| **byte == b' ').count();
        return find_alone(credentials.get(spaces..).unwrap_or_default());
    }
    let names_scheme = |piece: &[u8]| {
        let piece = trim(piece);
        piece.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && piece.get(scheme.len()).is_none_or(|next| matches!(next, b' ' | b'\t'))
    };
    if value.split(|byte| *byte == b',').skip(1).any(names_scheme) {
        Found::Multiple
    } else if !found.is_empty() && found.iter().all(|byte| is_tchar(*byte)) {
        Found::OtherScheme
    } else {
        Found::Malformed
    }
}

/// Looks for a token in a cookie (RFC 6265 section 4.2.1): `a=b; name=token`. `values` are all the values of the
/// `Cookie` header. Names are compared exactly, but for blanks around them; quotes around a token are not part of any.
pub fn find_in_cookies<'a>(values: impl IntoIterator<Item = &'a [u8]>, name: &str) -> Found<'a> {
    let pairs = values.into_iter().flat_map(|value| value.split(|byte| *byte == b';'));
    pairs.fold(Found::Missing, |found, pair| {
        // No `=`, no token.
        let (other, value) = cut(pair, b'=').unwrap_or((pair, &[]));
        if trim(other) == name.as_bytes() { found.again(Found::value(value)) } else { found }
    })
}

/// Looks for a token in a query, without its `?`: `a=b&name=token` (RFC 6750 section 2.3). Names are compared decoded:
/// `access%5Ftoken` is `access_token` to an upstream. A token needs no escapes, so a value with any is
/// [`Found::Malformed`], as is one with `+`, which means a blank here.
pub fn find_in_query<'a>(query: &'a [u8], name: &str) -> Found<'a> {
    query.split(|byte| *byte == b'&').fold(Found::Missing, |found, pair| {
        let (other, value) = cut(pair, b'=').unwrap_or((pair, &[]));
        if !decoded(other).eq(name.bytes()) {
            found
        } else if value.contains(&b'+') {
            found.again(Found::Malformed)
        } else {
            found.again(Found::value(value))
        }
    })
}

/// The `Cookie` header without a cookie; empty when there was no other.
pub fn without_cookie<'a>(values: impl IntoIterator<Item = &'a [u8]>, name: &str) -> Vec<u8> {
    let pairs = values.into_iter().flat_map(|value| value.split(|byte| *byte == b';'));
    let others = pairs.map(trim).filter(|pair| {
        let (other, _) = cut(pair, b'=').unwrap_or((pair, &[]));
        !pair.is_empty() && trim(other) != name.as_bytes()
    });
    others.collect::<Vec<_>>().join(&b"; "[..])
}

/// A query without a parameter; empty when there was no other.
pub fn without_parameter(query: &[u8], name: &str) -> Vec<u8> {
    let others = query.split(|byte| *byte == b'&').filter(|pair| {
        let (other, _) = cut(pair, b'=').unwrap_or((pair, &[]));
        !decoded(other).eq(name.bytes())
    });
    others.collect::<Vec<_>>().join(&b"&"[..])
}

/// The bytes of a form's field, decoded; a `%` without two hexadecimal digits stands for itself.
fn decoded(field: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = field;
    std::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        rest = after;
        Some(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => *other,
        })
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

/// The parts before and after the first such byte.
fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let (before, after) = text.split_at_checked(text.iter().position(|byte| *byte == at)?)?;
    Some((before, after.get(1..)?))
}

/// Without blanks around it.
fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// `token68` (RFC 9110 section 11.2), which RFC 6750 calls `b64token`.
fn is_token68(value: &[u8]) -> bool {
    let body = value.iter().take_while(|byte| is_token_byte(**byte)).count();
    body > 0 && value.iter().skip(body).all(|byte| *byte == b'=')
}

/// Letters, digits and `-._~+/`, by a table: each request has hundreds of them.
fn is_token_byte(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut rest: &mut [bool] = &mut table;
        let mut byte = 0_u8;
        while let Some((good, after)) = rest.split_first_mut() {
            *good = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
            rest = after;
            byte = byte.wrapping_add(1);
        }
        table
    };
    TABLE.get(usize::from(byte)).copied().unwrap_or_default()
}
