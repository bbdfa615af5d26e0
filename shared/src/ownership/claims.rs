//! The values of claims, taken from a token once, when it is verified.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use crate::{
    config::{Decode, Errors, Node},
    config_enum, config_struct,
    pointer::Pointer,
};

use super::{Fault, MAX_ID};

config_enum! {
    /// Whether a claim that is a text holds several values.
    #[derive(Default)]
    pub enum Split {
        /// The whole text is one value.
        #[default]
        Never = "never",
        /// Values are separated by spaces, as in `scope` (RFC 6749 section 3.3).
        Space = "space",
    }
}

/// A text, an integer or a boolean, each equal only to its own kind: the text `"true"` is not `true`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scalar {
    kind: Kind,
    text: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Text,
    Integer,
    Boolean,
}

impl Scalar {
    /// A text, an integer (from -2^63 to 2^64-1, without fraction or exponent) or a boolean.
    fn new(value: &Value) -> Option<Self> {
        let (kind, text) = match value {
            Value::String(text) => (Kind::Text, text.as_str().into()),
            Value::Number(number) => (Kind::Integer, integer(number)?.into()),
            Value::Bool(flag) => (Kind::Boolean, if *flag { "true" } else { "false" }.into()),
            _ => return None,
        };
        Some(Self { kind, text })
    }
}

/// The decimal form of a number that is an integer of 64 bits.
fn integer(number: &Number) -> Option<String> {
    let small = number.as_i64().map(|number| number.to_string());
    small.or_else(|| number.as_u64().map(|number| number.to_string()))
}

impl Decode for Scalar {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        let scalar = Self::new(&node.value.to_serde()).filter(|scalar| (1..=MAX_ID).contains(&scalar.text.len()));
        if scalar.is_none() {
            node.unexpected(&"a text of 1 to 512 bytes, a whole number, true or false", errors);
        }
        scalar
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.kind {
            Kind::Text => serializer.serialize_str(&self.text),
            Kind::Integer | Kind::Boolean => serde_json::from_str::<Value>(&self.text)
                .map_err(serde::ser::Error::custom)
                .and_then(|value| value.serialize(serializer)),
        }
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "ClaimValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"], "minLength": 1, "maxLength": 512 })
    }
}

/// How a claim is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Ids: texts and integers, or an array of them.
    Ids(Split),
    /// Words such as roles and scopes: a text that is split at spaces, an integer or a boolean; or an array of these,
    /// whose texts are not split.
    Words,
}

/// The values of one claim; one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values(Box<[Scalar]>);

impl Values {
    /// The most values that a claim may have.
    pub const MAX: usize = 1024;

    /// The values of a claim.
    ///
    /// # Errors
    /// [`Fault::ClaimMissing`] and [`Fault::ClaimInvalid`].
    pub fn new(claim: Option<&Value>, form: Form) -> Result<Self, Fault> {
        let split = matches!(form, Form::Words | Form::Ids(Split::Space));
        let values: Vec<_> = match claim {
            None | Some(Value::Null) => return Err(Fault::ClaimMissing),
            Some(Value::Array(values)) if values.len() > Self::MAX => return Err(Fault::ClaimInvalid),
            Some(Value::Array(values)) => values.iter().map(Scalar::new).collect(),
            Some(Value::String(text)) if text.is_empty() => return Err(Fault::ClaimMissing),
            Some(Value::String(text)) if split => {
                let words = text.split(' ').filter(|word| !word.is_empty()).take(Self::MAX.saturating_add(1));
                words.map(|word| Some(Scalar { kind: Kind::Text, text: word.into() })).collect()
            }
            Some(value) => vec![Scalar::new(value)],
        };
        let fits = |scalar: &Scalar| {
            (1..=MAX_ID).contains(&scalar.text.len()) && (form == Form::Words || scalar.kind != Kind::Boolean)
        };
        let values: Option<Box<[_]>> = values.into_iter().map(|scalar| scalar.filter(fits)).collect();
        match values {
            Some(values) if values.is_empty() => Err(Fault::ClaimMissing),
            Some(values) if values.len() <= Self::MAX => Ok(Self(values)),
            _ => Err(Fault::ClaimInvalid),
        }
    }

