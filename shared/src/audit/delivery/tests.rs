#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod simulation;

use super::{Delivery, Timer, ms};
use crate::{
    audit::{AuditConfig, Class, Class::Deny, Sink},
    config::{Errors, parse},
};

const MS: u64 = 1_000_000;

fn sink(rest: &str) -> Sink {
    let config: AuditConfig = parse(format!(r#"{{"cluster": "collector"{rest}}}"#).as_bytes()).unwrap();
    let mut errors = Errors::default();
    let sink = config.compile("$", &|_| None, &mut errors);
    errors.into_result(sink).unwrap()
}

/// A delivery with a clock and no jitter.
struct Bench {
    delivery: Delivery,
    now: u64,
}

impl Bench {
    fn new(rest: &str) -> Self {
        Self { delivery: Delivery::new(sink(rest)), now: 1_000_000 * MS }
    }

    fn offer(&mut self, count: usize) {
        for n in 0..count {
            self.delivery.offer(Deny, n.to_string());
        }
    }

    /// Polls after `wait` milliseconds; sends what is due under `token` and returns its body.
    fn poll(&mut self, wait: u64, token: u32) -> Option<String> {
        self.now += wait * MS;
        let batch = self.delivery.poll(self.now, &mut || 0)?;
        self.delivery.sent(batch.id, token);
        Some(batch.body)
    }

    fn answer(&mut self, token: u32, status: u16) {
        assert!(self.delivery.answered(token, Some(status), self.now, &mut || 0));
    }

    /// Events delivered, dropped, rejected, queued.
    fn books(&mut self) -> [u64; 4] {
        let changes = self.delivery.take_changes();
        let [delivered, dropped, rejected] =
            [changes.delivered, changes.dropped, changes.rejected].map(|all| all.total());
        [delivered, dropped, rejected, changes.queued_events as u64]
    }
}

#[test]
fn a_batch_is_due_by_count() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 3}"#);
    bench.offer(2);
    assert_eq!(bench.poll(0, 1), None);
    bench.offer(2);
    assert_eq!(bench.poll(0, 1).unwrap(), "0\n1\n0\n");
    assert_eq!(bench.poll(0, 2), None);
}

