#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test may panic")]

use std::{cell::RefCell, collections::BTreeSet};

use serde::Deserialize;
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::jose::{
    Algorithm, Fault, Hash, Key, KeyFault, KeySet, KeyType, NativeVerify, Secrets,
    testing::{Parts, SECRETS, SIGNED, bytes, key_set, signed, tokens},
};

#[cfg(not(target_arch = "wasm32"))]
mod agreement;
#[cfg(not(target_arch = "wasm32"))]
mod properties;
#[cfg(not(target_arch = "wasm32"))]
mod wycheproof;

#[test]
fn tokens_of_another_implementation_verify() {
    let mut algorithms = BTreeSet::new();
    for (key, token) in tokens() {
        assert_eq!(token.verify(key, None), Ok(()), "{token:?}");
        algorithms.insert(token.algorithm);
    }
    assert_eq!(algorithms.len(), Algorithm::ALL.len());
}

#[test]
fn a_signature_is_for_one_input_one_key_and_one_algorithm() {
    let tokens = tokens();
    for (index, (key, token)) in tokens.iter().enumerate() {
        let changed = Parts { input: format!("{}A", token.input), ..token.clone() };
        assert_eq!(changed.verify(key, None), Err(Fault::SignatureInvalid), "{token:?}");
        let (_, next) = &tokens[(index + 1) % tokens.len()];
        let swapped = Parts { input: next.input.clone(), ..token.clone() };
        assert_eq!(swapped.verify(key, None), Err(Fault::SignatureInvalid), "{token:?}");
        for algorithm in Algorithm::ALL.into_iter().filter(|other| *other != token.algorithm) {
            let other = Parts { algorithm, ..token.clone() };
            let fault = other.verify(key, None).unwrap_err();
            let expected = match (key.fits(algorithm), key.key_type()) {
                (false, _) => Fault::KeyMismatch,
                // HMACs differ in length.
                (true, KeyType::Secret) => Fault::SignatureMalformed,
                (true, _) => Fault::SignatureInvalid,
            };
            assert_eq!(fault, expected, "{algorithm:?} {token:?}");
        }
    }
    // Another key of the same type.
    for (key, token) in tokens {
        for (other, _) in tokens.iter().filter(|(other, _)| other.fits(token.algorithm) && other.kid() != key.kid()) {
            let fault = token.verify(other, None).unwrap_err();
            assert!(matches!(fault, Fault::SignatureInvalid | Fault::SignatureMalformed), "{fault:?} {token:?}");
        }
    }
}

