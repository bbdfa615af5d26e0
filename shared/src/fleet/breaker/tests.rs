#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{BASE, Breaker, MAX, MS, Pass};
use crate::fleet::testing::xorshift;

const PATIENCE: u64 = 1_020 * MS;
const START: u64 = 1_000_000 * MS;

/// The random numbers that make every wait the shortest, and the longest of the first try.
const SHORT: u64 = 0;
const LONG: u64 = BASE;

fn breaker(threshold: u32) -> Breaker {
    Breaker::new(threshold, PATIENCE)
}

/// One that has just opened at `START`, for the shortest time.
fn open() -> Breaker {
    let mut breaker = breaker(1);
    breaker.failed(Pass::Usual, START, &mut || SHORT);
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_no_others() {
    let mut breaker = breaker(3);
    for _ in 0..10 {
        breaker.failed(Pass::Usual, START, &mut || SHORT);
        breaker.failed(Pass::Usual, START, &mut || SHORT);
        breaker.succeeded(Pass::Usual);
    }
    assert_eq!(breaker.ask(START, &mut || SHORT), Some(Pass::Usual));
    for left in [true, true, false] {
        breaker.failed(Pass::Usual, START, &mut || SHORT);
        assert_eq!(breaker.is_closed(), left);
    }
    assert_eq!(breaker.ask(START, &mut || SHORT), None);
    assert_eq!(breaker.opened(), 1);
}

#[test]
fn one_probe_is_let_through_after_the_wait() {
    let mut breaker = open();
    assert_eq!(breaker.ask(START + BASE - 1, &mut || SHORT), None);
    assert_eq!(breaker.ask(START + BASE, &mut || SHORT), Some(Pass::Probe));
    for time in 0..PATIENCE / MS {
        assert_eq!(breaker.ask(START + BASE + time * MS, &mut || SHORT), None);
    }
    breaker.succeeded(Pass::Probe);
    assert!(breaker.is_closed());
    assert_eq!(breaker.ask(START + BASE, &mut || SHORT), Some(Pass::Usual));
}

#[test]
fn calls_from_before_it_opened_say_nothing() {
    let mut breaker = open();
    breaker.succeeded(Pass::Usual);
    breaker.failed(Pass::Usual, START + BASE - 1, &mut || LONG);
    assert_eq!(breaker.ask(START + BASE, &mut || SHORT), Some(Pass::Probe));
    breaker.succeeded(Pass::Usual);
    breaker.failed(Pass::Usual, START + BASE, &mut || SHORT);
    assert_eq!(breaker.ask(START + BASE, &mut || SHORT), None);
    assert!(!breaker.is_closed());
    assert_eq!(breaker.opened(), 1);
}

#[test]
fn a_probe_without_an_answer_has_failed() {
    let mut breaker = open();
    assert_eq!(breaker.ask(START + BASE, &mut || SHORT), Some(Pass::Probe));
    let given_up = START + BASE + PATIENCE;
    assert_eq!(breaker.ask(given_up, &mut || SHORT), None);
    assert_eq!(breaker.ask(given_up + BASE - 1, &mut || SHORT), None);
    assert_eq!(breaker.ask(given_up + BASE, &mut || SHORT), Some(Pass::Probe));
    breaker.succeeded(Pass::Probe);
    assert!(breaker.is_closed());
}

#[test]
fn waits_double_to_a_bound_and_begin_anew() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut random = || xorshift(&mut state);
    let mut longest = [0; 8];
    let mut shortest = [u64::MAX; 8];
    let mut breaker = breaker(1);
    let mut now = START;
    for _ in 0..2000 {
        breaker.failed(Pass::Usual, now, &mut random);
        for tries in 0..8 {
            let since = now;
            while breaker.ask(now, &mut random).is_none() {
                now += MS;
            }
            longest[tries] = longest[tries].max(now - since);
            shortest[tries] = shortest[tries].min(now - since);
            breaker.failed(Pass::Probe, now, &mut random);
        }
        now += MAX;
        assert_eq!(breaker.ask(now, &mut random), Some(Pass::Probe));
        breaker.succeeded(Pass::Probe);
    }
    for tries in 0..8 {
        let most = ((2 * BASE) << tries).min(MAX);
        assert!(longest[tries] <= most && longest[tries] > most - most / 10, "{tries}: {}", longest[tries]);
        assert!(shortest[tries] >= BASE && shortest[tries] < BASE + most / 10, "{tries}: {}", shortest[tries]);
    }
    assert_eq!(breaker.opened(), 2000);
}

#[test]
fn a_clock_that_is_set_back_ends_the_wait() {
    let mut breaker = open();
    assert_eq!(breaker.ask(START - 1, &mut || SHORT), Some(Pass::Probe));
    assert_eq!(breaker.ask(START - 2, &mut || SHORT), None);
    assert_eq!(breaker.ask(START - 3, &mut || SHORT), Some(Pass::Probe));
}

#[test]
fn a_threshold_of_0_is_as_1_and_the_end_of_time_is_no_trap() {
    let mut breaker = breaker(0);
    assert_eq!(breaker.ask(u64::MAX, &mut || u64::MAX), Some(Pass::Usual));
    breaker.failed(Pass::Usual, u64::MAX, &mut || u64::MAX);
    assert!(!breaker.is_closed());
}