#[test]
fn a_batch_is_due_by_bytes() {
    let mut bench = Bench::new(r#", "batch": {"max_bytes": 32768}"#);
    for _ in 0..5 {
        bench.delivery.offer(Deny, "x".repeat(10_000));
    }
    assert_eq!(bench.poll(0, 1).unwrap().len(), 30_003);
    assert_eq!(bench.poll(0, 2), None);
    assert_eq!(bench.poll(1000, 2).unwrap().len(), 20_002);
}

#[test]
fn a_batch_is_due_by_age() {
    let mut bench = Bench::new("");
    bench.offer(1);
    assert_eq!(bench.poll(0, 1), None);
    assert_eq!(bench.poll(999, 1), None);
    assert_eq!(bench.poll(1, 1).unwrap(), "0\n");
    bench.offer(1);
    assert_eq!(bench.poll(500, 2), None);
    assert_eq!(bench.poll(1000, 2).unwrap(), "0\n");
}

#[test]
fn a_json_batch_is_an_array() {
    let mut bench = Bench::new(r#", "format": "json", "batch": {"max_events": 2}"#);
    bench.offer(2);
    assert_eq!(bench.poll(0, 1).unwrap(), "[0,1]");
}

#[test]
fn no_body_is_larger_than_allowed() {
    for format in ["json", "ndjson"] {
        let mut bench = Bench::new(&format!(r#", "format": "{format}", "batch": {{"max_bytes": 32768}}"#));
        bench.delivery.offer(Deny, "x".repeat(32_767));
        assert_eq!(bench.books(), [0, 1, 0, 0]);
        bench.delivery.offer(Deny, "x".repeat(32_766));
        assert!(bench.poll(0, 1).unwrap().len() <= 32_768);
        bench.delivery.offer(Deny, "x".repeat(16_000));
        bench.delivery.offer(Deny, "x".repeat(16_765));
        assert_eq!(bench.poll(0, 2), None);
        assert_eq!(bench.poll(1000, 2).unwrap().len(), if format == "json" { 32_768 } else { 32_767 });
    }
}

#[test]
fn only_so_many_calls_wait() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 1}"#);
    bench.offer(5);
    assert!(bench.poll(0, 1).is_some() && bench.poll(0, 2).is_some());
    assert_eq!(bench.poll(0, 3), None);
    bench.answer(2, 200);
    assert_eq!(bench.poll(0, 3).unwrap(), "2\n");
    assert_eq!(bench.delivery.take_changes().in_flight, 2);
}

#[test]
fn each_status_has_its_meaning() {
    // Delivered, dropped, rejected, queued.
    let (delivered, rejected, again) = ([2, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]);
    for (status, expected) in [
        (200, delivered),
        (204, delivered),
        (299, delivered),
        (301, again),
        (400, rejected),
        (401, again),
        (403, again),
        (404, again),
        (408, again),
        (413, again),
        (422, rejected),
        (429, again),
        (500, again),
        (503, again),
    ] {
        let mut bench = Bench::new(r#", "batch": {"max_events": 2}"#);
        bench.offer(2);
        bench.poll(0, 1).unwrap();
        bench.answer(1, status);
        assert_eq!(bench.books(), expected, "{status}");
        assert_eq!(bench.delivery.take_changes().is_failing, status > 299, "{status}");
        // Whatever is wrong, the collector is left alone for a while.
        bench.offer(2);
        assert_eq!(bench.poll(0, 2).is_some(), status < 300, "{status}");
    }
}

#[test]
fn what_comes_back_is_sent_again_in_order() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 2}"#);
    bench.offer(4);
    assert_eq!(bench.poll(0, 1).unwrap(), "0\n1\n");
    assert_eq!(bench.poll(0, 2).unwrap(), "2\n3\n");
    bench.answer(2, 500);
    bench.answer(1, 500);
    assert_eq!(bench.poll(199, 3), None);
    assert_eq!(bench.poll(1, 3).unwrap(), "0\n1\n");
    // While it fails there is one call at a time.
    assert_eq!(bench.poll(0, 4), None);
    bench.answer(3, 200);
    assert_eq!(bench.poll(0, 4).unwrap(), "2\n3\n");
}

#[test]
fn the_wait_doubles_and_starts_anew() {
    let mut bench = Bench::new("");
    bench.offer(1);
    assert!(bench.poll(0, 0).is_none());
    assert!(bench.poll(1000, 0).is_some());
    let longest = |bench: &mut Bench, token: u32| {
        let now = bench.now;
        // The jitter's largest value: one less than any power of two that is a multiple of its range.
        assert!(bench.delivery.answered(token, Some(503), now, &mut || u64::MAX / 4));
        let mut waited = 0;
        while bench.poll(100, token + 1).is_none() {
            waited += 100;
        }
        waited
    };
    for token in 0..12 {
        let cap = (200 << token).min(30_000);
        let waited = longest(&mut bench, token);
        assert!((0..=cap).contains(&waited), "{waited} of {cap}");
    }
    bench.answer(12, 200);
    bench.offer(1);
    bench.poll(0, 13);
    assert!(bench.poll(1000, 13).is_some());
    assert!(longest(&mut bench, 13) <= 200);
}

#[test]
fn a_call_without_an_answer_is_lost_at_last() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 1}"#);
    bench.offer(1);
    bench.poll(0, 1).unwrap();
    assert_eq!(bench.poll(2999, 2), None);
    assert_eq!(bench.poll(1, 2), None);
    assert_eq!(bench.delivery.take_changes().calls.timed_out, 1);
    assert_eq!(bench.poll(200, 2).unwrap(), "0\n");
    // The answer that comes after all is nobody's.
    assert!(!bench.delivery.answered(1, Some(200), bench.now, &mut || 0));
    bench.answer(2, 200);
    assert_eq!(bench.books(), [1, 0, 0, 0]);
}

