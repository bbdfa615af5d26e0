//! Which rule decides, and what it asks for.

use super::*;
use portcullis_shared::{decision::Action, mode::Mode};

fn rules(rules: &Value) -> JwtBola {
    rules_with(rules, &json!({}))
}

fn rules_with(rules: &Value, more: &Value) -> JwtBola {
    filter(&with(&json!({ "main": provider(&json!({})) }), rules, more))
}

#[test]
fn the_most_specific_path_decides_wherever_it_stands() {
    let filter = rules(&json!([
        { "name": "all", "path": "/**", "auth": ["main"] },
        { "name": "user", "path": "/users/{id}/**", "auth": ["main"], "owner": [{ "resource": "path.id", "claim": "/sub" }] },
        { "name": "me", "path": "/users/me", "auth": "none" },
        { "name": "public", "path": "/public/*", "auth": "none" },
    ]));
    for (target, rule, reason) in [
        ("/", "all", "authorized"),
        ("/users", "all", "authorized"),
        ("/users/42", "user", "authorized"),
        ("/users/42/orders/1", "user", "authorized"),
        ("/users/43", "user", "owner_mismatch"),
        ("/users/me", "me", "no_auth"),
        ("/users/me/", "me", "no_auth"),
        ("/users/ME", "user", "owner_mismatch"),
        ("/public/a", "public", "no_auth"),
        ("/public/a/b", "all", "authorized"),
    ] {
        let found = outcome(&filter, &request("GET", target, Some(&token(&json!({})))), b"");
        assert_eq!((&*found.rule, found.reason.0), (rule, reason), "{target}");
    }
}

#[test]
fn methods_that_are_named_go_first_and_others_fall_through() {
    let filter = rules(&json!([
        { "name": "any", "path": "/orders", "auth": ["main"] },
        { "name": "read", "path": "/orders", "methods": ["GET", "HEAD"], "auth": "none" },
        { "name": "write", "path": "/items/{id}", "methods": ["POST"], "auth": ["main"] },
        { "name": "rest", "path": "/items/**", "auth": "none" },
        { "name": "delete", "path": "/{kind}/{id}", "methods": ["DELETE"], "auth": ["main"] },
    ]));
    for (method, target, rule) in [
        ("GET", "/orders", "read"),
        ("HEAD", "/orders", "read"),
        ("POST", "/orders", "any"),
        ("get", "/orders", "any"),
        ("POST", "/items/1", "write"),
        ("GET", "/items/1", "rest"),
        // A path that is less specific in its first segment does not decide while one that is more so is for the method.
        ("DELETE", "/items/1", "rest"),
        ("DELETE", "/things/1", "delete"),
        ("GET", "/things/1", "default"),
    ] {
        let found = outcome(&filter, &request(method, target, Some(&token(&json!({})))), b"");
        assert_eq!(&*found.rule, rule, "{method} {target}");
    }
}

#[test]
fn what_no_rule_matches_gets_the_default() {
    let rule = json!([{ "path": "/a", "auth": ["main"] }]);
    for (default, mode, action, refuses) in [
        ("deny", "enforce", Action::Deny, true),
        ("allow", "enforce", Action::Allow, false),
        ("deny", "shadow", Action::Deny, false),
    ] {
        let filter = rules_with(&rule, &json!({ "default": default, "mode": mode }));
        let found = outcome(&filter, &get("/b", &[]), b"");
        assert_eq!((found.reason.0, found.action, found.refuses()), ("no_rule_matched", action, refuses));
    }
    let found = outcome(&rules(&rule), &get("/b", &[]), b"");
    assert_eq!(found.refusal.unwrap().status, 403, "deny is the default");
}

#[test]
fn no_token_is_asked_for_or_looked_at_without_auth() {
    let filter = rules(&json!([{ "path": "/a", "auth": "none" }]));
    for request in [get("/a", &[]), get("/a", &[("authorization", "Bearer !")]), request("GET", "/a", Some("x.y.z"))] {
        assert_eq!(reason(&filter, &request, b""), "no_auth");
        assert!(request.edits.take().is_empty());
    }
}

