//! Hours of a collector's life in moments: bad times and good ones, with the bounds checked at each step.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::collections::{BTreeMap, BTreeSet};

use super::{Delivery, sink};
use crate::audit::{Class, Sink};

const MS: u64 = 1_000_000;
const TICK: u64 = 100 * MS;
const SECOND: u64 = 10;
const MINUTE: u64 = 60 * SECOND;

/// How the collector behaves for a while.
#[derive(Clone, Copy, Debug)]
enum Weather {
    /// Answers with this status after that many ticks; 0 is at once.
    Answers(u16, u64),
    /// Envoy gives no answer.
    Silent,
    /// Envoy does not send.
    Refused,
    /// Answers 200, 503 or 413, or not at all.
    Flapping,
}

struct World {
    delivery: Delivery,
    sink: Sink,
    now: u64,
    random: u64,
    tokens: u32,
    /// Answers to come: token by time, with status and whether the collector keeps the events.
    answers: BTreeMap<(u64, u32), u16>,
    bodies: BTreeMap<u32, String>,
    received: BTreeSet<u64>,
    offered: u64,
    settled: [u64; 3],
    calls: u64,
}

impl World {
    fn new(rest: &str) -> Self {
        let sink = sink(rest);
        Self {
            delivery: Delivery::new(sink.clone()),
            sink,
            now: 1_000_000 * MS,
            random: 0x9e37_79b9_7f4a_7c15,
            tokens: 0,
            answers: BTreeMap::new(),
            bodies: BTreeMap::new(),
            received: BTreeSet::new(),
            offered: 0,
            settled: [0; 3],
            calls: 0,
        }
    }

    fn random(&mut self) -> u64 {
        xorshift(&mut self.random)
    }

