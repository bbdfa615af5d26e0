//! Which provider judges a token, and what is said when none accepts it.

use super::*;
use crate::tests::OTHER_SECRET;

/// `orders` and `billing` have one issuer, `other` has another and its own secret, `anyone` takes all issuers.
fn four() -> JwtBola {
    let providers = json!({
        "orders": provider(&json!({ "audiences": ["orders"] })),
        "billing": provider(&json!({ "audiences": ["billing"], "require": [{ "claim": "/paid", "any_of": [true] }] })),
        "other": provider(&json!({ "issuer": "other", "audiences": "any", "secret": { "env": "OTHER" }, "leeway_s": 0 })),
        "anyone": provider(&json!({ "issuer": null, "audiences": ["anyone"], "algorithms": ["HS512"] })),
    });
    let rules = json!([
        { "path": "/orders", "auth": ["orders"] },
        { "path": "/either", "auth": ["orders", "billing"] },
        { "path": "/turned", "auth": ["billing", "orders"] },
        { "path": "/two", "auth": ["orders", "other"] },
        { "path": "/anyone", "auth": ["other", "anyone"] },
    ]);
    filter(&with(&providers, &rules, &json!({})))
}

fn others(claims: &Value) -> String {
    let all = json!({ "iss": "other", "exp": NOW_S + 600 });
    sign_with(OTHER_SECRET, &json!({ "alg": "HS256" }), &changed(all, claims))
}

#[test]
fn the_issuer_chooses_the_provider() {
    let filter = four();
    let orders = token(&json!({ "aud": "orders" }));
    for (target, token, expected) in [
        ("/two", &orders, "authorized"),
        ("/two", &others(&json!({})), "authorized"),
        ("/orders", &others(&json!({})), "token_issuer_mismatch"),
        ("/orders", &token(&json!({ "iss": null, "aud": "orders" })), "token_issuer_mismatch"),
        ("/orders", &token(&json!({ "iss": "https://idp.example/", "aud": "orders" })), "token_issuer_mismatch"),
        // Signed by one provider's secret, and said to be another's.
        ("/two", &token(&json!({ "iss": "other" })), "token_signature_invalid"),
        ("/two", &others(&json!({ "iss": "https://idp.example", "aud": "orders" })), "token_signature_invalid"),
    ] {
        assert_eq!(said(&filter, target, token), expected, "{target} {token}");
    }
}

#[test]
fn providers_of_one_issuer_are_told_apart_by_audience() {
    let filter = four();
    for target in ["/either", "/turned"] {
        for (claims, expected) in [
            (json!({ "aud": "orders" }), "authorized"),
            (json!({ "aud": "billing", "paid": true }), "authorized"),
            (json!({ "aud": "shipping" }), "token_audience_mismatch"),
            (json!({ "aud": ["shipping", "billing"], "paid": true }), "authorized"),
            (json!({ "aud": null }), "token_audience_mismatch"),
            // What a provider asks for on every route is not asked for by the other one.
            (json!({ "aud": ["orders", "billing"], "paid": false }), "authorized"),
        ] {
            assert_eq!(said(&filter, target, &token(&claims)), expected, "{target} {claims}");
        }
    }
}

#[test]
fn a_provider_asks_for_claims_on_every_route() {
    let filter = main_with(&json!({ "require": [{ "claim": "/paid", "any_of": [true] }] }));
    for (claims, expected) in [
        (json!({ "paid": true }), "authorized"),
        (json!({ "paid": "true" }), "token_claims_invalid"),
        (json!({ "paid": false }), "token_claims_invalid"),
        (json!({}), "token_claims_invalid"),
    ] {
        assert_eq!(said(&filter, "/", &token(&claims)), expected, "{claims}");
    }
}

