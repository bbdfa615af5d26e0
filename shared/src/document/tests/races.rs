//! Two workers between each other's reading and writing.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::{cell::RefCell, rc::Rc};

use super::{Answer, Demand, Failure, SECOND, START, Worker, pair, settled};

/// Lets `other` act just before something is written to `key`.
fn meanwhile(
    worker: &Worker,
    key: &'static str,
    other: Worker,
    act: impl FnOnce(&mut Worker) + 'static,
) -> Rc<RefCell<Worker>> {
    let other = Rc::new(RefCell::new(other));
    let within = Rc::clone(&other);
    worker.store.before_set(key, move |_| act(&mut within.borrow_mut()));
    other
}

#[test]
fn one_lease_is_taken_of_two_first_ones() {
    let (mut first, second) = pair("");
    let second = meanwhile(&first, ".record", second, |second| assert_eq!(second.poll(START), "fetch"));
    assert_eq!(first.poll(START), "");
    assert!(!first.store.has_hooks());
    assert_eq!(second.borrow_mut().answer(Ok("a"), START), Answer::New);
    assert_eq!(first.poll(START), "new a");
}

#[test]
fn one_lease_is_taken_of_two_later_ones() {
    let (mut first, second) = settled("");
    let now = START + 110 * SECOND;
    let second = meanwhile(&first, ".record", second, move |second| assert_eq!(second.poll(now), "fetch"));
    assert_eq!(first.poll(now), "");
    assert!(!first.store.has_hooks());
    assert_eq!(second.borrow_mut().answer(Ok("b"), now), Answer::New);
    assert_eq!(first.poll(now), "new b");
}

#[test]
fn a_demand_sees_a_fetch_that_began_meanwhile() {
    let (mut first, second) = settled("");
    let now = START + 50 * SECOND;
    let second = meanwhile(&first, ".record", second, move |second| {
        assert_eq!(second.demand(now), Demand::Coming);
        assert_eq!(second.poll(now), "fetch");
    });
    assert_eq!(first.demand(now), Demand::Coming);
    assert_eq!(first.poll(now), "");
    assert_eq!(second.borrow_mut().answer(Ok("b"), now), Answer::New);
    assert_eq!(first.poll(now), "new b");
}

/// Two workers with a fetch each: the second's began when the first's lease was over.
fn overlapping() -> (Worker, Worker, u64) {
    let (mut first, mut second) = settled("");
    let now = START + 110 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    assert_eq!(second.poll(now + 2 * SECOND), "fetch");
    (first, second, now + 2 * SECOND)
}

#[test]
fn an_older_document_never_overwrites_a_newer_one() {
    let (mut first, second, now) = overlapping();
    let second = meanwhile(&first, ".body", second, move |second| assert_eq!(second.answer(Ok("c"), now), Answer::New));
    assert_eq!(first.answer(Ok("b"), now), Answer::Ignored);
    assert_eq!(first.poll(now), "new c");
    assert_eq!(second.borrow_mut().poll(now), "");
    assert_eq!(Worker::new(&first.store, 3, "").poll(now), "new c");
}

#[test]
fn a_newer_document_that_came_between_document_and_record_stays() {
    let (mut first, second, now) = overlapping();
    let second =
        meanwhile(&first, ".record", second, move |second| assert_eq!(second.answer(Ok("c"), now), Answer::New));
    assert_eq!(first.answer(Ok("b"), now), Answer::New);
    assert_eq!(first.poll(now), "new c");
    assert_eq!(second.borrow_mut().poll(now), "");
    assert_eq!(Worker::new(&first.store, 3, "").poll(now), "new c");
}

#[test]
fn a_document_may_be_read_before_its_record_is_written() {
    let (mut first, mut second) = settled("");
    let now = START + 110 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    assert_eq!(first.answer(Ok("b"), now), Answer::New);
    let now = now + 110 * SECOND;
    assert_eq!(second.poll(now), "new b, fetch");
    let third = Worker::new(&first.store, 3, "");
    let third = meanwhile(&first, ".record", third, move |third| {
        assert_eq!(third.poll(now), "new c");
        assert_eq!(third.poll(now), "", "it is not new twice");
    });
    assert_eq!(second.answer(Ok("c"), now), Answer::New);
    assert_eq!(third.borrow_mut().poll(now), "");
    assert_eq!(third.borrow().document.fetched_at(), Some(now));
    assert_eq!(first.poll(now), "new c");
}

#[test]
fn a_worker_that_dies_between_document_and_record_loses_nothing() {
    let (mut first, mut second) = settled("");
    let now = START + 110 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    // From here on it writes the document, not the record.
    first.store.unwritable.set(Some(".record"));
    let _ = first.answer(Ok("b"), now);
    first.store.unwritable.set(None);
    drop(first);
    assert_eq!(second.poll(now), "");
    assert_eq!(second.poll(now + 2 * SECOND), "fetch");
    assert_eq!(second.answer(Ok("b"), now + 2 * SECOND), Answer::New);
    assert_eq!(Worker::new(&second.store, 3, "").poll(now + 2 * SECOND), "new b");
}

#[test]
fn a_failure_keeps_what_others_write_meanwhile() {
    let (mut first, second) = settled("");
    let now = START + 110 * SECOND;
    assert_eq!(first.poll(now), "fetch");
    let second = meanwhile(&first, ".record", second, move |second| {
        assert_eq!(second.poll(now + 2 * SECOND), "fetch");
        assert_eq!(second.answer(Ok("b"), now + 2 * SECOND), Answer::New);
    });
    let _ = first.answer(Err(Failure::TimedOut), now + 2 * SECOND);
    assert_eq!(first.poll(now + 2 * SECOND), "new b");
    assert_eq!((first.document.failures(), second.borrow().document.failures()), (0, 0));
}
