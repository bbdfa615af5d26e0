//! JSON text, read strictly into a flat list of nodes (RFC 8259).
//!
//! What a user may expect:
//! - What is accepted here means the same to every reader: UTF-8 without a byte order mark, no member twice in an object
//!   (names compared after their escapes), no lone surrogates, nothing after the value, no comments, no `NaN`, no commas or
//!   zeros too many. The first fault is told, with its place in bytes.
//! - Numbers keep their text: nothing is rounded, whatever their size.
//! - All is bounded by [`Limits`]. Time is linear in the text but for large objects, whose names are sorted; no hash is
//!   there to be collided. Memory is the text's own length and 12 bytes a value and
//!   a name, and is used again for the next text.
//!
//! A [`Value`] is a place in such a list. A list can also be built by hand ([`Tape::begin`]), so that what is no JSON in
//! a request (parameters, forms) is judged by the same schemas as what is.

mod document;
mod parse;
mod tape;
#[cfg(test)]
mod tests;
mod value;

pub use document::{Document, Part};
pub use parse::{Error, Fault, Limits};
pub use tape::Tape;
pub(crate) use tape::start;
pub use value::{Elements, Kind, Members, Value, Without};
