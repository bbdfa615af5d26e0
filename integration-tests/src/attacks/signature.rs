//! Signatures that are none, or not over this token, or not by this key, or by the rules of another algorithm.

use serde_json::json;

use super::{Table, internal, rs256, rsa, secret, signed};
use crate::mint::{Key, Token, claims, claims_with, encode};

pub(super) fn add(table: &mut Table) {
    absent(table);
    altered(table);
    foreign(table);
    rsa_numbers(table);
    rsa_padding(table);
    ecdsa(table);
    eddsa(table);
    hmac(table);
}

/// Every kind of signature, with its key.
const KINDS: [(&str, &str); 6] = [
    ("RS256", "rsa-1"),
    ("PS256", "rsa-1"),
    ("ES256", "p256-1"),
    ("ES384", "p384-1"),
    ("ES512", "p521-1"),
    ("EdDSA", "ed25519-1"),
];

fn absent(table: &mut Table) {
    let expect = "token_signature_malformed";
    for (alg, name) in KINDS {
        let token = Token::new(alg, &claims()).kid(name);
        let good = token.sign(&Key::load(name));
        table.token(&format!("{alg}, empty signature"), token.signature(""), expect, "not signed");
        let bytes = Key::load(name).sign(alg, token.input().as_bytes());
        let short = token.signature(&bytes[..bytes.len() - 3]);
        table.token(&format!("{alg}, short signature"), short, expect, "cut off at its end");
        let long = token.signature([bytes.as_slice(), &[0; 3]].concat());
        table.token(&format!("{alg}, long signature"), long, expect, "zeros behind it");
        let shifted = token.signature([&[0], bytes.as_slice()].concat());
        table.token(&format!("{alg}, shifted signature"), shifted, expect, "a zero before it");
        let twice = token.signature([bytes.as_slice(), bytes.as_slice()].concat());
        table.token(&format!("{alg}, signature twice"), twice, expect, "twice as long");
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let hex: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        table.token(&format!("{alg}, hexadecimal signature"), token.signature(hex), expect, "a text instead of bytes");
        let (_, again) = good.rsplit_once('.').expect("a token");
        table.token(
            &format!("{alg}, signature encoded twice"),
            token.signature(again),
            expect,
            "a text instead of bytes",
        );
    }
}

fn altered(table: &mut Table) {
    let expect = "token_signature_invalid";
    for (alg, name) in KINDS {
        let key = Key::load(name);
        let token = Token::new(alg, &claims()).kid(name);
        let bytes = key.sign(alg, token.input().as_bytes());
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 3;
        flipped[middle] ^= 1;
        table.token(&format!("{alg}, a flipped bit"), token.signature(flipped), expect, "in the signature");
        let other = Token::new(alg, &claims_with(&json!({"sub": "bob"}))).kid(name).signature(&bytes);
        table.token(&format!("{alg}, another subject"), other, expect, "the claims were changed after signing");
        let other = token.clone().header(&json!({"typ": "jwt"})).signature(&bytes);
        table.token(&format!("{alg}, another header"), other, expect, "the header was changed after signing");
        let blank = token.clone().payload(format!("{} ", claims())).signature(&bytes);
        table.token(&format!("{alg}, a blank in the claims"), blank, expect, "bytes are signed, not meanings");
        let payload = key.sign(alg, encode(claims().to_string()).as_bytes());
        table.token(
            &format!("{alg}, the header is not signed"),
            token.signature(payload),
            expect,
            "over the payload alone",
        );
        let plain = key.sign(alg, claims().to_string().as_bytes());
        table.token(
            &format!("{alg}, plain claims are signed"),
            token.signature(plain),
            expect,
            "not as they are encoded",
        );
        let hash = key.sign(alg, b"");
        table.token(&format!("{alg}, nothing is signed"), token.signature(hash), expect, "a signature over no bytes");
    }
    let token = rs256().kid("rsa-2");
    let before = rsa().sign("RS256", rs256().input().as_bytes());
    table.token(
        "kid changed after signing",
        token.signature(before),
        expect,
        "names another key than the one that signed",
    );
}

