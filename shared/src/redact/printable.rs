//! Bytes from the network as text that is safe to log.

use std::{borrow::Cow, fmt::Write};

/// `bytes` as text on one line. What is not UTF-8 becomes `\xA1`, and characters that move the cursor, break the line
/// or turn the writing direction become `\x0A` or `\u{2028}`: a log viewer must not be led by what a client sent. A
/// backslash stays as it is, so that user agents and Windows paths can be read.
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(is_unsafe) => Cow::Borrowed(text),
        _ => Cow::Owned(escape(bytes)),
    }
}

fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            let code = u32::from(char);
            // Writing to a String cannot fail.
            let _ = if !is_unsafe(char) {
                out.write_char(char)
            } else if code <= 0xff {
                write!(out, "\\x{code:02X}")
            } else {
                write!(out, "\\u{{{code:x}}}")
            };
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    out
}

/// Control characters, line and paragraph separators, and what changes the direction of writing.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
