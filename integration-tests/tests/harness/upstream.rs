//! What the upstream records and answers.

use std::time::{Duration, Instant};

use http::Version;
use portcullis_integration_tests::{Client, Raw, Reply, Request};

use crate::proxy;

#[tokio::test(flavor = "multi_thread")]
async fn records_the_request_and_answers_200() {
    let (envoy, upstream) = proxy().await;
    let request = Request::post("/a/b?c=d", "body").authority("example.test").header("x-a", "1");
    let response = Client::h1(envoy.address()).send(request).await;
    assert_eq!((response.status, response.text().as_str()), (200, "hello"));

    let received = upstream.only_request();
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/a/b?c=d"));
    assert_eq!(received.authority, "example.test");
    assert_eq!(received.version, Version::HTTP_11);
    assert_eq!(received.headers.text("x-a").unwrap(), "1");
    assert_eq!(received.body, b"body");
    assert!(received.complete);

    upstream.clear();
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_what_it_is_told() {
    let (envoy, upstream) = proxy().await;
    let client = Client::h1(envoy.address());
    upstream.reply(Reply::status(404).header("x-odd", b"\xa1").body("gone"));
    let response = client.get("/").await;
    assert_eq!((response.status, response.text().as_str()), (404, "gone"));
    assert_eq!(response.headers.get("x-odd"), Some(b"\xa1".as_slice()));

    upstream.handle(|received| match received.path.as_str() {
        "/slow" => Reply::status(200).delay(Duration::from_millis(200)),
        path => Reply::status(200).body(path.to_owned()),
    });
    assert_eq!(client.get("/echo").await.text(), "/echo");
    let start = Instant::now();
    client.get("/slow").await;
    assert!(start.elapsed() >= Duration::from_millis(200));

    upstream.reply(Reply::reset());
    assert_eq!(client.get("/").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_half_a_request_as_soon_as_it_comes() {
    let (envoy, upstream) = proxy().await;
    let mut raw = Raw::connect(envoy.address()).await;
    raw.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nha").await;
    let half = upstream.wait_for(|received| received.body == b"ha").await;
    assert!(!half.complete);
    raw.write("lf").await;
    assert_eq!(raw.read_response().await.status, 200);
    upstream.await_count(1).await;
    assert_eq!(upstream.only_request().body, b"half");
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn echoes_after_an_upgrade() {
    let (envoy, upstream) = proxy().await;
    let mut raw = Raw::connect(envoy.address()).await;
    raw.write("GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").await;
    let head = raw.read_head().await;
    assert_eq!(head.status, 101);
    assert_eq!(head.headers.text("upgrade").unwrap(), "websocket");
    raw.write(b"\x81\x00frame").await;
    assert_eq!(raw.read_exact(7).await, b"\x81\x00frame");
    assert_eq!(upstream.only_request().path, "/ws");
}
