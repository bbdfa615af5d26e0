//! An issuer that is down, slow, or mad.

use std::time::Duration;

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{
    Bootstrap, Client, ClientError, DEADLINE, DiscoveredFilter, Issuer, IssuerMode, Launch, Raw, Request, Response,
    Traffic, until,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::gate::{Gate, filter, remote_config, token, users, with_token};
use crate::provider::{
    Phase, assert_tally, await_everywhere, gate_with_workers, own_object, probe, signed, statuses, token_by,
};

/// How long a fetch may take in these tests.
const TIMEOUT_MS: u32 = 400;

/// What the issuer does (`None`: nothing listens), and what a fetch then comes to.
type Outage = (Option<IssuerMode>, &'static str);

/// No document comes at all.
fn silence() -> Vec<Outage> {
    let long = Duration::from_millis(4 * u64::from(TIMEOUT_MS));
    vec![
        (None, "bad_status"),
        (Some(IssuerMode::Reset), "bad_status"),
        (Some(IssuerMode::Hang), "timed_out"),
        (Some(IssuerMode::Slow(long)), "timed_out"),
        (Some(IssuerMode::Drip(20, long / 8)), "timed_out"),
        (Some(IssuerMode::CutOff), "timed_out"),
    ]
}

/// What comes is no key set.
fn nonsense() -> Vec<Outage> {
    let secret = "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"ed25519-1\"}]}";
    vec![
        (Some(IssuerMode::Status(500)), "bad_status"),
        (Some(IssuerMode::Status(204)), "bad_status"),
        (Some(IssuerMode::Redirect(302, "http://idp.example/elsewhere".to_owned())), "bad_status"),
        (Some(IssuerMode::Oversize(262_145)), "too_large"),
        (Some(IssuerMode::Body("<html>".into())), "refused"),
        (Some(IssuerMode::Body("{\"keys\":[]}".into())), "refused"),
        (Some(IssuerMode::Body(secret.into())), "refused"),
    ]
}

async fn set(issuer: &Issuer, mode: Option<IssuerMode>) {
    match mode {
        Some(mode) => {
            issuer.set_mode(mode);
            issuer.up().await;
        }
        None => issuer.down().await,
    }
}

/// Keys are fetched each second.
fn hasty(wait_ms: u32) -> Value {
    let mut config = remote_config(&json!({"refresh_s": 1, "timeout_ms": TIMEOUT_MS}), &users());
    config["wait_ms"] = json!(wait_ms);
    config
}

async fn fetches(gate: &Gate, result: &str) -> u64 {
    let labels = [("filter", "jwt_bola"), ("document", "jwks"), ("result", result)];
    gate.stats().counter("portcullis_document_fetches_total", &labels).await
}

async fn await_fetch(gate: &Gate, result: &str, before: u64) {
    let more = || async { (fetches(gate, result).await > before).then_some(()) };
    if until(DEADLINE, more).await.is_none() {
        let samples = gate.stats().samples().await;
        let fetches: Vec<_> =
            samples.iter().filter(|sample| sample.name == "portcullis_document_fetches_total").collect();
        panic!("no fetch comes to {result}: {fetches:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_keys_serve_while_the_issuer_is_silent() {
    stale_keys_serve(silence()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_keys_serve_while_the_issuer_talks_nonsense() {
    stale_keys_serve(nonsense()).await;
}

async fn stale_keys_serve(outages: Vec<Outage>) {
    let key = Key::load("ed25519-1");
    let issuer = Issuer::start().await;
    issuer.set_keys([key.public()]);
    let gate = gate_with_workers(&hasty(8000), &issuer, 2).await;
    let traffic = {
        let (known, stranger, key) = (token_by(&key, "known"), Key::load("ed25519-2"), key.clone());
        Traffic::start(&gate.h1(), 8, move |number| match number % 4 {
            0 => ("forged", own_object(&signed(&stranger, key.kid(), &json!({})))),
            1 => ("stranger's", own_object(&signed(&stranger, stranger.kid(), &json!({})))),
            2 => ("cached", own_object(&known)),
            _ => ("new", own_object(&token_by(&key, &format!("jti-{number}")))),
        })
    };
    traffic.wait_for("the first keys", |tally| tally.count("new", 200) > 0).await;
    for (mode, result) in outages {
        let before = fetches(&gate, result).await;
        set(&issuer, mode.clone()).await;
        await_fetch(&gate, result, before).await;
        traffic.await_more(50).await;
        let before = fetches(&gate, "unchanged").await;
        set(&issuer, Some(IssuerMode::Ok)).await;
        await_fetch(&gate, "unchanged", before).await;
        println!("{mode:?}: {result}");
    }
    let tally = traffic.stop().await;
    println!("{:?}", tally.answers);
    assert_tally(&gate, &tally, &[("cached", 200), ("new", 200), ("forged", 401), ("stranger's", 401)]);
    assert_eq!(fetches(&gate, "ok").await, 1, "the same keys are not new ones");
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_requests_get_503_until_the_issuer_speaks() {
    recover_from(silence()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_requests_get_503_until_the_issuer_makes_sense() {
    recover_from(nonsense()).await;
}

async fn recover_from(outages: Vec<Outage>) {
    let good = own_object(&token(&json!({})));
    for (mode, result) in outages {
        let issuer = Issuer::start().await;
        issuer.set_keys([Key::load("rsa-1").public()]);
        set(&issuer, mode.clone()).await;
        let gate = Gate::with_issuer(&hasty(300), &issuer).await;
        for (version, client) in gate.clients() {
            let response = gate.refused_with(503, &client, good.clone()).await;
            assert_eq!(response.headers.get("www-authenticate"), None, "{version}");
        }
        await_fetch(&gate, result, 0).await;
        let denied = gate.decisions().await.get("deny token keys_unavailable enforce").copied();
        assert_eq!(denied, Some(2), "{mode:?}");
        set(&issuer, Some(IssuerMode::Ok)).await;
        let passes = || async { (gate.h1().send(good.clone()).await.status == 200).then_some(()) };
        assert!(until(DEADLINE, passes).await.is_some(), "no keys after {mode:?}");
        gate.assert_no_vm_failed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_too_old_are_not_used() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public(), Key::load("p256-1").public()]);
    let mut config = hasty(300);
    // A document that is fetched each second gets no younger limit than 5 s.
    config["providers"]["main"]["jwks"]["remote"]["stale_s"] = json!(0);
    let gate = gate_with_workers(&config, &issuer, 2).await;
    let known = probe(&token(&json!({})));
    await_everywhere(&gate, &known, 200).await;
    issuer.down().await;
    await_everywhere(&gate, &known, 503).await;
    let uncached = own_object(&token_by(&Key::load("p256-1"), "uncached"));
    gate.refused_with(503, &gate.h1(), uncached.clone()).await;
    issuer.up().await;
    await_everywhere(&gate, &known, 200).await;
    gate.passed(&gate.h1(), uncached).await;
    gate.assert_no_vm_failed().await;
}

/// Requests that come before the keys, with all of their bodies or a part of them.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_waiting_requests_are_judged() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    issuer.set_mode(IssuerMode::Hang);
    let mut config = hasty(30_000);
    config["rules"].as_array_mut().unwrap().push(json!({"path": "/upload", "auth": ["main"]}));
    let gate = Gate::with_issuer(&config, &issuer).await;
    let token = token(&json!({}));
    let post = |body: &str| {
        let request = Request::post("/orders", body.to_owned()).header("content-type", "application/json");
        with_token(request, &token)
    };
    let whole = |customer: &str| json!({"customer_id": customer}).to_string();
    let second = Duration::from_secs(1);
    let large = json!({"customer_id": "42", "padding": "x".repeat(70_000)}).to_string();
    let cases = [
        (post(&whole("42")), 200),
        (post(&whole("43")), 403),
        (post("{\"customer_id\":").body("\"42\"}"), 200),
        (post("{\"customer_id\":").body("\"43\"}"), 403),
        // The second part comes when the keys are there.
        (post("{\"customer_id\":").pause(2 * second).body("\"42\"}"), 200),
        (post("{\"customer_id\":").pause(2 * second).body("\"43\"}"), 403),
        (post(&whole("42")).trailer("x-trailer", "1"), 200),
        (post(&whole("43")).trailer("x-trailer", "1"), 403),
        (post("{\"customer_id\":\"42\",\"customer_id\":\"43\"}"), 400),
        (post("").pause(2 * second).body(""), 400),
        (post(&large), 413),
        (with_token(Request::post("/upload", "x".repeat(70_000)), &token), 200),
        (Request::post("/orders", whole("42")), 401),
    ];
    let mut sent = JoinSet::new();
    for (version, client) in gate.clients() {
        for (request, status) in cases.clone() {
            let client = client.clone().deadline(3 * DEADLINE);
            sent.spawn(async move {
                let response = client.send(request.clone()).await;
                assert_eq!(response.status, status, "{version}: {request:?}: {response:?}");
            });
        }
    }
    // All but those without a token wait.
    let active = "http.ingress.downstream_rq_active";
    let waiting = 2 * u64::try_from(cases.len() - 1).unwrap();
    gate.stats().await_raw("http.ingress.downstream_rq_4xx", 2).await;
    gate.stats().await_raw(active, waiting).await;
    assert_eq!(gate.upstream.count(), 0);
    issuer.set_mode(IssuerMode::Ok);
    sent.join_all().await;
    let passed = 2 * cases.iter().filter(|(_, status)| *status == 200).count();
    assert_eq!(gate.upstream.count(), passed);
    for request in gate.upstream.requests() {
        assert!(!String::from_utf8_lossy(&request.body).contains("43"), "{request:?}");
        assert!(request.complete && !request.body.is_empty(), "{request:?}");
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_give_up_leave_nothing_behind() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    issuer.set_mode(IssuerMode::Hang);
    let gate = Gate::with_issuer(&hasty(30_000), &issuer).await;
    let token = token(&json!({}));
    let head = |length: usize| {
        format!("POST /orders HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n")
    };
    let active = "http.ingress.downstream_rq_active";
    for round in 0..3 {
        let mut clients = Vec::new();
        for number in 0..100 {
            let mut raw = Raw::connect(gate.envoy.address()).await;
            let body = "{\"customer_id\":\"42\"}";
            // Some have sent all of their bodies, some a part.
            raw.write(format!("{}{}", head(body.len()), &body[..body.len() - number % 2])).await;
            clients.push(raw);
        }
        gate.stats().await_raw(active, 100).await;
        if round == 2 {
            // Some are answered while others go.
            issuer.set_mode(IssuerMode::Ok);
        }
        drop(clients);
        let gone = || async { (gate.stats().raw(active).await == Some(0)).then_some(()) };
        assert!(until(DEADLINE, gone).await.is_some(), "requests of clients that are gone are still there");
    }
    gate.upstream.clear();
    for (_, client) in gate.clients() {
        gate.passed(&client, own_object(&token)).await;
    }
    gate.assert_no_vm_failed().await;
}

/// The same by resets of streams; and Envoy can end while requests wait.
#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_reset_leave_nothing_behind() {
    let issuer = Issuer::start().await;
    issuer.set_mode(IssuerMode::Hang);
    let gate = Gate::with_issuer(&hasty(30_000), &issuer).await;
    let request = own_object(&token(&json!({})));
    let (hasty, patient) = (gate.h2().deadline(Duration::from_millis(500)), gate.h2());
    let mut sent = JoinSet::new();
    for number in 0..200 {
        let client = if number % 2 == 0 { &hasty } else { &patient }.clone();
        let request = request.clone();
        sent.spawn(async move { client.try_send(request).await.map(|response| response.status) });
    }
    for _ in 0..100 {
        // Those that are reset come first.
        let first = sent.join_next().await.unwrap().unwrap();
        assert!(matches!(first, Err(ClientError::TimedOut(_))), "{first:?}");
    }
    let left = || async { (gate.stats().raw("http.ingress.downstream_rq_active").await == Some(100)).then_some(()) };
    assert!(until(DEADLINE, left).await.is_some(), "requests that were reset are still there");
    gate.assert_no_vm_failed().await;
    let upstream = gate.upstream.count();
    let (status, log) = gate.0.envoy.terminate().await;
    assert!(status.success() && !log.contains("panicked"), "{status}: {log}");
    assert_eq!(upstream, 0);
    for ended in sent.join_all().await {
        assert!(ended.is_err() || ended == Ok(503), "{ended:?}");
    }
}

/// Requests that wait while the config changes are judged by the one that they came to.
#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_through_a_reload() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    issuer.set_mode(IssuerMode::Hang);
    let mut config = hasty(30_000);
    let mut discovered = DiscoveredFilter::new(filter(&config));
    let address = issuer.address();
    let launch = |bootstrap: Bootstrap| Launch::new(bootstrap.cluster("idp", address)).concurrency(2);
    let gate = Gate::launch(&discovered, launch).await;
    let good = own_object(&token(&json!({})));
    let forged = own_object(&signed(&Key::load("rsa-2"), "rsa-1", &json!({})));
    let mut sent = JoinSet::new();
    let mut ask = |wanted: u16, request: &Request| {
        // Each over a connection of its own.
        let (client, request) = (gate.h1().deadline(3 * DEADLINE), request.clone());
        sent.spawn(async move { (wanted, client.send(request).await.status) });
    };
    for round in 0..3 {
        for _ in 0..20 {
            ask(200, &good);
            ask(401, &forged);
        }
        gate.stats().await_raw("http.ingress.downstream_rq_active", 40 * (round + 1)).await;
        config["realm"] = json!(format!("round {round}"));
        discovered.update(&gate.envoy, filter(&config)).await.unwrap();
    }
    assert_eq!(gate.upstream.count(), 0);
    issuer.set_mode(IssuerMode::Ok);
    for (wanted, status) in sent.join_all().await {
        assert_eq!(wanted, status);
    }
    assert_eq!(gate.upstream.count(), 60);
    gate.assert_no_vm_trapped().await;
}

/// A worker lets 4096 requests wait; more are told at once.
#[tokio::test(flavor = "multi_thread")]
async fn so_many_may_wait_and_no_more() {
    const MOST: usize = 4096;
    const MORE: usize = 100;
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    issuer.set_mode(IssuerMode::Hang);
    let address = issuer.address();
    let gate = Gate::launch(filter(&hasty(30_000)), |bootstrap| {
        let mut root = bootstrap.cluster("idp", address).build();
        let limits = json!({"max_pending_requests": 2 * MOST, "max_requests": 2 * MOST});
        root["static_resources"]["clusters"][0]["circuit_breakers"] = json!({"thresholds": [limits]});
        Launch::new(root)
    });
    let gate = gate.await;
    let request = own_object(&token(&json!({})));
    let mut sent: JoinSet<Response> = JoinSet::new();
    // Envoy takes about a thousand streams over each connection.
    for _ in 0..(MOST + MORE).div_ceil(500) {
        let client = Client::h2(gate.envoy.address()).deadline(6 * DEADLINE);
        for _ in 0..500.min(MOST + MORE - sent.len()) {
            let (client, request) = (client.clone(), request.clone());
            sent.spawn(async move { client.send(request).await });
        }
    }
    let waiting = || async {
        let raw = gate.stats().raw_below("http.ingress.downstream_rq_").await;
        (raw.get("active") == Some(&(MOST as u64)) && raw.get("5xx") == Some(&(MORE as u64))).then_some(())
    };
    assert!(until(6 * DEADLINE, waiting).await.is_some(), "{:?}", gate.decisions().await);
    assert_eq!(gate.upstream.count(), 0);
    issuer.set_mode(IssuerMode::Ok);
    let responses = sent.join_all().await;
    let count = |status: u16| responses.iter().filter(|response| response.status == status).count();
    assert_eq!((count(200), count(503)), (MOST, MORE));
    assert_eq!(gate.upstream.count(), MOST);
    gate.assert_no_vm_failed().await;
}

/// While the issuer is down, a token by a key that is not known is refused, and holds nothing up.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_are_refused_while_the_issuer_is_down() {
    let (known, unknown) = (Key::load("ed25519-1"), Key::load("ed25519-2"));
    let issuer = Issuer::start().await;
    issuer.set_keys([known.public()]);
    let gate = gate_with_workers(&hasty(1000), &issuer, 2).await;
    await_everywhere(&gate, &probe(&token_by(&known, "one")), 200).await;
    issuer.set_mode(IssuerMode::Hang);
    let phase = Phase::default();
    let traffic = Traffic::start(&gate.h1(), 8, {
        let (good, bad, phase) = (token_by(&known, "one"), token_by(&unknown, "two"), phase.clone());
        move |number| match (number % 2, phase.get()) {
            (0, _) => ("good", own_object(&good)),
            (_, 0) => ("unknown", own_object(&bad)),
            (_, _) => ("known by now", own_object(&bad)),
        }
    });
    traffic.wait_for("refusals", |tally| tally.count("unknown", 401) > 100).await;
    issuer.add_key(unknown.public());
    issuer.set_mode(IssuerMode::Ok);
    traffic.wait_for("the new key", |tally| tally.count("unknown", 200) > 0).await;
    await_everywhere(&gate, &probe(&token_by(&unknown, "two")), 200).await;
    phase.next();
    traffic.await_more(100).await;
    let tally = traffic.stop().await;
    assert_tally(&gate, &tally, &[("good", 200), ("known by now", 200)]);
    assert_eq!(statuses(&tally, "unknown"), [200, 401].into());
    gate.assert_no_vm_failed().await;
}
