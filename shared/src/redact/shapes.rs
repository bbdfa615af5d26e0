//! Credentials that show by their own shape.

use super::signs::Signs;

/// What issued keys begin with, and how many more key characters make one of it. The prefixes are their issuers' own:
/// made to be found in logs.
const PREFIXES: &[(&[u8], usize)] = &[
    (b"AKIA", 12),
    (b"ASIA", 12),
    (b"AIza", 30),
    (b"SG.", 30),
    (b"dop_v1_", 20),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghu_", 20),
    (b"ghs_", 20),
    (b"ghr_", 20),
    (b"github_pat_", 20),
    (b"glpat-", 16),
    (b"hvs.", 20),
    (b"npm_", 30),
    (b"pypi-", 30),
    (b"rk_live_", 16),
    (b"rk_test_", 16),
    (b"sk_live_", 16),
    (b"sk_test_", 16),
    (b"sk-", 20),
    (b"xoxa-", 10),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxr-", 10),
    (b"xoxs-", 10),
    (b"ya29.", 20),
];

/// HTTP authentication schemes, and how many characters after one make a credential of it.
const SCHEMES: &[(&[u8], usize)] = &[(b"basic", 6), (b"bearer", 6), (b"digest", 6), (b"dpop", 6), (b"negotiate", 6)];

/// `{"` in base64, and `{` followed by what pretty-printers put after it: how a JWT's header begins.
const JWT_STARTS: &[&[u8]] = &[b"eyJ", b"eyAi", b"ewog", b"ew0K"];

/// The shortest JWT header, `{"alg":"x"}`, in base64url.
const JWT_HEADER: usize = 15;

/// How a PEM block begins.
const PEM: &[u8] = b"-----BEGIN";

/// The shortest run of letters, digits, `-`, `_` and `.` that has a key or a JWT in it.
pub(super) const SHORTEST: usize = {
    let mut shortest = JWT_HEADER;
    let mut rest = PREFIXES;
    while let [(prefix, length), tail @ ..] = rest {
        let key = prefix.len().saturating_add(*length);
        if key < shortest {
            shortest = key;
        }
        rest = tail;
    }
    shortest
};

/// Where the first secret in `text` begins. `signs` are of it, or of more.
pub(super) fn find(text: &[u8], signs: Signs) -> Option<usize> {
    let when = |sign, find: fn(&[u8]) -> Option<usize>| if sign { find(text) } else { None };
    let found = [
        when(signs.token(), key),
        when(signs.token() && signs.dot(), jwt),
        when(signs.scheme(), scheme),
        when(signs.login(), userinfo),
        when(signs.hyphen(), pem),
    ];
    found.into_iter().flatten().min()
}

/// `user:pass@host` with no `//` before it: a path segment of a URL within a path.
pub(super) fn login(segment: &[u8]) -> Option<usize> {
    let before = segment.get(..segment.iter().rposition(|byte| *byte == b'@')?)?;
    before.contains(&b':').then_some(0)
}

fn key(text: &[u8]) -> Option<usize> {
    let mut before = b' ';
    text.iter().enumerate().position(|(at, &byte)| {
        let begins = byte.is_ascii_alphabetic() && !before.is_ascii_alphanumeric();
        before = byte;
        let is_any = |rest| PREFIXES.iter().any(|(prefix, length)| is_key(rest, prefix, *length));
        begins && text.get(at..).is_some_and(is_any)
    })
}

/// Where the credential begins after the first scheme that has one.
fn scheme(text: &[u8]) -> Option<usize> {
    let mut before = b' ';
    text.iter().enumerate().find_map(|(at, &byte)| {
        let ends = is_gap(byte) && before.is_ascii_alphabetic();
        before = byte;
        if !ends {
            return None;
        }
        let (word, rest) = text.split_at_checked(at)?;
        SCHEMES.iter().find_map(|(scheme, length)| Some(at.saturating_add(credential(word, rest, scheme, *length)?)))
    })
}

fn is_key(text: &[u8], prefix: &[u8], length: usize) -> bool {
    // Saves most of the time: nearly no word begins like a key.
    if text.first() != prefix.first() {
        return false;
    }
    text.strip_prefix(prefix)
        .and_then(|rest| rest.get(..length))
        .is_some_and(|key| key.iter().all(|byte| is_base64url(*byte) || *byte == b'.'))
}

/// How long the gap is between `scheme`, if `before` ends with it, and a credential.
fn credential(before: &[u8], after: &[u8], scheme: &[u8], length: usize) -> Option<usize> {
    let (before, word) = before.split_at_checked(before.len().checked_sub(scheme.len())?)?;
    if before.last().is_some_and(u8::is_ascii_alphanumeric) || !word.eq_ignore_ascii_case(scheme) {
        return None;
    }
    let gap = after.iter().take_while(|byte| is_gap(**byte)).count();
    let value = after.get(gap..gap.saturating_add(length))?;
    let is_value = value.iter().all(|byte| is_base64url(*byte) || matches!(byte, b'.' | b'+' | b'/' | b'='));
    is_value.then_some(gap)
}

/// In a query `+` is a space.
fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'+')
}

/// `eyJ….`: three parts when whole, five when encrypted; one that is cut short is a secret too.
fn jwt(text: &[u8]) -> Option<usize> {
    let mut start = 0_usize;
    for run in text.split_inclusive(|byte| !is_base64url(*byte)) {
        if let Some(header) = run.strip_suffix(b".") {
            let begins = JWT_STARTS.iter().filter_map(|begin| position(header, begin)).min();
            if let Some(at) = begins.filter(|at| header.len().saturating_sub(*at) >= JWT_HEADER) {
                return Some(start.saturating_add(at));
            }
        }
        start = start.saturating_add(run.len());
    }
    None
}

/// What stands between `//` and `@`.
fn userinfo(text: &[u8]) -> Option<usize> {
    let mut from = 0_usize;
    while let Some(at) = text.get(from..).and_then(|rest| position(rest, b"//")) {
        let start = from.saturating_add(at).saturating_add(2);
        let authority = text.get(start..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'#') || byte.is_ascii_whitespace();
        let length = authority.iter().position(ends).unwrap_or(authority.len());
        if authority.get(..length).is_some_and(|authority| authority.contains(&b'@')) {
            return Some(start);
        }
        // The last slash may begin another `//`.
        from = start.saturating_add(length).saturating_sub(1);
    }
    None
}

fn pem(text: &[u8]) -> Option<usize> {
    position(text, PEM)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = part.first()?;
    // Looks at most bytes once, and calls nothing.
    text.windows(part.len()).position(|window| window.first() == Some(first) && window == part)
}
