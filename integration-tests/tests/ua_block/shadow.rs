//! Trying before enforcing: what shadow mode would have refused is counted and audited, and passes.

use std::collections::BTreeMap;

use portcullis_integration_tests::Request;
use serde_json::{Value, json};

use crate::gate::{Gate, get};

const AUDIT: &str = r#"{"cluster": "audit", "batch": {"max_age_ms": 10}}"#;

fn audit() -> Value {
    serde_json::from_str(AUDIT).unwrap()
}

/// What an event says of a decision.
fn summary(event: &Value) -> [&str; 7] {
    let at = |path| event.pointer(path).and_then(Value::as_str).unwrap_or("(none)");
    [
        at("/portcullis/class"),
        at("/portcullis/mode"),
        at("/portcullis/action"),
        at("/event/action"),
        at("/event/outcome"),
        at("/rule/name"),
        at("/event/reason"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_in_shadow_mode_only_tells() {
    let gate = Gate::start(&json!({
        "rules": [
            {"name": "trial", "contains": ["bot"], "action": "deny", "mode": "shadow"},
            {"name": "asleep", "contains": ["bot"], "action": "deny", "mode": "off"},
            {"name": "firm", "contains": ["evil"], "action": "deny"},
        ],
        "audit": audit(),
    }))
    .await;
    for (_, client) in gate.clients() {
        gate.passed(&client, get("a bot")).await;
        gate.refused(&client, get("an evil bot")).await;
    }
    let expected = BTreeMap::from([
        ("deny trial user_agent_denied shadow".to_owned(), 4),
        ("deny firm user_agent_denied enforce".to_owned(), 2),
        ("allow default no_rule_matched enforce".to_owned(), 2),
    ]);
    gate.await_decisions(&expected).await.unwrap();

    let events = gate.collector.await_count(6).await;
    let mut told: Vec<_> = events.iter().map(summary).collect();
    told.sort_unstable();
    let firm = ["deny", "enforce", "deny", "deny", "failure", "firm", "user_agent_denied"];
    let trial = ["shadow", "shadow", "deny", "allow", "success", "trial", "user_agent_denied"];
    assert_eq!(told, [firm, firm, trial, trial, trial, trial]);
    let passed = events.iter().filter(|event| event["portcullis"]["class"] == "shadow");
    assert!(passed.clone().all(|event| event["event"]["type"] == json!(["access", "allowed"])));
    assert!(passed.clone().all(|event| event.pointer("/http/response").is_none()), "nothing was answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_in_shadow_mode_lets_all_pass() {
    let rules = json!([{"name": "named", "contains": ["BadBot"], "action": "deny"}]);
    let gate = Gate::start(&json!({"mode": "shadow", "rules": rules, "default": "deny", "audit": audit()})).await;
    for (_, client) in gate.clients() {
        gate.passed(&client, get("BadBot")).await;
        gate.passed(&client, Request::get("/")).await;
        gate.passed(&client, get("\u{ff}".repeat(2000))).await;
    }
    let shadow = |rule: &str, reason: &str, count| (format!("deny {rule} {reason} shadow"), count);
    let expected = BTreeMap::from([
        shadow("named", "user_agent_denied", 2),
        shadow("missing", "user_agent_missing", 2),
        shadow("too_long", "user_agent_too_long", 2),
        shadow("default", "no_rule_matched", 6),
    ]);
    gate.await_decisions(&expected).await.unwrap();
    for event in gate.collector.await_count(12).await {
        assert_eq!(summary(&event)[..5], ["shadow", "shadow", "deny", "allow", "success"], "{event}");
    }
}

/// A hundred trials at once must not make a hundred events of one request.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_eight_decisions_at_most() {
    let rule = |n| json!({"name": format!("trial-{n}"), "contains": ["bot"], "action": "deny", "mode": "shadow"});
    let rules: Vec<Value> = (1..=100).map(rule).collect();
    let gate = Gate::start(&json!({"rules": rules, "default": "deny", "audit": audit()})).await;
    gate.refused(&gate.h1(), get("a bot")).await;
    let mut expected: BTreeMap<_, _> =
        (1..=7).map(|n| (format!("deny trial-{n} user_agent_denied shadow"), 1)).collect();
    expected.insert("deny default no_rule_matched enforce".to_owned(), 1);
    gate.await_decisions(&expected).await.unwrap();
    assert_eq!(gate.collector.await_count(8).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn off_is_off() {
    let rules = json!([{"name": "all", "regex": ["."], "action": "deny", "mode": "enforce"}]);
    let all = json!(["allow", "deny", "shadow", "error"]);
    let mut audit = audit();
    audit["events"] = all;
    let gate = Gate::start(&json!({"mode": "off", "rules": rules, "default": "deny", "audit": audit})).await;
    for (_, client) in gate.clients() {
        gate.passed(&client, get("BadBot")).await;
        gate.passed(&client, Request::get("/")).await;
    }
    assert_eq!(gate.decisions().await, BTreeMap::new());
    for class in ["allow", "deny", "shadow", "error"] {
        assert_eq!(gate.audited(class, "delivered").await, 0, "{class}");
    }
    assert!(gate.collector.batches().is_empty());
}
