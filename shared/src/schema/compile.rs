//! From documents to compiled schemas.
//!
//! A schema is compiled when something refers to it: it gets its number, and waits in a list until it is its turn, so
//! that neither cycles nor depth matter. What is small and has no schemas in it is shared by what it says.

use std::collections::BTreeMap;

use crate::{
    config::said,
    json::{Kind, Part, Value},
};

use super::{
    Dialect, Direction, SchemaId, Schemas, Settings, circles,
    documents::{Documents, Place},
    findings::Findings,
    keyword::{self, Found, Keyword},
    table::{FALSE, Node, Rule, Span, TRUE, Table, put, types},
};

/// What is wrong with a document, or cannot be enforced of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where in the document (RFC 6901), such as `/components/schemas/User/properties/age`.
    pub pointer: String,
    /// What: `expected …, found …`, or what is not enforced.
    pub message: String,
}

/// What the same place can be compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mode {
    pub(super) way: u8,
    /// Whether a value is judged by it alone, and not also by what refers to it: where objects are closed.
    pub(super) is_entry: bool,
    /// Whether objects are closed.
    pub(super) closes: bool,
}

impl Mode {
    pub(super) const ANY: u8 = 0;
    pub(super) const REQUEST: u8 = 1;
    pub(super) const RESPONSE: u8 = 2;
    pub(super) const LENIENT: u8 = 3;

    /// The same for a schema that is a part of one.
    pub(super) const fn part(self) -> Self {
        Self { is_entry: false, ..self }
    }

    /// The same for a schema that judges a value of its own.
    pub(super) const fn entry(self) -> Self {
        Self { is_entry: self.closes, ..self }
    }
}

/// A schema that has its number and is not compiled yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) place: Place,
    pub(super) mode: Mode,
    pub(super) id: u32,
    /// The schema whose `allOf` it is written in.
    pub(super) outer: Option<Place>,
}

/// Compiles schemas of one document.
#[derive(Debug)]
pub struct Compiler {
    document: Part,
    pub(super) documents: Documents,
    /// The one whose schemas are compiled.
    current: u32,
    pub(super) settings: Settings,
    ignored: Vec<String>,
    pub(super) table: Table,
    pub(super) known: BTreeMap<(Place, Mode), u32>,
    queue: Vec<Waiting>,
    /// Schemas without schemas in them, by what they say.
    leaves: BTreeMap<(u8, Vec<Rule>), u32>,
    /// Numbers, patterns, enumerations and names, by what they are and their text.
    pub(super) shared: BTreeMap<(Shared, Box<str>), u32>,
    pub(super) names: BTreeMap<Box<str>, Span>,
    pub(super) outer: Option<Place>,
    /// Schemas that refer to others in their `allOf`: names of schemas by what they refer to.
    pub(super) heirs: Option<Heirs>,
    findings: Findings,
}

/// Names and places of schemas, by what is in their `allOf`.
pub(super) type Heirs = BTreeMap<Place, Vec<(Box<str>, Place)>>;

/// What can be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shared {
    Number,
    NumberFormat,
    Pattern,
    Enum,
    Const,
}

impl Compiler {
    /// For schemas in `document`, whose root is what `$ref`s with a `#` alone refer to. `ignored` are JSON pointers: what is
    /// wrong there or below is a warning, and the schema there accepts everything.
    pub fn new(document: Part, dialect: Dialect, settings: Settings, ignored: &[String]) -> Self {
        let mut documents = Documents::default();
        let current = documents.add(document.clone(), dialect, "", ignored);
        let mut table = Table::default();
        let of = |rules| Node { rules, types: types::ALL, ..Node::default() };
        let never = Span::add(&mut table.rules, [Rule::Never]);
        table.nodes = vec![of(Span::default()), of(never)];
        let mut compiler = Self {
            document,
            documents,
            current,
            settings,
            ignored: ignored.to_vec(),
            table,
            known: BTreeMap::new(),
            queue: Vec::new(),
            leaves: BTreeMap::new(),
            shared: BTreeMap::new(),
            names: BTreeMap::new(),
            outer: None,
            heirs: None,
            findings: Findings::default(),
        };
        compiler.check_dialect();
        compiler
    }

    /// The document.
    pub const fn document(&self) -> &Part {
        &self.document
    }

