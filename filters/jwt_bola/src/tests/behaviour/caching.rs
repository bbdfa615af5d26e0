//! What a verified token is remembered for, and what ends that.

use super::{documents::*, *};

fn at(seconds: u64, token: &str) -> Parts {
    Parts { now: seconds * 1_000_000_000, ..request("GET", "/", Some(token)) }
}

#[test]
fn a_token_is_not_remembered_beyond_its_end() {
    for (changes, claims, last) in [
        (json!({ "leeway_s": 0 }), json!({}), NOW_S + 599),
        (json!({ "leeway_s": 60 }), json!({}), NOW_S + 659),
        (json!({ "leeway_s": 0, "max_age_s": 100 }), json!({ "iat": NOW_S }), NOW_S + 99),
    ] {
        let filter = main_with(&changes);
        let token = token(&claims);
        for seconds in [NOW_S, NOW_S + 1, last] {
            assert_eq!(reason(&filter, &at(seconds, &token), b""), "authorized", "{changes} {seconds}");
        }
        for seconds in [last + 1, last + 10_000] {
            let found = reason(&filter, &at(seconds, &token), b"");
            assert!(matches!(found, "token_expired" | "token_too_old"), "{changes} {seconds} {found}");
        }
    }
}

#[test]
fn a_token_is_forgotten_with_its_key() {
    let filter = main_fetched(&json!({}));
    let token = signed(1, Some("a"), &json!({}));
    let said = || reason(&filter, &state(&token, false, true, false), b"");
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    assert_eq!((said(), said()), ("authorized", "authorized"));
    accept(&filter, 0, &jwks(&[(2, Some("b"))]));
    assert_eq!(said(), "token_key_unknown");
    // The same `kid` for another key.
    accept(&filter, 0, &jwks(&[(2, Some("a"))]));
    assert_eq!(said(), "token_signature_invalid");
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    assert_eq!(said(), "authorized");
    let stale = state(&token, false, false, false);
    assert_eq!(reason(&filter, &stale, b""), "keys_unavailable", "the keys are too old");
}

/// As one that is not remembered does.
#[test]
fn a_remembered_token_waits_for_keys_that_are_too_old() {
    use portcullis_shared::policy::{Next, Policy, Trail};
    let filter = main_fetched(&json!({}));
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    let token = signed(1, Some("a"), &json!({}));
    assert_eq!(reason(&filter, &state(&token, true, true, true), b""), "authorized");
    let stale = state(&token, true, false, true);
    let next = filter.on_request_headers(&stale, &mut Trail::default());
    assert!(matches!(next, Ok(Next::Wait(_))), "{next:?}");
}

#[test]
fn a_token_is_forgotten_when_it_is_revoked() {
    let revoked = json!({ "remote": { "cluster": "idp", "url": "https://idp.example/revoked" } });
    let filter = main_fetched(&json!({ "revoked": revoked }));
    accept(&filter, 0, &jwks(&[(1, Some("a"))]));
    accept(&filter, 1, "{}");
    let claims = json!({ "jti": "x", "iat": NOW_S });
    let (named, unnamed) = (signed(1, Some("a"), &claims), signed(1, None, &claims));
    for list in [
        json!({ "jti": ["x"] }),
        json!({ "kid": ["a"] }),
        json!({ "subjects": [{ "sub": "42", "issued_before": NOW_S + 1 }] }),
        json!({ "jti": [{ "iss": "https://idp.example", "jti": "x" }] }),
    ] {
        for token in [&named, &unnamed] {
            let said = || reason(&filter, &state(token, false, true, false), b"");
            assert_eq!((said(), said()), ("authorized", "authorized"));
            accept(&filter, 1, &list.to_string());
            assert_eq!((said(), said()), ("token_revoked", "token_revoked"), "{list}");
            accept(&filter, 1, "{}");
        }
    }
}

#[test]
fn a_cache_may_hold_nothing_or_little() {
    for cache in [json!({ "entries": 0 }), json!({ "bytes": 0 }), json!({ "entries": 1 }), json!({ "bytes": 2000 })] {
        let rules = json!([{ "path": "/**", "auth": ["main"] }]);
        let filter = filter(&with(&json!({ "main": provider(&json!({})) }), &rules, &json!({ "cache": cache })));
        let tokens: Vec<_> = (0..5).map(|number| token(&json!({ "sub": number.to_string() }))).collect();
        for token in tokens.iter().chain(&tokens) {
            assert_eq!(said(&filter, "/", token), "authorized", "{cache}");
            assert_eq!(said(&filter, "/", token), "authorized", "{cache}");
            assert_ne!(said(&filter, "/", &format!("{token}A")), "authorized");
        }
    }
}

#[test]
fn what_is_remembered_is_for_one_provider_and_one_token() {
    let providers = json!({
        "main": provider(&json!({})),
        "strict": provider(&json!({ "audiences": ["strict"] })),
    });
    let rules = json!([
        { "path": "/main", "auth": ["main"] },
        { "path": "/strict", "auth": ["strict"] },
        { "path": "/{id}", "auth": ["main"], "owner": [{ "resource": "path.id", "claim": "/sub" }] },
    ]);
    let filter = filter(&with(&providers, &rules, &json!({})));
    let (ann, bob) = (token(&json!({ "sub": "ann" })), token(&json!({ "sub": "bob" })));
    for _ in 0..3 {
        for (target, token, expected) in [
            ("/main", &ann, "authorized"),
            ("/strict", &ann, "token_audience_mismatch"),
            ("/ann", &ann, "authorized"),
            ("/bob", &ann, "owner_mismatch"),
            ("/bob", &bob, "authorized"),
            ("/ann", &bob, "owner_mismatch"),
        ] {
            assert_eq!(said(&filter, target, token), expected, "{target}");
        }
    }
}

/// Only the end of a token is hashed.
#[test]
fn a_token_with_the_end_of_another_is_another() {
    let filter = main_with(&json!({}));
    let (ann, bob) = (token(&json!({ "sub": "ann" })), token(&json!({ "sub": "bob" })));
    assert_eq!(said(&filter, "/", &ann), "authorized");
    let (claims, _) = bob.rsplit_once('.').unwrap();
    let (_, signature) = ann.rsplit_once('.').unwrap();
    assert_eq!(said(&filter, "/", &format!("{claims}.{signature}")), "token_signature_invalid");
}
