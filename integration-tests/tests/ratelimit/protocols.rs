//! Requests that are more than a GET: each is one, counted when its headers come, whatever follows.

use std::time::Duration;

use portcullis_integration_tests::{Launch, Line, Raw, RawH2, Request, merge, telling};
use serde_json::json;

use crate::gate::{Gate, by_key, filter, left};

const CANCEL: u32 = 8;
const RST_STREAM: u8 = 3;

async fn start(quota: u32) -> Gate {
    Gate::start(&json!({"limits": [by_key(quota)]})).await
}

fn keyed(key: &str) -> Request {
    Request::new("POST", "/").header("x-key", key)
}

fn upgrade(key: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nhost: a\r\nx-key: {key}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_one_request_and_flows() {
    let gate = start(2).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(gate.envoy.address()).await;
        raw.write(upgrade("a")).await;
        assert_eq!(raw.read_head().await.status, 101);
        open.push(raw);
    }
    let refused = Raw::exchange(gate.envoy.address(), upgrade("a")).await;
    assert_eq!((refused.status, left(&refused)), (429, vec![("by-key".to_owned(), 0)]));
    assert_eq!(gate.upstream.count(), 2);
    // Those that are open go on, and cost nothing more.
    for raw in &mut open {
        for frame in [&b"\x81\x02hi"[..], &[0xff; 5000], b"x-key: a"] {
            raw.write(frame).await;
            assert_eq!(raw.read_exact(frame.len()).await, frame);
        }
    }
    gate.passed(&gate.h1(), Request::get("/").header("x-key", "b")).await;
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tunnels_are_counted() {
    let mut options = json!({
        "http2_protocol_options": {"allow_connect": true},
        "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
    });
    merge(&mut options, &telling());
    let route = |matched: serde_json::Value| {
        let options = json!([{"upgrade_type": "CONNECT", "connect_config": {}}, {"upgrade_type": "websocket"}]);
        json!({"match": matched, "route": {"cluster": "upstream", "upgrade_configs": options}})
    };
    let routes = [route(json!({"connect_matcher": {}})), route(json!({"prefix": "/"}))];
    let limits = json!([
        {"name": "ws", "path": "/ws", "methods": ["GET"], "key": ["header:x-key"], "quota": 1, "window_s": 3600},
    ]);
    let gate = Gate::launch(filter(&json!({"limits": limits})), |bootstrap| {
        Launch::new(bootstrap.http(&options).routes(&routes))
    })
    .await;
    let target = gate.envoy.address();
    // A WebSocket over HTTP/2 (RFC 8441) is a GET, as over HTTP/1.1.
    let extended: [(&str, &[u8]); 7] = [
        (":method", b"CONNECT"),
        (":protocol", b"websocket"),
        (":scheme", b"http"),
        (":authority", b"a"),
        (":path", b"/ws"),
        ("sec-websocket-version", b"13"),
        ("x-key", b"a"),
    ];
    let mut raw = RawH2::connect(target).await;
    raw.request(&extended, false).await;
    gate.upstream.await_count(1).await;
    let stream = raw.request(&extended, false).await;
    assert_eq!(raw.answer(stream).await.response().status, 429);
    assert_eq!(Raw::exchange(target, upgrade("a")).await.status, 429);
    assert_eq!(gate.upstream.count(), 1);
    // A tunnel has no path, so that it may have any.
    let any = json!([{"name": "any", "path": "/x", "key": ["header:x-key"], "quota": 1, "window_s": 3600}]);
    let gate = Gate::launch(filter(&json!({"limits": any})), |bootstrap| {
        Launch::new(bootstrap.http(&options).routes(&routes))
    })
    .await;
    let target = gate.envoy.address();
    gate.passed(&gate.h1(), Request::get("/x").header("x-key", "a")).await;
    let connections = gate.upstream.connections();
    let tunnel = "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nx-key: a\r\n\r\n";
    let mut raw = Raw::connect(target).await;
    raw.write(tunnel).await;
    assert_eq!(raw.read_head().await.status, 429);
    let plain: [(&str, &[u8]); 3] = [(":method", b"CONNECT"), (":authority", b"a:443"), ("x-key", b"a")];
    let mut raw = RawH2::connect(target).await;
    let stream = raw.request(&plain, false).await;
    assert_eq!(raw.answer(stream).await.response().status, 429);
    assert_eq!((gate.upstream.count(), gate.upstream.connections()), (1, connections));
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_costs_nothing_however_it_comes() {
    let gate = start(4).await;
    let pause = Duration::from_millis(20);
    for (version, client) in gate.clients() {
        let forms = || {
            [
                keyed(version).body("one piece"),
                keyed(version).body("in").pause(pause).body(" ").pause(pause).body("pieces"),
                keyed(version).body("with a trailer").trailer("x-key", "other").trailer("x-trailer", "1"),
                keyed(version).body(vec![b'x'; 200_000]),
            ]
        };
        for request in forms() {
            gate.passed(&client, request).await;
        }
        for request in forms() {
            let before = gate.upstream.count();
            // It may be told while it still sends, and notice the end of the connection first.
            let answer = client.try_send(request).await;
            assert!(answer.as_ref().map_or(true, |answer| answer.status == 429), "{version}: {answer:?}");
            assert_eq!(gate.upstream.count(), before, "{version}");
        }
    }
    // Who asks whether to go on is refused before a byte of the body; Envoy itself says to go on, in any case.
    let head = "POST / HTTP/1.1\r\nhost: a\r\nx-key: HTTP/2\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let before = gate.upstream.count();
    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write(head).await;
    let first = raw.read_head().await.status;
    let status = if first == 100 { raw.read_head().await.status } else { first };
    assert_eq!((status, gate.upstream.count()), (429, before));
    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write(head.replace("HTTP/2", "new")).await;
    assert_eq!(raw.read_head().await.status, 100);
    raw.write("hello").await;
    assert_eq!(raw.read_response().await.status, 200);
    gate.assert_no_vm_failed().await;
}

/// Else a client could have the work begin and leave, as often as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_break_off_are_counted() {
    let gate = start(6).await;
    let target = gate.envoy.address();
    let headers: [(&str, &[u8]); 5] =
        [(":method", b"POST"), (":scheme", b"http"), (":authority", b"a"), (":path", b"/"), ("x-key", b"a")];
    let mut h2 = RawH2::connect(target).await;
    for sent in 1..=3 {
        let mut h1 = Raw::connect(target).await;
        h1.write("POST / HTTP/1.1\r\nhost: a\r\nx-key: a\r\ncontent-length: 10\r\n\r\nx").await;
        gate.upstream.await_count(sent * 2 - 1).await;
        drop(h1);
        let stream = h2.request(&headers, false).await;
        gate.upstream.await_count(sent * 2).await;
        h2.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await;
    }
    for (_, client) in gate.clients() {
        gate.refused_with(429, &client, keyed("a")).await;
    }
    gate.assert_no_vm_failed().await;
}

/// A flood of requests, each of which is taken back at once (CVE-2023-44487), is counted as any other.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_taken_back_at_once_are_counted() {
    let gate = start(5).await;
    let headers: [(&str, &[u8]); 5] =
        [(":method", b"GET"), (":scheme", b"http"), (":authority", b"a"), (":path", b"/"), ("x-key", b"a")];
    let mut line = RawH2::connect(gate.envoy.address()).await;
    for _ in 0..100 {
        let stream = line.request(&headers, true).await;
        line.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await;
    }
    let stream = line.request(&headers, true).await;
    assert_eq!(line.answer(stream).await.response().status, 429);
    assert!(gate.upstream.count() <= 5, "{}", gate.upstream.count());
    let other = [("x-key", &b"b"[..])];
    let headers: Vec<_> = headers[..4].iter().chain(&other).copied().collect();
    assert_eq!(Line::h2(gate.envoy.address()).send(&headers, None).await.unwrap().status, 200);
    gate.assert_no_vm_failed().await;
}
