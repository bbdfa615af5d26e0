//! One schema: from its members to its rules.

use crate::{
    config::{quoted, said},
    json::{Kind, Limits, Value},
};

use super::{
    Dialect,
    compile::{Compiler, Mode, Shared},
    decimal::Decimal,
    discriminator::has_discriminator,
    documents::Place,
    format::{Format, NumberFormat},
    keyword::{self, Found, Keyword},
    pattern::Pattern,
    short::Short,
    table::{Dynamic, Enum, If, NONE, Number, Rule, Span, TRUE, count, put, types, word},
};

/// A schema that is being compiled.
pub(super) struct Build<'v> {
    pub(super) place: Place,
    pub(super) dialect: Dialect,
    pub(super) schema: Value<'v>,
    pub(super) mode: Mode,
    pub(super) outer: Option<Place>,
    types: u8,
    pub(super) rules: Vec<Rule>,
    is_array: bool,
    is_object: bool,
}

impl Build<'_> {
    /// What parts of it are compiled for that judge the same value.
    pub(super) const fn part(&self) -> Mode {
        self.mode.part()
    }

    fn at(&self, value: Value<'_>) -> Place {
        Place { index: value.id(), ..self.place }
    }
}

impl Compiler {
    /// The types and the rules of the schema at `place`, which is an object.
    pub(super) fn build(
        &mut self,
        place: Place,
        schema: Value<'_>,
        mode: Mode,
        outer: Option<Place>,
    ) -> (u8, Vec<Rule>) {
        let dialect = self.documents.dialect_of(place);
        let mut build = Build {
            place,
            dialect,
            schema,
            mode,
            outer,
            types: types::ALL,
            rules: Vec::new(),
            is_array: false,
            is_object: false,
        };
        for (name, value) in schema.members() {
            match keyword::find(name, dialect) {
                Found::Known(keyword) => self.keyword(&mut build, keyword, value),
                Found::Foreign => {
                    let message = format!("`{name}` is no keyword here, and is not enforced");
                    self.warn(build.at(value), &message);
                }
                Found::Unknown(Some(meant)) => {
                    let message =
                        format!("{} is no keyword, and is not enforced: `{meant}` may be meant", quoted(name));
                    self.warn(build.at(value), &message);
                }
                Found::Unknown(None) => {}
            }
        }
        if build.is_array {
            let rule = self.array(&build);
            build.rules.push(rule);
        }
        let is_closing = mode.is_entry
            && schema.get("additionalProperties").is_none()
            && schema.get("unevaluatedProperties").is_none();
        let has_parts = build.rules.iter().any(|rule| {
            matches!(
                rule,
                Rule::Ref(_)
                    | Rule::Dynamic(_)
                    | Rule::All(_)
                    | Rule::Any(_)
                    | Rule::One(_)
                    | Rule::If(_)
                    | Rule::Discriminator(_)
            )
        }) || ["dependentSchemas", "dependencies"].iter().any(|name| schema.get(name).is_some());
        if build.is_object {
            let rule = self.object(&build, is_closing && !has_parts);
            build.rules.push(rule);
        }
        if is_closing && has_parts {
            build.rules.push(Rule::Closed);
        }
        // What refers to others first, what needs them last; else as they were written.
        build.rules.sort_by_key(|rule| match rule {
            Rule::Nullable => (false, 0),
            Rule::Discriminator(_) => (rule.is_last(), 1),
            _ => (rule.is_last(), 2),
        });
        (build.types, build.rules)
    }

