//! What the filter says of requests, by what is asked of it.

mod caching;
mod documents;
mod enumeration;
mod host;
mod places;
mod providers;
mod refusals;
mod rules;
mod upstream;

use portcullis_shared::request::{Edit, Parts};
use serde_json::{Value, json};

use super::{JwtBola, NOW_S, filter, outcome, reason, request, sign, sign_with, token};

/// `base` with other members, where null takes one away.
fn changed(mut base: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() && name != "issuer" {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

/// The provider `main` with other members.
fn provider(changes: &Value) -> Value {
    changed(super::config(&json!([]))["providers"]["main"].take(), changes)
}

/// A configuration with these providers and rules, and other members.
fn with(providers: &Value, rules: &Value, more: &Value) -> Value {
    changed(json!({ "providers": providers, "rules": rules }), more)
}

/// One whose provider `main` has other members, and whose only rule asks for it.
fn main_with(changes: &Value) -> JwtBola {
    filter(&with(&json!({ "main": provider(changes) }), &json!([{ "path": "/**", "auth": ["main"] }]), &json!({})))
}

/// What is said of `GET` requests with this token.
fn said(filter: &JwtBola, target: &str, token: &str) -> &'static str {
    reason(filter, &request("GET", target, Some(token)), b"")
}

/// What is done to a request.
fn edits(filter: &JwtBola, request: &Parts) -> Vec<String> {
    let _ = super::decide(filter, request, b"");
    edits_of(request)
}

/// What was done to a request so far.
fn edits_of(request: &Parts) -> Vec<String> {
    let text = |edit: Edit| match edit {
        Edit::Set(name, value) => format!("{name}={}", String::from_utf8_lossy(&value)),
        Edit::Remove(name) => format!("-{name}"),
        Edit::Body(body) => format!("body={}", String::from_utf8_lossy(&body)),
        Edit::Property(name, value) => format!("@{name}={}", String::from_utf8_lossy(&value)),
    };
    request.edits.take().into_iter().map(text).collect()
}

/// A `GET` request with other headers.
fn get(target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut all = vec![(":method", "GET"), (":path", target)];
    all.extend(headers);
    Parts { now: NOW_S * 1_000_000_000, ..Parts::new(all) }
}
