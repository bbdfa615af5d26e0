//! Several limits on one request.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::{cell::Cell, rc::Rc};

use super::{
    Algorithm, Answer, Charge, Decider, Limit, NANOS, OnFull, Oracle, Random, START, Worker,
    gcra::Curve,
    stores::{Shared, Tricky},
    windows::Events,
};
use crate::{
    quota::{Client, Decided},
    store::{MemoryStore, Store, Unavailable},
};

fn worker(name: &str, algorithm: Algorithm, quota: u32) -> Worker {
    Worker::named(name, Limit::new(algorithm, quota, 60, None), 1600, OnFull::Evict)
}

/// Decides, and tells who refused and each answer with what remains.
fn decide(store: &dyn Store, charges: &[Charge<'_>]) -> (Option<usize>, Vec<(Answer, u32)>) {
    let mut decider = Decider::default();
    let Decided { refused_by, verdicts } = decider.decide(store, START, charges).unwrap();
    (refused_by, verdicts.iter().map(|verdict| (verdict.answer, verdict.remaining)).collect())
}

#[test]
fn matches_the_definition() {
    let workers = [
        worker("a", Algorithm::Gcra, 20),
        worker("b", Algorithm::SlidingWindow, 25),
        worker("c", Algorithm::FixedWindow, 60),
        worker("d", Algorithm::Gcra, 10),
    ];
    let store = Shared::default();
    let mut random = Random(5);
    let mut curves = vec![[Curve::new(&workers[0].limit), Curve::new(&workers[3].limit)]; 40];
    let mut events = vec![[Events::new(&workers[1].limit), Events::new(&workers[2].limit)]; 40];
    let mut decider = Decider::default();
    let (mut now, mut admitted) = (START, 0);
    for _ in 0..100_000 {
        now += random.below(60 * NANOS / 1000);
        // A client of each limit; the last limit is in shadow.
        let keys = [40, 30, 12, 40].map(|end| usize::try_from(random.below(end)).unwrap());
        let costs = [1, 1, 1, 1 + u32::try_from(random.below(2)).unwrap()];
        let charges: [_; 4] = std::array::from_fn(|index| {
            let worker = &workers[index];
            let charge = worker.charge(worker.client(&store, keys[index]), costs[index]);
            Charge { enforced: index < 3, ..charge }
        });
        let passes = [
            curves[keys[0]][0].passes(costs[0].into(), now),
            events[keys[1]][0].passes(costs[1].into(), now),
            events[keys[2]][1].passes(costs[2].into(), now),
            curves[keys[3]][1].passes(costs[3].into(), now),
        ];
        let Decided { refused_by, verdicts } = decider.decide(&store, now, &charges).unwrap();
        assert_eq!(refused_by, passes[..3].iter().position(|passes| !passes));
        if refused_by.is_none() {
            admitted += 1;
            curves[keys[0]][0].add(costs[0].into(), now);
            events[keys[1]][0].add(costs[1].into(), now);
            events[keys[2]][1].add(costs[2].into(), now);
            if passes[3] {
                curves[keys[3]][1].add(costs[3].into(), now);
            }
        }
        let oracles: [&dyn Oracle; 4] =
            [&curves[keys[0]][0], &events[keys[1]][0], &events[keys[2]][1], &curves[keys[3]][1]];
        for index in 0..4 {
            let verdict = verdicts[index];
            assert_eq!(verdict.answer.passes(), passes[index]);
            assert!(oracles[index].passes(verdict.remaining.into(), now));
            assert!(!oracles[index].passes(u64::from(verdict.remaining) + 1, now));
        }
    }
    assert!((20_000..80_000).contains(&admitted), "{admitted}");
}

#[test]
fn what_one_refuses_is_taken_from_none() {
    let store = Tricky::default();
    let (first, second) = (worker("a", Algorithm::Gcra, 10), worker("b", Algorithm::FixedWindow, 2));
    let (x, y) = (first.client(&store, 1), second.client(&store, 1));
    let charges = [first.charge(x, 1), second.charge(y, 1)];
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 9), (Answer::Passes, 1)]));
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 8), (Answer::Passes, 0)]));
    let sets = store.sets.get();
    assert_eq!(decide(&store, &charges), (Some(1), vec![(Answer::Passes, 8), (Answer::Limited, 0)]));
    assert_eq!(store.sets.get(), sets);
    // More than there can ever be.
    let mut decider = Decider::default();
    let Decided { refused_by, verdicts } = decider.decide(&store, START, &[first.charge(x, 11)]).unwrap();
    assert_eq!((refused_by, verdicts[0].retry_ns, verdicts[0].remaining), (Some(0), None, 8));
    assert_eq!(decide(&store, &[]), (None, Vec::new()));
}

