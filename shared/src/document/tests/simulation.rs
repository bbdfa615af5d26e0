//! Hours of a process's life in moments: workers that die, a service and a store that fail, a clock that jumps; with the
//! bounds checked at each step.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::rc::Rc;

use super::{Memory, SECOND, START, Worker, xorshift};
use crate::document::{Answer, Demand, Failure, FetchId};

const STEP: u64 = 50 * super::MS;
const MINUTE: u64 = 60 * SECOND;
/// Time-out and grace.
const LEASE: u64 = 2 * SECOND;
const REFRESH_S: u64 = 30;

/// How the service behaves for a while.
#[derive(Clone, Copy, Debug)]
enum Weather {
    /// Gives the document after so many milliseconds; from 1000 on, that is too late.
    Fine(u64),
    /// Answers with this at once.
    Fails(Failure),
    /// Envoy gives no answer.
    Silent,
    /// Any of these.
    Flapping,
}

/// What else goes wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    /// One worker in so many dies in each step; 0: none.
    deaths: u64,
    /// The store fails in one step of so many; 0: never.
    outages: u64,
    /// The wall clock jumps by up to an hour in one step of so many; 0: never.
    jumps: u64,
    /// One worker in so many demands a newer document in each step; 0: none.
    demands: u64,
    /// The service's document changes in one step of so many; 0: never.
    changes: u64,
}

struct Flight {
    /// `None` when the worker died or there will be no answer.
    worker: Option<usize>,
    id: FetchId,
    began: u64,
    due: u64,
    result: Result<(), Failure>,
}

struct World {
    store: Rc<Memory>,
    workers: Vec<Worker>,
    next_polls: Vec<u64>,
    /// Polls since a document last came to the store.
    polls: Vec<u32>,
    /// True time, which no clock shows.
    now: u64,
    wall: u64,
    random: u64,
    flights: Vec<Flight>,
    /// What the service has; it only grows.
    document: u64,
    /// The document that last came to the store, and when.
    published: Option<(u64, u64)>,
    /// When the last fetch began, and whether it succeeded.
    last: Option<(u64, bool)>,
    /// Since when neither clock nor store did anything odd, so that all bounds hold.
    calm_since: u64,
    fetches: u64,
}

impl World {
    fn new(workers: usize, seed: u64) -> Self {
        let store = Rc::default();
        Self {
            workers: (0..workers).map(|index| Worker::new(&store, seed ^ index as u64, &refresh())).collect(),
            next_polls: vec![0; workers],
            polls: vec![0; workers],
            now: 0,
            wall: START,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            flights: Vec::new(),
            document: 1,
            published: None,
            last: None,
            calm_since: 0,
            fetches: 0,
            store,
        }
    }

    /// A worker dies, and another takes its place.
    fn replace(&mut self, index: usize, rest: &str) {
        let seed = xorshift(&mut self.random);
        self.workers[index] = Worker::new(&self.store, seed, rest);
        self.polls[index] = 0;
        self.next_polls[index] = 0;
        for flight in self.flights.iter_mut().filter(|flight| flight.worker == Some(index)) {
            flight.worker = None;
        }
    }

    /// Whether a case of one in `odds` occurs.
    fn occurs(&mut self, odds: u64) -> bool {
        odds > 0 && xorshift(&mut self.random).is_multiple_of(odds)
    }

