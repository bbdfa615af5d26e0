//! Any numbers at all.

use num_bigint::BigInt;
use proptest::prelude::*;

use super::{Algorithm, Answer, Limit, NANOS, State};
use crate::quota::Factor;

fn edgy_u32() -> impl Strategy<Value = u32> {
    prop_oneof![0..20_u32, any::<u32>(), u32::MAX - 20..=u32::MAX]
}

fn edgy_u64() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, any::<u64>(), u64::MAX - 20..=u64::MAX, 4_294_967_290 * NANOS..4_294_967_300 * NANOS]
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(Algorithm::ALL.as_slice())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5_000) })]

    #[test]
    fn nothing_overflows(
        algorithm in algorithms(),
        (quota, window_s, burst) in (edgy_u32(), edgy_u32(), proptest::option::of(edgy_u32())),
        factor in 0.0..=Factor::MAX,
        (time, first, second) in (edgy_u64(), edgy_u32(), edgy_u32()),
        asks in prop::collection::vec((edgy_u32(), edgy_u64()), 1..8),
    ) {
        let limit = Limit::new(algorithm, quota, window_s, burst);
        let other = limit.scale(Factor::new(factor).unwrap());
        let mut state = State { time, first, second };
        for (cost, now) in asks {
            let peeked = limit.peek(&state, cost, now);
            let verdict = limit.take(&mut state, cost, now);
            prop_assert_eq!(peeked.answer, verdict.answer);
            prop_assert_eq!(peeked.retry_ns, verdict.retry_ns);
            prop_assert!(verdict.remaining <= limit.capacity());
            prop_assert_eq!(verdict.retry_ns.is_none(), cost > limit.capacity());
            let taken = state;
            let _ = other.take(&mut state, cost, now);
            other.take_anyway(&mut state, cost, now);
            state = limit.give_back(state, taken, cost);
            let owner = limit.owner(state);
            prop_assert!(owner.capacity() >= 1);
            let _ = (owner.wait(state, cost, now), owner.used(state, now), owner.is_idle(state, now), owner.heal(state, now));
        }
    }

    /// A sum of takes at one time, in numbers without end.
    #[test]
    fn large_numbers_are_exact(
        (quota, window_s, burst) in (1..=u32::MAX, 1..=u32::MAX, 1..=u32::MAX),
        costs in prop::collection::vec(1..=u32::MAX, 1..8),
        now in 0..4_294_967_295 * NANOS,
    ) {
        let limit = Limit::new(Algorithm::Gcra, quota, window_s, Some(burst));
        let window = BigInt::from(window_s) * NANOS;
        let ceil = |cost: &BigInt| (cost * &window + quota - 1_u32) / quota;
        let mut state = State::default();
        let mut used = BigInt::ZERO;
        for cost in costs {
            let cost = cost % limit.capacity() / 3 + 1;
            let verdict = limit.take(&mut state, cost, now);
            let passes = &used + cost <= limit.capacity().into();
            prop_assert_eq!(verdict.answer == Answer::Passes, passes);
            if passes {
                used += cost;
            }
            let over: BigInt = &used + cost - limit.capacity();
            let wait = if passes { BigInt::ZERO } else { ceil(&over) };
            prop_assert_eq!(verdict.retry_ns.map(BigInt::from), Some(wait));
            prop_assert_eq!(BigInt::from(verdict.reset_ns), ceil(&used));
            prop_assert_eq!(BigInt::from(verdict.remaining), limit.capacity() - &used);
        }
    }
}
