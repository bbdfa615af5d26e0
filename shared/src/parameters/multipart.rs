//! Bodies of `multipart/form-data` (RFC 7578, RFC 2046 section 5.1).
//!
//! Read strictly: nothing before the first boundary and nothing behind the last, no boundary anywhere else, CRLF at the end
//! of lines, one `content-disposition` in each part with one `name` in it, no transfer encoding, no parts in parts. What the
//! contract has as binary is not looked into: to the schema it is a text of zeros, as long as the part is, up to 64.

mod finder;
mod part;

use super::{
    MAX_FIELDS,
    fields::{self, Field},
    form::Unreadable,
    writer::Writer,
};
use crate::{
    json::{Limits, Tape},
    openapi::Media,
    schema::{SchemaId, Schemas},
};

use finder::Finder;

/// Reads a body as an object on the tape: parts of one name are a list where the schema wants one. `is_literal` as in
/// [`read_form`](super::read_form).
///
/// # Errors
/// [`Unreadable`], also of a part whose media type is none of those that its encoding names.
pub fn read_multipart(
    body: &[u8],
    boundary: &str,
    schema: (SchemaId, &Media),
    (schemas, limits): (&Schemas, &Limits),
    tape: &mut Tape,
    is_literal: bool,
) -> Result<(), Unreadable> {
    let fields = parts(body, boundary).ok_or(Unreadable)?;
    tape.begin();
    Ok(fields::write(&fields, schema, &mut Writer { schemas, limits, tape, is_literal })?)
}

/// All parts, if the body is well-formed.
///
/// A boundary that does not follow a CRLF is refused, and not taken for content: PHP, for one, looks for the line feed
/// alone. Clients choose what is nowhere in their content (RFC 2046 section 5.1.1).
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Field<'a>>> {
    let opening = [b"--", boundary.as_bytes()].concat();
    let finder = Finder::new(&opening);
    let mut rest = body.strip_prefix(b"\r\n").unwrap_or(body).strip_prefix(opening.as_slice())?;
    let mut parts = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b"--") {
            return matches!(after, b"" | b"\r\n").then_some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let (part, after) = rest.split_at_checked(finder.find(rest)?)?;
        if parts.len() >= MAX_FIELDS {
            return None;
        }
        parts.push(part::read(part.strip_suffix(b"\r\n")?)?);
        rest = after.strip_prefix(opening.as_slice())?;
    }
}
