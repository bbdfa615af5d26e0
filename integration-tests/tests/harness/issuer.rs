//! The identity provider on good days and bad ones.

use std::time::{Duration, Instant};

use portcullis_integration_tests::mint::{Key, Token, claims};
use portcullis_integration_tests::{
    Bootstrap, Client, ClientError, Envoy, Issuer, IssuerMode, Request, Upstream, jwt_authn, remote_jwks, until,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn serves_documents_and_counts_by_path() {
    let issuer = Issuer::start().await;
    let client = Client::h2(issuer.address());
    assert_eq!(client.get(Issuer::JWKS).await.json(), json!({"keys": []}));
    assert_eq!(client.get(Issuer::REVOKED).await.status, 404);

    let (one, two) = (Key::load("rsa-1").public(), Key::load("p256-1").public());
    issuer.set_keys([one.clone()]);
    issuer.add_key(two.clone());
    assert_eq!(client.get(&format!("{}?x=1", Issuer::JWKS)).await.json(), json!({"keys": [one, two]}));
    issuer.remove_key("rsa-1");
    assert_eq!(client.get(Issuer::JWKS).await.json(), json!({"keys": [two]}));
    issuer.set_revoked(json!({"jti": ["a"]}));
    assert_eq!(client.get(Issuer::REVOKED).await.json(), json!({"jti": ["a"]}));

    issuer.await_fetches(Issuer::JWKS, 3).await;
    assert_eq!((issuer.count(Issuer::JWKS), issuer.count(Issuer::REVOKED)), (3, 2));
    let first = &issuer.fetches()[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("GET", Issuer::JWKS));
    assert_eq!(first.authority, issuer.address().to_string());
    issuer.clear();
    assert_eq!(issuer.count(Issuer::JWKS), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_in_every_way_and_recovers() {
    let issuer = Issuer::start().await;
    let client = Client::h1(issuer.address());
    let get = || client.try_send(Request::get(Issuer::JWKS));
    let good = json!({"keys": []});

    issuer.set_mode(IssuerMode::Status(500));
    assert_eq!(get().await.unwrap().status, 500);
    issuer.set_mode(IssuerMode::Redirect(302, "http://elsewhere.example/".to_owned()));
    assert_eq!(get().await.unwrap().headers.text("location").unwrap(), "http://elsewhere.example/");
    issuer.set_mode(IssuerMode::Body("<html>".into()));
    assert_eq!(get().await.unwrap().text(), "<html>");
    issuer.set_mode(IssuerMode::Oversize(1 << 20));
    let large = get().await.unwrap();
    assert_eq!((large.body.len(), large.json()), (1 << 20, good.clone()));

    let start = Instant::now();
    issuer.set_mode(IssuerMode::Slow(Duration::from_millis(50)));
    assert_eq!(get().await.unwrap().json(), good);
    assert!(start.elapsed() >= Duration::from_millis(50));
    let start = Instant::now();
    issuer.set_mode(IssuerMode::Drip(1, Duration::from_millis(5)));
    assert_eq!(get().await.unwrap().json(), good);
    assert!(start.elapsed() >= Duration::from_millis(5 * 10));

    issuer.set_mode(IssuerMode::Hang);
    let limit = Duration::from_millis(100);
    let hasty = client.clone().deadline(limit);
    assert_eq!(hasty.try_send(Request::get(Issuer::JWKS)).await.unwrap_err(), ClientError::TimedOut(limit));
    for broken in [IssuerMode::CutOff, IssuerMode::Reset] {
        issuer.set_mode(broken.clone());
        let error = get().await.unwrap_err();
        assert!(matches!(error, ClientError::Failed(_)), "{broken:?}: {error}");
    }

    issuer.set_mode_at(Issuer::JWKS, IssuerMode::Ok);
    assert_eq!(get().await.unwrap().json(), good, "one path is well while others are not");
    assert!(client.try_send(Request::get(Issuer::REVOKED)).await.is_err());
    issuer.set_mode(IssuerMode::Ok);

    let before = issuer.fetches().len();
    issuer.down().await;
    // Without connections from before, which may take a moment to see that they are closed.
    let client = Client::h1(issuer.address());
    let error = client.try_send(Request::get(Issuer::JWKS)).await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
    issuer.up().await;
    assert_eq!(client.get(Issuer::JWKS).await.json(), good);
    assert_eq!(issuer.fetches().len(), before + 1, "what is refused is not seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_follows_a_rotation() {
    let upstream = Upstream::start().await;
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    let filter = jwt_authn(&remote_jwks(Issuer::JWKS), false);
    let envoy = Envoy::start(Bootstrap::new(upstream.address()).cluster("idp", issuer.address()).filter(filter)).await;
    issuer.await_fetches(Issuer::JWKS, 1).await;
    let client = Client::h1(envoy.address());
    let accepts = |name: &'static str, algorithm: &str| {
        let token = Token::new(algorithm, &claims()).kid(name).sign(&Key::load(name));
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let client = client.clone();
        async move { client.send(request).await.status == 200 }
    };
    assert!(accepts("rsa-1", "RS256").await);
    assert!(!accepts("p256-1", "ES256").await);

    issuer.set_keys([Key::load("p256-1").public()]);
    let followed = until(Duration::from_secs(5), || {
        let both = (accepts("p256-1", "ES256"), accepts("rsa-1", "RS256"));
        async { (both.0.await && !both.1.await).then_some(()) }
    });
    followed.await.expect("the new key and only it");
}
