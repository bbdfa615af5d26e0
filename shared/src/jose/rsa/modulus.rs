//! Arithmetic modulo an RSA modulus: Montgomery's multiplication, in variable time, for public values only.
//!
//! Numbers are little-endian limbs of 27 bits. A column of products then fits in 64 bits without carries, which
//! WebAssembly, whose widest multiplication yields 64 bits, computes two to three times as fast as numbers of full words.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

/// Bits of a limb: up to 512 limbs, twice as many products in a column fit in 64 bits.
const BITS: u32 = 27;
const WIDTH: usize = BITS as usize;
const MASK: u64 = (1 << BITS) - 1;

/// An odd modulus `n`. With it, R is 2^(27 · limbs), more than 4n: then sums need no reduction between multiplications.
#[derive(Clone)]
pub(super) struct Modulus {
    limbs: Vec<u32>,
    /// The limbs from the highest to the lowest, to walk a column in one direction.
    reversed: Vec<u32>,
    /// -1/n modulo 2^27.
    inverse: u64,
    /// R² modulo n: brings a number into Montgomery's form.
    square: Vec<u32>,
}

impl Modulus {
    /// `bytes` is big-endian, odd, has its highest bit in the first byte, and at most 1,700 bytes.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let bits = bit_length(bytes);
        let count = bits.saturating_add(2).div_ceil(WIDTH);
        let limbs = from_bytes(bytes, count);
        let lowest = u64::from(limbs.first().copied().unwrap_or(1));
        // Newton's iteration: each step doubles the number of right bits, and n is its own inverse modulo 8.
        let mut inverse = lowest;
        for _ in 0..4 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)));
        }
        let mut modulus = Self {
            reversed: limbs.iter().rev().copied().collect(),
            limbs,
            inverse: inverse.wrapping_neg() & MASK,
            square: Vec::new(),
        };
        modulus.square = modulus.radix_squared(bits);
        modulus
    }

    /// `base` to the power of `exponent`, which is odd and at least 3, as big-endian bytes of `base`'s length. `base` is
    /// big-endian and below n.
    pub(super) fn power(&self, base: &[u8], exponent: u32) -> Vec<u8> {
        let plain = from_bytes(base, self.limbs.len());
        let factor = self.multiply(&plain, &self.square);
        let mut power = factor.clone();
        let below_top = exponent.ilog2();
        for bit in (1..below_top).rev() {
            power = self.square(&power);
            if exponent >> bit & 1 == 1 {
                power = self.multiply(&power, &factor);
            }
        }
        power = self.square(&power);
        // The lowest bit is set: its multiplication, with the plain factor, also leaves Montgomery's form.
        power = self.multiply(&power, &plain);
        self.subtract_if_not_below(&mut power);
        to_bytes(&power, base.len())
    }

    /// R² modulo n: from a power of 2 below n by doublings to 2R, the form of 2; to the power of R's bits by squarings.
    fn radix_squared(&self, bits: usize) -> Vec<u32> {
        let mut number = vec![0; self.limbs.len()];
        let top = bits.saturating_sub(1);
        if let Some(limb) = number.get_mut(top / WIDTH) {
            *limb = 1 << (top % WIDTH);
        }
        let radix_bits = self.limbs.len().saturating_mul(WIDTH);
        for _ in top..radix_bits.saturating_add(1) {
            self.double(&mut number);
        }
        for bit in (0..radix_bits.ilog2()).rev() {
            number = self.square(&number);
            if radix_bits >> bit & 1 == 1 {
                self.subtract_if_not_below(&mut number);
                self.double(&mut number);
            }
        }
        number
    }

    /// Doubles a number below n.
    fn double(&self, number: &mut [u32]) {
        let mut carry = 0;
        for limb in number.iter_mut() {
            let doubled = u64::from(*limb).wrapping_shl(1) | carry;
            carry = doubled >> BITS;
            *limb = low(doubled);
        }
        self.subtract_if_not_below(number);
    }

    fn subtract_if_not_below(&self, number: &mut [u32]) {
        if number.iter().rev().cmp(&self.reversed) == Ordering::Less {
            return;
        }
        let mut borrow = 0;
        for (limb, less) in number.iter_mut().zip(&self.limbs) {
            let difference = u64::from(*limb).wrapping_sub(u64::from(*less)).wrapping_sub(borrow);
            borrow = difference >> 63;
            *limb = low(difference);
        }
    }

    /// a · b / R modulo n, below 2n, for numbers below 2n.
    fn multiply(&self, a: &[u32], b: &[u32]) -> Vec<u32> {
        let b: Vec<u32> = b.iter().rev().copied().collect();
        self.reduced(|first, skipped| column(a.get(first..), b.get(skipped..)))
    }

    /// a² / R modulo n, below 2n, for a number below 2n: each product of two different limbs is computed once.
    fn square(&self, a: &[u32]) -> Vec<u32> {
        let reversed: Vec<u32> = a.iter().rev().copied().collect();
        self.reduced(|first, skipped| {
            let limbs = a.len().saturating_sub(first).min(a.len().saturating_sub(skipped));
            let middle = first.saturating_add(limbs / 2);
            let twice = column(a.get(first..middle), reversed.get(skipped..)).wrapping_shl(1);
            match a.get(middle) {
                Some(limb) if limbs % 2 == 1 => twice.wrapping_add(u64::from(*limb).wrapping_mul(u64::from(*limb))),
                _ => twice,
            }
        })
    }

    /// Montgomery's reduction of a product, given as a function of a column: of the first limb of the one factor, and
    /// of how many of the other factor's highest limbs to skip.
    #[inline]
    fn reduced(&self, product: impl Fn(usize, usize) -> u64) -> Vec<u32> {
        let count = self.limbs.len();
        let lowest = u64::from(self.limbs.first().copied().unwrap_or(0));
        let mut factors = Vec::with_capacity(count);
        let mut sum = 0_u64;
        for skipped in (0..count).rev() {
            sum = sum
                .wrapping_add(product(0, skipped))
                .wrapping_add(column(Some(&factors), self.reversed.get(skipped..)));
            let factor = low(sum.wrapping_mul(self.inverse));
            factors.push(factor);
            sum = sum.wrapping_add(u64::from(factor).wrapping_mul(lowest)) >> BITS;
        }
        let mut result = Vec::with_capacity(count);
        for first in 1..count {
            sum = sum.wrapping_add(product(first, 0)).wrapping_add(column(factors.get(first..), Some(&self.reversed)));
            result.push(low(sum));
            sum >>= BITS;
        }
        result.push(low(sum));
        result
    }
}

