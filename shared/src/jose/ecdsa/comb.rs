//! Multiplication of known points (Lim and Lee, CRYPTO '94), in variable time: for public numbers only.

#[cfg(test)]
mod tests;

use p256::elliptic_curve::{CurveArithmetic, CurveGroup, ff::PrimeField, group::Group};

/// The bits that are looked up at once: 32 doublings and additions on P-256, for a table of 18 KB.
const TEETH: usize = 8;

/// Sums of P · 2^(i · distance): the one at an index has those i that are bits of it.
#[derive(Clone)]
pub(in super::super) struct Comb<C: CurveArithmetic>(Vec<C::AffinePoint>);

impl<C: CurveArithmetic> Comb<C> {
    /// The table of a point that is not the identity.
    #[expect(clippy::arithmetic_side_effects, reason = "points have no overflow")]
    pub(super) fn new(point: C::ProjectivePoint) -> Self {
        let mut sums = Vec::with_capacity(1 << TEETH);
        sums.push(C::ProjectivePoint::identity());
        let mut tooth = point;
        for index in 0..TEETH {
            if index > 0 {
                tooth = (0..distance::<C>()).fold(tooth, |point, _| point.double());
            }
            for index in 0..sums.len() {
                if let Some(sum) = sums.get(index) {
                    sums.push(*sum + tooth);
                }
            }
        }
        let mut table = vec![C::AffinePoint::default(); sums.len()];
        C::ProjectivePoint::batch_normalize(&sums, &mut table);
        Self(table)
    }
}

/// The sum of the points, each multiplied by its number.
#[expect(clippy::arithmetic_side_effects, reason = "points have no overflow")]
pub(super) fn sum<C: CurveArithmetic>(products: &[(&Comb<C>, C::Scalar); 2]) -> C::ProjectivePoint {
    let distance = distance::<C>();
    let numbers = products.each_ref().map(|(comb, number)| (*comb, number.to_repr()));
    let mut sum = C::ProjectivePoint::identity();
    for place in (0..distance).rev() {
        sum = sum.double();
        for (Comb(table), bytes) in &numbers {
            let bits = (place..distance.saturating_mul(TEETH)).step_by(distance.max(1));
            let index = bits.rev().fold(0, |index, bit| (index << 1) | usize::from(is_set(bytes.as_ref(), bit)));
            if index > 0
                && let Some(point) = table.get(index)
            {
                sum += *point;
            }
        }
    }
    sum
}

/// From one tooth to the next, in bits.
fn distance<C: CurveArithmetic>() -> usize {
    (C::Scalar::NUM_BITS as usize).div_ceil(TEETH)
}

/// Whether a big-endian number has a bit.
fn is_set(bytes: &[u8], bit: usize) -> bool {
    bytes.iter().rev().nth(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}
