//! Workers as they are: threads that read and write at the same time.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use super::{
    Algorithm, Answer, Charge, Decider, Limit, NANOS, OnFull, Oracle, Random, START, Worker, gcra::Curve,
    stores::Shared,
};
use crate::store::{NotSet, Store, Stored, Unavailable};

const THREADS: u64 = 4;

/// A store between whose reading and setting others come in.
#[derive(Default)]
struct Busy {
    store: Shared,
    gets: AtomicU64,
}

impl Store for Busy {
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable> {
        let stored = self.store.get(key);
        // Not always: in step with each other, one would win all races.
        let seed = self.gets.fetch_add(1, SeqCst) + 1;
        if Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).below(3) == 0 {
            thread::yield_now();
        }
        stored
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet> {
        self.store.set(key, value, cas)
    }
}

/// What `work` makes in each of the threads, which begin at once.
fn storm<T: Send>(work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
    thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|seed| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(seed)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_burst_is_admitted_exactly() {
    for algorithm in Algorithm::ALL {
        let store = Busy::default();
        // All clients in one slot.
        let limit = Limit::new(algorithm, 500, 3600, None);
        let threads = storm(|seed| {
            let mut worker = Worker::new(limit, 16, OnFull::Evict);
            let mut random = Random(seed);
            let mut admitted = [0; 8];
            for _ in 0..8000 {
                let key = usize::try_from(random.below(8)).unwrap();
                admitted[key] += u32::from(worker.take(&store, key, 1, START).answer.passes());
            }
            (admitted, worker.table.counts().lost_races)
        });
        for key in 0..8 {
            assert_eq!(threads.iter().map(|(admitted, _)| admitted[key]).sum::<u32>(), 500, "{algorithm:?}");
        }
        assert!(threads.iter().any(|(_, lost_races)| *lost_races > 0));
    }
}

#[test]
fn a_moving_clock_admits_what_conforms() {
    let store = Busy::default();
    let limit = Limit::new(Algorithm::Gcra, 1000, 1, Some(7));
    let clock = AtomicU64::new(START);
    let mut admitted: Vec<_> = storm(|seed| {
        let mut worker = Worker::new(limit, 16, OnFull::Evict);
        let mut random = Random(seed);
        let mut admitted = Vec::new();
        for _ in 0..5000 {
            let now = clock.fetch_add(random.below(200_000), SeqCst);
            if random.below(4) == 0 {
                thread::yield_now();
            }
            if worker.take(&store, 0, 1, now).answer.passes() {
                admitted.push(now);
            }
        }
        admitted
    })
    .concat();
    // In no stretch of time was there more than the definition lets pass, whoever was first.
    admitted.sort_unstable();
    let mut curve = Curve::new(&limit);
    for now in &admitted {
        assert!(curve.passes(1, *now));
        curve.add(1, *now);
    }
    let room = (clock.load(SeqCst) - START) * 1000 / NANOS;
    assert!(admitted.len() as u64 > room * 9 / 10, "{} {room}", admitted.len());
}

#[test]
fn several_limits_lose_no_quota() {
    for algorithm in Algorithm::ALL {
        let store = Busy::default();
        // The first holds each client, the second all, the third some of them: all are filled, and some requests lose.
        let limits = [("a", 400), ("b", 1500), ("c", 900)];
        let workers = || {
            limits.map(|(name, quota)| Worker::named(name, Limit::new(algorithm, quota, 3600, None), 16, OnFull::Evict))
        };
        let clients = |key: usize| [key, 0, key % 2];
        let ask = |workers: &[Worker; 3], decider: &mut Decider, key| {
            let keys = clients(key);
            let charges: [Charge<'_>; 3] =
                std::array::from_fn(|index| workers[index].charge(workers[index].client(&store, keys[index]), 1));
            decider.decide(&store, START, &charges).unwrap().refused_by.is_none()
        };
        let admitted = storm(|seed| {
            let workers = workers();
            let (mut random, mut decider) = (Random(seed), Decider::default());
            let mut admitted = [0; 6];
            for _ in 0..2000 {
                let key = usize::try_from(random.below(6)).unwrap();
                admitted[key] += u32::from(ask(&workers, &mut decider, key));
            }
            admitted
        });
        let mut admitted: [u32; 6] = std::array::from_fn(|key| admitted.iter().map(|counts| counts[key]).sum());
        let workers = workers();
        let look = |admitted: [u32; 6]| {
            for (index, (worker, (_, quota))) in workers.iter().zip(limits).enumerate() {
                for client in 0..6 {
                    let charge = worker.charge(worker.client(&store, client), 0);
                    let mut decider = Decider::default();
                    let verdicts = decider.decide(&store, START, &[charge]).unwrap().verdicts;
                    let used: u32 = (0..6).filter(|key| clients(*key)[index] == client).map(|key| admitted[key]).sum();
                    assert_eq!(verdicts[0].remaining, quota - used, "{algorithm:?} {index} {client}");
                }
            }
        };
        // What was taken is what was admitted.
        look(admitted);
        // And what is left can be had, to the last.
        let mut decider = Decider::default();
        for key in (0..6).cycle().take(3000) {
            admitted[key] += u32::from(ask(&workers, &mut decider, key));
        }
        look(admitted);
        assert_eq!(admitted.iter().sum::<u32>(), 1500);
    }
}

#[test]
fn a_flood_frees_nobody_and_takes_no_more_memory() {
    let store = Shared::default();
    let worker = || Worker::new(Limit::new(Algorithm::Gcra, 10, 3600, None), 65_536, OnFull::Evict);
    let mut first = worker();
    for key in 0..1000 {
        while first.take(&store, key, 1, START).answer.passes() {}
    }
    let each = 1_000_000 / THREADS;
    let evicted = storm(|seed| {
        let mut worker = worker();
        for key in seed * each..(seed + 1) * each {
            let now = START + key * 1000;
            // At 16 places a slot, 1,000 limited clients fill none of 4096.
            assert_eq!(worker.take(&store, usize::try_from(key).unwrap(), 1, now).answer, Answer::Passes);
        }
        worker.table.counts().evicted
    });
    // All slots are in use, and whoever came is there or was forgotten.
    assert_eq!(store.size(), (4097, 4096 * 384 + 16));
    assert_eq!(evicted.iter().sum::<u64>(), 1_000_000 + 1000 - 65_536);
    for key in 0..1000 {
        assert_eq!(first.take(&store, key, 1, START + 2 * NANOS).answer, Answer::Limited);
    }
}
