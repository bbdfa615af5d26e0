//! Key sets (RFC 7517 section 5) and the choice of keys for a token.

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Value, error::Category};

use super::{Algorithm, Fault, Key, KeyFault, KeyType, Secrets, jwk};
use crate::config::parse_json;

/// Keys to choose from.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Key>);

/// A key that its set has, but that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`, if that is short and printable.
    pub kid: Option<String>,
    /// Why.
    pub why: KeyFault,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys[{}]", self.index)?;
        if let Some(kid) = &self.kid {
            write!(f, " (kid {kid:?})")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// Why a text is no key set at all. Its text has nothing of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetFault {
    /// Not JSON.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1.
        column: usize,
    },
    /// An object has a member twice.
    DuplicateMember,
    /// Not an object with an array `keys`.
    NoKeys,
}

impl fmt::Display for KeySetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => write!(f, "not JSON at line {line} column {column}"),
            Self::DuplicateMember => f.write_str("an object has a member twice"),
            Self::NoKeys => f.write_str("not an object with an array `keys`"),
        }
    }
}

impl std::error::Error for KeySetFault {}

impl From<Key> for KeySet {
    fn from(key: Key) -> Self {
        Self(vec![key])
    }
}

impl KeySet {
    /// Keys beyond this many are left out.
    pub const MOST: usize = 256;
    /// As many keys are tried for one token, at most: a token must not cost more than a few verifications.
    pub const TRIED: usize = 4;

    /// Reads a set, and says which of its keys are left out. Good keys are kept whatever is wrong with others; so the
    /// set may be empty.
    pub fn parse(json: &[u8], secrets: Secrets) -> Result<(Self, Vec<LeftOut>), KeySetFault> {
        let set = parse_json(json).map_err(|error| match error.classify() {
            Category::Data => KeySetFault::DuplicateMember,
            _ => KeySetFault::Syntax { line: error.line(), column: error.column() },
        })?;
        let Some(Value::Array(jwks)) = set.get("keys") else { return Err(KeySetFault::NoKeys) };
        let read: Vec<_> = jwks.iter().take(Self::MOST).map(|jwk| jwk::read(jwk, secrets)).collect();
        let mixed = read.iter().flatten().any(|key| key.key_type() != KeyType::Secret);
        let too_many = (jwks.len() > Self::MOST).then_some(Err(KeyFault::TooMany));
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for (index, read) in read.into_iter().chain(too_many).enumerate() {
            match read.and_then(|key| clear(index, key, jwks, mixed)) {
                Ok(key) => keys.push(key),
                Err(why) => left_out.push(LeftOut { index, kid: jwks.get(index).and_then(plain_kid), why }),
            }
        }
        Ok((Self(keys), left_out))
    }

    /// The keys to try for a token, in the set's order. A `kid` must be that of a key, and the key must fit the
    /// algorithm; without one, all keys that fit are tried, up to [`KeySet::TRIED`].
    pub fn candidates(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
    ) -> Result<impl Iterator<Item = &Key> + use<'_>, Fault> {
        let mut named = self.0.iter().filter(|key| kid.is_none() || key.kid() == kid).peekable();
        let known = named.peek().is_some();
        let mut fitting = named.filter(|key| key.fits(algorithm));
        let tried: [Option<&Key>; Self::TRIED] = std::array::from_fn(|_| fitting.next());
        match tried {
            [None, ..] if known && kid.is_some() => Err(Fault::KeyMismatch),
            [None, ..] => Err(Fault::KeyUnknown),
            _ => Ok(tried.into_iter().flatten()),
        }
    }

    /// All keys, in the set's order.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    /// Whether it has no keys.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Key> for KeySet {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// The key, if it is clear in its set what it is for: `mixed` says that there are public keys.
fn clear(index: usize, key: Key, jwks: &[Value], mixed: bool) -> Result<Key, KeyFault> {
    if key.key_type() != KeyType::Secret {
        return Ok(key);
    }
    if mixed {
        return Err(KeyFault::SecretMixed);
    }
    // Be the other one good or not: which of them was meant?
    let is_like = |(other, jwk): (usize, &Value)| {
        let member = |name| jwk.get(name).and_then(Value::as_str);
        other != index && member("kty") == Some("oct") && member("kid") == key.kid()
    };
    if key.kid().is_some() && jwks.iter().enumerate().any(is_like) { Err(KeyFault::SecretAmbiguous) } else { Ok(key) }
}

fn plain_kid(jwk: &Value) -> Option<String> {
    let kid = jwk.get("kid")?.as_str()?;
    let plain = kid.len() <= 64 && kid.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| kid.to_owned())
}
