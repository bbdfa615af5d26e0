//! The configuration that users copy: it loads, and does what its comments and its page say.

use portcullis_integration_tests::mint::{self, Key, Token};
use portcullis_integration_tests::{Client, Collector, Envoy, Example, Issuer, Launch, Request, Upstream};
use serde_json::{Value, json};

use crate::gate::{token, with_token};

const FILE: &str = "envoy/jwt_bola.yaml";

struct Parts {
    upstream: Upstream,
    collector: Collector,
    envoy: Envoy,
}

/// Without an issuer there are no keys.
async fn start(issuer: Option<&Issuer>) -> Parts {
    let (upstream, collector) = (Upstream::start().await, Collector::start().await);
    let mut example =
        Example::load(FILE).endpoint("upstream", upstream.address()).endpoint("audit", collector.address());
    if let Some(issuer) = issuer {
        example = example.endpoint("idp", issuer.address());
    }
    let secret = String::from_utf8(Key::load("oct-1").secret()).unwrap();
    let envoy = Launch::new(&example).env("PORTCULLIS_HS256", &secret).start().await;
    Parts { upstream, collector, envoy }
}

fn of(user: &str, claims: &Value) -> String {
    let mut all = json!({"sub": user});
    portcullis_integration_tests::merge(&mut all, claims);
    token(&all)
}

fn internal() -> String {
    let claims = mint::claims_with(&json!({"iss": "internal", "sub": "nightly"}));
    Token::new("HS256", &claims).sign(&Key::load("oct-1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_does_what_it_says() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    let Parts { upstream, collector, envoy } = start(Some(&issuer)).await;
    let alice = of("alice", &json!({}));
    let writer = of("alice", &json!({"scope": "orders:read orders:write"}));
    let order = |customer: &str| {
        let body = json!({"customer_id": customer}).to_string();
        Request::post("/orders", body).header("content-type", "application/json")
    };
    let mut passed = 0;
    for client in [Client::h1(envoy.address()), Client::h2(envoy.address())] {
        for (request, token, status) in [
            (Request::get("/health"), None, 200),
            (Request::get("/users/alice/orders"), None, 401),
            (Request::get("/users/alice/orders"), Some(&alice), 200),
            (Request::get("/users/alice"), Some(&alice), 200),
            (Request::get("/users/bob/orders"), Some(&alice), 403),
            (Request::get("/users/bob/orders"), Some(&of("carol", &json!({"roles": ["support"]}))), 200),
            // One reading of a path, by Envoy and then by the filter.
            (Request::get("/users/alice/../bob/orders"), Some(&alice), 403),
            (Request::get("/users/alice%2f..%2fbob/orders"), Some(&alice), 400),
            (Request::get("/users/alice/..;/bob/orders"), Some(&alice), 403),
            (Request::get("/users/alice%252f..%252fbob/orders"), Some(&alice), 400),
            (Request::get("/users/alice;x/orders"), Some(&alice), 400),
            (order("alice"), Some(&writer), 200),
            (order("bob"), Some(&writer), 403),
            (order("alice"), Some(&alice), 403),
            (Request::get("/internal/rebuild"), Some(&internal()), 200),
            // Whose token it is decides, not only that it is good.
            (Request::get("/internal/rebuild"), Some(&alice), 401),
            (Request::get("/users/nightly/orders"), Some(&internal()), 401),
            (Request::get("/users/mallory/orders"), Some(&of("mallory", &json!({}))), 401),
            (Request::get("/users/mallory/orders"), Some(&of("mallory", &json!({"iat": 1_790_000_000}))), 200),
            (Request::get("/elsewhere"), Some(&alice), 403),
        ] {
            let sent = token.map_or_else(|| request.clone(), |token| with_token(request.clone(), token));
            assert_eq!(client.send(sent).await.status, status, "{request:?} {token:?}");
            passed += usize::from(status == 200);
        }
    }
    let seen = upstream.requests();
    assert_eq!(seen.len(), passed, "what was refused was not forwarded");
    for request in seen.iter().filter(|request| request.path.starts_with("/users/alice")) {
        assert_eq!(request.headers.text("x-user-id").as_deref(), Some("alice"));
    }
    assert!(seen.iter().all(|request| request.headers.get("authorization").is_none()));

    // Envoy itself answers one of them.
    let events = collector.await_count(2 * 13).await;
    assert!(collector.batches().iter().all(|batch| batch.path == "/ingest"));
    let exempt = events.iter().filter(|event| event["event"]["reason"] == "owner_exempt");
    assert_eq!(
        exempt.map(|event| event["portcullis"]["details"]["sub"].as_str()).collect::<Vec<_>>(),
        [Some("carol"); 2]
    );
    let labels = [("filter", "jwt_bola"), ("document", "jwks"), ("result", "ok")];
    envoy.stats().await_counter("portcullis_document_fetches_total", &labels, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_provider_it_lets_nobody_in() {
    let Parts { upstream, envoy, .. } = start(None).await;
    let client = Client::h1(envoy.address());
    let alice = with_token(Request::get("/users/alice/orders"), &of("alice", &json!({})));
    assert_eq!(client.send(alice).await.status, 503);
    assert_eq!(client.send(Request::get("/health")).await.status, 200);
    assert_eq!(client.send(with_token(Request::get("/internal/rebuild"), &internal())).await.status, 200);
    assert_eq!(upstream.count(), 2);
}
