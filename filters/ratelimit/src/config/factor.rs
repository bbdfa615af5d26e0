//! A factor, exactly: floating point would make `0.1` of 10 nothing at all.

use portcullis_shared::{
    config::{Decode, Errors, Node},
    quota,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// A number from 0.001 to 1,000, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(pub u32);

impl Factor {
    /// 0.5.
    pub const HALF: Self = Self(500);
    /// 1.
    pub const ONE: Self = Self(1000);

    /// For the quota's arithmetic.
    pub fn compiled(self) -> quota::Factor {
        quota::Factor::new(f64::from(self.0) / 1000.0).unwrap_or(quota::Factor::ONE)
    }

    /// Both factors.
    pub fn times(self, other: Self) -> quota::Factor {
        quota::Factor::new(f64::from(self.0) * f64::from(other.0) / 1e6).unwrap_or(quota::Factor::ONE)
    }

    fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        // Zeros behind the third decimal say nothing.
        let decimals = decimals.get(3..).map_or(decimals, |rest| {
            let end = if rest.bytes().all(|byte| byte == b'0') { 3 } else { decimals.len() };
            decimals.get(..end).unwrap_or(decimals)
        });
        if !digits(whole) || decimals.len() > 3 || !digits(decimals) {
            return None;
        }
        let thousandths = format!("{whole}{decimals:0<3}").parse().ok()?;
        (1..=1_000_000).contains(&thousandths).then_some(Self(thousandths))
    }
}

impl Decode for Factor {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        let factor = node.number().and_then(Self::parse);
        if factor.is_none() {
            node.unexpected(&"a number from 0.001 to 1000 with at most three decimals", errors);
        }
        factor
    }
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1000.0)
    }
}

impl JsonSchema for Factor {
    fn schema_name() -> Cow<'static, str> {
        "Factor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0.001, "maximum": 1000, "multipleOf": 0.001 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_exact() {
        for (text, thousandths) in [
            ("1", 1000),
            ("0.1", 100),
            ("0.5", 500),
            ("0.001", 1),
            ("1000", 1_000_000),
            ("2.250", 2250),
            ("0.1000", 100),
        ] {
            assert_eq!(Factor::parse(text), Some(Factor(thousandths)), "{text}");
        }
        for text in ["0", "0.0001", "1000.001", "-1", "1e3", "", ".", "0.0", "12345", "1.2.3"] {
            assert_eq!(Factor::parse(text), None, "{text}");
        }
    }
}
