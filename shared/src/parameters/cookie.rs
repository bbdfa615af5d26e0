//! The `cookie` header (RFC 6265 section 4.2), without what servers that know older RFCs read in other ways.

use std::borrow::Cow;

use super::text::Fault;
use crate::{path::unescape_leniently, request::Headers, spelling::alike};

/// A cookie does not tell what its value is: it comes twice, or servers read the header in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbiguousCookie;

/// The value of the cookie with this name, without quotes around it and percent-decoded once: as servers in PHP and
/// JavaScript decode it, and others do not, all spellings of a value are one.
///
/// Ambiguous is also a cookie whose name some servers take for this one, such as in another case or with blanks around it.
///
/// # Errors
/// [`AmbiguousCookie`].
pub fn cookie<'a>(headers: &Headers<'a>, name: &str) -> Result<Option<Cow<'a, [u8]>>, AmbiguousCookie> {
    let mut found = None;
    for pair in headers.clone().filter(|(known, _)| *known == b"cookie").flat_map(|(_, value)| pairs(value)) {
        let (known, value) = pair.map_err(|_| AmbiguousCookie)?;
        if !alike(&String::from_utf8_lossy(known), name) {
            continue;
        }
        let value = value.trim_ascii();
        // A quote behind blanks is one to servers that trim first.
        if known != name.as_bytes() || value.first() == Some(&b'"') || found.replace(value).is_some() {
            return Err(AmbiguousCookie);
        }
    }
    let decoded = |value: &'a [u8]| {
        if value.contains(&b'%') { Cow::Owned(unescape_leniently(value)) } else { Cow::Borrowed(value) }
    };
    Ok(found.map(decoded))
}

/// All pairs of a header, as they are written; without quotes around a value.
///
/// Refused are: a name that begins with `$`, for which some servers go over to RFC 2109, where `,` separates; a quote
/// that does not end, or a backslash within quotes, as some read on behind the next `;`, or decode what is in there.
pub(super) fn pairs(header: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), Fault>> {
    let pieces = header.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty());
    pieces.map(|piece| {
        if piece.first() == Some(&b'$') || piece.iter().any(u8::is_ascii_control) {
            return Err(Fault::Malformed);
        }
        // Browsers send cookies that have no name; these have no `=`.
        let end = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
        let (name, rest) = piece.split_at_checked(end).filter(|(name, _)| !name.is_empty()).ok_or(Fault::Malformed)?;
        let value = rest.get(1..).unwrap_or_default();
        let Some(quoted) = value.strip_prefix(b"\"") else { return Ok((name, value)) };
        let inner = quoted.strip_suffix(b"\"").filter(|inner| !inner.iter().any(|byte| matches!(byte, b'"' | b'\\')));
        Ok((name, inner.ok_or(Fault::Malformed)?))
    })
}
