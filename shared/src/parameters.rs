//! From the texts of a request to values that schemas judge: parameters, forms, multipart bodies.
//!
//! What a user may expect:
//! - Texts become values as `style` and `explode` say (OpenAPI 3.1.1 section 4.8.12.3, RFC 6570). Delimiters count before
//!   percent-decoding, which happens once: `%2C` in an element is data. (In a path it is not: see
//!   [`NormalPath`](crate::path::NormalPath).)
//! - In queries and forms `+` is a blank, as the URL Standard's form encoding has it and nearly all servers do. In paths,
//!   headers and cookies it is itself.
//! - What a schema takes for a number, a boolean or null is read as such where it is written as JSON writes it; all else is a
//!   text, and breaks `type`. Where a schema takes several, the first reading that is valid counts: text as the last.
//! - A parameter that comes twice, and is no exploded list, is refused: servers differ in which one counts. So is a name that
//!   some servers read as that of a declared parameter (`ID`, `id[]`, `id.x`), even where unknown names may pass.
//! - All is bounded: [`MAX_PAIRS`](crate::query::MAX_PAIRS) names in a query, [`MAX_FIELDS`] in a form.

mod build;
mod check;
mod cookie;
mod form;
mod headers;
mod multipart;
mod pairs;
mod styles;
mod tree;

pub use check::{Inputs, ParameterSet, Problem, Reason, Tools, Wanted};
pub use form::read_form;
pub use multipart::read_multipart;

/// The most fields that a form or a multipart body may have.
pub const MAX_FIELDS: usize = 1000;
