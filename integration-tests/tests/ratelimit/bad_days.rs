//! Days on which the rate limit service does not do its work, under load.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use portcullis_integration_tests::{
    DEADLINE, Launch, RateLimitMode, RateLimitService, Redis, Reply, Request, Traffic, read_yaml, until, workspace,
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::gate::{Gate, filter, keyed, reason, service, shared, shared_service};

const WORKERS: u32 = 2;
/// What the fallback lets pass of `counted`.
const FALLBACK: usize = 50;
/// Not the default's 20: a test's machine is busy, and five calls in a row that come too late would be trouble, too.
const TIMEOUT_MS: u32 = 100;

/// What is wrong.
#[derive(Clone, Debug)]
enum Trouble {
    RedisKilled,
    RedisHangs,
    Down,
    Blackholed,
    Answers(RateLimitMode),
}

impl Trouble {
    async fn begin(&self, redis: &Redis, service: &RateLimitService) {
        match self {
            Self::RedisKilled => redis.kill(),
            Self::RedisHangs => redis.pause(),
            Self::Down => service.down().await,
            Self::Blackholed => service.blackhole().await,
            Self::Answers(mode) => service.set_mode(mode.clone()),
        }
    }

    async fn end(&self, redis: &Redis, service: &RateLimitService) {
        match self {
            Self::RedisKilled => redis.restart().await,
            Self::RedisHangs => redis.resume(),
            Self::Down | Self::Blackholed => service.up().await,
            Self::Answers(_) => service.set_mode(RateLimitMode::Ok),
        }
    }

    /// The metric that tells of it.
    fn metric(&self) -> &'static str {
        match self {
            Self::RedisHangs | Self::Blackholed | Self::Answers(RateLimitMode::Slow(_) | RateLimitMode::Hang) => {
                "timeouts_total"
            }
            _ => "errors_total",
        }
    }
}

/// Sends this many requests for one client, some at a time; how many passed.
async fn count(gate: &Gate, key: &str, requests: usize) -> usize {
    let mut tasks = JoinSet::new();
    for client in [gate.h1(), gate.h1(), gate.h1(), gate.h1(), gate.h2(), gate.h2(), gate.h2(), gate.h2()] {
        let key = key.to_owned();
        tasks.spawn(async move {
            let mut passed = 0;
            for _ in 0..requests / 8 {
                let answer = client.send(Request::get("/counted").header("x-key", &key)).await;
                if answer.status == 200 {
                    passed += 1;
                } else {
                    assert_eq!((answer.status, reason(&answer).as_str()), (429, "quota_exceeded_in_fallback"));
                }
            }
            passed
        });
    }
    tasks.join_all().await.into_iter().sum()
}

fn shown(times: &[Duration]) -> String {
    let at = |part: usize| times.get((times.len() * part / 1000).min(times.len() - 1)).copied().unwrap_or_default();
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    format!("p50 {} p99 {} max {} ms of {}", ms(at(500)), ms(at(990)), ms(at(1000)), times.len())
}

/// Waits until so many workers say that they leave the service alone.
async fn await_failing(gate: &Gate, workers: usize) {
    let same = || async {
        let log = gate.envoy.log();
        let [begun, ended] = ["gives no answers", "gives answers again"].map(|text| log.matches(text).count());
        (begun - ended == workers).then_some(())
    };
    until(DEADLINE, same).await.unwrap_or_else(|| panic!("not {workers} workers after {DEADLINE:?}"));
}

