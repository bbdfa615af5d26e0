//! Requests of every kind that wait for the service's answer: what comes meanwhile is kept and passed on whole.

use std::time::Duration;

use portcullis_integration_tests::{
    DEADLINE, Launch, RateLimitMode, Raw, RawH2, Request, WasmFilter, dist, telling, until,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::gate::{Gate, keyed, shared, shared_service};

/// Long enough that bodies come while requests wait, and shorter than the time-out.
const SLOW: RateLimitMode = RateLimitMode::Slow(Duration::from_millis(300));
const CANCEL: u32 = 8;
const RST_STREAM: u8 = 3;

/// A body of which each part is another.
fn body(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at / 7 % 251).unwrap()).collect()
}

fn post(key: &str) -> Request {
    Request::new("POST", "/").header("x-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_trailers_arrive_whole() {
    let (_redis, service) = shared_service(1000).await;
    service.set_mode(SLOW);
    let gate = Gate::with_service(&shared(1000, &json!({})), &service).await;
    let pause = Duration::from_millis(100);
    let mut all = JoinSet::new();
    for (version, client) in gate.clients() {
        let large = body(3_000_000);
        let (start, end) = large.split_at(1_000_000);
        let pieces = |key| post(key).body(start.to_vec()).pause(pause).body(end.to_vec());
        for request in [
            keyed("none"),
            post("empty"),
            post("small").body(body(10)),
            post("large").body(large.clone()),
            pieces("pieces"),
            pieces("trailer").trailer("x-trailer", "1"),
            // What is not over when the answer is here.
            pieces("late end").pause(6 * pause).body(body(5)),
            pieces("late trailer").pause(6 * pause).trailer("x-trailer", "1"),
        ] {
            let client = client.clone();
            all.spawn(async move { (client.send(request).await, version) });
        }
    }
    while let Some(done) = all.join_next().await {
        let (answer, version) = done.unwrap();
        assert_eq!(answer.status, 200, "{version}: {answer:?}");
    }
    let requests = gate.upstream.requests();
    assert_eq!(requests.len(), 16);
    let whole = [body(3_000_000), body(5)].concat();
    for seen in requests {
        let form = seen.headers.text("x-key").unwrap();
        let size = match form.as_str() {
            "none" | "empty" => 0,
            "small" => 10,
            "late end" => whole.len(),
            _ => 3_000_000,
        };
        assert!(seen.complete && seen.body == whole[..size], "{form}: {} of {size}", seen.body.len());
    }
    assert_eq!(service.counts().calls, 16);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_after_waiting_never_shows_its_body() {
    let (_redis, service) = shared_service(0).await;
    service.set_mode(SLOW);
    let gate = Gate::with_service(&shared(10, &json!({"cache": {"over_limit": false}})), &service).await;
    for (_, client) in gate.clients() {
        for request in [
            post("a").body(body(3_000_000)),
            post("a").body(body(100)).pause(Duration::from_millis(50)).body(body(100)).trailer("x-trailer", "1"),
        ] {
            // It may be told while it still sends, and notice the end of the connection first.
            let answer = client.try_send(request).await;
            assert!(answer.as_ref().map_or(true, |answer| answer.status == 429), "{answer:?}");
        }
        // Sent before the answer is here, so that it is read.
        gate.refused_with(429, &client, post("a").body(body(100))).await;
        gate.refused_with(429, &client, post("a")).await;
    }
    assert_eq!((gate.upstream.count(), service.counts().calls), (0, 8));
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_waits_and_is_answered_as_grpc() {
    let (_redis, service) = shared_service(1).await;
    service.set_mode(SLOW);
    let gate = Gate::with_service(&shared(10, &json!({})), &service).await;
    let call = |key: &str| {
        Request::post("/svc.Users/Get", b"\0\0\0\0\0".to_vec())
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("x-key", key)
    };
    for (version, client) in gate.clients() {
        gate.passed(&client, call(version)).await;
        // The service's refusal, and the one that is remembered.
        for _ in 0..2 {
            let refused = gate.refused_with(200, &client, call(version)).await;
            assert_eq!(refused.headers.text("grpc-status").as_deref(), Some("8"), "{version}: {refused:?}");
        }
    }
    assert_eq!(service.counts().calls, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_waits_once_and_then_flows() {
    let (_redis, service) = shared_service(2).await;
    service.set_mode(SLOW);
    let gate = Gate::with_service(&shared(10, &json!({})), &service).await;
    let upgrade = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-key: a\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for early in [&b""[..], b"\x81\x05early"] {
        let mut raw = Raw::connect(gate.envoy.address()).await;
        // Impatient clients send frames before they may.
        raw.write([upgrade.as_bytes(), early].concat()).await;
        assert_eq!(raw.read_head().await.status, 101);
        assert_eq!(raw.read_exact(early.len()).await, early);
        for frame in [&b"\x81\x02hi"[..], &[0xff; 5000]] {
            raw.write(frame).await;
            assert_eq!(raw.read_exact(frame.len()).await, frame);
        }
    }
    assert_eq!(gate.upstream.count(), 2);
    assert_eq!(Raw::exchange(gate.envoy.address(), upgrade).await.status, 429);
    assert_eq!((gate.upstream.count(), service.counts().calls), (2, 3));
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_leave_while_they_wait() {
    let (_redis, service) = shared_service(1000).await;
    let gate = Gate::with_service(&shared(1000, &json!({})), &service).await;
    for (mode, refused) in [(SLOW, false), (RateLimitMode::Hang, false), (SLOW, true)] {
        let left = if refused { "over" } else { "left" };
        service.set_mode(mode);
        service.clear();
        let target = gate.envoy.address();
        let mut open = Vec::new();
        for number in 0..20 {
            let mut raw = Raw::connect(target).await;
            let tail = if number % 2 == 0 { "\r\n" } else { "content-length: 100\r\n\r\nsome" };
            let method = if number % 2 == 0 { "GET" } else { "POST" };
            raw.write(format!("{method} /{left} HTTP/1.1\r\nhost: a\r\nx-key: {left}\r\n{tail}")).await;
            open.push(raw);
        }
        let headers: [(&str, &[u8]); 5] = [
            (":method", b"POST"),
            (":scheme", b"http"),
            (":authority", b"a"),
            (":path", b"/left"),
            ("x-key", left.as_bytes()),
        ];
        let mut raw = RawH2::connect(target).await;
        for _ in 0..20 {
            let stream = raw.request(&headers, false).await;
            raw.data(stream, b"some", false).await;
            service.wait_for("it is asked for", |counts| counts.calls > 0).await;
            raw.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await;
        }
        drop(open);
        // Others are served meanwhile.
        service.set_mode(RateLimitMode::Ok);
        for (_, client) in gate.clients() {
            assert_eq!(client.send(keyed("stays")).await.status, 200);
        }
        let gone = || async { (gate.stats().raw("http.ingress.downstream_rq_active").await == Some(0)).then_some(()) };
        until(DEADLINE, gone).await.expect("Envoy notices that they left");
        gate.await_measured("in_flight", 0).await;
        for (_, client) in gate.clients() {
            gate.passed(&client, keyed("stays")).await;
        }
    }
    let seen = gate.upstream.requests();
    assert!(seen.iter().all(|seen| seen.headers.get("x-key") == Some(b"stays")), "{seen:#?}");
    let waiting = || async { (gate.stats().counter("portcullis_requests_waiting", &[]).await == 0).then_some(()) };
    until(DEADLINE, waiting).await.expect("nobody waits");
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_wait_at_the_same_time() {
    const WAITING: usize = 600;
    let (_redis, service) = shared_service(1000).await;
    service.set_mode(SLOW);
    let config = shared(1000, &json!({"max_in_flight": 1000, "fallback_factor": 1}));
    let gate = Gate::with_service(&config, &service).await;
    let mut all = JoinSet::new();
    for (number, client) in [gate.h1(), gate.h2(), gate.h2(), gate.h2()].iter().cycle().take(WAITING).enumerate() {
        let client = client.clone();
        let request = if number % 3 == 0 { keyed("a").body("some") } else { keyed("a") };
        all.spawn(async move { client.send(request).await.status });
    }
    let all = all.join_all().await;
    assert!(service.counts().most_waiting > 100, "{:?}", service.counts());
    assert_eq!(all, vec![200; WAITING]);
    assert_eq!(gate.upstream.count(), WAITING);
    gate.assert_no_vm_failed().await;
}

/// With the line that filters need which look into bodies, Envoy reads on while a request waits. It holds what it read, up to
/// its own bound, beyond which it answers 413.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_plugins_flag_nothing_passes_before_the_answer_either() {
    let (_redis, service) = shared_service(4).await;
    service.set_mode(SLOW);
    let config = shared(10, &json!({"cache": {"over_limit": false}}));
    for module in ["ratelimit", "ratelimit_responses"] {
        let plugin = WasmFilter::new("ratelimit", dist(module)).config(&config);
        let gate = Gate::launch(plugin, |bootstrap| {
            Launch::new(bootstrap.http(&telling()).http2_cluster("ratelimit", service.address()))
        })
        .await;
        for (version, client) in gate.clients() {
            let key = format!("{module} {version}");
            let pieces = || post(&key).body(body(10)).pause(Duration::from_millis(50)).body(body(10));
            gate.passed(&client, post(&key).body(body(900_000))).await;
            gate.passed(&client, pieces()).await;
            gate.passed(&client, pieces().trailer("x-trailer", "1")).await;
            gate.passed(&client, post(&key)).await;
            gate.refused_with(429, &client, post(&key).body(body(900_000))).await;
            gate.refused_with(429, &client, pieces()).await;
            gate.refused_with(429, &client, pieces().trailer("x-trailer", "1")).await;
            gate.refused_with(429, &client, post(&key)).await;
        }
        let before = gate.upstream.count();
        let answer = gate.h1().try_send(post("large").body(body(3_000_000))).await;
        assert!(answer.as_ref().map_or(true, |answer| answer.status == 413), "{answer:?}");
        assert_eq!(gate.upstream.count(), before);
        gate.assert_no_vm_failed().await;
    }
}
