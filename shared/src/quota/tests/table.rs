//! One limit with its table.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::{cell::Cell, rc::Rc};

use super::{
    Algorithm, Answer, Limit, NANOS, Oracle, Random, START, Worker,
    stores::{Shared, Tricky},
    windows::Events,
};
use crate::{
    quota::{Factor, OnFull, SECRET_LEN, Table},
    store::{ABSENT, MemoryStore, NotSet, Store, Unavailable},
};

fn gcra(quota: u32, window_s: u32) -> Limit {
    Limit::new(Algorithm::Gcra, quota, window_s, None)
}

#[test]
fn many_clients_are_counted_each_for_itself() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let limit = Limit::new(algorithm, 5, 60, None);
        let store = Shared::default();
        // Two workers, in turn.
        let mut workers = [Worker::new(limit, 5000, OnFull::Evict), Worker::new(limit, 5000, OnFull::Evict)];
        let mut oracles = vec![Events::new(&limit); 1000];
        let mut random = Random(3);
        let (mut now, mut admitted) = (START, 0);
        for index in 0..100_000 {
            now += random.below(12_000_000);
            let key = usize::try_from(random.below(1000)).unwrap();
            let passes = oracles[key].passes(1, now);
            if passes {
                oracles[key].add(1, now);
                admitted += 1;
            }
            assert_eq!(workers[index % 2].take(&store, key, 1, now).answer.passes(), passes);
        }
        assert!((20_000..80_000).contains(&admitted), "{admitted}");
        for worker in workers {
            assert_eq!(worker.table.counts(), crate::quota::Counts::default());
        }
    }
}

#[test]
fn a_charge_costs_one_get_and_one_set() {
    let store = Tricky::default();
    let mut worker = Worker::new(gcra(2, 60), 100, OnFull::Evict);
    let client = worker.table.client(&store, &[b"a"]).unwrap();
    for (answer, gets, sets) in [(Answer::Passes, 1, 1), (Answer::Passes, 1, 1), (Answer::Limited, 1, 0)] {
        let before = (store.gets.get(), store.sets.get());
        assert_eq!(worker.decide(&store, client, 1, START).answer, answer);
        assert_eq!((store.gets.get() - before.0, store.sets.get() - before.1), (gets, sets));
    }
}

#[test]
fn keys_say_what_is_not_shared() {
    let store = Shared::default();
    let names = [("a", "b", 100), ("a", "b", 200), ("a/b", "c", 100), ("a", "b/c", 100), ("a%2fb", "c", 100)];
    for (namespace, limit, entries) in names {
        for algorithm in Algorithm::ALL {
            let table = Table::new(namespace, limit, algorithm, entries, OnFull::Evict, [1; SECRET_LEN]);
            let _ = table.client(&store, &[]).unwrap();
            assert_eq!(table.entries(), u64::from(entries.div_ceil(16)) * 16);
        }
    }
    let keys = store.keys();
    assert_eq!(keys.len(), names.len() * 3);
    assert!(keys.contains(&"portcullis.ratelimit.1/a/b/gcra/7/secret".to_owned()));
    assert!(keys.contains(&"portcullis.ratelimit.1/a%252fb/c/sliding_window/7/secret".to_owned()));
    let mut worker = Worker::new(gcra(1, 1), 0x0fed_cba0, OnFull::Evict);
    let client = crate::quota::Client { slot: 0x00a1_b2c3, tag: 1 };
    let _ = worker.decide(&store, client, 1, START);
    assert!(store.keys().contains(&"portcullis.ratelimit.1/test/limit/gcra/16702650/00a1b2c3".to_owned()));
}