async fn weather(troubles: &[Trouble]) {
    let (redis, service) =
        service(&[("steady", "constant:all", 1_000_000_000), ("counted", "header:x-key", 1000)]).await;
    let config = json!({
        "limits": [
            {"name": "steady", "path": "/steady", "key": ["constant:all"], "quota": 1_000_000_000, "window_s": 86_400, "global": true},
            {"name": "counted", "path": "/counted", "key": ["header:x-key"], "quota": 1000, "window_s": 86_400, "global": true},
        ],
        "global": {"cluster": "ratelimit", "domain": "portcullis", "timeout_ms": TIMEOUT_MS, "fallback_factor": 0.05},
    });
    let gate = Gate::with_workers(filter(&config), service.address(), WORKERS).await;
    // So that the load leaves some of the machine to others.
    gate.upstream.reply(Reply::status(200).body("hello").delay(Duration::from_millis(4)));
    let steady = Traffic::start(&gate.h1(), 8, |_| ("steady", Request::get("/steady")));
    steady.await_more(300).await;
    println!("all is well: {}", shown(&steady.take_times()));
    for trouble in troubles {
        let told = gate.measured(trouble.metric()).await;
        service.clear();
        steady.take_times();
        trouble.begin(&redis, &service).await;
        await_failing(&gate, WORKERS as usize).await;
        println!("{trouble:?}, at first: {}", shown(&steady.take_times()));

        // Nobody but a request of each worker tries, and all others are answered.
        service.clear();
        gate.upstream.clear();
        let since = Instant::now();
        steady.await_more(300).await;
        let key = format!("{trouble:?}");
        assert_eq!(count(&gate, &key, 80).await, FALLBACK, "{key}");
        let seen = gate.upstream.requests().iter().filter(|seen| seen.path == "/counted").count();
        assert_eq!(seen, FALLBACK, "{key}: nothing refused gets through");
        let counts = service.counts();
        // At the least 0.2 s pass between two.
        let most = WORKERS as usize * (since.elapsed().as_millis() / 200 + 2) as usize;
        assert!(counts.calls <= most, "{key}: {counts:?}, not {most}");
        assert!(counts.most_waiting <= WORKERS as usize, "{key}: {counts:?}");
        println!("{trouble:?}, left alone: {}, {counts:?}", shown(&steady.take_times()));
        assert!(gate.measured(trouble.metric()).await > told, "{key}");
        assert!(gate.measured("opened_total").await >= u64::from(WORKERS));

        trouble.end(&redis, &service).await;
        service.clear();
        let since = Instant::now();
        // By all workers within the deadline of what waits here, 10 s.
        await_failing(&gate, 0).await;
        steady.await_more(100).await;
        let counts = service.counts();
        assert!(
            counts.calls > 20 && counts.most_waiting <= 8 && counts.connections <= 2 * WORKERS as usize,
            "{key}: {counts:?}"
        );
        println!("{trouble:?}, back after {:?}: {}, {counts:?}", since.elapsed(), shown(&steady.take_times()));
    }
    let tally = steady.stop().await;
    assert_eq!(tally.failures, [], "no request hangs");
    assert_eq!(tally.count("steady", 200), tally.total(), "{:?}", tally.answers);
    gate.await_measured("in_flight", 0).await;
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_or_its_redis_is_gone() {
    weather(&[Trouble::Down, Trouble::Blackholed, Trouble::RedisKilled]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_is_slow() {
    weather(&[
        Trouble::Answers(RateLimitMode::Slow(Duration::from_secs(2))),
        Trouble::RedisHangs,
        // Who waited for this would hang.
        Trouble::Answers(RateLimitMode::Hang),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_answers_nonsense() {
    let garbage = b"\xff\xff\xff\xff what is this".as_slice();
    weather(&[
        Trouble::Answers(RateLimitMode::Status(14)),
        Trouble::Answers(RateLimitMode::Http(503)),
        Trouble::Answers(RateLimitMode::Message(garbage.into())),
        Trouble::Answers(RateLimitMode::Body(garbage.into())),
        Trouble::Answers(RateLimitMode::Reset),
    ])
    .await;
}

/// Carries connections to another address, and can stop carrying those it has without a word, as a network does when a host
/// is lost. New ones are carried.
struct Relay {
    address: SocketAddr,
    lost: watch::Sender<()>,
}

impl Relay {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lost = watch::Sender::default();
        let connections = lost.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut far, mut lost) = (TcpStream::connect(to).await.unwrap(), connections.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = lost.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, lost }
    }
}

/// Nothing tells Envoy that such a connection is dead but its own pings, which a cluster has to ask for.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_without_a_word_is_replaced() {
    let (_redis, service) = shared_service(1_000_000).await;
    let relay = Relay::start(service.address()).await;
    let example = read_yaml(workspace("envoy/ratelimit.yaml").as_path());
    let clusters = example["static_resources"]["clusters"].as_array().unwrap();
    let options = |clusters: &[Value]| {
        let cluster = clusters.iter().find(|cluster| cluster["name"] == "ratelimit").unwrap();
        cluster["typed_extension_protocol_options"].clone()
    };
    let options = options(clusters);
    let gate = Gate::launch(filter(&shared(1_000_000, &json!({"timeout_ms": 100}))), |bootstrap| {
        let mut root = bootstrap.http2_cluster("ratelimit", relay.address).build();
        let clusters = root["static_resources"]["clusters"].as_array_mut().unwrap();
        let cluster = clusters.iter_mut().find(|cluster| cluster["name"] == "ratelimit").unwrap();
        cluster["typed_extension_protocol_options"] = options;
        Launch::new(root)
    })
    .await;
    gate.upstream.reply(Reply::status(200).body("hello").delay(Duration::from_millis(4)));
    let steady = Traffic::start(&gate.h2(), 4, |_| ("steady", keyed("a")));
    service.wait_for("it is asked", |counts| counts.calls > 50).await;
    relay.lost.send_replace(());
    gate.stats().await_counter("portcullis_ratelimit_service_opened_total", &[], 1).await;
    service.clear();
    service.wait_for("it is asked by another connection", |counts| counts.connections == 1 && counts.calls > 50).await;
    let tally = steady.stop().await;
    assert_eq!(tally.failures, []);
    assert_eq!(tally.count("steady", 200), tally.total(), "{:?}", tally.answers);
    gate.envoy.await_log("gives no answers (service_timeout)").await;
    gate.envoy.await_log("gives answers again").await;
}
