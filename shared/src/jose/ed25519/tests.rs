#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION, edwards::CompressedEdwardsY};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::jose::Hash;

use super::Ed25519Key;

/// A signature whose R is of `nonce` and `torsion`.
fn sign(key: [u8; 32], secret: Scalar, nonce: Scalar, torsion: EdwardsPoint, input: &[u8]) -> [u8; 64] {
    let r = (EdwardsPoint::mul_base(&nonce) + torsion).compress().0;
    let digest: [u8; 64] = Hash::Sha512.digest(&[&r, &key, input]).as_slice().try_into().unwrap();
    let s = nonce + Scalar::from_bytes_mod_order_wide(&digest) * secret;
    [r, s.to_bytes()].concat().try_into().unwrap()
}

/// Points with a part of small order are where implementations differ.
#[test]
fn points_of_small_order_are_judged_as_strictly_as_by_its_crate() {
    let secret = Scalar::from_bytes_mod_order([7; 32]);
    let mut counts = [0, 0];
    for in_key in EIGHT_TORSION {
        let encoded = (EdwardsPoint::mul_base(&secret) + in_key).compress().0;
        let key = Ed25519Key::new(&encoded).unwrap();
        let reference = VerifyingKey::from_bytes(&encoded).unwrap();
        for in_signature in EIGHT_TORSION {
            for nonce in [Scalar::ZERO, Scalar::from_bytes_mod_order([9; 32])] {
                for input in ["a", "b", "c", "d"].map(str::as_bytes) {
                    let signature = sign(encoded, secret, nonce, in_signature, input);
                    let verified = key.verify(input, &signature).is_ok();
                    let expected = reference.verify_strict(input, &Signature::from_bytes(&signature)).is_ok();
                    assert_eq!(verified, expected, "{encoded:?} {signature:?}");
                    assert!(!verified || nonce != Scalar::ZERO, "R is of small order");
                    counts[usize::from(verified)] += 1;
                }
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
}

#[test]
fn keys_of_small_order_are_refused() {
    for point in EIGHT_TORSION {
        assert!(Ed25519Key::new(&point.compress().0).is_none());
    }
}

/// Those are y from p to 2^255 - 1, and x = 0 with a sign.
#[test]
fn second_encodings_are_refused() {
    let mut decompressed = 0;
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut encoded = [0xff; 32];
            (encoded[0], encoded[31]) = (low, high);
            decompressed += u32::from(CompressedEdwardsY(encoded).decompress().is_some());
            assert!(Ed25519Key::new(&encoded).is_none(), "{encoded:?}");
        }
    }
    assert!(decompressed > 0, "the point's crate accepts some");
}
