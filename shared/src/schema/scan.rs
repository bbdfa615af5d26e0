//! What in a document has a name (`$id`, `$anchor`) and whether anything goes one way only, in one look at all of it.

use crate::json::{Kind, Value};

use super::{
    Dialect,
    documents::{Anchor, Documents, Place, Resource},
    uri,
};

/// Looks at a document that is about to be added. Whether anything in it is `readOnly` or `writeOnly`.
pub(super) fn scan(documents: &mut Documents, root: Value<'_>, document: u32, dialect: Dialect) -> bool {
    let own = root.get("$schema").and_then(Value::as_str).and_then(Dialect::named);
    let dialect = if dialect.is_openapi() { dialect } else { own.unwrap_or(dialect) };
    let place = Place { document, index: root.id() };
    let mut scan = Scan { documents, document, has_directions: false };
    let resource = scan.resource(root, place, "", dialect, None);
    if dialect.is_openapi() {
        scan.anything(root, resource, dialect);
    } else {
        scan.own_id(root, resource, dialect, true);
    }
    scan.has_directions
}

struct Scan<'s> {
    documents: &'s mut Documents,
    document: u32,
    has_directions: bool,
}

/// What the values of keywords are.
enum Below {
    Schema,
    Schemas,
    Members,
    /// A schema or a list of them.
    Either,
}

fn below(keyword: &str) -> Option<Below> {
    Some(match keyword {
        "additionalItems"
        | "additionalProperties"
        | "contains"
        | "contentSchema"
        | "else"
        | "if"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Below::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Below::Schemas,
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" | "properties" => {
            Below::Members
        }
        "items" => Below::Either,
        _ => return None,
    })
}

impl Scan<'_> {
    fn resource(&mut self, root: Value<'_>, place: Place, uri: &str, dialect: Dialect, parent: Option<u32>) -> u32 {
        let id = u32::try_from(self.documents.resources.len()).unwrap_or(u32::MAX);
        let is_recursive =
            dialect == Dialect::Draft201909 && root.get("$recursiveAnchor").and_then(Value::as_bool) == Some(true);
        self.documents.resources.push(Resource {
            place,
            end: root.behind(),
            uri: uri.into(),
            dialect,
            parent,
            is_recursive,
        });
        id
    }

    /// An OpenAPI document, or what is in it: schemas can be anywhere.
    fn anything(&mut self, value: Value<'_>, resource: u32, dialect: Dialect) {
        if value.kind() == Kind::Array {
            for element in value.elements() {
                self.anything(element, resource, dialect);
            }
            return;
        }
        let resource = if dialect == Dialect::OpenApi31 { self.names(value, resource, dialect).0 } else { resource };
        for (name, value) in value.members() {
            match name {
                "readOnly" | "writeOnly" => self.has_directions = true,
                "enum" | "const" | "example" | "examples" | "default" | "description" => {
                    // Members of these names are schemas among `properties`; what is an object may be one.
                    if value.kind() == Kind::Object {
                        self.anything(value, resource, dialect);
                    }
                }
                _ => self.anything(value, resource, dialect),
            }
        }
    }

    /// A schema of JSON Schema's drafts.
    fn own_id(&mut self, schema: Value<'_>, resource: u32, dialect: Dialect, is_root: bool) {
        if schema.kind() != Kind::Object {
            return;
        }
        let (resource, dialect) = if is_root {
            self.root(schema, resource, dialect);
            (resource, dialect)
        } else {
            self.names(schema, resource, dialect)
        };
        if dialect.has_lone_refs() && schema.get("$ref").is_some_and(|text| text.kind() == Kind::String) {
            return;
        }
        for (name, value) in schema.members() {
            match below(name) {
                Some(Below::Either) if value.kind() == Kind::Object => self.own_id(value, resource, dialect, false),
                Some(Below::Schema) => self.own_id(value, resource, dialect, false),
                Some(Below::Schemas | Below::Either) => {
                    for value in value.elements() {
                        self.own_id(value, resource, dialect, false);
                    }
                }
                Some(Below::Members) => {
                    for (_, value) in value.members() {
                        self.own_id(value, resource, dialect, false);
                    }
                }
                None => self.has_directions |= matches!(name, "readOnly" | "writeOnly"),
            }
        }
    }

    /// The root's own names: its `$id` is the document's.
    fn root(&mut self, schema: Value<'_>, resource: u32, dialect: Dialect) {
        let id = dialect.id().and_then(|name| schema.get(name)).and_then(Value::as_str);
        let has_lone_ref = dialect.has_lone_refs() && schema.get("$ref").is_some();
        if let Some(id) = id.filter(|_| !has_lone_ref)
            && let Some(known) = self.documents.resources.get_mut(resource as usize)
        {
            let uri = id.split('#').next().unwrap_or_default();
            known.uri = uri::join("", uri).into();
        }
        self.anchors(schema, resource, dialect);
    }

    /// The resource and the dialect in a schema, once its names are known.
    fn names(&mut self, schema: Value<'_>, resource: u32, dialect: Dialect) -> (u32, Dialect) {
        let Some(id) = dialect.id().and_then(|name| schema.get(name)).and_then(Value::as_str) else {
            self.anchors(schema, resource, dialect);
            return (resource, dialect);
        };
        if dialect.has_lone_refs() && schema.get("$ref").is_some_and(|text| text.kind() == Kind::String) {
            return (resource, dialect);
        }
        let (uri, fragment) = id.split_once('#').unwrap_or((id, ""));
        let place = Place { document: self.document, index: schema.id() };
        if uri.is_empty() {
            if dialect.has_lone_refs() && !fragment.is_empty() {
                self.anchor(resource, fragment, place, false);
            }
            self.anchors(schema, resource, dialect);
            return (resource, dialect);
        }
        let base = self.documents.resource(resource).map_or("", |known| &known.uri);
        let uri = uri::join(base, uri);
        let own = schema.get("$schema").and_then(Value::as_str).and_then(Dialect::named);
        let dialect = own.unwrap_or(dialect);
        let resource = self.resource(schema, place, &uri, dialect, Some(resource));
        if dialect.has_lone_refs() && !fragment.is_empty() {
            self.anchor(resource, fragment, place, false);
        }
        self.anchors(schema, resource, dialect);
        (resource, dialect)
    }

    fn anchors(&mut self, schema: Value<'_>, resource: u32, dialect: Dialect) {
        if dialect.has_lone_refs() {
            return;
        }
        let place = Place { document: self.document, index: schema.id() };
        for (name, is_dynamic) in [("$anchor", false), ("$dynamicAnchor", true)] {
            if let Some(text) = schema.get(name).and_then(Value::as_str) {
                self.anchor(resource, text, place, is_dynamic);
            }
        }
    }

    fn anchor(&mut self, resource: u32, name: &str, place: Place, is_dynamic: bool) {
        self.documents.anchors.push(Anchor { resource, name: name.into(), place, is_dynamic });
    }
}
