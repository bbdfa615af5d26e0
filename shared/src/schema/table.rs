//! Compiled schemas: flat lists that name one another by number.

use std::cmp::Ordering;

use crate::json::{Kind, Tape};

use super::{
    decimal::Decimal,
    format::{Format, NumberFormat},
    pattern::Pattern,
    short::Short,
};

/// Stands for no schema.
pub(super) const NONE: u32 = u32::MAX;
/// The schema that accepts everything.
pub(super) const TRUE: u32 = 0;
/// The schema that accepts nothing.
pub(super) const FALSE: u32 = 1;

/// Types as bits. A number that is an integer has both bits when it is accepted as either.
pub(super) mod types {
    use super::Kind;

    pub(in super::super) const NULL: u8 = 1;
    pub(in super::super) const BOOLEAN: u8 = 1 << 1;
    pub(in super::super) const NUMBER: u8 = 1 << 2;
    pub(in super::super) const STRING: u8 = 1 << 3;
    pub(in super::super) const ARRAY: u8 = 1 << 4;
    pub(in super::super) const OBJECT: u8 = 1 << 5;
    /// Numbers whose value is whole, where [`NUMBER`] is not there.
    pub(in super::super) const INTEGER: u8 = 1 << 6;
    /// Numbers that are written without fraction and exponent (draft 4 section 3.5).
    pub(in super::super) const PLAIN_INTEGER: u8 = 1 << 7;
    pub(in super::super) const ALL: u8 = NULL | BOOLEAN | NUMBER | STRING | ARRAY | OBJECT;

    /// In the order of [`Kind`].
    pub(in super::super) const fn of(kind: Kind) -> u8 {
        1 << kind as u8
    }
}

/// Some of a list: from where, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) len: u32,
}

impl Span {
    pub(super) fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.from as usize..self.from.saturating_add(self.len) as usize).unwrap_or_default()
    }

    /// Adds to a list, and names what was added.
    pub(super) fn add<T>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) -> Self {
        let from = list.len();
        list.extend(more);
        Self { from: count(from), len: count(list.len().saturating_sub(from)) }
    }
}

/// A number of things, none of which are more than that.
pub(super) fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Adds to a list, and names it.
pub(super) fn put<T>(list: &mut Vec<T>, one: T) -> u32 {
    list.push(one);
    count(list.len().saturating_sub(1))
}

/// A schema.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    pub(super) rules: Span,
    /// Which types it accepts.
    pub(super) types: u8,
    /// Whether there is a rule that needs to know what others looked at.
    pub(super) has_unevaluated: bool,
    /// Whether a discriminator may choose it.
    pub(super) is_mapped: bool,
    /// What it is part of, where references depend on that.
    pub(super) resource: u32,
}

/// What a keyword asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// `false`.
    Never,
    /// Another schema.
    Ref(u32),
    Dynamic(u32),
    All(u32),
    Any(u32),
    /// `null` is valid, whatever the rules behind say. Comes first.
    Nullable,
    One(u32),
    Not(u32),
    If(u32),
    Discriminator(u32),
    Enum(u32),
    Const(u32),
    Minimum(u32),
    Maximum(u32),
    ExclusiveMinimum(u32),
    ExclusiveMaximum(u32),
    MultipleOf(u32),
    NumberFormat(u32),
    MinLength(u32),
    MaxLength(u32),
    Pattern(u32),
    Format(Format),
    Array(u32),
    Object(u32),
    UnevaluatedItems(u32),
    UnevaluatedProperties(u32),
    /// No members but those that were declared, if any were.
    Closed,
}

impl Rule {
    /// What a choice is called.
    pub(super) const fn keyword(self) -> &'static str {
        if matches!(self, Self::One(_)) { "oneOf" } else { "anyOf" }
    }

    /// Whether it has to come last, as it needs to know what the others looked at.
    pub(super) const fn is_last(self) -> bool {
        matches!(self, Self::UnevaluatedItems(_) | Self::UnevaluatedProperties(_) | Self::Closed)
    }
}

/// A `$dynamicRef` or a `$recursiveRef`.
#[derive(Clone, Debug)]
pub(super) struct Dynamic {
    /// Where it leads if no schema around has the name.
    pub(super) schema: u32,
    /// Schemas of this name, by resource.
    pub(super) named: Box<[(u32, u32)]>,
}

/// `if`, `then`, `else`.
#[derive(Clone, Copy, Debug)]
pub(super) struct If {
    pub(super) condition: u32,
    pub(super) then: u32,
    pub(super) or_else: u32,
}

/// Which of many is meant.
#[derive(Clone, Debug)]
pub(super) struct Discriminator {
    pub(super) property: Box<str>,
    /// By the property's value, in order: schemas, and whether they say all that this one does.
    pub(super) mapping: Box<[(Box<str>, u32, bool)]>,
    /// `anyOf` or `oneOf`, for what no schema is known.
    pub(super) otherwise: Option<Rule>,
}