    /// Goes on with schemas in another document, in its own dialect. Its findings get `prefix` before their pointers.
    pub fn turn_to(&mut self, document: Part, dialect: Dialect, prefix: &str) {
        self.current = self.documents.add(document.clone(), dialect, prefix, &self.ignored);
        self.document = document;
        self.check_dialect();
    }

    /// Adds a document that schemas may refer to by its `$id`, such as a metaschema.
    pub fn also(&mut self, document: Part, dialect: Dialect) {
        self.documents.add(document, dialect, "", &[]);
    }

    /// Compiles the schema at `value`, which is of the document and stands at `pointer`. Faults are kept for
    /// [`Compiler::finish`]; the id is of a schema that refuses everything then.
    pub fn schema(&mut self, value: Value<'_>, pointer: &str, direction: Direction) -> SchemaId {
        // The document knows where its values are.
        let _ = pointer;
        let place = Place { document: self.current, index: value.id() };
        let has_directions = self.documents.document(place).is_some_and(|document| document.has_directions);
        let way = match direction {
            Direction::Request if has_directions => Mode::REQUEST,
            Direction::LenientRequest if has_directions => Mode::LENIENT,
            Direction::Response if has_directions => Mode::RESPONSE,
            _ => Mode::ANY,
        };
        let closes =
            if direction == Direction::Response { self.settings.closed_responses } else { self.settings.closed };
        let id = self.place(place, Mode { way, is_entry: closes, closes });
        while let Some(waiting) = self.queue.pop() {
            self.compile(waiting);
        }
        SchemaId(id)
    }

    /// The schemas, what was wrong, and what an operator should know.
    pub fn finish(mut self) -> (Schemas, Vec<Fault>, Vec<Fault>) {
        for id in circles::find(&self.table) {
            let place = self.known.iter().find(|(_, known)| **known == id).map(|((place, _), _)| *place);
            if let Some(place) = place {
                self.fault(place, "expected a schema that comes to an end, found one that refers to itself".to_owned());
            }
        }
        self.table.mark_mapped();
        self.table.shrink();
        let (faults, warnings) = self.findings.finish();
        (Schemas { table: self.table }, faults, warnings)
    }

    fn check_dialect(&mut self) {
        let document = self.document.clone();
        let root = document.value();
        let place = Place { document: self.current, index: root.id() };
        if self.documents.dialect_of(place).is_openapi() {
            return;
        }
        if let Some(named) = root.get("$schema")
            && named.as_str().and_then(Dialect::named).is_none()
        {
            const KNOWN: &str = "JSON Schema draft 4, 6, 7, 2019-09 or 2020-12, such as \
                                 \"https://json-schema.org/draft/2020-12/schema\"";
            self.expected(place.document, KNOWN, named);
        }
    }

    /// Adds a fault; a warning where it is to be ignored.
    pub(super) fn fault(&mut self, place: Place, message: String) {
        if self.is_ignored(place) {
            return;
        }
        self.findings.fault(self.documents.pointer(place), message);
    }

    /// Adds a fault: what a value should be, and is not.
    pub(super) fn expected(&mut self, document: u32, expected: &str, found: Value<'_>) {
        let message = format!("expected {expected}, found {}", said(found));
        self.fault(Place { document, index: found.id() }, message);
    }

    pub(super) fn warn(&mut self, place: Place, message: &str) {
        self.findings.warn(message, || self.documents.pointer(place));
    }

    /// Whether a place is not to be enforced. Warned of.
    fn is_ignored(&mut self, place: Place) -> bool {
        let Some(document) = self.documents.document(place) else { return false };
        let mut ignored = document.ignored.iter();
        let Some((.., pointer)) = ignored.find(|(from, end, _)| (*from..*end).contains(&place.index)) else {
            return false;
        };
        let message = format!("{pointer} is to be ignored: nothing there is enforced");
        self.findings.warn(&message, || self.documents.pointer(place));
        true
    }

