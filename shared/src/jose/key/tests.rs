use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::jose::{Algorithm, KeySet, Secrets, base64url};

/// Tokens made by OpenSSL, and the keys that verify them.
const SIGNED: &str = include_str!("../../../testdata/jose/signed.json");

#[derive(Deserialize)]
struct Signed {
    tokens: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[test]
fn tokens_of_another_implementation_verify() {
    let (keys, left_out) = KeySet::parse(SIGNED.as_bytes(), Secrets::Allow).unwrap();
    assert_eq!(left_out, []);
    let signed: Signed = serde_json::from_str(SIGNED).unwrap();
    for token in signed.tokens {
        let (input, signature) = token.rsplit_once('.').unwrap();
        let header = base64url::decode(input.split_once('.').unwrap().0.as_bytes()).unwrap();
        let header: Header = serde_json::from_slice(&header).unwrap();
        let algorithm: Algorithm = header.alg.parse().unwrap();
        let signature = base64url::decode(signature.as_bytes()).unwrap();
        let mut found = keys.candidates(algorithm, Some(&header.kid)).unwrap();
        let key = found.next().unwrap();
        assert_eq!(key.verify(algorithm, input.as_bytes(), &signature, None), Ok(()), "{token}");
        assert_eq!(found.count(), 0);
    }
}
