//! What every id must be, wherever it comes from.

use crate::{path::is_lookalike, query::has_escape};

use super::Fault;

/// The longest id, in bytes. Some databases cut longer ones off, silently.
pub const MAX_ID: usize = 512;

/// An id as text.
///
/// # Errors
/// [`Fault::ResourceEmpty`], [`Fault::ResourceTooLong`], or [`Fault::ResourceAmbiguous`]: not UTF-8, control or
/// invisible characters, characters that some servers take for ASCII ones, blanks at either end, or something that a
/// second percent-decoding would change.
pub fn check_id(id: &[u8]) -> Result<&str, Fault> {
    if id.is_empty() {
        return Err(Fault::ResourceEmpty);
    }
    if id.len() > MAX_ID {
        return Err(Fault::ResourceTooLong);
    }
    let text = str::from_utf8(id).map_err(|_| Fault::ResourceAmbiguous)?;
    // Most ids are so, and need no further look.
    if id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(text);
    }
    let odd = |char: char| char.is_control() || is_lookalike(char);
    if text.contains(odd) || text.trim().len() != text.len() || has_escape(text) {
        return Err(Fault::ResourceAmbiguous);
    }
    Ok(text)
}