#[test]
fn a_batch_that_the_host_does_not_send_comes_back() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 1}"#);
    bench.offer(1);
    let batch = bench.delivery.poll(bench.now, &mut || 0).unwrap();
    bench.delivery.dispatch_failed(batch.id, bench.now, &mut || 0);
    assert_eq!(bench.delivery.take_changes().calls.not_sent, 1);
    assert_eq!(bench.poll(199, 1), None);
    assert_eq!(bench.poll(1, 1).unwrap(), "0\n");
    // A token that is somebody else's, and a batch that is no more.
    assert!(!bench.delivery.answered(9, None, bench.now, &mut || 0));
    bench.delivery.dispatch_failed(batch.id, bench.now, &mut || 0);
    bench.delivery.sent(batch.id, 5);
    bench.answer(1, 200);
}

#[test]
fn too_large_batches_are_halved_and_grow_again() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 8}"#);
    bench.offer(8);
    let lines = |bench: &mut Bench, status: u16| {
        let body = bench.poll(30_000, 1).unwrap();
        bench.answer(1, status);
        body.lines().count()
    };
    assert_eq!([413, 413, 413, 413].map(|status| lines(&mut bench, status)), [8, 4, 2, 1]);
    // The single event that was too large is gone; the others are not.
    assert_eq!(bench.books(), [0, 0, 1, 7]);
    assert_eq!([200, 200, 200].map(|status| lines(&mut bench, status)), [1, 2, 3]);
    assert_eq!(bench.books(), [6, 0, 0, 1]);
    bench.offer(40);
    assert_eq!([200, 200, 200, 200].map(|status| lines(&mut bench, status)), [4, 6, 8, 8]);
}

#[test]
fn a_full_queue_keeps_what_matters_more() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 2}, "queue": {"max_events": 2}"#);
    bench.delivery.offer(Class::Allow, "a");
    bench.offer(1);
    bench.poll(0, 1).unwrap();
    bench.offer(1);
    bench.answer(1, 500);
    // The two denials pushed the third event out on its way back.
    let changes = bench.delivery.take_changes();
    assert_eq!((*changes.dropped.get(Class::Allow), changes.dropped.total()), (1, 1));
    assert_eq!(changes.queued_events, 2);
}

#[test]
fn draining_sends_everything_at_once() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 2}"#);
    bench.offer(4);
    bench.poll(0, 1).unwrap();
    bench.answer(1, 503);
    bench.offer(1);
    assert_eq!(bench.poll(0, 2), None);
    bench.delivery.drain();
    for token in 2..5 {
        assert!(bench.poll(0, token).is_some());
        bench.answer(token, 200);
    }
    assert!(bench.delivery.is_idle());
    assert_eq!(bench.books(), [5, 0, 0, 0]);
}

#[test]
fn abandoning_counts_what_is_left() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 2}"#);
    bench.offer(5);
    bench.poll(0, 1).unwrap();
    bench.delivery.abandon();
    assert!(bench.delivery.is_idle());
    assert_eq!(bench.books(), [0, 5, 0, 0]);
}

#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    assert!(Timer::new(1000 * MS, ms(10)).is_over(999 * MS));
    let mut bench = Bench::new(r#", "batch": {"max_events": 1}"#);
    bench.offer(1);
    bench.poll(0, 1).unwrap();
    bench.answer(1, 503);
    bench.now -= 500_000 * MS;
    assert!(bench.poll(0, 2).is_some());
    bench.answer(2, 200);
}

#[test]
fn changes_are_told_once() {
    let mut bench = Bench::new(r#", "batch": {"max_events": 1}"#);
    bench.offer(1);
    bench.poll(0, 1).unwrap();
    bench.answer(1, 200);
    let changes = bench.delivery.take_changes();
    assert_eq!((*changes.delivered.get(Deny), changes.calls.ok), (1, 1));
    assert_eq!(changes.calls.iter().map(|(_, count)| count).iter().sum::<u64>(), 1);
    assert_eq!(bench.delivery.take_changes(), super::Changes::default());
}
