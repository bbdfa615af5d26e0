//! A document and what of it was read already.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    config::said,
    json::{Kind, Part, Value},
    path::unescape_leniently,
    pointer,
    schema::{Compiler, Dialect, Direction, Fault, SchemaId},
};

use super::{
    BasePath, Body, Contract, Operation, Parameter, ReadSettings, Response, findings::Findings, label::Labels,
    security::Key, version::Version,
};

/// A value of the document, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Place<'d> {
    pub(super) value: Value<'d>,
    pub(super) pointer: String,
}

impl<'d> Place<'d> {
    /// A member. One that is `null` is not there, but for schemas.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| value.kind() != Kind::Null || name == "schema")?;
        Some(self.below(name, value))
    }

    /// The members, whatever their names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, Self)> {
        self.value.members().map(|(name, value)| (name, self.below(name, value)))
    }

    /// The members, but for extensions.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        self.entries().filter(|(name, _)| !name.starts_with("x-"))
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = Self> {
        let below = |(position, value)| Self { value, pointer: format!("{}/{position}", self.pointer) };
        self.value.elements().enumerate().map(below)
    }

    fn below(&self, name: &str, value: Value<'d>) -> Self {
        Self { value, pointer: below(&self.pointer, name) }
    }
}

/// The pointer to a member (RFC 6901 section 3).
pub(super) fn below(pointer: &str, name: &str) -> String {
    let mut text = pointer.to_owned();
    pointer::push(&mut text, name);
    text
}

/// More `$ref`s in a row than any document has; a circle has no end.
const REFERENCES: u32 = 32;

/// What becomes a contract.
pub(super) struct Reader<'d> {
    pub(super) root: Value<'d>,
    pub(super) version: Version,
    pub(super) compiler: Compiler,
    pub(super) findings: Findings,
    pub(super) labels: Labels,
    /// Which way what is being read goes.
    pub(super) direction: Direction,
    pub(super) request: Direction,
    pub(super) base_path: &'d BasePath,
    pub(super) has_responses: bool,
    /// Of JSON Schemas each of which is a document of its own: what holds the next ones, and their dialect.
    pub(super) part: Option<Part>,
    pub(super) dialect: Option<Dialect>,
    pub(super) keys: Vec<Key<'d>>,
    references: BTreeMap<&'d str, Option<Place<'d>>>,
    /// What is referred to from many places, by [`Value::id`].
    pub(super) parameters: BTreeMap<u32, Option<Rc<Parameter>>>,
    pub(super) bodies: BTreeMap<u32, Rc<Body>>,
    pub(super) responses: BTreeMap<u32, Rc<Response>>,
}

pub(super) fn read(document: &Part, settings: &ReadSettings) -> (Contract, Vec<Fault>, Vec<Fault>) {
    let root = document.value();
    let version = Version::of(root);
    let dialect = version.clone().and_then(|version| version.dialect(root));
    let (version, dialect, fault) = match (version, dialect) {
        (Ok(version), Ok(dialect)) => (version, dialect, None),
        (Ok(version), Err(fault)) => (version, Dialect::OpenApi31, Some(fault)),
        (Err(fault), _) => (Version::V31, Dialect::OpenApi31, Some(fault)),
    };
    let compiler = Compiler::new(document.clone(), dialect, settings.schema, &settings.ignored);
    let mut reader = Reader::new(root, version, compiler, settings);
    let mut operations = Vec::new();
    match fault {
        Some(fault) => reader.findings.add(vec![fault]),
        None => operations = reader.paths(),
    }
    reader.unknown_ignored(&settings.ignored);
    reader.finish(operations)
}

impl<'d> Reader<'d> {
    /// The contract of these operations, faults and warnings.
    pub(super) fn finish(self, operations: Vec<Operation>) -> (Contract, Vec<Fault>, Vec<Fault>) {
        let Self { compiler, mut findings, .. } = self;
        let (schemas, faults, warnings) = compiler.finish();
        findings.add(faults);
        let (faults, mut all_warnings) = findings.finish();
        all_warnings.extend(warnings);
        (Contract { schemas, operations }, faults, all_warnings)
    }

    pub(super) fn new(root: Value<'d>, version: Version, compiler: Compiler, settings: &'d ReadSettings) -> Self {
        Self {
            root,
            version,
            compiler,
            findings: Findings::new(&settings.ignored),
            labels: Labels::default(),
            direction: settings.direction(),
            request: settings.direction(),
            base_path: &settings.base_path,
            has_responses: settings.responses,
            part: None,
            dialect: None,
            keys: Vec::new(),
            references: BTreeMap::new(),
            parameters: BTreeMap::new(),
            bodies: BTreeMap::new(),
            responses: BTreeMap::new(),
        }
    }

