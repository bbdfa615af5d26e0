//! Clocks of workers that differ, and one that is set back.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Algorithm, Answer, Limit, NANOS, Random, START, State};

#[test]
fn a_clock_behind_others_gains_nothing() {
    for algorithm in Algorithm::ALL {
        let limit = Limit::new(algorithm, 10, 10, None);
        let mut random = Random(7);
        let (mut ahead, mut jittered) = (State::default(), State::default());
        let (mut now, mut in_order, mut passed) = (START, 0, 0);
        for _ in 0..20_000 {
            now += random.below(NANOS);
            let behind = now - random.below(20_000);
            in_order += u32::from(limit.take(&mut ahead, 1, now).answer.passes());
            passed += u32::from(limit.take(&mut jittered, 1, behind).answer.passes());
        }
        // Who is behind by some microseconds is refused where the other just passes; not the other way round.
        assert!(passed <= in_order && passed + 20 > in_order, "{algorithm:?} {passed} {in_order}");
    }
}

#[test]
fn a_clock_that_goes_back_a_little_gives_nothing_back() {
    for algorithm in Algorithm::ALL {
        let limit = Limit::new(algorithm, 10, 10, None);
        let mut state = State::default();
        while limit.take(&mut state, 1, START).answer.passes() {}
        let retry = limit.peek(&state, 1, START).retry_ns.unwrap();
        for back in [1, NANOS, 9 * NANOS] {
            let verdict = limit.take(&mut state, 1, START - back);
            assert_eq!((verdict.answer, verdict.remaining), (Answer::Limited, 0), "{algorithm:?} {back}");
            // It was limited until then, and still is.
            let until = START - back + verdict.retry_ns.unwrap();
            assert_eq!(until, START + retry, "{algorithm:?} {back}");
        }
    }
}

#[test]
fn a_clock_that_goes_back_far_limits_for_no_longer_than_the_limit_would() {
    for algorithm in Algorithm::ALL {
        let limit = Limit::new(algorithm, 10, 10, None);
        let mut state = State::default();
        while limit.take(&mut state, 1, START).answer.passes() {}
        let now = START - 1_000_000 * NANOS;
        assert_eq!(limit.heal(state, START), None);
        assert!(limit.heal(state, now).is_some());
        let verdict = limit.take(&mut state, 1, now);
        assert_eq!((verdict.answer, verdict.remaining), (Answer::Limited, 0), "{algorithm:?}");
        assert!(verdict.retry_ns.unwrap() <= 20 * NANOS);
        // The refusal was kept with the time as it is now.
        assert_eq!(limit.heal(state, now), None);
        assert_eq!(limit.take(&mut state, 1, now + verdict.retry_ns.unwrap()).answer, Answer::Passes, "{algorithm:?}");
    }
}
