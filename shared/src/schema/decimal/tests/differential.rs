//! Decimals against integers of any size.

use num_bigint::BigInt;
use proptest::{collection::vec, prelude::*};

use super::{decimal, hash};

/// A number's text, and what it is times 10^80.
fn number() -> impl Strategy<Value = (String, BigInt)> {
    let digits = |most: usize| vec(prop_oneof![1 => Just(0), 2 => 0..10_u8], 1..most);
    let exponent = prop_oneof![Just(None), (-20..20_i32).prop_map(Some)];
    let parts = (any::<bool>(), digits(40), prop::option::of(digits(40)), exponent);
    parts.prop_map(|(negative, whole, fraction, exponent)| {
        let text = |digits: &[u8]| digits.iter().map(u8::to_string).collect::<String>();
        let whole = text(&whole);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let fraction = fraction.as_deref().map(text);
        let sign = if negative { "-" } else { "" };
        let mut number = format!("{sign}{whole}");
        number.extend(fraction.iter().map(|fraction| format!(".{fraction}")));
        number.extend(exponent.map(|exponent| format!("e{exponent}")));
        let fraction = fraction.unwrap_or_default();
        let places = exponent.unwrap_or_default().saturating_sub(i32::try_from(fraction.len()).unwrap());
        (number, scaled(&format!("{sign}{whole}{fraction}"), places))
    })
}

fn scaled(integer: &str, exponent: i32) -> BigInt {
    let zeros = usize::try_from(exponent.saturating_add(80)).unwrap();
    format!("{integer}{}", "0".repeat(zeros)).parse().unwrap()
}

/// Numbers with few digits, so that many are multiples of others.
fn short() -> impl Strategy<Value = (String, BigInt)> {
    (-99..1000_i64, -5..5_i32)
        .prop_map(|(value, exponent)| (format!("{value}e{exponent}"), scaled(&value.to_string(), exponent)))
}

/// Nothing is a multiple of 0 but 0.
fn is_multiple(value: &BigInt, divisor: &BigInt) -> bool {
    let quotient = value.checked_div(divisor).unwrap_or_default();
    quotient.checked_mul(divisor).as_ref() == Some(value)
}

proptest! {
    #[test]
    fn order_is_that_of_integers(
        (text, value) in prop_oneof![number(), short()], (other_text, other) in prop_oneof![number(), short()],
    ) {
        prop_assert_eq!(decimal(&text).cmp(&decimal(&other_text)), value.cmp(&other));
        prop_assert_eq!(decimal(&text) == decimal(&other_text), value == other);
    }

    #[test]
    fn integers_are_integers((text, value) in prop_oneof![number(), short()]) {
        let one = BigInt::from(10).pow(80);
        let number = decimal(&text);
        prop_assert_eq!(number.is_integer(), is_multiple(&value, &one));
        let quotient = value.checked_div(&one).and_then(|value| i64::try_from(value).ok());
        prop_assert_eq!(number.as_i64(), quotient.filter(|_| is_multiple(&value, &one)));
    }

    #[test]
    fn multiples_are_those_of_integers(
        (text, value) in prop_oneof![number(), short()],
        (divisor_text, divisor) in prop_oneof![number(), short()],
        factor in 0..1_000_000_u64,
    ) {
        prop_assert_eq!(decimal(&text).is_multiple_of(&decimal(&divisor_text)), is_multiple(&value, &divisor));
        // One that is, and whatever is next to it.
        let product = divisor.checked_mul(&BigInt::from(factor)).unwrap();
        let next = product.checked_add(&BigInt::from(1)).unwrap();
        let exact = decimal(&format!("{product}e-80"));
        prop_assert!(exact.is_multiple_of(&decimal(&divisor_text)));
        let found = decimal(&format!("{next}e-80")).is_multiple_of(&decimal(&divisor_text));
        prop_assert_eq!(found, is_multiple(&next, &divisor));
    }

    /// However a number is written, it is the same.
    #[test]
    fn spellings_are_equal(value: i64, zeros in 0..30_usize, exponent in -40..40_i32) {
        let sign = if value < 0 { "-" } else { "" };
        let digits = value.unsigned_abs().to_string();
        let some = "0".repeat(zeros);
        let later = exponent.saturating_add(i32::try_from(some.len().saturating_add(digits.len())).unwrap());
        for (one, other) in [
            (format!("{value}{some}e-{zeros}"), value.to_string()),
            (format!("{value}.0{some}"), value.to_string()),
            (format!("{sign}0.{some}{digits}e{later}"), format!("{value}e{exponent}")),
        ] {
            // Zero with more zeros is nothing that JSON writes.
            if value != 0 {
                prop_assert_eq!(decimal(&one), decimal(&other));
                prop_assert_eq!(hash(&decimal(&one)), hash(&decimal(&other)));
            }
        }
    }
}