#[test]
fn require_owner_and_exempt_go_together() {
    let filter = rules(&json!([{
        "path": "/users/{id}",
        "auth": ["main"],
        "require": [
            { "claim": "/scope", "any_of": ["read", "admin"] },
            { "claim": "/groups", "all_of": ["a", "b"] },
        ],
        "owner": [
            { "resource": "path.id", "claim": "/sub" },
            { "resource": "query.tenant", "claim": "/tenants" },
        ],
        "exempt": [{ "claim": "/roles", "any_of": ["support"] }, { "claim": "/admin", "any_of": [true] }],
    }]));
    let good = json!({ "scope": "read write", "groups": ["a", "b", "c"], "tenants": ["t1", "t2"] });
    for (target, changes, expected) in [
        ("/users/42?tenant=t1", json!({}), "authorized"),
        ("/users/42?tenant=t3", json!({}), "owner_mismatch"),
        ("/users/43?tenant=t1", json!({}), "owner_mismatch"),
        ("/users/42", json!({}), "resource_missing"),
        ("/users/42?tenant=t1&tenant=t1", json!({}), "resource_repeated"),
        ("/users/42?tenant=t1", json!({ "tenants": null }), "claim_missing"),
        ("/users/42?tenant=t1", json!({ "tenants": { "t1": true } }), "claim_invalid"),
        ("/users/42?tenant=t1", json!({ "scope": "write" }), "claim_mismatch"),
        ("/users/42?tenant=t1", json!({ "scope": null }), "claim_missing"),
        ("/users/42?tenant=t1", json!({ "groups": ["a"] }), "claim_mismatch"),
        ("/users/43", json!({ "roles": ["support"] }), "owner_exempt"),
        ("/users/43", json!({ "roles": "sales support" }), "owner_exempt"),
        ("/users/43", json!({ "admin": true }), "owner_exempt"),
        ("/users/43", json!({ "admin": "true" }), "owner_mismatch"),
        // Who is exempt still needs what is required.
        ("/users/43", json!({ "roles": ["support"], "scope": "write" }), "claim_mismatch"),
    ] {
        let token = token(&changed(good.clone(), &changes));
        assert_eq!(said(&filter, target, &token), expected, "{target} {changes}");
    }
}

#[test]
fn overrides_are_refused_where_a_token_is_asked_for() {
    let list = json!([{ "path": "/a", "auth": ["main"] }, { "path": "/b", "auth": "none" }]);
    let bearer = format!("Bearer {}", token(&json!({})));
    for (path, name, expected) in [
        ("/a", "x-http-method-override", "method_override"),
        ("/a", "x-original-url", "path_override"),
        ("/a?_method=DELETE", "x-nothing", "method_override"),
        ("/a", "x_http_method_override", "method_override"),
        ("/a", "x-nothing", "authorized"),
        ("/b", "x-original-url", "no_auth"),
    ] {
        let request = get(path, &[("authorization", &bearer), (name, "x")]);
        let found = reason(&rules(&list), &request, b"");
        assert_eq!(found, expected, "{path} {name}");
        let allowed = rules_with(&list, &json!({ "overrides": "allow" }));
        assert_ne!(reason(&allowed, &request, b""), "method_override");
        assert_ne!(reason(&allowed, &request, b""), "path_override");
    }
}

#[test]
fn letters_of_paths_stand_for_both_cases_by_choice() {
    let list =
        json!([{ "path": "/Users/{id}", "auth": ["main"], "owner": [{ "resource": "path.id", "claim": "/sub" }] }]);
    let token = token(&json!({ "sub": "Ann" }));
    let sensitive = rules(&list);
    assert_eq!(said(&sensitive, "/Users/Ann", &token), "authorized");
    assert_eq!(said(&sensitive, "/users/Ann", &token), "no_rule_matched");
    let insensitive = rules_with(&list, &json!({ "path_case": "insensitive" }));
    assert_eq!(said(&insensitive, "/uSERS/Ann", &token), "authorized");
    assert_eq!(said(&insensitive, "/users/ann", &token), "owner_mismatch", "ids are compared as they are");
}

#[test]
fn paths_with_several_readings_are_refused_unless_one_is_chosen() {
    let list = json!([{ "path": "/a/{id}", "auth": ["main"], "owner": [{ "resource": "path.id", "claim": "/sub" }] }]);
    let token = token(&json!({}));
    let strict = rules(&list);
    for (target, expected) in [
        ("/a/42;x=1", "path_parameter"),
        ("/a//42", "path_empty_segment"),
        ("/b/../a/42", "path_dot_segment"),
        ("/a%2F42", "path_encoded_slash"),
        ("a", "path_not_absolute"),
        ("", "path_not_absolute"),
        ("*", "path_asterisk_form"),
        ("/a/4%32", "authorized"),
    ] {
        assert_eq!(said(&strict, target, &token), expected, "{target}");
    }
    let paths = json!({ "empty_segment": "resolve", "dot_segment": "resolve", "parameter": "resolve" });
    let resolved = rules_with(&list, &json!({ "paths": paths }));
    for (target, expected) in [
        ("/a//42", "authorized"),
        ("/b/../a/42", "authorized"),
        ("/a/43;x=42", "owner_mismatch"),
        ("/a%2F42", "path_encoded_slash"),
    ] {
        assert_eq!(said(&resolved, target, &token), expected, "{target}");
    }
}

