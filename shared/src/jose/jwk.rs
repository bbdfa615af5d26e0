//! One key as JSON: a JWK (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).

use std::fmt;

use serde_json::{Map, Value};

use super::{
    Algorithm, Key, KeyType, base64url,
    key::{Material, Usage},
};

/// Whether a key set may hold shared secrets. One that is published must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// `oct` keys are left out.
    Refuse,
    /// `oct` keys are keys like any other.
    Allow,
}

/// Why a key is left out. Its text has nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// Not a JSON object.
    NotAnObject,
    /// A member is missing, of the wrong type, or not base64url.
    Member(&'static str),
    /// `kty` is none that is known here.
    TypeUnknown,
    /// `crv` is none that is known here.
    CurveUnknown,
    /// It has a private member, such as `d`.
    Private,
    /// It is an `oct` key where none may be.
    SecretRefused,
    /// It is an `oct` key shorter than the hash that it is for.
    SecretShort,
    /// It is an `oct` key among public keys: then either it is published, or it was not meant to be there.
    SecretMixed,
    /// It is an `oct` key with the `kid` of another one.
    SecretAmbiguous,
    /// An RSA modulus has too few or too many bits.
    RsaBits,
    /// An RSA modulus is even.
    RsaModulus,
    /// An RSA modulus is one of those whose factors can be found (CVE-2017-15361).
    RsaWeak,
    /// An RSA exponent is even, below 3, or over 32 bits.
    RsaExponent,
    /// Coordinates have the wrong length, or are of no point on the curve, or of one of small order.
    Point,
    /// `alg` needs a key of another type.
    AlgorithmMismatch,
    /// There are too many keys: this one and all after it are left out.
    TooMany,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member(name) => return write!(f, "`{name}` is missing or malformed"),
            Self::NotAnObject => "not an object",
            Self::TypeUnknown => "`kty` is not supported",
            Self::CurveUnknown => "`crv` is not supported",
            Self::Private => "it holds a private key, which must not be in a key set; replace it at its issuer",
            Self::SecretRefused => "`oct` keys are secrets, which come only from the environment",
            Self::SecretShort => "the secret is shorter than the hash of its algorithm",
            Self::SecretMixed => "it is a secret among public keys",
            Self::SecretAmbiguous => "it is a secret with the `kid` of another",
            Self::RsaBits => "the modulus has under 2048 or over 8192 bits",
            Self::RsaModulus => "the modulus is even",
            Self::RsaWeak => "the modulus can be factored (CVE-2017-15361); replace the key at its issuer",
            Self::RsaExponent => "the exponent is even, below 3 or over 32 bits",
            Self::Point => "its coordinates are no sound point on the curve",
            Self::AlgorithmMismatch => "`alg` is not for keys of this type",
            Self::TooMany => "there are too many keys: this one and all after it",
        })
    }
}

/// Members that make a public key private (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2); `k` is a secret's.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Reads a key. Members that say nothing of how it is used are ignored, certificates among them.
pub(super) fn read(jwk: &Value, secrets: Secrets) -> Result<Key, KeyFault> {
    let jwk = Jwk(jwk.as_object().ok_or(KeyFault::NotAnObject)?);
    let key_type = jwk.text("kty")?.ok_or(KeyFault::Member("kty"))?;
    if key_type != "oct" && PRIVATE.iter().any(|name| jwk.0.contains_key(*name)) {
        return Err(KeyFault::Private);
    }
    let kid = jwk.text("kid")?;
    let usage = jwk.usage()?;
    let material = match key_type {
        "oct" if secrets == Secrets::Refuse => return Err(KeyFault::SecretRefused),
        "oct" => Material::secret(&jwk.bytes("k")?)?,
        "RSA" => Material::rsa(&jwk.bytes("n")?, &jwk.bytes("e")?)?,
        "EC" => {
            let key_type = match jwk.curve()? {
                "P-256" => KeyType::P256,
                "P-384" => KeyType::P384,
                "P-521" => KeyType::P521,
                _ => return Err(KeyFault::CurveUnknown),
            };
            Material::ec(key_type, &jwk.bytes("x")?, &jwk.bytes("y")?)?
        }
        "OKP" => match jwk.curve()? {
            "Ed25519" => Material::ed25519(&jwk.bytes("x")?)?,
            _ => return Err(KeyFault::CurveUnknown),
        },
        _ => return Err(KeyFault::TypeUnknown),
    };
    Key::new(material, usage, kid)
}

struct Jwk<'a>(&'a Map<String, Value>);

impl<'a> Jwk<'a> {
    fn text(&self, name: &'static str) -> Result<Option<&'a str>, KeyFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(KeyFault::Member(name)),
        }
    }

    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, KeyFault> {
        let text = self.text(name)?.ok_or(KeyFault::Member(name))?;
        base64url::decode(text.as_bytes()).ok_or(KeyFault::Member(name))
    }

    fn curve(&self) -> Result<&'a str, KeyFault> {
        self.text("crv")?.ok_or(KeyFault::Member("crv"))
    }

    /// What `use`, `key_ops` and `alg` allow, each if it is there.
    fn usage(&self) -> Result<Usage, KeyFault> {
        let signs = self.text("use")?.is_none_or(|used| used == "sig");
        let verifies = match self.0.get("key_ops") {
            None => true,
            Some(Value::Array(operations)) if is_set_of_texts(operations) => {
                operations.iter().any(|operation| operation == "verify")
            }
            Some(_) => return Err(KeyFault::Member("key_ops")),
        };
        let algorithm = self.text("alg")?.map(str::parse::<Algorithm>);
        Ok(match algorithm {
            _ if !signs || !verifies => Usage::Nothing,
            None => Usage::Any,
            Some(Ok(algorithm)) => Usage::Only(algorithm),
            Some(Err(())) => Usage::Nothing,
        })
    }
}

/// Whether all are strings, and none comes twice.
fn is_set_of_texts(values: &[Value]) -> bool {
    values
        .iter()
        .enumerate()
        .all(|(index, value)| value.is_string() && !values.iter().take(index).any(|other| other == value))
}
