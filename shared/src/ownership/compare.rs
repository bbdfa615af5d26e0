//! When an id is a claim's value.

use crate::config_enum;

use super::{Fault, Values, id};

config_enum! {
    /// How an id in the request is compared with the claim.
    ///
    /// The upstream must not be more generous: where it takes `alice` and `ALICE` for two users, `ignore_case` lets one
    /// have what is the other's.
    #[derive(Default)]
    pub enum Compare {
        /// Byte by byte. An integer is its decimal digits: 42 and "42" are equal.
        #[default]
        Exact = "exact",
        /// As `exact`, but ASCII letters are equal in both cases. Other letters are not.
        IgnoreCase = "ignore_case",
        /// Both are UUIDs in RFC 9562's text form, 8-4-4-4-12 hexadecimal digits in either case. Other spellings, such
        /// as without dashes, in braces or behind `urn:uuid:`, are refused.
        Uuid = "uuid",
        /// Both are integers in their one decimal form, as text or number: `42`, `-7`. Refused are `042`, `+42`, `-0`,
        /// `42.0`, `4e1`, digits of other scripts, and more than 39 digits.
        Integer = "integer",
    }
}

impl Compare {
    /// Whether a text has the form that this comparison is about.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::Exact | Self::IgnoreCase => true,
            Self::Uuid => is_uuid(text.as_bytes()),
            Self::Integer => is_integer(text),
        }
    }

    /// Whether two texts of the form that this comparison is about are the same id.
    fn equal(self, one: &str, other: &str) -> bool {
        match self {
            // An integer has one form, so its text decides.
            Self::Exact | Self::Integer => one == other,
            Self::IgnoreCase | Self::Uuid => one.eq_ignore_ascii_case(other),
        }
    }
}

/// Judges whether the object with this id belongs to a caller whose claim has these values.
///
/// # Errors
/// What is wrong with the id, as for [`check_id`](super::check_id); [`Fault::ResourceInvalid`] and
/// [`Fault::ClaimInvalid`] where the id or all of the claim's values lack the form that the comparison is about; else
/// [`Fault::OwnerMismatch`].
pub fn judge(values: &Values, id: &[u8], compare: Compare) -> Result<(), Fault> {
    let id = id::check_id(id)?;
    if !compare.accepts(id) {
        return Err(Fault::ResourceInvalid);
    }
    let mut fitting = values.texts().filter(|text| compare.accepts(text)).peekable();
    if fitting.peek().is_none() {
        return Err(Fault::ClaimInvalid);
    }
    if fitting.any(|text| compare.equal(text, id)) { Ok(()) } else { Err(Fault::OwnerMismatch) }
}

/// Whether the object with this id belongs to a caller whose claim has these values: [`judge`] without the reason.
pub fn owns(values: &Values, id: &[u8], compare: Compare) -> bool {
    judge(values, id, compare).is_ok()
}

fn is_uuid(text: &[u8]) -> bool {
    let fits = |(position, byte): (usize, &u8)| match position {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.iter().enumerate().all(fits)
}

/// Digits of the longest 128-bit integer.
const MAX_DIGITS: usize = 39;

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = !digits.starts_with('0') || text == "0";
    canonical && (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
