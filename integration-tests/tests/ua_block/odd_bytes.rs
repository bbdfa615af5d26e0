//! Bytes that no one expects, everywhere that a client can put them: the VM never fails, and goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use portcullis_integration_tests::{ClientError, DEADLINE, H2Answer, Launch, Raw, RawH2, Reply, Request, until};
use serde_json::json;

use crate::gate::{Gate, bad_bots, filter, get};

/// Where a client can put bytes. `user-agent` comes as well with each of the others.
const PLACES: [&str; 11] = [
    "user-agent",
    ":path",
    ":authority",
    "x-forwarded-for",
    "cookie",
    "authorization",
    "content-type",
    "x-request-id",
    "traceparent",
    "referer",
    "x-custom",
];

/// A gate that audits what it allows, too, so that every event has been built.
async fn auditing_all() -> Gate {
    let config = bad_bots(&json!({"events": ["allow", "deny"]}));
    // Envoy closes a connection that speaks no HTTP after this time, and here are hundreds of them.
    let options = json!({"preserve_external_request_id": true, "delayed_close_timeout": "0.001s"});
    Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await
}

/// The headers of a request, over any version, with `value` in one place.
fn headers<'a>(place: &'a str, value: &'a [u8], agent: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
    let mut headers: Vec<(&str, &[u8])> = vec![
        (":method", b"GET"),
        (":scheme", b"http"),
        (":authority", b"portcullis.test"),
        (":path", b"/"),
        ("user-agent", agent),
    ];
    match headers.iter_mut().find(|(name, _)| *name == place) {
        Some(header) => header.1 = value,
        None => headers.push((place, value)),
    }
    headers
}

/// The same for HTTP/1.1.
fn head(headers: &[(&str, &[u8])]) -> Vec<u8> {
    let of = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted).map_or(&b""[..], |(_, value)| value);
    let mut head = [b"GET ", of(":path"), b" HTTP/1.1\r\nhost: ", of(":authority"), b"\r\n"].concat();
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(':')) {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// A connection of either version that is made anew when Envoy gives it up.
enum Line {
    H1(Option<Raw>),
    H2(Option<RawH2>),
}

impl Line {
    /// The status of the answer; `None` when Envoy broke off the stream or the connection instead.
    async fn send(&mut self, target: SocketAddr, headers: &[(&str, &[u8])]) -> Option<u16> {
        match self {
            Self::H1(line) => {
                let mut raw = match line.take() {
                    Some(raw) => raw,
                    None => Raw::connect(target).await,
                };
                raw.write(head(headers)).await;
                match raw.try_read_response().await {
                    Ok(response) => {
                        let kept = response.headers.get("connection") != Some(b"close");
                        *line = kept.then_some(raw);
                        Some(response.status)
                    }
                    Err(ClientError::Closed) => None,
                    Err(error) => panic!("{error}: {}", head(headers).escape_ascii()),
                }
            }
            Self::H2(line) => {
                let mut raw = match line.take() {
                    Some(raw) => raw,
                    None => RawH2::connect(target).await,
                };
                let stream = raw.request(headers, true).await;
                let answer = raw.answer(stream).await;
                if matches!(answer, H2Answer::Response(_) | H2Answer::Reset(_)) {
                    *line = Some(raw);
                }
                match answer {
                    H2Answer::Response(response) => Some(response.status),
                    _ => None,
                }
            }
        }
    }
}

/// Whether the filter was asked; panics when neither the filter nor Envoy's own checks explain the answer.
fn judged(status: Option<u16>, refused: bool, context: &str) -> bool {
    match status {
        Some(200) if !refused => true,
        Some(403) => true,
        None | Some(400 | 404 | 426 | 431) => false,
        Some(status) => panic!("{context}: {status}"),
    }
}

/// Sends every byte in every place with an agent that passes and one that does not. Gives, for each place, the bytes
/// with which the filter refused the latter.
async fn sweep(target: SocketAddr, mut line: Line) -> BTreeMap<&'static str, BTreeSet<u8>> {
    let mut through: BTreeMap<_, BTreeSet<u8>> = BTreeMap::new();
    for place in PLACES {
        for agent in ["Mozilla/5.0", "BadBot/1.0"] {
            for byte in 1..=255 {
                let start = match place {
                    ":path" => "/",
                    "user-agent" => agent,
                    _ => "",
                };
                let value = [start.as_bytes(), b"a", &[byte], b"b"].concat();
                let status = line.send(target, &headers(place, &value, agent.as_bytes())).await;
                let context = format!("{place} {}", value.escape_ascii());
                let refused = agent == "BadBot/1.0";
                if judged(status, refused, &context) && refused {
                    through.entry(place).or_default().insert(byte);
                }
            }
            // HTTP/2's flow control: answers of one connection are limited, as the client opens no window.
            if let Line::H2(connection) = &mut line {
                *connection = None;
            }
        }
    }
    through
}

