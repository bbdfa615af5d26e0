//! One value against one schema: rule by rule.
//!
//! What an instance's parts were looked at (annotations, as `unevaluatedProperties` needs them) is kept in frames of bits,
//! only where someone asks. What takes long is remembered, so that what alternatives ask again is not worked out again.

use std::cmp::Ordering;

use crate::json::{Kind, Value};

use super::{
    TooComplex,
    build::small,
    decimal::Decimal,
    evaluated::{Evaluated, Frame},
    memory::Memory,
    short::Short,
    table::{Discriminator, NONE, Node, Number, Rule, Span, TRUE, Table, types},
    violations::Violations,
};

/// How deep schemas may be within one another while a value is judged: as much as the stack is sure to hold.
pub(super) const DEPTH: u32 = 600;

/// Of how many members of an object it is known where they were declared.
pub(super) const GUESSES: usize = 16;

/// A verdict.
pub(super) type Verdict = Result<bool, TooComplex>;

pub(super) struct Run<'s> {
    pub(super) table: &'s Table,
    pub(super) steps: u32,
    depth: u32,
    /// Whether violations are reported, and not only a verdict.
    pub(super) is_reporting: bool,
    pub(super) violations: Violations,
    pub(super) evaluated: Evaluated,
    /// Resources around, the innermost last.
    scope: Vec<u32>,
    /// Schemas that discriminators choose, and the values that they are held against just now.
    open: Vec<(u32, u32)>,
    memory: Memory,
    /// The number that was looked at last, by its id: it has more rules than one.
    short: (u32, Option<Short>),
    /// Where members were declared, by their positions in the last object: in lists, they come in the same order again.
    pub(super) guesses: [usize; GUESSES],
}

impl<'s> Run<'s> {
    pub(super) fn new(table: &'s Table, steps: u32, most: usize) -> Self {
        Self {
            table,
            steps,
            depth: 0,
            is_reporting: most > 0,
            violations: Violations::new(most),
            evaluated: Evaluated::default(),
            scope: Vec::new(),
            open: Vec::new(),
            memory: Memory::new(steps, table.dynamics.is_empty()),
            short: (NONE, None),
            guesses: [0; GUESSES],
        }
    }

    pub(super) fn judge(&mut self, schema: u32, value: Value<'_>) -> Verdict {
        let verdict = self.schema(schema, value, Frame::NONE);
        // What was reported up to here is worth more than that there is more.
        if self.violations.is_full() && self.violations.len() > 0 { Ok(false) } else { verdict }
    }

