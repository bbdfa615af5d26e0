//! The promises of the first page: no token 401, another user's object 403, one's own passes.

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{Issuer, IssuerMode, Request};
use serde_json::json;
use std::time::Duration;

use crate::gate::{Gate, config, remote_config, token, users, with_token};

#[tokio::test]
async fn a_token_opens_its_owners_objects_and_no_others() {
    let gate = Gate::start(&config(&users())).await;
    let token = token(&json!({}));
    for (version, client) in gate.clients() {
        let response = gate.refused_with(401, &client, Request::get("/users/42/orders")).await;
        assert_eq!(response.headers.get("www-authenticate"), Some(&b"Bearer realm=\"api\""[..]), "{version}");
        gate.passed(&client, with_token(Request::get("/users/42/orders"), &token)).await;
        gate.refused_with(403, &client, with_token(Request::get("/users/43/orders"), &token)).await;
        gate.passed(&client, Request::get("/health")).await;
        gate.refused_with(403, &client, with_token(Request::get("/elsewhere"), &token)).await;
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn the_upstream_sees_the_claim_and_not_the_token() {
    let gate = Gate::start(&config(&users())).await;
    let request = Request::get("/users/42/orders").header("x-user-id", "43").header("X_User_Id", "43");
    gate.passed(&gate.h1(), with_token(request, &token(&json!({})))).await;
    let seen = gate.upstream.only_request();
    assert_eq!(seen.headers.get("x-user-id"), Some(&b"42"[..]), "{:?}", seen.headers);
    assert_eq!(seen.headers.get("x_user_id"), None);
    assert_eq!(seen.headers.get("authorization"), None);
    gate.upstream.clear();
    gate.passed(&gate.h1(), Request::get("/health").header("x-user-id", "43")).await;
    assert_eq!(gate.upstream.only_request().headers.get("x-user-id"), None);
}

#[tokio::test]
async fn a_body_names_its_owner() {
    let gate = Gate::start(&config(&users())).await;
    let post = |customer: &str| {
        let body = json!({"customer_id": customer}).to_string();
        with_token(Request::post("/orders", body).header("content-type", "application/json"), &token(&json!({})))
    };
    for (_, client) in gate.clients() {
        gate.passed(&client, post("42")).await;
        gate.refused_with(403, &client, post("43")).await;
        gate.refused_with(403, &client, post("43").trailer("x-trailer", "1")).await;
        gate.passed(&client, post("42").trailer("x-trailer", "1")).await;
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn keys_are_fetched_and_requests_wait_for_them() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    issuer.set_mode(IssuerMode::Slow(Duration::from_millis(300)));
    let gate = Gate::with_issuer(&remote_config(&json!({}), &users()), &issuer).await;
    gate.passed(&gate.h1(), with_token(Request::get("/users/42/orders"), &token(&json!({})))).await;
    assert_eq!(issuer.count(Issuer::JWKS), 1);
    gate.assert_no_vm_failed().await;
}

#[tokio::test]
async fn without_keys_requests_get_503() {
    let issuer = Issuer::start().await;
    issuer.set_mode(IssuerMode::Hang);
    let mut config = remote_config(&json!({}), &users());
    config["wait_ms"] = json!(500);
    let gate = Gate::with_issuer(&config, &issuer).await;
    gate.refused_with(503, &gate.h1(), with_token(Request::get("/users/42/orders"), &token(&json!({})))).await;
    gate.assert_no_vm_failed().await;
}
