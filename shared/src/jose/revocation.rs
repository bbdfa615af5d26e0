//! Tokens that are revoked before their end: by id, by key, by subject and time.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher},
    time::Duration,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::Claims;
use crate::{
    config::{Decode, Errors, Node, parse},
    config_struct, json,
};

config_struct! {
    /// What is revoked, as a configuration or a list that is fetched has it.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct RevokedThings {
        /// Tokens, by their `jti`: a text for that of any issuer, or an object.
        pub jti: Vec<TextOr<RevokedToken>> = Vec::new(),
        /// Subjects, each up to a time.
        pub subjects: Vec<RevokedSubject> = Vec::new(),
        /// Keys, by their `kid`: a text for that of any issuer, or an object.
        pub kid: Vec<TextOr<RevokedKey>> = Vec::new(),
    }
}

config_struct! {
    /// One token.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct RevokedToken {
        /// Whose token; default: any issuer's.
        pub iss: Option<Identifier> = None,
        /// The token's id.
        pub jti: Identifier,
    }
}

config_struct! {
    /// The tokens of a subject that were issued before a time, and those that do not say when they were issued.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct RevokedSubject {
        /// Whose tokens; default: any issuer's.
        pub iss: Option<Identifier> = None,
        /// The subject.
        pub sub: Identifier,
        /// The time, in seconds since 1970. A token with this very `iat` is not revoked.
        pub issued_before: u32,
    }
}

config_struct! {
    /// All tokens that name a key.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct RevokedKey {
        /// Whose key; default: any issuer's.
        pub iss: Option<Identifier> = None,
        /// The key's id.
        pub kid: Identifier,
    }
}

/// The text of an identifier: 1 to 1024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identifier(String);

impl Identifier {
    const MAX: usize = 1024;
}

impl Decode for Identifier {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        let text = String::decode(node, errors)?;
        let good = !text.is_empty() && text.len() <= Self::MAX;
        if !good {
            errors.add(node, format_args!("1 to {} bytes", Self::MAX), text.len());
        }
        good.then_some(Self(text))
    }
}

impl JsonSchema for Identifier {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Identifier".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "maxLength": Self::MAX})
    }
}

/// An identifier alone, or an object that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum TextOr<T> {
    /// The identifier.
    Text(Identifier),
    /// The object.
    Object(T),
}

impl<T: Decode> Decode for TextOr<T> {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        match node.value.kind() {
            json::Kind::String => Identifier::decode(node, errors).map(Self::Text),
            json::Kind::Object => T::decode(node, errors).map(Self::Object),
            _ => {
                node.unexpected(&"a string or an object", errors);
                None
            }
        }
    }
}

impl RevokedThings {
    /// Reads a list that was fetched, of up to `max_entries` entries.
    ///
    /// # Errors
    /// All that is wrong with it. Unknown keys are faults, as in a configuration: what an operator wanted to revoke
    /// must not be passed over in silence.
    pub fn parse(json: &[u8], max_entries: usize) -> Result<Self, Errors> {
        let things: Self = parse(json)?;
        let mut errors = Errors::default();
        if things.len() > max_entries {
            errors.add("$", format_args!("up to {max_entries} entries"), things.len());
        }
        errors.into_result(things)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.jti.len().saturating_add(self.subjects.len()).saturating_add(self.kid.len())
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// By what a token is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// Its `jti`.
    Token,
    /// Its `kid`.
    Key,
    /// Its `sub` and `iat`.
    Subject,
}

impl Revoked {
    /// The stable word for events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "jti",
            Self::Key => "kid",
            Self::Subject => "subject",
        }
    }
}

/// What is revoked, for looking up: three look-ups at most, and none in a list that is empty.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    tokens: Table,
    keys: Table,
    subjects: Table,
}

impl Revocations {
    /// By what a token is revoked, if it is; `kid` is its header's.
    pub fn revokes(&self, claims: &Claims, kid: Option<&str>) -> Option<Revoked> {
        // HashMap looks nothing up when it is empty, but the claims would be searched.
        let empty = |table: &Table| table.0.is_empty();
        if !empty(&self.tokens) && self.tokens.revokes(claims.id(), claims) {
            Some(Revoked::Token)
        } else if self.keys.revokes(kid, claims) {
            Some(Revoked::Key)
        } else if !empty(&self.subjects) && self.subjects.revokes(claims.subject(), claims) {
            Some(Revoked::Subject)
        } else {
            None
        }
    }
}

impl From<RevokedThings> for Revocations {
    fn from(things: RevokedThings) -> Self {
        let RevokedThings { jti, subjects, kid } = things;
        let tokens = jti.into_iter().map(|entry| match entry {
            TextOr::Text(jti) => (jti, None, None),
            TextOr::Object(RevokedToken { iss, jti }) => (jti, iss, None),
        });
        let keys = kid.into_iter().map(|entry| match entry {
            TextOr::Text(kid) => (kid, None, None),
            TextOr::Object(RevokedKey { iss, kid }) => (kid, iss, None),
        });
        let subjects = subjects.into_iter().map(|RevokedSubject { iss, sub, issued_before }| {
            (sub, iss, Some(Duration::from_secs(issued_before.into())))
        });
        Self { tokens: tokens.collect(), keys: keys.collect(), subjects: subjects.collect() }
    }
}

/// Entries by identifier. Who may write the list can be trusted not to flood the hash.
#[derive(Clone, Debug, Default)]
struct Table(HashMap<Box<str>, Vec<Scope>, BuildHasherDefault<DefaultHasher>>);

/// To which of the tokens with its identifier an entry applies.
#[derive(Clone, Debug)]
struct Scope {
    /// `None`: to those of any issuer.
    issuer: Option<Box<str>>,
    /// `None`: to those of any time.
    issued_before: Option<Duration>,
}

impl Table {
    fn revokes(&self, identifier: Option<&str>, claims: &Claims) -> bool {
        let scopes = identifier.and_then(|identifier| self.0.get(identifier));
        scopes.into_iter().flatten().any(|scope| scope.includes(claims))
    }
}

impl Scope {
    fn includes(&self, claims: &Claims) -> bool {
        let issuer = self.issuer.is_none() || self.issuer.as_deref() == claims.issuer();
        let before = |limit| claims.issued_at.is_none_or(|issued_at| issued_at < limit);
        issuer && self.issued_before.is_none_or(before)
    }
}

impl FromIterator<(Identifier, Option<Identifier>, Option<Duration>)> for Table {
    fn from_iter<I: IntoIterator<Item = (Identifier, Option<Identifier>, Option<Duration>)>>(entries: I) -> Self {
        let mut table = Self::default();
        for (identifier, issuer, issued_before) in entries {
            let scope = Scope { issuer: issuer.map(|issuer| issuer.0.into()), issued_before };
            // Most have one entry alone, and there may be very many.
            table.0.entry(identifier.0.into()).or_insert_with(|| Vec::with_capacity(1)).push(scope);
        }
        table
    }
}
