//! From JSON text to a tree, strictly.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{fmt, rc::Rc};

use super::{Decode, Errors, Node, quoted};
use crate::json::{Document, Error, Fault, Limits};

/// Parses a configuration. Unknown keys, duplicate keys and trailing text are faults like any other.
pub fn parse<T: Decode>(json: &[u8]) -> Result<T, Errors> {
    let mut errors = Errors::default();
    if json.trim_ascii().is_empty() {
        errors.add("$", "a JSON object", "nothing");
        return Err(errors);
    }
    let document = match Document::parse(json, &Limits::NONE) {
        Ok(document) => Rc::new(document),
        Err(error) => {
            errors.add("$", "a JSON object", described(json, error));
            return Err(errors);
        }
    };
    match T::decode(&Node::root(&document), &mut errors) {
        Some(config) if errors.is_empty() => Ok(config),
        _ => Err(errors),
    }
}

/// What is wrong with a text, and where, for who wrote it.
fn described(json: &[u8], Error { fault, offset }: Error) -> String {
    let before = json.get(..offset).unwrap_or_default();
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len).saturating_add(1);
    let what = match fault {
        Fault::DuplicateKey => {
            let text = json.get(offset..).and_then(|rest| rest.strip_prefix(b"\""));
            let name = text.and_then(|rest| rest.split(|byte| *byte == b'"').next()).unwrap_or_default();
            return format!("key {} twice, at line {line} column {column}", quoted(&String::from_utf8_lossy(name)));
        }
        Fault::NotUtf8 => "bytes that are not UTF-8",
        Fault::LoneSurrogate => "half of a surrogate pair",
        Fault::TrailingData => "more behind its end",
        Fault::TooDeep => "more than 512 levels",
        _ => "no JSON",
    };
    format!("{what} at line {line} column {column}")
}

/// Parses JSON in which no object has a key twice.
pub fn parse_json(json: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(json).map(|Strict(value)| value)
}

/// JSON in which no object has a key twice; serde keeps the last of such keys, silently.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(serde::de::Error::custom(format_args!("key {} twice", quoted(&key))));
            }
            let Strict(value) = map.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}