/// `enum`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enum {
    /// Texts, in order.
    pub(super) texts: Span,
    /// Bits of [`word`].
    pub(super) words: u8,
    /// All others, by their id on the tape.
    pub(super) others: Span,
}

/// What numbers are compared with.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) short: Option<Short>,
    pub(super) exact: Decimal,
}

/// What an `enum` has of the three words.
pub(super) mod word {
    pub(in super::super) const NULL: u8 = 1;
    pub(in super::super) const TRUE: u8 = 2;
    pub(in super::super) const FALSE: u8 = 4;
}

/// What is asked of arrays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Array {
    pub(super) prefix: Span,
    pub(super) items: u32,
    /// What to call [`Array::items`].
    pub(super) items_name: &'static str,
    pub(super) contains: u32,
    pub(super) min_contains: u32,
    pub(super) max_contains: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) is_unique: bool,
    /// Whether what `contains` found is evaluated.
    pub(super) contains_evaluates: bool,
}

/// A member that is declared, required, or both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// How its name begins.
    pub(super) start: u64,
    pub(super) name: Span,
    pub(super) schema: u32,
    /// Which of the required ones it is, from 1; 0 for those that are not.
    pub(super) required: u32,
    /// Must not be there, as it goes the other way.
    pub(super) way: Way,
}

/// Which way a member goes, where it goes one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Both,
    ReadOnly,
    WriteOnly,
}

/// What is asked of objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// By length and text of the name.
    pub(super) members: Span,
    pub(super) required: u32,
    /// Patterns and schemas.
    pub(super) patterns: Span,
    pub(super) additional: u32,
    pub(super) names: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) dependents: Span,
    /// Whether there are `properties`.
    pub(super) is_declared: bool,
}

/// What is asked of objects that have a member.
#[derive(Clone, Debug)]
pub(super) struct Dependent {
    pub(super) name: Box<str>,
    pub(super) required: Box<[Box<str>]>,
    pub(super) schema: u32,
    pub(super) keyword: &'static str,
}

/// All lists.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) nodes: Vec<Node>,
    pub(super) rules: Vec<Rule>,
    pub(super) lists: Vec<Span>,
    pub(super) ids: Vec<u32>,
    pub(super) dynamics: Vec<Dynamic>,
    pub(super) ifs: Vec<If>,
    pub(super) discriminators: Vec<Discriminator>,
    pub(super) enums: Vec<Enum>,
    pub(super) texts: Vec<Span>,
    pub(super) numbers: Vec<Number>,
    pub(super) number_formats: Vec<NumberFormat>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) arrays: Vec<Array>,
    pub(super) objects: Vec<Object>,
    pub(super) members: Vec<Member>,
    pub(super) pattern_members: Vec<(u32, u32)>,
    pub(super) dependents: Vec<Dependent>,
    /// The text of all names.
    pub(super) names: String,
    /// Values of `enum` and `const`.
    pub(super) tape: Tape,
}

impl Table {
    pub(super) fn node(&self, schema: u32) -> Node {
        self.nodes.get(schema as usize).copied().unwrap_or_default()
    }

    pub(super) fn name(&self, name: Span) -> &str {
        self.names.get(name.from as usize..name.from.saturating_add(name.len) as usize).unwrap_or_default()
    }

    /// The list of schemas of this number.
    pub(super) fn list(&self, list: u32) -> &[u32] {
        self.lists.get(list as usize).map_or(&[], |span| span.of(&self.ids))
    }

    /// Whether a member has this name, which [starts](crate::json::start) so.
    pub(super) fn is_named(&self, member: &Member, (name, start): (&[u8], u64)) -> bool {
        member.start == start
            && member.name.len as usize == name.len()
            && (name.len() <= 8 || self.name(member.name).as_bytes() == name)
    }

    /// Where among the members of an object the one of this name is.
    #[inline(never)]
    pub(super) fn position(&self, members: &[Member], (name, start): (&[u8], u64)) -> Option<usize> {
        let len = count(name.len());
        let order = |member: &Member| match (member.name.len, member.start).cmp(&(len, start)) {
            Ordering::Equal if len > 8 => self.name(member.name).as_bytes().cmp(name),
            order => order,
        };
        members.binary_search_by(order).ok()
    }

    /// Marks the schemas that discriminators may choose.
    pub(super) fn mark_mapped(&mut self) {
        for (_, schema, _) in self.discriminators.iter().flat_map(|rule| &rule.mapping) {
            if let Some(node) = self.nodes.get_mut(*schema as usize) {
                node.is_mapped = true;
            }
        }
    }

    /// Gives back what was allocated and is not needed.
    pub(super) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.rules.shrink_to_fit();
        self.lists.shrink_to_fit();
        self.ids.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.arrays.shrink_to_fit();
        self.objects.shrink_to_fit();
        self.members.shrink_to_fit();
        self.names.shrink_to_fit();
        self.patterns.shrink_to_fit();
    }
}
