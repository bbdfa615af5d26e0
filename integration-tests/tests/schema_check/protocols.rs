//! Requests that are more than a JSON body in one piece: bodies of every kind and pace, trailers, gRPC, upgrades.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis_integration_tests::{DEADLINE, Launch, Raw, RawH2, Request, Response, telling, until};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};

const CANCEL: u32 = 8;
const DATA: u8 = 0;
const RST_STREAM: u8 = 3;

const GOOD: &[u8] = br#"{"id": 42, "note": "two"}"#;
/// As long as the good one.
const BAD: &[u8] = br#"{"id": 42, "note": true }"#;

/// Operations for each way to be treated.
fn settings() -> Value {
    let schema = json!({
        "type": "object", "required": ["id"], "additionalProperties": false,
        "properties": {"id": {"type": "integer"}, "note": {"type": "string"}},
    });
    let operation = |id: &str, content: &Value, is_required: bool| json!({"operationId": id, "requestBody": {"required": is_required, "content": content}});
    let order = json!({"application/json": {"schema": schema}});
    let post = |id: &str, is_required: bool| json!({"post": operation(id, &order, is_required)});
    json!({
        "openapi": {
            "openapi": "3.1.0",
            "info": {"title": "Orders", "version": "1"},
            "paths": {
                "/orders": {
                    "get": {"operationId": "listOrders"},
                    "delete": {"operationId": "deleteOrders"},
                    "post": operation("createOrder", &order, true),
                },
                "/notes": post("createNote", false),
                "/import": post("importAll", true),
                "/large": post("createLarge", true),
                "/files": {"put": operation("putFile", &json!({"application/octet-stream": {}}), true)},
                "/chat": {"get": {"operationId": "chat"}},
                "/svc.Orders/Watch": {"post": operation("watch", &json!({"application/grpc": {}}), true)},
                "/svc.Orders/List": post("list", true),
            },
        },
        "overrides": [{"operation": "importAll", "body": "stream"}, {"operation": "createLarge", "body_bytes": 4_000_000}],
        "limits": {"body_bytes": 65536},
    })
}

async fn start() -> Gate {
    Gate::start(&settings()).await
}

fn post() -> Request {
    Request::new("POST", "/orders").header("content-type", "application/json")
}

/// A good body of this size.
fn padded(size: usize) -> Vec<u8> {
    let mut body = GOOD.to_vec();
    body.resize(size, b' ');
    body
}

/// A POST to `/orders` as bytes, with these headers and what follows them.
fn post_bytes(headers: &str, rest: &[u8]) -> Vec<u8> {
    let head = format!("POST /orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{headers}\r\n");
    [head.as_bytes(), rest].concat()
}

/// A request whose body has not ended.
enum Open {
    H1(Raw),
    H2(RawH2, u32),
}

impl Open {
    /// Sends the head, and the start of a body without a known length.
    async fn start(http2: bool, target: SocketAddr, (method, path): (&str, &str), media_type: &str) -> Self {
        if http2 {
            let mut raw = RawH2::connect(target).await;
            let stream = raw.request(&h2_head(method, path, media_type), false).await;
            return Self::H2(raw, stream);
        }
        let mut raw = Raw::connect(target).await;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        raw.write(head).await;
        Self::H1(raw)
    }

    async fn data(&mut self, bytes: &[u8]) {
        match self {
            Self::H1(raw) => raw.write(chunk(bytes)).await,
            Self::H2(raw, stream) => raw.data(*stream, bytes, false).await,
        }
    }

    /// Ends the body, with trailers if there are any.
    async fn end(mut self, trailers: &[(&str, &[u8])]) -> Response {
        match &mut self {
            Self::H1(raw) => {
                let lines = trailers.iter().flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat());
                raw.write([b"0\r\n", lines.collect::<Vec<u8>>().as_slice(), b"\r\n"].concat()).await;
            }
            Self::H2(raw, stream) if trailers.is_empty() => raw.frame(DATA, 1, *stream, b"").await,
            Self::H2(raw, stream) => raw.headers(*stream, trailers, true).await,
        }
        self.answer().await
    }

    async fn answer(self) -> Response {
        match self {
            Self::H1(mut raw) => raw.read_response().await,
            Self::H2(mut raw, stream) => raw.answer(stream).await.response(),
        }
    }
}

