//! Wycheproof's vectors, which a clone of the project does not have.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::jose::{Fault, KeySet, Secrets, testing::Parts};

#[derive(Deserialize)]
pub(super) struct Vector {
    pub(super) id: String,
    comment: String,
    pub(super) jws: String,
    jws_result: String,
    pub(super) jwks_ref: String,
}

/// Where a vector's verdict is not that of the RFCs: `alg` of the JWK is another than the token's, or none that is
/// registered; or the token has a character that base64url does not have.
const STRICTER: [u32; 6] = [346, 347, 350, 351, 372, 373];

/// The vectors and their key sets, where they are on this machine.
pub(super) fn vectors() -> Option<(Vec<Vector>, BTreeMap<String, Value>)> {
    let conformance = std::env::var_os("PORTCULLIS_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from);
    let folder = conformance.join("wycheproof");
    if !folder.is_dir() {
        println!("skipped: no vectors; PORTCULLIS_CONFORMANCE says where they are");
        return None;
    }
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let vectors = read("wycheproof_jws_raw.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Some((vectors, serde_json::from_str(&read("wycheproof_jwks.json")).unwrap()))
}

/// Whether one of the keys that a token may be tried with verifies it.
pub(super) fn is_accepted(token: &str, jwks: &Value) -> bool {
    let (keys, _) = KeySet::parse(jwks.to_string().as_bytes(), Secrets::Allow).unwrap();
    let verified = |token: Parts| {
        let mut candidates = keys.candidates(token.algorithm, token.kid.as_deref())?;
        if candidates.any(|key| token.verify(key, None).is_ok()) { Ok(()) } else { Err(Fault::SignatureInvalid) }
    };
    Parts::of(token).is_some_and(|token| verified(token).is_ok())
}

#[test]
fn vectors_are_judged_as_they_say() {
    let Some((vectors, key_sets)) = vectors() else { return };
    let mut accepted = 0;
    for vector in &vectors {
        let stricter = STRICTER.iter().any(|number| vector.id == format!("json_web_signature_test:{number}"));
        let valid = vector.jws_result == "valid" && !stricter;
        assert_eq!(is_accepted(&vector.jws, &key_sets[&vector.jwks_ref]), valid, "{}: {}", vector.id, vector.comment);
        accepted += u32::from(valid);
    }
    assert!(accepted > 40 && vectors.len() > 400, "{accepted} of {}", vectors.len());
}
