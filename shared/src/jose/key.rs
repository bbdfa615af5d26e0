//! Keys that verify signatures. Here is all that a signature is held against, whoever does the arithmetic.

#[cfg(test)]
mod tests;

use std::fmt;

use p256::NistP256;
use p384::NistP384;
use p521::NistP521;

use super::{
    Algorithm, Fault, Hash, KeyFault, KeyType, der,
    ecdsa::{Curve, EcKey},
    ed25519::Ed25519Key,
    rsa::{RsaFault, RsaKey},
    secret::Secret,
};

/// What may verify a signature in this library's stead, faster: the host, which runs no WebAssembly.
pub trait NativeVerify {
    /// Whether `signature` is by the key in `spki_der` (`SubjectPublicKeyInfo`, RFC 5280 section 4.1.2.7) over `input`;
    /// `None` if the host cannot tell, and then this library does. An RSA key's signature is by PKCS #1 v1.5; an
    /// elliptic curve's is in DER (`ECDSA-Sig-Value`, RFC 3279 section 2.2.3).
    fn verify(&self, hash: Hash, spki_der: &[u8], signature: &[u8], input: &[u8]) -> Option<bool>;
}

/// A key, ready to verify: nothing is parsed for a token. It shows nothing of itself but type and `kid`.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    usage: Usage,
    material: Material,
    /// Empty where the host has no function for such a key.
    spki_der: Vec<u8>,
}

/// What the key's owner lets it verify.
#[derive(Clone, Copy)]
pub(super) enum Usage {
    /// All that its type can.
    Any,
    /// Signatures of one algorithm.
    Only(Algorithm),
    /// No signature that is known here: it may be for encryption.
    Nothing,
}

#[derive(Clone)]
pub(super) enum Material {
    Secret(Box<Secret>),
    Rsa(RsaKey),
    P256(EcKey<NistP256>),
    P384(EcKey<NistP384>),
    P521(EcKey<NistP521>),
    Ed25519(Ed25519Key),
}

impl Key {
    /// A secret for HMAC: for one algorithm, or for all that it is long enough for (RFC 7518 section 3.2).
    pub fn secret(bytes: &[u8], algorithm: Option<Algorithm>, kid: Option<&str>) -> Result<Self, KeyFault> {
        let usage = algorithm.map_or(Usage::Any, Usage::Only);
        Self::new(Material::secret(bytes)?, usage, kid)
    }

    /// A key whose usage is possible for its type.
    pub(super) fn new(material: Material, usage: Usage, kid: Option<&str>) -> Result<Self, KeyFault> {
        if let Usage::Only(algorithm) = usage {
            if algorithm.key_type() != material.key_type() {
                return Err(KeyFault::AlgorithmMismatch);
            }
            if matches!(&material, Material::Secret(secret) if !secret.fits(Hash::of(algorithm))) {
                return Err(KeyFault::SecretShort);
            }
        }
        Ok(Self { kid: kid.map(str::to_owned), usage, spki_der: material.spki_der(), material })
    }

    /// The key's name, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What kind of key it is.
    pub const fn key_type(&self) -> KeyType {
        self.material.key_type()
    }

    /// Whether it may verify signatures of this algorithm: by its type and curve, by what it is for, and if it is a
    /// secret, by its length.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let used = match self.usage {
            Usage::Any => true,
            Usage::Only(only) => only == algorithm,
            Usage::Nothing => false,
        };
        let long_enough = match &self.material {
            Material::Secret(secret) => secret.fits(Hash::of(algorithm)),
            _ => true,
        };
        used && long_enough && self.key_type() == algorithm.key_type()
    }

    /// Verifies that `signature` is by this key over `input`, which is all of the token before the signature's dot.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        input: &[u8],
        signature: &[u8],
        native: Option<&dyn NativeVerify>,
    ) -> Result<(), Fault> {
        if !self.fits(algorithm) {
            return Err(Fault::KeyMismatch);
        }
        let token = Signed { hash: Hash::of(algorithm), input, signature, spki_der: &self.spki_der, native };
        match &self.material {
            Material::Secret(secret) => secret.verify(token.hash, input, signature),
            Material::Rsa(key) => token.verify_rsa(key, algorithm),
            Material::P256(key) => token.verify_ecdsa(key),
            Material::P384(key) => token.verify_ecdsa(key),
            Material::P521(key) => token.verify_ecdsa(key),
            Material::Ed25519(key) => key.verify(input, signature),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("type", &self.key_type()).finish_non_exhaustive()
    }
}

