//! What is asked of schemas here.

use std::rc::Rc;

use crate::{
    json::Value,
    schema::{Budget, Report, SchemaId, Schemas, TooComplex, Types},
};

/// Schemas, as far as texts and what becomes of them are concerned. All methods are those of [`Schemas`].
pub trait Judge {
    /// See [`Schemas::types`].
    fn types(&self, schema: SchemaId) -> Types;
    /// See [`Schemas::element`].
    fn element(&self, schema: SchemaId, position: usize) -> Option<SchemaId>;
    /// See [`Schemas::member`].
    fn member(&self, schema: SchemaId, name: &str) -> Option<SchemaId>;
    /// See [`Schemas::members`].
    fn members(&self, schema: SchemaId) -> (Vec<Box<str>>, bool);
    /// See [`Schemas::is_valid`].
    ///
    /// # Errors
    /// [`TooComplex`].
    fn is_valid(&self, schema: SchemaId, value: Value<'_>, budget: &mut Budget) -> Result<bool, TooComplex>;
    /// See [`Schemas::report`].
    ///
    /// # Errors
    /// [`TooComplex`].
    fn report(
        &self,
        schema: SchemaId,
        value: Value<'_>,
        most: usize,
        budget: &mut Budget,
    ) -> Result<Report, TooComplex>;
}

impl Judge for Schemas {
    fn types(&self, schema: SchemaId) -> Types {
        self.types(schema)
    }

    fn element(&self, schema: SchemaId, position: usize) -> Option<SchemaId> {
        self.element(schema, position)
    }

    fn member(&self, schema: SchemaId, name: &str) -> Option<SchemaId> {
        self.member(schema, name)
    }

    fn members(&self, schema: SchemaId) -> (Vec<Box<str>>, bool) {
        self.members(schema)
    }

    fn is_valid(&self, schema: SchemaId, value: Value<'_>, budget: &mut Budget) -> Result<bool, TooComplex> {
        self.is_valid(schema, value, budget)
    }

    fn report(
        &self,
        schema: SchemaId,
        value: Value<'_>,
        most: usize,
        budget: &mut Budget,
    ) -> Result<Report, TooComplex> {
        self.report(schema, value, most, budget)
    }
}

impl<T: Judge + ?Sized> Judge for Rc<T> {
    fn types(&self, schema: SchemaId) -> Types {
        (**self).types(schema)
    }

    fn element(&self, schema: SchemaId, position: usize) -> Option<SchemaId> {
        (**self).element(schema, position)
    }

    fn member(&self, schema: SchemaId, name: &str) -> Option<SchemaId> {
        (**self).member(schema, name)
    }

    fn members(&self, schema: SchemaId) -> (Vec<Box<str>>, bool) {
        (**self).members(schema)
    }

    fn is_valid(&self, schema: SchemaId, value: Value<'_>, budget: &mut Budget) -> Result<bool, TooComplex> {
        (**self).is_valid(schema, value, budget)
    }

    fn report(
        &self,
        schema: SchemaId,
        value: Value<'_>,
        most: usize,
        budget: &mut Budget,
    ) -> Result<Report, TooComplex> {
        (**self).report(schema, value, most, budget)
    }
}
