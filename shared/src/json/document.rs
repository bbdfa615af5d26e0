//! A text and its tape that live as long as anyone needs them.

use std::{borrow::Cow, rc::Rc};

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{Error, Limits, Tape, Value};

/// A JSON document that owns its text.
#[derive(Clone, Debug, Default)]
pub struct Document(Tape);

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// As [`Tape::parse`].
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut tape = Tape::default();
        tape.parse(text, limits)?;
        tape.shrink();
        Ok(Self(tape))
    }

    /// The whole of it.
    pub fn root(&self) -> Value<'_> {
        self.at(0)
    }

    fn at(&self, index: u32) -> Value<'_> {
        self.0.at(index)
    }
}

/// A value in a document, which it keeps.
#[derive(Clone, Debug)]
pub struct Part {
    document: Rc<Document>,
    index: u32,
}

impl Part {
    /// The part of `document` that `value`, which is of it, names.
    pub fn new(document: &Rc<Document>, value: Value<'_>) -> Self {
        Self { document: Rc::clone(document), index: value.index }
    }

    /// The part that `value`, which is of the same document, names.
    #[must_use]
    pub fn part(&self, value: Value<'_>) -> Self {
        Self::new(&self.document, value)
    }

    /// The value.
    pub fn value(&self) -> Value<'_> {
        self.document.at(self.index)
    }

    /// The value of the same document that has this [`Value::id`].
    pub(crate) fn at(&self, id: u32) -> Value<'_> {
        self.document.at(id)
    }
}

/// Of a text of its own; for tests and tools.
impl From<&serde_json::Value> for Part {
    fn from(value: &serde_json::Value) -> Self {
        // What serde writes is read; there is nothing to be said where it is not.
        let document = Document::parse(value.to_string().as_bytes(), &Limits::NONE).unwrap_or_default();
        Self { document: Rc::new(document), index: 0 }
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.value().to_string() == other.value().to_string()
    }
}

impl serde::Serialize for Part {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().to_serde().serialize(serializer)
    }
}

/// Anything; who reads it knows more.
impl JsonSchema for Part {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}
