//! The hash functions of the signature algorithms.

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Algorithm;

/// A hash function of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The hash of an algorithm (RFC 7518 section 3.1; for `EdDSA` that of Ed25519, RFC 8032 section 5.1).
    pub const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Hs256 | Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => Self::Sha256,
            Algorithm::Hs384 | Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => Self::Sha384,
            Algorithm::Hs512 | Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa => {
                Self::Sha512
            }
        }
    }

    /// The name that Envoy's `verify_signature` knows it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a digest.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of what the parts are when put together.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Digested {
        match self {
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }
}

/// A digest: one type for all lengths, so that what takes one is compiled once.
pub(super) struct Digested {
    bytes: [u8; 64],
    length: usize,
}

impl Digested {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Digested {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    let mut digested = Digested { bytes: [0; 64], length: 0 };
    for (to, from) in digested.bytes.iter_mut().zip(hasher.finalize()) {
        *to = from;
        digested.length = digested.length.saturating_add(1);
    }
    digested
}
