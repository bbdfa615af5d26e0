//! GCRA against the definition of what conforms to a rate and a burst: in no stretch of time, from one request to
//! another, does more pass than the burst and what flows back meanwhile.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Algorithm, Answer, Limit, NANOS, Oracle, START, State, Verdict, run};

/// All requests that passed since nothing counted.
#[derive(Clone)]
pub(super) struct Curve {
    quota: i128,
    window: i128,
    burst: i128,
    passed: Vec<(i128, i128)>,
}

impl Curve {
    pub(super) fn new(limit: &Limit) -> Self {
        let window = i128::from(limit.window_s()) * i128::from(NANOS);
        Self { quota: limit.quota().into(), window, burst: limit.capacity().into(), passed: Vec::new() }
    }

    /// Whether in each stretch up to `at` there is room for `cost`, with a burst of `burst`.
    fn conforms(&self, cost: i128, burst: i128, at: u64) -> bool {
        let mut sum = cost;
        (sum <= burst)
            && self.passed.iter().rev().all(|(time, passed)| {
                sum += passed;
                (sum - burst) * self.window <= (i128::from(at) - time) * self.quota
            })
    }
}

impl Oracle for Curve {
    fn passes(&self, cost: u64, at: u64) -> bool {
        self.conforms(cost.into(), self.burst, at)
    }

    fn add(&mut self, cost: u64, at: u64) {
        if self.is_empty(at) {
            self.passed.clear();
        }
        self.passed.push((at.into(), cost.into()));
    }

    fn is_empty(&self, at: u64) -> bool {
        self.conforms(0, 0, at)
    }
}

#[test]
fn matches_the_definition() {
    for (quota, window_s, burst, keys, decisions) in [
        (100, 60, Some(20), 200, 40_000),
        (7, 1, None, 500, 20_000),
        (1, 3600, None, 1000, 10_000),
        (5, 300, Some(1), 300, 10_000),
        (999_983, 86_400, Some(13), 100, 10_000),
        (3, 1_000_003, Some(40), 300, 10_000),
    ] {
        let limit = Limit::new(Algorithm::Gcra, quota, window_s, burst);
        let (passed, refused) = run(&limit, &Curve::new(&limit), keys, decisions, 0x9e37_79b9 ^ u64::from(quota));
        assert!(passed > decisions / 10 && refused > decisions / 50, "{limit:?}: {passed} {refused}");
    }
}

#[test]
fn does_not_drift() {
    // A third of a second has no end in decimals: a million of them are exactly so long.
    let limit = Limit::new(Algorithm::Gcra, 3, 1, Some(1_000_000));
    let mut state = State::default();
    for taken in 1..=1_000_000_u64 {
        let verdict = limit.take(&mut state, 1, START);
        assert_eq!(verdict.answer, Answer::Passes);
        assert_eq!(verdict.reset_ns, (taken * NANOS).div_ceil(3));
    }
    let refused = Verdict {
        answer: Answer::Limited,
        remaining: 0,
        reset_ns: (1_000_000 * NANOS).div_ceil(3),
        retry_ns: Some(NANOS.div_ceil(3)),
    };
    assert_eq!(limit.take(&mut state, 1, START), refused);
    assert_eq!(limit.peek(&state, 3, START + NANOS - 1).answer, Answer::Limited);
    assert_eq!(limit.peek(&state, 3, START + NANOS).answer, Answer::Passes);
}

#[test]
fn what_happened_already_counts_up_to_the_burst() {
    let limit = Limit::new(Algorithm::Gcra, 10, 10, Some(3));
    let mut state = State::default();
    for reset in [2, 3, 3, 3] {
        limit.take_anyway(&mut state, 2, START);
        assert_eq!(limit.peek(&state, 0, START).reset_ns, reset * NANOS);
    }
    limit.take_anyway(&mut state, u32::MAX, START + NANOS / 2);
    assert_eq!(limit.peek(&state, 1, START + NANOS / 2).retry_ns, Some(NANOS));
    // A clock that is behind takes nothing away.
    let before = state;
    limit.take_anyway(&mut state, 1, START);
    assert_eq!(state, before);
}

#[test]
fn what_is_given_back_was_never_taken() {
    let limit = Limit::new(Algorithm::Gcra, 7, 10, None);
    let mut without = State::default();
    let _ = limit.take(&mut without, 2, START);
    let mut with = without;
    let _ = limit.take(&mut with, 3, START + 1);
    let taken = with;
    let _ = limit.take(&mut with, 1, START + 2);
    let _ = limit.take(&mut without, 1, START + 2);
    assert_ne!(with, without);
    assert_eq!(limit.give_back(with, taken, 3), without);
    assert!(limit.is_idle(limit.give_back(State::default(), taken, 3), START));
}