fn foreign(table: &mut Table) {
    let expect = "token_signature_invalid";
    for (alg, kid, signer) in [
        ("RS256", "rsa-1", "rsa-2"),
        ("RS256", "rsa-2", "rsa-1"),
        ("PS256", "rsa-1", "rsa-2"),
        ("ES256", "p256-1", "p256-2"),
        ("ES256", "p256-2", "p256-1"),
        ("EdDSA", "ed25519-1", "ed25519-2"),
        ("EdDSA", "ed25519-2", "ed25519-1"),
    ] {
        let token = Token::new(alg, &claims()).kid(kid).sign(&Key::load(signer));
        let why = "by a good key, and not by the one that it names: no other is tried";
        table.token(&format!("{alg} of {signer} with the kid {kid}"), token, expect, why);
    }
    let ours = Key::load("ed25519-1");
    let mut stranger = ours.private_jwk();
    stranger["d"] = json!(encode([42; 32]));
    let token = Token::new("EdDSA", &claims());
    let why = "without a kid, and by none of the keys";
    table.token("EdDSA of a stranger without kid", token.sign(&Key::from_jwk(stranger)), expect, why);
    let mut stranger = Key::load("p256-1").private_jwk();
    stranger["d"] = json!(encode([42; 32]));
    let stranger = Key::from_jwk(stranger);
    let token = Token::new("ES256", &claims());
    table.token("ES256 of a stranger without kid", token.sign(&stranger), expect, why);
    table.token("ES256 of a stranger", token.kid("p256-1").sign(&stranger), expect, "by none of the keys");
}

fn rsa_numbers(table: &mut Table) {
    let malformed = "token_signature_malformed";
    let invalid = "token_signature_invalid";
    let modulus = rsa().modulus();
    let size = modulus.len();
    let number = |last: u8| {
        let mut bytes = vec![0; size];
        bytes[size - 1] = last;
        bytes
    };
    for (alg, header) in [("RS256", rs256()), ("PS256", rs256().header(&json!({"alg": "PS256"})))] {
        for (name, bytes, expect, other) in [
            ("0", number(0), malformed, Some(invalid)),
            ("1", number(1), invalid, Some(malformed)),
            ("the modulus", modulus.clone(), malformed, None),
            ("the largest number", vec![0xff; size], malformed, None),
            ("one less than the modulus", minus_one(&modulus), invalid, Some(malformed)),
        ] {
            let why = "a number that no signature is";
            table.token(&format!("{alg}, the signature is {name}"), header.signature(bytes), expect, why);
            if let Some(other) = other {
                table.or(other);
            }
        }
    }
    // One in a few fits.
    let larger = (0..1000).find_map(|n| {
        let token = rs256().claims(&claims_with(&json!({"jti": n.to_string()})));
        let sum = sum(&rsa().sign("RS256", token.input().as_bytes()), &modulus)?;
        Some(token.signature(sum))
    });
    let why = "the same number to a sloppy reader: a second spelling";
    table.token("RS256, the modulus added", larger.expect("one that fits"), malformed, why);
}

fn minus_one(number: &[u8]) -> Vec<u8> {
    let mut one = vec![0; number.len()];
    one[number.len() - 1] = 1;
    difference(number, &one)
}

/// Of two numbers of the same length, from their highest byte; `None` if it is longer.
fn sum(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut sum = one.to_vec();
    let mut carry = false;
    for (byte, other) in sum.iter_mut().zip(other).rev() {
        (*byte, carry) = byte.carrying_add(*other, carry);
    }
    (!carry).then_some(sum)
}

/// Of two numbers of the same length, from their highest byte, the first being larger.
pub(super) fn difference(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut difference = one.to_vec();
    let mut borrow = false;
    for (byte, other) in difference.iter_mut().zip(other).rev() {
        (*byte, borrow) = byte.borrowing_sub(*other, borrow);
    }
    difference
}

fn rsa_padding(table: &mut Table) {
    let expect = "token_signature_invalid";
    let token = rs256();
    let input = token.input();
    for (name, algorithm) in [("PS256", "PS256"), ("SHA-384", "RS384"), ("SHA-512", "RS512")] {
        let token = token.sign_as(algorithm, &rsa());
        table.token(&format!("RS256, signed as {name}"), token, expect, "padded or hashed as another algorithm does");
    }
    for (name, prefix) in RSA_PREFIXES {
        let bytes = rsa().sign_pkcs1("RS256", input.as_bytes(), prefix);
        let why = "the hash is right, what says which hash it is is not";
        table.token(&format!("RS256, {name}"), token.signature(bytes), expect, why);
    }
    for (alg, hash) in [("PS256", 32), ("PS384", 48), ("PS512", 64)] {
        let token = rs256().header(&json!({"alg": alg}));
        for salt in [0, 20, hash - 1, hash + 1, 256 - hash - 2] {
            let bytes = rsa().sign_pss(alg, token.input().as_bytes(), salt);
            let why = "RFC 7518: the salt is as long as the hash";
            table.token(&format!("{alg}, a salt of {salt} bytes"), token.signature(bytes), expect, why);
        }
        let other = alg.replace('P', "R");
        table.token(&format!("{alg}, signed as {other}"), token.sign_as(&other, &rsa()), expect, "another padding");
    }
    let token = rs256().header(&json!({"alg": "PS256"}));
    table.token("PS256, signed as PS512", token.sign_as("PS512", &rsa()), expect, "another hash");
}

