//! Requests that are more than a GET: gRPC, WebSocket, CONNECT, and bodies of every kind.

use std::time::Duration;

use portcullis_integration_tests::{DEADLINE, Launch, Line, Raw, RawH2, Request, until};
use serde_json::{Value, json};

use crate::gate::{Gate, config, filter, token, with_token};

const CANCEL: u32 = 8;
const RST_STREAM: u8 = 3;

/// One rule for each way to be judged.
fn settings() -> Value {
    let owner = |resource: &str| json!([{"resource": resource, "claim": "/sub"}]);
    let mut config = config(&json!([
        {"path": "/users/{user_id}/**", "auth": ["main"], "owner": owner("path.user_id")},
        {"path": "/svc.Users/{user_id}", "auth": ["main"], "owner": owner("path.user_id")},
        {"path": "/svc.Orders/**", "auth": ["main"], "owner": owner("body./customer_id")},
        {"name": "orders", "path": "/orders", "auth": ["main"], "owner": owner("body./customer_id")},
        {"path": "/large", "auth": ["main"], "owner": owner("body./customer_id"), "body_bytes": 4_000_000},
    ]));
    config["providers"]["main"]["from"] = json!([
        {"header": "authorization", "scheme": "Bearer"}, {"cookie": "session"}, {"query": "access_token"},
    ]);
    config
}

async fn start() -> Gate {
    Gate::start(&settings()).await
}

fn good() -> String {
    token(&json!({}))
}

fn order(customer: &str) -> Vec<u8> {
    json!({"customer_id": customer}).to_string().into_bytes()
}

/// A POST of JSON to `/orders` by user 42.
fn post() -> Request {
    with_token(Request::new("POST", "/orders"), &good()).header("content-type", "application/json")
}

