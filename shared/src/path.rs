//! Request paths in one unambiguous form, and templates that match them.
//!
//! A rule about `/admin` protects nothing if `/%61dmin`, `//admin` or `/x/..;/admin` reach the same handler behind the
//! proxy. So every path rule works on a [`NormalPath`], never on the text of `:path`.
//!
//! What a user expects:
//! - A path that every server reads in the same way is read so: split at `/`, each segment percent-decoded exactly once
//!   (RFC 3986 section 2.4). `/%61dmin` is `/admin`. A plain path costs one pass and no allocation.
//! - A shape that servers are known to read in different ways is an [`Ambiguity`] with a stable reason code. The
//!   [`Normaliser`] says for each shape whether it is refused or read in a stated way. [`Normaliser::strict`], the
//!   default, refuses them all; [`Normaliser::lenient`] reads as an Envoy does that normalises paths, merges slashes
//!   and unescapes slashes. An option bears its reason code's name without `path_`, so the word in the audit event is
//!   the word to look up in the configuration.
//! - Control bytes and targets that are no path have no harmless reading, and are always refused.
//! - Rules compare whole segments: `/adm` is not `/admin`, and `/a%2Fb`, where encoded slashes are kept, is one segment.
//! - A slash at the end changes nothing: `/admin/` is matched by what matches `/admin`, or a slash would lead round the
//!   rule.
//!
//! Targets other than a path (RFC 9112 section 3.2): `OPTIONS *` is `path_asterisk_form`; CONNECT with an authority, or
//! with no path at all, is `path_not_absolute` (CONNECT with a path, as for WebSocket over HTTP/2, is like any other
//! request); `http://host/path` is `path_absolute_form`, which a normaliser may read as `/path`.

mod ambiguity;
mod lookalike;
mod mixed;
mod normal;
mod normaliser;
mod openapi;
mod overlap;
mod segments;
mod set;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use lookalike::is_lookalike;

pub use ambiguity::Ambiguity;
pub use normal::{NormalPath, PathBuffer};
pub use normaliser::{Normaliser, Reading, SeparatorReading};
pub use overlap::{Overlap, Overlaps};
pub use set::{Case, Match, TemplateSet};
pub use template::{Template, TemplateError};

/// Whether a segment climbs or stays when a server resolves it (RFC 3986 section 3.3).
fn is_dots(segment: &[u8]) -> bool {
    matches!(segment, b"." | b"..")
}

/// The byte that two hexadecimal digits behind a `%` stand for, and what follows them.
pub(crate) fn unescape(after_percent: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match after_percent {
        [high, low, rest @ ..] => Some(((digit(*high)? << 4) | digit(*low)?, rest)),
        _ => None,
    }
}

/// Bytes with their escapes decoded; what is no escape stays as it is.
pub(crate) fn unescape_leniently(raw: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, after @ ..] = rest {
        let escape = if *byte == b'%' { unescape(after) } else { None };
        let (byte, after) = escape.unwrap_or((*byte, after));
        decoded.push(byte);
        rest = after;
    }
    decoded
}
