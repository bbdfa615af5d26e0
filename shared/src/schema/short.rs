//! Numbers of few digits, as most are: compared and divided in registers.

use std::cmp::Ordering;

/// What fits whatever the digits are.
const MAX_DIGITS: u32 = 18;

/// A number without its point, and how many digits are behind that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    value: i64,
    places: u32,
}

impl Short {
    /// Of a number as JSON writes it. `None` for exponents, and for what is not short.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > MAX_DIGITS as usize {
            return None;
        }
        let (mut value, mut places, mut step) = (0_i64, 0_u32, 0);
        for byte in text.bytes() {
            match byte {
                b'0'..=b'9' => {
                    value = value.wrapping_mul(10).wrapping_add(i64::from(byte.wrapping_sub(b'0')));
                    places = places.wrapping_add(step);
                }
                b'.' => step = 1,
                b'-' => {}
                _ => return None,
            }
        }
        if text.starts_with('-') {
            value = value.wrapping_neg();
        }
        Some(Self { value, places })
    }

    /// Whether it is written without a fraction.
    pub(super) const fn is_plain(self) -> bool {
        self.places == 0
    }

    /// `None` if that cannot be told in registers.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        let (one, other) = self.alike(other)?;
        Some(one.cmp(&other))
    }

    /// Whether it is `divisor` times an integer. `None` if that cannot be told in registers.
    pub(super) fn is_multiple_of(self, divisor: Self) -> Option<bool> {
        let (one, divisor) = self.alike(divisor)?;
        Some(one.checked_rem(divisor)? == 0)
    }

    /// Both without their points, with as many digits behind.
    fn alike(self, other: Self) -> Option<(i64, i64)> {
        if self.places == other.places {
            return Some((self.value, other.value));
        }
        let places = self.places.max(other.places);
        Some((self.shifted(places)?, other.shifted(places)?))
    }

    fn shifted(self, places: u32) -> Option<i64> {
        let more = places.wrapping_sub(self.places);
        // Below what the power leaves, the product has no more than all digits.
        let largest = 10_i64.wrapping_pow(MAX_DIGITS.checked_sub(more)?);
        (self.value.abs() < largest).then(|| self.value.wrapping_mul(10_i64.wrapping_pow(more)))
    }
}
