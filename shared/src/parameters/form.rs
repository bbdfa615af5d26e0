//! Bodies of `application/x-www-form-urlencoded` (URL Standard section 5, OpenAPI 3.1.1 section 4.8.14.5).

use super::{
    MAX_FIELDS,
    fields::{self, Content, Field},
    pairs::Pair,
    text::{Coding, Fault},
    writer::Writer,
};
use crate::{
    json::{Limits, Tape},
    openapi::Media,
    schema::{SchemaId, Schemas},
};

/// A body that cannot be read: no form, a member twice that is no list, JSON that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl From<Fault> for Unreadable {
    fn from(_: Fault) -> Self {
        Self
    }
}

/// Reads a form as an object on the tape. Of a member whose encoding the document does not state, each pair is an element
/// of a list, an object is JSON, and all else is a text. `is_literal`: what may be a text is one, whatever it looks like.
///
/// # Errors
/// [`Unreadable`].
pub fn read_form(
    body: &[u8],
    schema: (SchemaId, &Media),
    (schemas, limits): (&Schemas, &Limits),
    tape: &mut Tape,
    is_literal: bool,
) -> Result<(), Unreadable> {
    let pairs = Pair::all(body, MAX_FIELDS, Coding::Form)?;
    if pairs.iter().any(|pair| pair.has_semicolon) {
        return Err(Unreadable);
    }
    let fields: Vec<_> =
        pairs.into_iter().map(|Pair { name, text, .. }| Field { name, content: Content::Text(text) }).collect();
    tape.begin();
    Ok(fields::write(&fields, schema, &mut Writer { schemas, limits, tape, is_literal })?)
}
