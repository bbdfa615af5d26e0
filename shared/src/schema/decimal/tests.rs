#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[cfg(not(target_arch = "wasm32"))]
mod differential;

use std::{
    cmp::Ordering,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use serde::Deserialize;

use super::Decimal;

pub(super) fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
}

pub(super) fn hash(decimal: &Decimal) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(decimal)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// From the smallest to the largest; those in one group are equal.
    order: Vec<Vec<String>>,
    fractions: Vec<String>,
    multiples: Vec<(String, String)>,
    others: Vec<(String, String)>,
    refused: Vec<String>,
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../../../testdata/schema/decimals.json")).unwrap()
}

#[test]
fn order_is_by_value() {
    let order = cases().order;
    let numbers = || order.iter().enumerate().flat_map(|(rank, group)| group.iter().map(move |text| (rank, text)));
    for (rank, text) in numbers() {
        for (other_rank, other_text) in numbers() {
            let (one, other) = (decimal(text), decimal(other_text));
            assert_eq!(one.cmp(&other), rank.cmp(&other_rank), "{text} {other_text}");
            assert_eq!(one == other, rank == other_rank, "{text} {other_text}");
            if rank == other_rank {
                assert_eq!(hash(&one), hash(&other), "{text} {other_text}");
            }
        }
    }
}

#[test]
fn integers_have_no_fraction() {
    let Cases { fractions, order, .. } = cases();
    for text in order.iter().flatten() {
        let expected = !fractions.contains(text);
        assert_eq!(decimal(text).is_integer(), expected, "{text}");
        assert!(expected || decimal(text).as_i64().is_none(), "{text}");
    }
    for (text, value) in
        [("-0", 0), ("1.0", 1), ("-9223372036854775808", i64::MIN), ("0.12e2", 12), ("5e18", 5 * 10_i64.pow(18))]
    {
        assert_eq!(decimal(text).as_i64(), Some(value), "{text}");
        assert_eq!(decimal(text), Decimal::from(value), "{text}");
    }
    assert_eq!(decimal("9223372036854775808").as_i64(), None);
}

#[test]
fn multiples_are_exact() {
    let Cases { multiples, others, .. } = cases();
    for (pairs, expected) in [(multiples, true), (others, false)] {
        for (value, divisor) in pairs {
            assert_eq!(decimal(&value).is_multiple_of(&decimal(&divisor)), expected, "{value} {divisor}");
            assert_eq!(
                decimal(&format!("-{value}")).is_multiple_of(&decimal(&divisor)),
                expected,
                "-{value} {divisor}"
            );
        }
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for text in cases().refused {
        assert_eq!(Decimal::parse(&text), None, "{text}");
    }
}

#[test]
fn size_is_bounded() {
    assert!(Decimal::parse(&"7".repeat(500)).is_some());
    assert!(Decimal::parse(&"7".repeat(501)).is_none());
    assert_eq!(decimal(&format!("0.{}1{}", "0".repeat(9000), "0".repeat(9000))), decimal("1e-9001"));
    assert_eq!(decimal(&format!("1{}", "0".repeat(9000))), decimal("1e9000"));
    let (large, larger) = ("1".repeat(500), format!("{}e1000000000000", "9".repeat(500)));
    assert!(decimal(&larger).is_multiple_of(&decimal(&"9".repeat(250))));
    assert!(!decimal(&larger).is_multiple_of(&decimal(&format!("{}7", "9".repeat(499)))));
    assert_eq!(decimal(&larger).cmp(&decimal(&large)), Ordering::Greater);
    // All exponents from there on are the same.
    assert_eq!(decimal("1e99999999999999999999999"), decimal("1e1000000000000000"));
    assert_eq!(decimal("1e-99999999999999999999999"), decimal("1e-1000000000000000"));
}