    fn keyword(&mut self, build: &mut Build<'_>, keyword: Keyword, value: Value<'_>) {
        let rule = match keyword {
            Keyword::Annotation | Keyword::ReadOnly | Keyword::WriteOnly | Keyword::Then | Keyword::Else => None,
            Keyword::Type => self.types(build, value),
            Keyword::Nullable => self.nullable(build, value),
            Keyword::Ref => self.reference(build, value).map(Rule::Ref),
            Keyword::DynamicRef | Keyword::RecursiveRef => self.dynamic(build, keyword, value),
            Keyword::AllOf => {
                let before = self.outer.replace(build.place);
                let list = self.list(build, value);
                self.outer = before;
                list.map(Rule::All)
            }
            Keyword::AnyOf | Keyword::OneOf if has_discriminator(build) => None,
            Keyword::AnyOf => self.list(build, value).map(Rule::Any),
            Keyword::OneOf => self.list(build, value).map(Rule::One),
            Keyword::Discriminator => self.discriminator(build, value),
            Keyword::Not => Some(Rule::Not(self.child(build, value, build.part()))),
            Keyword::If => Some(self.condition(build, value)),
            Keyword::Const => Some(Rule::Const(self.constant(value))),
            Keyword::Enum => self.enumeration(build, value),
            Keyword::Minimum | Keyword::Maximum | Keyword::ExclusiveMinimum | Keyword::ExclusiveMaximum => {
                self.bound(build, keyword, value)
            }
            Keyword::MultipleOf => self.multiple(build, value),
            Keyword::MinLength => self.size(build, value).filter(|least| *least > 0).map(Rule::MinLength),
            Keyword::MaxLength => self.size(build, value).map(Rule::MaxLength),
            Keyword::Pattern => self.pattern(build.at(value), value).map(Rule::Pattern),
            Keyword::Format => self.format(build, value),
            Keyword::UnevaluatedItems => Some(Rule::UnevaluatedItems(self.child(build, value, build.mode.entry()))),
            Keyword::UnevaluatedProperties => {
                Some(Rule::UnevaluatedProperties(self.child(build, value, build.mode.entry())))
            }
            Keyword::AdditionalItems
            | Keyword::Contains
            | Keyword::Items
            | Keyword::MaxContains
            | Keyword::MaxItems
            | Keyword::MinContains
            | Keyword::MinItems
            | Keyword::PrefixItems
            | Keyword::UniqueItems => {
                build.is_array = true;
                None
            }
            Keyword::AdditionalProperties
            | Keyword::Dependencies
            | Keyword::DependentRequired
            | Keyword::DependentSchemas
            | Keyword::MaxProperties
            | Keyword::MinProperties
            | Keyword::PatternProperties
            | Keyword::Properties
            | Keyword::PropertyNames
            | Keyword::Required => {
                build.is_object = true;
                None
            }
        };
        build.rules.extend(rule);
    }

    pub(super) fn child(&mut self, build: &Build<'_>, value: Value<'_>, mode: Mode) -> u32 {
        self.place(Place { index: value.id(), ..build.place }, mode)
    }

    fn types(&mut self, build: &mut Build<'_>, value: Value<'_>) -> Option<Rule> {
        const EXPECTED: &str = "one of null, boolean, integer, number, string, array, object";
        let is_list = value.kind() == Kind::Array;
        if is_list && build.dialect == Dialect::OpenApi30 {
            self.expected(build.place.document, "one type, as OpenAPI 3.0 has no lists of types", value);
            return None;
        }
        let mut names = if is_list { value.elements().collect() } else { vec![value] };
        build.types = 0;
        if names.is_empty() {
            self.expected(build.place.document, "at least one type", value);
        }
        names.reverse();
        while let Some(name) = names.pop() {
            build.types |= match name.as_str() {
                // OpenAPI 3.0 has none, and has no other way to say what is meant.
                Some("null") => types::NULL,
                Some("boolean") => types::BOOLEAN,
                Some("integer") if build.dialect == Dialect::Draft4 => types::PLAIN_INTEGER,
                Some("integer") => types::INTEGER,
                Some("number") => types::NUMBER,
                Some("string") => types::STRING,
                Some("array") => types::ARRAY,
                Some("object") => types::OBJECT,
                _ => {
                    self.expected(build.place.document, EXPECTED, name);
                    types::ALL
                }
            };
        }
        if build.dialect == Dialect::OpenApi30 && build.schema.get("nullable").and_then(Value::as_bool) == Some(true) {
            build.types |= types::NULL;
        }
        None
    }

