//! A collector that is down, slow, failing, hanging or flapping, while requests flow: none waits for it, nothing grows
//! without bound, every event is accounted for, and what was kept arrives by itself.

use std::time::Duration;

use portcullis_integration_tests::{Bootstrap, Client, DEADLINE, Launch, Mode, Raw, merge, until};
use serde_json::{Value, json};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::{JoinHandle, JoinSet};

use crate::gate::{Gate, filter, get};

const CLASSES: [&str; 3] = ["allow", "shadow", "deny"];

/// Room for 50 events in each queue; quick to notice and to try again.
fn small(audit: &Value) -> Value {
    let mut config = json!({
        "rules": [
            {"name": "trial", "contains": ["trial"], "action": "deny", "mode": "shadow"},
            {"name": "named", "contains": ["BadBot"], "action": "deny"},
        ],
        "audit": {
            "cluster": "audit",
            "events": ["allow", "shadow", "deny"],
            "batch": {"max_events": 10, "max_age_ms": 10},
            "queue": {"max_events": 50},
            "retry": {"base_ms": 10, "max_ms": 40},
            "timeout_ms": 100,
        },
    });
    merge(&mut config["audit"], audit);
    config
}

async fn gate(audit: &Value) -> Gate {
    Gate::start(&small(audit)).await
}

/// Sends requests of this agent over four connections; each must be answered.
async fn send(gate: &Gate, agent: &'static str, count: usize) {
    let status = if agent == "BadBot" { 403 } else { 200 };
    let send = |client: Client, count| async move {
        for _ in 0..count {
            assert_eq!(client.send(get(agent)).await.status, status, "{agent}");
        }
    };
    let mut senders = JoinSet::new();
    for _ in 0..4 {
        senders.spawn(send(gate.h1(), count / 4));
    }
    senders.join_all().await;
}

/// Events of a class by what became of them.
#[derive(Debug, PartialEq, Eq)]
struct Fate {
    delivered: u64,
    dropped: u64,
    rejected: u64,
}

async fn fate(gate: &Gate, class: &str) -> Fate {
    Fate {
        delivered: gate.audited(class, "delivered").await,
        dropped: gate.audited(class, "dropped").await,
        rejected: gate.audited(class, "rejected").await,
    }
}

async fn queued(gate: &Gate) -> u64 {
    gate.stats().counter("portcullis_audit_queue_events", &[("filter", "ua_block")]).await
}

/// Waits until nothing is queued, and every event of each class has met one fate.
async fn await_settled(gate: &Gate, offered: [u64; 3]) -> [Fate; 3] {
    let settled = || async {
        let fates = [fate(gate, CLASSES[0]).await, fate(gate, CLASSES[1]).await, fate(gate, CLASSES[2]).await];
        let sums = fates.each_ref().map(|fate| fate.delivered + fate.dropped + fate.rejected);
        (sums == offered && queued(gate).await == 0).then_some(fates)
    };
    match until(DEADLINE, settled).await {
        Some(fates) => fates,
        None => panic!(
            "offered {offered:?}; allow {:?}, shadow {:?}, deny {:?}, queued {}",
            fate(gate, "allow").await,
            fate(gate, "shadow").await,
            fate(gate, "deny").await,
            queued(gate).await
        ),
    }
}

/// How many delivered events of a class the collector holds.
fn held(gate: &Gate, class: &str) -> u64 {
    gate.collector.events().iter().filter(|event| event["portcullis"]["class"] == class).count() as u64
}