#[test]
fn charges_of_one_client_add_up() {
    for algorithm in Algorithm::ALL {
        let store = Tricky::default();
        // Two views of one table.
        let (first, second) = (worker("a", algorithm, 5), worker("a", algorithm, 5));
        let client = first.client(&store, 1);
        let charges = [first.charge(client, 2), second.charge(client, 1)];
        let before = (store.gets.get(), store.sets.get());
        assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 3), (Answer::Passes, 2)]));
        assert_eq!((store.gets.get() - before.0, store.sets.get() - before.1), (1, 1));
        // Each alone would pass.
        assert_eq!(decide(&store, &charges), (Some(1), vec![(Answer::Passes, 2), (Answer::Limited, 2)]));
        assert_eq!(decide(&store, &[charges[0]]), (None, vec![(Answer::Passes, 0)]));
    }
}

#[test]
fn clients_of_one_slot_do_not_forget_each_other() {
    let store = MemoryStore::default();
    let mut worker = Worker::new(Limit::new(Algorithm::Gcra, 100, 60, None), 16, OnFull::Evict);
    for key in 0..16 {
        let _ = worker.take(&store, key, 50, START);
    }
    // The newcomer has used the least, and stays while the other comes in.
    let charges = [100, 101].map(|key| worker.charge(worker.client(&store, key), 1));
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 99), (Answer::Passes, 99)]));
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 98), (Answer::Passes, 98)]));
    assert_eq!(worker.table.counts().evicted, 2);
}

#[test]
fn a_shadow_limit_stops_nobody() {
    let store = MemoryStore::default();
    let (first, second) = (worker("a", Algorithm::Gcra, 3), worker("b", Algorithm::Gcra, 2));
    let client = first.client(&store, 1);
    let shadow = Charge { enforced: false, ..second.charge(second.client(&store, 1), 1) };
    let charges = [shadow, first.charge(client, 1)];
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 1), (Answer::Passes, 2)]));
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 0), (Answer::Passes, 1)]));
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Limited, 0), (Answer::Passes, 0)]));
    // Nor is anything taken from it when the other refuses.
    let other = Charge { client: second.client(&store, 2), ..shadow };
    let charges = [other, charges[1]];
    assert_eq!(decide(&store, &charges), (Some(1), vec![(Answer::Passes, 2), (Answer::Limited, 0)]));
}

#[test]
fn what_counts_later_is_judged_now() {
    let store = Tricky::default();
    let worker = worker("a", Algorithm::Gcra, 2);
    let charge = Charge { later: true, ..worker.charge(worker.client(&store, 1), 1) };
    let sets = store.sets.get();
    for _ in 0..3 {
        assert_eq!(decide(&store, &[charge]), (None, vec![(Answer::Passes, 2)]));
    }
    assert_eq!(store.sets.get(), sets);
    let mut decider = Decider::default();
    for remaining in [1, 0] {
        decider.count(&store, START, &[charge]).unwrap();
        assert_eq!(decide(&store, &[Charge { cost: 0, ..charge }]), (None, vec![(Answer::Passes, remaining)]));
    }
    decider.count(&store, START, &[charge, charge]).unwrap();
    assert_eq!(decide(&store, &[charge]), (Some(0), vec![(Answer::Limited, 0)]));
    let free = [Charge { cost: 0, ..charge }];
    let sets = store.sets.get();
    decider.count(&store, START, &free).unwrap();
    assert_eq!(store.sets.get(), sets);
}

fn take_all(store: &dyn Store, name: &str, algorithm: Algorithm, client: Client, cost: u32) {
    let worker = worker(name, algorithm, 10);
    assert_eq!(decide(store, &[worker.charge(client, cost)]).0, None);
}

#[test]
fn what_was_taken_is_given_back_when_another_limit_fills_meanwhile() {
    for algorithm in Algorithm::ALL {
        let store = Tricky::default();
        let workers = ["a", "b", "c"].map(|name| worker(name, algorithm, 10));
        let [x, y, z] = [0, 1, 2].map(|index: usize| workers[index].client(&store, index));
        let charges = [workers[0].charge(x, 3), workers[1].charge(y, 2), workers[2].charge(z, 1)];
        assert_eq!(decide(&store, &charges).0, None);
        // The first two are set; before the third is, another worker fills it, and takes some of the first.
        store.before_set(3, move |store| {
            take_all(store, "c", algorithm, z, 9);
            take_all(store, "a", algorithm, x, 2);
        });
        let refused = decide(&store, &charges);
        assert!(!store.has_hooks());
        assert_eq!(refused.0, Some(2));
        assert_eq!(refused.1[2], (Answer::Limited, 0));
        assert_eq!(workers[2].table.counts().lost_races, 1);
        // And again, with a race lost while it is given back.
        let look = charges.map(|charge| Charge { later: true, cost: 0, ..charge });
        let remaining: Vec<_> = decide(&store, &look).1.into_iter().map(|(_, remaining)| remaining).collect();
        assert_eq!(remaining, [10 - 3 - 2, 10 - 2, 0], "{algorithm:?}");
    }
}

