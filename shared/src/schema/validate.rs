//! Values against compiled schemas.

use crate::json::Value;

use super::{SchemaId, Schemas};

/// How much work may be done for a request. One step is a keyword held against a value, or some bytes compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(pub u32);

/// There was more to do than the budget allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooComplex;

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where in the value (RFC 6901); empty for all of it.
    pub pointer: String,
    /// The keyword that it breaks.
    pub keyword: &'static str,
}

/// What is wrong with a value: the first so many violations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they were found.
    pub violations: Vec<Violation>,
}

impl Schemas {
    /// Whether a value is valid. The quick way: it stops at the first violation.
    ///
    /// # Errors
    /// [`TooComplex`].
    pub fn is_valid(&self, schema: SchemaId, value: Value<'_>, budget: &mut Budget) -> Result<bool, TooComplex> {
        let _ = (schema, value, budget);
        Ok(true)
    }

    /// What is wrong with a value that is not valid, up to `most` violations.
    ///
    /// # Errors
    /// [`TooComplex`].
    pub fn report(
        &self,
        schema: SchemaId,
        value: Value<'_>,
        most: usize,
        budget: &mut Budget,
    ) -> Result<Report, TooComplex> {
        let _ = (schema, value, most, budget);
        Ok(Report::default())
    }
}
