#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod memory;
mod races;
mod records;
mod simulation;
#[cfg(not(target_arch = "wasm32"))]
mod threads;

use std::rc::Rc;

use super::{Answer, Demand, Document, Failure, FetchId, Fetches, Kind, Remote, Source, Step};
use crate::config::{Errors, parse};
use memory::Memory;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const START: u64 = 1_790_000_000 * SECOND;

const KIND: Kind = Kind { refresh_s: 100, max_bytes: 1024, stale_s: 1000, ..Kind::new("jwks") };

fn source(rest: &str) -> Source {
    let config: Remote = parse(format!(r#"{{"cluster": "idp", "url": "https://idp/jwks"{rest}}}"#).as_bytes()).unwrap();
    let mut errors = Errors::default();
    config.compile(KIND, "$", &|_| None, &mut errors).unwrap()
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A worker, with what it would have parsed.
struct Worker {
    document: Document,
    store: Rc<Memory>,
    random: u64,
    body: Option<Vec<u8>>,
    flight: Option<FetchId>,
}

impl Worker {
    fn new(store: &Rc<Memory>, seed: u64, rest: &str) -> Self {
        let document = Document::new("jwt_bola", source(rest));
        Self {
            document,
            store: Rc::clone(store),
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            body: None,
            flight: None,
        }
    }

    /// Polls until there is no more to do; a word for each step. Documents with an `!` cannot be read.
    fn poll(&mut self, now: u64) -> String {
        let mut steps = Vec::new();
        let store = Rc::clone(&self.store);
        while let Some(step) = self.document.poll(now, &mut || xorshift(&mut self.random), &*store) {
            match step {
                Step::New { body, fetched_at } => {
                    assert_eq!(self.document.fetched_at(), Some(fetched_at));
                    let text = String::from_utf8(body.to_vec()).unwrap();
                    if text.contains('!') {
                        self.document.refuse(now, &*store);
                    } else {
                        self.body = Some(body.into_owned());
                    }
                    steps.push(format!("new {text}"));
                }
                Step::Renewed { fetched_at } => {
                    assert_eq!(self.document.fetched_at(), Some(fetched_at));
                    steps.push("renewed".to_owned());
                }
                Step::Fetch(id) => {
                    self.flight = Some(id);
                    steps.push("fetch".to_owned());
                }
            }
            assert!(steps.len() < 10, "{steps:?}");
        }
        steps.join(", ")
    }

    fn answer(&mut self, result: Result<&str, Failure>, now: u64) -> Answer {
        let id = self.flight.take().unwrap();
        self.answer_to(id, result, now)
    }

    fn answer_to(&mut self, id: FetchId, result: Result<&str, Failure>, now: u64) -> Answer {
        let result = result.map(str::as_bytes);
        let answer = self.document.answered(id, result, now, &mut || xorshift(&mut self.random), &*self.store);
        if answer == Answer::New {
            self.body = Some(result.unwrap().to_vec());
        }
        answer
    }

    fn demand(&mut self, now: u64) -> Demand {
        self.document.demand(now, &*self.store)
    }

    fn has(&self, body: &str) -> bool {
        self.body.as_deref() == Some(body.as_bytes())
    }
}

/// Two workers of a process, and a clock.
fn pair(rest: &str) -> (Worker, Worker) {
    let store = Rc::default();
    (Worker::new(&store, 1, rest), Worker::new(&store, 2, rest))
}

/// The same after the first worker fetched `a` and the second took it.
fn settled(rest: &str) -> (Worker, Worker) {
    let (mut first, mut second) = pair(rest);
    assert_eq!(first.poll(START), "fetch");
    assert_eq!(first.answer(Ok("a"), START), Answer::New);
    assert_eq!(second.poll(START), "new a");
    (first, second)
}

#[test]
fn one_worker_fetches_and_all_have_it() {
    let (mut first, mut second) = pair("");
    assert!(!first.document.is_usable(START));
    assert_eq!(first.poll(START), "fetch");
    assert_eq!(first.poll(START), "");
    assert_eq!(second.poll(START), "");
    assert_eq!(first.answer(Ok("a"), START + MS), Answer::New);
    assert_eq!(second.poll(START + 2 * MS), "new a");
    for worker in [&mut first, &mut second] {
        assert!(worker.has("a"));
        assert_eq!(worker.document.fetched_at(), Some(START + MS));
        assert!(worker.document.is_usable(START + 2 * MS));
        assert_eq!(worker.poll(START + 89 * SECOND), "");
    }
}

#[test]
fn a_refresh_comes_by_a_tenth_early_or_late() {
    let mut waits = Vec::new();
    for seed in 1..200 {
        let mut worker = Worker::new(&Rc::default(), seed, "");
        assert_eq!(worker.poll(START), "fetch");
        let _ = worker.answer(Ok("a"), START);
        let wait = (0..2000).find(|wait| !worker.poll(START + wait * SECOND).is_empty()).unwrap();
        waits.push(wait);
    }
    assert!(waits.iter().all(|wait| (90..=110).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait < 95) && waits.iter().any(|wait| *wait > 105), "{waits:?}");
}

#[test]
fn what_did_not_change_is_renewed() {
    let (mut first, mut second) = settled("");
    let now = START + 110 * SECOND;
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(second.answer(Ok("a"), now), Answer::Unchanged);
    assert_eq!(first.poll(now), "renewed");
    assert_eq!(first.poll(now), "");
    assert_eq!((first.document.fetched_at(), second.document.fetched_at()), (Some(now), Some(now)));
    assert_eq!(second.document.take_fetches(), Fetches { unchanged: 1, ..Fetches::default() });
    // One that comes later takes it as it is.
    let mut third = Worker::new(&first.store, 3, "");
    assert_eq!(third.poll(now), "new a");
    assert_eq!(third.document.fetched_at(), Some(now));
}

#[test]
fn a_fetcher_that_missed_the_document_takes_it_though_it_is_unchanged() {
    let (first, _) = settled("");
    let mut late = Worker::new(&first.store, 3, "");
    let now = START + 110 * SECOND;
    // It is due, and the store's document is taken first.
    assert_eq!(late.poll(now), "new a, fetch");
    assert_eq!(late.answer(Ok("a"), now), Answer::Unchanged);
}

#[test]
fn after_a_new_configuration_the_document_is_there() {
    let (first, _) = settled("");
    let now = START + 20 * SECOND;
    let mut longer = Worker::new(&first.store, 3, r#", "refresh_s": 200"#);
    assert_eq!(longer.poll(now), "new a");
    // This one would not have set the next fetch so far off.
    let mut shorter = Worker::new(&first.store, 4, r#", "refresh_s": 10"#);
    assert_eq!(shorter.poll(now), "new a, fetch");
    // But it would have waited for its own refresh.
    let (first, _) = settled("");
    let mut shorter = Worker::new(&first.store, 4, r#", "refresh_s": 10"#);
    assert_eq!(shorter.poll(START + 9 * SECOND), "new a");
    assert_eq!(first.store.keys(), 2);
}

#[test]
fn others_do_not_share() {
    let (first, _) = settled("");
    let mut other = Worker::new(&first.store, 3, r#", "headers": {"x": "1"}"#);
    assert_eq!(other.poll(START), "fetch");
}

#[test]
fn failures_keep_the_document_and_are_counted() {
    for failure in [Failure::BadStatus(503), Failure::TooLarge, Failure::Refused, Failure::TimedOut, Failure::NotSent] {
        let (mut first, mut second) = settled("");
        let now = START + 110 * SECOND;
        assert_eq!(first.poll(now), "fetch");
        first.document.take_fetches();
        assert_eq!(first.answer(Err(failure), now), Answer::Failed(failure));
        let counted: Vec<_> =
            first.document.take_fetches().iter().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(failure.as_str(), 1)]);
        assert_eq!(second.poll(now), "");
        for worker in [&first, &second] {
            assert!(worker.has("a"));
            assert_eq!((worker.document.fetched_at(), worker.document.failures()), (Some(START), 1));
        }
        assert_eq!(second.poll(now + SECOND - 1), "");
        assert_eq!(second.poll(now + SECOND), "fetch");
        assert_eq!(second.answer(Ok("b"), now + SECOND), Answer::New);
        assert_eq!(first.poll(now + SECOND), "new b");
        assert_eq!((first.document.failures(), second.document.failures()), (0, 0));
    }
}

#[test]
fn a_body_over_the_limit_is_too_large() {
    let (mut first, _) = pair("");
    assert_eq!(first.poll(START), "fetch");
    assert_eq!(first.answer(Ok(&"x".repeat(1025)), START), Answer::Failed(Failure::TooLarge));
    assert_eq!(first.poll(START + SECOND), "fetch");
    assert_eq!(first.answer(Ok(&"x".repeat(1024)), START + SECOND), Answer::New);
}

#[test]
fn waits_after_failures_grow_up_to_the_refresh() {
    let mut longest = [0; 12];
    for seed in 1..100 {
        let mut worker = Worker::new(&Rc::default(), seed, "");
        let mut now = START;
        assert_eq!(worker.poll(now), "fetch");
        for longest in &mut longest {
            let _ = worker.answer(Err(Failure::TimedOut), now);
            let wait = (0..2000).find(|wait| worker.poll(now + wait * 100 * MS) == "fetch").unwrap();
            now += wait * 100 * MS;
            assert!(wait >= 10, "{wait}");
            *longest = wait.max(*longest);
        }
    }
    let limits = [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000];
    for (longest, limit) in longest.into_iter().zip(limits) {
        assert!(longest <= limit && longest * 10 >= limit * 9, "{longest} of {limit}");
    }
}

#[test]
fn a_lost_fetch_is_another_workers_to_repeat() {
    let (mut first, mut second) = pair("");
    assert_eq!(first.poll(START), "fetch");
    assert_eq!(second.poll(START + 1999 * MS), "");
    assert_eq!(second.poll(START + 2000 * MS), "fetch");
    // The first lives after all; it must not disturb.
    assert_eq!(first.poll(START + 2000 * MS), "");
    assert_eq!(first.document.take_fetches().timed_out, 1);
    assert_eq!(first.answer(Ok("late"), START + 2001 * MS), Answer::Ignored);
    assert_eq!(second.answer(Ok("b"), START + 2002 * MS), Answer::New);
    assert_eq!(first.poll(START + 2002 * MS), "new b");
    assert_eq!(first.document.failures(), 0);
}

#[test]
fn an_answer_after_the_lease_counts_if_nothing_newer_came() {
    let (mut first, mut second) = pair("");
    assert_eq!(first.poll(START), "fetch");
    let now = START + 2 * SECOND;
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(first.answer(Ok("b"), now), Answer::New);
    assert_eq!(first.demand(now), Demand::Coming, "the second's fetch is still under way");
    assert_eq!(second.poll(now), "new b");
    assert_eq!(second.answer(Ok("c"), now), Answer::New);
    assert_eq!(first.poll(now), "new c");

    let (mut first, mut second) = pair("");
    assert_eq!(first.poll(START), "fetch");
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(second.answer(Ok("c"), now), Answer::New);
    assert_eq!(first.answer(Ok("b"), now), Answer::Ignored);
    assert_eq!(first.poll(now), "new c");
    let mut third = Worker::new(&first.store, 3, "");
    assert_eq!(third.poll(now), "new c");
}

#[test]
fn a_failure_after_the_lease_disturbs_nobody() {
    let (mut first, mut second) = pair("");
    assert_eq!(first.poll(START), "fetch");
    let now = START + 2 * SECOND;
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(first.answer(Err(Failure::TimedOut), now), Answer::Failed(Failure::TimedOut));
    assert_eq!(first.poll(now + SECOND), "", "the second's lease holds");
    assert_eq!(second.answer(Ok("b"), now), Answer::New);
    assert_eq!(first.poll(now), "new b");
}

#[test]
fn a_document_that_a_worker_cannot_read_changes_nothing_for_it() {
    let (mut first, mut second) = settled("");
    let now = START + 110 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    // A newer module may read what an older one cannot.
    assert_eq!(first.answer(Ok("b!"), now), Answer::New);
    assert_eq!(second.poll(now), "new b!");
    assert!(second.has("a"));
    assert_eq!(second.document.fetched_at(), Some(START));
    assert_eq!(second.poll(now), "");
    // It asks for another, as soon as that is allowed, once.
    assert_eq!(second.poll(now + 10 * SECOND), "fetch");
    assert_eq!(second.answer(Err(Failure::Refused), now + 10 * SECOND), Answer::Failed(Failure::Refused));
    assert!(second.has("a") && first.has("b!"));
    let mut third = Worker::new(&first.store, 3, "");
    assert_eq!(third.poll(now + 10 * SECOND), "new b!");
    assert_eq!(third.document.fetched_at(), None);
    // It is not given the same again.
    let now = now + 120 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    assert_eq!(first.answer(Ok("b!"), now), Answer::Unchanged);
    assert_eq!(second.poll(now), "");
    assert_eq!(second.document.fetched_at(), Some(START));
}

#[test]
fn an_answer_to_a_lost_fetch_is_not_the_next_ones() {
    let (mut first, _) = pair("");
    assert_eq!(first.poll(START), "fetch");
    let lost = first.flight.unwrap();
    assert_eq!(first.poll(START + 2 * SECOND), "");
    let now = START + 3 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    assert_eq!(first.answer_to(lost, Ok("late"), now), Answer::Ignored);
    assert_eq!(first.document.fetched_at(), None);
    assert_eq!(first.answer(Ok("a"), now), Answer::New);
}

#[test]
fn demands_are_limited() {
    let (mut first, mut second) = settled("");
    // The last fetch began just now.
    assert_eq!(first.demand(START + SECOND), Demand::NotBefore(START + 10 * SECOND));
    assert_eq!(second.demand(START + SECOND), Demand::NotBefore(START + 10 * SECOND));
    assert_eq!(first.poll(START + 10 * SECOND - 1), "");
    let now = START + 10 * SECOND;
    assert_eq!(first.demand(now), Demand::Coming);
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(first.demand(now), Demand::Coming);
    assert_eq!(second.demand(now), Demand::Coming);
    assert_eq!(second.answer(Ok("b"), now), Answer::New);
    assert_eq!(first.demand(now), Demand::Stored);
    assert_eq!(first.poll(now), "new b");
    assert_eq!(first.demand(now), Demand::NotBefore(now + 10 * SECOND));
    // Without a demand for longer, the next is served at once.
    assert_eq!(first.poll(now + 10 * SECOND), "fetch");
    let _ = first.answer(Ok("b"), now + 10 * SECOND);
    assert_eq!(second.poll(now + 50 * SECOND), "renewed");
    assert_eq!(second.demand(now + 50 * SECOND), Demand::Coming);
    assert_eq!(second.poll(now + 50 * SECOND), "fetch");
}

#[test]
fn demands_do_not_shorten_a_back_off() {
    let (mut first, mut second) = settled("");
    let mut now = START + 110 * SECOND;
    for _ in 0..5 {
        assert_eq!(first.poll(now), "fetch");
        let _ = first.answer(Err(Failure::TimedOut), now);
        let Demand::NotBefore(at) = second.demand(now) else { panic!("a fetch in the back-off") };
        assert!(at >= now + SECOND);
        assert_eq!(first.demand(now), Demand::NotBefore(at));
        assert_eq!(second.poll(at - 1), "");
        now = at;
        assert_eq!(first.demand(now), Demand::Coming);
    }
}

#[test]
fn a_demand_does_not_delay_what_is_due_sooner() {
    let store = Rc::default();
    let mut worker = Worker::new(&store, 1, r#", "refresh_s": 5"#);
    assert_eq!(worker.poll(START), "fetch");
    let _ = worker.answer(Ok("a"), START);
    let Demand::NotBefore(at) = worker.demand(START + SECOND) else { panic!("too soon") };
    assert!(at <= START + 5500 * MS);
    assert_eq!(worker.poll(at - 1), "");
    assert_eq!(worker.poll(at), "fetch");
}

#[test]
fn documents_are_used_until_they_are_stale() {
    let (first, second) = settled("");
    for worker in [&first, &second] {
        assert!(worker.document.is_usable(START + 1000 * SECOND));
        assert!(!worker.document.is_usable(START + 1001 * SECOND));
        // The clock was set back.
        assert!(worker.document.is_usable(START - 1000 * SECOND));
        assert!(!worker.document.is_usable(START - 1001 * SECOND));
    }
    // 0 is until a fetch is overdue: the refresh and a tenth, the time-out and what it takes to notice.
    let (_, strict) = settled(r#", "stale_s": 0"#);
    assert!(strict.document.is_usable(START + 115 * SECOND));
    assert!(!strict.document.is_usable(START + 116 * SECOND));
}

#[test]
fn without_a_store_each_worker_fetches_for_itself() {
    let (mut first, mut second) = pair("");
    first.store.is_down.set(true);
    for (worker, body) in [(&mut first, "a"), (&mut second, "b")] {
        assert_eq!(worker.poll(START), "fetch");
        assert_eq!(worker.poll(START), "");
        assert_eq!(worker.demand(START), Demand::Coming);
        assert_eq!(worker.answer(Ok(body), START), Answer::New);
        assert!(worker.has(body) && worker.document.is_usable(START));
        assert_eq!(worker.poll(START + 89 * SECOND), "");
        assert_eq!(worker.demand(START + 10 * SECOND), Demand::Coming);
        assert_eq!(worker.poll(START + 10 * SECOND), "fetch");
        let _ = worker.answer(Err(Failure::TimedOut), START + 10 * SECOND);
        assert_eq!(worker.poll(START + 11 * SECOND - 1), "");
        assert_eq!(worker.poll(START + 11 * SECOND), "fetch");
        let _ = worker.answer(Ok(body), START + 11 * SECOND);
    }
    // They meet when there is one.
    first.store.is_down.set(false);
    let now = START + 12 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    assert_eq!(second.poll(now), "");
    assert_eq!(first.answer(Ok("c"), now), Answer::New);
    assert_eq!(second.poll(now), "new c");
}

#[test]
fn a_store_that_fails_between_is_no_way_back() {
    let (mut first, mut second) = settled("");
    first.store.is_down.set(true);
    let now = START + 110 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    assert_eq!(first.answer(Ok("b"), now), Answer::New);
    first.store.is_down.set(false);
    // The store has the older one still.
    assert_eq!(first.poll(now), "fetch");
    assert!(first.has("b"));
    assert_eq!(second.poll(now), "");
    assert_eq!(first.answer(Ok("b"), now + MS), Answer::New);
    assert_eq!(second.poll(now + MS), "new b");
    assert_eq!(first.poll(now + MS), "");
}

#[test]
fn what_was_asked_for_without_a_store_stays_the_workers_own() {
    let (mut first, mut second) = pair("");
    first.store.is_down.set(true);
    assert_eq!((first.poll(START).as_str(), second.poll(START).as_str()), ("fetch", "fetch"));
    first.store.is_down.set(false);
    // Neither knows of the other's, so neither may say that its own is the newer one.
    assert_eq!(first.answer(Ok("a"), START), Answer::New);
    assert_eq!(second.answer(Ok("b"), START), Answer::New);
    assert_eq!(first.store.keys(), 0);
    assert!(first.has("a") && second.has("b"));
    assert_eq!((first.poll(START).as_str(), second.poll(START).as_str()), ("fetch", ""));
    assert_eq!(first.answer(Ok("c"), START), Answer::New);
    assert_eq!(second.poll(START), "new c");
}

#[test]
fn a_document_that_is_not_stored_leaves_anothers_fetch_alone() {
    let (mut first, mut second) = pair("");
    assert_eq!(first.poll(START), "fetch");
    let now = START + 2 * SECOND;
    assert_eq!(second.poll(now), "fetch");
    let record = first.store.value(".record");
    first.store.unwritable.set(Some(".body"));
    assert_eq!(first.answer(Ok("a"), now), Answer::New);
    assert_eq!(first.store.value(".record"), record);
}

#[test]
fn a_store_that_takes_no_document_renews_none() {
    let (mut first, mut second) = settled("");
    first.store.unwritable.set(Some(".body"));
    let now = START + 110 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    assert_eq!(first.answer(Ok("b"), now), Answer::New);
    assert!(first.has("b"));
    assert_eq!(first.poll(now), "");
    assert_eq!(second.poll(now), "", "no fetch, and the old document is as old as it was");
    assert_eq!(second.document.fetched_at(), Some(START));
    first.store.unwritable.set(None);
    let now = now + 110 * SECOND;
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(second.answer(Ok("b"), now), Answer::New);
    assert_eq!(first.poll(now), "new b");
}

#[test]
fn polls_are_quick_while_it_matters() {
    let (mut first, second) = pair("");
    assert_eq!(first.document.next_poll_ms(false), 50);
    assert_eq!(first.poll(START), "fetch");
    let _ = first.answer(Ok("a"), START);
    assert_eq!(first.document.next_poll_ms(false), 1000);
    assert_eq!(first.document.next_poll_ms(true), 50);
    assert_eq!(second.document.next_poll_ms(false), 50);
    let (quick, _) = settled(r#", "refresh_s": 2"#);
    assert_eq!(quick.document.next_poll_ms(false), 200);
}

#[test]
fn statuses_say_what_came_of_a_fetch() {
    for (status, failure) in [
        (Some(200), None),
        (None, Some(Failure::TimedOut)),
        (Some(504), Some(Failure::TimedOut)),
        (Some(503), Some(Failure::BadStatus(503))),
        (Some(204), Some(Failure::BadStatus(204))),
        (Some(206), Some(Failure::BadStatus(206))),
        (Some(302), Some(Failure::BadStatus(302))),
        (Some(304), Some(Failure::BadStatus(304))),
    ] {
        assert_eq!(Failure::of_status(status), failure, "{status:?}");
    }
}
