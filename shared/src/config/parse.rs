//! From JSON text to configuration types, by serde, with all faults at once.

use eserde::{DeserializationError, EDeserialize};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::{collections::BTreeSet, fmt};

use super::{ConfigError, Errors, quoted};

/// Parses `json` strictly: unknown keys, duplicate keys and trailing text are faults like any other.
///
/// `T` derives `eserde::Deserialize` with `deny_unknown_fields`; each optional field has `#[serde(default)]`.
pub fn parse<'a, T: EDeserialize<'a>>(json: &'a [u8]) -> Result<T, Errors> {
    let syntax = |error: &dyn fmt::Display| {
        let mut errors = Errors::default();
        errors.add("$", "a JSON object", error);
        errors
    };
    if json.trim_ascii().is_empty() {
        return Err(syntax(&"nothing"));
    }
    let text = std::str::from_utf8(json).map_err(|error| syntax(&error))?;
    if !text.trim_start().starts_with('{') {
        // Serde takes an array for a struct, by position.
        return Err(syntax(&quoted(text)));
    }
    let Strict = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    eserde::json::from_str(text).map_err(|errors| {
        let mut faults = Vec::new();
        for error in errors.iter() {
            faults.push(translate(error));
            // Eserde loses its place in the text at an unknown key; what it says after that is not to be relied on.
            if error.message().starts_with("unknown field ") {
                break;
            }
        }
        Errors(faults)
    })
}

/// Serde's fault in our words: the path as `$.a[0]`, the rest as `expected …, found …`.
fn translate(error: &DeserializationError) -> ConfigError {
    let mut path = String::from("$");
    if let Some(found) = error.path() {
        let found = found.to_string();
        if !found.is_empty() && found != "." {
            if !found.starts_with('[') {
                path.push('.');
            }
            path.push_str(&found);
        }
    }
    let message = error.message();
    // A position in a JSON text that the operator wrote as YAML.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if let Some(variant) = message.strip_prefix("unknown variant `").and_then(|rest| rest.split('`').next()) {
        // Eserde takes the variant's name for a step of the path.
        if let Some(parent) = path.strip_suffix(variant).and_then(|parent| parent.strip_suffix('.')) {
            path.truncate(parent.len());
        }
    }
    ConfigError { path, message: reword(message) }
}

fn reword(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let (field, expected) = rest.split_once(", expected ").unwrap_or((rest, "no such key"));
        return format!("expected {expected}, found unknown key {field}");
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("expected key {field}, found none");
    }
    for kind in ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "] {
        if let Some((found, expected)) = message.strip_prefix(kind).and_then(|rest| rest.split_once(", expected ")) {
            return format!("expected {expected}, found {found}");
        }
    }
    message.to_owned()
}

/// JSON in which no object has a key twice. Serde keeps the last of such keys, silently, for maps.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(serde::de::Error::custom(format_args!("key {} twice", quoted(&key))));
            }
            keys.insert(key);
            let Strict = map.next_value()?;
        }
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        while let Some(Strict) = seq.next_element()? {}
        Ok(Strict)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_str<E>(self, _: &str) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict)
    }
}
