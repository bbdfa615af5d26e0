//! Made-up clients, as many as come: they get no more memory than was set aside, and free nobody who is limited.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;

use portcullis_integration_tests::{DEADLINE, Launch, Request, Traffic, telling};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, left, reason};

/// Clients that have used up their quota before the flood.
const VICTIMS: usize = 300;

/// Envoy's own and V8's; a flood of 100,000 takes 7 MB where each made-up client is a key of its own.
const NOISE: u64 = 4 << 20;

/// What a table takes: see docs/ratelimit.md.
const fn table_bytes(entries: u64) -> u64 {
    entries * 24 + entries / 16 * 100
}

/// An Envoy that answers below `/flood` by itself, so that nothing else takes time, with a limit of two a day.
async fn start(entries: u64, more: &Value) -> Gate {
    let mut config = more.clone();
    config["limits"] = json!([{"name": "by-key", "key": ["header:x-key"], "quota": 2, "window_s": 86_400}]);
    config["table"] = json!({"entries": entries});
    let routes = [
        json!({"match": {"prefix": "/flood"}, "direct_response": {"status": 200}}),
        json!({"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}),
    ];
    Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&telling()).routes(&routes)).concurrency(2))
        .await
}

/// How many requests passed, and how many were refused.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answers {
    passed: usize,
    refused: usize,
}

/// Requests of the clients with these numbers, over four connections at once. Panics if one is not answered.
async fn flood(gate: &Gate, name: &'static str, clients: Range<usize>) -> Answers {
    const CONNECTIONS: usize = 4;
    let target = gate.envoy.address();
    let part = clients.len().div_ceil(CONNECTIONS).max(1);
    let parts = clients.clone().step_by(part).map(|start| start..(start + part).min(clients.end));
    let threads: Vec<_> =
        parts.map(|part| tokio::task::spawn_blocking(move || Flood::connect(target).send(name, part))).collect();
    let mut all = Answers::default();
    for thread in threads {
        let Answers { passed, refused } = thread.await.unwrap();
        all.passed += passed;
        all.refused += refused;
    }
    assert_eq!(all.passed + all.refused, clients.len());
    all
}

/// An HTTP/2 connection that sends as fast as Envoy answers, which no library does: many streams in one write, and of the
/// answers it reads the status alone.
struct Flood {
    stream: TcpStream,
    next_stream: u32,
    /// Read, but no whole frame yet.
    buffer: Vec<u8>,
}

impl Flood {
    const BATCH: usize = 200;

