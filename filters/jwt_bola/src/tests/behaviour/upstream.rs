//! What the upstream and later filters see.

use super::*;

/// With claims of all shapes in headers.
fn shown() -> JwtBola {
    let headers = json!({ "X-User-Id": "/sub", "x-roles": "/realm/roles", "x-any": "/any" });
    let providers = json!({
        "main": provider(&json!({ "claims_to_headers": headers, "claims_to_filters": ["/sub", "/any"] })),
        "other": provider(&json!({ "issuer": "other", "claims_to_headers": { "x-other": "/sub" } })),
    });
    let rules = json!([
        { "path": "/open/**", "auth": "none" },
        { "path": "/off/**", "auth": ["other"], "mode": "off" },
        { "path": "/shadow/**", "auth": ["main"], "mode": "shadow" },
        { "path": "/main/**", "auth": ["main"] },
    ]);
    filter(&with(&providers, &rules, &json!({ "default": "allow" })))
}

fn texts(claims: &Value) -> Vec<String> {
    let mut edits = edits(&shown(), &request("GET", "/main", Some(&token(claims))));
    assert_eq!(edits.remove(0), "-authorization");
    edits
}

#[test]
fn claims_are_given_as_texts() {
    let any = |value: Value| texts(&json!({ "sub": null, "any": value }));
    for (value, text) in [
        (json!("a b"), Some("a b")),
        (json!(""), Some("")),
        (json!("a,b"), Some("a,b")),
        (json!("Zoë"), Some("Zoë")),
        (json!(17), Some("17")),
        (json!(-1.5), Some("-1.5")),
        (json!(true), Some("true")),
        (json!(["a", 1, false]), Some("a,1,false")),
        (json!([]), Some("")),
        (json!(["a,b"]), None),
        (json!([["a"]]), None),
        (json!([null]), None),
        (json!(["a", {}]), None),
        (json!({ "a": 1 }), None),
        (json!(null), None),
    ] {
        let expected: Vec<_> = text
            .into_iter()
            .flat_map(|text| [format!("x-any={text}"), format!("@portcullis.claim./any={text}")])
            .collect();
        assert_eq!(any(value.clone()), expected, "{value}");
    }
    assert_eq!(
        texts(&json!({ "realm": { "roles": ["a", "b"] } })),
        ["x-user-id=42", "x-roles=a,b", "@portcullis.claim./sub=42"]
    );
}

#[test]
fn a_claim_that_would_split_a_header_makes_the_token_bad() {
    for text in ["a\r\nx-admin: 1", "a\nb", "a\0b", "a\u{7f}", "a\u{85}b", "\t"] {
        for claim in [json!(text), json!(["a", text])] {
            let token = token(&json!({ "any": claim }));
            assert_eq!(said(&shown(), "/main", &token), "token_claims_invalid", "{text:?}");
        }
    }
    let elsewhere = token(&json!({ "note": "a\nb" }));
    assert_eq!(said(&shown(), "/main", &elsewhere), "authorized");
}

#[test]
fn what_clients_send_in_the_names_of_claims_is_removed_on_every_route() {
    let names = ["x-user-id", "x_user_id", "X-User_Id", "x-roles", "x-other"];
    for target in ["/open", "/off", "/shadow", "/none", "/main", "//main", "*", ""] {
        for name in names {
            let request = get(target, &[("x-a", "1"), (name, "admin"), (name, "root")]);
            let expected = [format!("-{name}"), format!("-{name}")];
            assert_eq!(edits(&shown(), &request), expected, "{target} {name}");
        }
        for name in ["x-user", "x-user-ids", "xuser-id", "x-users-id", "x-user.id"] {
            assert!(edits(&shown(), &get(target, &[(name, "1")])).is_empty(), "{target} {name}");
        }
    }
}

#[test]
fn claims_take_the_place_of_what_clients_send() {
    let token = token(&json!({}));
    let bearer = format!("Bearer {token}");
    let request = get(
        "/main",
        &[("authorization", &bearer), ("x-user-id", "1"), ("x_user_id", "1"), ("x-roles", "r"), ("x-other", "o")],
    );
    assert_eq!(
        edits(&shown(), &request),
        ["-authorization", "-x_user_id", "-x-roles", "-x-other", "x-user-id=42", "@portcullis.claim./sub=42"]
    );
}

#[test]
fn a_denied_request_that_passes_carries_its_callers_claims() {
    let rules = json!([{ "path": "/{id}", "auth": ["main"], "owner": [{ "resource": "path.id", "claim": "/sub" }], "mode": "shadow" }]);
    let main = provider(&json!({ "claims_to_headers": { "x-user-id": "/sub" } }));
    let filter = filter(&with(&json!({ "main": main }), &rules, &json!({})));
    let bearer = format!("Bearer {}", token(&json!({})));
    let denied = get("/43", &[("authorization", &bearer), ("x-user-id", "43")]);
    assert_eq!(edits(&filter, &denied), ["-authorization", "x-user-id=42", "@portcullis.claim./sub=42"]);
}