#[test]
fn the_secret_is_agreed_on() {
    let store = Tricky::default();
    let table = |random| Table::new("a", "b", Algorithm::Gcra, 1000, OnFull::Evict, [random; SECRET_LEN]);
    let (first, second, third) = (table(1), table(2), table(3));
    // Another worker makes one at the same time.
    let others = Rc::new(Cell::new(None));
    let told = Rc::clone(&others);
    store.before_set(1, move |store| told.set(Some(second.client(store, &[b"x"]).unwrap())));
    let client = first.client(&store, &[b"x"]).unwrap();
    assert_eq!(others.get(), Some(client));
    assert_eq!(third.client(&store, &[b"x"]).unwrap(), client);
    assert_ne!(table(1).client(&MemoryStore::default(), &[b"x"]).unwrap(), client);
    assert!(!format!("{third:?}").contains("[2, 2"));
    // Parts are told apart.
    let keys: [&[&[u8]]; 6] = [&[b"ab"], &[b"a", b"b"], &[b"ab", b""], &[b"", b"ab"], &[], &[b""]];
    let clients = keys.map(|key| first.client(&store, key).unwrap());
    for (index, client) in clients.iter().enumerate() {
        assert!(clients.iter().skip(index + 1).all(|other| other.tag != client.tag));
    }
}

#[test]
fn slots_that_come_into_being_at_once_lose_nothing() {
    let store = Tricky::default();
    let (mut first, mut second) =
        (Worker::new(gcra(3, 60), 16, OnFull::Evict), Worker::new(gcra(3, 60), 16, OnFull::Evict));
    let client = first.table.client(&store, &[b"x"]).unwrap();
    store.before_set(1, move |store| assert_eq!(second.decide(store, client, 1, START).remaining, 2));
    assert_eq!(first.decide(&store, client, 1, START).remaining, 1);
    assert!(!store.has_hooks());
    assert_eq!(first.table.counts().lost_races, 1);
}

#[test]
fn lost_races_change_nothing() {
    for each in [1, 2, 3, 7] {
        let store = Tricky::default();
        let mut worker = Worker::new(gcra(20, 60), 16, OnFull::Evict);
        let client = worker.table.client(&store, &[b"x"]).unwrap();
        store.loses_each.set(each);
        let result: Vec<_> = (0..30).map(|_| worker.try_decide(&store, client, 1, START).map(|v| v.answer)).collect();
        if each == 1 {
            assert!(result.iter().all(|result| *result == Err(Unavailable)));
        } else {
            let passed = result.iter().filter(|result| **result == Ok(Answer::Passes)).count();
            assert_eq!((passed, result.contains(&Err(Unavailable))), (20, false));
        }
        assert!(worker.table.counts().lost_races > 2);
    }
}

#[test]
fn a_store_that_fails_is_told() {
    let store = Tricky::default();
    store.fails_from.set(Some((1, usize::MAX)));
    let mut worker = Worker::new(gcra(20, 60), 16, OnFull::Allow);
    assert_eq!(worker.table.client(&store, &[b"x"]), Err(Unavailable));
    store.fails_from.set(None);
    let client = worker.table.client(&store, &[b"x"]).unwrap();
    store.fails_from.set(Some((1, usize::MAX)));
    assert_eq!(worker.try_decide(&store, client, 1, START), Err(Unavailable));
    assert_eq!(worker.count(&store, client, 1, START), Err(Unavailable));
    store.fails_from.set(Some((1, 1)));
    assert_eq!(worker.try_decide(&store, client, 1, START), Err(Unavailable));
    assert_eq!(worker.count(&store, client, 1, START), Err(Unavailable));
    store.fails_from.set(None);
    assert_eq!(worker.decide(&store, client, 1, START).remaining, 19);
}

#[test]
fn what_is_no_slot_is_not_believed() {
    for length in [0, 383, 385, 408] {
        let store = Shared::default();
        let mut worker = Worker::new(gcra(20, 60), 16, OnFull::Allow);
        let client = worker.table.client(&store, &[b"x"]).unwrap();
        let _ = worker.decide(&store, client, 1, START);
        store.spoil("secret", &vec![0; length]);
        assert_eq!(worker.try_decide(&store, client, 1, START), Err(Unavailable));
        assert_eq!(worker.count(&store, client, 1, START), Err(Unavailable));
        store.spoil("none", &vec![0; length]);
        assert_eq!(Worker::new(gcra(20, 60), 16, OnFull::Allow).table.client(&store, &[b"x"]), Err(Unavailable));
    }
}

