//! HMAC (RFC 7518 section 3.2).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

use super::{Fault, Hash};

/// A shared secret, as the state of each HMAC that it is long enough for.
#[derive(Clone)]
pub(super) struct Secret {
    sha256: Option<Hmac<Sha256>>,
    sha384: Option<Hmac<Sha384>>,
    sha512: Option<Hmac<Sha512>>,
}

impl Secret {
    /// `None` if it is too short even for SHA-256: a secret has at least the bytes of a digest.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let secret = Self {
            sha256: state(Hash::Sha256, bytes),
            sha384: state(Hash::Sha384, bytes),
            sha512: state(Hash::Sha512, bytes),
        };
        secret.fits(Hash::Sha256).then_some(secret)
    }

    /// Whether it is long enough.
    pub(super) const fn fits(&self, hash: Hash) -> bool {
        match hash {
            Hash::Sha256 => self.sha256.is_some(),
            Hash::Sha384 => self.sha384.is_some(),
            Hash::Sha512 => self.sha512.is_some(),
        }
    }

    /// Verifies an HMAC, comparing in constant time.
    pub(super) fn verify(&self, hash: Hash, input: &[u8], signature: &[u8]) -> Result<(), Fault> {
        if signature.len() != hash.length() {
            return Err(Fault::SignatureMalformed);
        }
        match hash {
            Hash::Sha256 => matches(self.sha256.as_ref(), input, signature),
            Hash::Sha384 => matches(self.sha384.as_ref(), input, signature),
            Hash::Sha512 => matches(self.sha512.as_ref(), input, signature),
        }
    }
}

fn state<M: KeyInit>(hash: Hash, bytes: &[u8]) -> Option<M> {
    if bytes.len() < hash.length() {
        return None;
    }
    M::new_from_slice(bytes).ok()
}

fn matches<M: Mac + Clone>(state: Option<&M>, input: &[u8], signature: &[u8]) -> Result<(), Fault> {
    let mut state = state.ok_or(Fault::KeyMismatch)?.clone();
    state.update(input);
    state.verify_slice(signature).map_err(|_| Fault::SignatureInvalid)
}
