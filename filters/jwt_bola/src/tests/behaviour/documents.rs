//! Key sets and lists that are fetched: what happens before they are there, and when they change.

use super::*;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use portcullis_shared::policy::{Next, Policy, Trail};

/// A key of the issuer, by a number.
fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(super) fn jwks(keys: &[(u8, Option<&str>)]) -> String {
    let jwk = |(number, kid): &(u8, Option<&str>)| {
        let x = URL_SAFE_NO_PAD.encode(key(*number).verifying_key().as_bytes());
        changed(json!({ "kty": "OKP", "crv": "Ed25519", "x": x }), &kid.map_or(json!({}), |kid| json!({ "kid": kid })))
    };
    json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() }).to_string()
}

/// A good token, signed by a key.
pub(super) fn signed(number: u8, kid: Option<&str>, claims: &Value) -> String {
    let header = kid.map_or(json!({ "alg": "EdDSA" }), |kid| json!({ "alg": "EdDSA", "kid": kid }));
    let claims =
        changed(json!({ "iss": "https://idp.example", "aud": "api", "sub": "42", "exp": NOW_S + 600 }), claims);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = key(number).sign(input.as_bytes()).to_bytes();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn remote() -> Value {
    json!({ "cluster": "idp", "url": "https://idp.example/.well-known/jwks.json" })
}

/// A provider whose keys are fetched.
fn fetched(changes: &Value) -> Value {
    changed(provider(&json!({ "secret": null, "algorithms": ["EdDSA"], "jwks": { "remote": remote() } })), changes)
}

/// One provider, whose keys are document 0.
pub(super) fn main_fetched(more: &Value) -> JwtBola {
    filter(&with(&json!({ "main": fetched(&json!({})) }), &json!([{ "path": "/**", "auth": ["main"] }]), more))
}

pub(super) fn accept(filter: &JwtBola, document: usize, body: &str) -> Option<String> {
    let read = filter.read_document(document, body.as_bytes()).unwrap();
    (read.accept)();
    read.warning
}

/// A request for a token with documents in this state.
pub(super) fn state(token: &str, may_wait: bool, has_documents: bool, more_documents: bool) -> Parts {
    Parts { may_wait, has_documents, more_documents, ..request("GET", "/", Some(token)) }
}

/// The reason, or until when the request waits, in milliseconds from now.
fn said_or_wait(filter: &JwtBola, request: &Parts) -> Result<&'static str, u64> {
    let mut trail = Trail::default();
    match filter.on_request_headers(request, &mut trail).unwrap() {
        Next::Wait(until) => {
            assert!(trail.decisions().is_empty() && request.edits.borrow().is_empty());
            Err((until - request.now) / 1_000_000)
        }
        _ => Ok(filter.outcomes().get(trail.decisions()[0].outcome).unwrap().reason.0),
    }
}

#[test]
fn requests_wait_for_the_first_keys_and_then_are_refused() {
    let filter = main_fetched(&json!({}));
    let slow = main_fetched(&json!({ "wait_ms": 30_000 }));
    let good = signed(1, Some("a"), &json!({}));
    for more in [true, false] {
        assert_eq!(said_or_wait(&filter, &state(&good, true, false, more)), Err(2000));
        assert_eq!(said_or_wait(&slow, &state(&good, true, false, more)), Err(30_000));
        assert_eq!(said_or_wait(&filter, &state(&good, false, false, more)), Ok("keys_unavailable"));
    }
    // What is no token of this provider needs no keys to be refused.
    for (bad, expected) in [
        ("x".to_owned(), "token_malformed"),
        (signed(1, None, &json!({ "iss": "x" })), "token_issuer_mismatch"),
        (token(&json!({})), "token_algorithm_not_allowed"),
    ] {
        assert_eq!(said_or_wait(&filter, &state(&bad, true, false, true)), Ok(expected));
    }
    assert_eq!(said_or_wait(&filter, &Parts { may_wait: true, ..get("/", &[]) }), Ok("token_missing"));
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    assert_eq!(said_or_wait(&filter, &state(&good, true, true, false)), Ok("authorized"));
}