    /// Follows `$ref`s; `None` where they lead nowhere.
    pub(super) fn follow(&mut self, place: Place<'d>) -> Option<Place<'d>> {
        if self.part.is_some() {
            // Only schemas refer to something there.
            return Some(place);
        }
        let mut found = place;
        for _ in 0..REFERENCES {
            let Some(reference) = found.get("$ref") else { return Some(found) };
            let Some(text) = reference.value.as_str() else {
                self.findings.expected(
                    "a reference such as \"#/components/parameters/id\"",
                    reference.value,
                    &reference.pointer,
                );
                return None;
            };
            found = self.refer(text, &reference.pointer)?;
        }
        self.findings.fault(&found.pointer, "expected a `$ref` that leads to something, found a circle".to_owned());
        None
    }

    fn refer(&mut self, text: &'d str, pointer: &str) -> Option<Place<'d>> {
        if let Some(known) = self.references.get(text) {
            if let Some(place) = known {
                return Some(place.clone());
            }
        } else {
            let place = text.strip_prefix('#').and_then(|fragment| lookup(self.root, fragment));
            self.references.insert(text, place.clone());
            if place.is_some() {
                return place;
            }
        }
        let found = crate::config::quoted(text);
        self.findings.fault(
            pointer,
            if text.starts_with('#') {
                format!("expected a `$ref` to what the document has, found {found}")
            } else {
                format!(
                    "expected a `$ref` within the document, found {found}: bundle it first, such as with \
                     `npx @redocly/cli bundle openapi.yaml --ext json -o bundled.json`"
                )
            },
        );
        None
    }

    /// As [`Reader::follow`], for those who only look.
    pub(super) fn peek(&self, value: Value<'d>) -> Option<Value<'d>> {
        let mut found = value;
        for _ in 0..REFERENCES {
            let Some(reference) = found.get("$ref") else { return Some(found) };
            let text = reference.as_str()?;
            found = match self.references.get(text) {
                Some(known) => known.as_ref()?.value,
                None => lookup(self.root, text.strip_prefix('#')?)?.value,
            };
        }
        None
    }

    /// Whether it is an object, or is not to be read. A fault if neither.
    pub(super) fn is_object(&mut self, place: &Place<'d>, expected: &str) -> bool {
        let is_object = place.value.kind() == Kind::Object;
        if !is_object {
            self.findings.expected(expected, place.value, &place.pointer);
        }
        is_object
    }

    /// A member that is `true` or `false`.
    pub(super) fn boolean(&mut self, place: &Place<'d>, name: &str) -> Option<bool> {
        let member = place.get(name)?;
        let value = member.value.as_bool();
        if value.is_none() {
            self.findings.expected("`true` or `false`", member.value, &member.pointer);
        }
        value
    }

    /// A member that is a text.
    pub(super) fn text(&mut self, place: &Place<'d>, name: &str) -> Option<&'d str> {
        let member = place.get(name)?;
        let text = member.value.as_str();
        if text.is_none() {
            self.findings.expected("a string", member.value, &member.pointer);
        }
        text
    }

    /// The schema at `place`; `None` if it is not to be enforced.
    pub(super) fn schema(&mut self, place: &Place<'d>) -> Option<SchemaId> {
        if self.findings.is_ignored(&place.pointer) {
            return None;
        }
        let (Some(part), Some(dialect)) = (&self.part, self.dialect) else {
            return Some(self.compiler.schema(place.value, &place.pointer, self.direction));
        };
        let document = part.part(place.value);
        self.compiler.turn_to(document, dialect, &place.pointer);
        self.enter(place);
        Some(self.compiler.schema(place.value, "", self.direction))
    }

    /// Looks at a schema that may be a document of its own, to which its references refer.
    pub(super) fn enter(&mut self, schema: &Place<'d>) {
        if self.part.is_some() {
            self.root = schema.value;
            self.references.clear();
        }
    }

    /// Warns of what is to be ignored and is not there: it may be misspelt.
    fn unknown_ignored(&mut self, ignored: &[String]) {
        for pointer in ignored {
            if lookup(self.root, pointer).is_none() {
                self.findings.warn(pointer, "is to be ignored, and the document has nothing there");
            }
        }
    }
}

/// The value at a pointer in a URI's fragment (RFC 6901 section 6) and its plain pointer.
fn lookup<'d>(root: Value<'d>, fragment: &str) -> Option<Place<'d>> {
    let mut place = Place { value: root, pointer: String::new() };
    let mut tokens = fragment.split('/');
    if tokens.next() != Some("") {
        return None;
    }
    for token in tokens {
        let name = unescaped(token)?;
        let value = match place.value.kind() {
            Kind::Array => place.value.element(pointer::index(&name)?),
            _ => place.value.get(&name),
        };
        place = place.below(&name, value?);
    }
    Some(place)
}

fn unescaped(token: &str) -> Option<String> {
    let text = String::from_utf8(unescape_leniently(token.as_bytes())).ok()?;
    Some(pointer::unescaped(&text).into_owned())
}

/// A text that should be one of a few.
pub(super) fn unknown_word(words: &[&str], found: Value<'_>) -> String {
    format!("expected one of {}, found {}", words.join(", "), said(found))
}
