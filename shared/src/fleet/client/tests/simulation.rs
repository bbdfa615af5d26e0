//! Many workers before one service: minutes of its life in moments, with the bounds checked at each step.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::collections::BTreeMap;

use super::{
    Call, CallId, Client, Config, Counters, Decision, Hit, MS, SECOND, START, Verdict, answered,
    service::{Counting, Service},
};
use crate::fleet::{Reason, testing::xorshift};

/// How the service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// It answers.
    Fine,
    /// Envoy cannot reach it.
    Refused,
    /// Envoy gives up after the time-out.
    Blackhole,
    /// Envoy never says anything.
    Silent,
    /// Envoy will not send.
    NotSent,
    /// It answers with an error, or with nonsense, or well, by turns.
    Flapping,
}

/// An answer on its way.
struct Reply {
    worker: usize,
    id: CallId,
    /// `None`: Envoy's own answer that there is none.
    body: Option<Vec<u8>>,
    /// When the service had the call.
    at: u64,
    cost: u32,
    key: u64,
}

struct Worker {
    client: Client,
    waiting: BTreeMap<CallId, u64>,
}

struct World {
    service: Service,
    weather: Weather,
    workers: Vec<Worker>,
    replies: BTreeMap<(u64, u64), Reply>,
    now: u64,
    random: u64,
    number: u64,
    calls: u64,
    fallback: u64,
    /// Hits that passed, by key and window: those that the service was asked for in the window of its count, those of leases
    /// when they were spent.
    passed: BTreeMap<(u64, u64), u64>,
}