    fn run(&mut self, weather: Weather, trouble: Trouble, time: u64) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.wall += STEP;
            self.make(trouble);
            self.answer();
            for index in 0..self.workers.len() {
                if self.occurs(trouble.demands) {
                    let _ = self.workers[index].demand(self.wall);
                }
                if self.now >= self.next_polls[index] {
                    self.poll(index, weather);
                }
            }
        }
        // What is under way tells of the weather that was.
        self.store.is_down.set(false);
    }

    fn make(&mut self, trouble: Trouble) {
        if self.occurs(trouble.changes) {
            self.document += 1;
        }
        for index in 0..self.workers.len() {
            if self.occurs(trouble.deaths) {
                self.replace(index, &refresh());
            }
        }
        let is_down = self.occurs(trouble.outages);
        self.store.is_down.set(is_down);
        let jumps = self.occurs(trouble.jumps);
        if jumps {
            let hour = 60 * MINUTE;
            self.wall = self.wall - hour + xorshift(&mut self.random) % (2 * hour);
        }
        if jumps || is_down {
            self.calm_since = self.now;
        }
    }

    /// Gives the answers that are due.
    fn answer(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.flights.extract_if(.., |flight| flight.due <= now && flight.worker.is_some()).collect();
        for flight in due {
            let index = flight.worker.unwrap();
            let text = self.document.to_string();
            let result = flight.result.map(|()| text.as_str());
            let worker = &mut self.workers[index];
            let answer = worker.answer_to(flight.id, result, self.wall);
            match (result, answer) {
                (Ok(_), Answer::New | Answer::Unchanged) => {
                    assert!(worker.has(&text));
                    // What was fetched without a store is the worker's own.
                    if worker.document.held.unwrap().version != 0 {
                        self.published = Some((self.document, now));
                        self.polls.fill(0);
                    }
                    if let Some((began, succeeded)) = &mut self.last {
                        *succeeded = *began == flight.began;
                    }
                }
                (Err(failure), Answer::Failed(told)) => assert_eq!(failure, told),
                (_, Answer::Ignored) => assert!(flight.began <= self.calm_since),
                other => panic!("{other:?}"),
            }
            self.next_polls[index] = 0;
        }
    }

    fn poll(&mut self, index: usize, weather: Weather) {
        let worker = &mut self.workers[index];
        let before = number(worker);
        let steps = worker.poll(self.wall);
        let calm_since = self.calm_since;
        let is_calm = |since: u64| calm_since < since;
        if is_calm(self.now.saturating_sub(LEASE)) {
            assert!(number(worker) >= before, "an older document came back");
        }
        if steps.ends_with("fetch") {
            self.fetches += 1;
            for flight in self.flights.iter().filter(|flight| is_calm(flight.began)) {
                assert!(self.now - flight.began >= LEASE, "two fetches at a time");
            }
            if let Some((began, succeeded)) = self.last
                && is_calm(began)
            {
                let least = if succeeded { 10 * SECOND } else { SECOND };
                assert!(self.now - began >= least, "a fetch {} ms after another", (self.now - began) / super::MS);
            }
            self.last = Some((self.now, false));
            let flight = self.flight(index, weather);
            self.flights.push(flight);
        }
        self.flights.retain(|flight| flight.worker.is_some() || self.now - flight.began < LEASE);
        let worker = &self.workers[index];
        self.polls[index] += 1;
        if self.polls[index] >= 2
            && let Some((published, at)) = self.published
            && is_calm(at)
        {
            // It may have fetched a newer one for itself.
            assert!(number(worker) >= published, "worker {index} lags behind");
        }
        self.next_polls[index] = self.now + u64::from(worker.document.next_poll_ms(false)) * super::MS;
    }

    fn flight(&mut self, index: usize, weather: Weather) -> Flight {
        let timed_out = (SECOND, Err(Failure::TimedOut));
        let (wait, result) = match weather {
            Weather::Fine(ms) if ms < 1000 => (ms * super::MS, Ok(())),
            Weather::Fine(_) => timed_out,
            Weather::Fails(failure) => (0, Err(failure)),
            Weather::Silent => (u64::MAX / 2, Ok(())),
            Weather::Flapping => match xorshift(&mut self.random) % 6 {
                0 => (0, Ok(())),
                1 => (700 * super::MS, Ok(())),
                2 => (100 * super::MS, Err(Failure::Refused)),
                3 => (0, Err(Failure::BadStatus(503))),
                4 => timed_out,
                _ => (u64::MAX / 2, Ok(())),
            },
        };
        let worker = (wait < u64::MAX / 2).then_some(index);
        Flight {
            worker,
            id: self.workers[index].flight.unwrap(),
            began: self.now,
            due: self.now.saturating_add(wait),
            result,
        }
    }

    /// Good times, long enough for everything to be as it should.
    fn recover(&mut self) {
        // The longest lease that is believed, the longest wait that is, and what a fetch takes.
        let (lease, wait) = (61 * SECOND, REFRESH_S * SECOND * 5 / 4);
        self.run(Weather::Fine(20), Trouble::default(), lease + wait + 10 * SECOND);
        let expected = self.document.to_string();
        for (index, worker) in self.workers.iter().enumerate() {
            assert!(worker.has(&expected) && worker.document.is_usable(self.wall), "worker {index}");
            assert_eq!(worker.document.failures(), 0);
        }
        assert!(self.store.keys() <= 2);
    }
}

