//! Keeps credentials out of logs.
//!
//! Three nets, from strict to loose:
//!
//! 1. Headers are logged by allow-list ([`header_is_plain`]), and those that carry credentials never are
//!    ([`header_is_secret`]), whoever asks.
//! 2. In a query, a path parameter or free text, the value of a name that speaks of a credential (`access_token`,
//!    `user_password`, `X-Amz-Signature`, …) is cut. Names are compared without case, separators and percent-encoding.
//! 3. Text in a credential's own shape (JWT, `Bearer …`, AWS, GitHub, `GitLab`, Slack, Stripe, … keys, PEM,
//!    `user:pass@` in URLs) is cut whatever it stands under.
//!
//! There is one rule for what is cut: everything from the secret to the end of its unit, which is a query parameter (up
//! to the next `&`), a path segment, or the whole of a free text. Percent-encoding is looked through, four levels deep;
//! what is encoded deeper is cut as well, unread. So now and then more is cut than need be, and never less.
//!
//! What no such rule can know is an opaque secret with neither a telling name nor a known shape, such as
//! `/reset/4f1d9c`.
//!
//! Of a text 4096 bytes are looked at and 2048 are returned, with `…` in the place of more. So a client that sends 60 KB
//! costs no more than one that sends 4, and what is returned ends well before a secret could be cut in two.

mod names;
mod printable;
mod shapes;
mod signs;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use printable::printable;
use signs::Signs;

/// What stands in a secret's place.
pub const REDACTED: &str = "[REDACTED]";

/// Levels of percent-encoding that are looked through: a log-in redirect within a log-in redirect has three.
const LEVELS: usize = 4;

/// How many bytes of a text are looked at: more than is shown, so that a secret that begins within what is shown can be
/// told by its end.
const LOOKED_AT: usize = 4096;

/// How many bytes are returned.
const SHOWN: usize = 2048;

/// Headers that may be logged as they are. Values still go through [`text`]: `referer` and `location` hold URLs.
const PLAIN_HEADERS: &[&str] = &[
    ":authority",
    ":method",
    ":scheme",
    ":status",
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-origin",
    "access-control-request-headers",
    "access-control-request-method",
    "age",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "grpc-encoding",
    "grpc-message",
    "grpc-status",
    "grpc-timeout",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "last-modified",
    "location",
    "origin",
    "range",
    "ratelimit",
    "ratelimit-policy",
    "referer",
    "retry-after",
    "server",
    "te",
    "traceparent",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-envoy-attempt-count",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

/// Whether a header may be logged without the operator's asking; case does not count.
pub fn header_is_plain(name: &str) -> bool {
    PLAIN_HEADERS.iter().any(|plain| plain.eq_ignore_ascii_case(name))
}

/// Whether a header carries a credential, as `authorization`, `cookie`, `x-api-key`, `x-forwarded-client-cert` or
/// any `*-token` does. Such a header is never logged; case does not count.
pub fn header_is_secret(name: &str) -> bool {
    names::is_secret(name.as_bytes())
}

/// A query (without its `?`) that may be logged.
pub fn query(query: &[u8]) -> Cow<'_, str> {
    units(query, b'&', |unit, signs| find(unit, signs).or_else(|| hidden(unit, signs)))
}

/// A path (without its query) that may be logged.
pub fn path(path: &[u8]) -> Cow<'_, str> {
    let login = |segment: &[u8], signs: Signs| if signs.login() { shapes::login(segment) } else { None };
    units(path, b'/', |segment, signs| {
        find(segment, signs).or_else(|| login(segment, signs)).or_else(|| hidden(segment, signs))
    })
}

/// Free text that may be logged: a user agent, a referer, an error message.
pub fn text(text: &str) -> Cow<'_, str> {
    bytes(text.as_bytes())
}

/// [`text`] of what need not be UTF-8, such as a header's value.
pub fn bytes(text: &[u8]) -> Cow<'_, str> {
    let head = head(text, |byte| byte.is_ascii_whitespace());
    let signs = Signs::of(head);
    let out = match find(head, signs).into_iter().chain(hidden_word(head, signs)).min() {
        Some(at) => {
            let mut out = printable(head.get(..at).unwrap_or_default()).into_owned();
            out.push_str(REDACTED);
            Cow::Owned(out)
        }
        None => readable(head, signs),
    };
    shown(out, head.len() < text.len())
}

