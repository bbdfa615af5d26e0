//! The fields of a form or a multipart body, as one object.

use std::borrow::Cow;

use super::{
    styles::{self, Form},
    text::Fault,
    tree::Tree,
    writer::{Shape, Writer, takes_one},
};
use crate::{
    media::MediaType,
    openapi::{Encoding, Media, Style},
    schema::{SchemaId, Types},
    spelling::is_near,
};

/// One field.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) content: Content<'a>,
}

/// What is in a field.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    /// A part of a multipart body.
    Part(&'a [u8], Option<MediaType>),
}

/// Writes the object that these fields are.
pub(super) fn write(
    fields: &[Field<'_>],
    (schema, media): (SchemaId, &Media),
    writer: &mut Writer<'_>,
) -> Result<(), Fault> {
    refuse_near(fields, (schema, media), writer)?;
    let mut tree = Tree::new();
    for (position, field) in fields.iter().enumerate() {
        let (name, brackets) = split(&field.name, media);
        let node = tree.child(0, name);
        tree.add(node, brackets, position)?;
    }
    tree.sort();
    writer.tape.object();
    for (_, node) in tree.children(0) {
        let name = tree.name(*node);
        if name.is_empty() {
            return Err(Fault::Malformed);
        }
        writer.tape.name(name);
        let member = Member { fields, name, encoding: media.encoding(name) };
        let schema = writer.member(Some(schema), name);
        tree.write(*node, schema, writer, &mut |writer, schema, items| member.write(items, schema, writer))?;
    }
    writer.tape.close();
    Ok(())
}

/// Refuses what a server may take for a declared member, so that its schema is gone round; and another charset (RFC 7578
/// section 4.6), in which all may be something else.
fn refuse_near(fields: &[Field<'_>], (schema, media): (SchemaId, &Media), writer: &Writer<'_>) -> Result<(), Fault> {
    let (members, is_open) = writer.schemas.members(schema);
    for field in fields {
        let (name, _) = split(&field.name, media);
        if name == "_charset_" && !field.content.bytes().eq_ignore_ascii_case(b"utf-8") {
            return Err(Fault::Malformed);
        }
        let is_declared = || members.iter().any(|member| **member == *name);
        // Where there may be no others, the schema says so.
        if is_open && !is_declared() && members.iter().any(|member| is_near(name, member)) {
            return Err(Fault::Repeated);
        }
    }
    Ok(())
}

/// Splits a name at its brackets where the member is a `deepObject`.
fn split<'n>(name: &'n str, media: &Media) -> (&'n str, &'n str) {
    let place = name.find('[').and_then(|place| name.split_at_checked(place));
    place.filter(|(base, _)| media.encoding(base).is_some_and(is_deep)).unwrap_or((name, ""))
}

fn is_deep(encoding: &Encoding) -> bool {
    encoding.style.is_some_and(|(style, ..)| style == Style::DeepObject)
}

impl Content<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Part(bytes, _) => bytes,
        }
    }
}

/// What is written at a name, or behind its brackets.
struct Member<'m, 'a> {
    fields: &'m [Field<'a>],
    name: &'m str,
    encoding: Option<&'m Encoding>,
}

