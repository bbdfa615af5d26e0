#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test may panic")]

use p256::{
    NistP256,
    elliptic_curve::{
        FieldBytes,
        ff::{Field, PrimeField},
        ops::{MulByGeneratorVartime, Reduce},
    },
};
use p384::NistP384;
use p521::NistP521;
use proptest::{collection::vec, prelude::*};

use crate::jose::ecdsa::Curve;

use super::Known;

fn number<C: Curve>(bytes: &[u8]) -> C::Scalar {
    let mut all = FieldBytes::<C>::default();
    all.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    <C::Scalar as Reduce<FieldBytes<C>>>::reduce(&all)
}

/// By the curve's own multiplication.
fn check<C: Curve>(point: &[u8], a: &[u8], b: &[u8]) {
    let point = C::ProjectivePoint::mul_by_generator_vartime(&(number::<C>(point) + C::Scalar::ONE));
    let known = Known::<C>::new(point);
    let numbers = [number::<C>(a), number::<C>(b), C::Scalar::ZERO, C::Scalar::ONE, -C::Scalar::ONE];
    for a in numbers {
        for b in numbers {
            let expected = C::ProjectivePoint::mul_by_generator_and_mul_add_vartime(&a, &b, &point);
            assert!(known.sum(&a.to_repr(), &b.to_repr()) == expected, "{a:?} {b:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn sums_are_those_of_the_curves(point in vec(any::<u8>(), 66), a in vec(any::<u8>(), 66), b in vec(any::<u8>(), 66)) {
        check::<NistP256>(&point, &a, &b);
        check::<NistP384>(&point, &a, &b);
        check::<NistP521>(&point, &a, &b);
    }
}
