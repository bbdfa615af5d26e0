use std::rc::Rc;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Statistics, TokenCache, equal};

#[cfg(not(target_arch = "wasm32"))]
mod properties;

const KEY: [u64; 2] = [1, 2];
const NEVER: u64 = u64::MAX;

/// A token of 100 bytes.
fn token(number: usize) -> Vec<u8> {
    format!("{number:0100}").into_bytes()
}

/// What an entry of such a token counts, without its value.
const BYTES: usize = 228;

fn cache(max_entries: usize, max_bytes: usize) -> TokenCache<usize> {
    TokenCache::new(KEY, max_entries, max_bytes)
}

/// Which of the first tokens are held.
fn held(cache: &mut TokenCache<usize>, numbers: usize) -> Vec<usize> {
    (0..numbers).filter(|number| cache.get(0, &token(*number), 0).is_some()).collect()
}

#[test]
fn what_was_put_in_is_found() {
    let mut cache = cache(10, 10_000);
    let value = Rc::new(7);
    cache.insert(3, &token(1), Rc::clone(&value), 50, NEVER, 0);
    assert!(Rc::ptr_eq(&cache.get(3, &token(1), 0).unwrap(), &value));
    assert_eq!(cache.get(3, &token(2), 0), None);
    assert_eq!(cache.statistics(), Statistics { entries: 1, bytes: BYTES + 50, evictions: 0 });
}

#[test]
fn a_token_is_of_one_provider() {
    let mut cache = cache(10, 10_000);
    cache.insert(1, &token(1), Rc::new(1), 0, NEVER, 0);
    assert_eq!(cache.get(2, &token(1), 0), None);
    cache.insert(2, &token(1), Rc::new(2), 0, NEVER, 0);
    assert_eq!(cache.get(1, &token(1), 0).as_deref(), Some(&1));
    assert_eq!(cache.get(2, &token(1), 0).as_deref(), Some(&2));
}

#[test]
fn a_token_is_compared_in_full() {
    let mut cache = cache(1000, 1_000_000);
    let good = token(1);
    cache.insert(0, &good, Rc::new(1), 0, NEVER, 0);
    for at in 0..good.len() {
        let mut other = good.clone();
        other[at] ^= 1;
        assert_eq!(cache.get(0, &other, 0), None, "byte {at}");
        assert_eq!(cache.get(0, &good[at + 1..], 0), None);
        assert_eq!(cache.get(0, &good[..at], 0), None);
    }
    assert_eq!(cache.get(0, &[b"0", good.as_slice()].concat(), 0), None);
    assert_eq!(cache.get(0, &good, 0).as_deref(), Some(&1));
}

#[test]
fn of_two_tokens_with_one_hash_the_newer_is_kept() {
    let (one, other) = ([&[b'a'][..], &[b'x'; 40]].concat(), [&[b'b'][..], &[b'x'; 40]].concat());
    let mut cache = cache(10, 10_000);
    cache.insert(0, &one, Rc::new(1), 0, NEVER, 0);
    cache.insert(0, &other, Rc::new(2), 0, NEVER, 0);
    assert_eq!(cache.get(0, &one, 0), None);
    assert_eq!(cache.get(0, &other, 0).as_deref(), Some(&2));
    assert_eq!(cache.statistics().entries, 1);
}

#[test]
fn a_short_text_is_a_token_as_well() {
    let mut cache = cache(10, 10_000);
    cache.insert(0, b"", Rc::new(0), 0, NEVER, 0);
    cache.insert(0, b"a", Rc::new(1), 0, NEVER, 0);
    assert_eq!(cache.get(0, b"", 0).as_deref(), Some(&0));
    assert_eq!(cache.get(0, b"a", 0).as_deref(), Some(&1));
}

#[test]
fn an_entry_is_not_found_at_its_end() {
    let mut cache = cache(10, 10_000);
    cache.insert(0, &token(1), Rc::new(1), 0, 100, 0);
    assert!(cache.get(0, &token(1), 99).is_some());
    assert_eq!(cache.get(0, &token(1), 100), None);
    assert_eq!(cache.statistics(), Statistics::default(), "an end is no eviction");
    assert_eq!(cache.get(0, &token(1), 99), None);
    cache.insert(0, &token(1), Rc::new(1), 0, 100, 100);
    assert_eq!(cache.statistics(), Statistics::default());
}

#[test]
fn a_later_entry_takes_the_place_of_an_earlier_one() {
    let mut cache = cache(1, 10_000);
    cache.insert(0, &token(1), Rc::new(1), 10, 100, 0);
    cache.insert(0, &token(1), Rc::new(2), 20, 200, 0);
    assert_eq!(cache.get(0, &token(1), 150).as_deref(), Some(&2));
    assert_eq!(cache.statistics(), Statistics { entries: 1, bytes: BYTES + 20, evictions: 0 });
}

