//! Ed25519 (RFC 8037 section 3.1, RFC 8032 section 5.1.7), strictly: no number and no point has two encodings, and none
//! is of small order, since such a key or signature fits many messages. So does `verify_strict` of ed25519-dalek.

#[cfg(test)]
mod tests;

use std::{ops::Neg, sync::OnceLock};

use curve25519_dalek::{
    EdwardsPoint, Scalar, constants::ED25519_BASEPOINT_POINT, edwards::CompressedEdwardsY, traits::Identity,
};

use super::{
    Fault, Hash,
    comb::{Comb, Group, Known},
};

#[derive(Clone, Copy)]
enum Ed25519 {}

#[expect(clippy::arithmetic_side_effects, reason = "points do not overflow")]
impl Group for Ed25519 {
    type Point = EdwardsPoint;
    type Entry = EdwardsPoint;

    const BITS: usize = 253;

    fn identity() -> EdwardsPoint {
        Identity::identity()
    }

    fn generator() -> EdwardsPoint {
        ED25519_BASEPOINT_POINT
    }

    fn double(point: EdwardsPoint) -> EdwardsPoint {
        point + point
    }

    fn add(point: EdwardsPoint, other: EdwardsPoint) -> EdwardsPoint {
        point + other
    }

    fn add_entry(point: EdwardsPoint, entry: &EdwardsPoint) -> EdwardsPoint {
        point + entry
    }

    fn entries(points: &[EdwardsPoint]) -> Vec<EdwardsPoint> {
        points.to_vec()
    }

    fn generator_table() -> &'static Comb<Self> {
        static TABLE: OnceLock<Comb<Ed25519>> = OnceLock::new();
        Comb::of_generator(&TABLE)
    }
}

/// A public key.
#[derive(Clone)]
pub(super) struct Ed25519Key {
    encoded: [u8; 32],
    negated: Known<Ed25519>,
}

impl Ed25519Key {
    /// The key with this encoding, if it is a point's one encoding and the point is not of small order.
    pub(super) fn new(encoded: &[u8]) -> Option<Self> {
        let encoded: [u8; 32] = encoded.try_into().ok()?;
        let point = CompressedEdwardsY(encoded).decompress()?;
        let sound = !point.is_small_order() && point.compress().0 == encoded;
        sound.then(|| Self { encoded, negated: Known::new(Neg::neg(point)) })
    }

    /// Verifies a signature: R is S times the generator, less the key times the hash. The cofactor is not taken out.
    pub(super) fn verify(&self, input: &[u8], signature: &[u8]) -> Result<(), Fault> {
        let malformed = Fault::SignatureMalformed;
        let (r, s) = signature.split_at_checked(32).ok_or(malformed)?;
        let mut s: [u8; 32] = s.try_into().map_err(|_| malformed)?;
        if bool::from(Scalar::from_canonical_bytes(s).is_none()) {
            return Err(malformed);
        }
        let digest = Hash::Sha512.digest(&[r, &self.encoded, input]);
        let digest: &[u8; 64] = digest.as_slice().try_into().map_err(|_| malformed)?;
        let mut factor = Scalar::from_bytes_mod_order_wide(digest).to_bytes();
        s.reverse();
        factor.reverse();
        let point = self.negated.sum(&s, &factor);
        if point.compress().0 == r && !point.is_small_order() { Ok(()) } else { Err(Fault::SignatureInvalid) }
    }
}
