//! Made-up clients, as many as come: they get no more memory than was set aside, and free nobody who is limited.

use std::ops::Range;

use portcullis_integration_tests::{Launch, Request, Traffic, telling};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, left, reason};
use crate::rush::{Answers, rush};

/// Clients that have used up their quota before the flood.
const VICTIMS: usize = 300;

/// A flood of 100,000 takes 7 MB where each made-up client is a key of its own.
const NOISE: u64 = 3 << 20;

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

/// Requests of the clients with these numbers.
async fn flood(gate: &Gate, name: &'static str, clients: Range<usize>) -> Answers {
    rush(gate, clients, move |client| format!("{name}{client}")).await
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
    // Envoy's allocator and V8, which makes better code of what runs often, take a few MB at some time, once. What a
    // client takes, every flood would take anew.
    let mut grown = Vec::new();
    for name in ["a", "b", "c"] {
        let before = gate.envoy.resident_bytes();
        // Newcomers pass: there always is one who has used less than all.
        assert_eq!(flood(&gate, name, 0..clients).await, Answers { passed: clients, refused: 0 });
        grown.push(gate.envoy.resident_bytes().saturating_sub(before));
        if grown.iter().any(|grown| *grown <= table_bytes(entries) + NOISE) {
            break;
        }
    }
    let tally = traffic.stop().await;
    let most = table_bytes(entries) + NOISE;
    assert!(grown.iter().any(|grown| *grown <= most), "{grown:?} bytes more, not {most}");
    assert_eq!(tally.failures, []);
    let kinds: Vec<_> = tally.answers.keys().copied().collect();
    assert_eq!(kinds, [("other", 200), ("victim", 429)], "{tally:?}");
    assert_limited(&gate).await;
    for (_, client) in gate.clients() {
        let refused = gate.refused_with(429, &client, Request::get("/").header("x-key", "victim7")).await;
        assert_eq!((reason(&refused), left(&refused)), ("quota_exceeded".into(), vec![("by-key".into(), 0)]));
    }
    assert_eq!(gate.upstream.count(), 0);
    let newcomers = (clients * grown.len()) as u64 + tally.count("other", 200) as u64;
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
