//! Trying before enforcing: what shadow mode would have refused is counted and audited, and passes, without what clients
//! claim to be.

use portcullis_integration_tests::{Client, Decisions, Issuer, IssuerMode, Received, Request, merge};
use serde_json::{Value, json};

use crate::gate::{Gate, config, remote_config, token, users, with_token};

/// What would be refused: the request, and the decision about it.
fn refusals() -> Vec<(Request, &'static str)> {
    let good = token(&json!({}));
    let post = |body: Vec<u8>, token| {
        with_token(Request::post("/orders", body).header("content-type", "application/json"), token)
    };
    let (head, tail) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}{tail}", if tail.starts_with('A') { "B" } else { "A" });
    vec![
        (Request::get("/users/42/orders"), "deny token token_missing"),
        (with_token(Request::get("/users/42/orders"), "nonsense"), "deny token token_malformed"),
        (with_token(Request::get("/users/42/orders"), &forged), "deny token token_signature_malformed"),
        (
            with_token(Request::get("/users/42/orders"), &token(&json!({"exp": 1_700_000_000}))),
            "deny token token_expired",
        ),
        (with_token(with_token(Request::get("/users/42/orders"), &good), &good), "deny token token_source_multiple"),
        (with_token(Request::get("/users/43/orders"), &good), "deny users owner_mismatch"),
        (
            with_token(Request::get("/users/42/orders"), &good).header("x-http-method-override", "DELETE"),
            "deny overrides method_override",
        ),
        (post(br#"{"customer_id": "43"}"#.to_vec(), &good), "deny orders owner_mismatch"),
        (post(br#"{"customer_id": "43"}"#.to_vec(), &good).trailer("x-trailer", "1"), "deny orders owner_mismatch"),
        (post(b"{".to_vec(), &good), "deny orders body_invalid"),
        (post(vec![b' '; 70_000], &good), "deny orders body_too_large"),
        (post(b"x".to_vec(), &good).header("content-encoding", "gzip"), "deny orders body_encoded"),
    ]
}

/// The request passes, and what the client claimed to be does not.
async fn passes(gate: &Gate, client: &Client, request: Request, context: &str) -> Received {
    gate.upstream.clear();
    gate.passed(client, request.header("x-user-id", "7").header("X_User-ID", "7")).await;
    let seen = gate.upstream.wait_for(|seen| seen.complete).await;
    assert!(seen.headers.all("x-user-id").iter().all(|user| *user == b"42"), "{context}: {seen:?}");
    assert_eq!(seen.headers.get("x_user-id"), None, "{context}");
    seen
}

/// Like [`passes`] under rules in shadow mode: the upstream sees who calls where that is known, and the token where not.
async fn passes_in_shadow(gate: &Gate, client: &Client, request: Request, context: &str) {
    let seen = passes(gate, client, request, context).await;
    let is_known = ["deny users", "deny orders"].iter().any(|rule| context.contains(rule));
    assert_eq!(seen.headers.get("x-user-id").is_some(), is_known, "{context}");
    let is_sent = !context.contains("token_missing") && !context.contains("default") && !context.contains("paths");
    assert_eq!(seen.headers.get("authorization").is_some(), is_sent && !is_known, "{context}");
}

fn audited_config(mode: &str, rules: &Value) -> Value {
    let mut config = config(rules);
    config["mode"] = json!(mode);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_in_shadow_mode_lets_all_pass() {
    let gate = Gate::start(&audited_config("shadow", &users())).await;
    let mut expected = Decisions::new();
    for (version, client) in gate.clients() {
        for (request, decision) in refusals() {
            passes_in_shadow(&gate, &client, request, &format!("{version}: {decision}")).await;
            *expected.entry(format!("{decision} shadow")).or_default() += 1;
        }
        for (request, decision) in [
            (Request::get("/elsewhere"), "deny default no_rule_matched"),
            (Request::get("/users/42/%2e%2e/43"), "deny paths path_encoded_dot"),
        ] {
            passes_in_shadow(&gate, &client, request, &format!("{version}: {decision}")).await;
            *expected.entry(format!("{decision} shadow")).or_default() += 1;
        }
    }
    gate.await_decisions(&expected).await.unwrap_or_else(|found| panic!("{found:#?} instead of {expected:#?}"));
    let total = expected.values().sum::<u64>();
    for event in gate.collector.await_count(usize::try_from(total).unwrap()).await {
        let at = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or("(none)");
        let said = ["/portcullis/class", "/portcullis/mode", "/portcullis/action", "/event/action", "/event/outcome"];
        assert_eq!(said.map(at), ["shadow", "shadow", "deny", "allow", "success"], "{event}");
        assert!(event.pointer("/http/response").is_none(), "nothing was answered: {event}");
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_is_the_same_in_shadow_mode() {
    let gate = Gate::start(&audited_config("shadow", &users())).await;
    for (_, client) in gate.clients() {
        gate.upstream.clear();
        let request = Request::get("/users/42/orders").header("x-user-id", "7");
        gate.passed(&client, with_token(request, &token(&json!({})))).await;
        let seen = gate.upstream.only_request();
        assert_eq!(seen.headers.all("x-user-id"), [b"42"]);
        assert_eq!(seen.headers.get("authorization"), None);
    }
    let expected = Decisions::from([("allow users authorized shadow".to_owned(), 2)]);
    gate.await_decisions(&expected).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_in_shadow_mode_only_tells_and_others_refuse() {
    let mut rules = users();
    rules[1]["mode"] = json!("shadow");
    rules[2]["mode"] = json!("shadow");
    rules.as_array_mut().unwrap().push(json!({"name": "firm", "path": "/firm/{user_id}", "auth": ["main"], "owner": [
        {"resource": "path.user_id", "claim": "/sub"},
    ]}));
    let gate = Gate::start(&config(&rules)).await;
    let mut expected = Decisions::new();
    for (version, client) in gate.clients() {
        for (request, decision) in refusals() {
            passes_in_shadow(&gate, &client, request, &format!("{version}: {decision}")).await;
            *expected.entry(format!("{decision} shadow")).or_default() += 1;
        }
        gate.upstream.clear();
        gate.refused_with(401, &client, Request::get("/firm/42")).await;
        gate.refused_with(403, &client, with_token(Request::get("/firm/43"), &token(&json!({})))).await;
        gate.refused_with(403, &client, Request::get("/elsewhere")).await;
        // Which rule it is for cannot be told.
        gate.refused_with(400, &client, Request::get("/users/42/%2e%2e/43")).await;
        for decision in [
            "deny token token_missing enforce",
            "deny firm owner_mismatch enforce",
            "deny default no_rule_matched enforce",
            "deny paths path_encoded_dot enforce",
        ] {
            *expected.entry(decision.to_owned()).or_default() += 1;
        }
    }
    gate.await_decisions(&expected).await.unwrap_or_else(|found| panic!("{found:#?} instead of {expected:#?}"));
    gate.assert_no_vm_failed().await;
}

/// A filter without keys, in shadow mode, is no outage.
#[tokio::test(flavor = "multi_thread")]
async fn without_keys_requests_pass_in_shadow_mode() {
    let issuer = Issuer::start().await;
    issuer.set_mode(IssuerMode::Status(500));
    let mut config = remote_config(&json!({}), &users());
    merge(&mut config, &json!({"mode": "shadow", "wait_ms": 200}));
    let gate = Gate::with_issuer(&config, &issuer).await;
    for (version, client) in gate.clients() {
        let request = with_token(Request::get("/users/42/orders"), &token(&json!({})));
        passes(&gate, &client, request, version).await;
    }
    let expected = Decisions::from([("deny token keys_unavailable shadow".to_owned(), 2)]);
    gate.await_decisions(&expected).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_off_does_nothing() {
    let mut config = audited_config("off", &users());
    config["audit"]["events"] = json!(["allow", "deny", "shadow", "error"]);
    let gate = Gate::start(&config).await;
    for (_, client) in gate.clients() {
        for (request, _) in refusals() {
            gate.upstream.clear();
            gate.passed(&client, request.header("x-user-id", "7")).await;
            assert_eq!(gate.upstream.requests()[0].headers.get("x-user-id"), Some(&b"7"[..]));
        }
    }
    assert_eq!(gate.decisions().await, Decisions::new());
    assert!(gate.collector.batches().is_empty());
}

/// The filter still keeps what clients claim to be from the upstream, as on every route.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_off_asks_for_nothing() {
    let mut rules = users();
    rules[1]["mode"] = json!("off");
    rules[2]["mode"] = json!("off");
    let gate = Gate::start(&config(&rules)).await;
    for (version, client) in gate.clients() {
        for (request, decision) in refusals() {
            passes(&gate, &client, request, &format!("{version}: {decision}")).await;
        }
        gate.upstream.clear();
        gate.refused_with(403, &client, Request::get("/elsewhere")).await;
    }
    let denied = gate.decisions().await.into_iter().filter(|(decision, _)| decision.starts_with("deny"));
    assert_eq!(
        denied.collect::<Decisions>(),
        Decisions::from([("deny default no_rule_matched enforce".to_owned(), 2)])
    );
}
