#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Granted, Lease, SECOND, Taken};
use crate::fleet::{Quota, testing::xorshift};

const PATIENCE: u64 = 1_020_000_000;
const START: u64 = 1_000 * SECOND;
const END: u64 = START + 60 * SECOND;

/// Of a window that ends between `END` and a second later.
const GRANTED: Granted =
    Granted { quota: Quota { limit: 100, remaining: 60 }, spend_until: END, until: END + SECOND / 2 };

fn lease() -> Lease {
    Lease::new(4, PATIENCE)
}

/// With so many hits of [`GRANTED`].
fn with(hits: u32) -> Lease {
    let mut lease = lease();
    assert_eq!(lease.take(1, 1, 10, START), Taken::Batch);
    lease.grant(1, hits, GRANTED, false, START);
    lease
}

fn is_served(lease: &mut Lease, cost: u32, now: u64) -> bool {
    let has = lease.has(1, cost, now);
    let taken = lease.take(1, cost, 10, now);
    assert_eq!(has, matches!(taken, Taken::Served(_)));
    has
}

#[test]
fn a_batch_serves_as_many_as_it_has() {
    let mut lease = with(9);
    for left in (0..9).rev() {
        let Taken::Served(granted) = lease.take(1, 1, 10, START) else { panic!("{left}") };
        let quota = Quota { limit: 100, remaining: 60 + left };
        assert_eq!(granted, Granted { quota, ..GRANTED });
    }
    assert_eq!(lease.take(1, 1, 10, START), Taken::Batch);
}

#[test]
fn one_batch_is_under_way_at_a_time() {
    let mut lease = lease();
    assert_eq!(lease.take(1, 1, 10, START), Taken::Batch);
    assert_eq!(lease.take(1, 1, 10, START), Taken::Single);
    assert_eq!(lease.take(1, 1, 10, START + PATIENCE - 1), Taken::Single);
    assert_eq!(lease.take(2, 1, 10, START), Taken::Batch);
    // It did not come.
    assert_eq!(lease.take(1, 1, 10, START + PATIENCE), Taken::Batch);
    lease.forget(1, START + PATIENCE);
    assert_eq!(lease.take(1, 1, 10, START + PATIENCE), Taken::Batch);
}

#[test]
fn what_is_left_stays_beside_the_next_batch() {
    let mut lease = with(9);
    assert!(is_served(&mut lease, 6, START));
    assert_eq!(lease.take(1, 6, 10, START), Taken::Batch);
    assert!(is_served(&mut lease, 2, START));
    assert_eq!(lease.take(1, 2, 10, START), Taken::Single);
    lease.grant(1, 4, Granted { spend_until: END + SECOND, ..GRANTED }, false, START);
    assert!(is_served(&mut lease, 5, START));
    assert!(!is_served(&mut lease, 1, START));
}

#[test]
fn what_is_left_of_another_window_goes() {
    let mut lease = with(9);
    lease.grant(1, 4, Granted { spend_until: END + 60 * SECOND, until: END + 61 * SECOND, ..GRANTED }, false, START);
    assert!(is_served(&mut lease, 4, START));
    assert!(!is_served(&mut lease, 1, START));
}

#[test]
fn hits_are_spent_before_the_limit_can_reset() {
    let mut lease = with(9);
    assert!(is_served(&mut lease, 1, END - 1));
    // Whether the window has ended is not known for half a second, in which no batch would last.
    assert_eq!(lease.take(1, 1, 10, END), Taken::Single);
    assert_eq!(lease.take(1, 1, 10, GRANTED.until - 1), Taken::Single);
    assert_eq!(lease.take(1, 1, 10, GRANTED.until), Taken::Batch);
}

#[test]
fn the_last_hits_are_taken_one_by_one() {
    let mut lease = lease();
    assert_eq!(lease.take(1, 1, 10, START), Taken::Batch);
    lease.grant(1, 1, GRANTED, true, START);
    assert!(is_served(&mut lease, 1, START));
    assert_eq!(lease.take(1, 1, 10, START), Taken::Single);
    assert_eq!(lease.take(1, 1, 10, GRANTED.until), Taken::Batch);
}

#[test]
fn costs_of_a_batch_and_more_are_asked_for() {
    let mut lease = lease();
    assert_eq!(lease.take(1, 10, 10, START), Taken::Single);
    assert_eq!(lease.take(1, 1, 0, START), Taken::Single);
    assert!(lease.is_empty());
    let mut lease = with(9);
    assert_eq!(lease.take(1, 10, 10, START), Taken::Single);
    // That costs nothing does not make it known.
    assert!(is_served(&mut lease, 0, START) && is_served(&mut lease, 9, START) && !is_served(&mut lease, 0, START));
}

#[test]
fn a_refused_request_gives_its_hits_back_within_their_window() {
    let mut lease = with(9);
    assert!(is_served(&mut lease, 9, START));
    lease.put_back(1, 9, GRANTED, START);
    assert!(is_served(&mut lease, 9, START));
    lease.put_back(1, 9, Granted { spend_until: END - 60 * SECOND, ..GRANTED }, START);
    lease.put_back(2, 9, GRANTED, START);
    assert!(!is_served(&mut lease, 1, START) && !lease.has(2, 1, START));
}

#[test]
fn a_clock_that_is_set_back_ends_leases() {
    let mut lease = with(9);
    assert!(!lease.has(1, 1, START - 1));
    assert_eq!(lease.take(1, 1, 10, START - 1), Taken::Batch);
}

#[test]
fn a_flood_stays_in_bounds() {
    let mut lease = Lease::new(100, PATIENCE);
    let mut random = 88_172_645_463_325_252;
    for step in 0..100_000 {
        let now = START + step * SECOND / 1000;
        let key = xorshift(&mut random) % 1000;
        let until = now + xorshift(&mut random) % (60 * SECOND);
        let granted = Granted { spend_until: until, until, ..GRANTED };
        if lease.take(key, 1, 5, now) == Taken::Batch && step % 3 != 0 {
            lease.grant(key, 4, granted, false, now);
        }
        assert!(lease.len() <= 100);
        assert_eq!(lease.table.ends_len(), lease.len());
    }
    assert_eq!(lease.len(), 100);
}