impl Member<'_, '_> {
    fn write(&self, items: &[(usize, usize)], schema: Option<SchemaId>, writer: &mut Writer<'_>) -> Result<(), Fault> {
        let types = writer.types(schema);
        let style = self.encoding.and_then(|encoding| encoding.style);
        let is_deep = self.encoding.is_some_and(is_deep);
        let is_json = style.is_none() && self.encoding.is_some_and(Encoding::is_json);
        // In JSON, a list may be one text, or each element may be one.
        let is_whole = is_json && matches!(items, [(_, item)] if self.bytes(*item).starts_with(b"["));
        let is_list = types.array && !is_whole && !is_deep && (items.len() > 1 || !takes_one(types));
        if is_list && style.is_none_or(|(_, explode, _)| explode) {
            writer.tape.array();
            for (position, (_, item)) in items.iter().enumerate() {
                let element = writer.element(schema, position);
                self.value(*item, element, is_json, writer)?;
            }
            writer.tape.close();
            return Ok(());
        }
        let [(_, item)] = items else { return Err(Fault::Repeated) };
        if let (Some((style, explode, _)), Some(schema)) = (style, schema)
            && !is_deep
            && (is_list || (types.object && !takes_one(types)))
        {
            let shape = if is_list { Shape::List } else { Shape::Members };
            let text = str::from_utf8(self.bytes(*item)).map_err(|_| Fault::Malformed)?;
            return styles::write(writer, schema, text, Form { style, explode, shape, name: self.name });
        }
        self.value(*item, schema, is_json, writer)
    }

    fn bytes(&self, item: usize) -> &[u8] {
        self.fields.get(item).map(|field| field.content.bytes()).unwrap_or_default()
    }

    fn value(
        &self,
        item: usize,
        schema: Option<SchemaId>,
        is_json: bool,
        writer: &mut Writer<'_>,
    ) -> Result<(), Fault> {
        match self.fields.get(item).map(|field| &field.content) {
            Some(Content::Text(text)) => write_text(text, schema, is_json, writer),
            Some(Content::Part(bytes, media_type)) => self.part(bytes, media_type.as_ref(), schema, writer),
            None => Err(Fault::Malformed),
        }
    }

    /// A part of a multipart body, by its media type. What the contract does not know as binary is text, whatever the
    /// client says that it is: else a file's name would lead round a text's schema.
    fn part(
        &self,
        bytes: &[u8],
        media_type: Option<&MediaType>,
        schema: Option<SchemaId>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Fault> {
        let types = writer.types(schema);
        let encoding = self.encoding.filter(|encoding| encoding.style.is_none());
        let declared = encoding.map(|encoding| encoding.content_types.as_slice()).unwrap_or_default();
        if !declared.is_empty() {
            // RFC 7578 section 4.4.
            let usual = MediaType::parse(b"text/plain").ok();
            let media_type = media_type.or(usual.as_ref()).ok_or(Fault::Malformed)?;
            if !declared.iter().any(|range| range.contains(media_type)) {
                return Err(Fault::Malformed);
            }
        }
        let is_json = media_type.is_some_and(MediaType::is_json);
        let is_text = media_type.is_none_or(|known| known.essence().starts_with("text/"));
        let is_any = schema.is_none() || types == Types::ALL || !declared.is_empty();
        if self.encoding.is_some_and(|encoding| encoding.is_binary) || (is_any && !is_json && !is_text) {
            writer.tape.string(PLACEHOLDER.get(..bytes.len()).unwrap_or(PLACEHOLDER));
            return Ok(());
        }
        // Quotes and escapes would be a part of the text to who does not look at the type.
        let is_only_text = types.string && !types.array && !types.object;
        if (is_json && is_only_text && declared.is_empty()) || !media_type.is_none_or(MediaType::is_utf8) {
            return Err(Fault::Malformed);
        }
        let text = str::from_utf8(bytes).map_err(|_| Fault::Malformed)?;
        write_text(text, schema, is_json, writer)
    }
}

/// What stands for bytes, which no schema looks into: as long as they are, up to here.
const PLACEHOLDER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A text: JSON where it has to be, or where it can be nothing else.
fn write_text(text: &str, schema: Option<SchemaId>, is_json: bool, writer: &mut Writer<'_>) -> Result<(), Fault> {
    let types = writer.types(schema);
    let is_compound = (types.array || types.object) && !types.string;
    if is_json || (is_compound && (!takes_one(types) || text.starts_with(['{', '[']))) {
        return writer.tape.json(text.as_bytes(), writer.limits).map_err(|_| Fault::Malformed);
    }
    writer.scalar(text, types);
    Ok(())
}