#[test]
fn an_unknown_key_is_waited_for_while_newer_ones_may_come() {
    let filter = main_fetched(&json!({ "wait_ms": 500 }));
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    let rotated = signed(2, Some("b"), &json!({}));
    assert_eq!(said_or_wait(&filter, &state(&rotated, true, true, true)), Err(500));
    assert_eq!(said_or_wait(&filter, &state(&rotated, true, true, false)), Ok("token_key_unknown"));
    assert_eq!(said_or_wait(&filter, &state(&rotated, false, true, true)), Ok("token_key_unknown"));
    // A key that is known and does not fit is not waited for.
    assert_eq!(
        said_or_wait(&filter, &state(&signed(2, Some("a"), &json!({})), true, true, true)),
        Ok("token_signature_invalid")
    );
    accept(&filter, 0, &jwks(&[(1, Some("a")), (2, Some("b"))]));
    assert_eq!(said_or_wait(&filter, &state(&rotated, true, true, true)), Ok("authorized"));
}

#[test]
fn a_token_that_names_no_key_is_held_against_those_that_fit() {
    let filter = main_fetched(&json!({}));
    accept(&filter, 0, &jwks(&[(1, Some("a")), (2, None), (3, Some("c"))]));
    for number in [1, 2, 3] {
        assert_eq!(
            said_or_wait(&filter, &state(&signed(number, None, &json!({})), false, true, false)),
            Ok("authorized")
        );
    }
    let unknown = signed(4, None, &json!({}));
    assert_eq!(said_or_wait(&filter, &state(&unknown, true, true, true)), Ok("token_signature_invalid"));
    // A `kid` has no fallback.
    assert_eq!(
        said_or_wait(&filter, &state(&signed(2, Some("b"), &json!({})), false, true, false)),
        Ok("token_key_unknown")
    );
}

