#![allow(clippy::arithmetic_side_effects, reason = "tests may panic")]

mod attacks;
mod behaviour;
mod configuration;
mod documentation;
mod evasions;
mod fuzz;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::{
    config::{Errors, parse},
    decision::{Decision, Outcome},
    policy::{Filter, Next, Policy, Trail},
    request::Parts,
};
use serde_json::{Value, json};

use crate::{JwtBola, config::Config};

const SECRET: &str = "a secret that is long enough for every HMAC: 64 bytes at the least";
const OTHER_SECRET: &str = "another secret, with which the provider `other` signs: 64 bytes, too";
/// Too short for HS384.
const SHORT_SECRET: &str = "a secret of 35 bytes, no more of it";
const SECRET_KEYS: &str = r#"{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE"}]}"#;

/// 2026-01-01.
const NOW_S: u64 = 1_767_225_600;

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "SECRET" => SECRET,
        "OTHER" => OTHER_SECRET,
        "SHORT" => SHORT_SECRET,
        "KEYS" => SECRET_KEYS,
        "NO_KEYS" => "s3cr3t, and no key set",
        "EMPTY" => "",
        _ => return None,
    };
    Some(value.to_owned())
}

fn compile(config: &Value) -> Result<JwtBola, Errors> {
    let config: Config = parse(config.to_string().as_bytes())?;
    JwtBola::compile(config, &environment)
}

fn filter(config: &Value) -> JwtBola {
    compile(config).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A configuration with a provider `main` that has [`SECRET`], and these rules.
fn config(rules: &Value) -> Value {
    json!({
        "providers": { "main": {
            "issuer": "https://idp.example", "audiences": ["api"], "algorithms": ["HS256"], "secret": { "env": "SECRET" },
        } },
        "rules": rules,
    })
}

/// A token of that provider; `claims` go over good ones, and null takes one away.
fn token(claims: &Value) -> String {
    let mut all = json!({ "iss": "https://idp.example", "aud": "api", "sub": "42", "exp": NOW_S + 600 });
    for (name, value) in claims.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    sign(&json!({ "alg": "HS256" }), &all)
}

fn sign(header: &Value, claims: &Value) -> String {
    sign_with(SECRET, header, claims)
}

fn sign_with(secret: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A request with a token.
fn request(method: &str, target: &str, token: Option<&str>) -> Parts {
    let mut headers = vec![(":method", method.to_owned()), (":path", target.to_owned())];
    headers.extend(token.map(|token| ("authorization", format!("Bearer {token}"))));
    Parts { now: NOW_S * 1_000_000_000, ..Parts::new(headers) }
}

/// What a filter says of a request, its body included.
fn decide(filter: &JwtBola, request: &Parts, body: &[u8]) -> Vec<Decision> {
    let mut trail = Trail::default();
    match filter.on_request_headers(request, &mut trail).unwrap() {
        Next::Done => {}
        Next::Body(check) if body.len() > check.limit => trail.conclude(check.over_limit),
        Next::Body(check) => (check.judge)(request, body, &mut trail).unwrap(),
        Next::Wait(_) | Next::Call(_) => panic!("it waits"),
    }
    trail.decisions().to_vec()
}

/// The outcome that a filter comes to.
fn outcome(filter: &JwtBola, request: &Parts, body: &[u8]) -> Outcome {
    let decisions = decide(filter, request, body);
    let [decision] = &decisions[..] else { panic!("not one decision: {decisions:?}") };
    filter.outcomes().get(decision.outcome).unwrap().clone()
}

fn reason(filter: &JwtBola, request: &Parts, body: &[u8]) -> &'static str {
    outcome(filter, request, body).reason.0
}
