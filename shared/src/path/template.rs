//! One path template.

use std::{borrow::Cow, error::Error, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{Case, NormalPath, is_dots, mixed::Mixed, unescape};
use crate::config::{Decode, Errors, Node};

/// A pattern for [`NormalPath`](super::NormalPath)s, compared segment by segment.
///
/// | segment | matches |
/// |---|---|
/// | `users` | this segment, percent-decoded once: `caf%C3%A9` and `café` are the same |
/// | `{user_id}` | any one segment but an empty one, and names it |
/// | `*` | any one segment |
/// | `**` | any number of segments, none included; only at the end |
///
/// So `/internal/**` also matches `/internal`, and `/**` matches every path. A wildcard is a whole segment: `*.js` is an
/// error. A slash at the end is without meaning, in a template as in a path. A `*` or `{` as text is `%2A` or `%7B`.
///
/// This is the syntax of configurations, [`FromStr`]; [`Template::openapi`] reads that of OpenAPI documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub(super) text: Box<str>,
    pub(super) steps: Box<[Step]>,
    /// In the order of the text.
    pub(super) names: Box<[Name]>,
    /// Whether `**` ends it.
    pub(super) rest: bool,
}

/// One segment of a template. In order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Literal(Box<[u8]>),
    Mixed(Mixed),
    Capture,
    Any,
}

impl Step {
    /// Whether some segment is matched by both, empty ones aside.
    #[cfg(test)]
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(other)) => one == other,
            (Self::Literal(literal), Self::Mixed(mixed)) | (Self::Mixed(mixed), Self::Literal(literal)) => {
                mixed.matches(literal, Case::Sensitive)
            }
            (Self::Mixed(one), Self::Mixed(other)) => one.meets(other),
            _ => true,
        }
    }

    /// Whether every segment that the other one matches is matched by this one, empty ones aside.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(_), _) => self == other,
            (Self::Mixed(mixed), Self::Literal(literal)) => mixed.matches(literal, Case::Sensitive),
            (Self::Mixed(one), Self::Mixed(other)) => one.covers(other),
            (Self::Mixed(_), _) => false,
            _ => true,
        }
    }

    pub(super) fn make_ascii_lowercase(&mut self) {
        match self {
            Self::Literal(literal) => literal.make_ascii_lowercase(),
            Self::Mixed(mixed) => mixed.make_ascii_lowercase(),
            Self::Capture | Self::Any => {}
        }
    }
}

/// A variable's name and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The segment's position.
    pub(super) position: usize,
    /// Which of the segment's variables it is, from 0.
    pub(super) variable: usize,
    pub(super) text: Box<str>,
}

impl Template {
    /// The most segments that a template can have.
    pub const MAX_SEGMENTS: usize = 64;

    /// The template as it was written.
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// The names with the positions, from 0, of the segments that they are or are in; in their order.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.names.iter().map(|name| (name.position, name.text.as_ref()))
    }

    /// Where in a path the segment with this name is; `None` also where the name is only a part of a segment. Found at
    /// configure time it saves the search per request.
    pub fn position(&self, name: &str) -> Option<usize> {
        let found = self.names.iter().find(|known| *known.text == *name)?;
        (self.steps.get(found.position) == Some(&Step::Capture)).then_some(found.position)
    }

    /// The names, in their order, with their values in a path that matches: decoded once, never empty.
    pub fn values<'t, 'p>(&'t self, path: NormalPath<'p>, case: Case) -> impl Iterator<Item = (&'t str, &'p [u8])> {
        self.names.iter().filter_map(move |name| {
            let segment = path.segment(name.position)?;
            let value = match self.steps.get(name.position)? {
                Step::Mixed(mixed) => mixed.value(segment, name.variable, case)?,
                _ => segment,
            };
            Some((name.text.as_ref(), value))
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A text that is no template: what was expected, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    expected: &'static str,
    found: String,
}

impl TemplateError {
    pub(super) fn new(expected: &'static str, found: &str) -> Self {
        // Enough to find the place; a whole file pasted by mistake stays out of the log.
        Self { expected, found: found.chars().take(128).flat_map(char::escape_debug).collect() }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "expected {}, found `{}`", self.expected, self.found)
    }
}

impl Error for TemplateError {}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let body = text.strip_prefix('/').ok_or_else(|| {
            TemplateError::new("a path template that starts with `/`, such as `/users/{id}/**`", text)
        })?;
        let mut template = Self { text: text.into(), steps: Box::default(), names: Box::default(), rest: false };
        if body.is_empty() {
            return Ok(template);
        }
        let (mut steps, mut names) = (Vec::new(), Vec::<Name>::new());
        for segment in body.strip_suffix('/').unwrap_or(body).split('/') {
            if template.rest {
                return Err(TemplateError::new("`**` only as the last segment", text));
            }
            match segment {
                "" => return Err(TemplateError::new("segments that are not empty", text)),
                "*" => steps.push(Step::Any),
                "**" => template.rest = true,
                _ => match segment.strip_prefix('{').and_then(|start| start.strip_suffix('}')) {
                    Some(name) if !is_name(name) => {
                        return Err(TemplateError::new("a name such as `{user_id}`", segment));
                    }
                    Some(name) if names.iter().any(|known| *known.text == *name) => {
                        return Err(TemplateError::new("each name once", text));
                    }
                    Some(name) => {
                        names.push(Name { position: steps.len(), variable: 0, text: name.into() });
                        steps.push(Step::Capture);
                    }
                    None => steps.push(Step::Literal(literal(segment)?)),
                },
            }
        }
        if steps.len() > Self::MAX_SEGMENTS {
            return Err(TemplateError::new("at most 64 segments", text));
        }
        Ok(Self { steps: steps.into(), names: names.into(), ..template })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// A literal segment, decoded.
pub(super) fn literal(segment: &str) -> Result<Box<[u8]>, TemplateError> {
    if segment.contains(['*', '{', '}']) {
        return Err(TemplateError::new("`*`, `**` and `{name}` only as whole segments", segment));
    }
    if segment.contains(|found: char| matches!(found, '?' | '#' | '\\') || found.is_whitespace()) {
        return Err(TemplateError::new("a path without `?`, `#`, `\\` and blanks, which are percent-encoded", segment));
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = if *byte == b'%' { unescape(after) } else { Some((*byte, after)) };
        let (byte, after) = escape.ok_or_else(|| TemplateError::new("two hexadecimal digits after `%`", segment))?;
        decoded.push(byte);
        rest = after;
    }
    if is_dots(&decoded) {
        return Err(TemplateError::new("segments other than `.` and `..`, which no normal path has", segment));
    }
    if decoded.iter().any(u8::is_ascii_control) {
        return Err(TemplateError::new("segments without control characters, which no normal path has", segment));
    }
    Ok(decoded.into())
}

impl Decode for Template {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.text("a path template such as `/users/{id}/**`, as a string", errors)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "PathTemplate".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Template").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A path template, compared with the normalised path segment by segment: `{name}` is one \
                            segment that is not empty, `*` is one segment, `**` at the end is any number of segments, \
                            none included.",
            "pattern": "^/",
            "examples": ["/users/{user_id}", "/internal/**", "/files/*/raw"],
        })
    }
}
