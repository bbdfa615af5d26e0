//! JSON Schema: compiled once out of a document, then held against values.
//!
//! What a user may expect:
//! - Drafts 4, 6, 7, 2019-09 and 2020-12, and the dialects of OpenAPI 3.0 and 3.1.
//! - Each place of a document is compiled once, whatever refers to it, cycles included.
//! - Violations say where in the value (RFC 6901) and which keyword, never what the value was.
//! - Work is bounded by a [`Budget`]: what would take more is not valid, whatever it is.

mod build;
mod circles;
mod compile;
mod containers;
pub mod decimal;
mod discriminator;
mod documents;
mod equal;
mod evaluated;
mod findings;
pub mod format;
mod keyword;
mod memory;
mod parts;
pub mod pattern;
mod run;
mod scan;
mod shape;
mod short;
mod table;
#[cfg(test)]
mod tests;
mod uri;
mod validate;
mod violations;

use table::Table;

pub use compile::{Compiler, Fault};
pub use validate::{Budget, Report, TooComplex, Violation};

/// Which keywords there are, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// JSON Schema draft 4.
    Draft4,
    /// JSON Schema draft 6.
    Draft6,
    /// JSON Schema draft 7.
    Draft7,
    /// JSON Schema 2019-09.
    Draft201909,
    /// JSON Schema 2020-12.
    Draft202012,
    /// OpenAPI 3.0's schema object (OpenAPI 3.0.4 section 4.7.24).
    OpenApi30,
    /// OpenAPI 3.1's: JSON Schema 2020-12 with `discriminator` (OpenAPI 3.1.1 section 4.8.24).
    OpenApi31,
}

/// What is sent, which `readOnly` and `writeOnly` are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A request: members that are `readOnly` must not be there, and are not required.
    Request,
    /// A request of which members that are `readOnly` are taken too. They are not required either.
    LenientRequest,
    /// A response: members that are `writeOnly` must not be there.
    Response,
    /// Neither is looked at.
    Any,
}

/// How schemas are to be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether `format` is enforced. Formats that are not known are warned of.
    pub formats: bool,
    /// Whether members that no schema declares are refused where nothing is said of them: an object with `properties` and
    /// neither `additionalProperties` nor `unevaluatedProperties` is then closed, `allOf` and its like considered.
    pub closed: bool,
    /// The same for [`Direction::Response`].
    pub closed_responses: bool,
}

/// Names a compiled schema in its [`Schemas`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub(crate) u32);

/// Which types of JSON value a schema may accept: for reading texts (parameters, forms) as what they are meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the types that JSON has")]
pub struct Types {
    /// `null`.
    pub null: bool,
    /// `true` and `false`.
    pub boolean: bool,
    /// Numbers, integers included.
    pub number: bool,
    /// Texts.
    pub string: bool,
    /// Arrays.
    pub array: bool,
    /// Objects.
    pub object: bool,
}

impl Types {
    /// Any.
    pub const ALL: Self = Self { null: true, boolean: true, number: true, string: true, array: true, object: true };
    /// None.
    pub const NONE: Self =
        Self { null: false, boolean: false, number: false, string: false, array: false, object: false };
}

/// All schemas of a document that are in use.
#[derive(Debug)]
pub struct Schemas {
    table: Table,
}

impl Schemas {
    /// Which types `schema` may accept, references and `allOf`, `anyOf`, `oneOf` followed.
    pub fn types(&self, schema: SchemaId) -> Types {
        self.table.types(schema.0).into()
    }

    /// The schema for the element at `position` of an array, if one is declared.
    pub fn element(&self, schema: SchemaId, position: usize) -> Option<SchemaId> {
        self.table.element(schema.0, position).map(SchemaId)
    }

    /// The schema for the member `name` of an object, if one is declared, `additionalProperties` included.
    pub fn member(&self, schema: SchemaId, name: &str) -> Option<SchemaId> {
        self.table.declared(schema.0, name).map(SchemaId)
    }

    /// The names of all declared members, and whether others may be there: for parameters that are objects.
    pub fn members(&self, schema: SchemaId) -> (Vec<Box<str>>, bool) {
        self.table.members(schema.0)
    }

    /// How many schemas there are.
    pub fn len(&self) -> usize {
        self.table.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