    fn run(&mut self, weather: Weather, ticks: u64, events_per_tick: u64) {
        for _ in 0..ticks {
            self.now += TICK;
            for _ in 0..events_per_tick {
                let class = Class::ALL[usize::try_from(self.random() % 4).unwrap()];
                let filling = "x".repeat(usize::try_from(self.random() % 900).unwrap());
                self.delivery.offer(class, format!(r#"{{"id":{},"x":"{filling}"}}"#, self.offered));
                self.offered += 1;
            }
            self.poll(weather);
            while let Some((&(due, token), &status)) = self.answers.first_key_value()
                && due <= self.now
            {
                self.answers.remove(&(due, token));
                let body = self.bodies.remove(&token).unwrap();
                let mut random = self.random;
                let awaited = self.delivery.answered(token, Some(status), self.now, &mut || xorshift(&mut random));
                if awaited && status < 300 {
                    let id = |line: &str| line.split([':', ',']).nth(1).unwrap().parse::<u64>().unwrap();
                    self.received.extend(body.lines().map(id));
                }
                self.random = random;
                self.poll(weather);
            }
            self.check();
        }
    }

    fn poll(&mut self, weather: Weather) {
        let mut random = self.random;
        while let Some(batch) = self.delivery.poll(self.now, &mut || xorshift(&mut random)) {
            self.calls += 1;
            assert!(batch.body.len() <= self.sink.batch.max_bytes as usize);
            let answer = match weather {
                Weather::Answers(status, ticks) => Some((status, ticks)),
                Weather::Silent => None,
                Weather::Refused => {
                    self.delivery.dispatch_failed(batch.id, self.now, &mut || xorshift(&mut random));
                    continue;
                }
                Weather::Flapping => [Some((200, 1)), Some((503, 0)), Some((413, 2)), None]
                    [usize::try_from(xorshift(&mut random) % 4).unwrap()],
            };
            self.tokens += 1;
            self.delivery.sent(batch.id, self.tokens);
            if let Some((status, ticks)) = answer {
                self.answers.insert((self.now + ticks * TICK, self.tokens), status);
                self.bodies.insert(self.tokens, batch.body);
            }
        }
        self.random = random;
    }

    fn check(&mut self) {
        let held: u64 = self.delivery.flights.iter().map(|flight| flight.events.len() as u64).sum();
        let changes = self.delivery.take_changes();
        for (sum, now) in self.settled.iter_mut().zip([changes.delivered, changes.dropped, changes.rejected]) {
            *sum += now.total();
        }
        assert!(changes.queued_events <= self.sink.queue.max_events as usize);
        assert!(changes.queued_bytes <= self.sink.queue.max_bytes as usize);
        assert!(changes.in_flight <= self.sink.max_in_flight as usize);
        assert_eq!(self.offered, self.settled.iter().sum::<u64>() + held + changes.queued_events as u64);
        assert_eq!(
            self.settled[0],
            self.received.len() as u64,
            "delivered is what the collector answered for, once each"
        );
    }
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

const SMALL: &str =
    r#", "queue": {"max_events": 500, "max_bytes": 200000}, "batch": {"max_events": 50, "max_bytes": 40000}"#;

#[test]
fn in_good_weather_nothing_is_lost() {
    let mut world = World::new("");
    world.run(Weather::Answers(200, 1), MINUTE, 100);
    world.run(Weather::Answers(200, 1), 20, 0);
    assert_eq!(world.settled, [world.offered, 0, 0]);
    assert!(world.delivery.is_idle());
}

#[test]
fn a_dead_collector_is_not_hammered() {
    for weather in [
        Weather::Answers(503, 0),
        Weather::Answers(401, 3),
        Weather::Answers(400, 0),
        Weather::Silent,
        Weather::Refused,
    ] {
        let mut world = World::new(SMALL);
        world.run(weather, 60 * MINUTE, 2);
        // Every 15 s on average once the wait has grown to its 30 s; the first minute has some ten more.
        assert!((200..300).contains(&world.calls), "{weather:?}: {} calls", world.calls);
    }
}

#[test]
fn a_collector_that_recovers_gets_what_was_kept() {
    for weather in [Weather::Answers(503, 0), Weather::Silent, Weather::Refused, Weather::Flapping] {
        let mut world = World::new("");
        world.run(weather, 20 * MINUTE, 5);
        let held = world.offered - world.settled.iter().sum::<u64>();
        let delivered = world.settled[0];
        // The longest wait, one lost call, and a batch for each tick.
        let soon = 30 * SECOND + 3 * SECOND + held / 100;
        world.run(Weather::Answers(200, 0), soon, 0);
        assert!(world.delivery.is_idle(), "{weather:?}");
        // The two calls that were under way when the weather changed may come back to a full queue.
        assert!(world.settled[0] + 200 >= delivered + held, "{weather:?}");
    }
}

#[test]
fn a_slow_collector_gets_what_it_can_take() {
    let mut world = World::new("");
    world.run(Weather::Answers(200, 15), 5 * MINUTE, 50);
    let [delivered, dropped, rejected] = world.settled;
    // Two calls of 100 events each 1.6 s.
    assert!(delivered > 5 * 60 * 100 && dropped > 0 && rejected == 0, "{:?}", world.settled);
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::{MINUTE, SECOND, SMALL, Weather, World};

    fn weather() -> impl Strategy<Value = Weather> {
        prop_oneof![
            (prop::sample::select(vec![200, 200, 204, 302, 400, 401, 413, 422, 429, 500, 503]), 0_u64..40)
                .prop_map(|(status, ticks)| Weather::Answers(status, ticks)),
            Just(Weather::Silent),
            Just(Weather::Refused),
            Just(Weather::Flapping),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_the_weather(days in prop::collection::vec((weather(), 1..MINUTE, 0_u64..30), 1..8), seed in 1_u64..) {
            let mut world = World::new(SMALL);
            world.random = seed;
            for (weather, ticks, events) in days {
                world.run(weather, ticks, events);
            }
            world.run(Weather::Answers(200, 0), 40 * SECOND, 0);
            prop_assert!(world.delivery.is_idle());
        }
    }
}
