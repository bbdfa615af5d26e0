//! A document as it was written: members in their order, numbers as their text.

use std::fmt::Write as _;

/// To where written text reaches, if it can be broken there.
const WIDTH: usize = 120;

/// A value as in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    /// By JSON's grammar, and as exact as it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// No name comes twice.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, node)| node)
    }

    /// The members of a map; none of anything else.
    pub(crate) fn members(&self) -> &[(String, Self)] {
        if let Self::Map(members) = self { members } else { &[] }
    }

    /// A text.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// What these names and positions lead to.
    pub(crate) fn at(&self, tokens: &[String]) -> Option<&Self> {
        tokens.iter().try_fold(self, |node, token| match node {
            Self::List(elements) => elements.get(token.parse::<usize>().ok()?),
            node => node.get(token),
        })
    }

    /// Puts a member in the place of the one with this name, or at the end.
    pub(crate) fn set(&mut self, name: &str, node: Self) {
        if let Self::Map(members) = self {
            match members.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = node,
                None => members.push((name.to_owned(), node)),
            }
        }
    }

    /// Roughly how much memory it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        let below = match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(text) | Self::Text(text) => text.len(),
            Self::List(elements) => elements.iter().map(Self::size).sum(),
            Self::Map(members) => {
                members.iter().map(|(name, node)| name.len().saturating_add(node.size())).sum::<usize>()
            }
        };
        below.saturating_add(32)
    }

    /// Writes it as JSON: on one line what fits there, all else with a line for each element or member. Lines after the
    /// first start with `indent` blanks.
    pub(crate) fn write(&self, indent: usize, text: &mut String) {
        let used = text.rfind('\n').map_or(text.len(), |end| text.len().saturating_sub(end));
        let from = text.len();
        if self.write_line(text, from.saturating_add(WIDTH.saturating_sub(used))) {
            return;
        }
        text.truncate(from);
        let inner = indent.saturating_add(2);
        let (open, close) = if matches!(self, Self::List(_)) { ('[', ']') } else { ('{', '}') };
        text.push(open);
        let mut is_first = true;
        self.for_each(|name, node| {
            text.push_str(if std::mem::take(&mut is_first) { "\n" } else { ",\n" });
            text.extend(std::iter::repeat_n(' ', inner));
            if let Some(name) = name {
                write_text(name, text);
                text.push_str(": ");
            }
            node.write(inner, text);
            true
        });
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
        text.push(close);
    }

    /// Writes it on one line; false if that went beyond `end`. What cannot be broken always fits.
    fn write_line(&self, text: &mut String, end: usize) -> bool {
        let (open, close) = match self {
            Self::Null => return push(text, "null"),
            Self::Bool(bool) => return push(text, if *bool { "true" } else { "false" }),
            Self::Number(number) => return push(text, number),
            Self::Text(value) => {
                write_text(value, text);
                return true;
            }
            Self::List(elements) if elements.is_empty() => return push(text, "[]"),
            Self::Map(members) if members.is_empty() => return push(text, "{}"),
            Self::List(_) => ("[", "]"),
            Self::Map(_) => ("{ ", " }"),
        };
        text.push_str(open);
        let mut is_first = true;
        let fits = self.for_each(|name, node| {
            text.push_str(if std::mem::take(&mut is_first) { "" } else { ", " });
            if let Some(name) = name {
                write_text(name, text);
                text.push_str(": ");
            }
            node.write_line(text, end) && text.len() < end
        });
        text.push_str(close);
        fits && text.len() <= end
    }

    /// Each element or member, until `visit` says no.
    fn for_each(&self, mut visit: impl FnMut(Option<&str>, &Self) -> bool) -> bool {
        match self {
            Self::List(elements) => elements.iter().all(|node| visit(None, node)),
            Self::Map(members) => members.iter().all(|(name, node)| visit(Some(name), node)),
            _ => true,
        }
    }
}

fn push(text: &mut String, more: &str) -> bool {
    text.push_str(more);
    true
}

/// A JSON text that is also safe in a block of YAML: what one of its versions takes for a line's end, or does not allow,
/// is escaped.
fn write_text(value: &str, text: &mut String) {
    text.push('"');
    for char in value.chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(char));
            }
            char => text.push(char),
        }
    }
    text.push('"');
}