#[test]
fn what_is_no_key_set_changes_nothing() {
    let filter = main_fetched(&json!({}));
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    for bad in
        ["", "<html>", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#, r#"{"keys":[],"keys":[]}"#]
    {
        let why = filter.read_document(0, bad.as_bytes()).unwrap_err();
        assert!(!why.is_empty() && !why.contains("c2Vj"), "{why}");
    }
    assert_eq!(said_or_wait(&filter, &state(&signed(1, Some("a"), &json!({})), false, true, false)), Ok("authorized"));
    let mut set: Value = serde_json::from_str(&jwks(&[(2, Some("b"))])).unwrap();
    set["keys"].as_array_mut().unwrap().push(json!({ "kty": "new", "kid": "strange" }));
    let warning = accept(&filter, 0, &set.to_string()).unwrap();
    assert!(warning.contains("keys[1] (kid \"strange\")"), "{warning}");
    assert_eq!(said_or_wait(&filter, &state(&signed(2, Some("b"), &json!({})), false, true, false)), Ok("authorized"));
}

#[test]
fn a_document_is_not_used_before_it_is_accepted() {
    let filter = main_fetched(&json!({}));
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    let read = filter.read_document(0, jwks(&[(2, Some("b"))]).as_bytes()).unwrap();
    let token = signed(1, Some("a"), &json!({}));
    assert_eq!(said_or_wait(&filter, &state(&token, false, true, false)), Ok("authorized"));
    drop(read);
    assert_eq!(said_or_wait(&filter, &state(&token, false, true, false)), Ok("authorized"));
}

fn with_list(unavailable: &str) -> JwtBola {
    let revoked = json!({ "jti": ["fixed"], "remote": remote(), "unavailable": unavailable });
    filter(&with(
        &json!({ "main": fetched(&json!({})) }),
        &json!([{ "path": "/open", "auth": "none" }, { "path": "/**", "auth": ["main"] }]),
        &json!({ "revoked": revoked }),
    ))
}

#[test]
fn without_the_list_nothing_passes_unless_it_says_so() {
    let good = signed(1, Some("a"), &json!({}));
    let strict = with_list("deny");
    accept(&strict, 0, &jwks(&[(1, Some("a"))]));
    assert_eq!(said_or_wait(&strict, &state(&good, true, false, false)), Err(2000));
    assert_eq!(said_or_wait(&strict, &state(&good, false, false, false)), Ok("revocations_unavailable"));
    assert_eq!(said_or_wait(&strict, &Parts { has_documents: false, ..get("/open", &[]) }), Ok("no_auth"));
    let lax = with_list("allow");
    accept(&lax, 0, &jwks(&[(1, Some("a"))]));
    // The keys are not there either, in this request's eyes; with them it passes, and never for want of the list.
    assert_eq!(said_or_wait(&lax, &state(&good, false, false, false)), Ok("keys_unavailable"));
    let fixed = filter(&with(
        &json!({ "main": provider(&json!({})) }),
        &json!([{ "path": "/**", "auth": ["main"] }]),
        &json!({ "revoked": { "jti": ["fixed"], "remote": remote(), "unavailable": "allow" } }),
    ));
    assert_eq!(said_or_wait(&fixed, &state(&token(&json!({})), true, false, false)), Ok("authorized"));
    assert_eq!(
        said_or_wait(&fixed, &state(&token(&json!({ "jti": "fixed" })), true, false, false)),
        Ok("token_revoked")
    );
}

#[test]
fn lists_revoke_by_id_subject_and_key() {
    let filter = with_list("deny");
    accept(&filter, 0, &jwks(&[(1, Some("a")), (2, Some("b"))]));
    let said =
        |number, kid, claims: Value| said_or_wait(&filter, &state(&signed(number, kid, &claims), false, true, false));
    assert_eq!(said(1, Some("a"), json!({ "jti": "fixed" })), Ok("token_revoked"), "before there is a list");
    accept(
        &filter,
        1,
        r#"{"jti":["x",{"iss":"https://idp.example","jti":"y"},{"iss":"other","jti":"z"}],"kid":["b"],
        "subjects":[{"sub":"mallory","issued_before":1000}]}"#,
    );
    for (number, kid, claims, expected) in [
        (1, Some("a"), json!({}), "authorized"),
        (1, Some("a"), json!({ "jti": "x" }), "token_revoked"),
        (1, Some("a"), json!({ "jti": "y" }), "token_revoked"),
        (1, Some("a"), json!({ "jti": "z" }), "authorized"),
        (1, Some("a"), json!({ "jti": "fixed" }), "token_revoked"),
        (1, Some("a"), json!({ "sub": "mallory", "iat": 999 }), "token_revoked"),
        (1, Some("a"), json!({ "sub": "mallory" }), "token_revoked"),
        (1, Some("a"), json!({ "sub": "mallory", "iat": 1000 }), "authorized"),
        (2, Some("b"), json!({}), "token_revoked"),
        // By the key that verified it, which the token need not name.
        (2, None, json!({}), "token_revoked"),
        (1, None, json!({}), "authorized"),
    ] {
        assert_eq!(said(number, kid, claims.clone()), Ok(expected), "{kid:?} {claims}");
    }
    for bad in ["", "[]", r#"{"jti":"x"}"#, r#"{"tokens":[]}"#, r#"{"jti":[""]}"#] {
        assert!(filter.read_document(1, bad.as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(said(1, Some("a"), json!({ "jti": "x" })), Ok("token_revoked"));
    accept(&filter, 1, "{}");
    assert_eq!(said(1, Some("a"), json!({ "jti": "x" })), Ok("authorized"));
}

#[test]
fn documents_belong_to_their_providers() {
    let providers = json!({
        "a": fetched(&json!({ "issuer": "a" })),
        "b": fetched(&json!({ "issuer": "b" })),
        "c": provider(&json!({ "issuer": "c" })),
    });
    let filter = filter(&with(
        &providers,
        &json!([{ "path": "/**", "auth": ["a", "b", "c"] }]),
        &json!({ "revoked": { "remote": remote() } }),
    ));
    assert_eq!(filter.documents().len(), 3);
    accept(&filter, 0, &jwks(&[(1, None)]));
    accept(&filter, 1, &jwks(&[(2, None)]));
    for (number, issuer, expected) in [
        (1, "a", "authorized"),
        (2, "b", "authorized"),
        (2, "a", "token_signature_invalid"),
        (1, "b", "token_signature_invalid"),
        (1, "c", "token_algorithm_not_allowed"),
    ] {
        let token = signed(number, None, &json!({ "iss": issuer }));
        assert_eq!(said_or_wait(&filter, &state(&token, false, true, false)), Ok(expected), "{number} {issuer}");
    }
}

#[test]
fn keys_that_are_missing_matter_more_than_what_another_provider_says() {
    let providers = json!({ "a": fetched(&json!({})), "b": provider(&json!({ "algorithms": ["HS256"] })) });
    for auth in [json!(["a", "b"]), json!(["b", "a"])] {
        let filter = filter(&with(&providers, &json!([{ "path": "/**", "auth": auth }]), &json!({})));
        let token = signed(1, None, &json!({}));
        assert_eq!(said_or_wait(&filter, &state(&token, true, false, true)), Err(2000));
        assert_eq!(said_or_wait(&filter, &state(&token, false, false, true)), Ok("keys_unavailable"));
    }
}
