//! From a JSON tree to configuration types.
//!
//! A type made by [`config_struct!`](crate::config_struct) or [`config_enum!`](crate::config_enum) reads itself from a
//! [`Node`], and goes on after a fault, so that all of them are found. Serde stops at the first one; and what its derives
//! make weighs 110 KB of the code that Envoy compiles at each start, 20 times what this does.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::{
    borrow::Cow,
    fmt::{self, Display},
    rc::Rc,
    str::FromStr,
};

use super::{Errors, quoted};
use crate::json::{Document, Kind, Part, Value};

/// A value in a configuration. Displayed as its JSON path (RFC 9535), such as `$.rules[3].name`.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The value.
    pub value: Value<'a>,
    document: &'a Rc<Document>,
    place: Place<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Root,
    Key(&'a Node<'a>, &'a str),
    Index(&'a Node<'a>, usize),
}

impl<'a> Node<'a> {
    /// The whole configuration.
    pub fn root(document: &'a Rc<Document>) -> Self {
        Self { value: document.root(), document, place: Place::Root }
    }

    const fn child(&self, value: Value<'a>, place: Place<'a>) -> Self {
        Self { value, document: self.document, place }
    }

    /// Notes that this value is not what was expected.
    pub fn unexpected(&self, expected: &dyn Display, errors: &mut Errors) {
        errors.add(self, expected, said(self.value));
    }

    /// Reads a text by its type's own rules, whose error says what was expected and found.
    pub fn text<T: FromStr<Err: Display>>(&self, expected: &str, errors: &mut Errors) -> Option<T> {
        let Some(text) = self.value.as_str() else {
            self.unexpected(&expected, errors);
            return None;
        };
        text.parse().map_err(|error: T::Err| errors.fault(self, error.to_string())).ok()
    }

    /// Reads one of a few words.
    pub fn word(&self, words: &[&str], errors: &mut Errors) -> Option<usize> {
        let found = self.value.as_str().and_then(|text| words.iter().position(|word| *word == text));
        if found.is_none() {
            self.unexpected(&Words(words), errors);
        }
        found
    }

    /// The text of a number, as it is written.
    pub fn number(&self) -> Option<&'a str> {
        self.value.as_number()
    }

    fn whole_number(&self, max: u64, errors: &mut Errors) -> Option<u64> {
        let number = self.value.as_u64().filter(|number| *number <= max);
        if number.is_none() {
            self.unexpected(&format_args!("a whole number from 0 to {max}"), errors);
        }
        number
    }
}

/// What a value is, for a message: short ones as they are.
pub(crate) fn said(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null | Kind::Boolean => value.to_string(),
        Kind::Number => value.as_number().unwrap_or_default().chars().take(40).collect(),
        Kind::String => quoted(value.as_str().unwrap_or_default()),
        Kind::Array => "an array".to_owned(),
        Kind::Object => "an object".to_owned(),
    }
}

impl Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Root => f.write_str("$"),
            Place::Key(parent, key) => write!(f, "{parent}.{key}"),
            Place::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Words to choose from.
struct Words<'a>(&'a [&'a str]);

impl Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of")?;
        for (index, word) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator} `{word}`")?;
        }
        Ok(())
    }
}

/// What can be read from a configuration.
pub trait Decode: Sized {
    /// The value at `node`; `None` after its faults have been added to `errors`.
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self>;
}

/// The keys of an object that a type is read from.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    node: &'a Node<'a>,
}

impl<'a> Fields<'a> {
    /// An object with no keys but these.
    pub fn new(node: &'a Node<'a>, known: &[&str], errors: &mut Errors) -> Option<Self> {
        if node.value.kind() != Kind::Object {
            node.unexpected(&"an object", errors);
            return None;
        }
        for (key, _) in node.value.members().filter(|(key, _)| !known.contains(key)) {
            errors.add(format_args!("{node}.{key}"), Words(known), format_args!("unknown key `{key}`"));
        }
        Some(Self { node })
    }

