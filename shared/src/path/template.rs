//! One path template.

use std::{borrow::Cow, error::Error, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{is_dots, unescape};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    pub(super) steps: Box<[Step]>,
    /// The names of the captured segments, by position.
    names: Box<[(usize, Box<str>)]>,
    /// Whether `**` ends it.
    pub(super) rest: bool,
}

/// One segment of a template. In order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Literal(Box<[u8]>),
    Capture,
    Any,
}

impl Template {
    /// The most segments that a template can have.
    pub const MAX_SEGMENTS: usize = 64;

    /// The template as it was written.
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the captured segments with their positions in a path, from 0.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.names.iter().map(|(position, name)| (*position, name.as_ref()))
    }

    /// Where in a path the segment with this name is. Found at configure time it saves the search per request.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names().find(|(_, known)| *known == name).map(|(position, _)| position)
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
    fn new(expected: &'static str, found: &str) -> Self {
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
        let (mut steps, mut names) = (Vec::new(), Vec::<(usize, Box<str>)>::new());
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
                    Some(name) if names.iter().any(|(_, known)| **known == *name) => {
                        return Err(TemplateError::new("each name once", text));
                    }
                    Some(name) => {
                        names.push((steps.len(), name.into()));
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
fn literal(segment: &str) -> Result<Box<[u8]>, TemplateError> {
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
