//! The reference, jwt-simple, and this library say the same of every signature.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use jwt_simple::{
    JWTError, algorithms::*, claims::NoCustomClaims, common::VerificationOptions, prelude::Duration, token::Token,
};
use p521::ecdsa::signature::Verifier;
use serde_json::Value;

use crate::jose::{
    Algorithm, KeySet, Secrets,
    testing::{Parts, SECRETS, SIGNED, bytes, signed},
};

use super::wycheproof;

/// Whether the reference verifies the signature, whatever it says of the claims; `None` if it refuses the key (with an
/// exponent of 3, say) or the header.
fn reference(token: &str, algorithm: Algorithm, jwk: &Value) -> Option<bool> {
    Token::decode_metadata(token).ok()?;
    let member = |name: &str| bytes(jwk[name].as_str().unwrap());
    let point = || [vec![4], member("x"), member("y")].concat();
    macro_rules! verify {
        ($key:expr) => {{
            let options = VerificationOptions {
                artificial_time: Some(Duration::from_secs(1_800_000_000)),
                max_token_length: Some(100_000),
                ..VerificationOptions::default()
            };
            $key.verify_token::<NoCustomClaims>(token, Some(options)).err()
        }};
    }
    macro_rules! rsa {
        ($key:ident) => {
            verify!($key::from_components(&member("n"), &member("e")).ok()?)
        };
    }
    let error = match algorithm {
        Algorithm::Hs256 => verify!(HS256Key::from_bytes(&member("k"))),
        Algorithm::Hs384 => verify!(HS384Key::from_bytes(&member("k"))),
        Algorithm::Hs512 => verify!(HS512Key::from_bytes(&member("k"))),
        Algorithm::Rs256 => rsa!(RS256PublicKey),
        Algorithm::Rs384 => rsa!(RS384PublicKey),
        Algorithm::Rs512 => rsa!(RS512PublicKey),
        Algorithm::Ps256 => rsa!(PS256PublicKey),
        Algorithm::Ps384 => rsa!(PS384PublicKey),
        Algorithm::Ps512 => rsa!(PS512PublicKey),
        Algorithm::Es256 => verify!(ES256PublicKey::from_bytes(&point()).ok()?),
        Algorithm::Es384 => verify!(ES384PublicKey::from_bytes(&point()).ok()?),
        Algorithm::EdDsa => {
            let parts = Parts::of(token).unwrap();
            let key = VerifyingKey::try_from(member("x").as_slice()).ok()?;
            let verified = Signature::from_slice(&parts.signature)
                .and_then(|signature| key.verify_strict(parts.input.as_bytes(), &signature));
            let error = verify!(Ed25519PublicKey::from_bytes(&member("x")).ok()?);
            assert_eq!(verified.is_ok(), is_of_claims(error.as_ref()), "{token}");
            error
        }
        // It lacks this one; so the crate that it has the other curves from.
        Algorithm::Es512 => {
            let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point()).ok()?;
            let parts = Parts::of(token).unwrap();
            let verified = p521::ecdsa::Signature::from_slice(&parts.signature)
                .and_then(|signature| key.verify(parts.input.as_bytes(), &signature));
            return Some(verified.is_ok());
        }
    };
    Some(is_of_claims(error.as_ref()))
}

/// Whether there is no error but in the claims, which are judged after the signature: those of the vectors are no JSON,
/// those of the RFCs have expired.
fn is_of_claims(error: Option<&jwt_simple::Error>) -> bool {
    error.is_none_or(|error| {
        error.is::<serde_json::Error>() || matches!(error.downcast_ref(), Some(JWTError::TokenHasExpired))
    })
}

/// How many of these tokens verify, and how many do not, both by the reference and here.
fn agreed<'a>(tokens: impl IntoIterator<Item = (&'a str, &'a Value)>) -> [usize; 2] {
    let mut counts = [0, 0];
    for (token, jwk) in tokens {
        let Some(parts) = Parts::of(token) else { continue };
        let set = serde_json::json!({ "keys": [jwk] }).to_string();
        let (keys, _) = KeySet::parse(set.as_bytes(), Secrets::Allow).unwrap();
        let Some(key) = keys.keys().iter().find(|key| key.fits(parts.algorithm)) else { continue };
        let Some(expected) = reference(token, parts.algorithm, jwk) else { continue };
        assert_eq!(parts.verify(key, None).is_ok(), expected, "{token} {jwk}");
        counts[usize::from(!expected)] += 1;
    }
    counts
}

#[test]
fn on_good_and_changed_signatures() {
    for data in [SIGNED, SECRETS].map(signed) {
        let jwk = |token: &str| {
            let kid = Parts::of(token).unwrap().kid.unwrap();
            data.keys.iter().find(|jwk| jwk["kid"] == kid.as_str()).unwrap()
        };
        let known = data.tokens.iter().filter(|signed| jwk(&signed.token)["e"] != "Aw");
        let good: Vec<_> = known.map(|signed| (signed.token.as_str(), jwk(&signed.token))).collect();
        assert_eq!(agreed(good.iter().copied()), [good.len(), 0]);
        let changed: Vec<_> =
            good.iter().flat_map(|(token, jwk)| changes(token).map(|changed| (changed, *jwk))).collect();
        assert_eq!(agreed(changed.iter().map(|(token, jwk)| (token.as_str(), *jwk))), [0, changed.len()]);
    }
}

/// The token with other signatures.
fn changes(token: &str) -> [String; 6] {
    let parts = Parts::of(token).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut signature = parts.signature.clone();
        change(&mut signature);
        format!("{}.{}", parts.input, URL_SAFE_NO_PAD.encode(signature))
    };
    [
        changed(&|signature| signature[0] ^= 1),
        changed(&|signature| *signature.last_mut().unwrap() ^= 1),
        changed(&|signature| {
            let middle = signature.len() / 2;
            signature[middle] ^= 0x80;
        }),
        changed(&|signature| signature.fill(0)),
        changed(&|signature| signature.push(0)),
        changed(&|signature| signature.clear()),
    ]
}

#[test]
fn on_the_vectors_of_wycheproof() {
    let Some((vectors, key_sets)) = wycheproof::vectors() else { return };
    let of = |vector: &'_ wycheproof::Vector| key_sets[&vector.jwks_ref]["keys"].as_array().unwrap().iter();
    let pairs = vectors.iter().flat_map(|vector| of(vector).map(|jwk| (vector.jws.as_str(), jwk)));
    let [good, bad] = agreed(pairs);
    assert!(good > 40 && bad > 300, "{good} {bad}");
}

#[test]
fn on_the_examples_of_the_rfcs() {
    let examples: Vec<Value> = serde_json::from_str(include_str!("../../../../testdata/jose/rfc.json")).unwrap();
    let pairs = examples.iter().map(|example| (example["token"].as_str().unwrap(), &example["jwk"]));
    assert_eq!(agreed(pairs), [examples.len(), 0]);
}
