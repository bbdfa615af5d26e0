//! DER (X.690) of public keys and signatures, as the host takes them.

const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1 with its parameters (RFC 3279 section 2.3.1).
const RSA: &[u8] = &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
/// 1.2.840.10045.2.1 (RFC 5480 section 2.1.1).
const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// 1.2.840.10045.3.1.7.
pub(super) const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// 1.3.132.0.34.
pub(super) const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
/// 1.3.132.0.35.
pub(super) const P521: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x23];

/// `SubjectPublicKeyInfo` of an RSA key.
pub(super) fn rsa(modulus: &[u8], exponent: u32) -> Vec<u8> {
    let numbers = [integer(modulus), integer(&exponent.to_be_bytes())].concat();
    public_key(RSA, &element(SEQUENCE, &numbers))
}

/// `SubjectPublicKeyInfo` of a point on a curve.
pub(super) fn ec(curve: &[u8], x: &[u8], y: &[u8]) -> Vec<u8> {
    public_key(&element(SEQUENCE, &[EC, curve].concat()), &[&[4], x, y].concat())
}

/// `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) of a signature's two halves.
pub(super) fn ecdsa(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    element(SEQUENCE, &[integer(r), integer(s)].concat())
}

fn public_key(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = element(BIT_STRING, &[&[0], key].concat());
    element(SEQUENCE, &[algorithm, &bits].concat())
}

/// A number that is not negative and given big-endian.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(zeros..).unwrap_or_default();
    // The highest bit is the sign; zero has one byte.
    let sign: &[u8] = if significant.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    element(INTEGER, &[sign, significant].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header: &[u8] = match content.len() {
        0..128 => &[tag, low],
        128..256 => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    [header, content].concat()
}
