//! Bodies of `application/x-www-form-urlencoded` (URL Standard section 5, OpenAPI 3.1.1 section 4.8.14.5).

use std::borrow::Cow;

use super::{
    MAX_FIELDS,
    build::Builder,
    pairs::{Coding, Pair, decode},
    styles::{Shape, split},
    tree::Tree,
};
use crate::{
    json::{Limits, Tape},
    openapi::{Encoding, Media, Style},
    schema::{SchemaId, Schemas, Types},
};

/// A body that cannot be read: no form, a member twice that is no list, JSON that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// The fields of one member.
struct Field<'a> {
    name: Cow<'a, str>,
    /// With the brackets behind the name, where these have a meaning.
    texts: Vec<(String, &'a [u8])>,
}

/// Reads a form as an object on the tape. Of a member whose encoding the document does not state, each pair is an item of
/// a list, an object is JSON, and all else is a text. `is_literal`: what may be a text is one, whatever it looks like.
///
/// # Errors
/// [`Unreadable`].
pub fn read_form(
    body: &[u8],
    (schema, media): (SchemaId, &Media),
    (schemas, limits): (&Schemas, &Limits),
    tape: &mut Tape,
    is_literal: bool,
) -> Result<(), Unreadable> {
    let pairs = Pair::all(body, MAX_FIELDS).map_err(|_| Unreadable)?;
    let mut fields = Vec::<Field<'_>>::new();
    for Pair { name, raw, .. } in pairs {
        let (name, brackets) = bracketed(name, media);
        match fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.texts.push((brackets, raw)),
            None => fields.push(Field { name, texts: vec![(brackets, raw)] }),
        }
    }
    tape.begin();
    tape.object();
    for field in &fields {
        tape.name(&field.name);
        let member = schemas.member(schema, &field.name);
        let encoding = media.encoding(&field.name);
        let mut builder = Builder { schemas, tape, is_literal };
        member_of(field, member, encoding, limits, &mut builder)?;
    }
    tape.close();
    Ok(())
}

/// Splits a name at its brackets where the member is a `deepObject`.
fn bracketed<'a>(name: Cow<'a, str>, media: &Media) -> (Cow<'a, str>, String) {
    let base = name.split_once('[').map(|(base, _)| base);
    let is_deep = |base: &str| {
        media.encoding(base).is_some_and(|known| known.style.is_some_and(|(style, ..)| style == Style::DeepObject))
    };
    match base.filter(|base| is_deep(base)) {
        Some(base) => {
            let brackets = name.strip_prefix(base).unwrap_or_default().to_owned();
            (Cow::Owned(base.to_owned()), brackets)
        }
        None => (name, String::new()),
    }
}

fn member_of(
    field: &Field<'_>,
    schema: Option<SchemaId>,
    encoding: Option<&Encoding>,
    limits: &Limits,
    builder: &mut Builder<'_>,
) -> Result<(), Unreadable> {
    let types = schema.map_or(Types { string: true, ..Types::NONE }, |schema| builder.schemas.types(schema));
    let takes_one = types.null || types.boolean || types.number || types.string;
    if field.texts.iter().any(|(brackets, _)| !brackets.is_empty()) {
        let mut tree = Tree::new();
        for (brackets, raw) in &field.texts {
            tree.add(brackets, text(raw)?).map_err(|_| Unreadable)?;
        }
        builder.tree(schema, &tree);
        return Ok(());
    }
    let style = encoding.and_then(|encoding| encoding.style);
    let is_json = encoding.is_some_and(Encoding::is_json);
    if types.array && !is_json && (!takes_one || field.texts.len() > 1) {
        let is_joined = style.is_some_and(|(_, explode, _)| !explode);
        if !is_joined {
            builder.tape.array();
            for (position, (_, raw)) in field.texts.iter().enumerate() {
                let item = schema.and_then(|schema| builder.schemas.element(schema, position));
                one(&text(raw)?, item, false, limits, builder)?;
            }
            builder.tape.close();
            return Ok(());
        }
    }
    let [(_, raw)] = field.texts.as_slice() else { return Err(Unreadable) };
    if let (Some((style, explode, _)), Some(schema)) = (style, schema)
        && !takes_one
        && !is_json
    {
        let shape = if types.array { Shape::List } else { Shape::Members };
        let parts = split(raw, (style, explode), shape, &field.name, Coding::Form).map_err(|_| Unreadable)?;
        builder.parts(schema, &parts);
        return Ok(());
    }
    one(&text(raw)?, schema, is_json, limits, builder)
}

/// One text: JSON if it has to be.
pub(super) fn one(
    text: &str,
    schema: Option<SchemaId>,
    is_json: bool,
    limits: &Limits,
    builder: &mut Builder<'_>,
) -> Result<(), Unreadable> {
    let types = schema.map_or(Types { string: true, ..Types::NONE }, |schema| builder.schemas.types(schema));
    let takes_one = types.null || types.boolean || types.number || types.string;
    if is_json || ((types.object || types.array) && !takes_one) {
        return builder.tape.json(text.as_bytes(), limits).map_err(|_| Unreadable);
    }
    builder.text(text, types);
    Ok(())
}

fn text(raw: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    decode(raw, Coding::Form).map_err(|_| Unreadable)
}
