//! What is asked of arrays and objects: all keywords about their parts make one rule, so that one look at the parts does.

use std::collections::BTreeMap;

use crate::json::{self, Kind, Value};

use super::{
    Dialect,
    build::{Build, or_none},
    compile::{Compiler, Mode},
    documents::Place,
    table::{Array, Dependent, FALSE, Member, NONE, Object, Rule, Span, Way, put},
};

/// What there is of members while an object is compiled.
#[derive(Default)]
struct Declared {
    schema: Option<u32>,
    is_required: bool,
    way: Option<Way>,
}

impl Compiler {
    pub(super) fn array(&mut self, build: &Build<'_>) -> Rule {
        let mode = build.mode.entry();
        let get = |name: &str| build.schema.get(name);
        let mut array = Array {
            prefix: Span::default(),
            items: NONE,
            items_name: "items",
            contains: NONE,
            min_contains: 1,
            max_contains: u32::MAX,
            min: 0,
            max: u32::MAX,
            is_unique: false,
            contains_evaluates: build.dialect.has_prefix_items(),
        };
        let items = get("items");
        if build.dialect.has_prefix_items() {
            if let Some(prefix) = get("prefixItems") {
                array.prefix = self.prefix(build, prefix, mode);
            }
            array.items = or_none(items.map(|items| self.child(build, items, mode)));
        } else if let Some(items) = items {
            if items.kind() == Kind::Array && build.dialect != Dialect::OpenApi30 {
                array.prefix = self.prefix(build, items, mode);
                let others = get("additionalItems");
                array.items = or_none(others.map(|others| self.additional(build, others, mode)));
                array.items_name = "additionalItems";
            } else {
                array.items = self.child(build, items, mode);
            }
        }
        if build.dialect.has_boolean_schemas()
            && let Some(contains) = get("contains")
        {
            array.contains = self.child(build, contains, mode);
            if matches!(build.dialect, Dialect::Draft201909 | Dialect::Draft202012 | Dialect::OpenApi31) {
                array.min_contains = get("minContains").and_then(|least| self.size(build, least)).unwrap_or(1);
                array.max_contains = get("maxContains").and_then(|most| self.size(build, most)).unwrap_or(u32::MAX);
            }
        }
        array.min = get("minItems").and_then(|least| self.size(build, least)).unwrap_or(0);
        array.max = get("maxItems").and_then(|most| self.size(build, most)).unwrap_or(u32::MAX);
        if let Some(unique) = get("uniqueItems") {
            match unique.as_bool() {
                Some(is_unique) => array.is_unique = is_unique,
                None => self.expected(build.place.document, "`true` or `false`", unique),
            }
        }
        Rule::Array(put(&mut self.table.arrays, array))
    }

    /// `additionalItems` and `additionalProperties` may be `true` or `false` in all dialects.
    fn additional(&mut self, build: &Build<'_>, value: Value<'_>, mode: Mode) -> u32 {
        match value.as_bool() {
            Some(true) => super::table::TRUE,
            Some(false) => FALSE,
            None => self.child(build, value, mode),
        }
    }

    fn prefix(&mut self, build: &Build<'_>, list: Value<'_>, mode: Mode) -> Span {
        if list.kind() != Kind::Array {
            self.expected(build.place.document, "a list of schemas", list);
        }
        let ids: Vec<u32> = list.elements().map(|element| self.child(build, element, mode)).collect();
        Span::add(&mut self.table.ids, ids)
    }

    /// The rule about members; `close` if there must be none that are not declared.
    pub(super) fn object(&mut self, build: &Build<'_>, close: bool) -> Rule {
        let document = build.place.document;
        let get = |name: &str| build.schema.get(name);
        let mode = build.mode.entry();
        let mut declared: BTreeMap<(usize, &str), Declared> = BTreeMap::new();
        let properties = get("properties");
        if let Some(properties) = properties {
            if properties.kind() != Kind::Object {
                self.expected(document, "an object of schemas", properties);
            }
            for (name, value) in properties.members() {
                let schema = Some(self.child(build, value, mode));
                let way = self.way(Place { document, index: value.id() }, build.mode);
                let member = Declared { schema, way, is_required: false };
                declared.insert((name.len(), name), member);
            }
        }
        if let Some(required) = get("required") {
            for name in self.texts(document, required) {
                let member = declared.entry((name.len(), name)).or_default();
                let mut is_elsewhere = || member.schema.is_none() && self.is_elsewhere_one_way(build, name);
                member.is_required = member.way.is_none() && !is_elsewhere();
            }
        }
        let mut required = 0_u32;
        let mut members = Vec::with_capacity(declared.len());
        for ((_, name), member) in declared {
            if member.is_required {
                required = required.saturating_add(1);
            }
            members.push(Member {
                start: json::start(name.as_bytes()),
                name: self.name(name),
                schema: or_none(member.schema),
                required: if member.is_required { required } else { 0 },
                way: member.way.filter(|_| build.mode.way != Mode::LENIENT).unwrap_or(Way::Both),
            });
        }
        let mut patterns = Vec::new();
        if build.dialect != Dialect::OpenApi30
            && let Some(list) = get("patternProperties")
        {
            if list.kind() != Kind::Object {
                self.expected(document, "an object of schemas", list);
            }
            let mut pairs = list.members();
            while let Some((name, value)) = pairs.pair() {
                let schema = self.child(build, value, mode);
                if let Some(pattern) = self.pattern(Place { document, index: value.id() }, name) {
                    patterns.push((pattern, schema));
                }
            }
        }
        let additional = match get("additionalProperties") {
            Some(value) => self.additional(build, value, mode),
            None if close && properties.is_some() => FALSE,
            None => NONE,
        };
        let names = match get("propertyNames") {
            Some(value) if build.dialect.has_boolean_schemas() => self.child(build, value, build.part()),
            _ => NONE,
        };
        let object = Object {
            members: Span::add(&mut self.table.members, members),
            required,
            patterns: Span::add(&mut self.table.pattern_members, patterns),
            additional,
            names,
            min: get("minProperties").and_then(|least| self.size(build, least)).unwrap_or(0),
            max: get("maxProperties").and_then(|most| self.size(build, most)).unwrap_or(u32::MAX),
            dependents: self.dependents(build),
            is_declared: properties.is_some(),
        };
        Rule::Object(put(&mut self.table.objects, object))
    }

