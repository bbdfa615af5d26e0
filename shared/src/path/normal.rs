//! The normal form.

use std::fmt;

/// A path's segments, each decoded once, and its query as it came.
///
/// A segment may hold any byte, a slash among them where encoded slashes are kept. `Display` writes the path's one
/// canonical spelling (RFC 3986 section 6.2.2), percent-encoded where that is needed and without the query: normalising
/// it again yields the same segments.
#[derive(Clone, Copy, Debug)]
pub struct NormalPath<'a> {
    /// Each segment behind one separator byte.
    pub(super) bytes: &'a [u8],
    /// Where each segment ends in `bytes`.
    pub(super) ends: &'a [usize],
    pub(super) trailing_slash: bool,
    pub(super) query: Option<&'a [u8]>,
}

impl<'a> NormalPath<'a> {
    /// The number of segments; none in `/`.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the path is `/`.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The segment at this position, from 0; `None` behind the last.
    pub fn segment(&self, position: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(position)?;
        let before = position.checked_sub(1).and_then(|previous| self.ends.get(previous)).copied().unwrap_or(0);
        self.bytes.get(before.saturating_add(1)..end)
    }

    /// All segments in order.
    pub fn segments(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map_while(move |position| self.segment(position))
    }

    /// Whether a slash follows the last segment. Rules do not care; some upstreams do.
    pub const fn trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// What follows the first `?`, undecoded; `None` without one.
    pub const fn query(&self) -> Option<&'a [u8]> {
        self.query
    }
}

impl fmt::Display for NormalPath<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in self.segments() {
            out.write_str("/")?;
            for byte in segment {
                if is_plain(*byte) {
                    fmt::Write::write_char(out, char::from(*byte))?;
                } else {
                    write!(out, "%{byte:02X}")?;
                }
            }
        }
        if self.trailing_slash || self.is_empty() { out.write_str("/") } else { Ok(()) }
    }
}

/// Whether a byte stands for itself in a segment, for every reader: RFC 3986's `pchar` without `%` and `;`.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~'
        | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

/// Memory for [`NormalPath`]s, one at a time. Used again for each request it soon allocates no more.
#[derive(Clone, Debug, Default)]
pub struct PathBuffer {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
}