/// After all that came: both verdicts are as ever, no VM was made anew, and every decision made one readable event.
async fn assert_all_is_well(gate: &Gate) {
    for (_, client) in gate.clients() {
        gate.passed(&client, get("Mozilla/5.0")).await;
        gate.refused(&client, get("BadBot/1.0")).await;
    }
    gate.assert_no_vm_failed().await;
    let decided: u64 = gate.decisions().await.values().sum();
    let events = gate.collector.await_count(decided.try_into().unwrap()).await;
    assert_eq!(events.len() as u64, decided);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_in_every_place() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    let (h1, h2) = tokio::join!(sweep(target, Line::H1(None)), sweep(target, Line::H2(None)));
    for (version, through) in [("HTTP/1.1", h1), ("HTTP/2", h2)] {
        for place in PLACES {
            // Envoy itself stops odd bytes in the authority, and over HTTP/1.1 in the path.
            if place == ":authority" || (place == ":path" && version == "HTTP/1.1") {
                continue;
            }
            for byte in [b'"', b'\\', 0x80, 0xa1, 0xff] {
                assert!(through[place].contains(&byte), "{version}: the filter has not seen {byte:#x} in {place}");
            }
        }
    }
    assert_all_is_well(&gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_values_and_bare_requests() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    let mut passed = 0;
    for mut line in [Line::H1(None), Line::H2(None)] {
        for place in PLACES {
            for agent in ["Mozilla/5.0", "BadBot/1.0"] {
                let status = line.send(target, &headers(place, b"", agent.as_bytes())).await;
                judged(status, place == "user-agent" || agent == "BadBot/1.0", &format!("empty {place}"));
                passed += usize::from(status == Some(200));
            }
        }
    }
    for bare in
        ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n", "\r\n\r\n"]
    {
        let mut raw = Raw::connect(target).await;
        raw.write(bare).await;
        raw.finish().await;
        raw.read_to_end().await;
    }
    assert_eq!(gate.upstream.count(), passed);
    assert_all_is_well(&gate).await;
}

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

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;

/// `SplitMix64`: the same requests in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> usize {
        usize::try_from(self.next() % end).unwrap()
    }

    /// Mostly what Envoy lets through, so that it gets as far as the filter.
    fn value(&mut self) -> Vec<u8> {
        let pieces =
            [b"BadBot".to_vec(), b"%2e%2E/".to_vec(), b"\xc3\xa9".to_vec(), b"?token=".to_vec(), b",".to_vec()];
        let mut value = Vec::new();
        for _ in 0..self.below(12) {
            match self.below(10) {
                0..3 => value.extend(&pieces[self.below(5)]),
                3 if self.below(30) == 0 => value.push(self.next().to_le_bytes()[0]),
                3 => value.extend(vec![b'x'; self.below(3000)]),
                4..7 => value.push(self.next().to_le_bytes()[0] | 0x80),
                _ => value.push(b' ' + self.next().to_le_bytes()[0] % 0x5f),
            }
        }
        value
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_random_requests() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    let fuzz = |mut line: Line, seed: u64| async move {
        let mut random = Random(seed);
        let mut judged_by_us = 0;
        for n in 0..1500 {
            let agent = random.value();
            let mut headers = headers("user-agent", &agent, &agent);
            let values: Vec<(usize, Vec<u8>)> =
                (0..random.below(6)).map(|_| (random.below(11), random.value())).collect();
            for (place, value) in &values {
                match PLACES[*place] {
                    name if name.starts_with(':') => {
                        if let Some(header) = headers.iter_mut().find(|(known, _)| *known == name) {
                            header.1 = value;
                        }
                    }
                    name => headers.push((name, value)),
                }
            }
            let status = line.send(target, &headers).await;
            judged_by_us += u32::from(judged(status, false, &format!("seed {seed}, request {n}: {headers:?}")));
            if let (0, Line::H2(connection)) = (n % 500, &mut line) {
                *connection = None;
            }
        }
        judged_by_us
    };
    let (h1, h2) = tokio::join!(fuzz(Line::H1(None), 1), fuzz(Line::H2(None), 2));
    assert!(h1 > 500 && h2 > 500, "too few got as far as the filter: {h1}, {h2}");
    assert_all_is_well(&gate).await;
}
