#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::Queue;
use crate::audit::Class::{self, Allow, Deny, Error, Shadow};

fn queue(max_events: usize, offered: &[(Class, &str)]) -> Queue {
    let mut queue = Queue::new(max_events, 100);
    for (class, json) in offered {
        queue.offer(*class, (*json).into());
    }
    queue
}

fn all(queue: &mut Queue) -> Vec<String> {
    std::iter::from_fn(|| queue.pop(usize::MAX)).map(|event| event.json.into_string()).collect()
}

fn dropped(queue: &mut Queue) -> [u64; 4] {
    let dropped = queue.take_dropped();
    Class::ALL.map(|class| *dropped.get(class))
}

#[test]
fn events_leave_in_order_of_arrival() {
    let mut queue = queue(9, &[(Deny, "1"), (Allow, "2"), (Error, "3"), (Deny, "4"), (Shadow, "5")]);
    assert_eq!((queue.len(), queue.bytes()), (5, 5));
    assert_eq!(all(&mut queue), ["1", "2", "3", "4", "5"]);
    assert!(queue.is_empty());
    assert_eq!(queue.bytes(), 0);
}

#[test]
fn the_lowest_and_oldest_go_first() {
    let mut queue = queue(4, &[(Shadow, "1"), (Allow, "2"), (Allow, "3"), (Deny, "4")]);
    queue.offer(Deny, "5".into());
    queue.offer(Error, "6".into());
    queue.offer(Error, "7".into());
    assert_eq!(dropped(&mut queue), [2, 1, 0, 0]);
    assert_eq!(all(&mut queue), ["4", "5", "6", "7"]);
}

#[test]
fn equals_do_not_push_each_other_out() {
    let mut queue = queue(2, &[(Deny, "1"), (Deny, "2"), (Deny, "3"), (Allow, "4")]);
    assert_eq!(dropped(&mut queue), [1, 0, 1, 0]);
    assert_eq!(all(&mut queue), ["1", "2"]);
}

#[test]
fn bytes_count_as_well() {
    let long = "x".repeat(60);
    let mut queue = queue(9, &[(Allow, &long), (Shadow, "2"), (Deny, &long)]);
    assert_eq!(dropped(&mut queue), [1, 0, 0, 0]);
    queue.offer(Deny, long.as_str().into());
    // Dropping what is lower would not make room for it, so what is lower stays.
    assert_eq!(dropped(&mut queue), [0, 0, 1, 0]);
    assert_eq!(queue.len(), 2);
    queue.offer(Error, "x".repeat(101).into());
    assert_eq!(dropped(&mut queue), [0, 0, 0, 1]);
    queue.offer(Error, "x".repeat(100).into());
    assert_eq!(dropped(&mut queue), [0, 1, 1, 0]);
    assert_eq!((queue.len(), queue.bytes()), (1, 100));
}

#[test]
fn what_comes_back_goes_to_its_place() {
    let mut queue = queue(4, &[(Deny, "1"), (Allow, "2"), (Deny, "3"), (Deny, "4")]);
    let first: Vec<_> = (0..3).filter_map(|_| queue.pop(9)).collect();
    for event in first.into_iter().rev() {
        queue.put_back(event);
    }
    assert_eq!(all(&mut queue), ["1", "2", "3", "4"]);
}

#[test]
fn what_comes_back_must_fit() {
    let mut queue = queue(2, &[(Allow, "1"), (Deny, "2"), (Deny, "3")]);
    let back = queue.pop(9).unwrap();
    assert_eq!(&*back.json, "2");
    queue.offer(Deny, "4".into());
    assert_eq!(dropped(&mut queue), [1, 0, 0, 0]);
    queue.put_back(back);
    assert_eq!(dropped(&mut queue), [0, 0, 1, 0]);
    assert_eq!(all(&mut queue), ["3", "4"]);
}

