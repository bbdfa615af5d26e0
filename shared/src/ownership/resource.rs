//! Where in a request an object's id is.

use std::{borrow::Cow, error::Error, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::{
    config::{Decode, Errors, Node, quoted},
    pointer::Pointer,
    spelling::is_tchar,
};

/// Where in a request an object's id is: `path.user_id`, `query.user_id`, `header.x-user-id` or `body./customer_id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The segment that the rule's path template calls so.
    Path(Box<str>),
    /// The query parameter of this name.
    Query(Box<str>),
    /// The header of this name, in lower case.
    Header(Box<str>),
    /// The value that this pointer names in a JSON body.
    Body(Pointer),
}

impl fmt::Display for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(name) => write!(out, "path.{name}"),
            Self::Query(name) => write!(out, "query.{name}"),
            Self::Header(name) => write!(out, "header.{name}"),
            Self::Body(pointer) => write!(out, "body.{pointer}"),
        }
    }
}

/// A text that is no resource: what was expected, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceError(String);

impl fmt::Display for ResourceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error for ResourceError {}

impl FromStr for Resource {
    type Err = ResourceError;

    fn from_str(text: &str) -> Result<Self, ResourceError> {
        let fault = |expected: &str| ResourceError(format!("expected {expected}, found {}", quoted(text)));
        let (place, name) = text.split_once('.').unwrap_or((text, ""));
        let plain = |name: &str| !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_plain);
        match place {
            "path" if plain(name) => Ok(Self::Path(name.into())),
            "path" => Err(fault("the name of a path segment, such as `path.user_id` for `{user_id}`")),
            "query" if plain(name) => Ok(Self::Query(name.into())),
            "query" => Err(fault("the name of a query parameter: letters, digits, `_`, `-` and `.`")),
            "header" => match name.to_ascii_lowercase() {
                name if name.len() > MAX_NAME || !is_header_name(&name) => {
                    Err(fault("the name of a header, such as `header.x-user-id`"))
                }
                name if NO_IDS.contains(&name.as_str()) => {
                    Err(fault("a header that is the client's own and reaches the upstream as it is"))
                }
                name => Ok(Self::Header(name.into())),
            },
            "body" if name.is_empty() => Err(fault("a JSON pointer, such as `body./customer_id`")),
            "body" => name.parse().map(Self::Body).map_err(|_| fault("a JSON pointer, such as `body./customer_id`")),
            _ => Err(fault("`path.`, `query.` or `header.` before a name, or `body.` before a JSON pointer")),
        }
    }
}

/// The longest name in bytes.
const MAX_NAME: usize = 128;

/// Headers that belong to a connection (RFC 9110 section 7.6.1), to the message's framing, or are secrets: a proxy
/// changes, joins or drops them.
const NO_IDS: &[&str] = &[
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// Whether a name is a token (RFC 9110 section 5.6.2), and so no pseudo-header.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_tchar)
}

impl Decode for Resource {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.text("where an id is, such as `path.user_id`, as a string", errors)
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Resource {
    fn schema_name() -> Cow<'static, str> {
        "Resource".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Resource").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where in a request an object's id is: a named segment of the rule's path template, a query \
                            parameter, a header, or a JSON pointer into the body.",
            "pattern": "^((path|query)\\.[A-Za-z0-9_.-]+|header\\.[A-Za-z0-9!#$%&'*+.^_`|~-]+|body\\.(/([^/~]|~[01])*)+)$",
            "examples": ["path.user_id", "query.account", "header.x-tenant", "body./customer_id"],
        })
    }
}