impl Material {
    pub(super) fn secret(bytes: &[u8]) -> Result<Self, KeyFault> {
        Secret::new(bytes).map(|secret| Self::Secret(Box::new(secret))).ok_or(KeyFault::SecretShort)
    }

    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyFault> {
        RsaKey::new(modulus, exponent).map(Self::Rsa).map_err(|fault| match fault {
            RsaFault::Bits => KeyFault::RsaBits,
            RsaFault::Modulus => KeyFault::RsaModulus,
            RsaFault::Weak => KeyFault::RsaWeak,
            RsaFault::Exponent => KeyFault::RsaExponent,
        })
    }

    /// A point by its coordinates.
    pub(super) fn ec(key_type: KeyType, x: &[u8], y: &[u8]) -> Result<Self, KeyFault> {
        match key_type {
            KeyType::P256 => EcKey::new(x, y).map(Self::P256),
            KeyType::P384 => EcKey::new(x, y).map(Self::P384),
            KeyType::P521 => EcKey::new(x, y).map(Self::P521),
            KeyType::Secret | KeyType::Rsa | KeyType::Ed25519 => None,
        }
        .ok_or(KeyFault::Point)
    }

    /// A point by its encoding.
    pub(super) fn ed25519(encoded: &[u8]) -> Result<Self, KeyFault> {
        Ed25519Key::new(encoded).map(Self::Ed25519).ok_or(KeyFault::Point)
    }

    const fn key_type(&self) -> KeyType {
        match self {
            Self::Secret(_) => KeyType::Secret,
            Self::Rsa(_) => KeyType::Rsa,
            Self::P256(_) => KeyType::P256,
            Self::P384(_) => KeyType::P384,
            Self::P521(_) => KeyType::P521,
            Self::Ed25519(_) => KeyType::Ed25519,
        }
    }

    fn spki_der(&self) -> Vec<u8> {
        match self {
            Self::Secret(_) | Self::Ed25519(_) => Vec::new(),
            Self::Rsa(key) => der::rsa(key.modulus(), key.exponent()),
            Self::P256(key) => key.spki_der(),
            Self::P384(key) => key.spki_der(),
            Self::P521(key) => key.spki_der(),
        }
    }
}

/// A signature and what it is said to be over.
struct Signed<'a> {
    hash: Hash,
    input: &'a [u8],
    signature: &'a [u8],
    spki_der: &'a [u8],
    native: Option<&'a dyn NativeVerify>,
}

impl Signed<'_> {
    fn verify_rsa(&self, key: &RsaKey, algorithm: Algorithm) -> Result<(), Fault> {
        if !key.is_in_range(self.signature) {
            return Err(Fault::SignatureMalformed);
        }
        if matches!(algorithm, Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512) {
            return key.verify_pss(self.hash, self.input, self.signature);
        }
        self.natively(|| self.signature.to_vec())
            .unwrap_or_else(|| key.verify_pkcs1(self.hash, self.input, self.signature))
    }

    fn verify_ecdsa<C: Curve>(&self, key: &EcKey<C>) -> Result<(), Fault> {
        let halves = EcKey::<C>::halves(self.signature).ok_or(Fault::SignatureMalformed)?;
        self.natively(|| der::ecdsa(self.signature)).unwrap_or_else(|| key.verify(self.hash, self.input, halves))
    }

    fn natively(&self, signature: impl FnOnce() -> Vec<u8>) -> Option<Result<(), Fault>> {
        let valid = self.native?.verify(self.hash, self.spki_der, &signature(), self.input)?;
        Some(if valid { Ok(()) } else { Err(Fault::SignatureInvalid) })
    }
}
