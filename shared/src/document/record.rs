//! What the store holds for a source: a small record that is polled, and the document. Numbers are little-endian; a
//! value of another format or length is treated as absent.

use std::borrow::Cow;

/// The first byte of each value, and part of each key.
pub(super) const FORMAT: u8 = 1;

/// What workers must agree on. All times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Of the document that was stored last: the `sequence` of its fetch. 0: there is none yet.
    pub(super) version: u64,
    /// The `owner` of the fetch that last succeeded, also when it brought what was there already.
    pub(super) success: u64,
    /// Counts fetches as they start.
    pub(super) sequence: u64,
    /// When a fetch last succeeded.
    pub(super) fetched_at: u64,
    /// When the next fetch is due.
    pub(super) next_at: u64,
    /// When the last fetch began.
    pub(super) attempted_at: u64,
    /// When a fetch under way counts as lost. 0: none is under way.
    pub(super) lease_until: u64,
    /// A random number that names the fetch under way.
    pub(super) owner: u64,
    /// Failed fetches since the last that succeeded.
    pub(super) failures: u32,
}

impl Record {
    const BYTES: usize = 1 + 8 * 8 + 4;

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.push(FORMAT);
        let Self { version, success, sequence, fetched_at, next_at, attempted_at, lease_until, owner, failures } = self;
        for number in [version, success, sequence, fetched_at, next_at, attempted_at, lease_until, owner] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&failures.to_le_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[FORMAT])?;
        let record = Self {
            version: number(&mut rest)?,
            success: number(&mut rest)?,
            sequence: number(&mut rest)?,
            fetched_at: number(&mut rest)?,
            next_at: number(&mut rest)?,
            attempted_at: number(&mut rest)?,
            lease_until: number(&mut rest)?,
            owner: number(&mut rest)?,
            failures: u32::from_le_bytes(rest.try_into().ok()?),
        };
        Some(record)
    }
}

/// What stands before a stored document, so that it can be told which one it is when the record is ahead or behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u64,
    /// When this version was first fetched.
    pub(super) fetched_at: u64,
}

impl Header {
    const BYTES: usize = 1 + 2 * 8;

    /// The value that holds a document.
    pub(super) fn with(self, document: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES.saturating_add(document.len()));
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&self.fetched_at.to_le_bytes());
        bytes.extend_from_slice(document);
        bytes
    }

    /// A value's header and document.
    pub(super) fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut rest = bytes.strip_prefix(&[FORMAT])?;
        let header = Self { version: number(&mut rest)?, fetched_at: number(&mut rest)? };
        Some((header, rest))
    }

    /// [`Self::split`] of an owned or borrowed value.
    pub(super) fn split_off(value: Cow<'_, [u8]>) -> Option<(Self, Cow<'_, [u8]>)> {
        match value {
            Cow::Borrowed(bytes) => Self::split(bytes).map(|(header, rest)| (header, Cow::Borrowed(rest))),
            Cow::Owned(mut bytes) => {
                let (header, _) = Self::split(&bytes)?;
                bytes.drain(..Self::BYTES);
                Some((header, Cow::Owned(bytes)))
            }
        }
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}
