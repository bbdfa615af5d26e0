//! Requests without end, while a test changes the world around them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{Client, Request};
use crate::wait::{DEADLINE, within};

/// How requests were answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many, by the request's kind and the status.
    pub answers: BTreeMap<(&'static str, u16), usize>,
    /// Kind and reason of the requests that got no answer: those that hang until the client's deadline are among them.
    pub failures: Vec<(&'static str, String)>,
}

impl Tally {
    /// How many requests of this kind were answered with this status.
    pub fn count(&self, kind: &'static str, status: u16) -> usize {
        self.answers.get(&(kind, status)).copied().unwrap_or_default()
    }

    /// How many requests have ended, answered or not.
    pub fn total(&self) -> usize {
        self.answers.values().sum::<usize>() + self.failures.len()
    }
}

/// Clients that send one request after another until they are told to stop, or this is dropped.
pub struct Traffic {
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
    tally: Arc<watch::Sender<Tally>>,
    times: Arc<Mutex<Vec<Duration>>>,
}

impl Traffic {
    /// Starts `clients` clients. `make` gives each request, by its number, and of which kind it is: `good`, `forged`.
    pub fn start(
        client: &Client,
        clients: usize,
        make: impl Fn(usize) -> (&'static str, Request) + Send + Sync + 'static,
    ) -> Self {
        let (make, next, stop) = (Arc::new(make), Arc::new(AtomicUsize::new(0)), Arc::<AtomicBool>::default());
        let tally = Arc::new(watch::Sender::<Tally>::default());
        let times = Arc::<Mutex<Vec<_>>>::default();
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let (client, make, next) = (client.clone(), Arc::clone(&make), Arc::clone(&next));
            let (stop, tally, times) = (Arc::clone(&stop), Arc::clone(&tally), Arc::clone(&times));
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let (kind, request) = make(next.fetch_add(1, Ordering::Relaxed));
                    let begin = Instant::now();
                    let answer = client.try_send(request).await;
                    times.lock().expect("times lock").push(begin.elapsed());
                    tally.send_modify(|tally| match answer {
                        Ok(response) => *tally.answers.entry((kind, response.status)).or_default() += 1,
                        Err(error) => tally.failures.push((kind, error.to_string())),
                    });
                }
            });
        }
        Self { clients: tasks, stop, tally, times }
    }

    /// How requests were answered so far.
    pub fn tally(&self) -> Tally {
        self.tally.borrow().clone()
    }

    /// How long requests took that have ended since this was last asked, the shortest first: to be shown, not held against
    /// anything.
    pub fn take_times(&self) -> Vec<Duration> {
        let mut times = std::mem::take(&mut *self.times.lock().expect("times lock"));
        times.sort_unstable();
        times
    }

    /// Waits until `n` more requests have ended: until what was just changed has been under load.
    pub async fn await_more(&self, n: usize) {
        let wanted = self.tally().total() + n;
        self.wait_for(&format!("{n} more requests"), |tally| tally.total() >= wanted).await;
    }

    /// Waits until the tally is as `wanted` says; panics with it after [`DEADLINE`].
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Tally) -> bool) {
        let mut tally = self.tally.subscribe();
        let done = tokio::time::timeout(DEADLINE, tally.wait_for(wanted)).await.is_ok();
        assert!(done, "{what}: not after {DEADLINE:?}; {:#?}", self.tally());
    }

    /// Lets the requests under way end, and returns how all were answered.
    pub async fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        // A client has its own deadline, which is no longer than this unless a test says so.
        within("the last requests", async { while self.clients.join_next().await.is_some() {} }).await;
        self.tally()
    }
}