#[test]
fn what_is_too_big_is_not_popped() {
    let mut queue = queue(2, &[(Deny, "12"), (Deny, "3")]);
    assert!(queue.pop(1).is_none());
    assert_eq!(queue.len(), 2);
    assert!(queue.pop(2).is_some());
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::{super::Queue, Class};

    #[derive(Clone, Debug)]
    enum Step {
        Offer(Class, usize),
        Pop,
        PutBack,
    }

    fn step(sizes: impl Strategy<Value = usize>) -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (prop::sample::select(&Class::ALL[..]), sizes).prop_map(|(class, size)| Step::Offer(class, size)),
            1 => Just(Step::Pop),
            1 => Just(Step::PutBack),
        ]
    }

    /// Runs the steps and checks after each that the bounds hold and the books balance. `strict`: with events of one
    /// size, nothing is ever dropped while something lower is kept.
    fn run(steps: Vec<Step>, max_events: usize, max_bytes: usize, strict: bool) -> Result<(), TestCaseError> {
        let mut queue = Queue::new(max_events, max_bytes);
        let (mut offered, mut dropped, mut out) = (0_u64, 0_u64, Vec::new());
        for step in steps {
            match step {
                Step::Offer(class, size) => {
                    offered += 1;
                    queue.offer(class, "x".repeat(size).into());
                }
                Step::Pop => out.extend(queue.pop(usize::MAX)),
                Step::PutBack => {
                    if let Some(event) = out.pop() {
                        queue.put_back(event);
                    }
                }
            }
            let now_dropped = queue.take_dropped();
            dropped += now_dropped.total();
            let held = Class::ALL.map(|class| queue.lanes.get(class).events.len());
            prop_assert!(queue.len() <= max_events && queue.bytes() <= max_bytes);
            prop_assert_eq!(held.iter().sum::<usize>(), queue.len());
            for class in Class::ALL {
                let lane = queue.lanes.get(class);
                prop_assert_eq!(lane.events.iter().map(super::super::Event::bytes).sum::<usize>(), lane.bytes);
                prop_assert!(lane.events.iter().is_sorted_by_key(|event| event.arrival));
            }
            let highest_dropped = Class::ALL.into_iter().rposition(|class| *now_dropped.get(class) > 0);
            let lowest_kept = held.iter().position(|count| *count > 0);
            if strict && let (Some(dropped), Some(kept)) = (highest_dropped, lowest_kept) {
                prop_assert!(dropped <= kept, "dropped class {dropped}, kept class {kept}");
            }
            prop_assert_eq!(offered, dropped + queue.len() as u64 + out.len() as u64);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn bounds_hold_and_books_balance(
            steps in prop::collection::vec(step(0_usize..40), 0..200), max_events in 1_usize..12, max_bytes in 1_usize..100,
        ) {
            run(steps, max_events, max_bytes, false)?;
        }

        #[test]
        fn nothing_goes_while_something_lower_stays(
            steps in prop::collection::vec(step(Just(10)), 0..200), max_events in 1_usize..12, max_bytes in 10_usize..100,
        ) {
            run(steps, max_events, max_bytes, true)?;
        }

        #[test]
        fn a_newcomer_is_dropped_only_where_no_room_can_be_made(
            steps in prop::collection::vec((prop::sample::select(&Class::ALL[..]), 0_usize..40), 0..100),
            max_events in 1_usize..8, max_bytes in 1_usize..100,
        ) {
            let mut queue = Queue::new(max_events, max_bytes);
            for (class, size) in steps {
                let kept: Vec<_> = queue.lanes.iter().filter(|(other, _)| *other >= class).map(|(_, lane)| lane).collect();
                let fits = kept.iter().map(|lane| lane.events.len()).sum::<usize>() < max_events
                    && kept.iter().map(|lane| lane.bytes).sum::<usize>() + size <= max_bytes;
                let before = queue.len();
                queue.offer(class, "x".repeat(size).into());
                let dropped = queue.take_dropped();
                prop_assert_eq!(*dropped.get(class) == 0, fits);
                if !fits {
                    prop_assert_eq!((dropped.total(), queue.len()), (1, before));
                }
            }
        }
    }
}