    /// Takes steps for work.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TooComplex> {
        let steps = u32::try_from(steps).map_err(|_| TooComplex)?;
        self.steps = self.steps.checked_sub(steps).ok_or(TooComplex)?;
        Ok(())
    }

    /// A violation. Always `false`, as the verdict.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(&mut self, value: Value<'_>, keyword: &'static str) -> bool {
        if self.is_reporting {
            self.violations.add(value, keyword, None);
        }
        false
    }

    /// A violation by a member that is not there. Always `false`.
    pub(super) fn fail_missing(&mut self, value: Value<'_>, keyword: &'static str, missing: &str) -> bool {
        if self.is_reporting {
            self.violations.add(value, keyword, Some(missing));
        }
        false
    }

    /// Whether there is nothing more to find out once something failed.
    pub(super) fn is_over(&self) -> bool {
        !self.is_reporting || self.violations.is_full()
    }

    /// A part of a value.
    #[inline]
    pub(super) fn part(&mut self, schema: u32, value: Value<'_>) -> Verdict {
        if schema == TRUE {
            return Ok(true);
        }
        if !self.memory.is_on(self.steps) || self.is_reporting || value.is_empty() {
            return self.schema(schema, value, Frame::NONE);
        }
        self.remembered(schema, value)
    }

    #[inline(never)]
    fn remembered(&mut self, schema: u32, value: Value<'_>) -> Verdict {
        if let Some(known) = self.memory.get(schema, value.id()) {
            self.spend(1)?;
            return Ok(known);
        }
        let verdict = self.schema(schema, value, Frame::NONE)?;
        self.memory.put(schema, value.id(), verdict);
        Ok(verdict)
    }

    /// The same without reports.
    pub(super) fn quietly(&mut self, schema: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let before = std::mem::replace(&mut self.is_reporting, false);
        let verdict = self.schema(schema, value, frame);
        self.is_reporting = before;
        verdict
    }

    /// A value, of whose parts those that are looked at are marked in `frame`.
    pub(super) fn schema(&mut self, schema: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let table = self.table;
        let Some(node) = table.nodes.get(schema as usize) else { return Ok(self.fail(value, "type")) };
        self.spend(1)?;
        let kind = value.kind();
        if node.types & types::of(kind) == 0 && !self.is_integer(node.types, kind, value) {
            return Ok(self.fail(value, "type"));
        }
        if node.rules.len == 0 {
            return Ok(true);
        }
        if self.depth >= DEPTH {
            return Err(TooComplex);
        }
        self.depth = self.depth.saturating_add(1);
        let is_plain = !node.has_unevaluated && !node.is_mapped && table.dynamics.is_empty();
        let (own, is_new_scope) = if is_plain { (frame, false) } else { self.enter(schema, node, value, frame)? };
        let verdict = self.rules(node.rules, value, kind, own);
        if !is_plain {
            self.leave(node, is_new_scope, own, frame, verdict == Ok(true));
        }
        self.depth = self.depth.saturating_sub(1);
        verdict
    }

    /// Keeps what rules inside have to know. Returned is the frame for them, and whether there is a new scope.
    #[inline(never)]
    fn enter(&mut self, schema: u32, node: &Node, value: Value<'_>, frame: Frame) -> Result<(Frame, bool), TooComplex> {
        let is_new_scope = !self.table.dynamics.is_empty() && self.scope.last() != Some(&node.resource);
        if is_new_scope {
            self.scope.push(node.resource);
        }
        if node.is_mapped {
            self.open.push((schema, value.id()));
        }
        if !node.has_unevaluated || value.is_empty() {
            return Ok((frame, is_new_scope));
        }
        // What others looked at is not its concern.
        self.spend(value.len().wrapping_shr(6))?;
        Ok((self.evaluated.open(value.len()), is_new_scope))
    }

    #[inline(never)]
    fn leave(&mut self, node: &Node, is_new_scope: bool, own: Frame, outer: Frame, is_valid: bool) {
        if own != outer {
            self.evaluated.close(own, outer, is_valid);
        }
        if node.is_mapped {
            self.open.pop();
        }
        if is_new_scope {
            self.scope.pop();
        }
    }

    #[inline]
    fn rules(&mut self, rules: Span, value: Value<'_>, kind: Kind, frame: Frame) -> Verdict {
        let table = self.table;
        let mut is_valid = true;
        for rule in rules.of(&table.rules) {
            if !is_valid && rule.is_last() {
                break;
            }
            self.spend(1)?;
            let verdict = match *rule {
                Rule::Object(at) if kind == Kind::Object => self.object(at, value, frame),
                Rule::Array(at) if kind == Kind::Array => self.array(at, value, frame),
                Rule::Ref(schema) => self.schema(schema, value, frame),
                Rule::MinLength(_) | Rule::MaxLength(_) | Rule::Pattern(_) | Rule::Format(_) => self.text(*rule, value),
                Rule::Minimum(_)
                | Rule::Maximum(_)
                | Rule::ExclusiveMinimum(_)
                | Rule::ExclusiveMaximum(_)
                | Rule::MultipleOf(_)
                | Rule::NumberFormat(_)
                    if kind == Kind::Number =>
                {
                    self.number(*rule, value)
                }
                rule => self.rule(rule, value, kind, frame),
            };
            if !verdict? {
                is_valid = false;
                if self.is_over() {
                    break;
                }
            }
            match rule {
                Rule::Nullable if kind == Kind::Null => break,
                Rule::Discriminator(at) if self.is_covered(*at, value) => break,
                _ => {}
            }
        }
        Ok(is_valid)
    }

    /// The less common rules.
    #[inline(never)]
    fn rule(&mut self, rule: Rule, value: Value<'_>, kind: Kind, frame: Frame) -> Verdict {
        match rule {
            Rule::Never => Ok(self.fail(value, "false")),
            Rule::All(list) => self.all(list, value, frame),
            Rule::UnevaluatedItems(schema) if kind == Kind::Array => self.unevaluated_items(schema, value, frame),
            Rule::UnevaluatedProperties(schema) if kind == Kind::Object => {
                self.unevaluated_properties(schema, value, frame, "unevaluatedProperties")
            }
            Rule::Closed if kind == Kind::Object => {
                if self.evaluated.is_declared(frame) {
                    self.unevaluated_properties(super::table::FALSE, value, frame, "additionalProperties")
                } else {
                    Ok(true)
                }
            }
            Rule::Any(list) => self.any(list, value, frame),
            Rule::One(list) => self.one(list, value, frame),
            Rule::Not(schema) => {
                if self.quietly(schema, value, Frame::NONE)? {
                    return Ok(self.fail(value, "not"));
                }
                Ok(true)
            }
            Rule::If(at) => self.condition(at, value, frame),
            Rule::Dynamic(at) => self.dynamic(at, value, frame),
            Rule::Discriminator(at) => self.discriminator(at, value, frame),
            Rule::Enum(at) => {
                if self.is_in_enum(at, value)? {
                    return Ok(true);
                }
                Ok(self.fail(value, "enum"))
            }
            Rule::Const(at) => {
                if self.is_equal(self.table.tape.at(at), value)? {
                    return Ok(true);
                }
                Ok(self.fail(value, "const"))
            }
            _ => Ok(true),
        }
    }

    fn all(&mut self, list: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let mut is_valid = true;
        for schema in self.table.list(list) {
            if !self.schema(*schema, value, frame)? {
                is_valid = false;
                if self.is_over() {
                    break;
                }
            }
        }
        Ok(is_valid)
    }

    /// One of several ways, which is looked at with a frame of its own.
    #[inline(never)]
    pub(super) fn branch(&mut self, schema: u32, value: Value<'_>, frame: Frame) -> Verdict {
        if frame == Frame::NONE {
            return self.quietly(schema, value, frame);
        }
        self.spend(value.len().wrapping_shr(6))?;
        let own = self.evaluated.open(value.len());
        let verdict = self.quietly(schema, value, own);
        self.evaluated.close(own, frame, verdict == Ok(true));
        verdict
    }

    fn any(&mut self, list: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let mut is_valid = false;
        for schema in self.table.list(list) {
            if self.branch(*schema, value, frame)? {
                is_valid = true;
                // Others may look at more.
                if frame == Frame::NONE {
                    break;
                }
            }
        }
        if is_valid { Ok(true) } else { self.fail_choice(list, value, "anyOf") }
    }

    fn one(&mut self, list: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let mut valid = 0_u32;
        for schema in self.table.list(list) {
            if self.branch(*schema, value, frame)? {
                valid = valid.saturating_add(1);
                if valid > 1 {
                    return Ok(self.fail(value, "oneOf"));
                }
            }
        }
        if valid == 1 { Ok(true) } else { self.fail_choice(list, value, "oneOf") }
    }

    /// None of several schemas is right. If the type of the value tells which is meant, what is wrong by that one is
    /// reported too.
    #[inline(never)]
    fn fail_choice(&mut self, list: u32, value: Value<'_>, keyword: &'static str) -> Verdict {
        self.fail(value, keyword);
        if self.is_over() {
            return Ok(false);
        }
        let bit = types::of(value.kind());
        let table = self.table;
        let mut fitting = table.list(list).iter().filter(|schema| table.types(**schema) & bit != 0);
        if let (Some(meant), None) = (fitting.next(), fitting.next()) {
            self.schema(*meant, value, Frame::NONE)?;
        }
        Ok(false)
    }

    #[inline(never)]
    fn condition(&mut self, at: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let Some(rule) = self.table.ifs.get(at as usize) else { return Ok(true) };
        if self.branch(rule.condition, value, frame)? {
            self.schema(rule.then, value, frame)
        } else {
            self.schema(rule.or_else, value, frame)
        }
    }

    #[inline(never)]
    fn dynamic(&mut self, at: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let Some(rule) = self.table.dynamics.get(at as usize) else { return Ok(true) };
        self.spend(self.scope.len())?;
        let named = |resource: &u32| rule.named.iter().find(|(known, _)| known == resource);
        let schema = self.scope.iter().find_map(named).map_or(rule.schema, |(_, schema)| *schema);
        self.schema(schema, value, frame)
    }

    #[inline(never)]
    fn discriminator(&mut self, at: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let Some(rule) = self.table.discriminators.get(at as usize) else { return Ok(true) };
        if let Some((schema, _)) = meant(rule, value) {
            self.spend(value.len())?;
            return if self.is_open(schema, value) { Ok(true) } else { self.schema(schema, value, frame) };
        }
        let Some(otherwise) = rule.otherwise else { return Ok(true) };
        // What is chosen may refer back to who chooses.
        let marker = NONE.saturating_sub(at).saturating_sub(1);
        if self.is_open(marker, value) {
            return Ok(true);
        }
        self.open.push((marker, value.id()));
        let before = std::mem::replace(&mut self.is_reporting, false);
        let verdict = match otherwise {
            Rule::One(list) => self.one(list, value, frame),
            Rule::Any(list) => self.any(list, value, frame),
            _ => Ok(true),
        };
        self.is_reporting = before;
        self.open.pop();
        if verdict? {
            return Ok(true);
        }
        Ok(self.fail(value, if value.kind() == Kind::Object { "discriminator" } else { otherwise.keyword() }))
    }

    fn is_open(&self, schema: u32, value: Value<'_>) -> bool {
        self.open.iter().rev().take_while(|(_, id)| *id == value.id()).any(|(known, _)| *known == schema)
    }

    /// Whether all that a schema says was said by the one that its discriminator chose.
    fn is_covered(&self, at: u32, value: Value<'_>) -> bool {
        let Some(rule) = self.table.discriminators.get(at as usize) else { return false };
        rule.otherwise.is_none()
            && meant(rule, value).is_some_and(|(schema, is_heir)| is_heir && !self.is_open(schema, value))
    }

    /// Whether a number is one of those integers that are accepted.
    #[inline(never)]
    fn is_integer(&mut self, accepted: u8, kind: Kind, value: Value<'_>) -> bool {
        if kind != Kind::Number || accepted & (types::INTEGER | types::PLAIN_INTEGER) == 0 {
            return false;
        }
        if let Some(short) = self.short(value)
            && short.is_plain()
        {
            return true;
        }
        let text = value.as_number().unwrap_or_default();
        let is_plain = !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
        is_plain || (accepted & types::INTEGER != 0 && Decimal::parse(text).is_some_and(|number| number.is_integer()))
    }

    #[inline(never)]
    fn number(&mut self, rule: Rule, value: Value<'_>) -> Verdict {
        let (is_valid, keyword) = match rule {
            Rule::Minimum(at) => (self.compare(value, at)?.is_ge(), "minimum"),
            Rule::Maximum(at) => (self.compare(value, at)?.is_le(), "maximum"),
            Rule::ExclusiveMinimum(at) => (self.compare(value, at)?.is_gt(), "exclusiveMinimum"),
            Rule::ExclusiveMaximum(at) => (self.compare(value, at)?.is_lt(), "exclusiveMaximum"),
            Rule::MultipleOf(at) => (self.is_multiple(value, at)?, "multipleOf"),
            Rule::NumberFormat(at) => (self.has_format(value, at)?, "format"),
            _ => return Ok(true),
        };
        if is_valid { Ok(true) } else { Ok(self.fail(value, keyword)) }
    }

    #[inline(never)]
    fn has_format(&mut self, value: Value<'_>, at: u32) -> Verdict {
        let Some(format) = self.table.number_formats.get(at as usize) else { return Ok(true) };
        Ok(format.is_valid(&self.exact(value.as_number().unwrap_or_default())?))
    }

    /// What is too long to be exact is too complex.
    pub(super) fn exact(&mut self, text: &str) -> Result<Decimal, TooComplex> {
        if let Some(small) = small(text) {
            return Ok(small.into());
        }
        self.spend(text.len())?;
        Decimal::parse(text).ok_or(TooComplex)
    }

    /// A number, if it is short.
    fn short(&mut self, value: Value<'_>) -> Option<Short> {
        if self.short.0 != value.id() {
            self.short = (value.id(), value.as_number().and_then(Short::parse));
        }
        self.short.1
    }

    fn compare(&mut self, value: Value<'_>, at: u32) -> Result<Ordering, TooComplex> {
        let Some(limit) = self.table.numbers.get(at as usize) else { return Ok(Ordering::Equal) };
        if let (Some(number), Some(limit)) = (self.short(value), limit.short)
            && let Some(order) = number.compare(limit)
        {
            return Ok(order);
        }
        self.compare_exact(value, limit)
    }

    #[cold]
    #[inline(never)]
    fn compare_exact(&mut self, value: Value<'_>, limit: &Number) -> Result<Ordering, TooComplex> {
        Ok(self.exact(value.as_number().unwrap_or_default())?.cmp(&limit.exact))
    }

    fn is_multiple(&mut self, value: Value<'_>, at: u32) -> Verdict {
        let Some(divisor) = self.table.numbers.get(at as usize) else { return Ok(true) };
        if let (Some(number), Some(divisor)) = (self.short(value), divisor.short)
            && let Some(verdict) = number.is_multiple_of(divisor)
        {
            return Ok(verdict);
        }
        self.is_exact_multiple(value, divisor)
    }

    #[cold]
    #[inline(never)]
    fn is_exact_multiple(&mut self, value: Value<'_>, divisor: &Number) -> Verdict {
        let text = value.as_number().unwrap_or_default();
        self.spend(text.len())?;
        Ok(self.exact(text)?.is_multiple_of(&divisor.exact))
    }

    #[inline(never)]
    fn text(&mut self, rule: Rule, value: Value<'_>) -> Verdict {
        let Some(text) = value.as_str() else { return Ok(true) };
        let (is_valid, keyword) = match rule {
            // Characters are at least a fourth of the bytes, ...
            Rule::MinLength(least) => {
                (super::table::count(text.len().div_ceil(4)) >= least || self.length(text)? >= least, "minLength")
            }
            Rule::MaxLength(most) => {
                // ... and no more than these.
                (super::table::count(text.len()) <= most || self.length(text)? <= most, "maxLength")
            }
            Rule::Pattern(at) => (self.is_match(at, text)?, "pattern"),
            Rule::Format(format) => {
                self.spend(text.len().wrapping_shr(2))?;
                (format.is_valid(text), "format")
            }
            _ => return Ok(true),
        };
        if is_valid { Ok(true) } else { Ok(self.fail(value, keyword)) }
    }

    /// In characters.
    fn length(&mut self, text: &str) -> Result<u32, TooComplex> {
        self.spend(text.len().wrapping_shr(5))?;
        Ok(super::table::count(text.chars().count()))
    }

    pub(super) fn is_match(&mut self, pattern: u32, text: &str) -> Verdict {
        let Some(pattern) = self.table.patterns.get(pattern as usize) else { return Ok(true) };
        pattern.is_match_within(text, &mut self.steps).ok_or(TooComplex)
    }
}

/// The schema that is meant for a value, and whether it says all that the one with the discriminator does.
fn meant(rule: &Discriminator, value: Value<'_>) -> Option<(u32, bool)> {
    let name = value.get(&rule.property)?.as_str()?;
    let at = rule.mapping.binary_search_by(|(known, ..)| (**known).cmp(name)).ok()?;
    rule.mapping.get(at).map(|(_, schema, is_heir)| (*schema, *is_heir))
}
