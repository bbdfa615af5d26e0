//! RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 sections 8.2.2 and 8.1.2; RFC 7518 sections 3.3 and 3.5).

mod modulus;
mod roca;

use super::{Fault, Hash};

use modulus::Modulus;

/// Bits of a modulus. Below, keys are too weak (RFC 7518 section 3.3); above, a verification takes milliseconds.
pub(super) const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key.
#[derive(Clone)]
pub(super) struct RsaKey {
    /// The modulus, big-endian, without leading zeros.
    bytes: Vec<u8>,
    modulus: Modulus,
    exponent: u32,
}

/// Why there is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RsaFault {
    Bits,
    Modulus,
    Weak,
    Exponent,
}

impl RsaKey {
    /// The key with these big-endian numbers. Exponents over 32 bits are refused, as other implementations do.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, RsaFault> {
        let (bytes, exponent) = (without_zeros(modulus), without_zeros(exponent));
        if !BITS.contains(&modulus::bit_length(bytes)) {
            return Err(RsaFault::Bits);
        }
        if bytes.last().is_none_or(|last| last % 2 == 0) {
            return Err(RsaFault::Modulus);
        }
        if roca::is_weak(bytes) {
            return Err(RsaFault::Weak);
        }
        let exponent = match exponent.len() {
            0..=4 => exponent.iter().fold(0, |number: u32, byte| number.wrapping_shl(8) | u32::from(*byte)),
            _ => return Err(RsaFault::Exponent),
        };
        if exponent < 3 || exponent % 2 == 0 {
            return Err(RsaFault::Exponent);
        }
        Ok(Self { bytes: bytes.to_vec(), modulus: Modulus::new(bytes), exponent })
    }

    /// The modulus, big-endian, without leading zeros.
    pub(super) fn modulus(&self) -> &[u8] {
        &self.bytes
    }

    /// The public exponent.
    pub(super) const fn exponent(&self) -> u32 {
        self.exponent
    }

    /// Whether a signature is a number below the modulus, in as many bytes.
    pub(super) fn is_in_range(&self, signature: &[u8]) -> bool {
        signature.len() == self.bytes.len() && signature < self.bytes.as_slice()
    }

    /// Verifies a signature that is [in range](Self::is_in_range) by PKCS #1 v1.5: the encoding is built and compared,
    /// so that there is nothing to parse.
    pub(super) fn verify_pkcs1(&self, hash: Hash, input: &[u8], signature: &[u8]) -> Result<(), Fault> {
        let message = self.modulus.power(signature, self.exponent);
        // DER of DigestInfo up to the digest (RFC 8017 section 9.2 note 1); its lengths are below 128.
        let (oid, length) = match hash {
            Hash::Sha256 => (1, 32),
            Hash::Sha384 => (2, 48),
            Hash::Sha512 => (3, 64),
        };
        let info = [
            [0x30, 17_u8.saturating_add(length), 0x30, 13, 6, 9].as_slice(),
            &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, oid, 5, 0, 4, length],
            hash.digest(&[input]).as_slice(),
        ]
        .concat();
        let padding = message.len().saturating_sub(info.len()).saturating_sub(3);
        let expected = [&[0, 1], vec![0xff; padding].as_slice(), &[0], &info].concat();
        if message == expected { Ok(()) } else { Err(Fault::SignatureInvalid) }
    }

    /// Verifies a signature that is [in range](Self::is_in_range) by PSS, with a salt as long as the digest.
    pub(super) fn verify_pss(&self, hash: Hash, input: &[u8], signature: &[u8]) -> Result<(), Fault> {
        let message = self.modulus.power(signature, self.exponent);
        if is_pss(hash, hash.digest(&[input]).as_slice(), &message, modulus::bit_length(&self.bytes)) {
            Ok(())
        } else {
            Err(Fault::SignatureInvalid)
        }
    }
}

/// EMSA-PSS-VERIFY (RFC 8017 section 9.1.2) of a message as long as the modulus, which has `bits`.
fn is_pss(hash: Hash, digest: &[u8], message: &[u8], bits: usize) -> bool {
    let length = hash.length();
    // The encoding has one bit less than the modulus: where that is a whole byte, the first one is no part of it.
    let bits = bits.saturating_sub(1);
    let (before, encoded) = message.split_at(message.len().saturating_sub(bits.div_ceil(8)));
    if before.iter().any(|byte| *byte != 0) {
        return false;
    }
    let Some((0xbc, rest)) = encoded.split_last().map(|(last, rest)| (*last, rest)) else { return false };
    let Some((masked, hashed)) = rest.split_at_checked(rest.len().saturating_sub(length)) else { return false };
    let unused = masked.len().saturating_add(length).saturating_add(1).saturating_mul(8).saturating_sub(bits);
    let used = 0xff_u8.checked_shr(u32::try_from(unused).unwrap_or(u32::MAX)).unwrap_or(0);
    if masked.first().is_none_or(|first| first & !used != 0) {
        return false;
    }
    let mut block = unmasked(hash, masked, hashed);
    if let Some(first) = block.first_mut() {
        *first &= used;
    }
    let Some((padding, salt)) = block.split_at_checked(block.len().saturating_sub(length)) else { return false };
    let padded = padding.split_last().is_some_and(|(one, zeros)| *one == 1 && zeros.iter().all(|byte| *byte == 0));
    padded && hash.digest(&[&[0; 8], digest, salt]).as_slice() == hashed
}

/// `masked` with MGF1 (RFC 8017 section B.2.1) of `seed` taken off.
fn unmasked(hash: Hash, masked: &[u8], seed: &[u8]) -> Vec<u8> {
    let mut unmasked = Vec::with_capacity(masked.len());
    for (counter, chunk) in (0_u32..).zip(masked.chunks(hash.length())) {
        let mask = hash.digest(&[seed, &counter.to_be_bytes()]);
        unmasked.extend(chunk.iter().zip(mask.as_slice()).map(|(byte, mask)| byte ^ mask));
    }
    unmasked
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
