//! Texts as the values that a schema takes.

use super::text::Fault;
use crate::{
    json::{Limits, Tape},
    query::MAX_PAIRS,
    schema::{SchemaId, Schemas, Types},
};

/// What a text is to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    List,
    Members,
}

/// One way to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) shape: Shape,
    /// Whether what may be a text is one, also where it looks like something else.
    pub(super) is_literal: bool,
}

impl Reading {
    /// All ways to read a parameter whose schema takes these types, the most likely first.
    pub(super) fn all(types: Types) -> impl Iterator<Item = Self> {
        let looks_like_more = types.null || types.boolean || types.number;
        let shapes = [
            (Shape::One, takes_one(types) || !(types.array || types.object)),
            (Shape::List, types.array),
            (Shape::Members, types.object),
        ];
        shapes.into_iter().filter(|(_, is_taken)| *is_taken).flat_map(move |(shape, _)| {
            let may_be_literal = shape != Shape::One || (types.string && looks_like_more);
            let literal = may_be_literal.then_some(Self { shape, is_literal: true });
            [Some(Self { shape, is_literal: false }), literal].into_iter().flatten()
        })
    }
}

/// Whether what is neither a list nor an object is taken.
pub(super) const fn takes_one(types: Types) -> bool {
    types.null || types.boolean || types.number || types.string
}

/// Writes values on a tape.
pub(super) struct Writer<'w> {
    pub(super) schemas: &'w Schemas,
    pub(super) limits: &'w Limits,
    pub(super) tape: &'w mut Tape,
    pub(super) is_literal: bool,
}

impl Writer<'_> {
    /// What may stand where `schema` is; anything where none is.
    pub(super) fn types(&self, schema: Option<SchemaId>) -> Types {
        schema.map_or(Types::ALL, |schema| self.schemas.types(schema))
    }

    /// The schema of a list's element.
    pub(super) fn element(&self, schema: Option<SchemaId>, position: usize) -> Option<SchemaId> {
        self.schemas.element(schema?, position)
    }

    /// The schema of an object's member.
    pub(super) fn member(&self, schema: Option<SchemaId>, name: &str) -> Option<SchemaId> {
        self.schemas.member(schema?, name)
    }

    /// A text as what it looks like, among what may be.
    pub(super) fn scalar(&mut self, text: &str, types: Types) {
        match text {
            _ if types.string && self.is_literal => self.tape.string(text),
            "true" | "false" if types.boolean => self.tape.boolean(text == "true"),
            "null" | "" if types.null && !types.string => self.tape.null(),
            _ if types.number && Tape::is_number(text, self.limits.number_digits) => self.tape.number(text),
            _ => self.tape.string(text),
        }
    }

    /// A list of texts.
    pub(super) fn list(&mut self, schema: Option<SchemaId>, texts: &mut dyn Iterator<Item = &str>) {
        self.tape.array();
        for (position, text) in texts.enumerate() {
            let element = self.element(schema, position);
            self.scalar(text, self.types(element));
        }
        self.tape.close();
    }

    /// An object of texts; `None` is a name without a value.
    pub(super) fn members<'t>(
        &mut self,
        schema: Option<SchemaId>,
        members: &mut dyn Iterator<Item = Option<(&'t str, &'t str)>>,
    ) -> Result<(), Fault> {
        let mut names = Vec::new();
        self.tape.object();
        for member in members {
            let (name, text) = member.filter(|_| names.len() < MAX_PAIRS).ok_or(Fault::Malformed)?;
            if names.contains(&name) {
                return Err(Fault::Repeated);
            }
            names.push(name);
            self.tape.name(name);
            let member = self.member(schema, name);
            self.scalar(text, self.types(member));
        }
        self.tape.close();
        Ok(())
    }
}