/// DER that comes before the hash (RFC 8017 section 9.2), in ways that are not SHA-256's.
const RSA_PREFIXES: [(&str, &[u8]); 4] = [
    ("the hash alone", &[]),
    ("no NULL after the hash's name", b"\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20"),
    ("SHA-512's name", b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x20"),
    ("a length in two bytes", b"\x30\x81\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"),
];

const P256_ORDER: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
const P384_ORDER: &str = "________________________________x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz";
const P521_ORDER: &str = "Af__________________________________________-lGGh4O_L5Zrf8wBSPcJpdA7tcm4iZxHrrtvtx6ROGQJ";

/// The order of the group of an algorithm's curve.
pub(super) fn order(alg: &str) -> Vec<u8> {
    crate::mint::decode(match alg {
        "ES256" => P256_ORDER,
        "ES384" => P384_ORDER,
        _ => P521_ORDER,
    })
}

fn ecdsa(table: &mut Table) {
    let malformed = "token_signature_malformed";
    let invalid = "token_signature_invalid";
    for (alg, name) in [("ES256", "p256-1"), ("ES384", "p384-1"), ("ES512", "p521-1")] {
        let order = order(alg);
        let size = order.len();
        let token = Token::new(alg, &claims()).kid(name);
        let bytes = Key::load(name).sign(alg, token.input().as_bytes());
        let (r, s) = bytes.split_at(size);
        let (zero, largest, below) = (vec![0; size], vec![0xff; size], minus_one(&order));
        let mut one = zero.clone();
        one[size - 1] = 1;
        let mut case = |case: &str, r: &[u8], s: &[u8], expect: &str| {
            let why = "r and s are from 1 to the order of the group, and belong to the token";
            table.token(&format!("{alg}, {case}"), token.signature([r, s].concat()), expect, why);
        };
        case("r and s are 0", &zero, &zero, malformed);
        case("r is 0", &zero, s, malformed);
        case("s is 0", r, &zero, malformed);
        case("r is the order", &order, s, malformed);
        case("s is the order", r, &order, malformed);
        case("r and s are the order", &order, &order, malformed);
        case("r and s are the largest numbers", &largest, &largest, malformed);
        case("r is 0 and s is 1", &zero, &one, malformed);
        case("r and s are 1", &one, &one, invalid);
        case("r and s are one below the order", &below, &below, invalid);
        case("r and s swapped", s, r, invalid);
        case("s twice", s, s, invalid);
        table.token(
            &format!("{alg}, DER"),
            token.signature(der(r, s)),
            malformed,
            "ASN.1, as X.509 has it: not for JWS",
        );
        let half = token.signature(&bytes[..size]);
        table.token(&format!("{alg}, r alone"), half, malformed, "half of a signature");
    }
    let token = Token::new("ES512", &claims()).kid("p521-1");
    let bytes = Key::load("p521-1").sign("ES512", token.input().as_bytes());
    let trimmed = [&bytes[1..66], &bytes[67..]].concat();
    table.token("ES512, 65 bytes each", token.signature(trimmed), malformed, "leading zeros are not left out");
    for (alg, hash, name) in [("ES256", "ES384", "p256-1"), ("ES384", "ES256", "p384-1"), ("ES512", "ES256", "p521-1")]
    {
        let token = Token::new(alg, &claims()).kid(name).sign_as(hash, &Key::load(name));
        table.token(&format!("{alg}, hashed as {hash}"), token, invalid, "another hash");
    }
    let token = Token::new("ES384", &claims()).sign(&Key::load("p256-1"));
    table.token("ES384 of a key on P-256 without kid", token, malformed, "no key on P-384 signs so short");
}

/// `SEQUENCE { INTEGER r, INTEGER s }`.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    fn sized(tag: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).expect("short");
        let head = if length < 128 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head.as_slice(), bytes].concat()
    }
    let integer = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let sign: &[u8] = if bytes[zeros] >= 0x80 { &[0] } else { &[] };
        sized(2, &[sign, &bytes[zeros..]].concat())
    };
    sized(0x30, &[integer(r), integer(s)].concat())
}

