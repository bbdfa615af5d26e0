//! ECDSA on the NIST curves (RFC 7518 section 3.4, FIPS 186-5 section 6.4.2).

use std::sync::OnceLock;

use p256::elliptic_curve::{
    CurveArithmetic, CurveGroup, FieldBytes,
    ff::{Field, PrimeField},
    group,
    ops::{Invert, Reduce},
    point::AffineCoordinates,
};

use super::{
    Fault, Hash,
    comb::{Comb, Group, Known},
    der,
};

/// A curve whose hash is no longer than its numbers.
pub(super) trait Curve: CurveArithmetic {
    /// Bytes of a coordinate and of each half of a signature.
    const LENGTH: usize;
    /// Its object identifier, in DER.
    const OID: &[u8];

    fn generator_table() -> &'static Comb<Self>;
}

macro_rules! curve {
    ($curve:ty, $length:literal, $oid:expr) => {
        impl Curve for $curve {
            const LENGTH: usize = $length;
            const OID: &[u8] = $oid;

            fn generator_table() -> &'static Comb<Self> {
                static TABLE: OnceLock<Comb<$curve>> = OnceLock::new();
                Comb::of_generator(&TABLE)
            }
        }
    };
}

curve!(p256::NistP256, 32, der::P256);
curve!(p384::NistP384, 48, der::P384);
curve!(p521::NistP521, 66, der::P521);

#[expect(clippy::arithmetic_side_effects, reason = "points do not overflow")]
impl<C: Curve> Group for C {
    type Point = C::ProjectivePoint;
    type Entry = C::AffinePoint;

    const BITS: usize = C::Scalar::NUM_BITS as usize;

    fn identity() -> Self::Point {
        group::Group::identity()
    }

    fn generator() -> Self::Point {
        group::Group::generator()
    }

    fn double(point: Self::Point) -> Self::Point {
        group::Group::double(&point)
    }

    fn add(point: Self::Point, other: Self::Point) -> Self::Point {
        point + other
    }

    fn add_entry(point: Self::Point, entry: &Self::Entry) -> Self::Point {
        point + entry
    }

    fn entries(points: &[Self::Point]) -> Vec<Self::Entry> {
        let mut entries = vec![C::AffinePoint::default(); points.len()];
        C::ProjectivePoint::batch_normalize(points, &mut entries);
        entries
    }

    fn generator_table() -> &'static Comb<Self> {
        <C as Curve>::generator_table()
    }
}

/// A public key.
#[derive(Clone)]
pub(super) struct EcKey<C: Curve>(Known<C>);

impl<C: Curve> EcKey<C> {
    /// The point with these big-endian coordinates, if they have the curve's length and it is on the curve.
    pub(super) fn new(x: &[u8], y: &[u8]) -> Option<Self> {
        let (x, y) = (FieldBytes::<C>::try_from(x).ok()?, FieldBytes::<C>::try_from(y).ok()?);
        let point = Option::<C::AffinePoint>::from(C::AffinePoint::from_coordinates(&x, &y))?;
        Some(Self(Known::new(point.into())))
    }

    /// The key's `SubjectPublicKeyInfo`.
    pub(super) fn spki_der(&self) -> Vec<u8> {
        let point = self.0.point().to_affine();
        der::ec(C::OID, &point.x(), &point.y())
    }

    /// Both numbers of a signature, if they have the curve's length and are from 1 to the group's order - 1.
    pub(super) fn halves(signature: &[u8]) -> Option<[C::Scalar; 2]> {
        let (r, s) = signature.split_at_checked(C::LENGTH)?;
        Some([number::<C>(r)?, number::<C>(s)?])
    }

    /// Verifies a signature, of which `r` and `s` are [halves](Self::halves).
    #[expect(clippy::arithmetic_side_effects, reason = "these numbers are modulo the group's order")]
    pub(super) fn verify(&self, hash: Hash, input: &[u8], [r, s]: [C::Scalar; 2]) -> Result<(), Fault> {
        let mut padded = FieldBytes::<C>::default();
        for (to, from) in padded.iter_mut().rev().zip(hash.digest(&[input]).as_slice().iter().rev()) {
            *to = *from;
        }
        let hashed = <C::Scalar as Reduce<FieldBytes<C>>>::reduce(&padded);
        let inverse = Option::<C::Scalar>::from(s.invert_vartime()).ok_or(Fault::SignatureMalformed)?;
        let point = self.0.sum(&(hashed * inverse).to_repr(), &(r * inverse).to_repr());
        let x = <C::Scalar as Reduce<FieldBytes<C>>>::reduce(&point.to_affine().x());
        if x == r { Ok(()) } else { Err(Fault::SignatureInvalid) }
    }
}

fn number<C: Curve>(bytes: &[u8]) -> Option<C::Scalar> {
    let bytes = FieldBytes::<C>::try_from(bytes).ok()?;
    let number = Option::<C::Scalar>::from(C::Scalar::from_repr(bytes))?;
    (!bool::from(number.is_zero())).then_some(number)
}