    fn connect(target: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(target).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        // No dynamic table (SETTINGS_HEADER_TABLE_SIZE is 0), and a window for 2 GB of answers.
        let mut start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        put_frame(&mut start, SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]);
        put_frame(&mut start, WINDOW_UPDATE, 0, 0, &0x7f00_0000_u32.to_be_bytes());
        stream.write_all(&start).unwrap();
        Self { stream, next_stream: 1, buffer: Vec::new() }
    }

    fn send(mut self, name: &str, clients: Range<usize>) -> Answers {
        let mut answers = Answers::default();
        for start in clients.clone().step_by(Self::BATCH) {
            let batch = start..(start + Self::BATCH).min(clients.end);
            let mut bytes = Vec::with_capacity(Self::BATCH * 80);
            for client in batch.clone() {
                // GET, http, and literals without indexing: `:path`, `:authority`, `x-key`.
                let mut block = b"\x82\x86\x04\x06/flood\x01\x01a\x00\x05x-key".to_vec();
                let key = format!("{name}{client}");
                block.push(u8::try_from(key.len()).unwrap());
                block.extend(key.bytes());
                put_frame(&mut bytes, HEADERS, END_HEADERS | END_STREAM, self.next_stream, &block);
                self.next_stream += 2;
            }
            self.stream.write_all(&bytes).unwrap();
            self.read(batch.len(), &mut answers);
        }
        answers
    }

    fn read(&mut self, mut missing: usize, answers: &mut Answers) {
        let mut piece = vec![0; 64 << 10];
        while missing > 0 {
            let read = self.stream.read(&mut piece).unwrap();
            assert!(read > 0, "Envoy closed the connection");
            self.buffer.extend_from_slice(&piece[..read]);
            let mut rest = self.buffer.as_slice();
            let mut acknowledges = false;
            while let Some((head, after)) = rest.split_first_chunk::<9>() {
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                let Some((payload, after)) = after.split_at_checked(length) else { break };
                rest = after;
                let (kind, flags) = (head[3], head[4]);
                match kind {
                    SETTINGS => acknowledges |= flags & ACK == 0,
                    // The first block tells the size of the dynamic table; 200 is an entry of the static one.
                    HEADERS if payload.strip_prefix(b"\x20").unwrap_or(payload).starts_with(b"\x88") => {
                        answers.passed += 1;
                    }
                    HEADERS => {
                        assert!(payload.windows(4).any(|it| it == b"\x03429"), "{}", payload.escape_ascii());
                        answers.refused += 1;
                    }
                    DATA | WINDOW_UPDATE => {}
                    other => panic!("frame {other}: {}", payload.escape_ascii()),
                }
                missing -= usize::from(matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0);
            }
            self.buffer = rest.to_vec();
            if acknowledges {
                let mut ack = Vec::new();
                put_frame(&mut ack, SETTINGS, ACK, 0, &[]);
                self.stream.write_all(&ack).unwrap();
            }
        }
    }
}

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const SETTINGS: u8 = 0x4;
const WINDOW_UPDATE: u8 = 0x8;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

fn put_frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    bytes.extend(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
}

/// All victims have used up what they had.
async fn use_up(gate: &Gate) {
    for _ in 0..2 {
        assert_eq!(flood(gate, "victim", 0..VICTIMS).await, Answers { passed: VICTIMS, refused: 0 });
    }
    assert_limited(gate).await;
}

async fn assert_limited(gate: &Gate) {
    assert_eq!(flood(gate, "victim", 0..VICTIMS).await, Answers { passed: 0, refused: VICTIMS });
}

async fn table_metric(gate: &Gate, name: &str, at_least: u64) -> u64 {
    let name = format!("portcullis_ratelimit_table_{name}_total");
    gate.stats().await_counter(&name, &[("filter", "ratelimit")], at_least).await
}

