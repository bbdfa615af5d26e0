//! The words of all dialects.

use super::Dialect;

/// A keyword that is enforced, or at least known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keyword {
    AdditionalItems,
    AdditionalProperties,
    AllOf,
    /// Says something, and refuses nothing.
    Annotation,
    AnyOf,
    Const,
    Contains,
    Dependencies,
    DependentRequired,
    DependentSchemas,
    Discriminator,
    DynamicRef,
    Else,
    Enum,
    ExclusiveMaximum,
    ExclusiveMinimum,
    Format,
    If,
    Items,
    MaxContains,
    MaxItems,
    MaxLength,
    MaxProperties,
    Maximum,
    MinContains,
    MinItems,
    MinLength,
    MinProperties,
    Minimum,
    MultipleOf,
    Not,
    Nullable,
    OneOf,
    Pattern,
    PatternProperties,
    PrefixItems,
    Properties,
    PropertyNames,
    ReadOnly,
    RecursiveRef,
    Ref,
    Required,
    Then,
    Type,
    UnevaluatedItems,
    UnevaluatedProperties,
    UniqueItems,
    WriteOnly,
}

/// Dialects as bits.
const D4: u8 = 1;
const D6: u8 = 1 << 1;
const D7: u8 = 1 << 2;
const D19: u8 = 1 << 3;
const D20: u8 = 1 << 4;
const O30: u8 = 1 << 5;
const O31: u8 = 1 << 6;
const SINCE_20: u8 = D20 | O31;
const SINCE_19: u8 = D19 | SINCE_20;
const SINCE_7: u8 = D7 | SINCE_19;
const SINCE_6: u8 = D6 | SINCE_7;
const ALL: u8 = D4 | O30 | SINCE_6;

impl Dialect {
    const fn bit(self) -> u8 {
        match self {
            Self::Draft4 => D4,
            Self::Draft6 => D6,
            Self::Draft7 => D7,
            Self::Draft201909 => D19,
            Self::Draft202012 => D20,
            Self::OpenApi30 => O30,
            Self::OpenApi31 => O31,
        }
    }

    /// Whether a `$ref` stands for all that is beside it.
    pub(super) const fn has_lone_refs(self) -> bool {
        self.bit() & SINCE_19 == 0
    }

    /// Whether `true` and `false` are schemas.
    pub(super) const fn has_boolean_schemas(self) -> bool {
        self.bit() & SINCE_6 != 0
    }

    /// Whether `exclusiveMinimum` is a number of its own.
    pub(super) const fn has_exclusive_numbers(self) -> bool {
        self.bit() & SINCE_6 != 0
    }

    /// Whether `items` is about what `prefixItems` leaves.
    pub(super) const fn has_prefix_items(self) -> bool {
        self.bit() & SINCE_20 != 0
    }

    /// Whether a name such as `$id` is looked for in a schema, and which.
    pub(super) const fn id(self) -> Option<&'static str> {
        match self {
            Self::Draft4 => Some("id"),
            Self::OpenApi30 => None,
            _ => Some("$id"),
        }
    }

    /// Whether the dialect is OpenAPI's.
    pub(super) const fn is_openapi(self) -> bool {
        matches!(self, Self::OpenApi30 | Self::OpenApi31)
    }

    /// The dialect that a metaschema's URI names.
    pub(crate) fn named(uri: &str) -> Option<Self> {
        let name = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
        match name.strip_suffix('#').unwrap_or(name) {
            "json-schema.org/draft-04/schema" => Some(Self::Draft4),
            "json-schema.org/draft-06/schema" => Some(Self::Draft6),
            "json-schema.org/draft-07/schema" => Some(Self::Draft7),
            "json-schema.org/draft/2019-09/schema" => Some(Self::Draft201909),
            "json-schema.org/draft/2020-12/schema" => Some(Self::Draft202012),
            name if name.starts_with("spec.openapis.org/oas/3.1/dialect/") => Some(Self::OpenApi31),
            _ => None,
        }
    }
}

