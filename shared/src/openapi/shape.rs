//! What a schema is about at first sight: for how its values are written. The engine judges them.

use crate::json::Value;

use super::reader::Reader;

/// Which values a schema may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) array: bool,
    pub(super) object: bool,
}

/// How many schemas are looked at for one: those behind may be anything.
const LOOKS: u32 = 300;

pub(super) fn of<'d>(reader: &Reader<'d>, schema: Value<'d>) -> Shape {
    look(reader, schema, &mut { LOOKS })
}

const ANYTHING: Shape = Shape { array: true, object: true };

fn look<'d>(reader: &Reader<'d>, schema: Value<'d>, looks: &mut u32) -> Shape {
    let (Some(schema), Some(left)) = (reader.peek(schema), looks.checked_sub(1)) else { return ANYTHING };
    *looks = left;
    let mut shape = ANYTHING;
    let mut also = |other: Shape| {
        shape.array &= other.array;
        shape.object &= other.object;
    };
    if let Some(types) = schema.get("type") {
        let has = |name: &str| types.as_str() == Some(name) || types.elements().any(|one| one.as_str() == Some(name));
        also(Shape { array: has("array"), object: has("object") });
    }
    for part in schema.get("allOf").into_iter().flat_map(Value::elements) {
        also(look(reader, part, looks));
    }
    for list in ["anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)) {
        let shapes = list.elements().map(|part| look(reader, part, looks));
        let either =
            |one: Shape, other: Shape| Shape { array: one.array || other.array, object: one.object || other.object };
        also(shapes.reduce(either).unwrap_or(ANYTHING));
    }
    shape
}

/// Whether it says something of arrays' or objects' inside.
pub(super) fn is_compound<'d>(reader: &Reader<'d>, schema: Value<'d>) -> bool {
    let shape = of(reader, schema);
    let keywords = ["type", "properties", "items", "additionalProperties", "allOf", "anyOf", "oneOf", "required"];
    let is_said = reader.peek(schema).is_some_and(|schema| keywords.into_iter().any(|name| schema.get(name).is_some()));
    is_said && (shape.array || shape.object)
}

/// Shows the members that a schema declares, those of its parts too.
pub(super) fn members<'d>(reader: &Reader<'d>, schema: Value<'d>, see: &mut impl FnMut(&'d str, Value<'d>)) {
    walk(reader, schema, &mut { LOOKS }, see);
}

fn walk<'d>(reader: &Reader<'d>, schema: Value<'d>, looks: &mut u32, see: &mut impl FnMut(&'d str, Value<'d>)) {
    let (Some(schema), Some(left)) = (reader.peek(schema), looks.checked_sub(1)) else { return };
    *looks = left;
    for (name, member) in schema.get("properties").into_iter().flat_map(Value::members) {
        see(name, member);
    }
    for list in ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)) {
        for part in list.elements() {
            walk(reader, part, looks, see);
        }
    }
}

/// Whether a member is bytes, or a list of such, or may be, in a form: `format: binary` in OpenAPI 3.0, and in 3.1 what has
/// a `contentMediaType` and no `contentEncoding`.
pub(super) fn is_binary<'d>(reader: &Reader<'d>, schema: Value<'d>) -> bool {
    bytes(reader, schema, &mut { LOOKS })
}

fn bytes<'d>(reader: &Reader<'d>, schema: Value<'d>, looks: &mut u32) -> bool {
    let (Some(schema), Some(left)) = (reader.peek(schema), looks.checked_sub(1)) else { return false };
    *looks = left;
    let is = |name: &str, wanted: &str| schema.get(name).and_then(Value::as_str) == Some(wanted);
    let is_bytes =
        is("format", "binary") || (schema.get("contentMediaType").is_some() && schema.get("contentEncoding").is_none());
    let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name));
    let mut parts = lists.flat_map(Value::elements).chain(schema.get("items"));
    is_bytes || parts.any(|part| bytes(reader, part, looks))
}
