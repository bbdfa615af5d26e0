//! What a contract says a body may be.

use std::{cmp::Reverse, str::FromStr};

use super::{MediaFault, MediaType, UTF_8, parse};

/// A key of an OpenAPI document's `content`: a media type, or a range of them, with the parameters that it asks for.
///
/// | range | media types |
/// |---|---|
/// | `application/json` | this one, whatever its parameters |
/// | `application/json; profile=a` | with this parameter, and whichever others |
/// | `application/*+json` | those with this suffix (RFC 6838 section 4.2.8), and `application/json` itself |
/// | `application/*` | those of this type |
/// | `*/*` | all |
///
/// A range that asks for `charset=utf-8` also takes what names no charset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRange {
    /// How much of the essence is said. In order of precedence.
    scope: Scope,
    parameters: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    /// `type/subtype`.
    Exact(String),
    /// `type/` and `+suffix`.
    Suffix(String, String),
    /// `type/`.
    Type(String),
    All,
}

impl FromStr for MediaRange {
    type Err = MediaFault;

    fn from_str(text: &str) -> Result<Self, MediaFault> {
        let is_range = |kind: &str, subtype: &str| match (kind, subtype) {
            ("*", subtype) => subtype == "*",
            (kind, "*") => !kind.contains('*'),
            (kind, subtype) => {
                let suffix = subtype.strip_prefix("*+").filter(|suffix| !suffix.is_empty());
                parse::is_plain_type(kind, suffix.unwrap_or(subtype))
            }
        };
        let (essence, parameters) = parse::media_type(text.as_bytes(), is_range)?;
        let scope = match essence.split_once("/*") {
            None => Scope::Exact(essence),
            Some(("*", _)) => Scope::All,
            Some((kind, "")) => Scope::Type(format!("{kind}/")),
            Some((kind, suffix)) => Scope::Suffix(format!("{kind}/"), suffix.to_owned()),
        };
        Ok(Self { scope, parameters })
    }
}

impl MediaRange {
    /// Whether this media type is in the range.
    pub fn contains(&self, media_type: &MediaType) -> bool {
        let essence = media_type.essence();
        let is_in_scope = match &self.scope {
            Scope::Exact(known) => essence == known,
            Scope::Suffix(kind, suffix) => essence.strip_prefix(kind.as_str()).is_some_and(|subtype| {
                suffix.strip_prefix('+') == Some(subtype)
                    || subtype.strip_suffix(suffix.as_str()).is_some_and(|start| !start.is_empty())
            }),
            Scope::Type(kind) => essence.starts_with(kind),
            Scope::All => true,
        };
        is_in_scope && self.parameters.iter().all(|(name, value)| has(media_type, name, value))
    }

    /// The one media type that it is; `None` for a range of many.
    pub fn media_type(&self) -> Option<MediaType> {
        match &self.scope {
            Scope::Exact(essence) => Some(MediaType { essence: essence.clone(), parameters: self.parameters.clone() }),
            _ => None,
        }
    }

    /// What sorts the more specific range first.
    fn precedence(&self) -> (u8, Reverse<usize>) {
        let scope = match self.scope {
            Scope::Exact(_) => 0,
            Scope::Suffix(..) => 1,
            Scope::Type(_) => 2,
            Scope::All => 3,
        };
        (scope, Reverse(self.parameters.len()))
    }
}

fn has(media_type: &MediaType, name: &str, value: &str) -> bool {
    match (name, media_type.parameter(name)) {
        ("charset", Some(found)) => found.eq_ignore_ascii_case(value),
        ("charset", None) => value.eq_ignore_ascii_case(UTF_8),
        (_, found) => found == Some(value),
    }
}

/// Values by media range, ready for look-ups: one pass over the ranges, of which a contract has few.
#[derive(Clone, Debug)]
pub struct MediaTable<T> {
    /// The most specific range first.
    entries: Vec<(MediaRange, T)>,
}

impl<T> MediaTable<T> {
    /// A table of these. Of two that are equally specific the first wins.
    pub fn new(entries: impl IntoIterator<Item = (MediaRange, T)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(range, _)| range.precedence());
        Self { entries }
    }

    /// The value of the most specific range that this media type is in.
    pub fn find(&self, media_type: &MediaType) -> Option<&T> {
        self.entries.iter().find(|(range, _)| range.contains(media_type)).map(|(_, value)| value)
    }

    /// The ranges and their values, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = (&MediaRange, &T)> {
        self.entries.iter().map(|(range, value)| (range, value))
    }

    /// Whether there is no range at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T> Default for MediaTable<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}