/// The order of Ed25519's group, from its lowest byte (RFC 8032 section 5.1).
const ED25519_ORDER: &str = "7dP1XBpjEljWnPei3vneFAAAAAAAAAAAAAAAAAAAABA";

fn eddsa(table: &mut Table) {
    let invalid = "token_signature_invalid";
    let token = Token::new("EdDSA", &claims()).kid("ed25519-1");
    let bytes = Key::load("ed25519-1").sign("EdDSA", token.input().as_bytes());
    let (r, s) = bytes.split_at(32);
    let order = crate::mint::decode(ED25519_ORDER);
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let more = reversed(&sum(&reversed(s), &reversed(&order)).expect("253 bits fit"));
    let malleated = token.signature([r, &more].concat());
    let why = "RFC 8032: S is below the order. The same signature to a sloppy reader: a second spelling";
    table.token("EdDSA, the order added to S", malleated, "token_signature_malformed", why);
    table.or(invalid);
    let token_with = |r: &[u8], s: &[u8]| token.signature([r, s].concat());
    let zero = [0; 32];
    for (name, r, s) in [
        ("all zeros", zero.as_slice(), zero.as_slice()),
        ("R is 0", &zero, s),
        ("S is 0", r, &zero),
        ("S is the order", r, &order),
        ("S is the largest number", r, &[0xff; 32]),
        ("R is the largest number", &[0xff; 32], s),
        ("R and S swapped", s, r),
    ] {
        table.token(&format!("EdDSA, {name}"), token_with(r, s), invalid, "no signature over this token");
        table.or("token_signature_malformed");
    }
    let mut neutral = zero;
    neutral[0] = 1;
    table.token(
        "EdDSA, R is neutral and S is 0",
        token_with(&neutral, &zero),
        invalid,
        "what fits keys of small order",
    );
    let mut sign = bytes.clone();
    sign[31] ^= 0x80;
    table.token("EdDSA, the sign of R flipped", token.signature(sign), invalid, "the mirrored point");
    table.or("token_signature_malformed");
}

fn hmac(table: &mut Table) {
    let token = internal(&json!({}));
    let tag = Key::from_secret(secret()).sign("HS256", token.input().as_bytes());
    let malformed = "token_signature_malformed";
    table.token("HS256, empty tag", token.signature(""), malformed, "not signed");
    table.token("HS256, one byte", token.signature(&tag[..1]), malformed, "must not be compared up to its end only");
    table.token("HS256, half a tag", token.signature(&tag[..16]), malformed, "RFC 7518: the whole tag");
    table.token(
        "HS256, a long tag",
        token.signature([tag.as_slice(), &[0]].concat()),
        malformed,
        "bytes behind the tag",
    );
    let invalid = "token_signature_invalid";
    table.token("HS256, zeros", token.signature([0; 32]), invalid, "no tag");
    let mut flipped = tag.clone();
    flipped[31] ^= 1;
    table.token("HS256, a flipped bit", token.signature(flipped), invalid, "in the last byte");
    for guess in ["", "secret", "internal", "your-256-bit-secret", "PORTCULLIS_HS256", "null", "undefined"] {
        let token = token.sign(&Key::from_secret(guess));
        table.token(&format!("HS256 with the secret {guess:?}"), token, invalid, "a guess");
    }
    let half = secret().split_off(32);
    table.token(
        "HS256 with half of the secret",
        token.sign(&Key::from_secret(half)),
        invalid,
        "the whole secret counts",
    );
    let padded = token.sign(&Key::from_secret(format!("{}\n", secret())));
    table.token("HS256 with a line end in the secret", padded, invalid, "as a file would have it");
    let hashed = internal(&json!({})).sign_as("HS512", &Key::from_secret(secret()));
    table.token("HS256, tagged as HS512", hashed, malformed, "64 bytes");
    let other = internal(&json!({"sub": "root"})).signature(&tag);
    table.token("HS256, another subject", other, invalid, "the claims were changed after signing");
    let outside = signed(&rs256()).replace('.', "");
    let concatenated = Key::from_secret(secret()).sign("HS256", outside.as_bytes());
    table.token("HS256, a tag over other bytes", token.signature(concatenated), invalid, "of another text");
}
