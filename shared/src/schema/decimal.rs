//! Exact decimal numbers, of any size that JSON can write.
//!
//! `1`, `1.0` and `10e-1` are the same number: equal, with the same hash. Nothing is rounded, and `1e999999999` takes no
//! more memory than `1`. What cannot be had exactly:
//! - Numbers of more than [`MAX_DIGITS`] digits, leading and trailing zeros aside, are refused.
//! - Exponents beyond [`MAX_EXPONENT`] are taken for it, so that two numbers of that size may be taken for equal.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, cmp::Ordering};

/// How many digits a number may have between its first and its last that are not zero.
pub const MAX_DIGITS: usize = 500;
/// The largest exponent, and with a minus the smallest.
pub const MAX_EXPONENT: i64 = 1_000_000_000_000_000;

/// A number in base 10^17, the lowest first.
const BASE: u64 = 100_000_000_000_000_000;
const BASE_DIGITS: usize = 17;

/// A decimal number. Comparison is by value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(Form);

/// Each number has one form only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// An integer.
    Small(i64),
    /// All others.
    Large(Parts<'static>),
}

/// `0.digits` times ten to the power of `point`. There is a digit; the first and the last of them are not 0, but for the
/// number 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parts<'a> {
    negative: bool,
    /// Numbers up to 9, not characters.
    digits: Cow<'a, [u8]>,
    point: i64,
}