fn refresh() -> String {
    format!(r#", "refresh_s": {REFRESH_S}"#)
}

fn number(worker: &Worker) -> u64 {
    worker.body.as_ref().map_or(0, |body| std::str::from_utf8(body).unwrap().parse().unwrap())
}

#[test]
fn sixteen_workers_fetch_as_often_as_one() {
    for workers in [1, 16] {
        let mut world = World::new(workers, 7);
        world.run(Weather::Fine(100), Trouble { changes: 100, ..Trouble::default() }, 60 * MINUTE);
        // Each 30 s.
        assert!((115..=127).contains(&world.fetches), "{workers} workers: {} fetches", world.fetches);
        world.recover();
    }
}

#[test]
fn a_dead_service_is_not_hammered() {
    for weather in [
        Weather::Fails(Failure::BadStatus(503)),
        Weather::Fails(Failure::NotSent),
        Weather::Fails(Failure::Refused),
        Weather::Silent,
        Weather::Fine(5000),
    ] {
        let mut world = World::new(16, 7);
        let trouble = Trouble { demands: 20, ..Trouble::default() };
        world.run(weather, trouble, 60 * MINUTE);
        // Every 16 s on average once the wait has grown to its 30 s.
        assert!((190..300).contains(&world.fetches), "{weather:?}: {} fetches", world.fetches);
        world.recover();
    }
}

#[test]
fn floods_of_demands_cause_few_fetches() {
    let mut world = World::new(16, 7);
    let trouble = Trouble { demands: 1, changes: 50, ..Trouble::default() };
    world.run(Weather::Fine(100), trouble, 60 * MINUTE);
    // Each 10 s.
    assert!((330..=361).contains(&world.fetches), "{} fetches", world.fetches);
    world.recover();
}

#[test]
fn a_demand_is_served_soon() {
    let mut world = World::new(4, 7);
    world.run(Weather::Fine(100), Trouble::default(), 3 * MINUTE);
    // Away from the regular refresh and from the last fetch.
    while world.last.is_none_or(|(began, _)| world.now - began < 12 * SECOND || world.now - began > 14 * SECOND) {
        world.run(Weather::Fine(100), Trouble::default(), STEP);
    }
    world.document += 1;
    let wall = world.wall;
    assert_eq!(world.workers[2].demand(wall), Demand::Coming);
    // Two polls and the answer.
    world.run(Weather::Fine(100), Trouble::default(), 2200 * super::MS);
    assert!(world.workers.iter().all(|worker| number(worker) == world.document));
}

#[test]
fn workers_may_die_in_the_middle_of_anything() {
    let mut world = World::new(8, 7);
    let trouble = Trouble { deaths: 200, changes: 100, demands: 50, ..Trouble::default() };
    world.run(Weather::Flapping, trouble, 60 * MINUTE);
    world.recover();
}

#[test]
fn clocks_that_jump_do_not_wedge_it() {
    let mut world = World::new(4, 7);
    for _ in 0..20 {
        world.run(Weather::Flapping, Trouble { jumps: 500, changes: 100, ..Trouble::default() }, 5 * MINUTE);
        world.recover();
    }
}

#[test]
fn a_store_that_fails_now_and_then_is_survived() {
    let mut world = World::new(4, 7);
    for _ in 0..20 {
        world.run(Weather::Flapping, Trouble { outages: 20, changes: 100, ..Trouble::default() }, 5 * MINUTE);
        world.recover();
    }
}

#[test]
fn old_and_new_configurations_live_side_by_side() {
    let mut world = World::new(4, 7);
    world.run(Weather::Fine(100), Trouble::default(), MINUTE);
    for index in 0..2 {
        world.replace(index, r#", "refresh_s": 300"#);
    }
    let before = world.fetches;
    world.run(Weather::Fine(100), Trouble { changes: 100, ..Trouble::default() }, 60 * MINUTE);
    // The shorter refresh counts.
    assert!(world.fetches - before <= 127, "{} fetches", world.fetches - before);
    world.recover();
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::{Failure, MINUTE, SECOND, Trouble, Weather, World};

    fn weather() -> impl Strategy<Value = Weather> {
        let failures =
            [Failure::BadStatus(500), Failure::TooLarge, Failure::Refused, Failure::TimedOut, Failure::NotSent];
        prop_oneof![
            3 => (0_u64..1200).prop_map(Weather::Fine),
            1 => select(failures.to_vec()).prop_map(Weather::Fails),
            1 => Just(Weather::Silent),
            3 => Just(Weather::Flapping),
        ]
    }

    fn odds(odds: &'static [u64]) -> impl Strategy<Value = u64> {
        select(odds)
    }

    fn trouble() -> impl Strategy<Value = Trouble> {
        let all =
            (odds(&[0, 50, 1000]), odds(&[0, 0, 5, 100]), odds(&[0, 0, 100, 1000]), odds(&[0, 1, 100]), 0..200_u64);
        all.prop_map(|(deaths, outages, jumps, demands, changes)| Trouble { deaths, outages, jumps, demands, changes })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn whatever_the_weather(
            days in vec((weather(), trouble(), SECOND..10 * MINUTE), 1..6),
            workers in 1_usize..17,
            seed in any::<u64>(),
        ) {
            let mut world = World::new(workers, seed);
            for (weather, trouble, time) in days {
                world.run(weather, trouble, time);
            }
            world.recover();
        }
    }
}
