//! What an API's contract allows: an OpenAPI 3.0 or 3.1 document, read once.
//!
//! What a user may expect:
//! - Real documents load. What can be enforced is; what cannot is a warning; what would be enforced wrongly is a fault.
//!   All are named by JSON pointer (RFC 6901). A warning that many places share names the first of them.
//! - Nothing is fetched: a `$ref` to elsewhere is a fault, which says how to bundle.
//! - Of `servers` only the paths count, at whichever level: requests to all of them are matched. A variable that is a whole
//!   segment and has no `enum` is any one segment; any other without `enum` is its default.
//! - Keys of `paths` are cut at `?` and `#`. Operations that are then one are alternatives: a request that one of them
//!   allows is allowed ([`Candidate`]).
//! - A variable of a path that no parameter declares is any text.
//! - Bodies are judged wherever they are declared, also of GET, HEAD and DELETE. Of GET and HEAD an OpenAPI 3.0 document
//!   cannot require one, as that version has none there. Where none is declared, none is allowed.
//! - What is at or below an ignored pointer is not read: an ignored operation is known and passes unchecked; an ignored
//!   parameter, body, media type, schema or response may be anything; an ignored path that is none is not there.
//! - Never looked at: examples, links, `tags`, `externalDocs`. Not enforced, with a warning: security schemes, callbacks,
//!   webhooks, XML. The keys of security schemes of type `apiKey` are known, as parameters of any text.
//! - A member that is `null` is not there, as YAML has it of a key with nothing behind.
//!
//! [`inline`] makes the same of JSON Schemas by path and method; [`Router`] finds the operation for a request.

mod bodies;
mod findings;
pub mod inline;
mod label;
mod model;
mod operations;
mod parameters;
mod paths;
mod reader;
mod responses;
mod router;
mod security;
mod servers;
mod shape;
mod style;
#[cfg(test)]
mod tests;
mod version;

use crate::{
    json::Part,
    schema::{Direction, Fault, Schemas, Settings},
};

pub use model::{Body, Encoding, Location, Media, Operation, Parameter, ParameterKind, Response, Status};
pub use router::{Candidate, Lookup, Router};
pub use style::Style;

/// How a document is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSettings {
    /// How its schemas are to be compiled.
    pub schema: Settings,
    /// What comes before its paths.
    pub base_path: BasePath,
    /// JSON pointers to what is not to be enforced.
    pub ignored: Vec<String>,
    /// Whether its responses are read; there are none otherwise.
    pub responses: bool,
    /// Whether members that are `readOnly` are refused in requests.
    pub read_only: bool,
}

impl ReadSettings {
    const fn direction(&self) -> Direction {
        if self.read_only { Direction::Request } else { Direction::LenientRequest }
    }
}

/// What comes before a document's paths in a request's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BasePath {
    /// The paths of its `servers`.
    Servers,
    /// These, such as `/api/v1`, or empty; whatever its `servers` are.
    Explicit(Vec<String>),
}

/// What may be asked, and how.
#[derive(Debug)]
pub struct Contract {
    /// The schemas that all the others refer to.
    pub schemas: Schemas,
    /// In the order of the document.
    pub operations: Vec<Operation>,
}

impl Contract {
    /// Reads a document. Also returned are faults, for which it must not be used, and what an operator should know.
    pub fn read(document: &Part, settings: &ReadSettings) -> (Self, Vec<Fault>, Vec<Fault>) {
        reader::read(document, settings)
    }
}

/// The position of the operation with this `operationId`, as the document spells it, or else this [`Operation::id`].
pub fn position<'o>(mut operations: impl Iterator<Item = &'o Operation> + Clone, name: &str) -> Option<usize> {
    let mut others = operations.clone();
    let exact = operations.position(|operation| operation.operation_id.as_deref() == Some(name));
    exact.or_else(|| others.position(|operation| *operation.id == *name))
}
