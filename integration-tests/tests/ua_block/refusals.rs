//! What a refused client gets, in every form of request, and that the upstream never hears of it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_integration_tests::{Bootstrap, Client, DEADLINE, Launch, Raw, RawH2, Request, Response, until, within};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gate::{Gate, filter, get};

/// Refuses `BadBot`, with this `response` where there is one.
fn refusing(response: Option<&Value>) -> Value {
    let mut config = json!({"rules": [{"name": "named", "contains": ["BadBot"], "action": "deny"}]});
    if let Some(response) = response {
        config["response"] = response.clone();
    }
    config
}

/// Not even a connection.
fn assert_upstream_untouched(gate: &Gate) {
    assert_eq!((gate.upstream.count(), gate.upstream.connections()), (0, 0), "{:?}", gate.upstream.requests());
}

fn assert_problem(response: &Response, problem: &Value) {
    assert_eq!(json!(response.status), problem["status"], "{response:?}");
    assert_eq!(response.headers.text("content-type").as_deref(), Some("application/problem+json"));
    assert_eq!(&response.json(), problem);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_document_and_nothing_at_the_upstream() {
    let gate = Gate::start(&refusing(None)).await;
    let forbidden = json!({"status": 403, "title": "Forbidden"});
    let million = "x".repeat(1 << 20);
    for (_, client) in gate.clients() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let request = Request::new(method, "/a?b=c").header("user-agent", "BadBot");
            assert_problem(&client.send(request).await, &forbidden);
        }
        let request = Request::post("/", million.clone()).header("user-agent", "BadBot");
        assert_problem(&client.send(request).await, &forbidden);
        let request = get("BadBot").body("a").pause(Duration::from_millis(5)).body("b").trailer("x-end", "1");
        assert_problem(&client.send(request).await, &forbidden);
        assert_upstream_untouched(&gate);
    }
    gate.passed(&gate.h1(), get("Mozilla/5.0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_gets_no_body_and_the_connection_lives_on() {
    let gate = Gate::start(&refusing(None)).await;
    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write("HEAD / HTTP/1.1\r\nhost: a\r\nuser-agent: BadBot\r\n\r\n").await;
    let head = raw.read_head().await;
    assert_eq!((head.status, head.headers.text("content-type").as_deref()), (403, Some("application/problem+json")));
    raw.write("GET / HTTP/1.1\r\nhost: a\r\nuser-agent: BadBot\r\n\r\n").await;
    assert_eq!(raw.read_response().await.json()["status"], 403);
    let response = gate.h2().send(Request::new("HEAD", "/").header("user-agent", "BadBot")).await;
    assert_eq!((response.status, response.body.len()), (403, 0));
    assert_upstream_untouched(&gate);
}

/// Envoy itself answers `100-continue`, before any filter; the verdict follows without the body.
#[tokio::test(flavor = "multi_thread")]
async fn expect_100_continue_is_judged_before_the_body() {
    let gate = Gate::start(&refusing(None)).await;
    for (agent, status) in [("BadBot", 403), ("Mozilla/5.0", 200)] {
        let mut raw = Raw::connect(gate.envoy.address()).await;
        let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\nuser-agent: ";
        raw.write(format!("{head}{agent}\r\n\r\n")).await;
        assert_eq!(raw.read_head().await.status, 100);
        if status == 200 {
            raw.write("body").await;
        } else {
            assert_upstream_untouched(&gate);
        }
        assert_eq!(raw.read_response().await.status, status);
    }
    assert_eq!(gate.upstream.only_request().body, b"body");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_and_trailers_do_not_slip_past() {
    let options = json!({"http_protocol_options": {"enable_trailers": true}});
    let gate = Gate::launch(filter(&refusing(None)), |bootstrap| Launch::new(bootstrap.http(&options))).await;
    let request = |agent| {
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\nuser-agent: {agent}\r\ntransfer-encoding: chunked\r\n\r\n");
        head + "4\r\nbody\r\n0\r\nuser-agent: BadBot\r\nx-end: 1\r\n\r\n"
    };
    assert_eq!(Raw::exchange(gate.envoy.address(), request("BadBot")).await.status, 403);
    let mut raw = RawH2::connect(gate.envoy.address()).await;
    let stream = raw.request(&h2_head("POST", "/", b"BadBot"), false).await;
    raw.data(stream, b"body", false).await;
    raw.headers(stream, &[("x-end", b"1")], true).await;
    assert_eq!(raw.answer(stream).await.response().status, 403);
    assert_upstream_untouched(&gate);
    // The agent is that of the head, whatever the trailers say.
    assert_eq!(Raw::exchange(gate.envoy.address(), request("Mozilla/5.0")).await.status, 200);
    assert_eq!(gate.upstream.only_request().body, b"body");
}

fn h2_head<'a>(method: &'a str, path: &'a str, agent: &'a [u8]) -> [(&'a str, &'a [u8]); 5] {
    [
        (":method", method.as_bytes()),
        (":scheme", b"http"),
        (":authority", b"portcullis.test"),
        (":path", path.as_bytes()),
        ("user-agent", agent),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_message_are_the_operators() {
    let cases = [
        (
            "both",
            json!({"status": 406, "message": "Please \"use\" our app."}),
            json!({"status": 406, "title": "Not Acceptable", "detail": "Please \"use\" our app."}),
        ),
        ("status", json!({"status": 451}), json!({"status": 451, "title": "Unavailable For Legal Reasons"})),
        ("message", json!({"message": "Ü"}), json!({"status": 403, "title": "Forbidden", "detail": "Ü"})),
    ];
    let filters = cases.each_ref().map(|(name, response, _)| (*name, filter(&refusing(Some(response)))));
    let gate = Gate::launch(filter(&json!({})), |bootstrap| Launch::new(bootstrap.listeners(filters))).await;
    for (listener, _, problem) in cases {
        let address = gate.envoy.listener(listener);
        for client in [Client::h1(address), Client::h2(address)] {
            assert_problem(&client.send(get("BadBot")).await, &problem);
        }
    }
    assert_upstream_untouched(&gate);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_calls_get_a_grpc_status() {
    let rule =
        |name: &str, response: Value| json!({"name": name, "contains": [name], "action": "deny", "response": response});
    let config = json!({"rules": [
        rule("plain", json!({})),
        rule("busy", json!({"status": 429, "message": "slow down"})),
        rule("away", json!({"status": 503})),
    ]});
    let gate = Gate::start(&config).await;
    for content_type in ["application/grpc", "application/grpc+proto"] {
        for (agent, status, message) in
            [("plain", "7", "Forbidden"), ("busy", "8", "slow down"), ("away", "14", "Service Unavailable")]
        {
            for (version, client) in gate.clients() {
                let request = Request::post("/shop.Cart/Add", &b"\0\0\0\0\x02ab"[..])
                    .header("content-type", content_type)
                    .header("te", "trailers")
                    .header("user-agent", agent);
                let response = client.send(request).await;
                let context = format!("{version} {content_type}: {response:?}");
                assert_eq!(response.status, 200, "{context}");
                assert_eq!(response.headers.text("content-type").as_deref(), Some("application/grpc"), "{context}");
                assert_eq!(response.headers.text("grpc-status").as_deref(), Some(status), "{context}");
                // gRPC percent-encodes it.
                let told = response.headers.text("grpc-message").unwrap_or_default().replace("%20", " ");
                assert_eq!(told, message, "{context}");
            }
        }
    }
    // No gRPC, whatever it looks like.
    for content_type in ["application/grpc-web", "application/grpcx", "text/plain; application/grpc"] {
        let request = get("plain").header("content-type", content_type);
        assert_problem(&gate.h1().send(request).await, &json!({"status": 403, "title": "Forbidden"}));
    }
    assert_upstream_untouched(&gate);
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_are_judged_and_echo() {
    let gate = Gate::start(&refusing(None)).await;
    let upgrade = |agent| {
        let head = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nuser-agent: ";
        format!("{head}{agent}\r\n\r\n")
    };
    assert_eq!(Raw::exchange(gate.envoy.address(), upgrade("BadBot")).await.status, 403);
    assert_upstream_untouched(&gate);

    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write(upgrade("Mozilla/5.0")).await;
    assert_eq!(raw.read_head().await.status, 101);
    for frame in [&b"\x81\x05hello"[..], b"\x81\x06BadBot"] {
        raw.write(frame).await;
        assert_eq!(raw.read_exact(frame.len()).await, frame);
    }
    assert_eq!(gate.upstream.only_request().path, "/ws");
}

/// RFC 8441.
#[tokio::test(flavor = "multi_thread")]
async fn websockets_over_http2_are_judged_and_echo() {
    let options = json!({"http2_protocol_options": {"allow_connect": true}});
    let gate = Gate::launch(filter(&refusing(None)), |bootstrap| Launch::new(bootstrap.http(&options))).await;
    let stream = TokioIo::new(TcpStream::connect(gate.envoy.address()).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = |agent| {
        let request = hyper::Request::connect("http://a/ws").header("user-agent", agent);
        request.extension(Protocol::from_static("websocket")).body(Empty::<Bytes>::new()).unwrap()
    };
    // The first answer comes after Envoy's SETTINGS, which allow the rest.
    let plain = hyper::Request::get("http://a/").header("user-agent", "BadBot").body(Empty::new()).unwrap();
    assert_eq!(sender.send_request(plain).await.unwrap().status(), 403);
    assert_eq!(sender.send_request(request("BadBot")).await.unwrap().status(), 403);
    assert_upstream_untouched(&gate);

    let response = sender.send_request(request("Mozilla/5.0")).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    socket.write_all(b"\x81\x05hello").await.unwrap();
    let mut echo = [0; 7];
    within("the echo", socket.read_exact(&mut echo)).await.unwrap();
    assert_eq!(&echo, b"\x81\x05hello");
    assert_eq!(gate.upstream.only_request().path, "/ws");
}

/// Through a CONNECT tunnel Envoy forwards bytes to the upstream, here a request within the tunnel.
#[tokio::test(flavor = "multi_thread")]
async fn connect_is_judged_and_not_held() {
    let tunnels = |bootstrap: Bootstrap| {
        let upgrade = json!([{"upgrade_type": "CONNECT", "connect_config": {}}]);
        let route =
            json!({"match": {"connect_matcher": {}}, "route": {"cluster": "upstream", "upgrade_configs": upgrade}});
        let options = json!({
            "upgrade_configs": [{"upgrade_type": "CONNECT"}],
            "http2_protocol_options": {"allow_connect": true},
        });
        Launch::new(bootstrap.routes(&[route]).http(&options))
    };
    let gate = Gate::launch(filter(&refusing(None)), tunnels).await;
    let inner = b"GET /inner HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let connect = |agent| format!("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nuser-agent: {agent}\r\n\r\n");
    let head = |agent| [(":method", &b"CONNECT"[..]), (":authority", b"a:443"), ("user-agent", agent)];
    let mut h2 = RawH2::connect(gate.envoy.address()).await;

    assert_eq!(Raw::exchange(gate.envoy.address(), connect("BadBot")).await.status, 403);
    let stream = h2.request(&head(b"BadBot"), false).await;
    assert_eq!(h2.answer(stream).await.response().status, 403);
    assert_upstream_untouched(&gate);

    let mut raw = Raw::connect(gate.envoy.address()).await;
    raw.write(connect("Mozilla/5.0")).await;
    assert_eq!(raw.read_head().await.status, 200);
    raw.write(inner).await;
    assert_eq!(raw.read_response().await.text(), "hello");
    let stream = h2.request(&head(b"Mozilla/5.0"), false).await;
    h2.data(stream, inner, false).await;
    let response = h2.answer(stream).await.response();
    assert!(response.text().ends_with("hello"), "{response:?}");
    assert_eq!(gate.upstream.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_tells_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let log = json!({"access_log": [{
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": file,
            "log_format": {"text_format_source": {"inline_string": "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n"}},
        },
    }]});
    let launch = |bootstrap: Bootstrap| Launch::new(bootstrap.http(&log)).arg("--file-flush-interval-msec").arg("10");
    let gate = Gate::launch(filter(&refusing(None)), launch).await;
    let client: Client = gate.h1();
    for request in [get("BadBot"), Request::get("/"), get("\u{ff}".repeat(2000)), get("Mozilla/5.0")] {
        client.send(request).await;
    }
    let grpc = get("BadBot").header("content-type", "application/grpc");
    client.send(grpc).await;
    let lines = || async {
        let log = std::fs::read_to_string(&file).unwrap_or_default();
        (log.lines().count() == 5).then_some(log)
    };
    let log = until(DEADLINE, lines).await.expect("five lines");
    let expected = "403 portcullis:ua_block:user_agent_denied:named
403 portcullis:ua_block:user_agent_missing:missing
403 portcullis:ua_block:user_agent_too_long:too_long
200 via_upstream
200 portcullis:ua_block:user_agent_denied:named
";
    assert_eq!(log, expected);
}
