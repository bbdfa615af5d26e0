//! The alarm about who tries ids one after another.

use super::*;
use portcullis_shared::{decision::Notice, policy::Policy, store::MemoryStore};

fn watched(more: &Value) -> JwtBola {
    let rules = json!([{
        "path": "/{id}", "auth": ["main"],
        "owner": [{ "resource": "path.id", "claim": "/sub" }],
        "exempt": [{ "claim": "/admin", "any_of": [true] }],
    }]);
    filter(&with(&json!({ "main": provider(&json!({})) }), &rules, more))
}

/// A request for an object, `seconds` from now; the store is that of the last one.
fn ask(filter: &JwtBola, store: &mut MemoryStore, token: &str, object: &str, seconds: u64) -> (&'static str, Value) {
    let now = (NOW_S + seconds) * 1_000_000_000;
    let parts = request("GET", &format!("/{object}"), Some(token));
    let parts = Parts { now, store: std::mem::take(store), ..parts };
    let decisions = super::super::decide(filter, &parts, b"");
    let details = decisions[0].details.iter().map(|detail| (detail.name.to_owned(), detail.value.clone())).collect();
    *store = parts.store;
    (filter.outcomes().get(decisions[0].outcome).unwrap().reason.0, details)
}

#[test]
fn an_alarm_is_raised_at_one_object_too_many_and_once_in_a_window() {
    let filter = watched(&json!({ "enumeration": { "objects": 3, "window_s": 60 } }));
    let (store, ann) = (&mut MemoryStore::default(), &token(&json!({ "sub": "ann" })));
    for (object, seconds, expected) in [
        ("1", 0, "owner_mismatch"),
        ("2", 1, "owner_mismatch"),
        ("2", 2, "owner_mismatch"),
        ("ann", 2, "authorized"),
        ("3", 3, "owner_mismatch"),
        ("4", 4, "object_enumeration"),
        ("5", 5, "owner_mismatch"),
        ("6", 70, "owner_mismatch"),
    ] {
        let (reason, details) = ask(&filter, store, ann, object, seconds);
        assert_eq!(reason, expected, "{object}");
        if expected == "object_enumeration" {
            assert_eq!(
                details,
                json!({ "iss": "https://idp.example", "sub": "ann", "objects_denied": 4, "within_s": 4, "object": "4" })
            );
        }
    }
    let alarm = filter.outcomes().iter().find(|outcome| outcome.reason.0 == "object_enumeration").unwrap();
    assert!(alarm.notice == Notice::Alert && alarm.refuses());
    assert_eq!(alarm.refusal.as_ref().unwrap().status, 403, "the client sees no difference");
}

#[test]
fn each_subject_counts_for_itself_and_tokens_do_not() {
    let filter = watched(&json!({ "enumeration": { "objects": 2 } }));
    let store = &mut MemoryStore::default();
    let token = |sub: &str, jti: &str| token(&json!({ "sub": sub, "jti": jti }));
    let said: Vec<_> = [("ann", "1"), ("bob", "1"), ("ann", "2"), ("bob", "2"), ("ann", "3")]
        .map(|(sub, object)| ask(&filter, store, &token(sub, object), object, 600).0)
        .into();
    assert_eq!(said, ["owner_mismatch", "owner_mismatch", "owner_mismatch", "owner_mismatch", "object_enumeration"]);
    assert_eq!(ask(&filter, store, &token("bob", "9"), "3", 600).0, "object_enumeration");
}

#[test]
fn workers_count_together() {
    let config = json!({ "enumeration": { "objects": 2 } });
    let (one, two) = (watched(&config), watched(&config));
    let (store, ann) = (&mut MemoryStore::default(), &token(&json!({ "sub": "ann" })));
    assert_eq!(ask(&one, store, ann, "1", 0).0, "owner_mismatch");
    assert_eq!(ask(&two, store, ann, "2", 1).0, "owner_mismatch");
    assert_eq!(ask(&one, store, ann, "3", 2).0, "object_enumeration");
}

#[test]
fn nothing_is_counted_that_is_not_an_others_object() {
    let filter = watched(&json!({ "enumeration": { "objects": 1 } }));
    let store = &mut MemoryStore::default();
    let admin = token(&json!({ "admin": true }));
    for object in ["1", "2", "3"] {
        assert_eq!(ask(&filter, store, &admin, object, 0).0, "owner_exempt");
        assert_eq!(ask(&filter, store, &token(&json!({ "sub": null })), object, 0).0, "claim_missing");
        assert_eq!(ask(&filter, store, "x.y.z", object, 0).0, "token_base64_invalid");
    }
    let unwatched = watched(&json!({}));
    for object in ["1", "2", "3"] {
        assert_eq!(ask(&unwatched, store, &token(&json!({})), object, 0).0, "owner_mismatch");
    }
}
