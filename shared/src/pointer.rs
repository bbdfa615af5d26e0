//! JSON pointers (RFC 6901).

#[cfg(test)]
mod tests;

use std::{borrow::Cow, error::Error, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::config::{Decode, Errors, Node, quoted};

/// Where in a JSON document a value is: `/realm_access/roles`, `/https:~1~1idp.example~1groups`, `/tenants/0`.
///
/// Each token behind a `/` is a member's name, or an index where the document has an array; `~0` stands for `~` and `~1`
/// for `/`. The empty text is the whole document. The form in URI fragments (`#/a`) is not read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Box<str>]>,
}

impl Pointer {
    /// The most tokens that a pointer can have.
    pub const MAX_TOKENS: usize = 32;

    /// The pointer as it was written.
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// The number of tokens; 0 for the whole document.
    pub const fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether it names the whole document.
    pub const fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token at this position, from 0, unescaped.
    pub fn token(&self, position: usize) -> Option<&str> {
        self.tokens.get(position).map(AsRef::as_ref)
    }

    /// The value that it names in a document; `None` where there is none.
    pub fn lookup<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.tokens.iter().try_fold(document, |value, token| match value {
            Value::Object(object) => object.get(token.as_ref()),
            Value::Array(array) => array.get(index(token)?),
            _ => None,
        })
    }
}

/// Adds a token to the pointer of what it is in (RFC 6901 section 3).
pub(crate) fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for char in token.chars() {
        match char {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            char => pointer.push(char),
        }
    }
}

/// The name that a token stands for. What is no escape stays as it is: a [`Pointer`] is read more strictly.
pub fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
}

/// The place in an array that a token names (RFC 6901 section 4): no leading zero, no sign; `-` is behind the last.
pub(crate) fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if plain { token.parse().ok() } else { None }
}

impl fmt::Display for Pointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A text that is no pointer: what was expected, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerError {
    expected: &'static str,
    found: String,
}

impl fmt::Display for PointerError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "expected {}, found {}", self.expected, self.found)
    }
}

impl Error for PointerError {}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        let fault = |expected| PointerError { expected, found: quoted(text) };
        if text.is_empty() {
            return Ok(Self { text: text.into(), tokens: Box::default() });
        }
        let body =
            text.strip_prefix('/').ok_or_else(|| fault("a JSON pointer that starts with `/`, such as `/sub`"))?;
        let tokens: Option<Box<[_]>> = body.split('/').map(unescape).collect();
        let tokens = tokens.ok_or_else(|| fault("`~0` for `~` and `~1` for `/` in a JSON pointer"))?;
        if tokens.len() > Self::MAX_TOKENS {
            return Err(fault("a JSON pointer of at most 32 tokens"));
        }
        Ok(Self { text: text.into(), tokens })
    }
}

fn unescape(token: &str) -> Option<Box<str>> {
    let mut parts = token.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escaped, rest) = match part.strip_prefix('0') {
            Some(rest) => ('~', rest),
            None => ('/', part.strip_prefix('1')?),
        };
        plain.push(escaped);
        plain.push_str(rest);
    }
    Some(plain.into())
}

impl Decode for Pointer {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.text("a JSON pointer such as `/sub`, as a string", errors)
    }
}

impl Serialize for Pointer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl JsonSchema for Pointer {
    fn schema_name() -> Cow<'static, str> {
        "JsonPointer".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Pointer").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A JSON pointer (RFC 6901): `/` before each name; in a name, `~1` stands for `/` and `~0` \
                            for `~`.",
            "format": "json-pointer",
            "pattern": "^(/([^/~]|~[01])*)*$",
            "examples": ["/sub", "/realm_access/roles", "/https:~1~1idp.example~1groups"],
        })
    }
}
