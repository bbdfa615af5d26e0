//! Moduli whose factors can be found: made by a widespread chip's library (CVE-2017-15361, "ROCA").
//!
//! Its primes are powers of 65537 modulo a product of the first primes, so the modulus is one too, modulo each of
//! these. Of other moduli not one in a hundred million is.

const GENERATOR: u64 = 65537;
/// The odd primes of the smallest such product.
const PRIMES: [u64; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a big-endian modulus is one of them.
pub(super) fn is_weak(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let remainder = modulus.iter().fold(0, |held, byte| modulo((held << 8) | u64::from(*byte), *prime));
        is_power(remainder, *prime)
    })
}

fn is_power(number: u64, prime: u64) -> bool {
    let mut power = 1;
    // The powers repeat after prime - 1 of them, at the latest.
    for _ in 0..prime {
        if power == number {
            return true;
        }
        power = modulo(power.wrapping_mul(GENERATOR), prime);
    }
    false
}

fn modulo(number: u64, prime: u64) -> u64 {
    number.checked_rem(prime).unwrap_or(0)
}
