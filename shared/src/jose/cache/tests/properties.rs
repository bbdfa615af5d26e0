#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use std::{collections::BTreeMap, rc::Rc};

use proptest::{collection::vec, prelude::*};

use super::{BYTES, TokenCache, token};

#[derive(Clone, Debug)]
enum Step {
    Insert { provider: u16, token: usize, value_bytes: usize, lifetime: u64 },
    Get { provider: u16, token: usize },
    Wait { time: u64 },
    DropOdd,
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..2_u16, 0..12_usize, 0..600_usize, 0..60_u64)
            .prop_map(|(provider, token, value_bytes, lifetime)| Step::Insert { provider, token, value_bytes, lifetime }),
        8 => (0..2_u16, 0..12_usize).prop_map(|(provider, token)| Step::Get { provider, token }),
        3 => (0..20_u64).prop_map(|time| Step::Wait { time }),
        1 => Just(Step::DropOdd),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    /// The model never evicts; so the cache holds a part of it, and all of it while there is room.
    #[test]
    fn a_cache_is_a_bounded_map(max_entries in 0..12_usize, max_bytes in 0..4000_usize, steps in vec(step(), 0..80)) {
        let mut cache = TokenCache::new([3, 4], max_entries, max_bytes);
        let mut model = BTreeMap::new();
        let mut now = 0;
        let mut inserts = 0;
        for step in steps {
            match step {
                Step::Insert { provider, token: number, value_bytes, lifetime } => {
                    inserts += 1;
                    let bytes = BYTES + value_bytes;
                    cache.insert(provider, &token(number), Rc::new(inserts), value_bytes, now + lifetime, now);
                    if bytes <= max_bytes && max_entries > 0 && lifetime > 0 {
                        model.insert((provider, number), (inserts, now + lifetime));
                        let held = cache.get(provider, &token(number), now);
                        prop_assert_eq!(held.as_deref(), Some(&inserts));
                    }
                }
                Step::Get { provider, token: number } => {
                    let found = cache.get(provider, &token(number), now);
                    let known = model.get(&(provider, number)).filter(|(_, until)| now < *until).map(|(value, _)| *value);
                    let evicted = cache.statistics().evictions > 0;
                    match found.as_deref() {
                        Some(value) => prop_assert_eq!(Some(*value), known),
                        None => prop_assert!(known.is_none() || evicted),
                    }
                }
                Step::Wait { time } => now += time,
                Step::DropOdd => {
                    cache.retain(|_, value| value % 2 == 0);
                    model.retain(|_, (value, _)| *value % 2 == 0);
                }
                Step::Clear => {
                    cache.clear();
                    model.clear();
                }
            }
            let statistics = cache.statistics();
            prop_assert!(statistics.entries <= max_entries && statistics.bytes <= max_bytes);
            prop_assert!(cache.slots.len() <= max_entries);
            prop_assert_eq!(statistics.entries, cache.slots.iter().flatten().count());
            prop_assert_eq!(statistics.bytes, cache.slots.iter().flatten().map(|entry| entry.bytes).sum::<usize>());
            prop_assert_eq!(cache.slots.len(), statistics.entries + cache.free.len());
        }
    }
}
