//! What several tests here need: keys and tokens, from data and from strings.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

use super::{Algorithm, Fault, Key, KeySet, NativeVerify, Secrets, base64url};

/// Public keys of all types, and tokens that they verify, made by OpenSSL; its DER of keys and of ECDSA signatures.
pub(super) const SIGNED: &str = include_str!("../../testdata/jose/signed.json");
/// The same with secrets.
pub(super) const SECRETS: &str = include_str!("../../testdata/jose/secrets.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    pub(super) keys: Vec<Value>,
    #[serde(default)]
    pub(super) spki: BTreeMap<String, String>,
    pub(super) tokens: Vec<SignedToken>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignedToken {
    pub(super) token: String,
    pub(super) der: Option<String>,
}

pub(super) fn signed(json: &str) -> Signed {
    serde_json::from_str(json).unwrap()
}

/// A set without faults.
pub(super) fn key_set(json: &str) -> KeySet {
    let (keys, left_out) = KeySet::parse(json.as_bytes(), Secrets::Allow).unwrap();
    assert_eq!(left_out, []);
    keys
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    base64url::decode(text.as_bytes()).unwrap()
}

/// A token's parts, as far as keys are concerned.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) input: String,
    pub(super) signature: Vec<u8>,
}

impl Parts {
    /// `None` if it is no token, or has an algorithm that is not known.
    pub(super) fn of(token: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            kid: Option<String>,
        }
        let (input, signature) = token.rsplit_once('.')?;
        let (header, payload) = input.split_once('.')?;
        base64url::decode(payload.as_bytes())?;
        let header: Header = serde_json::from_slice(&base64url::decode(header.as_bytes())?).ok()?;
        Some(Self {
            algorithm: header.alg.parse().ok()?,
            kid: header.kid,
            input: input.to_owned(),
            signature: base64url::decode(signature.as_bytes())?,
        })
    }

    pub(super) fn key<'a>(&self, keys: &'a KeySet) -> &'a Key {
        let mut found = keys.candidates(self.algorithm, self.kid.as_deref()).unwrap();
        let key = found.next().unwrap();
        assert_eq!(found.count(), 0, "{:?} comes twice", self.kid);
        key
    }

    pub(super) fn verify(&self, key: &Key, native: Option<&dyn NativeVerify>) -> Result<(), Fault> {
        key.verify(self.algorithm, self.input.as_bytes(), &self.signature, native)
    }
}

/// All tokens of the data with their keys.
pub(super) fn tokens() -> &'static [(Key, Parts)] {
    static TOKENS: LazyLock<Vec<(Key, Parts)>> = LazyLock::new(|| {
        let of = |json| {
            let keys = key_set(json);
            let parts = signed(json).tokens.into_iter().map(|signed| Parts::of(&signed.token).unwrap());
            parts.map(move |parts| (parts.key(&keys).clone(), parts)).collect::<Vec<_>>()
        };
        [of(SIGNED), of(SECRETS)].concat()
    });
    &TOKENS
}
