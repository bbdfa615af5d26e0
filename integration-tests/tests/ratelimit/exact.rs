//! As many pass as an oracle says, neither more nor less, with one worker and with several that race.
//!
//! What comes back is kept out of the way where it can be: by windows so long that nothing does, whose ends are far away.
//! Where it is the point, the time that went by is known between two bounds, and so is what passes.

use std::collections::BTreeMap;

use portcullis_integration_tests::{Client, Launch, Request, Response, merge, telling};
use serde_json::json;
use tokio::task::JoinSet;

use crate::gate::{Gate, filter, left, reason};
use crate::rush::rush;
use crate::time::{nanos, window_far_from_its_end};

/// So that each of four workers has some: else with a probability of 10^-7.
const CONNECTIONS: usize = 64;

/// The most that a year's worth of requests can come back in.
const YEAR: u32 = 366 * 86_400;

/// An Envoy with these limits and workers.
async fn start(limits: &serde_json::Value, workers: u32) -> Gate {
    Gate::launch(filter(&json!({"limits": limits})), |bootstrap| {
        Launch::new(bootstrap.http(&telling())).concurrency(workers)
    })
    .await
}

/// How many requests of a kind passed, by what was sent.
type Passed<K> = BTreeMap<K, u32>;

/// Sends from many connections at once, each so many: a request and its kind, by a running number.
async fn storm<K: Ord + Send + 'static>(
    gate: &Gate,
    each: usize,
    make: impl Fn(usize) -> (K, Request) + Clone + Send + 'static,
) -> Passed<K> {
    let mut connections = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let (client, make) = (gate.h1(), make.clone());
        connections.spawn(async move {
            let numbers = (0..each).map(|n| n * CONNECTIONS + connection);
            let mut passed = Vec::new();
            for (kind, request) in numbers.map(make) {
                if passes(&client.send(request).await) {
                    passed.push(kind);
                }
            }
            passed
        });
    }
    let mut all = BTreeMap::new();
    while let Some(passed) = connections.join_next().await {
        for kind in passed.unwrap() {
            *all.entry(kind).or_default() += 1;
        }
    }
    all
}

/// Whether it was answered by the upstream; panics if it was refused for anything but a quota.
fn passes(answer: &Response) -> bool {
    match (answer.status, reason(answer).as_str()) {
        (200, "accepted") => true,
        (429, "quota_exceeded") => false,
        other => panic!("{other:?}"),
    }
}