#[test]
fn giving_back_loses_races_as_well() {
    for algorithm in Algorithm::ALL {
        let store = Tricky::default();
        let workers = ["a", "b"].map(|name| worker(name, algorithm, 10));
        let [x, y] = [0, 1].map(|index: usize| workers[index].client(&store, index));
        let charges = [workers[0].charge(x, 3), workers[1].charge(y, 1)];
        store.before_set(2, move |store| take_all(store, "b", algorithm, y, 10));
        store.before_set(3, move |store| take_all(store, "a", algorithm, x, 4));
        assert_eq!(decide(&store, &charges).0, Some(1));
        assert!(!store.has_hooks());
        let look = charges.map(|charge| Charge { later: true, cost: 0, ..charge });
        assert_eq!(decide(&store, &look).1, [(Answer::Passes, 6), (Answer::Passes, 0)], "{algorithm:?}");
    }
}

#[test]
fn a_shadow_limit_that_fills_meanwhile_gives_nothing_back() {
    let store = Tricky::default();
    let workers = ["a", "b"].map(|name| worker(name, Algorithm::Gcra, 10));
    let [x, y] = [0, 1].map(|index: usize| workers[index].client(&store, index));
    let charges = [workers[0].charge(x, 3), Charge { enforced: false, ..workers[1].charge(y, 1) }];
    store.before_set(2, move |store| take_all(store, "b", Algorithm::Gcra, y, 10));
    assert_eq!(decide(&store, &charges), (None, vec![(Answer::Passes, 7), (Answer::Limited, 0)]));
    assert_eq!(decide(&store, &charges[..1]), (None, vec![(Answer::Passes, 4)]));
}

#[test]
fn who_was_forgotten_meanwhile_gets_nothing_back() {
    let store = Tricky::default();
    let limit = Limit::new(Algorithm::Gcra, 10, 60, None);
    let first = Worker::named("a", limit, 1, OnFull::Evict);
    let second = worker("b", Algorithm::Gcra, 10);
    let (x, y) = (first.client(&store, 0), second.client(&store, 0));
    store.before_set(2, move |store| {
        take_all(store, "b", Algorithm::Gcra, y, 10);
        let mut first = Worker::named("a", limit, 1, OnFull::Evict);
        for key in 100..116 {
            for _ in 0..9 {
                let _ = first.take(store, key, 1, START);
            }
        }
    });
    assert_eq!(decide(&store, &[first.charge(x, 3), second.charge(y, 1)]).0, Some(1));
    for key in 100..116 {
        let look = Charge { later: true, ..first.charge(first.client(&store, key), 0) };
        assert_eq!(decide(&store, &[look]), (None, vec![(Answer::Passes, 1)]));
    }
}

#[test]
fn a_store_that_fails_midway_leaves_nothing_taken_where_it_still_works() {
    // It fails at the first set, or at the second; with what is given back, or without.
    for (fails, remaining) in [(1, 10), (2, 7)] {
        let store = Tricky::default();
        let workers = ["a", "b"].map(|name| worker(name, Algorithm::Gcra, 10));
        let charges =
            [workers[0].charge(workers[0].client(&store, 1), 3), workers[1].charge(workers[1].client(&store, 1), 1)];
        store.fails_from.set(Some((store.sets.get() + fails, usize::MAX)));
        assert_eq!(Decider::default().decide(&store, START, &charges).err(), Some(Unavailable));
        store.fails_from.set(None);
        let look = Charge { later: true, cost: 0, ..charges[0] };
        assert_eq!(decide(&store, &[look]).1, [(Answer::Passes, remaining)]);
    }
    let store = Tricky::default();
    let workers = ["a", "b"].map(|name| worker(name, Algorithm::Gcra, 10));
    let charges =
        [workers[0].charge(workers[0].client(&store, 1), 3), workers[1].charge(workers[1].client(&store, 1), 1)];
    assert_eq!(decide(&store, &charges).0, None);
    // Only the second's value is spoiled, between the reading and the setting.
    let spoiled = Rc::new(Cell::new(false));
    let done = Rc::clone(&spoiled);
    store.before_set(2, move |store| {
        let key = "portcullis.ratelimit.1/test/b/gcra/100/";
        for slot in 0..100 {
            let key = format!("{key}{slot:08x}");
            if let Some(stored) = store.get(&key).unwrap() {
                store.set(&key, b"spoiled", stored.cas).unwrap();
                done.set(true);
            }
        }
    });
    assert_eq!(Decider::default().decide(&store, START, &charges).err(), Some(Unavailable));
    assert!(spoiled.get());
    let look = Charge { later: true, cost: 0, ..charges[0] };
    assert_eq!(decide(&store, &[look]).1, [(Answer::Passes, 7)]);
}
