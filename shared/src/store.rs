//! Memory that all of a proxy's workers share, as policies see it.

/// The `cas` of a key that is not there: with it, [`Store::set`] puts a value only if there is none yet.
pub const ABSENT: u32 = u32::MAX;

/// Why a value was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// Another worker was quicker: read again, and try again.
    Changed,
    /// The store does not answer.
    Unavailable,
}

/// Values by key. Nothing can be deleted, and whole values are copied in and out, so keys are few and values small.
pub trait Store {
    /// The value of a key, with the number that stands for its version; `None` also where the store does not answer.
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Sets a key's value if its version is still `cas`; [`ABSENT`] for a key without a value.
    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), SetError>;
}
