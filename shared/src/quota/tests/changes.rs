//! Limits that change while they are used.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Algorithm, Limit, NANOS, Oracle, Random, START, State, check, windows::Events};

/// GCRA as a bucket that leaks: what is in it, in parts of a nanosecond that all quotas divide.
struct Bucket {
    level: i128,
    at: u64,
    limit: Limit,
    unit: i128,
}

impl Bucket {
    /// Rounded up to the parts that the quota has.
    fn level(&self, at: u64) -> i128 {
        let level = (self.level - i128::from(at - self.at) * self.unit).max(0);
        let part = self.unit / i128::from(self.limit.quota());
        (level + part - 1) / part * part
    }

    fn price(&self, cost: u64) -> i128 {
        let window = i128::from(self.limit.window_s()) * i128::from(NANOS) * self.unit;
        assert_eq!(window % i128::from(self.limit.quota()), 0);
        window / i128::from(self.limit.quota()) * i128::from(cost)
    }
}

impl Oracle for Bucket {
    fn passes(&self, cost: u64, at: u64) -> bool {
        self.level(at) + self.price(cost) <= self.price(self.limit.capacity().into())
    }

    fn add(&mut self, cost: u64, at: u64) {
        self.level = self.level(at) + self.price(cost);
        self.at = at;
    }

    fn is_empty(&self, at: u64) -> bool {
        self.level(at) == 0
    }
}

#[test]
fn a_changed_gcra_keeps_the_time_that_was_used() {
    let quotas = [7, 9, 10, 11, 13, 64];
    let unit = quotas.iter().map(|quota| i128::from(*quota)).product();
    let mut random = Random(11);
    let mut admitted = 0;
    let limit = Limit::new(Algorithm::Gcra, 7, 10, None);
    let mut clients: Vec<_> =
        (0..50).map(|_| (State::default(), Bucket { level: 0, at: START, limit, unit })).collect();
    let mut now = START;
    for _ in 0..100_000 {
        now += random.below(40_000_000);
        let key = usize::try_from(random.below(50)).unwrap();
        let (state, oracle) = &mut clients[key];
        if random.below(20) == 0 {
            let quota = random.pick(&quotas);
            oracle.limit = Limit::new(Algorithm::Gcra, quota, 10, None);
        }
        let limit = oracle.limit;
        let cost = u32::try_from(random.below(4)).unwrap();
        let passes = oracle.passes(cost.into(), now);
        let verdict = limit.take(state, cost, now);
        // What takes nothing changes nothing, so rounds nothing.
        if passes && cost > 0 {
            oracle.add(cost.into(), now);
            admitted += 1;
        }
        check(verdict, passes, oracle, cost, now, limit.capacity());
    }
    assert!((10_000..90_000).contains(&admitted), "{admitted}");
}

#[test]
fn a_changed_window_keeps_its_counts() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let mut random = Random(12);
        let mut admitted = 0;
        let limit = Limit::new(algorithm, 7, 10, None);
        let mut clients = vec![(State::default(), Events::new(&limit), limit); 50];
        let mut now = START;
        for _ in 0..100_000 {
            now += random.below(40_000_000);
            let key = usize::try_from(random.below(50)).unwrap();
            let (state, oracle, limit) = &mut clients[key];
            if random.below(20) == 0 {
                let quota = random.pick(&[3, 7, 9, 10, 30]);
                *limit = Limit::new(algorithm, quota, 10, None);
                oracle.quota = quota.into();
            }
            let cost = u32::try_from(random.below(4)).unwrap();
            let passes = cost <= limit.capacity() && (cost == 0 || oracle.passes(cost.into(), now));
            let verdict = limit.take(state, cost, now);
            // Nothing more passes, not even nothing, when the quota has fallen below what was used.
            if cost > 0 {
                assert_eq!(verdict.answer.passes(), passes);
                if passes {
                    oracle.add(cost.into(), now);
                }
                admitted += usize::from(passes);
            }
            if oracle.passes(0, now) {
                assert!(oracle.passes(verdict.remaining.into(), now));
                assert!(!oracle.passes(u64::from(verdict.remaining) + 1, now));
            } else {
                assert_eq!(verdict.remaining, 0);
            }
        }
        assert!((10_000..90_000).contains(&admitted), "{admitted}");
    }
}

#[test]
fn a_longer_window_keeps_what_the_shorter_one_counted() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let start = START / (60 * NANOS) * (60 * NANOS);
        let short = Limit::new(algorithm, 10, 10, None);
        let long = Limit::new(algorithm, 10, 60, None);
        let mut state = State::default();
        for _ in 0..10 {
            assert!(short.take(&mut state, 1, start + 15 * NANOS).answer.passes());
        }
        assert_eq!(long.peek(&state, 1, start + 59 * NANOS).remaining, 0);
        assert_eq!(short.peek(&state, 1, start + 30 * NANOS).remaining, 10);
    }
}

#[test]
fn a_lowered_burst_is_full_and_no_fuller() {
    let mut state = State::default();
    let high = Limit::new(Algorithm::Gcra, 10, 10, Some(1000));
    assert!(high.take(&mut state, 1000, START).answer.passes());
    let low = Limit::new(Algorithm::Gcra, 10, 10, Some(5));
    assert_eq!(low.take(&mut state, 1, START).retry_ns, Some(NANOS));
    assert!(low.take(&mut state, 1, START + NANOS).answer.passes());
}