/// Panics if a worker had no connection.
async fn assert_all_took_part(gate: &Gate, workers: u32) {
    let stats = gate.stats().raw_below("listener.").await;
    for worker in 0..workers {
        let name = format!(".worker_{worker}.downstream_cx_total");
        let served: u64 = stats.iter().filter(|(known, _)| known.ends_with(&name)).map(|(_, value)| value).sum();
        assert!(served > 0, "worker {worker} of {workers} had no connection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_algorithm_lets_pass_what_the_oracle_says() {
    const PATHS: [&str; 3] = ["/gcra", "/sliding", "/fixed"];
    const CLIENTS: usize = 5;
    for workers in [1, 2, 4] {
        let window = window_far_from_its_end();
        let limits = json!([
            {"name": "gcra", "path": "/gcra", "key": ["header:x-key"], "quota": 1000, "window_s": YEAR, "burst": 70, "cost": 3},
            {"name": "sliding", "path": "/sliding", "key": ["header:x-key"], "quota": 71, "window_s": window,
             "algorithm": "sliding_window", "cost": 3},
            {"name": "fixed", "path": "/fixed", "key": ["header:x-key"], "quota": 72, "window_s": window,
             "algorithm": "fixed_window", "cost": 3},
        ]);
        // How many of cost 3 there are in each, and what is left then.
        let oracle = [(23, 1), (23, 2), (24, 0)];
        let gate = start(&limits, workers).await;
        let make = |n: usize| {
            let (path, client) = (PATHS[n % PATHS.len()], n / PATHS.len() % CLIENTS);
            ((path, client), Request::get(path).header("x-key", client.to_string()))
        };
        // 85 of each kind.
        let passed = storm(&gate, 20, make).await;
        assert_all_took_part(&gate, workers).await;
        for (path, (most, rest)) in PATHS.into_iter().zip(oracle) {
            for client in 0..CLIENTS {
                assert_eq!(passed[&(path, client)], most, "{path}, {client}, {workers} workers");
                let request = Request::get(path).header("x-key", client.to_string());
                let refused = gate.refused_with(429, &gate.h2(), request).await;
                assert_eq!(left(&refused), [(path[1..].to_owned(), rest)], "{client}, {workers} workers");
            }
        }
        assert_eq!(gate.upstream.count(), (23 + 23 + 24) * CLIENTS);
        gate.assert_no_vm_failed().await;
    }
}

/// Eight clients of 20 each, in four groups of 30 each; 100 for all of them.
#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_decided_together_take_all_or_nothing() {
    for workers in [1, 2, 4] {
        let window = window_far_from_its_end();
        let limits = json!([
            {"name": "own", "key": ["header:x-key"], "quota": 1000, "window_s": YEAR, "burst": 40, "cost": 2},
            {"name": "group", "key": ["header:x-group"], "quota": 90, "window_s": window, "algorithm": "fixed_window", "cost": 3},
            {"name": "all", "key": ["constant:all"], "quota": 100, "window_s": window, "algorithm": "sliding_window"},
        ]);
        let gate = start(&limits, workers).await;
        let make = |n: usize| {
            let client = n % 8;
            let request = Request::get("/").header("x-key", client.to_string());
            (client, request.header("x-group", (client / 2).to_string()))
        };
        let mut passed = storm(&gate, 8, make).await;
        assert_all_took_part(&gate, workers).await;
        // Who was refused by what was given back the moment after comes again.
        let client = gate.h2();
        for n in 0..8 {
            while passes(&client.send(make(n).1).await) {
                *passed.entry(n).or_default() += 1;
            }
        }
        let of = |client: usize| passed.get(&client).copied().unwrap_or_default();
        assert_eq!((0..8).map(of).sum::<u32>(), 100, "{workers} workers: {passed:?}");
        for n in 0..8 {
            let refused = gate.refused_with(429, &client, make(n).1).await;
            let group = of(n / 2 * 2) + of(n / 2 * 2 + 1);
            let rest = [("own", 40 - 2 * of(n)), ("group", 90 - 3 * group), ("all", 0)];
            assert_eq!(
                left(&refused),
                rest.map(|(name, rest)| (name.to_owned(), rest)),
                "{workers} workers: {passed:?}"
            );
        }
        assert_eq!(gate.upstream.count(), 100);
        gate.assert_no_vm_failed().await;
    }
}

/// As fast as Envoy's workers can, so that they race for each count.
#[tokio::test(flavor = "multi_thread")]
async fn no_count_is_lost_in_a_rush() {
    let window = window_far_from_its_end();
    let limits = ["gcra", "sliding_window", "fixed_window"].map(|algorithm| {
        json!({"name": algorithm, "key": ["header:x-key"], "quota": 3000, "algorithm": algorithm,
               "window_s": if algorithm == "gcra" { u64::from(YEAR) } else { window }})
    });
    for (limits, workers) in [(&limits[..1], 2), (&limits[1..2], 2), (&limits[2..], 2), (&limits[..], 4)] {
        let routes = [json!({"match": {"prefix": "/flood"}, "direct_response": {"status": 200}})];
        let gate = Gate::launch(filter(&json!({"limits": limits})), |bootstrap| {
            Launch::new(bootstrap.http(&telling()).routes(&routes)).concurrency(workers)
        })
        .await;
        // Two clients of 3,000 each.
        let answers = rush(&gate, 0..16_000, |number| (number % 2).to_string()).await;
        // Who was refused by what was given back the moment after comes again.
        let rest = rush(&gate, 0..16, |number| (number % 2).to_string()).await;
        assert_eq!(answers.passed + rest.passed, 6000, "{workers} workers, {} limits", limits.len());
        gate.assert_no_vm_failed().await;
    }
}

/// An answer, and the nanoseconds since 1970 between which it was decided.
struct Timed {
    sent: u64,
    received: u64,
    passed: bool,
}

/// Several connections that send all the time until `enough` of an answer; all the answers, by time.
async fn load(gate: &Gate, request: Request, enough: impl Fn(&Timed) -> bool + Clone + Send + 'static) -> Vec<Timed> {
    let mut connections = JoinSet::new();
    for _ in 0..8 {
        let (client, request, enough): (Client, _, _) = (gate.h1(), request.clone(), enough.clone());
        connections.spawn(async move {
            let mut all = Vec::new();
            loop {
                let sent = nanos();
                let passed = passes(&client.send(request.clone()).await);
                let timed = Timed { sent, received: nanos(), passed };
                let done = enough(&timed);
                all.push(timed);
                if done {
                    return all;
                }
            }
        });
    }
    let mut all: Vec<Timed> = connections.join_all().await.into_iter().flatten().collect();
    all.sort_by_key(|timed| timed.sent);
    all
}

const SECOND: u64 = 1_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn gcra_gives_back_as_time_goes_by() {
    let limits = json!([{"name": "a", "key": ["constant:all"], "quota": 300, "window_s": 3}]);
    let gate = start(&limits, 2).await;
    let end = nanos() + 2 * SECOND;
    let all = load(&gate, Request::get("/"), move |timed| timed.sent > end && !timed.passed).await;
    let passed = all.iter().filter(|timed| timed.passed).count() as u64;
    // What comes back in a time, in whole requests.
    let back = |from: u64, to: u64| to.saturating_sub(from) * 100 / SECOND;
    let first_sent = all[0].sent;
    let first_decided = all.iter().map(|timed| timed.received).min().unwrap();
    let last_passed = all.iter().filter(|timed| timed.passed).map(|timed| timed.received).max().unwrap();
    let last_refused = all.iter().filter(|timed| !timed.passed).map(|timed| timed.sent).max().unwrap();
    assert!(passed <= 300 + back(first_sent, last_passed), "{passed}");
    // It is never idle so long that it were full again, which takes 3 s; what was refused found less than one.
    assert!(passed >= 300 + back(first_decided, last_refused), "{passed}");
    gate.assert_no_vm_failed().await;
}

/// In each window that refused a request, the quota was used up: by this window, and in a sliding one by what the last
/// one weighed then.
#[tokio::test(flavor = "multi_thread")]
async fn windows_let_pass_their_quota_each() {
    const QUOTA: u64 = 60;
    const WINDOW: u64 = 2 * SECOND;
    let test = |algorithm| async move {
        let limits = json!([{
            "name": "a", "key": ["constant:all"], "quota": QUOTA, "window_s": WINDOW / SECOND, "algorithm": algorithm,
        }]);
        let gate = start(&limits, 2).await;
        let first = nanos() / WINDOW;
        let enough = move |timed: &Timed| timed.sent / WINDOW >= first + 2 && !timed.passed;
        let all = load(&gate, Request::get("/"), enough).await;
        // At least and at most so many passed in a window.
        let passed = |window: u64| {
            let passed = || all.iter().filter(|timed| timed.passed);
            let inside = passed().filter(|it| it.sent / WINDOW == window && it.received / WINDOW == window);
            let touching = passed().filter(|it| it.sent / WINDOW <= window && it.received / WINDOW >= window);
            (inside.count() as u64, touching.count() as u64)
        };
        let weight = |count: u64, time: u64| {
            let rest = WINDOW - time % WINDOW;
            if algorithm == "sliding_window" { (count * rest).div_ceil(WINDOW) } else { 0 }
        };
        let mut judged = 0;
        for window in first..=all.last().unwrap().received / WINDOW {
            let in_it = |it: &&Timed| it.sent / WINDOW == window && it.received / WINDOW == window;
            let Some(refused) = all.iter().filter(in_it).filter(|it| !it.passed).map(|it| it.sent).max() else {
                continue;
            };
            judged += 1;
            let (before, now) = (passed(window - 1), passed(window));
            assert!(now.1 + weight(before.1, refused) >= QUOTA, "{algorithm}: {now:?} after {before:?}");
            let last = all.iter().filter(in_it).filter(|it| it.passed).map(|it| it.received).max();
            let weight = last.map_or(0, |last| weight(before.0, last));
            assert!(now.0 + weight <= QUOTA, "{algorithm}: {now:?} after {before:?}");
        }
        assert!(judged >= 2, "{algorithm}: {judged}");
        gate.assert_no_vm_failed().await;
    };
    tokio::join!(test("fixed_window"), test("sliding_window"));
}

/// A client that is known over one version of HTTP is known over the other.
#[tokio::test(flavor = "multi_thread")]
async fn many_streams_of_one_connection_are_counted_as_many_connections_are() {
    let limits = json!([{"name": "a", "key": ["header:x-key"], "quota": 50, "window_s": YEAR}]);
    let mut options = telling();
    merge(&mut options, &json!({"http2_protocol_options": {"max_concurrent_streams": 100}}));
    let gate = Gate::launch(filter(&json!({"limits": limits})), |bootstrap| {
        Launch::new(bootstrap.http(&options)).concurrency(4)
    })
    .await;
    let mut streams = JoinSet::new();
    for client in [gate.h2(), gate.h2(), gate.h2()] {
        for _ in 0..40 {
            let client = client.clone();
            streams.spawn(async move { passes(&client.send(Request::get("/").header("x-key", "a")).await) });
        }
    }
    let passed = streams.join_all().await.into_iter().filter(|passed| *passed).count();
    assert_eq!((passed, gate.upstream.count()), (50, 50));
    gate.assert_no_vm_failed().await;
}
