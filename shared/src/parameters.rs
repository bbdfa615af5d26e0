//! From the texts of a request to values that schemas judge: parameters, forms, multipart bodies.
//!
//! What a user may expect:
//! - Texts become values as `style` and `explode` say (OpenAPI 3.1.1 section 4.8.12.3, RFC 6570). Percent-encoding is
//!   decoded once, and then the text is split at its delimiters: an escaped delimiter counts as a plain one. RFC 6570 has
//!   it as data; but nearly all servers decode first, and clients made for Go or TypeScript escape all delimiters. If it were
//!   data, `ids=1%2C2%2C3` would be one element here and three behind, and `maxItems` would protect nothing.
//! - In queries and forms `+` is a blank, as the URL Standard's form encoding has it and nearly all servers do. In paths,
//!   headers and cookies it is itself.
//! - What a schema takes for a number, a boolean or null is read as such where it is written as JSON writes it (nothing at
//!   all is null as well); all else is a text, and breaks `type`. Where a schema takes several, the first reading that is
//!   valid counts: text as the last.
//! - A parameter that comes twice, and is no exploded list, is refused: servers differ in which one counts. So is a name that
//!   some servers read as that of a declared parameter (`ID`, `id[]`, `id.x`), even where unknown names may pass: it would
//!   bring in what the schema of `id` forbids. This holds for the members of forms, for headers (`x_user_id` is `x-user-id`
//!   to CGI and its heirs), and for cookies (`ID`, `id[x]`). What is declared to be any text has no schema to go round.
//! - A raw `;` separates pairs for some servers: in a query it is refused but where `allowReserved` is declared, in a form
//!   always.
//! - All is bounded: [`MAX_PAIRS`](crate::query::MAX_PAIRS) pairs in a query or of cookies or in one text,
//!   [`MAX_FIELDS`] in a form, [`MAX_NAME`](crate::query::MAX_NAME) bytes in a name, 16 brackets. Time is linear in the text
//!   but for the names of one object, of which there are few.

mod cookie;
mod fields;
mod form;
mod known;
mod multipart;
mod pairs;
mod set;
mod styles;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod usual;
mod writer;

pub use cookie::{AmbiguousCookie, cookie};
pub use form::{Unreadable, read_form};
pub use multipart::read_multipart;
pub use set::{Inputs, ParameterSet, Problem, Reason, Tools, Wanted};

/// The most fields that a form or a multipart body may have.
pub const MAX_FIELDS: usize = 1000;