/// The sum of the products of limbs at the same places, as far as both reach.
#[inline]
fn column(a: Option<&[u32]>, b: Option<&[u32]>) -> u64 {
    let pairs = a.unwrap_or_default().iter().zip(b.unwrap_or_default());
    pairs.fold(0, |sum, (a, b)| sum.wrapping_add(u64::from(*a).wrapping_mul(u64::from(*b))))
}

const fn low(number: u64) -> u32 {
    (number & MASK) as u32
}

/// The bits of a big-endian number without leading zero bytes.
pub(super) fn bit_length(bytes: &[u8]) -> usize {
    let leading = bytes.first().map_or(0, |first| first.leading_zeros() as usize);
    bytes.len().saturating_mul(8).saturating_sub(leading)
}

fn from_bytes(bytes: &[u8], count: usize) -> Vec<u32> {
    let mut limbs = Vec::with_capacity(count);
    let (mut held, mut bits) = (0_u64, 0_u32);
    for byte in bytes.iter().rev() {
        held |= u64::from(*byte).wrapping_shl(bits);
        bits = bits.wrapping_add(8);
        if bits >= BITS {
            limbs.push(low(held));
            held >>= BITS;
            bits = bits.wrapping_sub(BITS);
        }
    }
    limbs.push(low(held));
    limbs.resize(count, 0);
    limbs
}

fn to_bytes(limbs: &[u32], length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length.saturating_add(4));
    let (mut held, mut bits) = (0_u64, 0_u32);
    for limb in limbs {
        held |= u64::from(*limb).wrapping_shl(bits);
        bits = bits.wrapping_add(BITS);
        while bits >= 8 {
            bytes.push(held.to_le_bytes()[0]);
            held >>= 8;
            bits = bits.wrapping_sub(8);
        }
    }
    bytes.push(held.to_le_bytes()[0]);
    bytes.resize(length, 0);
    bytes.reverse();
    bytes
}
