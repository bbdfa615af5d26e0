//! Texts as the values that a schema takes.

use std::borrow::Cow;

use super::{
    styles::{Parts, Shape},
    tree::Tree,
};
use crate::{
    json::Tape,
    schema::{SchemaId, Schemas, Types},
};

/// The most digits in a number that is read as such.
const MAX_DIGITS: u32 = 400;

/// One way to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) shape: Shape,
    /// Whether what may be a text is one, also where it looks like something else.
    pub(super) is_literal: bool,
}

/// Makes values on a tape.
pub(super) struct Builder<'b> {
    pub(super) schemas: &'b Schemas,
    pub(super) tape: &'b mut Tape,
    pub(super) is_literal: bool,
}

impl Reading {
    /// All ways to read a parameter whose schema takes these types, the most likely first.
    pub(super) fn all(types: Types) -> impl Iterator<Item = Self> {
        let takes_one = types.null || types.boolean || types.number || types.string;
        let looks_like_more = types.null || types.boolean || types.number;
        let shapes = [
            (Shape::One, takes_one || !(types.array || types.object)),
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

impl Builder<'_> {
    pub(super) fn parts(&mut self, schema: SchemaId, parts: &Parts<'_>) {
        match parts {
            Parts::One(text) => self.text(text, self.schemas.types(schema)),
            Parts::List(items) => self.list(schema, items),
            Parts::Members(members) => {
                self.tape.object();
                for (name, text) in members {
                    self.tape.name(name);
                    let types = self.member(schema, name).map_or(Types::ALL, |schema| self.schemas.types(schema));
                    self.text(text, types);
                }
                self.tape.close();
            }
        }
    }

    pub(super) fn list(&mut self, schema: SchemaId, items: &[Cow<'_, str>]) {
        self.tape.array();
        for (position, text) in items.iter().enumerate() {
            let types = self.schemas.element(schema, position).map_or(Types::ALL, |schema| self.schemas.types(schema));
            self.text(text, types);
        }
        self.tape.close();
    }

    pub(super) fn member(&self, schema: SchemaId, name: &str) -> Option<SchemaId> {
        self.schemas.member(schema, name)
    }

    pub(super) fn tree(&mut self, schema: Option<SchemaId>, tree: &Tree<'_>) {
        let types = schema.map_or(Types::ALL, |schema| self.schemas.types(schema));
        match tree {
            Tree::Text(text) => self.text(text, types),
            Tree::Members(members) if types.array && Tree::is_list(members) => {
                self.tape.array();
                for (position, (_, tree)) in members.iter().enumerate() {
                    let schema = schema.and_then(|schema| self.schemas.element(schema, position));
                    self.tree(schema, tree);
                }
                self.tape.close();
            }
            Tree::Members(members) => {
                self.tape.object();
                for (name, tree) in members {
                    self.tape.name(name);
                    let schema = schema.and_then(|schema| self.schemas.member(schema, name));
                    self.tree(schema, tree);
                }
                self.tape.close();
            }
        }
    }

    /// A text as what it looks like, among what may be.
    pub(super) fn text(&mut self, text: &str, types: Types) {
        let is_text = self.is_literal && types.string;
        match text {
            _ if is_text => self.tape.string(text),
            "true" | "false" if types.boolean => self.tape.boolean(text == "true"),
            "null" if types.null && !types.string => self.tape.null(),
            _ if types.number && Tape::is_number(text, MAX_DIGITS) => self.tape.number(text),
            _ => self.tape.string(text),
        }
    }
}