/// Big-endian: RSA's modulus, the order of the curve's group, or none.
fn limit(key: &Key) -> Option<Vec<u8>> {
    let hex = |digits: &str| {
        let digits = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    };
    match key.key_type() {
        KeyType::Rsa => {
            let jwk = signed(SIGNED).keys.into_iter().find(|jwk| jwk["kid"].as_str() == key.kid()).unwrap();
            Some(bytes(jwk["n"].as_str().unwrap()))
        }
        KeyType::P256 => Some(hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")),
        KeyType::P384 => Some(hex(concat!(
            "ffffffffffffffffffffffffffffffffffffffffffffffff",
            "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        ))),
        KeyType::P521 => Some(hex(concat!(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa",
            "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
        ))),
        KeyType::Secret | KeyType::Ed25519 => None,
    }
}

#[test]
fn signatures_of_the_wrong_form_are_malformed() {
    let malformed = |key: &Key, token: &Parts, signature: Vec<u8>| {
        let token = Parts { signature, ..token.clone() };
        assert_eq!(token.verify(key, None), Err(Fault::SignatureMalformed), "{token:?}");
        // The host is not asked.
        assert_eq!(token.verify(key, Some(&Host::new(Some(true)))), Err(Fault::SignatureMalformed), "{token:?}");
    };
    for (key, token) in tokens() {
        let good = &token.signature;
        malformed(key, token, Vec::new());
        malformed(key, token, good[1..].to_vec());
        malformed(key, token, good[..good.len() - 1].to_vec());
        malformed(key, token, [good.as_slice(), &[0]].concat());
        malformed(key, token, [&[0], good.as_slice()].concat());
        malformed(key, token, [good.as_slice(), good].concat());
        let (r, s) = good.split_at(good.len() / 2);
        match (key.key_type(), limit(key)) {
            (KeyType::Rsa, Some(modulus)) => {
                malformed(key, token, modulus.clone());
                malformed(key, token, vec![0xff; modulus.len()]);
            }
            (_, Some(order)) => {
                for number in [vec![0; r.len()], order, vec![0xff; r.len()]] {
                    malformed(key, token, [r, &number].concat());
                    malformed(key, token, [&number, s].concat());
                    malformed(key, token, [number.as_slice(), &number].concat());
                }
            }
            (KeyType::Ed25519, None) => {
                // Little-endian, of the base point (RFC 8032 section 5.1).
                let mut order = [0; 32];
                order[..16].copy_from_slice(&27_742_317_777_372_353_535_851_937_790_883_648_493_u128.to_le_bytes());
                order[31] = 0x10;
                malformed(key, token, [r, &order].concat());
                malformed(key, token, [r, &[0xff; 32]].concat());
                malformed(key, token, [r, sum(s, &order).as_slice()].concat());
            }
            (_, None) => assert_eq!(key.key_type(), KeyType::Secret),
        }
    }
}

/// Of two little-endian numbers of one length.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let digits = a.iter().zip(b).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(*b) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    digits.collect()
}

#[test]
fn numbers_at_their_limits_are_no_valid_signatures() {
    for (key, token) in tokens() {
        let (r, s) = token.signature.split_at(token.signature.len() / 2);
        let one = |length: usize| [vec![0; length - 1], vec![1]].concat();
        let less = |mut number: Vec<u8>| {
            *number.last_mut().unwrap() -= 1;
            number
        };
        let signatures = match (key.key_type(), limit(key)) {
            (KeyType::Rsa, Some(modulus)) => vec![vec![0; modulus.len()], one(modulus.len()), less(modulus)],
            (_, Some(order)) => {
                let most = less(order);
                let one = one(r.len());
                vec![
                    [r, &one].concat(),
                    [&one, s].concat(),
                    [r, &most].concat(),
                    [&most, s].concat(),
                    [one, most].concat(),
                ]
            }
            // The neutral element, of which some implementations accept signatures by keys of small order.
            (KeyType::Ed25519, None) => vec![vec![0; 64], [[&[1], [0; 31].as_slice()].concat(), vec![0; 32]].concat()],
            (_, None) => vec![vec![0; token.signature.len()]],
        };
        for signature in signatures {
            let token = Parts { signature, ..token.clone() };
            assert_eq!(token.verify(key, None), Err(Fault::SignatureInvalid), "{token:?}");
        }
    }
}

/// A host that says the same of every signature, and remembers what it was asked.
struct Host {
    answer: Option<bool>,
    asked: RefCell<Vec<Asked>>,
}

/// With which hash, key, signature and input.
type Asked = (Hash, Vec<u8>, Vec<u8>, Vec<u8>);

impl Host {
    fn new(answer: Option<bool>) -> Self {
        Self { answer, asked: RefCell::default() }
    }
}

impl NativeVerify for Host {
    fn verify(&self, hash: Hash, spki_der: &[u8], signature: &[u8], input: &[u8]) -> Option<bool> {
        self.asked.borrow_mut().push((hash, spki_der.to_vec(), signature.to_vec(), input.to_vec()));
        self.answer
    }
}

#[test]
fn the_host_decides_where_it_can() {
    let data = signed(SIGNED);
    let keys = key_set(SIGNED);
    for known in data.tokens {
        let token = Parts::of(&known.token).unwrap();
        let key = token.key(&keys);
        let asks = |answer| {
            let host = Host::new(answer);
            (token.verify(key, Some(&host)), host.asked.into_inner())
        };
        let expected = match token.algorithm.as_str() {
            "EdDSA" | "PS256" | "PS384" | "PS512" => Vec::new(),
            _ => {
                let spki_der = bytes(&data.spki[token.kid.as_deref().unwrap()]);
                let signature = known.der.map_or_else(|| token.signature.clone(), |der| bytes(&der));
                vec![(Hash::of(token.algorithm), spki_der, signature, token.input.clone().into_bytes())]
            }
        };
        let refused = if expected.is_empty() { Ok(()) } else { Err(Fault::SignatureInvalid) };
        assert_eq!(asks(Some(false)), (refused, expected.clone()), "{token:?}");
        assert_eq!(asks(Some(true)), (Ok(()), expected.clone()), "{token:?}");
        assert_eq!(asks(None), (Ok(()), expected), "{token:?}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    source: String,
    alg: String,
    jwk: Value,
    token: String,
}

#[test]
fn the_examples_of_the_rfcs_verify() {
    let examples: Vec<Example> = serde_json::from_str(include_str!("../../../testdata/jose/rfc.json")).unwrap();
    for Example { source, alg, jwk, token } in examples {
        let keys = key_set(&serde_json::json!({ "keys": [jwk] }).to_string());
        let token = Parts::of(&token).unwrap();
        assert_eq!(token.algorithm.as_str(), alg, "{source}");
        assert_eq!(token.verify(token.key(&keys), None), Ok(()), "{source}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyCase {
    why: String,
    jwk: Value,
    #[serde(default)]
    secrets: bool,
    /// The algorithms that the key fits,
    fits: Option<Vec<String>>,
    /// or why it is left out.
    left_out: Option<String>,
}

#[test]
fn keys_are_read_as_the_table_says() {
    let cases: Vec<KeyCase> = serde_json::from_str(include_str!("../../../testdata/jose/keys.json")).unwrap();
    for KeyCase { why, jwk, secrets, fits, left_out } in cases {
        let secrets = if secrets { Secrets::Allow } else { Secrets::Refuse };
        let set = serde_json::json!({ "keys": [jwk] }).to_string();
        let (keys, found) = KeySet::parse(set.as_bytes(), secrets).unwrap();
        let found_left_out = found.first().map(|key| format!("{:?}", key.why));
        assert_eq!(found_left_out, left_out, "{why}: {jwk}");
        let algorithms = |key: &Key| {
            let fitting = Algorithm::ALL.into_iter().filter(|algorithm| key.fits(*algorithm));
            fitting.map(|algorithm| algorithm.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(keys.keys().first().map(algorithms), fits, "{why}: {jwk}");
        if let Some(key) = keys.keys().first() {
            assert_eq!(key.kid(), jwk["kid"].as_str(), "{why}");
        }
        for told in found {
            let told = told.to_string();
            for value in jwk.as_object().into_iter().flatten().filter(|(name, _)| *name != "kid" && *name != "kty") {
                let text = value.1.as_str().unwrap_or_default();
                assert!(text.len() < 8 || !told.contains(text), "{told}");
            }
        }
    }
}

#[test]
fn secrets_are_made_of_bytes() {
    for (length, fitting) in [(32, 1), (48, 2), (64, 3), (1000, 3)] {
        let key = Key::secret(&vec![7; length], None, Some("a")).unwrap();
        assert_eq!(Algorithm::ALL.into_iter().filter(|algorithm| key.fits(*algorithm)).count(), fitting);
        assert_eq!(key.kid(), Some("a"));
    }
    let refused = |bytes: &[u8], algorithm| Key::secret(bytes, algorithm, None).unwrap_err();
    assert_eq!(refused(&[7; 31], None), KeyFault::SecretShort);
    assert_eq!(refused(&[7; 63], Some(Algorithm::Hs512)), KeyFault::SecretShort);
    assert_eq!(refused(&[7; 64], Some(Algorithm::Es512)), KeyFault::AlgorithmMismatch);
    let key = Key::secret(&[7; 64], Some(Algorithm::Hs256), None).unwrap();
    assert!(key.fits(Algorithm::Hs256) && !key.fits(Algorithm::Hs512));
}

#[test]
fn keys_do_not_show_themselves() {
    for json in [SIGNED, SECRETS] {
        for jwk in signed(json).keys {
            let keys = key_set(&serde_json::json!({ "keys": [jwk] }).to_string());
            let shown = format!("{keys:?}");
            assert!(shown.len() < 100, "{shown}");
            let kid = jwk["kid"].as_str().unwrap();
            assert!(shown.contains(kid), "{shown}");
        }
    }
}