    fn nullable(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<Rule> {
        match value.as_bool() {
            None => self.expected(build.place.document, "`true` or `false`", value),
            Some(true) => {
                let list = build.schema.get("enum");
                if build.schema.get("type").is_none() && list.is_none() {
                    // By the letter it would change nothing (OpenAPI 3.0.4 section 4.7.24.1): nobody who wrote it meant that.
                    return Some(Rule::Nullable);
                }
                if list.is_some_and(|list| list.elements().all(|value| value.kind() != Kind::Null)) {
                    self.warn(build.at(value), "`nullable` changes nothing where an `enum` beside it has no `null`");
                }
            }
            Some(false) => {}
        }
        None
    }

    fn reference(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<u32> {
        let Some(text) = value.as_str() else {
            self.expected(build.place.document, "a reference", value);
            return None;
        };
        match self.documents.resolve(build.place, text) {
            Ok(target) => Some(self.place(target, build.part())),
            Err(message) => {
                self.fault(build.at(value), message);
                None
            }
        }
    }

    fn dynamic(&mut self, build: &Build<'_>, keyword: Keyword, value: Value<'_>) -> Option<Rule> {
        let schema = self.reference(build, value)?;
        let text = value.as_str()?;
        let target = self.documents.resolve(build.place, text).ok()?;
        let places: Vec<(u32, Place)> = if keyword == Keyword::RecursiveRef {
            let resource = self.documents.resource_of(target);
            let is_recursive =
                self.documents.resource(resource).is_some_and(|it| it.is_recursive && it.place == target);
            let all = self.documents.resources.iter().enumerate();
            all.filter(|(_, it)| is_recursive && it.is_recursive).map(|(id, it)| (count(id), it.place)).collect()
        } else {
            let (_, name) = text.split_once('#')?;
            let anchors = self.documents.anchors.iter().filter(|it| it.is_dynamic && *it.name == *name);
            let is_dynamic = anchors.clone().any(|it| it.place == target);
            anchors.filter(|_| is_dynamic).map(|it| (it.resource, it.place)).collect()
        };
        if places.is_empty() {
            return Some(Rule::Ref(schema));
        }
        let named = places.into_iter().map(|(resource, place)| (resource, self.place(place, build.part()))).collect();
        Some(Rule::Dynamic(put(&mut self.table.dynamics, Dynamic { schema, named })))
    }

    /// The schemas of a list.
    pub(super) fn list(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<u32> {
        if value.kind() != Kind::Array || value.is_empty() {
            self.expected(build.place.document, "a list of schemas", value);
            return None;
        }
        let ids: Vec<u32> = value.elements().map(|element| self.child(build, element, build.part())).collect();
        let span = Span::add(&mut self.table.ids, ids);
        Some(put(&mut self.table.lists, span))
    }

    fn condition(&mut self, build: &Build<'_>, value: Value<'_>) -> Rule {
        let condition = self.child(build, value, build.part());
        let mut branch =
            |name: &str| build.schema.get(name).map_or(TRUE, |branch| self.child(build, branch, build.part()));
        let (then, or_else) = (branch("then"), branch("else"));
        Rule::If(put(&mut self.table.ifs, If { condition, then, or_else }))
    }

    /// A value that others are compared with.
    fn keep(&mut self, value: Value<'_>) -> u32 {
        let id = self.table.tape.len();
        // What was read once is read again.
        let _ = self.table.tape.json(value.to_string().as_bytes(), &Limits::NONE);
        id
    }

    fn constant(&mut self, value: Value<'_>) -> u32 {
        let key = (Shared::Const, value.to_string().into());
        if let Some(known) = self.shared.get(&key) {
            return *known;
        }
        let id = self.keep(value);
        self.shared.insert(key, id);
        id
    }

    fn enumeration(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<Rule> {
        if value.kind() != Kind::Array {
            self.expected(build.place.document, "a list of values", value);
            return None;
        }
        let key = (Shared::Enum, value.to_string().into());
        if let Some(known) = self.shared.get(&key) {
            return Some(Rule::Enum(*known));
        }
        let mut texts: Vec<&str> = value.elements().filter_map(Value::as_str).collect();
        texts.sort_unstable_by_key(|text| (text.len(), *text));
        texts.dedup();
        let texts: Vec<Span> = texts.into_iter().map(|text| self.name(text)).collect();
        let mut words = 0;
        let mut others = Vec::new();
        for value in value.elements() {
            match (value.kind(), value.as_bool()) {
                (Kind::Null, _) => words |= word::NULL,
                (_, Some(true)) => words |= word::TRUE,
                (_, Some(false)) => words |= word::FALSE,
                (Kind::String, _) => {}
                _ => others.push(self.keep(value)),
            }
        }
        let texts = Span::add(&mut self.table.texts, texts);
        let others = Span::add(&mut self.table.ids, others);
        let id = put(&mut self.table.enums, Enum { texts, words, others });
        self.shared.insert(key, id);
        Some(Rule::Enum(id))
    }

    /// A text that is kept once.
    pub(super) fn name(&mut self, name: &str) -> Span {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let from = count(self.table.names.len());
        self.table.names.push_str(name);
        let span = Span { from, len: count(name.len()) };
        self.names.insert(name.into(), span);
        span
    }

    fn bound(&mut self, build: &Build<'_>, keyword: Keyword, value: Value<'_>) -> Option<Rule> {
        let has_numbers = build.dialect.has_exclusive_numbers();
        // Documents of OpenAPI 3.1 have what 3.0 has, and the other way round: it can only mean one thing.
        let is_openapi = build.dialect.is_openapi();
        let is_exclusive =
            |name: &str| (!has_numbers || is_openapi) && build.schema.get(name).and_then(Value::as_bool) == Some(true);
        match keyword {
            Keyword::Minimum if is_exclusive("exclusiveMinimum") => {
                self.limit(build, value).map(Rule::ExclusiveMinimum)
            }
            Keyword::Maximum if is_exclusive("exclusiveMaximum") => {
                self.limit(build, value).map(Rule::ExclusiveMaximum)
            }
            Keyword::Minimum => self.limit(build, value).map(Rule::Minimum),
            Keyword::Maximum => self.limit(build, value).map(Rule::Maximum),
            _ if is_openapi && value.as_bool().is_some() => {
                if has_numbers {
                    self.warn(build.at(value), "OpenAPI 3.1 has a number here: read as OpenAPI 3.0 has it");
                }
                None
            }
            _ if !(has_numbers || is_openapi && value.kind() == Kind::Number) => {
                if value.as_bool().is_none() {
                    self.expected(build.place.document, "`true` or `false`", value);
                }
                None
            }
            _ => {
                if !has_numbers {
                    self.warn(build.at(value), "OpenAPI 3.0 has `true` or `false` here: read as OpenAPI 3.1 has it");
                }
                let limit = self.limit(build, value)?;
                let is_minimum = keyword == Keyword::ExclusiveMinimum;
                Some(if is_minimum { Rule::ExclusiveMinimum(limit) } else { Rule::ExclusiveMaximum(limit) })
            }
        }
    }

    fn limit(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<u32> {
        let Some(number) = value.as_number().and_then(|text| Some((text, Decimal::parse(text)?))) else {
            self.expected(build.place.document, "a number", value);
            return None;
        };
        let (text, exact) = number;
        let key = (Shared::Number, text.into());
        if let Some(known) = self.shared.get(&key) {
            return Some(*known);
        }
        let id = put(&mut self.table.numbers, Number { short: Short::parse(text), exact });
        self.shared.insert(key, id);
        Some(id)
    }

    fn multiple(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<Rule> {
        let number = self.limit(build, value)?;
        let zero = Decimal::parse("0")?;
        if self.table.numbers.get(number as usize).is_none_or(|number| number.exact <= zero) {
            self.expected(build.place.document, "a number above 0", value);
            return None;
        }
        Some(Rule::MultipleOf(number))
    }

    /// A length or a number of things.
    pub(super) fn size(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<u32> {
        let whole = value.as_number().and_then(size);
        if whole.is_none() {
            self.expected(build.place.document, "a whole number from 0", value);
        }
        whole
    }

    /// A regex; `at` is where it is.
    pub(super) fn pattern(&mut self, at: Place, value: Value<'_>) -> Option<u32> {
        let Some(text) = value.as_str() else {
            self.fault(at, format!("expected a regular expression, found {}", said(value)));
            return None;
        };
        let key = (Shared::Pattern, text.into());
        if let Some(known) = self.shared.get(&key) {
            return Some(*known);
        }
        match Pattern::new(text) {
            Ok(pattern) => {
                let id = put(&mut self.table.patterns, pattern);
                self.shared.insert(key, id);
                Some(id)
            }
            Err(message) => {
                self.fault(at, format!("expected a regular expression, found {}: {message}", quoted(text)));
                None
            }
        }
    }

    fn format(&mut self, build: &Build<'_>, value: Value<'_>) -> Option<Rule> {
        let Some(name) = value.as_str() else {
            self.expected(build.place.document, "the name of a format", value);
            return None;
        };
        if !self.settings.formats {
            return None;
        }
        match Format::find(name) {
            Some(Format::Any) => return None,
            Some(format) => return Some(Rule::Format(format)),
            None => {}
        }
        if let Some(format) = NumberFormat::find(name) {
            let key = (Shared::NumberFormat, name.into());
            let number_formats = &mut self.table.number_formats;
            return Some(Rule::NumberFormat(*self.shared.entry(key).or_insert_with(|| put(number_formats, format))));
        }
        self.warn(build.at(value), &format!("the format {} is not known, and is not enforced", quoted(name)));
        None
    }
}

/// A whole number that is not too large for comparisons in a register.
pub(super) fn small(text: &str) -> Option<i64> {
    if text.len() > 18 { None } else { text.parse().ok() }
}

/// A whole number from 0, however it is written. What is very large is the largest there is.
fn size(text: &str) -> Option<u32> {
    let number = Decimal::parse(text)?;
    let is_whole = number.is_integer() && number >= Decimal::from(0);
    is_whole.then(|| number.as_i64().map_or(u32::MAX, |whole| u32::try_from(whole).unwrap_or(u32::MAX)))
}

/// For lists that end with no schema.
pub(super) const fn or_none(schema: Option<u32>) -> u32 {
    match schema {
        Some(schema) => schema,
        None => NONE,
    }
}
