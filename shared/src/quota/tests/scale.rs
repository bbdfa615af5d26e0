#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Algorithm, Answer, Limit, NANOS, START, State};
use crate::quota::Factor;

#[test]
fn quotas_scale_as_decimals_do() {
    for (quota, burst, factor, scaled, scaled_burst) in [
        (100, 20, 0.1, 10, 2),
        (100, 20, 0.29, 29, 5),
        (100, 20, 0.0, 1, 1),
        (100, 20, 0.001, 1, 1),
        (100, 20, 2.5, 250, 50),
        (3, 3, 0.5, 1, 1),
        (10, 100, 0.01, 1, 10),
        (1_000_000, 1, 1_000_000.0, u32::MAX, 4294),
        (u32::MAX, u32::MAX, 1.0, u32::MAX, u32::MAX),
        (u32::MAX, u32::MAX, 1_000_000.0, u32::MAX, u32::MAX),
    ] {
        let factor = Factor::new(factor).unwrap();
        let limit = Limit::new(Algorithm::Gcra, quota, 60, Some(burst)).scale(factor);
        assert_eq!((limit.quota(), limit.capacity()), (scaled, scaled_burst), "{quota} {burst} {factor:?}");
        // What is scaled again is the whole.
        assert_eq!(limit.scale(Factor::ONE), Limit::new(Algorithm::Gcra, quota, 60, Some(burst)));
        let limit = Limit::new(Algorithm::FixedWindow, quota, 60, Some(burst)).scale(factor);
        assert_eq!((limit.quota(), limit.capacity()), (scaled, scaled));
    }
    for bad in [-0.1, f64::NAN, f64::INFINITY, Factor::MAX * 1.01] {
        assert_eq!(Factor::new(bad), None);
    }
}

#[test]
fn odd_limits_are_mended() {
    let limit = Limit::new(Algorithm::Gcra, 0, 0, Some(0));
    assert_eq!((limit.quota(), limit.window_s(), limit.capacity()), (1, 1, 1));
    // 136 years are 4294967295 seconds.
    assert_eq!(Limit::new(Algorithm::Gcra, 1, 1000, Some(u32::MAX)).capacity(), 4_294_967);
    assert_eq!(Limit::new(Algorithm::Gcra, 1, u32::MAX, Some(2)).capacity(), 1);
}

#[test]
fn a_state_tells_whose_it_is() {
    for algorithm in Algorithm::ALL {
        let whole = Limit::new(algorithm, 100, 60, Some(20));
        let tenth = whole.scale(Factor::new(0.1).unwrap());
        let mut state = State::default();
        assert_eq!(whole.owner(state), whole);
        assert!(whole.is_idle(state, START));
        let _ = tenth.take(&mut state, 1, START);
        assert_eq!(whole.owner(state), tenth);
        assert_eq!(tenth.owner(state), tenth);
        assert!(!whole.is_idle(state, START));
        assert_eq!(tenth.wait(state, 1, START), 0);
        while tenth.take(&mut state, 1, START).answer == Answer::Passes {}
        assert!(tenth.wait(state, 1, START) > 0);
        // A full use is more than a part of another's.
        let mut other = State::default();
        let _ = whole.take(&mut other, 3, START);
        assert!(tenth.used(state, START) > whole.used(other, START));
        assert!(whole.used(other, START) > 0);
        assert!(whole.is_idle(state, START + 120 * NANOS));
        assert_eq!(State::from_bytes(state.to_bytes()), state);
    }
    let state = State { time: 0x0807_0605_0403_0201, first: 0x0c0b_0a09, second: 0x100f_0e0d };
    assert_eq!(state.to_bytes(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
}
