//! Where tokens are looked for, and what the upstream sees of them.

use super::*;

fn places(forward: bool) -> JwtBola {
    main_with(&json!({
        "claims_to_filters": [],
        "forward": forward,
        "from": [
            { "header": "Authorization", "scheme": "Bearer" },
            { "header": "X-Token" },
            { "cookie": "session" },
            { "query": "access_token" },
        ],
    }))
}

#[test]
fn a_token_comes_from_any_one_place() {
    let filter = places(false);
    let token = token(&json!({}));
    let (bearer, cookie) = (format!("bearer {token}"), format!("a=b; session={token}"));
    let query = format!("/x?a=b&access_token={token}&c");
    for (request, edit) in [
        (get("/x", &[("authorization", &bearer)]), "-authorization".to_owned()),
        (get("/x", &[("x-token", &token)]), "-x-token".to_owned()),
        (get("/x", &[("cookie", &cookie)]), "cookie=a=b".to_owned()),
        (get("/x", &[("cookie", &format!("session={token}"))]), "-cookie".to_owned()),
        (get("/x", &[("cookie", "a=1"), ("cookie", &cookie), ("cookie", "c=2")]), "cookie=a=1; a=b; c=2".to_owned()),
        (get(&query, &[]), ":path=/x?a=b&c".to_owned()),
        (get(&format!("/x?access_token={token}"), &[]), ":path=/x".to_owned()),
        // Credentials of another scheme are none of this filter's business.
        (get("/x", &[("authorization", "Basic dTpw"), ("x-token", &token)]), "-x-token".to_owned()),
    ] {
        assert_eq!(reason(&filter, &request, b""), "authorized");
        request.edits.take();
        assert_eq!(edits(&filter, &request), [edit]);
        assert_eq!(reason(&places(true), &request, b""), "authorized");
        request.edits.take();
        assert_eq!(edits(&places(true), &request), [""; 0], "forwarded as it was");
    }
}

#[test]
fn two_tokens_are_one_too_many() {
    let filter = places(false);
    let token = token(&json!({}));
    let (bearer, cookie) = (format!("Bearer {token}"), format!("session={token}"));
    let query = format!("/x?access_token={token}");
    for (request, expected) in [
        (get("/x", &[("authorization", &bearer), ("cookie", &cookie)]), "token_source_multiple"),
        (get(&query, &[("x-token", &token)]), "token_source_multiple"),
        (get("/x", &[("x-token", &token), ("x-token", &token)]), "token_source_multiple"),
        (get(&query, &[("authorization", "Bearer !")]), "token_source_malformed"),
        (get("/x", &[("cookie", "session=")]), "token_source_malformed"),
        (get("/x", &[("x-token", &bearer)]), "token_source_malformed"),
        (get("/x", &[("authorization", "Basic dTpw")]), "token_missing"),
        (get("/x", &[("x_token", &token)]), "token_missing"),
        (get("/x", &[]), "token_missing"),
    ] {
        assert_eq!(reason(&filter, &request, b""), expected, "{:?}", request.headers);
        assert!(request.edits.take().is_empty());
    }
}

#[test]
fn a_rule_looks_where_its_own_providers_do() {
    let providers = json!({
        "main": provider(&json!({ "from": [{ "cookie": "session" }] })),
        "other": provider(&json!({ "issuer": "other", "from": [{ "header": "authorization", "scheme": "Bearer" }] })),
        "lower": provider(&json!({ "issuer": "lower", "from": [{ "header": "authorization", "scheme": "bearer" }] })),
    });
    let rules = json!([
        { "path": "/cookie", "auth": ["main"] },
        { "path": "/both", "auth": ["main", "other", "lower"] },
    ]);
    let filter = filter(&with(&providers, &rules, &json!({})));
    let token = token(&json!({}));
    let (bearer, cookie) = (format!("Bearer {token}"), format!("session={token}"));
    assert_eq!(reason(&filter, &get("/cookie", &[("authorization", &bearer)]), b""), "token_missing");
    assert_eq!(reason(&filter, &get("/cookie", &[("cookie", &cookie)]), b""), "authorized");
    // The places of all of a rule's providers are one: schemes that differ in case alone among them.
    assert_eq!(reason(&filter, &get("/both", &[("authorization", &bearer)]), b""), "authorized");
    let both = get("/both", &[("authorization", &bearer), ("cookie", &cookie)]);
    assert_eq!(reason(&filter, &both, b""), "token_source_multiple");
}
