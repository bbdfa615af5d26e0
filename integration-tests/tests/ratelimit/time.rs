//! What the tests share: the time, and windows that do not end while a test runs.

use std::time::SystemTime;

/// Nanoseconds since 1970.
pub(crate) fn nanos() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    now.as_nanos().try_into().expect("before 2554")
}

/// A length of about a day, in seconds, of which none of the windows since 1970 ends within the next ten minutes. So a
/// test need not wait for a border, and none comes between.
pub(crate) fn window_far_from_its_end() -> u64 {
    let now = nanos() / 1_000_000_000;
    let is_far = |window: &u64| window - now % window > 600;
    (0..80).map(|n| 86_400 - 1000 * n).find(is_far).expect("one of the first")
}