/// All that are known, by name: in order, for [`find`].
const KEYWORDS: &[(&str, Keyword, u8)] = &[
    ("$anchor", Keyword::Annotation, SINCE_19),
    ("$comment", Keyword::Annotation, ALL),
    ("$defs", Keyword::Annotation, ALL),
    ("$dynamicAnchor", Keyword::Annotation, SINCE_20),
    ("$dynamicRef", Keyword::DynamicRef, SINCE_20),
    ("$id", Keyword::Annotation, ALL),
    ("$recursiveAnchor", Keyword::Annotation, D19),
    ("$recursiveRef", Keyword::RecursiveRef, D19),
    ("$ref", Keyword::Ref, ALL),
    ("$schema", Keyword::Annotation, ALL),
    ("$vocabulary", Keyword::Annotation, ALL),
    ("additionalItems", Keyword::AdditionalItems, D4 | D6 | D7 | D19),
    ("additionalProperties", Keyword::AdditionalProperties, ALL),
    ("allOf", Keyword::AllOf, ALL),
    ("anyOf", Keyword::AnyOf, ALL),
    ("const", Keyword::Const, SINCE_6),
    ("contains", Keyword::Contains, SINCE_6),
    ("contentEncoding", Keyword::Annotation, ALL),
    ("contentMediaType", Keyword::Annotation, ALL),
    ("contentSchema", Keyword::Annotation, ALL),
    ("default", Keyword::Annotation, ALL),
    ("definitions", Keyword::Annotation, ALL),
    ("dependencies", Keyword::Dependencies, D4 | D6 | D7),
    ("dependentRequired", Keyword::DependentRequired, SINCE_19),
    ("dependentSchemas", Keyword::DependentSchemas, SINCE_19),
    ("deprecated", Keyword::Annotation, ALL),
    ("description", Keyword::Annotation, ALL),
    ("discriminator", Keyword::Discriminator, O30 | O31),
    ("else", Keyword::Else, SINCE_7),
    ("enum", Keyword::Enum, ALL),
    ("example", Keyword::Annotation, ALL),
    ("examples", Keyword::Annotation, ALL),
    ("exclusiveMaximum", Keyword::ExclusiveMaximum, ALL),
    ("exclusiveMinimum", Keyword::ExclusiveMinimum, ALL),
    ("externalDocs", Keyword::Annotation, ALL),
    ("format", Keyword::Format, ALL),
    ("id", Keyword::Annotation, ALL),
    ("if", Keyword::If, SINCE_7),
    ("items", Keyword::Items, ALL),
    ("maxContains", Keyword::MaxContains, SINCE_19),
    ("maxItems", Keyword::MaxItems, ALL),
    ("maxLength", Keyword::MaxLength, ALL),
    ("maxProperties", Keyword::MaxProperties, ALL),
    ("maximum", Keyword::Maximum, ALL),
    ("minContains", Keyword::MinContains, SINCE_19),
    ("minItems", Keyword::MinItems, ALL),
    ("minLength", Keyword::MinLength, ALL),
    ("minProperties", Keyword::MinProperties, ALL),
    ("minimum", Keyword::Minimum, ALL),
    ("multipleOf", Keyword::MultipleOf, ALL),
    ("not", Keyword::Not, ALL),
    ("nullable", Keyword::Nullable, O30),
    ("oneOf", Keyword::OneOf, ALL),
    ("pattern", Keyword::Pattern, ALL),
    ("patternProperties", Keyword::PatternProperties, D4 | SINCE_6),
    ("prefixItems", Keyword::PrefixItems, SINCE_20),
    ("properties", Keyword::Properties, ALL),
    ("propertyNames", Keyword::PropertyNames, SINCE_6),
    ("readOnly", Keyword::ReadOnly, ALL),
    ("required", Keyword::Required, ALL),
    ("then", Keyword::Then, SINCE_7),
    ("title", Keyword::Annotation, ALL),
    ("type", Keyword::Type, ALL),
    ("unevaluatedItems", Keyword::UnevaluatedItems, SINCE_19),
    ("unevaluatedProperties", Keyword::UnevaluatedProperties, SINCE_19),
    ("uniqueItems", Keyword::UniqueItems, ALL),
    ("writeOnly", Keyword::WriteOnly, ALL),
    ("xml", Keyword::Annotation, ALL),
];

/// What a member of a schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A keyword of the dialect.
    Known(Keyword),
    /// One of other dialects.
    Foreign,
    /// None; perhaps this one was meant.
    Unknown(Option<&'static str>),
}

pub(super) fn find(name: &str, dialect: Dialect) -> Found {
    match KEYWORDS.binary_search_by(|(known, ..)| (*known).cmp(name)) {
        Ok(at) => match KEYWORDS.get(at) {
            Some((_, keyword, dialects)) if dialects & dialect.bit() != 0 => Found::Known(*keyword),
            _ => Found::Foreign,
        },
        Err(_) if name.starts_with("x-") => Found::Unknown(None),
        Err(_) => Found::Unknown(KEYWORDS.iter().map(|(known, ..)| *known).find(|known| is_slip(name, known))),
    }
}

/// Whether two names differ by case, or by one character that is missing, too many, another, or swapped with the next.
fn is_slip(name: &str, known: &str) -> bool {
    if name.eq_ignore_ascii_case(known) {
        return true;
    }
    // Short ones are words of their own.
    if known.len() < 5 || name.len().abs_diff(known.len()) > 1 {
        return false;
    }
    let (name, known) = (name.as_bytes(), known.as_bytes());
    let same = name.iter().zip(known).take_while(|(one, other)| one == other).count();
    let ends_alike = |one: usize, other: usize| {
        name.iter().skip(same.saturating_add(one)).eq(known.iter().skip(same.saturating_add(other)))
    };
    let swapped = || {
        name.get(same) == known.get(same.saturating_add(1))
            && name.get(same.saturating_add(1)) == known.get(same)
            && ends_alike(2, 2)
    };
    ends_alike(1, 0) || ends_alike(0, 1) || ends_alike(1, 1) || swapped()
}

impl Keyword {
    /// Whether it has no schemas in it, and asks for nothing that takes more than a few words to say.
    pub(super) const fn is_leaf(self) -> bool {
        matches!(
            self,
            Self::Annotation
                | Self::Const
                | Self::Enum
                | Self::ExclusiveMaximum
                | Self::ExclusiveMinimum
                | Self::Format
                | Self::MaxLength
                | Self::Maximum
                | Self::MinLength
                | Self::Minimum
                | Self::MultipleOf
                | Self::Nullable
                | Self::Pattern
                | Self::ReadOnly
                | Self::Type
                | Self::WriteOnly
        )
    }
}