impl Decimal {
    /// Reads a number as JSON writes it (RFC 8259 section 6). `None` for anything else, and for too many digits.
    pub fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let negative = unsigned.len() < text.len();
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let fraction_is_good = fraction.is_none_or(is_digits);
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) || !fraction_is_good {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        // What fits in any case.
        if fraction.is_empty() && exponent == 0 && whole.len() <= 18 {
            let value = whole.bytes().fold(0, |value: i64, byte| push(value, digit(byte)));
            return Some(Self(Form::Small(if negative { value.saturating_neg() } else { value })));
        }
        let digits = || whole.bytes().chain(fraction.bytes()).map(digit);
        let leading = digits().take_while(|digit| *digit == 0).count();
        let trailing = digits().rev().take_while(|digit| *digit == 0).count();
        let all = whole.len().saturating_add(fraction.len());
        if leading == all {
            return Some(Self::from(0));
        }
        let length = all.saturating_sub(leading).saturating_sub(trailing);
        if length > MAX_DIGITS {
            return None;
        }
        let digits: Vec<u8> = digits().skip(leading).take(length).collect();
        // Texts are far shorter than an i64 can count.
        let place = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let point = place(whole.len()).saturating_sub(place(leading)).saturating_add(exponent);
        let parts = Parts { negative, digits: Cow::Owned(digits), point };
        Some(Self(parts.small().map_or(Form::Large(parts), Form::Small)))
    }

    /// The value, if it is an integer of that size.
    pub const fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Form::Small(value) => Some(value),
            Form::Large(_) => None,
        }
    }

    /// Whether it has no fraction: `1.0` and `1e400` have none.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Form::Small(_) => true,
            Form::Large(parts) => parts.places() <= 0,
        }
    }

    /// Whether it is `divisor` times an integer, exactly. Nothing is a multiple of 0 but 0.
    ///
    /// Time is linear in the digits of this number, and in the divisor's where it has more than 18.
    pub fn is_multiple_of(&self, divisor: &Self) -> bool {
        match (&self.0, &divisor.0) {
            (Form::Small(0), _) => true,
            (_, Form::Small(0)) => false,
            (Form::Small(value), Form::Small(divisor)) => value.checked_rem(*divisor).unwrap_or_default() == 0,
            _ => self.parts().is_multiple_of(&divisor.parts()),
        }
    }

    fn parts(&self) -> Parts<'_> {
        match &self.0 {
            Form::Large(Parts { negative, digits, point }) => {
                Parts { negative: *negative, digits: Cow::Borrowed(digits), point: *point }
            }
            Form::Small(value) => {
                let mut digits = Vec::with_capacity(19);
                let mut left = value.unsigned_abs();
                let mut point = 0_i64;
                while left > 0 || point == 0 {
                    let digit = left % 10;
                    if digit > 0 || !digits.is_empty() {
                        digits.push(u8::try_from(digit).unwrap_or_default());
                    }
                    left /= 10;
                    point = point.saturating_add(1);
                }
                digits.reverse();
                Parts { negative: *value < 0, digits: Cow::Owned(digits), point }
            }
        }
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(Form::Small(value))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Form::Small(one), Form::Small(other)) = (&self.0, &other.0) {
            return one.cmp(other);
        }
        let (one, other) = (self.parts(), other.parts());
        match (one.sign(), other.sign()) {
            (1, 1) => one.compare(&other),
            (-1, -1) => other.compare(&one),
            (one, other) => one.cmp(&other),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Parts<'_> {
    /// How many digits there are behind the point; below 0 for zeros before it.
    fn places(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_sub(self.point)
    }

    fn small(&self) -> Option<i64> {
        let zeros = usize::try_from(self.places().checked_neg()?).ok()?;
        if self.point > 19 {
            return None;
        }
        // Downwards, as there is one more below zero.
        let mut value = 0_i64;
        for digit in self.digits.iter().chain(std::iter::repeat_n(&0, zeros)) {
            value = value.checked_mul(10)?.checked_sub(i64::from(*digit))?;
        }
        if self.negative { Some(value) } else { value.checked_neg() }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    /// By what they are without their signs; neither is 0.
    fn compare(&self, other: &Parts<'_>) -> Ordering {
        self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits))
    }

    /// Neither is 0.
    fn is_multiple_of(&self, divisor: &Parts<'_>) -> bool {
        // Without their points, and so many zeros behind this one. It does not end in 0: it is not a multiple of one that
        // has more places.
        let Ok(zeros) = u64::try_from(divisor.places().saturating_sub(self.places())) else { return false };
        // Tens do nothing but take factors 2 and 5 out of the divisor, which has fewer than four for each digit.
        let most = divisor.digits.len().saturating_mul(4);
        let zeros = usize::try_from(zeros).map_or(most, |zeros| zeros.min(most));
        let dividend = self.digits.iter().copied().chain(std::iter::repeat_n(0, zeros));
        if divisor.digits.len() <= 18 {
            let divisor = divisor
                .digits
                .iter()
                .fold(0, |value: u64, digit| value.wrapping_mul(10).wrapping_add(u64::from(*digit)));
            let rest = |rest: u64, digit: u8| {
                let more = rest.wrapping_mul(10).wrapping_add(u64::from(digit));
                more.checked_rem(divisor).unwrap_or_default()
            };
            return dividend.fold(0, rest) == 0;
        }
        let divisor: Vec<u64> = divisor
            .digits
            .rchunks(BASE_DIGITS)
            .map(|digits| {
                digits.iter().fold(0, |value: u64, digit| value.wrapping_mul(10).wrapping_add(u64::from(*digit)))
            })
            .chain([0])
            .collect();
        let mut rest = vec![0; divisor.len()];
        for digit in dividend {
            times_ten(&mut rest, digit);
            while rest.iter().rev().ge(divisor.iter().rev()) {
                subtract(&mut rest, &divisor);
            }
        }
        rest.iter().all(|limb| *limb == 0)
    }
}

/// Multiplies by ten and adds a digit.
fn times_ten(number: &mut [u64], digit: u8) {
    let mut carry = u64::from(digit);
    for limb in number {
        // Below ten times the base, which fits.
        let value = limb.wrapping_mul(10).wrapping_add(carry);
        *limb = value % BASE;
        carry = value / BASE;
    }
}

/// Takes a number from one of the same length that is not smaller.
fn subtract(number: &mut [u64], other: &[u64]) {
    let mut borrow = 0;
    for (limb, other) in number.iter_mut().zip(other) {
        let value = limb.wrapping_add(BASE).wrapping_sub(*other).wrapping_sub(borrow);
        *limb = value % BASE;
        borrow = u64::from(value < BASE);
    }
}

fn exponent(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_digits(unsigned) {
        return None;
    }
    let add = |value: i64, byte: u8| push(value, digit(byte)).min(MAX_EXPONENT);
    let value = unsigned.bytes().fold(0, add);
    Some(if text.starts_with('-') { value.saturating_neg() } else { value })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

const fn digit(byte: u8) -> u8 {
    byte.wrapping_sub(b'0')
}

fn push(value: i64, digit: u8) -> i64 {
    value.saturating_mul(10).saturating_add(i64::from(digit))
}
