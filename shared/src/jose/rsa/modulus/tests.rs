#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test may panic")]

use crypto_bigint::{
    BoxedUint, Odd, Resize,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use proptest::{collection::vec, prelude::*};

use super::Modulus;

/// The same by other arithmetic.
fn power(modulus: &[u8], base: &[u8], exponent: u32) -> Vec<u8> {
    let number =
        |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes).resize(u32::try_from(modulus.len() * 8).unwrap());
    let modulus = BoxedMontyParams::new_vartime(Odd::new(number(modulus)).unwrap());
    let power = BoxedMontyForm::new(number(base), &modulus).pow(&BoxedUint::from(exponent)).retrieve().to_be_bytes();
    power[power.len() - base.len()..].to_vec()
}

/// An odd number of 2048 to 8192 bits, often with many ones or zeros.
fn modulus() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), Just(0), Just(0xff)];
    let bytes = prop_oneof![3 => vec(byte, 256..=400), 1 => vec(Just(0xff), 256..=1024), 1 => vec(Just(0), 256..=1024)];
    (bytes, 0..8_u32).prop_map(|(mut bytes, unused)| {
        bytes[0] = (bytes[0] | 0x80) >> unused;
        *bytes.last_mut().unwrap() |= 1;
        bytes
    })
}

fn exponent() -> impl Strategy<Value = u32> {
    prop_oneof![Just(3), Just(5), Just(65537), Just(u32::MAX), any::<u32>().prop_map(|number| number | 3)]
}

/// Big-endian numbers of one length.
fn one_less(number: &[u8]) -> Vec<u8> {
    let mut number = number.to_vec();
    *number.last_mut().unwrap() -= 1;
    number
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn powers_are_those_of_other_arithmetic(bytes in modulus(), base in vec(any::<u8>(), 1024), exponent in exponent()) {
        let modulus = Modulus::new(&bytes);
        let mut base = base[..bytes.len()].to_vec();
        if base >= bytes {
            base[0] = 0;
        }
        let zero = vec![0; bytes.len()];
        let mut one = zero.clone();
        *one.last_mut().unwrap() = 1;
        for base in [base, zero, one, one_less(&bytes)] {
            prop_assert_eq!(modulus.power(&base, exponent), power(&bytes, &base, exponent));
        }
    }
}
