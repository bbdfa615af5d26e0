//! Formats of numbers.

use crate::schema::decimal::Decimal;

/// A format of numbers: a range, of integers alone for most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    integer: bool,
    min: Decimal,
    max: Decimal,
}

/// Their ranges. Those of `float` and `double` end with what is still rounded to a finite number; how many digits there
/// are makes no difference to them.
const NAMES: [(&str, &str, &str); 11] = [
    ("int8", "-128", "127"),
    ("int16", "-32768", "32767"),
    ("int32", "-2147483648", "2147483647"),
    ("int64", "-9223372036854775808", "9223372036854775807"),
    ("uint8", "0", "255"),
    ("uint16", "0", "65535"),
    ("uint32", "0", "4294967295"),
    ("uint64", "0", "18446744073709551615"),
    ("double-int", "-9007199254740991", "9007199254740991"),
    ("float", "-3.4028235677973366e38", "3.4028235677973366e38"),
    ("double", "-1.7976931348623158e308", "1.7976931348623158e308"),
];

impl NumberFormat {
    /// The format of that name, if it is known.
    pub fn find(name: &str) -> Option<Self> {
        let (_, min, max) = NAMES.iter().find(|(known, _, _)| *known == name)?;
        let integer = !matches!(name, "float" | "double");
        Some(Self { integer, min: Decimal::parse(min)?, max: Decimal::parse(max)? })
    }

    /// Whether a number is of this format. `1.0` is an integer.
    pub fn is_valid(&self, number: &Decimal) -> bool {
        *number >= self.min && *number <= self.max && (!self.integer || number.is_integer())
    }
}
