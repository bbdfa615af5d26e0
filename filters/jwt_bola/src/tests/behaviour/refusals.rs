//! What a refused client is told, and what the audit is.

use super::*;
use portcullis_shared::{decision::Notice, policy::Policy};

fn ids() -> Value {
    json!([
        { "path": "/token", "auth": ["main"] },
        {
            "path": "/users/{id}", "auth": ["main"],
            "require": [{ "claim": "/scope", "any_of": ["read"] }],
            "owner": [{ "resource": "path.id", "claim": "/sub" }],
            "exempt": [{ "claim": "/admin", "any_of": [true] }],
        },
    ])
}

fn audited(more: &Value) -> JwtBola {
    filter(&with(&json!({ "main": provider(&json!({})) }), &ids(), more))
}

#[test]
fn clients_learn_what_rfc_6750_says_and_no_more() {
    let filter = audited(&json!({ "realm": "orders api" }));
    let good = json!({ "scope": "read" });
    let bearer = |claims: &Value| format!("Bearer {}", token(claims));
    for (target, authorization, status, challenge) in [
        ("/token", None, 401, Some(r#"Bearer realm="orders api""#)),
        ("/token", Some("Basic x".to_owned()), 401, Some(r#"Bearer realm="orders api""#)),
        ("/token", Some("Bearer a b".to_owned()), 400, Some("invalid_request")),
        ("/token", Some("Bearer a, Bearer b".to_owned()), 400, Some("invalid_request")),
        (
            "/token",
            Some("Bearer a.b.c".to_owned()),
            401,
            Some(r#"error="invalid_token", error_description="The access token is not valid""#),
        ),
        (
            "/token",
            Some(bearer(&json!({ "aud": "x" }))),
            401,
            Some(r#"error_description="The access token is not valid""#),
        ),
        (
            "/token",
            Some(bearer(&json!({ "exp": 1 }))),
            401,
            Some(r#"error="invalid_token", error_description="The access token expired""#),
        ),
        ("/users/42", Some(bearer(&json!({ "scope": "write" }))), 403, Some(r#"error="insufficient_scope""#)),
        ("/users/43", Some(bearer(&good)), 403, None),
        ("/users/42", Some(bearer(&json!({}))), 403, None),
        ("/nothing", None, 403, None),
        ("//", None, 400, None),
    ] {
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        let refusal = outcome(&filter, &get(target, &headers), b"").refusal.unwrap();
        assert_eq!(refusal.status, status, "{target} {authorization:?}");
        let told = refusal.headers.iter().find(|(name, _)| *name == "www-authenticate").map(|(_, value)| value);
        assert_eq!(told.is_some(), challenge.is_some(), "{target} {authorization:?} {told:?}");
        if let (Some(told), Some(challenge)) = (told, challenge) {
            assert!(told.starts_with(r#"Bearer realm="orders api""#) && told.contains(challenge), "{told}");
        }
        assert!(!refusal.body.contains("token_") && !refusal.body.contains("owner"), "{}", refusal.body);
    }
}

/// RFC 6750 section 3.1: 401 for tokens, 403 for scopes, 400 for requests; each 401 has a challenge (RFC 9110 15.5.2).
#[test]
fn every_refusal_has_the_status_and_the_challenge_of_its_kind() {
    let filter = audited(&json!({}));
    for outcome in filter.outcomes().iter() {
        let Some(refusal) = &outcome.refusal else { continue };
        let challenge = refusal.headers.iter().find(|(name, _)| *name == "www-authenticate");
        assert!(challenge.is_some() || refusal.status != 401, "{outcome:?}");
        if outcome.reason.0.starts_with("token_") {
            assert!(matches!(refusal.status, 400 | 401) && challenge.is_some(), "{outcome:?}");
        }
        if outcome.reason.0.ends_with("_unavailable") {
            assert_eq!((refusal.status, challenge), (503, None), "{outcome:?}");
        }
    }
}

fn details(filter: &JwtBola, request: &Parts) -> Value {
    let decisions = super::super::decide(filter, request, b"");
    let [decision] = &decisions[..] else { panic!("{decisions:?}") };
    decision.details.iter().map(|detail| (detail.name.to_owned(), detail.value.clone())).collect()
}

#[test]
fn events_say_whose_token_it_was() {
    let claims = json!({ "jti": "t-1", "scope": "read" });
    let header = json!({ "alg": "HS256", "kid": "k" });
    let all = json!({ "iss": "https://idp.example", "sub": "42", "jti": "t-1" });
    for (wanted, expected) in [
        (None, all),
        (Some(json!(["sub"])), json!({ "sub": "42" })),
        (Some(json!([])), json!({})),
        (Some(json!(["kid", "jti"])), json!({ "jti": "t-1" })),
    ] {
        let filter = audited(&wanted.map_or(json!({}), |wanted| json!({ "audit_claims": wanted })));
        let denied = request("GET", "/users/43", Some(&token(&claims)));
        let mut owner = expected.clone();
        owner["object"] = json!("43");
        assert_eq!(details(&filter, &denied), owner);
        let exempt = request("GET", "/users/43", Some(&token(&changed(claims.clone(), &json!({ "admin": true })))));
        assert_eq!(details(&filter, &exempt), expected);
        assert_eq!(outcome(&filter, &exempt, b"").notice, Notice::Recorded);
        let mut unverified = expected.clone();
        if expected != json!({}) {
            unverified["unverified"] = json!(true);
        }
        unverified["missed_by_s"] = json!(90);
        let expired = request("GET", "/token", Some(&token(&changed(claims.clone(), &json!({ "exp": NOW_S - 90 })))));
        assert_eq!(details(&filter, &expired), unverified);
    }
    // Nothing that is not signed well passes for the caller's.
    let filter = audited(&json!({}));
    let forged = format!("{}x", sign(&header, &json!({ "iss": "https://idp.example", "sub": "admin" })));
    let details = details(&filter, &request("GET", "/token", Some(&forged)));
    assert!(details["sub"].is_null() || details["unverified"] == true, "{details}");
    let unknown = sign(&header, &json!({ "iss": "https://idp.example", "sub": "admin" }));
    assert_eq!(
        self::details(&filter, &request("GET", "/token", Some(&unknown))),
        json!({ "iss": "https://idp.example", "sub": "admin", "kid": "k", "unverified": true })
    );
}

#[test]
fn events_have_nothing_of_what_cannot_be_read() {
    let filter = audited(&json!({}));
    for authorization in ["Bearer a.b.c", "Bearer secret", "Basic c2VjcmV0", "Bearer "] {
        assert_eq!(details(&filter, &get("/token", &[("authorization", authorization)])), json!({}));
    }
    assert_eq!(details(&filter, &request("GET", "/users/42", Some(&token(&json!({ "scope": "read" }))))), json!({}));
}
