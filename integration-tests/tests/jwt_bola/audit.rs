//! What the collector gets, and what it never gets.

use std::collections::BTreeMap;

use portcullis_integration_tests::mint::{self, Key, Token};
use portcullis_integration_tests::{Bootstrap, Client, Launch, Request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::gate::{Gate, config, filter, users, with_token};
use crate::provider::signed;

fn by_p256(claims: &Value) -> String {
    signed(&Key::load("p256-1"), "p256-1", claims)
}

/// The only event since the last time.
async fn event_of(gate: &Gate, status: u16, request: Request) -> Value {
    gate.collector.clear();
    gate.refused_with(status, &gate.h1(), request).await;
    let events = gate.collector.await_count(1).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    events[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_say_why_and_whose() {
    let claims = json!({"jti": "token-7"});
    let whose = json!({"iss": "https://idp.example", "sub": "42", "jti": "token-7", "kid": "p256-1"});
    let unverified = |token: String| (with_token(Request::get("/users/42/orders"), &token), 401);
    let cases = [
        ((Request::get("/users/42/orders"), 401), "token", "token_missing", json!({})),
        (
            (with_token(Request::get("/users/43/orders"), &by_p256(&claims)), 403),
            "users",
            "owner_mismatch",
            json!({"object": "43"}),
        ),
        (
            unverified(signed(&Key::load("p256-2"), "p256-1", &claims)),
            "token",
            "token_signature_invalid",
            json!({"unverified": true}),
        ),
        (
            unverified(signed(&Key::load("p256-2"), "p256-2", &claims)),
            "token",
            "token_key_unknown",
            json!({"unverified": true, "kid": "p256-2"}),
        ),
        (
            unverified(by_p256(&json!({"jti": "token-7", "iss": "https://else"}))),
            "token",
            "token_issuer_mismatch",
            json!({"unverified": true, "iss": "https://else"}),
        ),
        // Nothing is known of what cannot be read.
        (unverified("x.y".to_owned()), "token", "token_malformed", Value::Null),
    ];
    for wanted in [json!(["iss", "sub", "jti", "kid"]), json!(["sub", "kid"]), json!([])] {
        let mut config = config(&users());
        config["audit_claims"] = wanted.clone();
        let gate = Gate::start(&config).await;
        for ((request, status), rule, reason, patch) in cases.clone() {
            let event = event_of(&gate, status, request).await;
            assert_eq!(event["event"]["reason"], reason, "{event:#}");
            assert_eq!(event["rule"]["name"], rule, "{event:#}");
            let mut expected = if patch.is_null() || reason == "token_missing" { json!({}) } else { whose.clone() };
            portcullis_integration_tests::merge(&mut expected, &if patch.is_null() { json!({}) } else { patch });
            let kept = |name: &String| match name.as_str() {
                "object" => true,
                // There is nothing to doubt where nothing is said.
                "unverified" => wanted != json!([]),
                name => wanted.as_array().unwrap().contains(&json!(name)),
            };
            expected.as_object_mut().unwrap().retain(|name, _| kept(name));
            let details = event["portcullis"].get("details").cloned().unwrap_or_else(|| json!({}));
            assert_eq!(details, expected, "{reason} with {wanted}");
        }
        gate.assert_no_vm_failed().await;
    }
}

/// Callers whom `owner` does not bind are seen by whoever reads events, whatever else is sent.
#[tokio::test(flavor = "multi_thread")]
async fn exempt_callers_are_always_audited() {
    for events in [json!(["deny"]), json!(["error"]), json!(["allow", "shadow", "deny", "error"])] {
        let mut config = config(&users());
        config["audit"]["events"] = events.clone();
        let gate = Gate::start(&config).await;
        let admin = by_p256(&json!({"roles": ["admin"], "jti": "token-8"}));
        for (_, client) in gate.clients() {
            gate.collector.clear();
            gate.passed(&client, with_token(Request::get("/users/43/orders"), &admin)).await;
            let event = gate.collector.await_count(1).await.remove(0);
            assert_eq!(event["event"]["reason"], "owner_exempt", "{events}");
            assert_eq!((&event["event"]["action"], &event["rule"]["name"]), (&json!("allow"), &json!("users")));
            assert_eq!(event["portcullis"]["details"]["sub"], "42");
            assert_eq!(event["portcullis"]["details"]["jti"], "token-8");
        }
        gate.assert_no_vm_failed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_many_objects_raises_one_alarm() {
    let mut config = config(&users());
    config["enumeration"] = json!({"objects": 5, "window_s": 3600});
    let gate = Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap).concurrency(4)).await;
    let address = gate.envoy.address();
    let mut sent = JoinSet::new();
    for sub in ["41", "42"] {
        for object in 100..140 {
            let token = by_p256(&json!({"sub": sub}));
            // Each over a connection of its own, so that all workers have a part in it.
            sent.spawn(async move {
                let request = with_token(Request::get(&format!("/users/{object}/orders")), &token);
                assert_eq!(Client::h1(address).send(request).await.status, 403);
            });
        }
    }
    // One object again and again is no enumeration.
    for _ in 0..40 {
        let token = by_p256(&json!({"sub": "43"}));
        sent.spawn(async move {
            let request = with_token(Request::get("/users/100/orders"), &token);
            assert_eq!(Client::h1(address).send(request).await.status, 403);
        });
    }
    sent.join_all().await;
    assert_eq!(gate.upstream.count(), 0);
    let events = gate.collector.await_count(120).await;
    assert_eq!(events.len(), 120);
    let mut alarms: BTreeMap<String, u64> = BTreeMap::new();
    for event in &events {
        let is_alarm = event["event"]["reason"] == "object_enumeration";
        assert_eq!(event["event"]["kind"] == "alert", is_alarm, "{event:#}");
        assert!(is_alarm || event["event"]["reason"] == "owner_mismatch", "{event:#}");
        if is_alarm {
            let details = &event["portcullis"]["details"];
            assert_eq!(details["objects_denied"], 6, "{event:#}");
            assert!(details["within_s"].is_u64() && details["object"].is_string(), "{event:#}");
            *alarms.entry(details["sub"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(alarms, BTreeMap::from([("41".to_owned(), 1), ("42".to_owned(), 1)]));
    gate.assert_no_vm_failed().await;
}

/// Every piece of 20 characters of a text.
fn pieces(text: &str) -> Vec<&str> {
    (0..=text.len().saturating_sub(20)).filter_map(|start| text.get(start..start + 20)).collect()
}

/// In no event, no answer, and not in the log that Envoy writes at level `debug` by its Wasm parts, nor in anything that it
/// writes at the usual one.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_in_events_answers_or_log() {
    let places = json!([
        {"header": "authorization", "scheme": "Bearer"}, {"cookie": "session"}, {"query": "access_token"},
        {"header": "x-token"},
    ]);
    let mut config = config(&users());
    config["providers"]["main"]["from"] = places;
    config["providers"]["main"]["claims_to_filters"] = json!(["/sub"]);
    config["audit"]["events"] = json!(["allow", "shadow", "deny", "error"]);
    config["revoked"] = json!({"jti": ["stolen"]});
    let launch = |bootstrap: Bootstrap| Launch::new(bootstrap).wasm_log_level("debug");
    let gate = Gate::launch(filter(&config), launch).await;
    let key = Key::load("p256-1");
    let all = |claims: &Value| {
        let mut all = mint::claims_with(&json!({"sub": "42"}));
        portcullis_integration_tests::merge(&mut all, claims);
        all
    };
    let unsigned = |header: &Value, claims: &Value| Token::new("ES256", &all(claims)).kid("p256-1").header(header);
    let good = by_p256(&json!({}));
    let tokens = [
        good.clone(),
        by_p256(&json!({"roles": ["admin"]})),
        by_p256(&json!({"exp": 1_700_000_001})),
        by_p256(&json!({"aud": "else"})),
        by_p256(&json!({"jti": "stolen"})),
        by_p256(&json!({"sub": "a\nb"})),
        signed(&Key::load("p256-2"), "p256-1", &json!({})),
        signed(&Key::load("p256-2"), "unknown", &json!({})),
        unsigned(&json!({"alg": "none"}), &json!({})).signature(key.sign("ES256", b"none")),
        unsigned(&json!({"crit": ["x"]}), &json!({})).sign(&key),
        unsigned(&json!({"jwk": {}}), &json!({})).sign(&key),
        Token::new("ES256", &json!({})).payload("no JSON").sign(&key),
        Token::new("ES256", &json!({})).header_text("no JSON").sign_as("ES256", &key),
        format!("{good}="),
        format!("{good}.{}", good.rsplit('.').next().unwrap()),
    ];
    let (mut requests, mut texts) = (0, Vec::new());
    for token in &tokens {
        for path in ["/users/42/orders", "/users/43/orders", "/elsewhere", "/health", "/users/42/..%2f"] {
            let places = [
                with_token(Request::get(path), token),
                Request::get(path).header("authorization", token),
                Request::get(path).header("cookie", format!("a=b; session={token}; c=d")),
                Request::get(path).header("x-token", token),
                Request::get(&format!("{path}?access_token={token}&page=1")),
                with_token(Request::get(&format!("{path}?access_token={token}")), token),
                with_token(Request::post("/orders", json!({"customer_id": token}).to_string()), token),
            ];
            for request in places {
                let response = gate.h1().send(request).await;
                texts.push(format!("{:?} {}", response.headers, response.text()));
                requests += 1;
            }
        }
    }
    let events = gate.collector.await_count(requests).await;
    texts.push(json!(events).to_string());
    let mut texts = texts.join("\n");
    assert!(texts.contains("access_token=[REDACTED]"), "the query is in the events");
    let (_, log) = gate.0.envoy.terminate().await;
    texts += &log;
    for token in &tokens {
        let signature = token.rsplit('.').find(|part| part.len() > 20).unwrap();
        for piece in pieces(signature) {
            assert!(!texts.contains(piece), "{piece} of a token's signature is in\n{}", around(&texts, piece));
        }
        let claims = token.split('.').nth(1).unwrap();
        for piece in pieces(claims) {
            assert!(!texts.contains(piece), "{piece} of a token's claims is in\n{}", around(&texts, piece));
        }
    }
}

fn around<'a>(texts: &'a str, piece: &str) -> &'a str {
    texts.lines().find(|line| line.contains(piece)).map_or("", |line| {
        let at = line.find(piece).unwrap_or_default();
        line.get(at.saturating_sub(300)..(at + 100).min(line.len())).unwrap_or(line)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_audited_events_say_who_passed() {
    let mut config = config(&users());
    config["audit"]["events"] = json!(["allow"]);
    let gate = Gate::start(&config).await;
    let token = by_p256(&json!({"jti": "token-9"}));
    let body = json!({"customer_id": "42"}).to_string();
    let order = Request::post("/orders", body).header("content-type", "application/json");
    for request in [Request::get("/users/42/orders"), order] {
        gate.collector.clear();
        gate.passed(&gate.h1(), with_token(request, &token)).await;
        let event = gate.collector.await_count(1).await.remove(0);
        assert_eq!(event["event"]["reason"], "authorized");
        let details = &event["portcullis"]["details"];
        assert_eq!((&details["sub"], &details["jti"]), (&json!("42"), &json!("token-9")));
    }
    gate.assert_no_vm_failed().await;
}
