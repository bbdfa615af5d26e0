//! Waiting with a deadline, so that what hangs becomes a failure that says what hung.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything that should happen at once may take. Generous, because two cores may be
/// running many Envoys; a passing test never waits this long.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Awaits `work`, or panics with `what` after [`DEADLINE`].
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| panic!("{what}: not done after {DEADLINE:?}"))
}

/// Polls `probe` until it gives a value; `None` after `limit`.
///
/// For conditions outside this process (a file, a statistic, a process's end) that cannot notify.
/// The interval grows from 2 ms to 50 ms, so short waits stay short.
pub async fn until<T, F: Future<Output = Option<T>>>(limit: Duration, mut probe: impl FnMut() -> F) -> Option<T> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(value) = probe().await {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
