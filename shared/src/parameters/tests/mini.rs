//! As much of JSON Schema as these tests need, so that they test how texts are read and nothing else.

use std::cell::RefCell;

use serde_json::Value as Json;

use crate::{
    json::Value,
    parameters::Judge,
    schema::{Budget, Report, SchemaId, TooComplex, Types, Violation},
};

/// Schemas, and each value that was found valid.
#[derive(Debug, Default)]
pub(super) struct Mini {
    schemas: RefCell<Vec<Json>>,
    pub(super) valid: RefCell<Vec<Json>>,
}

impl Mini {
    pub(super) fn add(&self, schema: &Json) -> SchemaId {
        let mut schemas = self.schemas.borrow_mut();
        let known = schemas.iter().position(|known| known == schema);
        let position = known.unwrap_or(schemas.len());
        if known.is_none() {
            schemas.push(schema.clone());
        }
        SchemaId(u32::try_from(position).unwrap())
    }

    fn get(&self, schema: SchemaId) -> Json {
        self.schemas.borrow()[schema.0 as usize].clone()
    }

    /// What is wrong: the first keyword that fails.
    fn fault(schema: &Json, value: &Json) -> Option<&'static str> {
        for list in ["anyOf", "oneOf"] {
            let Some(parts) = schema[list].as_array() else { continue };
            if parts.iter().all(|part| Self::fault(part, value).is_some()) {
                return Some("anyOf");
            }
        }
        let is_type = |name: &str| match name {
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => value.is_null(),
        };
        let is_wrong = |types: &Json| match types {
            Json::String(name) => !is_type(name),
            Json::Array(names) => !names.iter().any(|name| is_type(name.as_str().unwrap())),
            _ => false,
        };
        if is_wrong(&schema["type"]) {
            return Some("type");
        }
        if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
            return Some("enum");
        }
        if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
            && number < least
        {
            return Some("minimum");
        }
        if let (Some(least), Some(text)) = (schema["minLength"].as_u64(), value.as_str())
            && (text.len() as u64) < least
        {
            return Some("minLength");
        }
        for (position, element) in value.as_array().into_iter().flatten().enumerate() {
            if schema["maxItems"].as_u64().is_some_and(|most| position as u64 >= most) {
                return Some("maxItems");
            }
            let items = schema["prefixItems"].get(position).unwrap_or(&schema["items"]);
            if let Some(fault) = Self::fault(items, element) {
                return Some(fault);
            }
        }
        let members = value.as_object()?;
        for name in schema["required"].as_array().into_iter().flatten() {
            if !members.contains_key(name.as_str().unwrap()) {
                return Some("required");
            }
        }
        members.iter().find_map(|(name, member)| match schema["properties"].get(name) {
            Some(schema) => Self::fault(schema, member),
            None if schema["additionalProperties"] == false => Some("additionalProperties"),
            None => Self::fault(&schema["additionalProperties"], member),
        })
    }

    fn types_of(schema: &Json) -> Types {
        if let Some(parts) = ["anyOf", "oneOf"].into_iter().find_map(|list| schema[list].as_array()) {
            let either = |one: Types, other: Types| Types {
                null: one.null || other.null,
                boolean: one.boolean || other.boolean,
                number: one.number || other.number,
                string: one.string || other.string,
                array: one.array || other.array,
                object: one.object || other.object,
            };
            return parts.iter().map(Self::types_of).fold(Types::NONE, either);
        }
        let names: Vec<&str> = match &schema["type"] {
            Json::String(name) => vec![name],
            Json::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
            _ if schema["enum"].is_array() => vec!["string"],
            _ => return Types::ALL,
        };
        Types {
            null: names.contains(&"null"),
            boolean: names.contains(&"boolean"),
            number: names.contains(&"number") || names.contains(&"integer"),
            string: names.contains(&"string"),
            array: names.contains(&"array"),
            object: names.contains(&"object"),
        }
    }

    /// The schema or that of its parts which has this member.
    fn part(schema: &Json, name: &str) -> Option<Json> {
        let own = schema.get(name).filter(|part| !part.is_boolean()).cloned();
        own.or_else(|| schema["anyOf"].as_array()?.iter().find_map(|part| Self::part(part, name)))
    }
}

impl Judge for Mini {
    fn types(&self, schema: SchemaId) -> Types {
        Self::types_of(&self.get(schema))
    }

    fn element(&self, schema: SchemaId, position: usize) -> Option<SchemaId> {
        let schema = self.get(schema);
        let prefix = Self::part(&schema, "prefixItems").and_then(|items| items.get(position).cloned());
        prefix.or_else(|| Self::part(&schema, "items")).map(|schema| self.add(&schema))
    }

    fn member(&self, schema: SchemaId, name: &str) -> Option<SchemaId> {
        let schema = self.get(schema);
        let member = Self::part(&schema, "properties").and_then(|members| members.get(name).cloned());
        member.or_else(|| Self::part(&schema, "additionalProperties")).map(|schema| self.add(&schema))
    }

    fn members(&self, schema: SchemaId) -> (Vec<Box<str>>, bool) {
        let schema = self.get(schema);
        let names = Self::part(&schema, "properties").unwrap_or_default();
        let names = names.as_object().into_iter().flatten().map(|(name, _)| name.as_str().into()).collect();
        (names, schema["additionalProperties"] != false)
    }

    fn is_valid(&self, schema: SchemaId, value: Value<'_>, budget: &mut Budget) -> Result<bool, TooComplex> {
        budget.0 = budget.0.checked_sub(1).ok_or(TooComplex)?;
        let value = value.to_serde();
        let is_valid = Self::fault(&self.get(schema), &value).is_none();
        if is_valid {
            self.valid.borrow_mut().push(value);
        }
        Ok(is_valid)
    }

    fn report(&self, schema: SchemaId, value: Value<'_>, _: usize, _: &mut Budget) -> Result<Report, TooComplex> {
        let fault = Self::fault(&self.get(schema), &value.to_serde());
        let violation = fault.map(|keyword| Violation { pointer: String::new(), keyword });
        Ok(Report { violations: violation.into_iter().collect() })
    }
}
