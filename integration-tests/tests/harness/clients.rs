//! What the three clients can send.

use std::net::Ipv4Addr;
use std::time::Duration;

use portcullis_integration_tests::{Client, ClientError, H2Answer, Raw, RawH2, Reply, Request, Upstream};

use crate::proxy;

#[tokio::test(flavor = "multi_thread")]
async fn hyper_sends_odd_bytes_repeats_and_pieces() {
    let (envoy, upstream) = proxy().await;
    for client in [Client::h1(envoy.address()), Client::h2(envoy.address())] {
        upstream.clear();
        let request = Request::new("POST", "/")
            .header("x-odd", b"a\xa1b")
            .header("x-two", "1")
            .header("x-two", "2")
            .body("one ")
            .pause(Duration::from_millis(20))
            .body("two");
        assert_eq!(client.send(request).await.status, 200);
        let received = upstream.only_request();
        assert_eq!(received.headers.get("x-odd"), Some(b"a\xa1b".as_slice()));
        assert_eq!(received.headers.all("x-two"), [b"1", b"2"]);
        assert_eq!(received.body, b"one two");
    }
    let response = Client::h2(envoy.address()).get("/").await;
    assert_eq!((response.status, response.text().as_str()), (200, "hello"));
}

/// Straight to the upstream, as Envoy drops the trailers of HTTP/1.1 unless told otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn trailers_go_both_ways() {
    let upstream = Upstream::start().await;
    upstream.reply(Reply::status(200).body("x").trailer("grpc-status", "7"));
    for client in [Client::h1(upstream.address()), Client::h2(upstream.address())] {
        upstream.clear();
        let request = Request::post("/", "body").header("te", "trailers").trailer("x-end", "1");
        let response = client.send(request).await;
        assert_eq!(response.text(), "x");
        assert_eq!(response.trailers.text("grpc-status").unwrap(), "7");
        let received = upstream.only_request();
        assert_eq!(received.body, b"body");
        assert_eq!(received.trailers.text("x-end").unwrap(), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_test_can_be_many_clients() {
    let (envoy, upstream) = proxy().await;
    for last in [2, 3, 4] {
        let client = Client::h1(envoy.address()).source(Ipv4Addr::new(127, 0, 0, last));
        client.get("/").await;
    }
    let requests = upstream.requests();
    let seen: Vec<_> = requests.iter().map(|r| r.headers.text("x-forwarded-for").unwrap()).collect();
    assert_eq!(seen, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_request_ends_at_the_deadline() {
    let (envoy, upstream) = proxy().await;
    upstream.reply(Reply::status(200).delay(Duration::from_mins(1)));
    let limit = Duration::from_millis(100);
    let client = Client::h1(envoy.address()).deadline(limit);
    let error = client.try_send(Request::get("/")).await.unwrap_err();
    assert_eq!(error, ClientError::TimedOut(limit));
    let mut raw = Raw::connect(envoy.address()).await.deadline(limit);
    raw.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(raw.try_read_response().await.unwrap_err(), ClientError::TimedOut(limit));
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_sends_exact_bytes_and_pipelines() {
    let (envoy, upstream) = proxy().await;
    let mut raw = Raw::connect(envoy.address()).await;
    raw.write("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(raw.read_response().await.text(), "hello");
    assert_eq!(raw.read_response().await.text(), "hello");
    assert_eq!(upstream.count(), 2);

    let malformed = Raw::exchange(envoy.address(), "GET / HTTP/1.1\r\nx-nul: \0\r\n\r\n").await;
    assert_eq!(malformed.status, 400);
    assert_eq!(upstream.count(), 2);

    raw.write("garbage\r\n\r\n").await;
    assert!(String::from_utf8(raw.read_to_end().await).unwrap().starts_with("HTTP/1.1 400"));
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_reads_chunks_and_trailers() {
    let upstream = Upstream::start().await;
    upstream.reply(Reply::status(200).body("in chunks").header("trailer", "x-end").trailer("x-end", "1"));
    let request = "GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n";
    let response = Raw::exchange(upstream.address(), request).await;
    assert_eq!(response.text(), "in chunks");
    assert_eq!(response.trailers.text("x-end").unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_h2_sends_what_no_library_does() {
    let (envoy, upstream) = proxy().await;
    let fine = RawH2::get(envoy.address(), &[("x-odd", b"\xa1"), ("x-odd", b"2")]).await.response();
    assert_eq!((fine.status, fine.text().as_str()), (200, "hello"));
    assert_eq!(upstream.only_request().headers.all("x-odd"), [b"\xa1", b"2"]);

    let upper = RawH2::get(envoy.address(), &[("X-Upper", b"1")]).await;
    assert!(!matches!(upper, H2Answer::Response(ref r) if r.status == 200), "{upper:?}");
    assert_eq!(upstream.count(), 1);

    let long = "v".repeat(20_000);
    let mut raw = RawH2::connect(envoy.address()).await;
    let head: [(&str, &[u8]); 5] = [
        (":method", b"POST"),
        (":scheme", b"http"),
        (":authority", b"a"),
        (":path", b"/long"),
        ("x-long", long.as_bytes()),
    ];
    let stream = raw.request(&head, false).await;
    raw.data(stream, b"body", false).await;
    raw.headers(stream, &[("x-trailer", b"1")], true).await;
    assert_eq!(raw.answer(stream).await.response().status, 200);
    let received = upstream.wait_for(|received| received.path == "/long").await;
    assert_eq!(received.body, b"body");
    assert_eq!(received.headers.get("x-long").unwrap().len(), 20_000);
}

/// What a filter that reads bodies has to live with, through Envoy.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_come_slowly_with_trailers_and_after_a_100() {
    let (envoy, upstream) = proxy().await;
    let slow = Request::new("POST", "/slow")
        .header("content-type", "application/json")
        .body(r#"{"customer_id":"#)
        .pause(Duration::from_millis(20))
        .body(r#""alice"}"#)
        .trailer("x-end", "1");
    for client in [Client::h1(envoy.address()), Client::h2(envoy.address())] {
        upstream.clear();
        assert_eq!(client.send(slow.clone()).await.status, 200);
        assert_eq!(upstream.only_request().body, br#"{"customer_id":"alice"}"#);
    }

    let mut raw = Raw::connect(envoy.address()).await;
    raw.write("POST /100 HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").await;
    assert_eq!(raw.read_head().await.status, 100);
    raw.write("{}").await;
    assert_eq!(raw.read_response().await.status, 200);
    assert_eq!(upstream.wait_for(|received| received.path == "/100").await.body, b"{}");
}