/// `text` with every unit cut from where `secret` begins in it.
fn units(text: &[u8], separator: u8, secret: impl Fn(&[u8], Signs) -> Option<usize>) -> Cow<'_, str> {
    let head = head(text, |byte| byte == separator);
    let signs = Signs::of(head);
    let all = || head.split(|byte| *byte == separator);
    // Nearly always there is nothing to cut and nothing to copy.
    if signs.none() || all().all(|unit| secret(unit, signs).is_none()) {
        return shown(readable(head, signs), head.len() < text.len());
    }
    let mut out = String::with_capacity(head.len());
    for (index, unit) in all().enumerate() {
        if index > 0 {
            out.push(char::from(separator));
        }
        match secret(unit, signs) {
            Some(at) => {
                out.push_str(&printable(unit.get(..at).unwrap_or_default()));
                out.push_str(REDACTED);
            }
            None => out.push_str(&printable(unit)),
        }
    }
    shown(Cow::Owned(out), head.len() < text.len())
}

/// [`printable`], and sooner told where the signs say so.
fn readable(text: &[u8], signs: Signs) -> Cow<'_, str> {
    match str::from_utf8(text) {
        Ok(text) if signs.plain() => Cow::Borrowed(text),
        _ => printable(text),
    }
}

/// What is looked at of `text`: whole units, unless the last one alone is longer than what is shown.
fn head(text: &[u8], separates: impl Fn(u8) -> bool) -> &[u8] {
    match text.get(..LOOKED_AT) {
        Some(head) if text.len() > LOOKED_AT => {
            let end = head.iter().rposition(|byte| separates(*byte)).filter(|end| *end >= SHOWN);
            end.and_then(|end| head.get(..end)).unwrap_or(head)
        }
        _ => text,
    }
}

/// What is shown of `text`, which has been cut already where `is_cut`.
fn shown(text: Cow<'_, str>, is_cut: bool) -> Cow<'_, str> {
    if text.len() <= SHOWN && !is_cut {
        return text;
    }
    let mut text = text.into_owned();
    text.truncate(text.floor_char_boundary(SHOWN));
    text.push('…');
    Cow::Owned(text)
}

/// Where the first secret in `text` begins, as far as it can be read without decoding. `signs` are of it, or of more.
fn find(text: &[u8], signs: Signs) -> Option<usize> {
    let name = if signs.assignment() { names::assignment(text) } else { None };
    name.into_iter().chain(shapes::find(text, signs)).min()
}

/// Where to cut a unit for a secret that shows once it is decoded: after the name, unless the name hides it.
fn hidden(unit: &[u8], signs: Signs) -> Option<usize> {
    if !signs.encoded() || !is_hiding(unit) {
        return None;
    }
    let value = unit.iter().position(|byte| *byte == b'=').map_or(0, |equals| equals.saturating_add(1));
    let name = unit.get(..value).unwrap_or_default();
    Some(if is_hiding(name) { 0 } else { value })
}

/// Where the first word begins that shows a secret once it is decoded.
fn hidden_word(text: &[u8], signs: Signs) -> Option<usize> {
    if !signs.encoded() {
        return None;
    }
    let mut start = 0_usize;
    for word in text.split_inclusive(u8::is_ascii_whitespace) {
        if is_hiding(word) {
            return Some(start);
        }
        start = start.saturating_add(word.len());
    }
    None
}

/// Whether decoding `text` brings a secret to light, or does not end.
fn is_hiding(text: &[u8]) -> bool {
    let mut decoded = Cow::Borrowed(text);
    for _ in 0..LEVELS {
        match decode(&decoded) {
            None => return false,
            Some(next) if find(&next, Signs::of(&next)).is_some() => return true,
            Some(next) => decoded = Cow::Owned(next),
        }
    }
    decode(&decoded).is_some()
}

/// `text` with one level of percent-encoding taken off; `None` when it has none.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.contains(&b'%') {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = match tail {
            [high, low, after @ ..] if byte == b'%' => digit(*high).zip(digit(*low)).zip(Some(after)),
            _ => None,
        };
        if let Some(((high, low), after)) = escape {
            found = true;
            out.push((high << 4) | low);
            rest = after;
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    found.then_some(out)
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
