//! A place in the list.

use std::fmt;

use super::tape::{Node, Tape};
use crate::pointer;

/// What a value is. Numbers are numbers: which of them are integers is a matter of their value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` and `false`.
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    pub(super) tape: &'t Tape,
    pub(super) index: u32,
}

impl<'t> Value<'t> {
    fn node(self) -> Node {
        let none = Node { kind: Kind::Null, start: 0, end: 0 };
        self.tape.nodes.get(self.index as usize).copied().unwrap_or(none)
    }

    const fn at(self, index: u32) -> Self {
        Self { index, ..self }
    }

    /// The id that a value behind it would have: all that is in it has ids from its own to below this.
    pub(crate) fn behind(self) -> u32 {
        let node = self.node();
        if matches!(node.kind, Kind::Array | Kind::Object) { node.end } else { self.index.saturating_add(1) }
    }

    /// Names this value among those of its text: what differs for any two of them.
    pub const fn id(self) -> u32 {
        self.index
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// A truth value.
    pub fn as_bool(self) -> Option<bool> {
        let node = self.node();
        (node.kind == Kind::Boolean).then_some(node.start != 0)
    }

    /// A text.
    pub fn as_str(self) -> Option<&'t str> {
        self.slice(Kind::String)
    }

    /// A member's name, and how it [starts](super::start).
    pub(crate) fn name(self) -> (&'t [u8], u64) {
        self.tape.name_at(self.index)
    }

    /// A number, as it was written.
    pub fn as_number(self) -> Option<&'t str> {
        self.slice(Kind::Number)
    }

    fn slice(self, kind: Kind) -> Option<&'t str> {
        let node = self.node();
        if node.kind != kind {
            return None;
        }
        self.tape.own.get(node.start as usize..node.end as usize)
    }

    /// A number that is written as a whole number from 0 to 2^64 - 1.
    pub fn as_u64(self) -> Option<u64> {
        self.as_number()?.parse().ok()
    }

    /// How many elements or members there are; 0 of what is neither.
    pub fn len(self) -> usize {
        let node = self.node();
        match node.kind {
            Kind::Array => node.start as usize,
            Kind::Object => (node.start / 2) as usize,
            _ => 0,
        }
    }

    /// Whether there are no elements or members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The elements of an array; none of anything else.
    pub fn elements(self) -> Elements<'t> {
        let is_array = self.kind() == Kind::Array;
        Elements { next: self.at(self.index.saturating_add(1)), end: if is_array { self.behind() } else { 0 } }
    }

    /// The members of an object; none of anything else.
    pub fn members(self) -> Members<'t> {
        let is_object = self.kind() == Kind::Object;
        Members { next: self.at(self.index.saturating_add(1)), end: if is_object { self.behind() } else { 0 } }
    }

    /// The member of this name. Looks at all that come before.
    pub fn get(self, name: &str) -> Option<Self> {
        self.members().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The element at this position. Looks at all that come before.
    pub fn element(self, position: usize) -> Option<Self> {
        self.elements().nth(position)
    }

    /// What a JSON pointer (RFC 6901) names.
    pub fn lookup(self, pointer: &str) -> Option<Self> {
        let mut tokens = pointer.split('/');
        // What stands before the first slash: nothing.
        tokens.next().filter(|start| start.is_empty())?;
        tokens.try_fold(self, |value, token| match value.kind() {
            Kind::Array => value.element(pointer::index(token)?),
            _ => value.get(&pointer::unescaped(token)),
        })
    }

    /// The same for those who expect serde's. Numbers that are neither 64-bit integers nor finite as floats are `null`.
    pub fn to_serde(self) -> serde_json::Value {
        match self.kind() {
            Kind::Null => serde_json::Value::Null,
            Kind::Boolean => self.as_bool().into(),
            Kind::Number => self.as_number().and_then(serde_number).map_or(serde_json::Value::Null, Into::into),
            Kind::String => self.as_str().into(),
            Kind::Array => self.elements().map(Self::to_serde).collect(),
            Kind::Object => self.members().map(|(name, value)| (name, value.to_serde())).collect(),
        }
    }
}

fn serde_number(text: &str) -> Option<serde_json::Number> {
    text.parse::<u64>()
        .map(Into::into)
        .ok()
        .or_else(|| text.parse::<i64>().map(Into::into).ok())
        .or_else(|| serde_json::Number::from_f64(text.parse().ok()?))
}

/// As JSON.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &[])
    }
}

/// A value as JSON, without some of its members.
#[derive(Clone, Copy, Debug)]
pub struct Without<'a>(pub Value<'a>, pub &'a [u32]);

impl fmt::Display for Without<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, self.1)
    }
}

impl Value<'_> {
    /// `without` are the [ids](Value::id) of members' values, sorted.
    fn write(self, f: &mut fmt::Formatter<'_>, without: &[u32]) -> fmt::Result {
        match self.kind() {
            Kind::Null => f.write_str("null"),
            Kind::Boolean => write!(f, "{}", self.as_bool() == Some(true)),
            Kind::Number => f.write_str(self.as_number().unwrap_or_default()),
            Kind::String => write_string(self.as_str().unwrap_or_default(), f),
            Kind::Array => {
                f.write_str("[")?;
                for (position, element) in self.elements().enumerate() {
                    f.write_str(if position == 0 { "" } else { "," })?;
                    element.write(f, without)?;
                }
                f.write_str("]")
            }
            Kind::Object => {
                f.write_str("{")?;
                let stays = |(_, value): &(&str, Self)| without.binary_search(&value.id()).is_err();
                for (position, (name, value)) in self.members().filter(stays).enumerate() {
                    f.write_str(if position == 0 { "" } else { "," })?;
                    write_string(name, f)?;
                    f.write_str(":")?;
                    value.write(f, without)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for char in text.chars() {
        match char {
            '"' | '\\' => write!(f, "\\{char}")?,
            '\0'..='\x1f' => write!(f, "\\u{:04x}", u32::from(char))?,
            _ => fmt::Write::write_char(f, char)?,
        }
    }
    f.write_str("\"")
}

/// As JSON: the tape around it is no one's interest.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An array's elements, in order.
#[derive(Clone, Debug)]
pub struct Elements<'t> {
    next: Value<'t>,
    end: u32,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        if self.next.index >= self.end {
            return None;
        }
        let value = self.next;
        self.next = value.at(value.behind());
        Some(value)
    }
}

impl<'t> Members<'t> {
    /// The next member, its name as a value.
    pub(crate) fn pair(&mut self) -> Option<(Value<'t>, Value<'t>)> {
        if self.next.index >= self.end {
            return None;
        }
        let name = self.next;
        let value = name.at(name.index.saturating_add(1));
        self.next = value.at(value.behind());
        Some((name, value))
    }
}

/// An object's members, in order: names and values.
#[derive(Clone, Debug)]
pub struct Members<'t> {
    next: Value<'t>,
    end: u32,
}

impl<'t> Iterator for Members<'t> {
    type Item = (&'t str, Value<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        self.pair().map(|(name, value)| (name.as_str().unwrap_or_default(), value))
    }
}
