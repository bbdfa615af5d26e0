//! Requests of odd sizes and forms.

use std::time::Duration;

use portcullis_integration_tests::{DEADLINE, Launch, Raw, RawH2, Reply, Request, until};
use serde_json::json;

use super::{assert_all_is_well, auditing_all, headers};
use crate::gate::{Gate, filter, get};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn huge_and_many_headers() {
    let config = json!({
        "rules": [{"name": "named", "regex": ["bad.?bot"], "action": "deny"}],
        "too_long": "allow", "audit": {"cluster": "audit", "events": ["allow", "deny"], "batch": {"max_age_ms": 10}},
    });
    let options = json!({"max_request_headers_kb": 8192});
    let gate = Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await;
    // As much as the upstream takes in one header; Envoy's default limit is 60 KiB for all of them.
    let long = 59 << 10;
    for (version, client) in gate.clients() {
        for place in ["user-agent", "cookie", "authorization", "referer", "traceparent", "x-request-id", "x-custom"] {
            for (agent, end, status) in [("Mozilla/5.0", "x", 200), ("BadBot", "BadBot", 403)] {
                let value = "a".repeat(long) + end;
                let request = match place {
                    "user-agent" => Request::get("/").header(place, value),
                    _ => Request::get("/").header("user-agent", agent).header(place, value),
                };
                assert_eq!(client.send(request).await.status, status, "{version} {place} {end}");
            }
        }
        for (agent, status) in [("Mozilla/5.0", 200), ("BadBot", 403)] {
            // Envoy's limit is 100, with HTTP/2's pseudo-headers.
            let many = (0..95).fold(get(agent), |request, n| request.header(&format!("x-{n}"), "v"));
            assert_eq!(client.send(many).await.status, status, "{version}: many headers");
            let path = format!("/{}?{}", "p".repeat(20_000), "q".repeat(20_000));
            let request = Request::get(&path).header("user-agent", agent);
            assert_eq!(client.send(request).await.status, status, "{version}: a long path");
        }
    }
    // Megabytes, more than what the VM keeps ready for a callback.
    for megabytes in [1, 4] {
        let request = get("a".repeat(megabytes << 20) + "BadBot");
        gate.refused(&gate.h1(), request).await;
    }
    assert_all_is_well(&gate).await;
}

/// Refusals first or last: where more than one answer of Envoy's own is under way it closes the connection, whichever
/// filter gave them ("too many responses queued").
#[tokio::test(flavor = "multi_thread")]
async fn pipelines_are_answered_in_order() {
    let gate = auditing_all().await;
    for refused in [0, 99, 0, 99, 1000] {
        let agents = (0..100).map(|n| if n == refused { "BadBot/1.0" } else { "Mozilla/5.0" });
        let all = agents.map(|agent| format!("GET / HTTP/1.1\r\nhost: a\r\nuser-agent: {agent}\r\n\r\n"));
        let mut raw = Raw::connect(gate.envoy.address()).await;
        raw.write(all.collect::<String>()).await;
        for n in 0..100 {
            assert_eq!(raw.read_response().await.status, if n == refused { 403 } else { 200 }, "{n} of {refused}");
        }
    }
    assert_eq!(gate.upstream.count(), 4 * 99 + 100);
    assert_all_is_well(&gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_early() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    gate.upstream.handle(|_| Reply::status(200).body("hello").delay(Duration::from_millis(20)));
    for agent in ["Mozilla/5.0", "BadBot/1.0"] {
        let whole = format!("POST / HTTP/1.1\r\nhost: a\r\nuser-agent: {agent}\r\ncontent-length: 10\r\n\r\n12345");
        for cut in 1..whole.len() {
            let mut raw = Raw::connect(target).await;
            raw.write(&whole[..cut]).await;
        }
        for end in [true, false] {
            let mut raw = RawH2::connect(target).await;
            for _ in 0..20 {
                let stream = raw.request(&headers("x-custom", b"1", agent.as_bytes()), end).await;
                raw.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await;
            }
            // Half a header block, and gone.
            raw.frame(HEADERS, 0, 41, b"\x82\x86").await;
        }
    }
    let idle = || async { (gate.stats().raw("http.ingress.downstream_cx_active").await == Some(0)).then_some(()) };
    until(DEADLINE, idle).await.expect("Envoy notices that they left");
    gate.upstream.handle(|_| Reply::status(200).body("hello"));
    assert_all_is_well(&gate).await;
}
