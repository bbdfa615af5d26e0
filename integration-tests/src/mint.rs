//! Keys and tokens for tests: good ones, and those that no honest issuer would sign.
//!
//! The keys are in `testdata/keys/`, one JWK with its private part in each file. They were made for these tests and
//! protect nothing. All signatures are deterministic: the same call gives the same token in each run.

use std::fs;
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::Signer;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey, Pss};
use serde_json::{Value, json};
use sha2::digest::FixedOutputReset;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::config::merge;

/// A key that signs tokens.
#[derive(Clone)]
pub struct Key {
    jwk: Value,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Oct(Vec<u8>),
    Rsa(Box<PrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl Key {
    /// Every test key: RSA of 2048 bits but for `rsa-weak` (1024) and `rsa-3072`, and `oct-1`, which is 64 letters and
    /// digits.
    pub const NAMES: [&str; 11] = [
        "rsa-1",
        "rsa-2",
        "rsa-weak",
        "rsa-3072",
        "p256-1",
        "p256-2",
        "p384-1",
        "p521-1",
        "ed25519-1",
        "ed25519-2",
        "oct-1",
    ];

    /// The test key of this name, which is also its `kid`.
    pub fn load(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/keys/{name}.json"));
        let text = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self::from_jwk(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    }

    /// Any private JWK.
    pub fn from_jwk(jwk: Value) -> Self {
        let bytes = |name: &str| decode(jwk[name].as_str().unwrap_or_else(|| panic!("no {name} in the JWK")));
        let number = |name| BoxedUint::from_be_slice_vartime(&bytes(name));
        let secret = match (jwk["kty"].as_str(), jwk["crv"].as_str()) {
            (Some("oct"), _) => Secret::Oct(bytes("k")),
            (Some("RSA"), _) => {
                let primes = vec![number("p"), number("q")];
                let key = PrivateKey::from_components(number("n"), number("e"), number("d"), primes);
                Secret::Rsa(Box::new(key.expect("an RSA key")))
            }
            (Some("EC"), Some("P-256")) => {
                Secret::P256(p256::ecdsa::SigningKey::from_slice(&bytes("d")).expect("a key on P-256"))
            }
            (Some("EC"), Some("P-384")) => {
                Secret::P384(p384::ecdsa::SigningKey::from_slice(&bytes("d")).expect("a key on P-384"))
            }
            (Some("EC"), Some("P-521")) => {
                Secret::P521(p521::ecdsa::SigningKey::from_slice(&bytes("d")).expect("a key on P-521"))
            }
            (Some("OKP"), Some("Ed25519")) => {
                let seed = bytes("d").try_into().expect("32 bytes");
                Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            other => panic!("no key of kind {other:?}"),
        };
        Self { jwk, secret }
    }

    /// A shared secret of any bytes, for HMAC with what is no secret at all.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Self {
        Self::from_jwk(json!({"kty": "oct", "k": encode(secret)}))
    }

    /// Its `kid`; empty if it has none.
    pub fn kid(&self) -> &str {
        self.jwk["kid"].as_str().unwrap_or_default()
    }

    /// The JWK with its private part, as a key set with secrets has it.
    pub fn private_jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// The public JWK with `kid` and `use`, without `alg`. Panics for a shared secret, which has no public part.
    pub fn public(&self) -> Value {
        assert!(!matches!(self.secret, Secret::Oct(_)), "a shared secret has no public part");
        let mut jwk = self.jwk.clone();
        let members = jwk.as_object_mut().expect("a JWK is an object");
        members.retain(|name, _| !matches!(name.as_str(), "d" | "p" | "q" | "dp" | "dq" | "qi"));
        jwk
    }

    /// The public JWK with this merge patch applied: `json!({"kid": "other", "alg": "RS256", "use": null})`.
    pub fn public_with(&self, patch: &Value) -> Value {
        let mut jwk = self.public();
        merge(&mut jwk, patch);
        jwk
    }

    /// The bytes of a shared secret; panics for other keys.
    pub fn secret(&self) -> Vec<u8> {
        let Secret::Oct(secret) = &self.secret else { panic!("{} is no shared secret", self.kid()) };
        secret.clone()
    }

    /// The public key as DER (`SubjectPublicKeyInfo`); panics for a shared secret.
    pub fn public_der(&self) -> Vec<u8> {
        let der = match &self.secret {
            Secret::Oct(_) => panic!("a shared secret has no public part"),
            Secret::Rsa(key) => key.as_public_key().to_public_key_der(),
            Secret::P256(key) => key.verifying_key().to_public_key_der(),
            Secret::P384(key) => key.verifying_key().to_public_key_der(),
            Secret::P521(key) => key.verifying_key().to_public_key_der(),
            Secret::Ed25519(key) => key.verifying_key().to_public_key_der(),
        };
        der.expect("a public key").into_vec()
    }

    /// The public key of RSA as PEM, as most tools write it (`BEGIN PUBLIC KEY`).
    pub fn public_pem(&self) -> String {
        self.rsa().as_public_key().to_public_key_pem(LineEnding::LF).expect("a public key")
    }

    /// The public key of RSA as PEM of PKCS #1 (`BEGIN RSA PUBLIC KEY`).
    pub fn public_pkcs1_pem(&self) -> String {
        self.rsa().as_public_key().to_pkcs1_pem(LineEnding::LF).expect("a public key")
    }

    /// The modulus of RSA, as long as a signature.
    pub fn modulus(&self) -> Vec<u8> {
        self.rsa().n_bytes().into()
    }

    fn rsa(&self) -> &PrivateKey {
        let Secret::Rsa(key) = &self.secret else { panic!("{} is no RSA key", self.kid()) };
        key
    }

    /// Signs these bytes as the algorithm says (RFC 7518 section 3.1, RFC 8037): its hash, and for RSA its padding.
    /// The curve is the key's, so a key on P-256 can sign with SHA-384. Panics if the kind of key cannot do it at all.
    pub fn sign(&self, algorithm: &str, input: &[u8]) -> Vec<u8> {
        let hash = || hash(algorithm, input);
        match (&self.secret, algorithm.get(..2)) {
            (Secret::Oct(secret), Some("HS")) => hmac(algorithm, secret, input),
            (Secret::Rsa(_), Some("PS")) => self.sign_pss(algorithm, input, hash().len()),
            (Secret::Rsa(_), Some("RS")) => {
                let padding = match algorithm {
                    "RS256" => Pkcs1v15Sign::new::<Sha256>(),
                    "RS384" => Pkcs1v15Sign::new::<Sha384>(),
                    _ => Pkcs1v15Sign::new::<Sha512>(),
                };
                self.sign_pkcs1(algorithm, input, &padding.prefix)
            }
            (Secret::P256(key), Some("ES")) => ecdsa::<p256::ecdsa::Signature>(key, &hash()).to_bytes().to_vec(),
            (Secret::P384(key), Some("ES")) => ecdsa::<p384::ecdsa::Signature>(key, &hash()).to_bytes().to_vec(),
            (Secret::P521(key), Some("ES")) => ecdsa::<p521::ecdsa::Signature>(key, &hash()).to_bytes().to_vec(),
            (Secret::Ed25519(key), Some("Ed")) => key.sign(input).to_bytes().to_vec(),
            _ => panic!("{} cannot sign with {algorithm}", self.kid()),
        }
    }

    /// Signs with the padding of PKCS #1 1.5 and any DER before the hash, where the standard says which hash it is (RFC
    /// 8017 section 9.2).
    pub fn sign_pkcs1(&self, algorithm: &str, input: &[u8], prefix: &[u8]) -> Vec<u8> {
        let padding = Pkcs1v15Sign { hash_len: None, prefix: prefix.into() };
        self.rsa().sign(padding, &hash(algorithm, input)).expect("a signature")
    }

    /// Signs with PSS and a salt of this many bytes; the standard has as many as the hash (RFC 7518 section 3.5).
    pub fn sign_pss(&self, algorithm: &str, input: &[u8], salt: usize) -> Vec<u8> {
        fn signature<D: Digest + FixedOutputReset>(
            key: &PrivateKey,
            hash: &[u8],
            salt: usize,
            seed: [u8; 32],
        ) -> Vec<u8> {
            // Not blinded: all that the generator gives is the salt.
            let padding = Pss::<D> { blinded: false, ..Pss::new_with_salt(salt) };
            key.sign_with_rng(&mut ChaCha20Rng::from_seed(seed), padding, hash).expect("a signature")
        }
        let (key, hash, seed) = (self.rsa(), hash(algorithm, input), Sha256::digest(input).into());
        match algorithm {
            "PS256" => signature::<Sha256>(key, &hash, salt, seed),
            "PS384" => signature::<Sha384>(key, &hash, salt, seed),
            "PS512" => signature::<Sha512>(key, &hash, salt, seed),
            other => panic!("{other} is not PSS"),
        }
    }
}

fn ecdsa<S>(key: &impl PrehashSigner<S>, hash: &[u8]) -> S {
    key.sign_prehash(hash).expect("a signature")
}

fn hash(algorithm: &str, input: &[u8]) -> Vec<u8> {
    match algorithm.get(2..) {
        Some("256") => Sha256::digest(input).to_vec(),
        Some("384") => Sha384::digest(input).to_vec(),
        Some("512") => Sha512::digest(input).to_vec(),
        _ => panic!("{algorithm} has no hash"),
    }
}

fn hmac(algorithm: &str, secret: &[u8], input: &[u8]) -> Vec<u8> {
    fn tag<M: Mac + KeyInit>(secret: &[u8], input: &[u8]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(secret).expect("a secret of any length");
        mac.update(input);
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        "HS256" => tag::<Hmac<Sha256>>(secret, input),
        "HS384" => tag::<Hmac<Sha384>>(secret, input),
        "HS512" => tag::<Hmac<Sha512>>(secret, input),
        other => panic!("{other} is not HMAC"),
    }
}

/// The first two parts of a token, to be signed or not.
#[derive(Clone, Debug)]
pub struct Token {
    header: Vec<u8>,
    payload: Vec<u8>,
}

impl Token {
    /// A token with `alg` and `typ` in its header, and these claims.
    pub fn new(algorithm: &str, claims: &Value) -> Self {
        let header = json!({"alg": algorithm, "typ": "JWT"});
        Self { header: text(&header).into(), payload: text(claims).into() }
    }

    /// Sets `kid`.
    #[must_use]
    pub fn kid(self, kid: &str) -> Self {
        self.header(&json!({"kid": kid}))
    }

    /// Merges into the header, which has to be an object; null takes a member away.
    #[must_use]
    pub fn header(mut self, patch: &Value) -> Self {
        let mut header: Value = serde_json::from_slice(&self.header).expect("a header in JSON");
        merge(&mut header, patch);
        self.header = text(&header).into();
        self
    }

    /// Sets the header to any bytes.
    #[must_use]
    pub fn header_text(mut self, header: impl Into<Vec<u8>>) -> Self {
        self.header = header.into();
        self
    }

    /// Sets the claims.
    #[must_use]
    pub fn claims(self, claims: &Value) -> Self {
        self.payload(text(claims))
    }

    /// Sets the payload to any bytes.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// What a signature is over (RFC 7515 section 5.1): the first two parts with the dot between them.
    pub fn input(&self) -> String {
        format!("{}.{}", encode(&self.header), encode(&self.payload))
    }

    /// The token signed with the algorithm of its header, which has to be JSON; see [`Key::sign`].
    pub fn sign(&self, key: &Key) -> String {
        let header: Value = serde_json::from_slice(&self.header).expect("a header in JSON");
        self.sign_as(header["alg"].as_str().expect("alg is text"), key)
    }

    /// The token signed with this algorithm, whatever its header says.
    pub fn sign_as(&self, algorithm: &str, key: &Key) -> String {
        self.signature(key.sign(algorithm, self.input().as_bytes()))
    }

    /// The token with these bytes for a signature.
    pub fn signature(&self, signature: impl AsRef<[u8]>) -> String {
        format!("{}.{}", self.input(), encode(signature))
    }
}

/// Claims that are good until the year 2100: of `https://idp.example`, for `orders-api`, about `alice`.
pub fn claims() -> Value {
    json!({
        "iss": "https://idp.example",
        "aud": "orders-api",
        "sub": "alice",
        "exp": 4_102_444_800_u64,
        "iat": 1_700_000_000,
    })
}

/// [`claims`] with this merge patch applied; null takes a claim away.
pub fn claims_with(patch: &Value) -> Value {
    let mut claims = claims();
    merge(&mut claims, patch);
    claims
}

/// The same text in each build: other crates' wishes decide whether objects keep their order.
fn text(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// Base64url without padding, as all of a token is (RFC 7515 section 2).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

/// The bytes of base64url without padding; panics if it is none.
pub fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).unwrap_or_else(|error| panic!("{text:?} is no base64url: {error}"))
}

/// A public key set (RFC 7517 section 5).
pub fn key_set<'key>(keys: impl IntoIterator<Item = &'key Key>) -> Value {
    json!({"keys": keys.into_iter().map(Key::public).collect::<Vec<_>>()})
}