impl World {
    fn new(service: Service, workers: usize, seed: u64) -> Self {
        let config = Config { max_in_flight: 64, over_limit: 16, leases: 16, ..Config::new("d") };
        let worker = || Worker { client: Client::new(config.clone()), waiting: BTreeMap::new() };
        Self {
            service,
            weather: Weather::Fine,
            workers: (0..workers).map(|_| worker()).collect(),
            replies: BTreeMap::new(),
            now: START,
            random: 0x9e37_79b9_7f4a_7c15 ^ seed << 20,
            number: 0,
            calls: 0,
            fallback: 0,
            passed: BTreeMap::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        xorshift(&mut self.random) % bound
    }

    fn pass(&mut self, key: u64, cost: u32, at: u64) {
        let window = self.service.window_at(at);
        *self.passed.entry((key, window)).or_default() += u64::from(cost);
    }

    fn request(&mut self, worker: usize, key: u64, cost: u32, batch: u32) {
        let value = key.to_string();
        let hit = Hit { key, entries: &[("k", &value)], cost, batch, is_enforced: true };
        let mut random = self.random;
        let now = self.now;
        let decision = self.workers[worker].client.decide(&[hit], now, &mut || xorshift(&mut random));
        self.random = random;
        match decision {
            Decision::Known(verdicts) => {
                if verdicts[0].is_allowed {
                    self.pass(key, cost, now);
                }
            }
            Decision::Fallback(_) => self.fallback += 1,
            Decision::Call(Call { id, body }) => self.send(worker, id, &body, key, cost),
        }
    }

    fn send(&mut self, worker: usize, id: CallId, body: &[u8], key: u64, cost: u32) {
        self.calls += 1;
        self.number += 1;
        let now = self.now;
        let (there, back) = (self.below(9 * MS), self.below(9 * MS));
        let timeout = now + 20 * MS;
        let at = now + there;
        let (reply, arrives) = match self.weather {
            Weather::NotSent => {
                let mut random = self.random;
                self.workers[worker].client.not_sent(id, now, &mut || xorshift(&mut random));
                self.random = random;
                self.fallback += 1;
                return;
            }
            Weather::Fine => (Some(self.service.answer(body, at)), at + back),
            Weather::Refused => (None, now),
            Weather::Blackhole => (None, timeout),
            Weather::Silent => (None, u64::MAX),
            Weather::Flapping => match self.below(3) {
                0 => (Some(self.service.answer(body, at)), at + back),
                1 => (Some(b"nonsense".to_vec()), at + back),
                // It was counted, and the answer comes too late.
                _ => {
                    self.service.answer(body, at);
                    (None, timeout)
                }
            },
        };
        self.workers[worker].waiting.insert(id, now);
        if arrives < u64::MAX {
            self.replies.insert((arrives, self.number), Reply { worker, id, body: reply, at, cost, key });
        }
    }

    /// Lets the time go on by a millisecond.
    fn step(&mut self) {
        self.now += MS;
        let now = self.now;
        let mut random = self.random;
        while let Some(entry) = self.replies.first_entry().filter(|entry| entry.key().0 <= now) {
            let Reply { worker, id, body, at, cost, key } = entry.remove();
            let Worker { client, waiting } = &mut self.workers[worker];
            waiting.remove(&id).unwrap();
            let verdicts = match body {
                Some(body) => answered(client, id, &body, now),
                None => client.answered(id, None, now, &mut || xorshift(&mut random)),
            };
            match verdicts.as_deref() {
                Ok([Verdict { is_allowed: true, .. }]) => self.pass(key, cost, at),
                Ok(_) => {}
                Err(_) => self.fallback += 1,
            }
        }
        for Worker { client, waiting } in &mut self.workers {
            while let Some(id) = client.lost(now, &mut || xorshift(&mut random)) {
                waiting.remove(&id).unwrap();
                self.fallback += 1;
            }
            // No request waits longer than the time-out, and than a second more where Envoy says nothing.
            assert!(waiting.values().all(|since| now - since <= SECOND + 20 * MS));
            let Counters { in_flight, over_limit_entries, lease_entries, .. } = client.counters();
            assert_eq!(in_flight, waiting.len());
            assert!(in_flight <= 64 && over_limit_entries <= 16 && lease_entries <= 16);
        }
        self.random = random;
    }

    /// So many milliseconds, in each of which each worker has a request with that chance in 1000.
    fn run(&mut self, millis: u64, chance: u64, keys: u64, batch: u32, mut check: impl FnMut(&mut Self)) {
        for _ in 0..millis {
            self.step();
            for worker in 0..self.workers.len() {
                if self.below(1000) < chance {
                    let key = self.below(keys);
                    self.request(worker, key, 1, batch);
                }
            }
            check(self);
        }
    }
}

#[test]
fn an_outage_costs_few_calls_and_ends_by_itself() {
    const WORKERS: usize = 8;
    let kinds = [Weather::Refused, Weather::Blackhole, Weather::Silent, Weather::NotSent];
    for (seed, weather) in kinds.into_iter().cycle().take(12).enumerate() {
        let service = Service::new(Counting::All, 1_000_000, 60);
        let mut world = World::new(service, WORKERS, u64::try_from(seed).unwrap());
        world.run(1000, 200, 100, 0, |_| {});
        assert_eq!(world.fallback, 0);
        assert!(world.calls > 1000);

        world.weather = weather;
        // Where Envoy says nothing, every worker has noticed after a second, and the last calls from before are lost after two.
        world.run(2500, 200, 100, 0, |_| {});
        assert!(world.workers.iter().all(|worker| !worker.client.is_closed()), "{weather:?}");
        let noticed = world.calls;
        world.run(30_000, 200, 100, 0, |world| {
            for worker in &world.workers {
                assert!(worker.waiting.len() <= 1 && !worker.client.is_closed());
            }
        });
        let probes = world.calls - noticed;
        // About 4 while the waits grow, and then one in 2.6 s.
        assert!((8 * 4..8 * 25).contains(&probes), "{weather:?}: {probes}");

        // Back again: each worker asks once, and then as before.
        world.weather = Weather::Fine;
        let back = world.now;
        let mut closed = [None; WORKERS];
        let before = world.calls;
        let mut rushed = 0;
        world.run(10_000, 200, 100, 0, |world| {
            for (worker, closed) in world.workers.iter().zip(&mut closed) {
                if worker.client.is_closed() {
                    closed.get_or_insert(world.now - back);
                } else {
                    assert!(closed.is_none() && worker.waiting.len() <= 1);
                }
            }
            if closed.iter().all(Option::is_none) {
                rushed = world.calls - before;
            }
        });
        assert!(rushed <= 8, "{weather:?}: {rushed}");
        let slowest = closed.iter().map(|closed| closed.unwrap()).max().unwrap();
        assert!(slowest < 8 * SECOND, "{weather:?}: {slowest}");
        // They did not come back all at once.
        let fastest = closed.iter().map(|closed| closed.unwrap()).min().unwrap();
        assert!(slowest - fastest > 100 * MS, "{weather:?}");
        let fallback = world.fallback;
        world.run(1000, 200, 100, 0, |_| {});
        assert_eq!(world.fallback, fallback);
    }
}

#[test]
fn a_service_that_fails_by_turns_hangs_nothing() {
    let mut world = World::new(Service::new(Counting::All, 50, 5), 4, 7);
    world.weather = Weather::Flapping;
    world.run(60_000, 200, 30, 5, |_| {});
    world.weather = Weather::Fine;
    world.run(8_000, 0, 1, 0, |_| {});
    assert!(world.workers.iter().all(|worker| worker.waiting.is_empty()));
    assert!(world.fallback > 1000 && world.calls > 100);
    assert!(world.passed.values().all(|passed| *passed <= 50));
    let fallback: u64 = world.workers.iter().map(|worker| worker.client.counters().fallback).sum();
    assert_eq!(fallback, world.fallback);
}

/// Windows of 10 s in which more come than may pass: what passed of each key in each whole window, as the least and most.
fn passed(counting: Counting, workers: usize, batch: u32, ahead: u64, is_exact: bool, seed: u64) -> (u64, u64, u64) {
    let mut service = Service::new(counting, 400, 10);
    (service.ahead, service.is_exact) = (ahead, is_exact);
    let mut world = World::new(service, workers, seed);
    let first = world.service.window_at(START) + 1;
    let chance = 1000 / u64::try_from(workers).unwrap();
    world.run(55_000, chance, 4, batch, |_| {});
    let last = world.service.window_at(world.now);
    let whole: Vec<_> = (first..last)
        .flat_map(|window| (0..4).map(move |key| (key, window)))
        .map(|place| world.passed.get(&place).copied().unwrap_or_default())
        .collect();
    assert!(whole.len() >= 16);
    assert!(world.passed.values().all(|passed| *passed <= 400), "{counting:?} {workers} {batch} {ahead} {seed}");
    (whole.iter().copied().min().unwrap(), whole.iter().copied().max().unwrap(), world.calls)
}

#[test]
fn leases_never_exceed_the_quota_and_leave_less_than_a_batch_for_each_worker() {
    let mut seed = 0;
    for counting in [Counting::All, Counting::Allowed] {
        for workers in [1, 2, 4] {
            for (batch, ahead, is_exact) in [(20, 0, false), (20, 3_333 * MS, false), (50, 777 * MS, true)] {
                seed += 1;
                let (least, most, calls) = passed(counting, workers, batch, ahead, is_exact, seed);
                let bound = 400 - u64::try_from(workers).unwrap() * u64::from(batch);
                assert!(least > bound && most <= 400, "{counting:?} {workers} {batch}: {least} to {most}");
                let (least, most, without) = passed(counting, workers, 0, ahead, is_exact, seed);
                assert_eq!((least, most), (400, 400));
                assert!(calls < without / 2, "{calls} of {without}");
            }
        }
    }
}

#[test]
fn a_flood_of_clients_leaves_the_bounds_as_they_are() {
    let mut world = World::new(Service::new(Counting::All, 2, 60), 2, 3);
    world.run(20_000, 1000, 1_000_000_000, 2, |_| {});
    let Counters { over_limit_entries, lease_entries, .. } = world.workers[0].client.counters();
    assert_eq!(lease_entries, 16);
    assert_eq!(over_limit_entries, 0);
    // Of a hundred clients, few can be remembered; none passes for it.
    world.run(20_000, 1000, 100, 0, |_| {});
    assert_eq!(world.workers[0].client.counters().over_limit_entries, 16);
    assert!(world.passed.values().all(|passed| *passed <= 2));
    assert_eq!(world.workers[0].client.counters().errors, 0);
}

#[test]
fn when_too_many_wait_the_fallback_decides() {
    let mut world = World::new(Service::new(Counting::All, 2, 60), 1, 3);
    world.weather = Weather::Silent;
    for key in 0..64 {
        world.request(0, key, 1, 0);
    }
    let hit = Hit { key: 99, entries: &[("k", "v")], cost: 1, batch: 0, is_enforced: true };
    let decision = world.workers[0].client.decide(&[hit], world.now, &mut || 0);
    assert_eq!(decision, Decision::Fallback(Reason::Busy));
}
