//! One text that is a list or an object, by its style.

use super::{
    text::Fault,
    writer::{Shape, Writer},
};
use crate::{openapi::Style, schema::SchemaId};

/// How a text is written, and what it is to be read as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'n> {
    pub(super) style: Style,
    pub(super) explode: bool,
    pub(super) shape: Shape,
    /// The parameter's, which `matrix` writes into the text.
    pub(super) name: &'n str,
}

/// Writes the value of a decoded text.
pub(super) fn write(writer: &mut Writer<'_>, schema: SchemaId, text: &str, form: Form<'_>) -> Result<(), Fault> {
    match form.style {
        Style::Simple | Style::Form | Style::DeepObject => delimited(writer, schema, text, ',', form),
        Style::SpaceDelimited => delimited(writer, schema, text, ' ', form),
        Style::PipeDelimited => delimited(writer, schema, text, '|', form),
        Style::Label => {
            let text = text.strip_prefix('.').ok_or(Fault::Malformed)?;
            delimited(writer, schema, text, if form.explode { '.' } else { ',' }, form)
        }
        Style::Matrix => matrix(writer, schema, text, form),
    }
}

fn delimited(
    writer: &mut Writer<'_>,
    schema: SchemaId,
    text: &str,
    delimiter: char,
    form: Form<'_>,
) -> Result<(), Fault> {
    if form.shape == Shape::One {
        writer.scalar(text, writer.types(Some(schema)));
        return Ok(());
    }
    pieces(writer, schema, &mut text.split(delimiter), form)
}

/// Writes the list or object that these pieces are.
pub(super) fn pieces(
    writer: &mut Writer<'_>,
    schema: SchemaId,
    pieces: &mut dyn Iterator<Item = &str>,
    form: Form<'_>,
) -> Result<(), Fault> {
    if form.shape != Shape::Members {
        writer.list(Some(schema), pieces);
        return Ok(());
    }
    if form.explode {
        return writer.members(Some(schema), &mut pieces.map(|piece| piece.split_once('=')));
    }
    let mut couples = std::iter::from_fn(|| {
        let name = pieces.next()?;
        Some(pieces.next().map(|text| (name, text)))
    });
    writer.members(Some(schema), &mut couples)
}

/// `;name=a,b` or `;name=a;name=b`, and `;a=1;b=2` of an object. Without a text there is no `=` (RFC 6570 section 3.2.7).
fn matrix(writer: &mut Writer<'_>, schema: SchemaId, text: &str, form: Form<'_>) -> Result<(), Fault> {
    let text = text.strip_prefix(';').ok_or(Fault::Malformed)?;
    let mut pieces = text.split(';').map(|piece| piece.split_once('=').unwrap_or((piece, "")));
    if form.explode && form.shape == Shape::Members {
        return writer.members(Some(schema), &mut pieces.map(Some));
    }
    if pieces.clone().any(|(name, _)| name != form.name) {
        return Err(Fault::Malformed);
    }
    if form.explode && form.shape == Shape::List {
        writer.list(Some(schema), &mut pieces.map(|(_, text)| text));
        return Ok(());
    }
    match (pieces.next(), pieces.next()) {
        (Some((_, text)), None) => delimited(writer, schema, text, ',', Form { explode: false, ..form }),
        _ => Err(Fault::Repeated),
    }
}