/// A worker with one slot, full of clients that have used 1, 2 ... 16 of the quota.
fn full(algorithm: Algorithm, on_full: OnFull, quota: u32) -> (Worker, MemoryStore) {
    let store = MemoryStore::default();
    let mut worker = Worker::new(Limit::new(algorithm, quota, 60, None), 16, on_full);
    for key in 0..16 {
        for _ in 0..=key {
            let _ = worker.take(&store, key, 1, START);
        }
    }
    (worker, store)
}

#[test]
fn who_has_used_least_gives_way() {
    for algorithm in Algorithm::ALL {
        let (mut worker, store) = full(algorithm, OnFull::Evict, 20);
        assert_eq!(worker.take(&store, 100, 10, START).remaining, 10);
        assert_eq!(worker.table.counts().evicted, 1);
        assert_eq!(worker.peek(&store, 1, 0, START).remaining, 18, "{algorithm:?}");
        // The first one was forgotten; now the second gives way to it.
        assert_eq!(worker.take(&store, 0, 7, START).remaining, 13);
        assert_eq!(worker.peek(&store, 2, 0, START).remaining, 17);
        assert_eq!(worker.peek(&store, 1, 0, START).remaining, 20);
        assert_eq!(worker.table.counts().evicted, 2, "a look forgets nobody");
        assert_eq!(worker.table.counts().full, 0);
    }
}

#[test]
fn who_is_limited_never_gives_way() {
    for algorithm in Algorithm::ALL {
        // All but the first.
        let (mut worker, store) = full(algorithm, OnFull::Evict, 2);
        for remaining in [1, 0] {
            assert_eq!(worker.take(&store, 100, 1, START).remaining, remaining);
        }
        let refused = worker.take(&store, 101, 1, START);
        assert_eq!((refused.answer, refused.remaining), (Answer::TableFull, 0));
        assert_eq!(worker.count(&store, worker.client(&store, 101), 1, START), Ok(()));
        let counts = worker.table.counts();
        assert_eq!((counts.evicted, counts.full, counts.uncounted), (1, 1, 1));
        for key in (1..16).chain([100]) {
            assert_eq!(worker.peek(&store, key, 1, START).answer, Answer::Limited);
        }
        // When the first of them is not limited any more there is room.
        let wait = refused.retry_ns.unwrap();
        assert_eq!(worker.take(&store, 101, 1, START + wait - 1).answer, Answer::TableFull);
        assert_eq!(worker.take(&store, 101, 1, START + wait).answer, Answer::Passes);
    }
}

#[test]
fn who_is_limited_at_the_cost_of_a_request_never_gives_way() {
    for algorithm in Algorithm::ALL {
        let store = MemoryStore::default();
        let mut worker = Worker::new(Limit::new(algorithm, 15, 60, None), 16, OnFull::Evict);
        for key in 0..16 {
            assert_eq!(worker.take(&store, key, 10, START).remaining, 5);
        }
        assert_eq!(worker.take(&store, 100, 10, START).answer, Answer::TableFull);
        assert_eq!(worker.take(&store, 100, u32::MAX, START).answer, Answer::TableFull);
        assert_eq!(worker.table.counts().evicted, 0);
        // For less there is something left in the others, so nobody is limited.
        assert_eq!(worker.take(&store, 100, 5, START).answer, Answer::Passes);
    }
}

#[test]
fn a_full_table_may_refuse_or_let_pass() {
    for algorithm in Algorithm::ALL {
        let (mut worker, store) = full(algorithm, OnFull::Deny, 20);
        let refused = worker.take(&store, 100, 1, START);
        assert_eq!((refused.answer, worker.table.counts().full), (Answer::TableFull, 1));
        assert_eq!(worker.peek(&store, 0, 1, START).remaining, 19);
        let wait = refused.retry_ns.unwrap();
        assert_eq!(worker.take(&store, 100, 1, START + wait - 1).answer, Answer::TableFull);
        assert_eq!(worker.take(&store, 100, 1, START + wait).answer, Answer::Passes);

        let (mut worker, store) = full(algorithm, OnFull::Allow, 20);
        for uncounted in 1..40 {
            assert_eq!(worker.take(&store, 100, 1, START).answer, Answer::Uncounted);
            assert_eq!(worker.table.counts().uncounted, uncounted);
        }
        assert_eq!(worker.take(&store, 15, 5, START).answer, Answer::Limited);
    }
}