fn h2_head<'a>(method: &'a str, path: &'a str, media_type: &'a str) -> Vec<(&'static str, &'a [u8])> {
    vec![
        (":method", method.as_bytes()),
        (":scheme", b"http"),
        (":authority", b"a"),
        (":path", path.as_bytes()),
        ("content-type", media_type.as_bytes()),
    ]
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Waits until so many requests are under way.
async fn await_active(gate: &Gate, wanted: u64) {
    let is_so =
        || async { (gate.stats().raw("http.ingress.downstream_rq_active").await == Some(wanted)).then_some(()) };
    until(DEADLINE, is_so).await.unwrap_or_else(|| panic!("never {wanted} requests under way"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_checked_is_held() {
    let gate = start().await;
    let target = gate.envoy.address();
    for http2 in [false, true] {
        for (request, media_type) in [
            (("PUT", "/files"), "application/octet-stream"),
            // What it says is no JSON, and no one looks.
            (("POST", "/import"), "application/json"),
            (("POST", "/import"), "text/plain"),
            (("POST", "/svc.Orders/Watch"), "application/grpc"),
        ] {
            gate.upstream.clear();
            let mut open = Open::start(http2, target, request, media_type).await;
            let seen = gate.upstream.wait_for(|seen| seen.path == request.1).await;
            assert!(!seen.complete && seen.body.is_empty());
            for n in 1..4 {
                open.data(b"{\xff\0").await;
                gate.upstream.wait_for(|seen| seen.body == b"{\xff\0".repeat(n)).await;
            }
            assert!(!gate.upstream.only_request().complete, "{http2}, {request:?}");
            assert_eq!(open.end(&[]).await.status, 200, "{http2}, {request:?}");
            assert_eq!(gate.upstream.only_request().body, b"{\xff\0".repeat(3));
        }
        let connections = gate.upstream.connections();
        for (body, expect) in [(GOOD, "accepted"), (BAD, "body_invalid")] {
            gate.upstream.clear();
            let mut open = Open::start(http2, target, ("POST", "/orders"), "application/json").await;
            open.data(&body[..12]).await;
            await_active(&gate, 1).await;
            open.data(&body[12..]).await;
            // Another one overtakes it.
            gate.passed(&gate.h1(), post().body(padded(100))).await;
            assert_eq!(gate.upstream.only_request().body, padded(100), "the first is not judged yet");
            gate.upstream.clear();
            assert_eq!(reason(&open.end(&[]).await), expect, "{http2}");
            assert_eq!(gate.upstream.count(), usize::from(expect == "accepted"));
        }
        assert!(gate.upstream.connections() <= connections + 1, "no connection was made for what is not judged");
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_and_empty_bodies() {
    let gate = start().await;
    let target = gate.envoy.address();
    for (method, path, expect) in [
        ("POST", "/orders", "body_missing"),
        ("POST", "/notes", "accepted"),
        ("GET", "/orders", "accepted"),
        ("DELETE", "/orders", "accepted"),
        ("GET", "/notes", "method_unknown"),
    ] {
        for media_type in ["", "content-type: application/json\r\n"] {
            for end in [
                "\r\n",
                "content-length: 0\r\n\r\n",
                "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                "transfer-encoding: chunked\r\n\r\n0\r\nx-trailer: {\"id\": 1}\r\n\r\n",
            ] {
                gate.upstream.clear();
                let bytes = format!("{method} {path} HTTP/1.1\r\nhost: a\r\n{media_type}{end}");
                let mut raw = Raw::connect(target).await;
                raw.write(&bytes).await;
                assert_eq!(reason(&raw.read_response().await), expect, "{bytes}");
                assert_eq!(gate.upstream.count(), usize::from(expect == "accepted"), "{bytes}");
                assert!(gate.upstream.requests().iter().all(|seen| seen.body.is_empty()));
            }
            for form in 0..4 {
                gate.upstream.clear();
                let mut head = h2_head(method, path, "application/json");
                if media_type.is_empty() {
                    head.pop();
                }
                let mut raw = RawH2::connect(target).await;
                let stream = raw.request(&head, form == 0).await;
                match form {
                    0 => {}
                    // The end of the stream in a DATA frame that is empty, one behind another one, and in trailers.
                    1 => raw.data(stream, b"", true).await,
                    2 => {
                        raw.data(stream, b"", false).await;
                        raw.data(stream, b"", true).await;
                    }
                    _ => raw.headers(stream, &[("x-trailer", b"{}")], true).await,
                }
                let answer = raw.answer(stream).await.response();
                assert_eq!(reason(&answer), expect, "{method} {path} as form {form}");
                assert_eq!(gate.upstream.count(), usize::from(expect == "accepted"));
            }
        }
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_judged_however_it_comes() {
    // Envoy drops HTTP/1.1's trailers if it is not told otherwise.
    for trailers in [false, true] {
        let mut options = json!({"http_protocol_options": {"enable_trailers": trailers}});
        portcullis_integration_tests::merge(&mut options, &telling());
        let gate = Gate::launch(filter(&settings()), |bootstrap| Launch::new(bootstrap.http(&options))).await;
        let pause = Duration::from_millis(20);
        for (version, client) in gate.clients() {
            let broken = &GOOD[..GOOD.len() - 1];
            for (body, expect) in [(GOOD, "accepted"), (BAD, "body_invalid"), (broken, "json_invalid")] {
                let (start, end) = body.split_at(9);
                let pieces = || post().body(start.to_vec()).pause(pause).body(end.to_vec());
                let forms = [
                    post().body(body.to_vec()),
                    pieces(),
                    pieces().pause(pause),
                    pieces().trailer("x-trailer", "1"),
                    pieces().pause(pause).trailer("x-trailer", r#"{"id": 1}"#),
                    post().body(body.to_vec()).trailer("content-type", "text/plain"),
                    body.iter().fold(post(), |request, byte| request.body(vec![*byte])),
                    // The end of the body comes late, as a frame of its own.
                    post().body(body.to_vec()).pause(pause).body(Vec::new()),
                ];
                for (index, form) in forms.into_iter().enumerate() {
                    gate.upstream.clear();
                    let answer = client.send(form).await;
                    assert_eq!(reason(&answer), expect, "{version}: {} as form {index}", body.escape_ascii());
                    let bodies: Vec<_> = gate.upstream.requests().into_iter().map(|seen| seen.body).collect();
                    let passed = if expect == "accepted" { vec![body.to_vec()] } else { Vec::new() };
                    assert_eq!(bodies, passed, "{version}: {index}");
                }
            }
        }
        gate.assert_no_vm_failed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expect_100_continue_and_chunks() {
    let gate = start().await;
    let target = gate.envoy.address();
    for (body, expect) in [(GOOD, "accepted"), (BAD, "body_invalid")] {
        gate.upstream.clear();
        let mut raw = Raw::connect(target).await;
        raw.write(post_bytes(&format!("expect: 100-continue\r\ncontent-length: {}\r\n", body.len()), b"")).await;
        assert_eq!(raw.read_head().await.status, 100);
        assert_eq!(gate.upstream.count(), 0, "nothing before the verdict");
        raw.write(body).await;
        assert_eq!(reason(&raw.read_response().await), expect);
        assert_eq!(gate.upstream.count(), usize::from(expect == "accepted"));

        gate.upstream.clear();
        let chunks = body.iter().flat_map(|byte| [&b"1;ext=\"x\"\r\n"[..], &[*byte], b"\r\n"].concat());
        let chunked: Vec<u8> = chunks.chain(*b"0\r\nx-trailer: 1\r\n\r\n").collect();
        let answer = Raw::exchange(target, post_bytes("transfer-encoding: chunked\r\n", &chunked)).await;
        assert_eq!(reason(&answer), expect);
        assert_eq!(gate.upstream.count(), usize::from(expect == "accepted"));
    }
    // What is refused by its headers is told so before it sends.
    gate.upstream.clear();
    for (head, expect) in [
        ("POST /nowhere HTTP/1.1\r\ncontent-type: application/json", "path_unknown"),
        ("PATCH /orders HTTP/1.1\r\ncontent-type: application/json", "method_unknown"),
        ("POST /orders HTTP/1.1\r\ncontent-type: text/plain", "media_type_unknown"),
        ("POST /orders?a=1 HTTP/1.1\r\ncontent-type: application/json", "query_unknown"),
    ] {
        let mut raw = Raw::connect(target).await;
        raw.write(format!("{head}\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 22\r\n\r\n")).await;
        let first = raw.read_head().await;
        let answer = if first.status == 100 { raw.read_head().await } else { first };
        assert_eq!(reason(&answer), expect, "{head}");
    }
    assert_eq!(gate.upstream.count(), 0);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_body_is_declared_none_comes() {
    let gate = start().await;
    let target = gate.envoy.address();
    for method in ["GET", "HEAD", "DELETE"] {
        for media_type in ["", "content-type: application/json\r\n", "content-type: text/plain\r\n"] {
            let length = format!("content-length: {}\r\n\r\n{}", GOOD.len(), GOOD.escape_ascii());
            let chunks = [b"transfer-encoding: chunked\r\n\r\n".as_slice(), &chunk(GOOD), b"0\r\n\r\n"].concat();
            for end in [length.replace("\\\"", "\"").into_bytes(), chunks] {
                let head = format!("{method} /orders HTTP/1.1\r\nhost: a\r\n{media_type}");
                let mut raw = Raw::connect(target).await;
                raw.write([head.as_bytes(), &end].concat()).await;
                assert_eq!(reason(&raw.read_head().await), "body_unexpected", "{head} {}", end.escape_ascii());
            }
            for ended in [true, false] {
                let mut raw = RawH2::connect(target).await;
                let stream = raw.request(&h2_head(method, "/orders", "application/json"), false).await;
                // It is told at the first byte: the rest is not waited for.
                raw.data(stream, GOOD, ended).await;
                assert_eq!(reason(&raw.answer(stream).await.response()), "body_unexpected", "{method}");
            }
        }
    }
    assert_eq!(gate.upstream.count(), 0);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_as_large_as_the_limit_says() {
    let gate = start().await;
    for (version, client) in gate.clients() {
        gate.passed(&client, post().body(padded(65_536))).await;
        let too_large = [
            post().body(padded(65_537)),
            post().body(padded(40_000)).body(padded(40_000)),
            post().body(padded(65_537)).trailer("x-trailer", "1"),
            post().body(BAD.repeat(4000)),
        ];
        for request in too_large {
            let answer = gate.refused_with(413, &client, request).await;
            assert_eq!(reason(&answer), "body_too_large", "{version}");
            assert_eq!(answer.headers.text("content-type").as_deref(), Some("application/problem+json"));
        }
        // What Envoy itself holds: 1 MiB, and over HTTP/2 as much as a stream's window of 16 MiB.
        let large = |size| Request::post("/large", padded(size)).header("content-type", "application/json");
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
    // Nobody waits for the rest of it.
    let head =
        "POST /orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100000000\r\n\r\n";
    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write([head.as_bytes(), &padded(65_537)].concat()).await;
    assert_eq!(reason(&raw.read_response().await), "body_too_large");
    // What is not read has no limit here.
    for (_, client) in gate.clients() {
        gate.passed(&client, Request::post("/import", vec![0; 3_000_000])).await;
        let request = Request::new("PUT", "/files").header("content-type", "application/octet-stream");
        gate.passed(&client, request.body(vec![0; 3_000_000])).await;
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envoys_own_limit_is_not_led_round() {
    let settings = settings();
    let gate = Gate::launch(filter(&settings), |bootstrap| {
        let mut root = bootstrap.http(&telling()).build();
        root["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"] = json!(16_384);
        root["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http2_protocol_options"] =
            json!({"initial_stream_window_size": 65_535});
        Launch::new(root)
    })
    .await;
    for (version, client) in gate.clients() {
        gate.passed(&client, post().body(padded(10_000))).await;
        let before = gate.upstream.count();
        for body in [padded(60_000), [GOOD, &BAD.repeat(2000)].concat()] {
            let answer = client.try_send(post().body(body).trailer("x-trailer", "1")).await;
            if let Ok(answer) = answer {
                let reason = reason(&answer);
                // Over HTTP/2 a window's worth of it can be there.
                assert!(answer.status == 413 || version == "HTTP/2", "{version}: {reason}");
            }
        }
        let seen = gate.upstream.requests();
        assert!(
            seen[before..].iter().all(|seen| seen.body == padded(60_000)),
            "{version}: more than one good body, or a bad one"
        );
        gate.upstream.clear();
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_requests_are_answered_as_grpc() {
    let gate = start().await;
    let call = |path: &str, media_type: &str| {
        let request = Request::post(path, b"\0\0\0\0\0".to_vec());
        request.header("content-type", media_type).header("te", "trailers")
    };
    for (version, client) in gate.clients() {
        for path in ["/svc.Orders/List", "/svc.Orders/Missing", "/svc.Orders/Watch?a=1", "/orders", "/svc.Orders/.."] {
            let answer = gate.refused_with(200, &client, call(path, "application/grpc")).await;
            let text = |name: &str| answer.headers.text(name).unwrap_or_default();
            assert_eq!(
                (text("grpc-status").as_str(), text("grpc-message").as_str()),
                ("3", "Bad Request"),
                "{version}"
            );
            assert!(text("content-type").starts_with("application/grpc"), "{version}: {answer:?}");
            assert!(answer.body.is_empty(), "{version}: {answer:?}");
        }
        gate.passed(&client, call("/svc.Orders/Watch", "application/grpc")).await;
        // Not the declared type.
        let answer = gate.refused_with(400, &client, call("/svc.Orders/Watch", "application/grpc-web")).await;
        assert_eq!(reason(&answer), "media_type_unknown");
    }
    gate.assert_no_vm_failed().await;
}

/// A request that asks for an upgrade, perhaps.
fn upgrade(request: &str, headers: &str) -> String {
    format!(
        "{request} HTTP/1.1\r\nhost: a\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

const WEBSOCKET: &str = "connection: Upgrade\r\nupgrade: websocket\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_flows_and_is_never_held() {
    let gate = start().await;
    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write(upgrade("GET /chat", WEBSOCKET)).await;
    assert_eq!(raw.read_head().await.status, 101);
    for frame in [&b"\x81\x02hi"[..], &vec![0xff; 70_000], BAD] {
        raw.write(frame).await;
        assert_eq!(raw.read_exact(frame.len()).await, frame);
    }
    gate.upstream.clear();
    for (request, expect) in [
        ("GET /nowhere", "path_unknown"),
        ("GET /notes", "method_unknown"),
        ("GET /chat?a=1", "query_unknown"),
        ("GET /chat/../orders", "path_dot_segment"),
        // Its frames would be no body.
        ("POST /orders", "body_unexpected"),
    ] {
        let headers = format!("content-type: application/json\r\n{WEBSOCKET}");
        let answer = Raw::exchange(gate.envoy.address(), upgrade(request, &headers)).await;
        assert_eq!(reason(&answer), expect, "{request}");
    }
    assert_eq!(gate.upstream.count(), 0);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_leads_no_body_round_its_check() {
    let gate = start().await;
    let length = format!("content-type: application/json\r\ncontent-length: {}\r\n", BAD.len());
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    for upgrades in [
        WEBSOCKET,
        "upgrade: websocket\r\n",
        "connection: close\r\nupgrade: websocket\r\n",
        "connection: x-upgrade\r\nupgrade: websocket\r\n",
        "connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n",
        "connection: upgrade\r\n",
        "connection: upgrade\r\nupgrade: \r\n",
        "connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
        "connection: upgrade\r\nupgrade: tls/1.2\r\n",
        "connection: upgrade\r\nupgrade: websocket, h2c\r\n",
        "connection: close\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
        "connection: upgrade\r\nupgrade: foo\r\nupgrade: websocket\r\n",
    ] {
        for (path, framing, body) in [
            ("/orders", length.as_str(), BAD.to_vec()),
            ("/orders", chunked, [chunk(BAD), b"0\r\n\r\n".to_vec()].concat()),
            ("/notes", length.as_str(), BAD.to_vec()),
            ("/notes", chunked, [chunk(BAD), b"0\r\n\r\n".to_vec()].concat()),
        ] {
            let mut raw = Raw::connect(gate.envoy.address()).await;
            let request = upgrade(&format!("POST {path}"), &format!("{upgrades}{framing}"));
            raw.write([request.as_bytes(), &body].concat()).await;
            let answer = raw.try_read_response().await.map(|answer| answer.status);
            assert!(matches!(answer, Ok(400 | 403)), "{answer:?} to {request}");
            assert_eq!(gate.upstream.count(), 0, "{request}");
        }
    }
    gate.assert_no_vm_failed().await;
}

/// A server that knows no upgrades would read a body there.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_has_no_body() {
    let gate = start().await;
    let length = format!("content-length: {}\r\n", BAD.len());
    let chunks = [chunk(BAD), b"0\r\n\r\n".to_vec()].concat();
    for upgrades in [WEBSOCKET, "upgrade: websocket\r\n", "connection: close\r\nupgrade: websocket\r\n"] {
        for request in ["GET /chat", "GET /orders", "DELETE /orders"] {
            for (framing, body) in [(length.as_str(), BAD), ("transfer-encoding: chunked\r\n", chunks.as_slice())] {
                let mut raw = Raw::connect(gate.envoy.address()).await;
                let head = upgrade(request, &format!("{upgrades}{framing}"));
                raw.write([head.as_bytes(), body].concat()).await;
                let answer = raw.read_head().await;
                let seen = gate.upstream.requests();
                gate.upstream.clear();
                if framing == length || upgrades != WEBSOCKET {
                    assert_eq!(reason(&answer), "body_unexpected", "{head}");
                    assert!(seen.is_empty(), "{head}: {seen:#?}");
                }
                // Of an upgrade Envoy takes this away, before anyone sees it.
                assert!(seen.iter().all(|seen| seen.headers.get("transfer-encoding").is_none()), "{seen:#?}");
            }
        }
    }
    // Some clients say that there is none.
    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write(upgrade("GET /chat", &format!("{WEBSOCKET}content-length: 0\r\n"))).await;
    assert_eq!(raw.read_head().await.status, 101);
    gate.assert_no_vm_failed().await;
}

/// RFC 8441: a WebSocket over HTTP/2.
#[tokio::test(flavor = "multi_thread")]
async fn connect_is_no_way_round() {
    let mut options = json!({
        "http2_protocol_options": {"allow_connect": true},
        "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
    });
    portcullis_integration_tests::merge(&mut options, &telling());
    let gate = Gate::launch(filter(&settings()), |bootstrap| Launch::new(bootstrap.http(&options))).await;
    let target = gate.envoy.address();
    let mut raw = Raw::connect(target).await;
    raw.write("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n").await;
    assert!(matches!(raw.read_head().await.status, 400..=404));
    // Envoy shows it as a GET with an `upgrade` header.
    let extended = |path: &'static str| {
        let mut headers = h2_head("CONNECT", path, "application/json");
        headers.insert(1, (":protocol", b"websocket"));
        headers
    };
    for (path, expect) in [
        ("/nowhere", "path_unknown"),
        ("/notes", "method_unknown"),
        ("/import", "method_unknown"),
        ("/files", "method_unknown"),
        ("/svc.Orders/List", "method_unknown"),
        ("/chat?a=1", "query_unknown"),
    ] {
        let mut raw = RawH2::connect(target).await;
        let stream = raw.request(&extended(path), false).await;
        raw.data(stream, BAD, false).await;
        assert_eq!(reason(&raw.answer(stream).await.response()), expect, "{path}");
    }
    assert_eq!(gate.upstream.count(), 0);
    let mut raw = RawH2::connect(target).await;
    raw.request(&extended("/chat"), false).await;
    gate.upstream.await_count(1).await;
    let seen = gate.upstream.only_request();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/chat"));
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_preflights() {
    let gate = start().await;
    let preflight = |path: &str, method: &str| {
        let request = Request::new("OPTIONS", path).header("origin", "https://app.example");
        request.header("access-control-request-method", method)
    };
    for (version, client) in gate.clients() {
        let sent = |request: Request| {
            gate.upstream.clear();
            let (client, gate) = (&client, &gate);
            async move {
                let answer = client.send(request).await;
                let reason = reason(&answer);
                assert_eq!(gate.upstream.count(), usize::from(reason == "accepted"));
                reason
            }
        };
        assert_eq!(sent(Request::new("HEAD", "/orders")).await, "accepted", "{version}");
        assert_eq!(sent(Request::new("HEAD", "/orders?a=1")).await, "query_unknown", "{version}");
        assert_eq!(sent(Request::new("HEAD", "/files")).await, "method_unknown", "{version}");
        let answer = gate.refused_with(400, &client, Request::new("HEAD", "/nowhere")).await;
        assert!(answer.body.is_empty(), "{version}");

        assert_eq!(sent(preflight("/orders", "POST")).await, "accepted", "{version}");
        assert_eq!(sent(preflight("/orders", "HEAD")).await, "accepted", "{version}");
        assert_eq!(sent(preflight("/orders", "PATCH")).await, "method_unknown", "{version}");
        assert_eq!(sent(preflight("/orders", "post")).await, "method_unknown", "{version}");
        // Browsers send no body with it.
        assert_eq!(sent(preflight("/orders", "POST").body(GOOD)).await, "method_unknown", "{version}");
        assert_eq!(sent(preflight("/nowhere", "POST")).await, "path_unknown", "{version}");
        assert_eq!(sent(preflight("//orders", "POST")).await, "path_empty_segment", "{version}");
        let without = Request::new("OPTIONS", "/orders");
        assert_eq!(sent(without.clone()).await, "method_unknown", "{version}");
        let half = without.clone().header("origin", "https://app.example");
        assert_eq!(sent(half).await, "method_unknown", "{version}");
        let half = without.header("access-control-request-method", "POST");
        assert_eq!(sent(half).await, "method_unknown", "{version}");
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bodies_are_held_at_once() {
    const STREAMS: usize = 90;
    let gate = start().await;
    let mut connections = Vec::new();
    for _ in 0..10 {
        let mut raw = RawH2::connect(gate.envoy.address()).await;
        let mut streams = Vec::new();
        for n in 0..STREAMS {
            let stream = raw.request(&h2_head("POST", "/orders", "application/json"), false).await;
            raw.data(stream, &GOOD[..n % 20], false).await;
            streams.push((n, stream));
        }
        connections.push((raw, streams));
    }
    await_active(&gate, 10 * STREAMS as u64).await;
    assert_eq!(gate.upstream.count(), 0);
    for (raw, streams) in &mut connections {
        // The last ones end first.
        for (n, stream) in streams.iter().rev() {
            let rest = if n % 3 == 0 { &GOOD[n % 20..] } else { &BAD[n % 20..] };
            raw.data(*stream, rest, true).await;
            let answer = raw.answer(*stream).await.response();
            assert_eq!(reason(&answer), if n % 3 == 0 { "accepted" } else { "body_invalid" }, "{n}");
        }
    }
    let seen = gate.upstream.requests();
    assert_eq!(seen.len(), 10 * STREAMS / 3);
    assert!(seen.iter().all(|seen| seen.body == GOOD));
    gate.assert_no_vm_failed().await;
}

/// Envoy does not tell that they are gone; the VM must not mind.
#[tokio::test(flavor = "multi_thread")]
async fn clients_leave_before_the_body_ends() {
    let gate = start().await;
    let target = gate.envoy.address();
    let mut memory = Vec::new();
    for _ in 0..4 {
        let mut open = Vec::new();
        for n in 0..100 {
            let mut raw = Raw::connect(target).await;
            raw.write(post_bytes("content-length: 60000\r\n", &padded(50_000)[..n * 400])).await;
            open.push(raw);
        }
        for reset in [true, false] {
            let mut raw = RawH2::connect(target).await;
            for _ in 0..50 {
                let stream = raw.request(&h2_head("POST", "/orders", "application/json"), false).await;
                raw.data(stream, b"{\"id", false).await;
                if reset {
                    raw.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await;
                }
            }
            // Others are served meanwhile, and by the same connection.
            let stream = raw.request(&h2_head("POST", "/orders", "application/json"), false).await;
            raw.data(stream, GOOD, true).await;
            assert_eq!(raw.answer(stream).await.response().status, 200);
        }
        await_active(&gate, 100).await;
        for (_, client) in gate.clients() {
            gate.passed(&client, post().body(GOOD)).await;
            gate.refused_with(400, &client, post().body(BAD)).await;
        }
        drop(open);
        await_active(&gate, 0).await;
        memory.push(gate.envoy.resident_bytes());
    }
    for (_, client) in gate.clients() {
        gate.passed(&client, post().body(GOOD)).await;
        gate.refused_with(400, &client, post().body(BAD)).await;
    }
    assert!(memory[3] < memory[0] + (16 << 20), "it grows with each round: {memory:?}");
    assert_eq!(gate.stats().counter("portcullis_requests_waiting", &[]).await, 0);
    assert!(gate.upstream.requests().iter().all(|seen| seen.body == GOOD && seen.complete));
    gate.assert_no_vm_failed().await;
}
