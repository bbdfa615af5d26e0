//! Tokens that die before their time.

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{Issuer, IssuerMode, Traffic};
use serde_json::{Value, json};

use crate::gate::{Gate, config, users};
use crate::provider::{
    Phase, assert_tally, await_everywhere, await_next_fetch, each_second, gate_with_workers, own_object, probe, signed,
};

/// A config with keys of its own, that fetches the list.
fn listed(remote: &Value, unavailable: &str) -> Value {
    let mut config = config(&users());
    let mut remote_config = json!({"cluster": "idp", "url": format!("http://idp.example{}", Issuer::REVOKED)});
    portcullis_integration_tests::merge(&mut remote_config, remote);
    config["revoked"] = json!({"remote": remote_config, "unavailable": unavailable});
    config["wait_ms"] = json!(8000);
    config
}

fn by_p256(claims: &Value) -> String {
    signed(&Key::load("p256-1"), "p256-1", claims)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_config_revokes_is_refused() {
    let mut config = config(&users());
    config["revoked"] = json!({
        "jti": ["stolen", {"iss": "https://idp.example", "jti": "stolen-here"}, {"iss": "https://else", "jti": "else"}],
        "subjects": [{"sub": "42", "issued_before": 1_600_000_000}],
        "kid": ["rsa-1"],
    });
    let gate = Gate::start(&config).await;
    let kid_less = signed(&Key::load("rsa-1"), "", &json!({}));
    for (token, status) in [
        (by_p256(&json!({})), 200),
        (by_p256(&json!({"jti": "fine"})), 200),
        (by_p256(&json!({"jti": "stolen"})), 401),
        (by_p256(&json!({"jti": "stolen-here"})), 401),
        (by_p256(&json!({"jti": "else"})), 200),
        (by_p256(&json!({"jti": "STOLEN"})), 200),
        (by_p256(&json!({"iat": 1_599_999_999})), 401),
        (by_p256(&json!({"iat": 1_600_000_000})), 200),
        (by_p256(&json!({"iat": null})), 401),
        (signed(&Key::load("rsa-1"), "rsa-1", &json!({})), 401),
        (kid_less, 401),
    ] {
        for (_, client) in gate.clients() {
            // Twice, as the first may have left something in the cache.
            for _ in 0..2 {
                if status == 200 {
                    gate.passed(&client, own_object(&token)).await;
                } else {
                    gate.refused_with(status, &client, own_object(&token)).await;
                }
            }
        }
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_dies_everywhere() {
    let issuer = Issuer::start().await;
    issuer.set_revoked(json!({"jti": []}));
    let gate = gate_with_workers(&listed(&each_second(), "deny"), &issuer, 4).await;
    let stolen = by_p256(&json!({"jti": "stolen"}));
    let phase = Phase::default();
    let traffic = {
        let (phase, stolen, good) = (phase.clone(), stolen.clone(), by_p256(&json!({"jti": "good"})));
        Traffic::start(&gate.h1(), 16, move |number| match (number % 2, phase.get()) {
            (0, _) => ("good", own_object(&good)),
            (_, 0) => ("not stolen yet", own_object(&stolen)),
            (_, 1) => ("dying", own_object(&stolen)),
            (_, 2) => ("dead", own_object(&stolen)),
            (_, 3) => ("in between", own_object(&stolen)),
            (_, _) => ("alive again", own_object(&stolen)),
        })
    };
    traffic.await_more(300).await;
    phase.next();
    issuer.set_revoked(json!({"jti": ["stolen"], "subjects": [], "kid": []}));
    await_everywhere(&gate, &probe(&stolen), 401).await;
    phase.next();
    traffic.await_more(200).await;
    // Garbage and too much of it, and no answer: what was revoked stays so.
    for mode in [
        IssuerMode::Body("<html>".into()),
        IssuerMode::Body("{\"jti\":[1]}".into()),
        IssuerMode::Body("{\"unknown\":[]}".into()),
        IssuerMode::Status(500),
        IssuerMode::Oversize((8 << 20) + 1),
        IssuerMode::CutOff,
    ] {
        issuer.set_mode(mode);
        await_next_fetch(&issuer, Issuer::REVOKED).await;
        traffic.await_more(50).await;
    }
    phase.next();
    issuer.set_mode(IssuerMode::Ok);
    issuer.set_revoked(json!({}));
    await_everywhere(&gate, &probe(&stolen), 200).await;
    phase.next();
    traffic.await_more(100).await;
    let tally = traffic.stop().await;
    println!("{:?}, {} fetches", tally.answers, issuer.count(Issuer::REVOKED));
    let expected = [("good", 200), ("not stolen yet", 200), ("dead", 401), ("alive again", 200)];
    assert_tally(&gate, &tally, &expected);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_there() {
    let issuer = Issuer::start().await;
    issuer.set_revoked(json!({"jti": ["stolen"]}));
    issuer.set_mode(IssuerMode::Status(500));
    let (good, stolen) = (by_p256(&json!({"jti": "good"})), by_p256(&json!({"jti": "stolen"})));
    let mut denying = listed(&each_second(), "deny");
    denying["wait_ms"] = json!(300);
    let gate = Gate::with_issuer(&denying, &issuer).await;
    for (_, client) in gate.clients() {
        gate.refused_with(503, &client, own_object(&good)).await;
    }
    let denied = gate.decisions().await.get("deny revoked revocations_unavailable enforce").copied();
    assert_eq!(denied, Some(2));

    let allowing = Gate::with_issuer(&listed(&each_second(), "allow"), &issuer).await;
    for (_, client) in allowing.clients() {
        allowing.passed(&client, own_object(&good)).await;
        allowing.passed(&client, own_object(&stolen)).await;
    }
    issuer.set_mode(IssuerMode::Ok);
    for gate in [gate, allowing] {
        await_everywhere(&gate, &probe(&good), 200).await;
        await_everywhere(&gate, &probe(&stolen), 401).await;
        gate.assert_no_vm_failed().await;
    }
}

/// A list that is too old is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_too_old() {
    let issuer = Issuer::start().await;
    issuer.set_revoked(json!({"jti": ["stolen"]}));
    let mut config = listed(&json!({"refresh_s": 1, "timeout_ms": 400, "stale_s": 0}), "deny");
    config["wait_ms"] = json!(300);
    let gate = Gate::with_issuer(&config, &issuer).await;
    let (good, stolen) = (by_p256(&json!({"jti": "good"})), by_p256(&json!({"jti": "stolen"})));
    await_everywhere(&gate, &probe(&good), 200).await;
    issuer.down().await;
    await_everywhere(&gate, &probe(&good), 503).await;
    gate.refused_with(503, &gate.h1(), own_object(&stolen)).await;
    issuer.up().await;
    await_everywhere(&gate, &probe(&good), 200).await;
    gate.refused_with(401, &gate.h1(), own_object(&stolen)).await;
    gate.assert_no_vm_failed().await;
}
