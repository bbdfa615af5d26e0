//! Requests with bodies that wait for keys: what comes meanwhile is kept, and judged when the keys are there.

use std::time::Duration;

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{DEADLINE, Issuer, IssuerMode, Launch, Raw, Request, until};
use serde_json::json;
use tokio::task::JoinSet;

use crate::gate::{Gate, config, filter, remote_config, token, users, with_token};

fn order(customer: &str) -> Vec<u8> {
    json!({"customer_id": customer}).to_string().into_bytes()
}

fn post() -> Request {
    with_token(Request::new("POST", "/orders"), &token(&json!({}))).header("content-type", "application/json")
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_come_before_the_keys_are_judged_by_them() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    issuer.set_mode(IssuerMode::Hang);
    let mut config = remote_config(&json!({"refresh_s": 1}), &users());
    config["wait_ms"] = json!(30_000);
    config["providers"]["main"]["jwks"]["remote"]["timeout_ms"] = json!(500);
    let gate = Gate::with_issuer(&config, &issuer).await;
    let pause = Duration::from_millis(30);
    let mut waiting = JoinSet::new();
    let mut mine = 0;
    for (version, client) in gate.clients() {
        for (customer, status) in [("42", 200), ("43", 403)] {
            let body = order(customer);
            let (start, end) = body.split_at(9);
            let pieces = || post().body(start.to_vec()).pause(pause).body(end.to_vec());
            let get = with_token(Request::get(&format!("/users/{customer}/orders")), &token(&json!({})));
            for (form, request) in [
                ("at once", post().body(body.clone())),
                ("pieces", pieces()),
                ("pieces and trailers", pieces().trailer("x-trailer", "1")),
                ("late trailers", pieces().pause(pause).trailer("x-trailer", "1")),
                ("no body", get),
                ("too large", post().body(vec![b' '; 70_000])),
                ("empty", post()),
            ] {
                let status = match form {
                    "too large" => 413,
                    "empty" => 400,
                    _ => status,
                };
                mine += usize::from(status == 200);
                let client = client.clone();
                waiting.spawn(async move { (client.send(request).await.status, status, version, form) });
            }
        }
    }
    let held = || async {
        let active = gate.stats().raw("http.ingress.downstream_rq_active").await;
        (active == Some(28)).then_some(())
    };
    until(DEADLINE, held).await.expect("all wait");
    // Some go while they wait, and some while they wait for the rest of their bodies.
    let leaver = format!(
        "POST /orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nauthorization: Bearer {}\r\n\
         content-length: 22\r\n\r\n{{",
        token(&json!({}))
    );
    for _ in 0..20 {
        let mut raw = Raw::connect(gate.envoy.address()).await;
        raw.write(&leaver).await;
    }
    assert_eq!(gate.upstream.count(), 0, "nothing before the keys");
    issuer.set_mode(IssuerMode::Ok);
    while let Some(answer) = waiting.join_next().await {
        let (found, expected, version, form) = answer.unwrap();
        assert_eq!(found, expected, "{version}: {form}");
    }
    assert_eq!(gate.upstream.count(), mine);
    let bodies = gate.upstream.requests();
    assert!(bodies.iter().all(|seen| seen.method == "GET" || seen.body == order("42")), "{bodies:#?}");
    gate.assert_no_vm_failed().await;
}

/// Without the line in the plugin's configuration Envoy shows no bodies of requests that are held.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_plugins_flag_requests_with_bodies_do_not_hang() {
    let plugin = filter(&config(&users())).merge(&json!({"allow_on_headers_stop_iteration": null}));
    let gate = Gate::launch(plugin, Launch::new).await;
    for (_, client) in gate.clients() {
        let client = client.deadline(3 * DEADLINE);
        gate.refused_with(503, &client, post().body(order("42"))).await;
        gate.passed(&client, with_token(Request::get("/users/42/orders"), &token(&json!({})))).await;
    }
    gate.envoy.await_log("allow_on_headers_stop_iteration").await;
}