/// The same as bytes, with these headers and what follows them.
fn post_bytes(headers: &str, rest: &[u8]) -> Vec<u8> {
    let token = good();
    let head = format!(
        "POST /orders HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{headers}\r\n"
    );
    [head.as_bytes(), rest].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_requests_are_answered_as_grpc() {
    let gate = start().await;
    let call = |path: &str| {
        Request::post(path, b"\0\0\0\0\0".to_vec()).header("content-type", "application/grpc").header("te", "trailers")
    };
    for (version, client) in gate.clients() {
        for (request, status, message) in [
            (call("/svc.Users/42"), "16", "Unauthorized"),
            (with_token(call("/svc.Users/42"), "nonsense"), "16", "Unauthorized"),
            (with_token(call("/svc.Users/43"), &good()), "7", "Forbidden"),
            (with_token(call("/nowhere"), &good()), "7", "Forbidden"),
            // What is in a message only JSON can show.
            (with_token(call("/svc.Orders/Get"), &good()), "3", "Bad Request"),
        ] {
            let answer = gate.refused_with(200, &client, request).await;
            let text = |name: &str| answer.headers.text(name).unwrap_or_default();
            assert_eq!((text("grpc-status").as_str(), text("grpc-message").as_str()), (status, message), "{version}");
            assert!(text("content-type").starts_with("application/grpc"), "{version}: {answer:?}");
            assert!(answer.body.is_empty(), "{version}: {answer:?}");
        }
        gate.passed(&client, with_token(call("/svc.Users/42"), &good())).await;
    }
    gate.assert_no_vm_failed().await;
}

fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_needs_a_token_and_then_flows() {
    let gate = start().await;
    let token = good();
    let stranger = self::token(&json!({"sub": "7"}));
    for (path, headers) in [
        ("/users/42/ws".to_owned(), format!("cookie: session={token}\r\n")),
        (format!("/users/42/ws?access_token={token}"), String::new()),
        ("/users/42/ws".to_owned(), format!("authorization: Bearer {token}\r\n")),
    ] {
        gate.upstream.clear();
        let mut raw = Raw::connect(gate.envoy.address()).await;
        raw.write(upgrade(&path, &headers)).await;
        assert_eq!(raw.read_head().await.status, 101);
        for frame in [&b"\x81\x02hi"[..], &[0xff; 5000], br#"{"customer_id": "43"}"#] {
            raw.write(frame).await;
            assert_eq!(raw.read_exact(frame.len()).await, frame);
        }
        let seen = gate.upstream.only_request();
        assert_eq!((seen.path.as_str(), seen.headers.get("x-user-id")), ("/users/42/ws", Some(&b"42"[..])));
        assert!(!format!("{seen:?}").contains(&token));
    }
    gate.upstream.clear();
    for (path, headers, status) in [
        ("/users/42/ws".to_owned(), String::new(), 401),
        ("/users/42/ws".to_owned(), "cookie: session=nonsense\r\n".to_owned(), 401),
        (format!("/users/42/ws?access_token={stranger}"), String::new(), 403),
        ("/users/42/ws".to_owned(), format!("cookie: session={stranger}\r\n"), 403),
        // Its frames are no body: nothing to be found there, and nothing to wait for.
        ("/orders".to_owned(), format!("cookie: session={token}\r\n"), 400),
    ] {
        let answer = Raw::exchange(gate.envoy.address(), upgrade(&path, &headers)).await;
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(gate.upstream.count(), 0);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_is_judged_like_any_request() {
    // As permissive as Envoy gets.
    let options = json!({
        "http2_protocol_options": {"allow_connect": true},
        "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
    });
    let route = |matched: Value| {
        let options = json!([{"upgrade_type": "CONNECT", "connect_config": {}}, {"upgrade_type": "websocket"}]);
        json!({"match": matched, "route": {"cluster": "upstream", "upgrade_configs": options}})
    };
    let routes = [route(json!({"connect_matcher": {}})), route(json!({"prefix": "/"}))];
    let gate =
        Gate::launch(filter(&settings()), |bootstrap| Launch::new(bootstrap.http(&options).routes(&routes))).await;
    let target = gate.envoy.address();
    let connections = gate.upstream.connections();
    let authorization = format!("Bearer {}", good());

    let tunnel = format!("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nauthorization: {authorization}\r\n\r\n");
    let mut raw = Raw::connect(target).await;
    raw.write(&tunnel).await;
    assert!(matches!(raw.read_head().await.status, 400 | 403), "a tunnel has no path, so it is no one's");

    let mut raw = RawH2::connect(target).await;
    let plain: [(&str, &[u8]); 3] =
        [(":method", b"CONNECT"), (":authority", b"a:443"), ("authorization", authorization.as_bytes())];
    let stream = raw.request(&plain, false).await;
    assert!(matches!(raw.answer(stream).await.response().status, 400 | 403));

    // RFC 8441: a WebSocket over HTTP/2.
    let extended = |path: &'static str, authorization: Option<&'static str>| {
        let mut headers: Vec<(&str, &[u8])> = vec![
            (":method", b"CONNECT"),
            (":protocol", b"websocket"),
            (":scheme", b"http"),
            (":authority", b"a"),
            (":path", path.as_bytes()),
            ("sec-websocket-version", b"13"),
        ];
        headers.extend(authorization.map(|value| ("authorization", value.as_bytes())));
        headers
    };
    let authorization: &'static str = authorization.leak();
    for (path, authorization, status) in [
        ("/users/42/ws", None, 401),
        ("/users/43/ws", Some(authorization), 403),
        ("/orders", Some(authorization), 400),
        ("/elsewhere", Some(authorization), 403),
    ] {
        let mut raw = RawH2::connect(target).await;
        let stream = raw.request(&extended(path, authorization), false).await;
        assert_eq!(raw.answer(stream).await.response().status, status, "{path}");
    }
    assert_eq!((gate.upstream.count(), gate.upstream.connections()), (0, connections));
    let mut raw = RawH2::connect(target).await;
    raw.request(&extended("/users/42/ws", Some(authorization)), false).await;
    gate.upstream.await_count(1).await;
    assert_eq!(gate.upstream.only_request().headers.get("x-user-id"), Some(&b"42"[..]));
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_judged_however_it_comes() {
    let gate = start().await;
    let pause = Duration::from_millis(20);
    for (version, client) in gate.clients() {
        for (customer, status) in [("42", 200), ("43", 403)] {
            let body = order(customer);
            let (start, end) = body.split_at(9);
            let pieces = || post().body(start.to_vec()).pause(pause).body(end.to_vec());
            let forms = [
                post().body(body.clone()),
                pieces(),
                pieces().pause(pause),
                pieces().trailer("x-trailer", "1"),
                pieces().pause(pause).trailer("customer_id", "42"),
                body.iter().fold(post(), |request, byte| request.body(vec![*byte])),
                // The end of the body comes late, as a frame of its own.
                post().body(body.clone()).pause(pause).body(Vec::new()),
            ];
            for (index, form) in forms.into_iter().enumerate() {
                gate.upstream.clear();
                let answer = client.send(form).await;
                assert_eq!(answer.status, status, "{version}: {customer} as form {index}");
                let bodies: Vec<_> = gate.upstream.requests().into_iter().map(|seen| seen.body).collect();
                assert_eq!(bodies, if status == 200 { vec![body.clone()] } else { Vec::new() }, "{version}: {index}");
            }
        }
        // A request without a body has no owner; nor has an empty one.
        gate.refused_with(400, &client, post()).await;
        gate.refused_with(400, &client, post().body(Vec::new())).await;
        gate.refused_with(400, &client, post().trailer("x-trailer", "1")).await;
        gate.refused_with(400, &client, with_token(Request::get("/orders"), &good())).await;
    }
    let mut line = Line::h1(gate.envoy.address());
    let bearer = format!("Bearer {}", good());
    let headers: [(&str, &[u8]); 5] = [
        (":method", b"POST"),
        (":path", b"/orders"),
        (":authority", b"a"),
        ("content-type", b"application/json"),
        ("authorization", bearer.as_bytes()),
    ];
    gate.upstream.clear();
    assert_eq!(line.send(&headers, Some(b"")).await.unwrap().status, 400, "content-length: 0");
    assert_eq!(gate.upstream.count(), 0);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expect_100_continue_and_chunks() {
    let gate = start().await;
    for (customer, status) in [("42", 200), ("43", 403)] {
        let body = order(customer);
        gate.upstream.clear();
        let mut raw = Raw::connect(gate.envoy.address()).await;
        let length = body.len();
        raw.write(post_bytes(&format!("expect: 100-continue\r\ncontent-length: {length}\r\n"), b"")).await;
        assert_eq!(raw.read_head().await.status, 100);
        assert_eq!(gate.upstream.count(), 0, "nothing before the verdict");
        raw.write(&body).await;
        assert_eq!(raw.read_response().await.status, status);
        assert_eq!(gate.upstream.count(), usize::from(status == 200));

        gate.upstream.clear();
        let chunks = body.iter().flat_map(|byte| [&b"1;ext=\"x\"\r\n"[..], &[*byte], b"\r\n"].concat());
        let chunked: Vec<u8> = chunks.chain(*b"0\r\nx-trailer: 1\r\n\r\n").collect();
        let bytes = post_bytes("transfer-encoding: chunked\r\n", &chunked);
        assert_eq!(Raw::exchange(gate.envoy.address(), bytes).await.status, status);
        assert_eq!(gate.upstream.count(), usize::from(status == 200));
    }
    // Without a good token there is nothing to continue for.
    let head = "POST /orders HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 22\r\n\r\n";
    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write(head).await;
    let first = raw.read_head().await.status;
    let status = if first == 100 { raw.read_head().await.status } else { first };
    assert_eq!(status, 401);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_as_large_as_the_rule_says() {
    let gate = start().await;
    let padded = |size: usize| {
        let mut body = order("42");
        body.resize(size, b' ');
        body
    };
    for (version, client) in gate.clients() {
        gate.passed(&client, post().body(padded(65_536))).await;
        gate.refused_with(413, &client, post().body(padded(65_537))).await;
        gate.refused_with(413, &client, post().body(padded(40_000)).body(padded(40_000))).await;
        gate.refused_with(413, &client, post().body(padded(65_537)).trailer("x-trailer", "1")).await;
        // What Envoy itself holds: 1 MiB, and over HTTP/2 as much as a stream's window of 16 MiB.
        let large = |size| {
            with_token(Request::post("/large", padded(size)), &good()).header("content-type", "application/json")
        };
        gate.passed(&client, large(900_000)).await;
        if version == "HTTP/2" {
            gate.passed(&client, large(4_000_000)).await;
        }
        let before = gate.upstream.count();
        // It may be told while it still sends, and notice the end of the connection first.
        let answer = client.try_send(large(if version == "HTTP/2" { 4_000_001 } else { 3_000_000 })).await;
        assert!(answer.as_ref().map_or(true, |answer| answer.status == 413), "{version}: {answer:?}");
        assert_eq!(gate.upstream.count(), before);
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coded_body_is_refused() {
    let gate = start().await;
    for (version, client) in gate.clients() {
        for coding in ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x-unknown"] {
            let request = post().header("content-encoding", coding).body(order("42"));
            let answer = gate.refused_with(415, &client, request).await;
            assert!(!answer.body.is_empty(), "{version}");
        }
        let twice = post().header("content-encoding", "identity").header("content-encoding", "gzip");
        gate.refused_with(415, &client, twice.body(order("42"))).await;
        // Where no rule looks into the body, its coding is no one's business.
        let request = with_token(Request::post("/users/42/x", order("42")), &good()).header("content-encoding", "gzip");
        gate.passed(&client, request).await;
    }
    gate.assert_no_vm_failed().await;
}

/// Envoy does not tell that they are gone; the VM must not mind.
#[tokio::test(flavor = "multi_thread")]
async fn clients_leave_before_the_body_ends() {
    let gate = start().await;
    let target = gate.envoy.address();
    let mut open = Vec::new();
    for n in 0..100 {
        let mut raw = Raw::connect(target).await;
        raw.write(post_bytes("content-length: 1000\r\n", &order("42")[..n % 20])).await;
        open.push(raw);
    }
    let bearer = format!("Bearer {}", good());
    let headers: [(&str, &[u8]); 6] = [
        (":method", b"POST"),
        (":scheme", b"http"),
        (":authority", b"a"),
        (":path", b"/orders"),
        ("content-type", b"application/json"),
        ("authorization", bearer.as_bytes()),
    ];
    for reset in [true, false] {
        let mut raw = RawH2::connect(target).await;
        for _ in 0..50 {
            let stream = raw.request(&headers, false).await;
            raw.data(stream, b"{\"customer", false).await;
            if reset {
                raw.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await;
            }
        }
        // Others are served meanwhile, and by the same connection.
        let stream = raw.request(&headers, false).await;
        raw.data(stream, &order("42"), true).await;
        assert_eq!(raw.answer(stream).await.response().status, 200);
    }
    let held = || async { (gate.stats().raw("http.ingress.downstream_rq_active").await == Some(100)).then_some(()) };
    until(DEADLINE, held).await.expect("a hundred wait for the ends of their bodies");
    for (_, client) in gate.clients() {
        gate.passed(&client, post().body(order("42"))).await;
        gate.refused_with(403, &client, post().body(order("43"))).await;
    }
    drop(open);
    let gone = || async { (gate.stats().raw("http.ingress.downstream_rq_active").await == Some(0)).then_some(()) };
    until(DEADLINE, gone).await.expect("Envoy notices that they left");
    for (_, client) in gate.clients() {
        gate.passed(&client, post().body(order("42"))).await;
        gate.refused_with(403, &client, post().body(order("43"))).await;
    }
    assert!(gate.upstream.requests().iter().all(|seen| seen.body == order("42")));
    gate.assert_no_vm_failed().await;
}
