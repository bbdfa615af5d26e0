//! Keys that take one word or a list.

use portcullis_shared::{
    config::{Decode, Errors, Node},
    json::Kind,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// Makes a type that is one word, or an array of texts that is not empty.
macro_rules! word_or_list {
    ($(#[$meta:meta])* $name:ident, $word:literal, $(#[$word_meta:meta])* $word_variant:ident, $(#[$list_meta:meta])* $list_variant:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[$word_meta])*
            $word_variant,
            $(#[$list_meta])*
            $list_variant(Vec<String>),
        }

        impl Decode for $name {
            fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
                match (node.value.as_str(), node.value.kind()) {
                    (Some($word), _) => Some(Self::$word_variant),
                    (_, Kind::Array) if !node.value.is_empty() => Vec::decode(node, errors).map(Self::$list_variant),
                    _ => {
                        node.unexpected(&concat!("`\"", $word, "\"` or an array of strings that is not empty"), errors);
                        None
                    }
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::$word_variant => serializer.serialize_str($word),
                    Self::$list_variant(list) => list.serialize(serializer),
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "oneOf": [
                        { "const": $word },
                        { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                    ],
                })
            }
        }
    };
}

word_or_list! {
    /// Whom tokens must be for.
    Audiences, "any",
    /// Any or none.
    Any,
    /// One of these.
    Of
}

word_or_list! {
    /// Whose token a route asks for.
    Auth, "none",
    /// No token.
    None,
    /// One of any of these providers.
    Providers
}
