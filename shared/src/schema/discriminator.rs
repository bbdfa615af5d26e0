//! Which of many schemas is meant, by the value of a member (OpenAPI 3.1.1 section 4.8.25).
//!
//! By the letter, a `discriminator` is a hint that changes no verdict. Here, a value that names a schema is judged by that
//! schema: what is to be one of many by the others too could be refused for what its author never meant. A value that
//! names none is judged as if there were no discriminator.

use std::collections::BTreeMap;

use crate::{
    json::{Kind, Value},
    pointer,
};

use super::{
    build::Build,
    compile::{Compiler, Heirs},
    documents::Place,
    table::{Discriminator, Rule, put},
};

const CHOICES: [&str; 2] = ["oneOf", "anyOf"];

impl Compiler {
    pub(super) fn discriminator(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<Rule> {
        let document = build.place.document;
        if value.kind() != Kind::Object {
            self.expected(document, "an object with a `propertyName`", value);
            return None;
        }
        let Some(property) = value.get("propertyName").and_then(Value::as_str) else {
            self.expected(document, "an object whose `propertyName` is a name", value);
            return None;
        };
        let choice = CHOICES.iter().find_map(|name| Some((*name, build.schema.get(name)?)));
        let mut mapping: BTreeMap<Box<str>, u32> = BTreeMap::new();
        if choice.is_some() && !has_discriminator(build) {
            return None;
        }
        let otherwise = if let Some((name, list)) = choice {
            let ids = self.list(build, list)?;
            for (element, id) in list.elements().zip(self.table.list(ids)) {
                if let Some(name) = element.get("$ref").and_then(Value::as_str).map(last) {
                    mapping.insert(name.into(), *id);
                }
            }
            Some(if name == "oneOf" { Rule::One(ids) } else { Rule::Any(ids) })
        } else {
            for (name, place) in self.heirs_of(build.place) {
                let id = self.place(place, build.part());
                mapping.insert(name, id);
            }
            None
        };
        let heirs: Vec<u32> = mapping.values().copied().collect();
        let list = value.get("mapping");
        if let Some(list) = list.filter(|list| list.kind() != Kind::Object) {
            self.expected(document, "an object of references", list);
        }
        for (name, target) in list.into_iter().flat_map(Value::members) {
            let Some(id) = self.mapped(build, target) else { continue };
            if otherwise.is_some() && !heirs.contains(&id) {
                let at = Place { document, index: target.id() };
                self.warn(at, "leads to none of the schemas to choose from, and is not used");
                continue;
            }
            mapping.insert(name.into(), id);
        }
        let mapping = mapping.into_iter().map(|(name, id)| (name, id, heirs.contains(&id))).collect();
        let rule = Discriminator { property: property.into(), mapping, otherwise };
        Some(Rule::Discriminator(put(&mut self.table.discriminators, rule)))
    }

    /// What an entry of `mapping` leads to: the name of a schema, or a reference.
    fn mapped(&mut self, build: &Build<'_>, target: Value<'_>) -> Option<u32> {
        let document = build.place.document;
        let Some(text) = target.as_str() else {
            self.expected(document, "a name or a reference", target);
            return None;
        };
        let mut pointer = "#/components/schemas".to_owned();
        pointer::push(&mut pointer, text);
        let named = if text.contains(['#', '/']) { None } else { self.documents.resolve(build.place, &pointer).ok() };
        if let Ok(place) = named.map_or_else(|| self.documents.resolve(build.place, text), Ok) {
            return Some(self.place(place, build.part()));
        }
        let at = Place { document, index: target.id() };
        self.warn(at, "leads to nothing in the document, and is not used: it may be left from before it was bundled");
        None
    }

    /// The schemas that have this one in their `allOf`, or in that of one that has.
    fn heirs_of(&mut self, place: Place) -> Vec<(Box<str>, Place)> {
        if self.heirs.is_none() {
            let heirs = self.all_heirs(place.document);
            self.heirs = Some(heirs);
        }
        let mut found: Vec<(Box<str>, Place)> = Vec::new();
        let mut next = vec![place];
        while let (Some(place), Some(heirs)) = (next.pop(), &self.heirs) {
            for (name, heir) in heirs.get(&place).into_iter().flatten() {
                if !found.iter().any(|(_, known)| known == heir) {
                    found.push((name.clone(), *heir));
                    next.push(*heir);
                }
            }
        }
        found
    }

    fn all_heirs(&mut self, document: u32) -> Heirs {
        let mut heirs = Heirs::new();
        let Some(part) = self.documents.all.get(document as usize).map(|known| known.part.clone()) else {
            return heirs;
        };
        let schemas = part.value().lookup("/components/schemas");
        for (name, schema) in schemas.into_iter().flat_map(Value::members) {
            let place = Place { document, index: schema.id() };
            let list = schema.get("allOf").into_iter().flat_map(Value::elements);
            for text in list.filter_map(|part| part.get("$ref").and_then(Value::as_str)) {
                if let Ok(target) = self.documents.resolve(place, text) {
                    heirs.entry(target).or_default().push((name.into(), place));
                }
            }
        }
        heirs
    }
}

/// Whether `oneOf` and `anyOf` are left to the discriminator beside them.
pub(super) fn has_discriminator(build: &Build<'_>) -> bool {
    let has_two = CHOICES.iter().all(|name| build.schema.get(name).is_some());
    build.dialect.is_openapi()
        && !has_two
        && build.schema.get("discriminator").is_some_and(|it| it.get("propertyName").is_some_and(is_text))
}

fn is_text(value: Value<'_>) -> bool {
    value.kind() == Kind::String
}

/// The name of a schema by its reference.
fn last(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}