#[test]
fn what_is_asked_for_outlives_a_flood() {
    let mut cache = cache(100, 1_000_000);
    for number in 0..10 {
        cache.insert(0, &token(number), Rc::new(number), 0, NEVER, 0);
    }
    for number in 1000..2000 {
        cache.insert(0, &token(number), Rc::new(number), 0, NEVER, 0);
        assert_eq!(held(&mut cache, 10).len(), 10);
    }
    assert_eq!(cache.statistics(), Statistics { entries: 100, bytes: 100 * BYTES, evictions: 910 });
}

#[test]
fn what_is_no_longer_asked_for_goes() {
    let mut cache = cache(2, 10_000);
    cache.insert(0, &token(0), Rc::new(0), 0, NEVER, 0);
    cache.insert(0, &token(1), Rc::new(1), 0, NEVER, 0);
    assert_eq!(held(&mut cache, 2), [0, 1]);
    for number in 2..6 {
        cache.insert(0, &token(number), Rc::new(number), 0, NEVER, 0);
    }
    assert_eq!(held(&mut cache, 5), [4]);
}

#[test]
fn what_has_ended_goes_before_what_has_not() {
    let mut cache = cache(2, 10_000);
    cache.insert(0, &token(0), Rc::new(0), 0, NEVER, 0);
    cache.insert(0, &token(1), Rc::new(1), 0, 10, 0);
    assert_eq!(held(&mut cache, 2), [0, 1]);
    cache.insert(0, &token(2), Rc::new(2), 0, NEVER, 10);
    assert_eq!(held(&mut cache, 3), [0, 2]);
    assert_eq!(cache.statistics().evictions, 0);
}

#[test]
fn the_sum_of_bytes_has_a_limit() {
    let mut cache = cache(100, 3 * BYTES);
    for number in 0..3 {
        cache.insert(0, &token(number), Rc::new(number), 0, NEVER, 0);
    }
    cache.insert(0, &token(3), Rc::new(3), BYTES, NEVER, 0);
    assert_eq!(held(&mut cache, 4), [2, 3], "two had to go for one of double the size");
    cache.insert(0, &token(4), Rc::new(4), 2 * BYTES + 1, NEVER, 0);
    assert_eq!(held(&mut cache, 5), [2, 3], "none has to go for what never fits");
    cache.insert(0, &token(5), Rc::new(5), usize::MAX, NEVER, 0);
    assert_eq!(cache.statistics(), Statistics { entries: 2, bytes: 3 * BYTES, evictions: 2 });
}

#[test]
fn a_cache_of_no_size_holds_nothing() {
    for (max_entries, max_bytes) in [(0, 10_000), (10, 0)] {
        let mut cache = cache(max_entries, max_bytes);
        cache.insert(0, &token(1), Rc::new(1), 0, NEVER, 0);
        assert_eq!(cache.statistics(), Statistics::default());
    }
}

#[test]
fn entries_are_dropped_by_what_they_say() {
    let mut cache = cache(10, 10_000);
    for number in 0..6 {
        cache.insert(u16::from(number > 3), &token(number), Rc::new(number), 0, NEVER, 0);
    }
    cache.retain(|provider, number| provider == 1 || number % 2 == 0);
    assert_eq!(held(&mut cache, 6), [0, 2]);
    assert_eq!(cache.statistics(), Statistics { entries: 4, bytes: 4 * BYTES, evictions: 0 });
    // Their places are used again.
    for number in 10..16 {
        cache.insert(0, &token(number), Rc::new(number), 0, NEVER, 0);
    }
    assert_eq!(cache.slots.len(), 10);
    cache.clear();
    assert_eq!(cache.statistics(), Statistics::default());
    assert_eq!(held(&mut cache, 20), [0; 0]);
}

#[test]
fn the_key_decides_the_hash() {
    let hash = |key| TokenCache::<()>::new(key, 1, 1).hash(0, b"token");
    assert_eq!(hash([1, 2]), hash([1, 2]));
    assert_ne!(hash([1, 2]), hash([1, 3]));
    assert_ne!(hash([1, 2]), hash([2, 2]));
}

#[test]
fn equality_looks_at_each_byte() {
    for length in 0..40 {
        let one = vec![b'a'; length];
        assert!(equal(&one, &one.clone()));
        assert!(!equal(&one, &vec![b'a'; length + 1]));
        for at in 0..length {
            let mut other = one.clone();
            other[at] = b'b';
            assert!(!equal(&one, &other));
        }
    }
}