/// Watches that the queue never has more than `limit` events, until told to stop.
fn watch_queue(gate: &Gate, limit: u64) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let stats = gate.stats();
    let (stop, mut stopped) = oneshot::channel();
    let watch = async move {
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            let queued = stats.counter("portcullis_audit_queue_events", &[]).await;
            assert!(queued <= limit, "{queued} events wait");
        }
    };
    (stop, tokio::spawn(watch))
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_flow_through_every_kind_of_trouble() {
    let gate = gate(&json!({})).await;
    let (stop, watch) = watch_queue(&gate, 50);
    let short = Duration::from_millis(20);
    let long = Duration::from_millis(500);
    let modes = [
        Mode::Down,
        Mode::Hang,
        Mode::Slow(short),
        Mode::Slow(long),
        Mode::Status(401),
        Mode::Status(404),
        Mode::Status(429),
        Mode::Status(500),
        Mode::Status(503),
        Mode::Status(413),
    ];
    for (round, mode) in (1..).zip(modes) {
        gate.collector.set_mode(mode).await;
        send(&gate, "Mozilla/5.0", 40).await;
        send(&gate, "BadBot", 40).await;
        gate.collector.set_mode(Mode::Ok).await;
        let [allow, _, deny] = await_settled(&gate, [40 * round, 0, 40 * round]).await;
        if mode != Mode::Status(413) {
            assert_eq!((allow.rejected, deny.rejected), (0, 0), "{mode:?}");
        }
        assert_eq!(deny.dropped, 0, "{mode:?}: there was room for each denial");
    }
    stop.send(()).unwrap();
    watch.await.unwrap();
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_bounded_when_the_collector_hangs() {
    let audit = json!({"timeout_ms": 60_000, "batch": {"max_age_ms": 60_000}, "max_in_flight": 3});
    let launch = |bootstrap: Bootstrap| Launch::new(bootstrap).concurrency(2);
    let gate = Gate::launch(filter(&small(&audit)), launch).await;
    gate.collector.set_mode(Mode::Hang).await;
    // Many connections, so that both workers have enough for their calls.
    let mut offered = 0;
    for _ in 0..3 {
        for _ in 0..10 {
            send(&gate, "BadBot", 40).await;
            offered += 40;
        }
        // All that is neither dropped nor queued is in three batches of ten for each worker.
        let full = || async {
            let known = fate(&gate, "deny").await.dropped + queued(&gate).await;
            (known + 60 == offered).then_some(())
        };
        until(DEADLINE, full).await.expect("six batches under way");
        assert!(queued(&gate).await <= 100);
        assert_eq!(gate.collector.await_batches(6).await.len(), 6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_arrives_by_itself() {
    // Two calls at a time may overtake each other.
    let gate = gate(&json!({"max_in_flight": 1})).await;
    for mode in [Mode::Down, Mode::Status(500)] {
        gate.collector.clear();
        gate.collector.set_mode(mode).await;
        send(&gate, "BadBot", 40).await;
        gate.stats().await_counter("portcullis_audit_calls_total", &[("result", "failed")], 3).await;
        gate.collector.set_mode(Mode::Ok).await;
        // Without any request meanwhile.
        let events = gate.collector.await_count(40).await;
        let mut sequences: Vec<_> = events.iter().map(|event| event["event"]["sequence"].as_u64().unwrap()).collect();
        let first = sequences[0];
        assert!(sequences.is_sorted(), "in their order: {sequences:?}");
        sequences.dedup();
        assert_eq!(sequences, (first..first + 40).collect::<Vec<_>>(), "each once, without a gap");
    }
    let fates = await_settled(&gate, [0, 0, 80]).await;
    assert_eq!(fates[2], Fate { delivered: 80, dropped: 0, rejected: 0 });
    gate.envoy.await_log("audit cluster audit takes no events; they wait").await;
    gate.envoy.await_log("audit cluster audit takes events again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matters_least_is_dropped_first() {
    let gate = gate(&json!({})).await;
    gate.collector.set_mode(Mode::Down).await;
    send(&gate, "Mozilla/5.0", 100).await;
    // A trial makes an event for the rule, and one for what lets it pass.
    send(&gate, "trial", 32).await;
    send(&gate, "BadBot", 40).await;
    gate.collector.set_mode(Mode::Ok).await;
    let [allow, shadow, deny] = await_settled(&gate, [132, 32, 40]).await;
    // Of 50 places denials have 40. A batch of 10 more may have been under way.
    assert_eq!(deny, Fate { delivered: 40, dropped: 0, rejected: 0 });
    assert!((10..=20).contains(&shadow.delivered), "{shadow:?}");
    assert!(allow.delivered <= 10, "{allow:?}");
    for (class, fate) in CLASSES.iter().zip([allow, shadow, deny]) {
        assert_eq!(held(&gate, class), fate.delivered, "{class}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_collector_cannot_read_is_rejected() {
    let gate = gate(&json!({})).await;
    gate.collector.set_mode(Mode::Status(400)).await;
    send(&gate, "BadBot", 20).await;
    let fates = await_settled(&gate, [0, 0, 20]).await;
    assert_eq!(fates[2], Fate { delivered: 0, dropped: 0, rejected: 20 });
    gate.collector.set_mode(Mode::Ok).await;
    send(&gate, "BadBot", 20).await;
    let fates = await_settled(&gate, [0, 0, 40]).await;
    assert_eq!(fates[2], Fate { delivered: 20, dropped: 0, rejected: 20 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_collector_under_load() {
    let launch = |bootstrap: Bootstrap| Launch::new(bootstrap).concurrency(2);
    let gate = Gate::launch(filter(&small(&json!({}))), launch).await;
    let (stop, watch) = watch_queue(&gate, 100);
    let modes = [Mode::Ok, Mode::Down, Mode::Status(500), Mode::Ok, Mode::Hang, Mode::Status(400), Mode::Down];
    for mode in modes.into_iter().cycle().take(35) {
        gate.collector.set_mode(mode).await;
        tokio::join!(send(&gate, "BadBot", 16), send(&gate, "Mozilla/5.0", 16));
    }
    gate.collector.set_mode(Mode::Ok).await;
    let fates = await_settled(&gate, [560, 0, 560]).await;
    stop.send(()).unwrap();
    watch.await.unwrap();
    for (class, fate) in CLASSES.iter().zip(fates) {
        // At least once: an answer that was lost on the way brings an event twice.
        assert!(held(&gate, class) >= fate.delivered, "{class}: {fate:?}");
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there() {
    let gate = gate(&json!({"cluster": "nowhere"})).await;
    send(&gate, "BadBot", 200).await;
    gate.stats().await_counter("portcullis_audit_calls_total", &[("result", "not_sent")], 3).await;
    assert!(queued(&gate).await <= 50);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_while_the_collector_is_down() {
    let gate = gate(&json!({"queue": {"max_events": 500}, "batch": {"max_events": 100}})).await;
    gate.collector.set_mode(Mode::Down).await;
    let refuse = async |count| {
        let bad = "GET /?q=0123456789 HTTP/1.1\r\nhost: a\r\nuser-agent: BadBot\r\n\r\n";
        let mut raw = Raw::connect(gate.envoy.address()).await;
        for _ in 0..count {
            raw.write(bad).await;
            assert_eq!(raw.read_response().await.status, 403);
        }
    };
    refuse(2_000).await;
    let before = gate.envoy.resident_bytes();
    tokio::join!(refuse(9_000), refuse(9_000));
    let after = gate.envoy.resident_bytes();
    let grown = after.saturating_sub(before) >> 10;
    println!("20,000 refusals while the collector is down: {grown} KiB more");
    // Kept events would be 15 MB.
    assert!(grown < 6 << 10, "{before} bytes became {after}");
    // The 500 that wait come; of the rest each is counted.
    gate.collector.set_mode(Mode::Ok).await;
    let fates = await_settled(&gate, [0, 0, 20_000]).await;
    assert!((500..=600).contains(&fates[2].delivered), "{fates:?}");
}