#[test]
fn a_rule_has_its_own_mode_unless_the_filter_is_off() {
    let list = json!([
        { "path": "/enforce", "auth": ["main"], "mode": "enforce" },
        { "path": "/shadow", "auth": ["main"], "mode": "shadow" },
        { "path": "/off", "auth": ["main"], "mode": "off" },
        { "path": "/own", "auth": ["main"] },
    ]);
    for (mode, refused) in [("enforce", &["/enforce", "/own", "/none"][..]), ("shadow", &["/enforce"])] {
        let filter = rules_with(&list, &json!({ "mode": mode }));
        for target in ["/enforce", "/shadow", "/off", "/own", "/none"] {
            let found = outcome(&filter, &get(target, &[]), b"");
            assert_eq!(found.refuses(), refused.contains(&target), "{mode} {target}");
            assert_eq!(found.reason.0 == "token_missing", !matches!(target, "/off" | "/none"), "{mode} {target}");
            assert_ne!(found.mode, Mode::Off);
        }
        assert_eq!(reason(&filter, &request("GET", "/off", Some("x")), b""), "no_auth");
    }
    let off = rules_with(&list, &json!({ "mode": "off" }));
    assert_eq!(super::super::decide(&off, &get("/enforce", &[]), b""), []);
}

/// Or `//admin` would lead round the rule for `/admin`.
#[test]
fn paths_are_read_strictly_where_any_rule_is_enforced() {
    let rule = |mode: &str| json!([{ "path": "/admin", "auth": ["main"], "mode": mode }]);
    for (rule_mode, refuses) in [("enforce", true), ("shadow", false)] {
        let filter = rules_with(&rule(rule_mode), &json!({ "mode": "shadow", "default": "allow" }));
        let found = outcome(&filter, &get("//admin", &[]), b"");
        assert_eq!((found.reason.0, found.refuses()), ("path_empty_segment", refuses));
    }
}

#[test]
fn a_rule_in_shadow_mode_lets_pass_what_it_would_refuse() {
    let filter = rules(&json!([{
        "path": "/a/{id}", "auth": ["main"], "mode": "shadow", "owner": [{ "resource": "path.id", "claim": "/sub" }],
    }]));
    for (token, expected) in [
        (None, "token_missing"),
        (Some("x".to_owned()), "token_malformed"),
        (Some(token(&json!({ "exp": 1 }))), "token_expired"),
        (Some(token(&json!({}))), "owner_mismatch"),
    ] {
        let request = request("GET", "/a/43", token.as_deref());
        let found = outcome(&filter, &request, b"");
        assert_eq!((found.reason.0, found.refuses(), found.mode), (expected, false, Mode::Shadow));
        // Who is known is shown to the upstream, whatever else is said of the request.
        let is_known = expected == "owner_mismatch";
        let shown = if is_known { &["-authorization", "@portcullis.claim./sub=42"][..] } else { &[] };
        assert_eq!(edits_of(&request), shown, "{expected}");
    }
}

#[test]
fn ids_in_bodies_are_judged_within_a_limit() {
    let filter = rules(&json!([
        {
            "path": "/t/{t}", "auth": ["main"], "body_bytes": 64,
            "owner": [{ "resource": "path.t", "claim": "/tenant" }, { "resource": "body./user/id", "claim": "/sub" }],
            "exempt": [{ "claim": "/admin", "any_of": [true] }],
        },
    ]));
    let judged = |claims: &Value, target: &str, media_type: &str, body: &str| {
        let bearer = format!("Bearer {}", token(claims));
        let mut request = get(target, &[("authorization", &bearer), ("content-type", media_type)]);
        request.headers[0].1 = b"POST".to_vec();
        let found = outcome(&filter, &request, body.as_bytes());
        (found.reason.0, found.refusal.map(|refusal| refusal.status))
    };
    let tenant = json!({ "tenant": "t" });
    let json = "application/json";
    for (target, media_type, body, expected) in [
        ("/t/t", json, r#"{"user":{"id":"42"}}"#, ("authorized", None)),
        ("/t/t", json, r#"{"user":{"id":42}}"#, ("authorized", None)),
        ("/t/t", json, r#"{"user":{"id":"43"}}"#, ("owner_mismatch", Some(403))),
        ("/t/u", json, r#"{"user":{"id":"42"}}"#, ("owner_mismatch", Some(403))),
        ("/t/t", json, r#"{"user":{"id":"42","ID":"43"}}"#, ("resource_repeated", Some(400))),
        ("/t/t", json, r"{}", ("resource_missing", Some(400))),
        ("/t/t", json, "", ("resource_missing", Some(400))),
        ("/t/t", "text/plain", r#"{"user":{"id":"42"}}"#, ("body_invalid", Some(400))),
    ] {
        let found = judged(&tenant, target, media_type, body);
        assert_eq!(found, expected, "{target} {media_type} {body}");
    }
    let padded = |size: usize| format!("{:size$}", r#"{"user":{"id":"42"}}"#);
    assert_eq!(judged(&tenant, "/t/t", json, &padded(64)), ("authorized", None));
    assert_eq!(judged(&tenant, "/t/t", json, &padded(65)), ("body_too_large", Some(413)));
    assert_eq!(judged(&json!({ "admin": true }), "/t/x", json, &padded(65)), ("owner_exempt", None), "not even held");
}
