//! Bodies that were compressed for their way.
//!
//! What a user expects:
//! - A body is judged by what the upstream will read: decoded, whole, and within a limit.
//! - What is not exactly as its format says is refused: a wrong checksum, an end that is missing, bytes behind the end.
//! - A body that becomes larger than the limit is given up as soon as that shows: no more than the limit is ever kept,
//!   besides what a decoder needs for itself (11 KB for gzip and deflate; for br some MB, see `COMMON_WINDOW`).
//! - `deflate` is zlib's format, as RFC 9110 section 8.4.1.2 says. The bare stream that some clients send for it is
//!   refused: servers differ over it.

mod brotli;
mod crc;
mod gzip;
mod inflate;
#[cfg(test)]
mod tests;

use std::{error::Error, fmt};

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A coding that is not known, or too many of them.
    Unsupported,
    /// The body is not what its coding says.
    Invalid,
    /// The body, or what it becomes on the way, is larger than the limit; or its decoder would need more memory than such
    /// a body ever asks for.
    Bomb,
}

impl Fault {
    /// The stable reason code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unsupported => "content_encoding_unsupported",
            Self::Invalid => "content_encoding_invalid",
            Self::Bomb => "body_bomb",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unsupported => "a content coding that is not supported",
            Self::Invalid => "a body that is not encoded as its content coding says",
            Self::Bomb => "a body that is too large when it is decoded",
        })
    }
}

impl Error for Fault {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// What a `content-encoding` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codings {
    /// In the order in which they were applied.
    applied: [Option<Coding>; Codings::MAX],
}

impl Codings {
    /// The most codings that a body can have; real ones have one.
    pub const MAX: usize = 2;

    /// Reads a header's value (RFC 9110 section 8.4); several values are joined with commas. `identity` says nothing, and
    /// neither does an empty element.
    ///
    /// # Errors
    /// [`Fault::Unsupported`].
    pub fn parse(value: &[u8]) -> Result<Self, Fault> {
        let mut codings = Self::default();
        let mut free = codings.applied.iter_mut();
        for name in value.split(|byte| *byte == b',') {
            let name = name.trim_ascii();
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            let coding = match () {
                () if name.is_empty() || is("identity") => continue,
                () if is("gzip") || is("x-gzip") => Coding::Gzip,
                () if is("deflate") => Coding::Deflate,
                () if is("br") => Coding::Brotli,
                () => return Err(Fault::Unsupported),
            };
            *free.next().ok_or(Fault::Unsupported)? = Some(coding);
        }
        Ok(codings)
    }

    /// Whether the body is as it was.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// Puts the decoded body into `out`, which is empty after a fault. `limit` is for what comes out of each coding, in
    /// bytes.
    ///
    /// # Errors
    /// [`Fault::Invalid`] or [`Fault::Bomb`].
    pub fn decode(&self, body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.clear();
        let result = self.decode_into(body, limit, out);
        if result.is_err() {
            out.clear();
        }
        result
    }

    fn decode_into(self, body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self.applied {
            [Some(first), Some(second)] => {
                let mut between = Vec::new();
                second.decode(body, limit, &mut between)?;
                first.decode(&between, limit, out)
            }
            [Some(only), None] | [None, Some(only)] => only.decode(body, limit, out),
            [None, None] if body.len() > limit => Err(Fault::Bomb),
            [None, None] => {
                out.extend_from_slice(body);
                Ok(())
            }
        }
    }
}

impl Coding {
    fn decode(self, body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::Gzip => gzip::decode(body, limit, out),
            Self::Deflate => inflate::zlib(body, limit, out),
            Self::Brotli => brotli::decode(body, limit, out),
        }
    }
}

/// Makes room for `length` bytes, and for more in proportion, but never for more than `most`.
fn reserve(out: &mut Vec<u8>, length: usize, most: usize) {
    if length > out.capacity() {
        let wanted = length.max(out.capacity().saturating_mul(2)).min(most);
        out.reserve_exact(wanted.saturating_sub(out.len()));
    }
}

/// Decodes a body with this `content-encoding`; see [`Codings`].
///
/// # Errors
/// A [`Fault`].
pub fn decode(codings: &[u8], body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.clear();
    Codings::parse(codings)?.decode(body, limit, out)
}
