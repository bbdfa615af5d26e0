//! How configuration types are written: once, with their docs and defaults, for the parser and for the JSON Schema.

/// Makes a struct that is read from a JSON object with no other keys than its fields. A field with `= default` may be
/// missing. What is checked of values goes into `#[schemars(…)]` for the schema, and into the code that compiles them.
///
/// ```
/// portcullis_shared::config_struct! {
///     /// When it ends.
///     #[derive(Clone, Debug)]
///     pub struct Limits {
///         /// Required.
///         pub name: String,
///         /// Default: 100.
///         pub events: u32 = 100,
///     }
/// }
/// let limits: Limits = portcullis_shared::config::parse(br#"{"name":"a"}"#).unwrap();
/// assert_eq!(limits.events, 100);
/// ```
#[macro_export]
macro_rules! config_struct {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty $(= $default:expr)?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, transform = $name::describe_defaults)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            fn describe_defaults(schema: &mut schemars::Schema) {
                let _ = &schema;
                $($({
                    let default: $type = $default;
                    $crate::config::describe_default(schema, stringify!($field), &default);
                })?)*
            }
        }

        impl $crate::config::Decode for $name {
            fn decode(node: &$crate::config::Node<'_>, errors: &mut $crate::config::Errors) -> Option<Self> {
                let fields = $crate::config::Fields::new(node, &[$(stringify!($field)),*], errors)?;
                $(let $field: Option<$type> = $crate::config_field!(fields, $field, errors $(, $default)?);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}

/// One field of a [`config_struct!`](crate::config_struct).
#[doc(hidden)]
#[macro_export]
macro_rules! config_field {
    ($fields:ident, $field:ident, $errors:ident) => {
        $fields.required(stringify!($field), $errors)
    };
    ($fields:ident, $field:ident, $errors:ident, $default:expr) => {
        $fields.optional(stringify!($field), $errors).unwrap_or_else(|| Some($default))
    };
}

/// Makes an enum that is written as one of a few words.
#[macro_export]
macro_rules! config_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_meta])* #[schemars(rename = $word)] $variant,)*
        }

        impl $name {
            /// All values.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// The stable word in configurations, metrics and events.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl $crate::config::Decode for $name {
            fn decode(node: &$crate::config::Node<'_>, errors: &mut $crate::config::Errors) -> Option<Self> {
                Self::ALL.get(node.word(&[$($word),*], errors)?).copied()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
