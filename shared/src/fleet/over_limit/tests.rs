#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{MAX_AGE, OverLimit};
use crate::fleet::{Quota, testing::xorshift};

const QUOTA: Quota = Quota { limit: 100, remaining: 0 };
const START: u64 = 1_000_000_000_000;

#[test]
fn it_lasts_up_to_the_reset() {
    let mut over = OverLimit::new(2);
    over.insert(1, QUOTA, START, START + 10);
    assert_eq!(over.get(1, START), Some((QUOTA, START + 10)));
    assert_eq!(over.get(1, START + 9), Some((QUOTA, START + 10)));
    assert_eq!(over.get(1, START + 10), None);
    assert_eq!(over.get(2, START), None);
    over.insert(2, QUOTA, START, START);
    assert_eq!(over.get(2, START), None);
}

#[test]
fn it_is_believed_for_a_minute() {
    let mut over = OverLimit::new(2);
    let until = START + 10 * MAX_AGE;
    over.insert(1, QUOTA, START, until);
    assert_eq!(over.get(1, START + MAX_AGE - 1), Some((QUOTA, until)));
    assert_eq!(over.get(1, START + MAX_AGE), None);
}

#[test]
fn a_clock_that_is_set_back_ends_it() {
    let mut over = OverLimit::new(2);
    over.insert(1, QUOTA, START, START + 10);
    assert_eq!(over.get(1, START - 1), None);
}

#[test]
fn the_one_that_ends_first_gives_way() {
    let mut over = OverLimit::new(3);
    for (key, wait) in [(1, 30), (2, 10), (3, 20)] {
        over.insert(key, QUOTA, START, START + wait);
    }
    over.insert(4, QUOTA, START, START + 15);
    let held = |over: &mut OverLimit| (1..6).filter(|key| over.get(*key, START).is_some()).collect::<Vec<_>>();
    assert_eq!(held(&mut over), [1, 3, 4]);
    // Which is the newest itself.
    over.insert(5, QUOTA, START, START + 14);
    assert_eq!(held(&mut over), [1, 3, 4]);
    // One that is there already takes no room of others.
    over.insert(4, QUOTA, START, START + 40);
    assert_eq!(held(&mut over), [1, 3, 4]);
    over.insert(5, QUOTA, START, START + 25);
    assert_eq!(held(&mut over), [1, 4, 5]);
    assert_eq!(over.len(), 3);
}

#[test]
fn no_room_holds_nothing() {
    let mut over = OverLimit::new(0);
    over.insert(1, QUOTA, START, START + 10);
    assert!(over.get(1, START).is_none() && over.is_empty());
}

#[test]
fn a_flood_stays_in_bounds_and_frees_no_one_who_ends_later() {
    let mut over = OverLimit::new(256);
    let mut random = 88_172_645_463_325_252;
    let mut now = START;
    for key in 0..10 {
        over.insert(key, QUOTA, now, now + MAX_AGE);
    }
    for _ in 0..200_000 {
        now += MAX_AGE / 400_000;
        let key = 1000 + xorshift(&mut random);
        over.insert(key, QUOTA, now, now + xorshift(&mut random) % (MAX_AGE / 4));
        assert!(over.len() <= 256);
        assert_eq!(over.0.ends_len(), over.len());
    }
    assert!((0..10).all(|key| over.get(key, now).is_some()));
}
