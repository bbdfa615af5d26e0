//! Memory that each request uses again.

use portcullis_shared::json::Tape;

#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// For bodies.
    pub(crate) tape: Tape,
}