    /// The values as texts; integers in decimal.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|scalar| scalar.text.as_ref())
    }

    /// Whether this is one of the values.
    pub fn contains(&self, value: &Scalar) -> bool {
        self.0.contains(value)
    }

    /// About how many bytes of memory the values take, for a cache's limit.
    pub fn size(&self) -> usize {
        self.0.iter().fold(0, |sum, scalar| sum.saturating_add(size_of::<Scalar>()).saturating_add(scalar.text.len()))
    }
}

/// The claims that a configuration asks for, each once.
#[derive(Clone, Debug, Default)]
pub struct ClaimTable(Vec<(Pointer, Form)>);

/// The place of a claim in a [`ClaimTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimIndex(usize);

impl ClaimTable {
    /// Asks for a claim.
    pub fn add(&mut self, pointer: &Pointer, form: Form) -> ClaimIndex {
        let known = self.0.iter().position(|(known, known_form)| known == pointer && *known_form == form);
        ClaimIndex(known.unwrap_or_else(|| {
            self.0.push((pointer.clone(), form));
            self.0.len().saturating_sub(1)
        }))
    }

    /// Takes from a verified token's claims all that was asked for.
    pub fn read(&self, claims: &Value) -> Claims {
        Claims(self.0.iter().map(|(pointer, form)| Values::new(pointer.lookup(claims), *form)).collect())
    }
}

/// What a [`ClaimTable`] asked for of one token, to be kept with it in a cache.
#[derive(Clone, Debug)]
pub struct Claims(Box<[Result<Values, Fault>]>);

impl Claims {
    /// The values of a claim.
    ///
    /// # Errors
    /// Why the claim has none.
    pub fn get(&self, index: ClaimIndex) -> Result<&Values, Fault> {
        self.0.get(index.0).ok_or(Fault::ClaimMissing)?.as_ref().map_err(|fault| *fault)
    }

    /// About how many bytes of memory they take, for a cache's limit.
    pub fn size(&self) -> usize {
        let sizes = self.0.iter().map(|values| values.as_ref().map_or(0, Values::size));
        sizes.fold(size_of_val(&*self.0), usize::saturating_add)
    }
}

config_struct! {
    /// What a claim must hold, for `require` and `exempt`. A claim that is a text is split at spaces, as `scope` is; an
    /// array is its members.
    ///
    /// Texts, whole numbers and booleans are told apart: `"true"` is not `true`, and `"1"` is not `1`.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct ClaimRule {
        /// Which claim.
        pub claim: Pointer,
        /// One of these at least must be there.
        pub any_of: Vec<Scalar> = Vec::new(),
        /// All of these must be there.
        pub all_of: Vec<Scalar> = Vec::new(),
    }
}

/// A [`ClaimRule`], compiled.
#[derive(Clone, Debug)]
pub struct Requirement {
    claim: ClaimIndex,
    any_of: Box<[Scalar]>,
    all_of: Box<[Scalar]>,
}

impl Requirement {
    /// Compiles a rule that stands at `path` in the configuration.
    pub fn new(rule: ClaimRule, table: &mut ClaimTable, path: &dyn std::fmt::Display, errors: &mut Errors) -> Self {
        if rule.any_of.is_empty() && rule.all_of.is_empty() {
            errors.add(path, "values in `any_of` or `all_of`", "none");
        }
        let claim = table.add(&rule.claim, Form::Words);
        Self { claim, any_of: rule.any_of.into(), all_of: rule.all_of.into() }
    }

    /// Judges whether the claims hold what the rule asks for.
    ///
    /// # Errors
    /// Why the claim has no values, or [`Fault::ClaimMismatch`].
    pub fn check(&self, claims: &Claims) -> Result<(), Fault> {
        let values = claims.get(self.claim)?;
        let any = self.any_of.is_empty() || self.any_of.iter().any(|value| values.contains(value));
        let all = self.all_of.iter().all(|value| values.contains(value));
        if any && all { Ok(()) } else { Err(Fault::ClaimMismatch) }
    }
}