    /// The number of the schema at a place.
    pub(super) fn place(&mut self, place: Place, mode: Mode) -> u32 {
        /// More `$ref`s to `$ref`s than anyone has; a circle has no end.
        const MOST: u32 = 64;
        let mut at = place;
        for _ in 0..MOST {
            if let Some(id) = self.known.get(&(at, mode)) {
                let id = *id;
                if at != place {
                    self.known.insert((place, mode), id);
                }
                return id;
            }
            if self.is_ignored(at) {
                return TRUE;
            }
            let Some(part) = self.documents.document(at).map(|document| document.part.clone()) else { return FALSE };
            let value = part.at(at.index);
            let next = if value.kind() == Kind::Object { self.alias(at, value) } else { None };
            let Some(next) = next else {
                let outer = self.outer.filter(|_| at == place);
                let id = self.number(at, value, mode, outer);
                self.known.insert((at, mode), id);
                self.known.insert((place, mode), id);
                return id;
            };
            match next {
                Ok(next) => at = next,
                Err((fault_at, message)) => {
                    self.fault(fault_at, message);
                    self.known.insert((place, mode), FALSE);
                    return FALSE;
                }
            }
        }
        self.fault(place, "expected a `$ref` that leads to a schema, found a circle".to_owned());
        self.known.insert((place, mode), FALSE);
        FALSE
    }

    /// Where a schema leads that is nothing but a reference.
    fn alias(&mut self, place: Place, schema: Value<'_>) -> Option<Result<Place, (Place, String)>> {
        let reference = schema.get("$ref")?;
        let dialect = self.documents.dialect_of(place);
        let fault_at = Place { index: reference.id(), ..place };
        let Some(text) = reference.as_str() else {
            return Some(Err((fault_at, format!("expected a reference, found {}", said(reference)))));
        };
        let is_alone = dialect.has_lone_refs()
            || schema.members().all(|(name, _)| {
                matches!(
                    keyword::find(name, dialect),
                    Found::Known(Keyword::Annotation | Keyword::Ref) | Found::Unknown(None)
                )
            });
        if !is_alone {
            return None;
        }
        match self.documents.resolve(place, text) {
            // References that depend on what is around have to see all that is.
            Ok(target)
                if !dialect.has_lone_refs()
                    && self.documents.resource_of(target) != self.documents.resource_of(place) =>
            {
                None
            }
            Ok(target) => Some(Ok(target)),
            Err(message) => Some(Err((fault_at, message))),
        }
    }

    /// A number for a schema that has none.
    fn number(&mut self, place: Place, value: Value<'_>, mode: Mode, outer: Option<Place>) -> u32 {
        let dialect = self.documents.dialect_of(place);
        match value.as_bool() {
            Some(bool) if dialect.has_boolean_schemas() => return if bool { TRUE } else { FALSE },
            _ if value.kind() == Kind::Object => {}
            _ => {
                let expected = if dialect.has_boolean_schemas() { "a schema" } else { "a schema, which is an object" };
                self.expected(place.document, expected, value);
                return FALSE;
            }
        }
        let resource = if self.has_dynamics() { self.documents.resource_of(place) } else { 0 };
        let is_leaf = value.members().all(|(name, _)| match keyword::find(name, dialect) {
            Found::Known(keyword) => keyword.is_leaf(),
            Found::Foreign | Found::Unknown(_) => true,
        });
        if is_leaf && resource == 0 {
            let built = self.build(place, value, mode, None);
            if let Some(id) = self.leaves.get(&built) {
                return *id;
            }
            let (types, rules) = &built;
            let id = if rules.is_empty() && *types == types::ALL {
                TRUE
            } else {
                let rules = Span::add(&mut self.table.rules, rules.iter().copied());
                put(&mut self.table.nodes, Node { rules, types: *types, ..Node::default() })
            };
            self.leaves.insert(built, id);
            return id;
        }
        let id = put(&mut self.table.nodes, Node { resource, types: types::ALL, ..Node::default() });
        self.queue.push(Waiting { place, mode, id, outer });
        id
    }

    /// Whether references may depend on what is around.
    fn has_dynamics(&self) -> bool {
        self.documents.anchors.iter().any(|anchor| anchor.is_dynamic)
            || self.documents.resources.iter().any(|resource| resource.is_recursive)
    }

    fn compile(&mut self, waiting: Waiting) {
        let Some(part) = self.documents.document(waiting.place).map(|document| document.part.clone()) else { return };
        let value = part.at(waiting.place.index);
        let (types, rules) = self.build(waiting.place, value, waiting.mode, waiting.outer);
        let has_unevaluated = rules.last().is_some_and(|rule| rule.is_last());
        let rules = Span::add(&mut self.table.rules, rules);
        if let Some(node) = self.table.nodes.get_mut(waiting.id as usize) {
            *node = Node { rules, types, has_unevaluated, ..*node };
        }
    }
}