    /// A list of names.
    fn texts<'v>(&mut self, document: u32, list: Value<'v>) -> Vec<&'v str> {
        if list.kind() != Kind::Array {
            self.expected(document, "a list of names", list);
        }
        let mut texts = Vec::with_capacity(list.len());
        for value in list.elements() {
            match value.as_str() {
                Some(text) => texts.push(text),
                None => self.expected(document, "a name", value),
            }
        }
        texts
    }

    fn dependents(&mut self, build: &Build<'_>) -> Span {
        let document = build.place.document;
        let mut all = Vec::new();
        let is_old = !matches!(build.dialect, Dialect::Draft201909 | Dialect::Draft202012 | Dialect::OpenApi31);
        let keywords: &[&'static str] = match build.dialect {
            Dialect::OpenApi30 => &[],
            _ if is_old => &["dependencies"],
            _ => &["dependentRequired", "dependentSchemas"],
        };
        for keyword in keywords {
            let Some(list) = build.schema.get(keyword) else { continue };
            if list.kind() != Kind::Object {
                self.expected(document, "an object", list);
            }
            for (name, value) in list.members() {
                let is_names = *keyword == "dependentRequired" || (is_old && value.kind() == Kind::Array);
                let (required, schema) = if is_names {
                    let names = self.texts(document, value);
                    (names.into_iter().map(Into::into).collect(), NONE)
                } else {
                    (Box::default(), self.child(build, value, build.part()))
                };
                all.push(Dependent { name: name.into(), required, schema, keyword });
            }
        }
        Span::add(&mut self.table.dependents, all)
    }

    /// Whether the schema of a member says that it goes the other way only; `None` if not.
    fn way(&mut self, place: Place, mode: Mode) -> Option<Way> {
        let (keyword, way) = match mode.way {
            Mode::REQUEST | Mode::LENIENT => ("readOnly", Way::ReadOnly),
            Mode::RESPONSE => ("writeOnly", Way::WriteOnly),
            _ => return None,
        };
        self.says(place, &|schema| schema.get(keyword).and_then(Value::as_bool) == Some(true), DEPTH).then_some(way)
    }

    /// Whether a schema, or one that it refers to or that is in its `allOf`, is as asked.
    fn says(&mut self, place: Place, is: &dyn Fn(Value<'_>) -> bool, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let Some(part) = self.documents.document(place).map(|document| document.part.clone()) else { return false };
        let schema = part.at(place.index);
        let reference = schema.get("$ref").and_then(Value::as_str);
        let is_lone = reference.is_some() && self.documents.dialect_of(place).has_lone_refs();
        if !is_lone && is(schema) {
            return true;
        }
        if let Some(target) = reference.and_then(|text| self.documents.resolve(place, text).ok())
            && self.says(target, is, depth)
        {
            return true;
        }
        !is_lone
            && schema
                .get("allOf")
                .into_iter()
                .flat_map(Value::elements)
                .any(|element| self.says(Place { index: element.id(), ..place }, is, depth))
    }

    /// Whether a member that is required here is declared beside this schema or in its parts, as one that goes the other
    /// way only.
    fn is_elsewhere_one_way(&mut self, build: &Build<'_>, name: &str) -> bool {
        if build.mode.way == Mode::ANY {
            return false;
        }
        let mode = build.mode;
        [Some(build.place), build.outer].into_iter().flatten().any(|place| {
            let mut found = Vec::new();
            self.declarations(place, name, DEPTH, &mut found);
            found.into_iter().any(|place| self.way(place, mode).is_some())
        })
    }

    /// Where a member is declared, in a schema, those that it refers to, and those in its `allOf`.
    fn declarations(&mut self, place: Place, name: &str, depth: u32, found: &mut Vec<Place>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let Some(part) = self.documents.document(place).map(|document| document.part.clone()) else { return };
        let schema = part.at(place.index);
        if let Some(member) = schema.get("properties").and_then(|properties| properties.get(name)) {
            found.push(Place { index: member.id(), ..place });
        }
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = reference.and_then(|text| self.documents.resolve(place, text).ok()) {
            self.declarations(target, name, depth, found);
        }
        for element in schema.get("allOf").into_iter().flat_map(Value::elements) {
            self.declarations(Place { index: element.id(), ..place }, name, depth, found);
        }
    }
}

/// How deep parts of schemas are looked at for what goes one way only.
const DEPTH: u32 = 8;