    /// The value of a key that must be there.
    pub fn required<T: Decode>(self, key: &str, errors: &mut Errors) -> Option<T> {
        let value = self.optional(key, errors);
        if value.is_none() {
            errors.add(self.node, format_args!("key `{key}`"), "none");
        }
        value.flatten()
    }

    /// The value of a key that may be missing: then `None`, and `Some(None)` when it is faulty.
    pub fn optional<T: Decode>(self, key: &str, errors: &mut Errors) -> Option<Option<T>> {
        let value = self.node.value.get(key)?;
        Some(T::decode(&self.node.child(value, Place::Key(self.node, key)), errors))
    }
}

/// What is read by others, such as a key set.
impl Decode for serde_json::Value {
    fn decode(node: &Node<'_>, _: &mut Errors) -> Option<Self> {
        Some(node.value.to_serde())
    }
}

/// What is read later, from the same text.
impl Decode for Part {
    fn decode(node: &Node<'_>, _: &mut Errors) -> Option<Self> {
        Some(Self::new(node.document, node.value))
    }
}

impl Decode for bool {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        let value = node.value.as_bool();
        if value.is_none() {
            node.unexpected(&"true or false", errors);
        }
        value
    }
}

impl Decode for u16 {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.whole_number(Self::MAX.into(), errors)?.try_into().ok()
    }
}

impl Decode for u32 {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.whole_number(Self::MAX.into(), errors)?.try_into().ok()
    }
}

impl Decode for usize {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        // What 32-bit WebAssembly has, on every machine.
        node.whole_number(u32::MAX.into(), errors)?.try_into().ok()
    }
}

impl Decode for String {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        let text = node.value.as_str();
        if text.is_none() {
            node.unexpected(&"a string", errors);
        }
        text.map(ToOwned::to_owned)
    }
}

/// `null` is what a missing key is.
impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        if node.value.kind() == Kind::Null { Some(None) } else { T::decode(node, errors).map(Some) }
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        if node.value.kind() != Kind::Array {
            node.unexpected(&"an array", errors);
            return None;
        }
        let mut all = Self::with_capacity(node.value.len());
        let mut faulty = false;
        for (index, value) in node.value.elements().enumerate() {
            match T::decode(&node.child(value, Place::Index(node, index)), errors) {
                Some(value) => all.push(value),
                None => faulty = true,
            }
        }
        (!faulty).then_some(all)
    }
}

/// An object whose keys are names that the user chooses, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T>(pub Vec<(String, T)>);

/// An object whose values are texts.
pub type Texts = Named<String>;

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        if node.value.kind() != Kind::Object {
            node.unexpected(&"an object", errors);
            return None;
        }
        let mut all = Vec::with_capacity(node.value.len());
        for (key, value) in node.value.members() {
            // Goes on after a fault, so that all faults are told.
            let value = T::decode(&node.child(value, Place::Key(node, key)), errors);
            all.extend(value.map(|value| (key.to_owned(), value)));
        }
        (all.len() == node.value.len()).then_some(Self(all))
    }
}

impl<T: serde::Serialize> serde::Serialize for Named<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Named_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        std::collections::BTreeMap::<String, T>::json_schema(generator)
    }
}

/// Makes a key optional in a schema, and states its default.
pub fn describe_default(schema: &mut Schema, key: &str, default: &impl serde::Serialize) {
    if let Some(required) = schema.get_mut("required").and_then(serde_json::Value::as_array_mut) {
        required.retain(|known| known != key);
        if required.is_empty() {
            schema.remove("required");
        }
    }
    let property =
        schema.get_mut("properties").and_then(|all| all.get_mut(key)).and_then(serde_json::Value::as_object_mut);
    if let (Some(property), Ok(default)) = (property, serde_json::to_value(default)) {
        property.insert("default".to_owned(), default);
    }
}
