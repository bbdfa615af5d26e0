//! The demo's identity provider: a key set on the network, and tokens for the tour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_integration_tests::{Issuer, mint};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::step::{Key, Token};

/// Of all fetches for a key that is not known, one in so many seconds goes out.
const DEMAND: Duration = Duration::from_secs(10);

pub(crate) struct Idp {
    issuer: Issuer,
    /// When the filter had fetched the keys.
    fetched: Instant,
}

impl Idp {
    /// With its first key.
    pub(crate) async fn start() -> Self {
        let issuer = Issuer::start().await;
        issuer.set_keys([load(Key::Old).public()]);
        Self { issuer, fetched: Instant::now() }
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Waits until the filter has asked for the keys.
    pub(crate) async fn await_fetch(&mut self) {
        self.issuer.await_fetches(Issuer::JWKS, 1).await;
        self.fetched = Instant::now();
    }

    /// Replaces the key, when its absence will be noticed at once.
    pub(crate) async fn rotate(&self) {
        sleep_until(self.fetched + DEMAND + Duration::from_millis(100)).await;
        self.issuer.set_keys([load(Key::New).public()]);
    }
}

/// The text of a token.
pub(crate) fn mint(token: &Token) -> String {
    let mut claims = json!({
        "iss": "https://idp.example",
        "aud": "orders-api",
        "sub": token.subject,
        "exp": now_s().saturating_add_signed(token.expires_s),
    });
    if !token.roles.is_empty() {
        claims["roles"] = json!(token.roles);
    }
    if !token.scope.is_empty() {
        claims["scope"] = json!(token.scope);
    }
    match token.key {
        Key::None => mint::Token::new("none", &claims).signature(""),
        key => {
            let key = load(key);
            mint::Token::new("ES256", &claims).kid(key.kid()).sign(&key)
        }
    }
}

/// What is in a token, by name.
pub(crate) fn contents(token: &Token) -> Vec<(&'static str, String)> {
    let mut contents = match token.key {
        Key::None => vec![("alg", "none".to_owned())],
        key => vec![("alg", "ES256".to_owned()), ("kid", load(key).kid().to_owned())],
    };
    contents.push(("sub", token.subject.to_owned()));
    if !token.roles.is_empty() {
        contents.push(("roles", Value::from(token.roles).to_string()));
    }
    if !token.scope.is_empty() {
        contents.push(("scope", token.scope.to_owned()));
    }
    let seconds = token.expires_s.unsigned_abs();
    contents.push(("exp", if token.expires_s < 0 { format!("{seconds} s ago") } else { format!("in {seconds} s") }));
    contents
}

fn load(key: Key) -> mint::Key {
    mint::Key::load(if key == Key::Old { "p256-1" } else { "p256-2" })
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
