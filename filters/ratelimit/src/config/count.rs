//! Which requests are counted.

use portcullis_shared::config::{Decode, Errors, Node, quoted};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt, str::FromStr};

/// Which requests a limit counts: all, or those whose response has a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// All that pass.
    All,
    /// `4xx`: those with a status of this class.
    Class(u16),
    /// `401`: those with this status.
    Status(u16),
}

impl Count {
    /// Whether a response with this status is counted.
    pub fn holds(self, status: u16) -> bool {
        match self {
            Self::All => true,
            Self::Class(class) => status.checked_div(100) == Some(class),
            Self::Status(known) => status == known,
        }
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault =
            || format!("expected `all`, a class such as `4xx` or a status such as `401`, found {}", quoted(text));
        if text == "all" {
            return Ok(Self::All);
        }
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok().filter(|class| class_is_known(*class) && text.len() == 3);
            return class.map(Self::Class).ok_or_else(fault);
        }
        let status =
            text.parse().ok().filter(|status: &u16| class_is_known(status.checked_div(100).unwrap_or_default()));
        status.filter(|_| text.len() == 3).map(Self::Status).ok_or_else(fault)
    }
}

const fn class_is_known(class: u16) -> bool {
    matches!(class, 2..=5)
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Class(class) => write!(f, "{class}xx"),
            Self::Status(status) => write!(f, "{status}"),
        }
    }
}

impl Decode for Count {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.text("`all`, `4xx` or `401`, as a string", errors)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(all|[2-5]xx|[2-5][0-9]{2})$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_they_hold() {
        for (text, counted, others) in [("all", 200, None), ("4xx", 499, Some(500)), ("401", 401, Some(400))] {
            let count: Count = text.parse().unwrap();
            assert_eq!(count.to_string(), text);
            assert!(count.holds(counted), "{text}");
            assert!(others.is_none_or(|status| !count.holds(status)), "{text}");
        }
        for text in ["", "4x", "1xx", "6xx", "44xx", "xx", "99", "+44", "4000", "ALL", "40x"] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
    }
}
