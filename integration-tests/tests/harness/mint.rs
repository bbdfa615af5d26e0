//! Keys and tokens, held against published values and against Envoy's own filter.

use portcullis_integration_tests::mint::{Key, Token, claims, claims_with, decode, encode, key_set};
use portcullis_integration_tests::{Bootstrap, Client, Envoy, Request, Upstream, jwt_authn, local_jwks};
use serde_json::{Value, json};

/// Every algorithm with a key for it.
const PAIRS: [(&str, &str); 16] = [
    ("RS256", "rsa-1"),
    ("RS384", "rsa-1"),
    ("RS512", "rsa-1"),
    ("PS256", "rsa-1"),
    ("PS384", "rsa-1"),
    ("PS512", "rsa-1"),
    ("RS256", "rsa-2"),
    ("RS256", "rsa-3072"),
    ("ES256", "p256-1"),
    ("ES256", "p256-2"),
    ("ES384", "p384-1"),
    ("ES512", "p521-1"),
    ("EdDSA", "ed25519-1"),
    ("HS256", "oct-1"),
    ("HS384", "oct-1"),
    ("HS512", "oct-1"),
];

/// The key set of `PAIRS` with the secret in it, which Envoy takes.
fn keys() -> Value {
    let named = Key::NAMES.map(Key::load);
    let mut set = key_set(named.iter().filter(|key| !matches!(key.kid(), "oct-1" | "ed25519-2")));
    set["keys"].as_array_mut().unwrap().push(Key::load("oct-1").private_jwk());
    set
}

fn bearer(token: &str) -> Request {
    Request::get("/").header("authorization", format!("Bearer {token}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_takes_every_algorithm_and_no_other_key() {
    let upstream = Upstream::start().await;
    let envoy = Envoy::start(Bootstrap::new(upstream.address()).filter(jwt_authn(&local_jwks(&keys()), false))).await;
    let client = Client::h1(envoy.address());
    for (algorithm, name) in PAIRS {
        let key = Key::load(name);
        let token = Token::new(algorithm, &claims()).kid(name).sign(&key);
        let response = client.send(bearer(&token)).await;
        assert_eq!(response.status, 200, "{algorithm} with {name}: {}", response.text());
        assert_eq!(token, Token::new(algorithm, &claims()).kid(name).sign(&key), "the same each time");
    }
    upstream.clear();
    let foreign = Token::new("EdDSA", &claims()).kid("ed25519-1").sign(&Key::load("ed25519-2"));
    assert_eq!(client.send(bearer(&foreign)).await.status, 401);
    let late = Token::new("ES256", &claims_with(&json!({"exp": 1_000_000_000}))).kid("p256-1");
    assert_eq!(client.send(bearer(&late.sign(&Key::load("p256-1")))).await.status, 401);
    assert_eq!(upstream.count(), 0);
}

/// RFC 7515 appendix A.1, whose line ends are CR LF, and RFC 8037 appendix A.4.
#[test]
fn signs_as_the_standards_show() {
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let token = Token::new("HS256", &Value::Null)
        .header_text("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}")
        .payload("{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(token.sign(&Key::from_secret(decode(secret))), format!("{}.{signature}", token.input()));

    let key = Key::from_jwk(json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }));
    let token =
        Token::new("EdDSA", &Value::Null).header_text(r#"{"alg":"EdDSA"}"#).payload("Example of Ed25519 signing");
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(token.sign(&key), format!("{}.{signature}", token.input()));
}

#[test]
fn public_keys_have_no_private_part() {
    for name in Key::NAMES.into_iter().filter(|name| *name != "oct-1") {
        let key = Key::load(name);
        let public = key.public();
        assert_eq!(public["kid"], name);
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(public.get(member).is_none(), "{name} shows {member}");
        }
        let other = key.public_with(&json!({"kid": null, "alg": "RS256", "use": "enc"}));
        assert_eq!((other.get("kid"), &other["alg"], &other["use"]), (None, &json!("RS256"), &json!("enc")));
        assert!(key.public_der().starts_with(b"\x30"));
    }
    assert!(std::panic::catch_unwind(|| Key::load("oct-1").public()).is_err());
    assert_eq!(Key::load("oct-1").secret().len(), 64);
    let key = Key::load("rsa-1");
    assert!(key.public_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert!(key.public_pkcs1_pem().starts_with("-----BEGIN RSA PUBLIC KEY-----\n"));
    assert_eq!(encode(key.modulus()), key.public()["n"]);
}

#[test]
fn builds_what_nobody_should() {
    let token = Token::new("none", &json!({"a": 1})).kid("x").header(&json!({"typ": null}));
    assert_eq!(token.signature(""), format!("{}.{}.", encode(r#"{"alg":"none","kid":"x"}"#), encode(r#"{"a":1}"#)));
    let odd = Token::new("RS256", &claims()).header_text(r#"{"alg":"a","alg":"b"}"#).payload(b"\xff\0".as_slice());
    assert_eq!(odd.signature(b"\0"), "eyJhbGciOiJhIiwiYWxnIjoiYiJ9._wA.AA");
    let key = Key::load("rsa-1");
    assert_ne!(key.sign_pss("PS256", b"x", 0), key.sign_pss("PS256", b"x", 32));
    assert_eq!(key.sign_pss("PS256", b"x", 32), key.sign("PS256", b"x"));
    assert_eq!(Key::load("p256-1").sign("ES384", b"x").len(), 64);
}
