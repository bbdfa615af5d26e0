//! Values against compiled schemas.

use crate::json::Value;

use super::{SchemaId, Schemas, run::Run};

/// How much work may be done for a request. One step is a keyword held against a value, or some bytes compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(pub u32);

/// There was more to do than the budget allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooComplex;

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where in the value (RFC 6901); empty for all of it. Of a member that is missing, where it should be.
    pub pointer: String,
    /// The keyword that it breaks.
    pub keyword: &'static str,
}

/// What is wrong with a value: the first so many violations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the value, each once.
    pub violations: Vec<Violation>,
}

impl Schemas {
    /// Whether a value is valid. The quick way: it stops at the first violation.
    ///
    /// # Errors
    /// [`TooComplex`].
    pub fn is_valid(&self, schema: SchemaId, value: Value<'_>, budget: &mut Budget) -> Result<bool, TooComplex> {
        let mut run = Run::new(&self.table, budget.0, 0);
        let result = run.judge(schema.0, value);
        budget.0 = run.steps;
        result
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
        let mut run = Run::new(&self.table, budget.0, most);
        let result = run.judge(schema.0, value);
        budget.0 = run.steps;
        result.map(|_| Report { violations: run.violations.finish(value) })
    }
}