#[test]
fn what_is_said_is_what_the_provider_says_that_came_furthest() {
    let filter = four();
    for target in ["/either", "/turned"] {
        for (claims, expected) in [
            (json!({ "aud": "orders", "exp": NOW_S - 600 }), "token_expired"),
            (json!({ "aud": "billing", "exp": null, "paid": true }), "token_expiry_missing"),
            (json!({ "aud": "none", "exp": NOW_S - 600 }), "token_audience_mismatch"),
            (json!({ "iss": "nobody" }), "token_issuer_mismatch"),
        ] {
            assert_eq!(said(&filter, target, &token(&claims)), expected, "{target} {claims}");
        }
    }
    // The one that takes all issuers says something of each token, unless another one says more.
    assert_eq!(said(&filter, "/anyone", &token(&json!({}))), "token_algorithm_not_allowed");
    assert_eq!(said(&filter, "/anyone", &others(&json!({ "exp": NOW_S }))), "token_expired");
    assert_eq!(said(&filter, "/anyone", &others(&json!({ "exp": NOW_S + 1 }))), "authorized");
}

#[test]
fn an_issuer_of_null_takes_all() {
    let filter = main_with(&json!({ "issuer": null, "audiences": "any" }));
    for claims in [json!({}), json!({ "iss": "x", "aud": [] }), json!({ "iss": null, "aud": null })] {
        assert_eq!(said(&filter, "/", &token(&claims)), "authorized", "{claims}");
    }
    assert_eq!(said(&filter, "/", &token(&json!({ "iss": 5 }))), "token_claims_invalid");
}

#[test]
fn each_provider_has_its_own_times() {
    let filter = main_with(&json!({ "leeway_s": 10, "max_age_s": 100, "require_exp": false }));
    for (claims, expected) in [
        (json!({ "iat": NOW_S, "exp": NOW_S - 9 }), "authorized"),
        (json!({ "iat": NOW_S, "exp": NOW_S - 10 }), "token_expired"),
        (json!({ "iat": NOW_S, "exp": null }), "authorized"),
        (json!({ "exp": null }), "token_issued_at_missing"),
        (json!({ "iat": NOW_S - 109 }), "authorized"),
        (json!({ "iat": NOW_S - 110 }), "token_too_old"),
        (json!({ "iat": NOW_S + 10 }), "authorized"),
        (json!({ "iat": NOW_S + 11 }), "token_issued_in_future"),
        (json!({ "iat": NOW_S, "nbf": NOW_S + 11 }), "token_not_yet_valid"),
    ] {
        assert_eq!(said(&filter, "/", &token(&claims)), expected, "{claims}");
    }
}

#[test]
fn the_type_and_the_size_are_the_providers_matter() {
    let filter = main_with(&json!({ "typ": ["at+jwt"], "max_token_bytes": 256 }));
    let typed = |typ: &str| {
        sign(
            &json!({ "alg": "HS256", "typ": typ }),
            &json!({ "iss": "https://idp.example", "aud": "api", "exp": NOW_S + 9 }),
        )
    };
    assert_eq!(said(&filter, "/", &typed("at+jwt")), "authorized");
    assert_eq!(said(&filter, "/", &typed("application/AT+JWT")), "authorized");
    assert_eq!(said(&filter, "/", &typed("JWT")), "token_type_unexpected");
    assert_eq!(said(&filter, "/", &token(&json!({}))), "token_type_unexpected");
    assert_eq!(said(&filter, "/", &token(&json!({ "x": "y".repeat(99) }))), "token_too_large");
}

#[test]
fn each_provider_has_its_own_limit_of_size() {
    let providers = json!({
        "main": provider(&json!({ "max_token_bytes": 256 })),
        "large": provider(&json!({ "issuer": "large", "audiences": "any" })),
    });
    let filter = filter(&with(&providers, &json!([{ "path": "/", "auth": ["main", "large"] }]), &json!({})));
    let long = "y".repeat(300);
    assert_eq!(said(&filter, "/", &token(&json!({ "x": long, "iss": "large" }))), "authorized");
    assert_eq!(said(&filter, "/", &token(&json!({ "x": long }))), "token_too_large");
}
