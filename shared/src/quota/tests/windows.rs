//! Windows against a list of all that passed.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Algorithm, Answer, Limit, NANOS, Oracle, START, State, run};

#[derive(Clone)]
pub(super) struct Events {
    pub(super) quota: i128,
    window: i128,
    slides: bool,
    passed: Vec<(u64, u64)>,
}

impl Events {
    pub(super) fn new(limit: &Limit) -> Self {
        let window = i128::from(limit.window_s()) * i128::from(NANOS);
        let slides = limit.algorithm() == Algorithm::SlidingWindow;
        Self { quota: limit.quota().into(), window, slides, passed: Vec::new() }
    }

    fn count(&self, window: i128) -> i128 {
        self.passed
            .iter()
            .filter(|(time, _)| i128::from(*time) / self.window == window)
            .map(|(_, cost)| i128::from(*cost))
            .sum()
    }

    /// What counts, times the window.
    fn used(&self, at: u64) -> i128 {
        let at = i128::from(at);
        let current = self.count(at / self.window) * self.window;
        let before = self.count(at / self.window - 1) * (self.window - at % self.window);
        if self.slides { current + before } else { current }
    }
}

impl Oracle for Events {
    fn passes(&self, cost: u64, at: u64) -> bool {
        self.used(at) + i128::from(cost) * self.window <= self.quota * self.window
    }

    fn add(&mut self, cost: u64, at: u64) {
        self.passed.retain(|(time, _)| i128::from(at - time) < 2 * self.window);
        self.passed.push((at, cost));
    }

    fn is_empty(&self, at: u64) -> bool {
        self.used(at) == 0
    }
}

#[test]
fn match_the_definition() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        for (quota, window_s, keys, decisions) in
            [(20, 60, 200, 60_000), (7, 1, 500, 20_000), (1, 3600, 1000, 10_000), (97, 86_400, 100, 10_000)]
        {
            let limit = Limit::new(algorithm, quota, window_s, None);
            let (passed, refused) = run(&limit, &Events::new(&limit), keys, decisions, 0x51_7cc1 ^ u64::from(quota));
            assert!(passed > decisions / 10 && refused > decisions / 50, "{limit:?}: {passed} {refused}");
        }
    }
}

/// The start of a window of ten seconds.
const ALIGNED: u64 = START / (10 * NANOS) * (10 * NANOS);

#[test]
fn what_happened_already_counts_up_to_the_quota() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let limit = Limit::new(algorithm, 3, 10, None);
        let mut state = State::default();
        for remaining in [1, 0, 0] {
            limit.take_anyway(&mut state, 2, ALIGNED + NANOS);
            assert_eq!(limit.peek(&state, 0, ALIGNED + NANOS).remaining, remaining);
        }
        let next = limit.peek(&state, 1, ALIGNED + 10 * NANOS);
        assert_eq!(next.answer.passes(), algorithm == Algorithm::FixedWindow);
        limit.take_anyway(&mut state, u32::MAX, ALIGNED + 10 * NANOS);
        assert_eq!(limit.peek(&state, 3, ALIGNED + 10 * NANOS).answer, Answer::Limited);
        // Two windows at most, whatever was counted.
        assert_eq!(limit.peek(&state, 3, ALIGNED + 30 * NANOS).answer, Answer::Passes);
    }
}

#[test]
fn what_is_given_back_was_never_taken() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let limit = Limit::new(algorithm, 7, 10, None);
        // Within the window, in the next, and later.
        for later in [1, 10, 20, 30] {
            let mut without = State::default();
            let _ = limit.take(&mut without, 2, ALIGNED);
            let mut with = without;
            let _ = limit.take(&mut with, 3, ALIGNED + 1);
            let taken = with;
            let _ = limit.take(&mut with, 1, ALIGNED + later * NANOS);
            let _ = limit.take(&mut without, 1, ALIGNED + later * NANOS);
            assert_eq!(limit.give_back(with, taken, 3), without, "{algorithm:?} {later}");
        }
    }
}