/// So many made-up clients, and a table for so many.
async fn assert_holds(clients: usize, entries: u64) {
    let gate = start(entries, &json!({})).await;
    use_up(&gate).await;
    // Meanwhile victims knock again and again, and others come for the first time.
    let make = |n: usize| {
        if n.is_multiple_of(2) {
            ("victim", Request::get("/").header("x-key", format!("victim{}", n / 2 % VICTIMS)))
        } else {
            ("other", Request::get("/flood").header("x-key", format!("other{n}")))
        }
    };
    let traffic = Traffic::start(&gate.h2(), 2, make);
    // What many requests take anyway, whosever they are: V8 makes better code of what runs often.
    assert_eq!(flood(&gate, "first", 0..100_000).await, Answers { passed: 100_000, refused: 0 });
    let before = gate.envoy.resident_bytes();
    let answers = flood(&gate, "f", 0..clients).await;
    let grown = gate.envoy.resident_bytes().saturating_sub(before);
    let tally = traffic.stop().await;
    // Newcomers pass: there always is one who has used less than all.
    assert_eq!(answers, Answers { passed: clients, refused: 0 });
    assert!(grown <= table_bytes(entries) + NOISE, "{grown} bytes more");
    assert_eq!(tally.failures, []);
    let kinds: Vec<_> = tally.answers.keys().copied().collect();
    assert_eq!(kinds, [("other", 200), ("victim", 429)], "{tally:?}");
    assert_limited(&gate).await;
    for (_, client) in gate.clients() {
        let refused = gate.refused_with(429, &client, Request::get("/").header("x-key", "victim7")).await;
        assert_eq!((reason(&refused), left(&refused)), ("quota_exceeded".into(), vec![("by-key".into(), 0)]));
    }
    assert_eq!(gate.upstream.count(), 0);
    let newcomers = 100_000 + clients as u64 + tally.count("other", 200) as u64;
    let evicted = table_metric(&gate, "evicted", newcomers - entries).await;
    assert!(evicted <= newcomers, "{evicted}");
    assert_eq!(table_metric(&gate, "full", 0).await, 0);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_frees_nobody_and_takes_no_memory() {
    assert_holds(100_000, 4096).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: make test-flood"]
async fn a_million_clients_free_nobody_and_take_no_memory() {
    assert_holds(1_000_000, 65_536).await;
}

const ENTRIES: usize = 1024;
const NEWCOMERS: usize = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_table_can_refuse_newcomers() {
    let gate = start(ENTRIES as u64, &json!({"on_table_full": "deny"})).await;
    use_up(&gate).await;
    let room = ENTRIES - VICTIMS;
    let answers = flood(&gate, "f", 0..NEWCOMERS).await;
    assert_eq!(answers, Answers { passed: room, refused: NEWCOMERS - room });
    assert_limited(&gate).await;
    // Those that were first go on.
    let again = flood(&gate, "f", 0..NEWCOMERS).await;
    assert_eq!(again, Answers { passed: room, refused: NEWCOMERS - room });
    assert_eq!(flood(&gate, "f", 0..NEWCOMERS).await, Answers { passed: 0, refused: NEWCOMERS });
    for (_, client) in gate.clients() {
        let refused = gate.refused_with(429, &client, Request::get("/").header("x-key", "new")).await;
        assert_eq!(reason(&refused), "table_full");
        assert!(refused.headers.get("retry-after").is_some(), "{refused:?}");
    }
    let full = ((NEWCOMERS - room) * 3 + 2) as u64;
    assert_eq!(table_metric(&gate, "full", full).await, full);
    assert_eq!(table_metric(&gate, "evicted", 0).await, 0);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_table_can_let_newcomers_pass() {
    let gate = start(ENTRIES as u64, &json!({"on_table_full": "allow"})).await;
    use_up(&gate).await;
    let room = ENTRIES - VICTIMS;
    for counted in [0, 0, room] {
        let answers = flood(&gate, "f", 0..NEWCOMERS).await;
        assert_eq!(answers, Answers { passed: NEWCOMERS - counted, refused: counted });
        assert_limited(&gate).await;
    }
    let full = ((NEWCOMERS - room) * 3) as u64;
    assert_eq!(table_metric(&gate, "full", full).await, full);
    assert_eq!(table_metric(&gate, "evicted", 0).await, 0);
    gate.assert_no_vm_failed().await;
}

/// Where all have used up their quota, nobody gives way, even where clients may be forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_limited_clients_has_no_place() {
    let gate = start(16, &json!({})).await;
    for _ in 0..2 {
        assert_eq!(flood(&gate, "a", 0..16).await, Answers { passed: 16, refused: 0 });
    }
    for (_, client) in gate.clients() {
        let refused = gate.refused_with(429, &client, Request::get("/").header("x-key", "new")).await;
        assert_eq!(reason(&refused), "table_full");
        let retry: u32 = refused.headers.text("retry-after").unwrap_or_default().parse().unwrap();
        // The first of them comes again after half a day.
        assert!((43_000..=43_200).contains(&retry), "{retry}");
    }
    assert_eq!(flood(&gate, "a", 0..16).await, Answers { passed: 0, refused: 16 });
    assert_eq!(table_metric(&gate, "full", 2).await, 2);
    gate.assert_no_vm_failed().await;
}