#[test]
fn shares_are_compared_not_counts() {
    for algorithm in Algorithm::ALL {
        let whole = Limit::new(algorithm, 100, 60, None);
        let tenth = whole.scale(Factor::new(0.1).unwrap());
        let store = MemoryStore::default();
        let mut worker = Worker::new(whole, 16, OnFull::Evict);
        for key in 0..15 {
            let _ = worker.take(&store, key, 20, START);
        }
        // Three of ten are more than twenty of a hundred; ten of ten are limited, though ten of a hundred are not.
        worker.limit = tenth;
        let _ = worker.take(&store, 15, 3, START);
        worker.limit = whole;
        let _ = worker.take(&store, 16, 50, START);
        worker.limit = tenth;
        assert_eq!(worker.peek(&store, 15, 0, START).remaining, 7, "{algorithm:?}");
        let _ = worker.take(&store, 15, 7, START);
        worker.limit = whole;
        for key in 17..100 {
            for _ in 0..99 {
                let _ = worker.take(&store, key, 1, START);
            }
        }
        assert_eq!(worker.table.counts().evicted, 84);
        worker.limit = tenth;
        assert_eq!(worker.peek(&store, 15, 1, START).answer, Answer::Limited);
    }
}

#[test]
fn idle_places_are_free() {
    for algorithm in Algorithm::ALL {
        let (mut worker, store) = full(algorithm, OnFull::Deny, 20);
        for key in 100..116 {
            assert_eq!(worker.take(&store, key, 20, START + 120 * NANOS).answer, Answer::Passes);
        }
        assert_eq!(worker.take(&store, 200, 1, START + 120 * NANOS).answer, Answer::TableFull);
        assert_eq!(worker.table.counts().evicted, 0);
    }
}

#[test]
fn a_clock_that_goes_back_does_not_freeze_a_table() {
    for algorithm in Algorithm::ALL {
        for on_full in OnFull::ALL {
            let (mut worker, store) = full(algorithm, on_full, 16);
            let now = START - 1_000_000 * NANOS;
            // Whether they come, or only newcomers do.
            assert_eq!(worker.peek(&store, 15, 1, now).answer, Answer::Limited, "{algorithm:?}");
            let _ = worker.take(&store, 100, 1, now);
            let later = now + 180 * NANOS;
            assert_eq!(worker.take(&store, 15, 16, later).answer, Answer::Passes, "{algorithm:?}");
            assert_eq!(worker.take(&store, 101, 16, later).answer, Answer::Passes, "{algorithm:?}");
            let _ = worker.count(&store, worker.client(&store, 102), 16, later);
            assert_eq!(worker.peek(&store, 102, 1, later).answer, Answer::Limited, "{algorithm:?}");
        }
    }
}

#[test]
fn what_is_mended_stays_its_owners() {
    for algorithm in Algorithm::ALL {
        // A tenth of the burst is less than 1, so 1: a tenth takes 6 s to come back, the whole 3 s.
        let whole = Limit::new(algorithm, 100, 60, Some(5));
        let tenth = whole.scale(Factor::new(0.1).unwrap());
        let store = MemoryStore::default();
        let mut worker = Worker::new(tenth, 16, OnFull::Evict);
        for key in 0..16 {
            while worker.take(&store, key, 1, START).answer.passes() {}
        }
        let now = START - 1_000_000 * NANOS;
        worker.limit = whole;
        let newcomer = worker.take(&store, 100, 1, now);
        assert_eq!(newcomer.answer, Answer::TableFull, "{algorithm:?}");
        worker.limit = tenth;
        for key in 0..16 {
            assert_eq!(worker.peek(&store, key, 1, now).retry_ns, newcomer.retry_ns, "{algorithm:?}");
        }
        if algorithm == Algorithm::Gcra {
            assert_eq!(newcomer.retry_ns, Some(6 * NANOS));
        }
    }
}

#[test]
fn a_store_that_is_set_blindly_would_be_noticed() {
    // What the tests above rest on.
    let store = Shared::default();
    assert_eq!(store.set("a", b"1", ABSENT), Ok(()));
    assert_eq!(store.set("a", b"2", ABSENT), Err(NotSet::CasMismatch));
}
