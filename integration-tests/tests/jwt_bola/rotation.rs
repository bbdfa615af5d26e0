//! Keys that change while requests come.

use std::time::{Duration, Instant};

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{Bootstrap, Client, DiscoveredFilter, Issuer, IssuerMode, Launch, Traffic};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::gate::{Gate, filter, remote_config, token, users};
use crate::provider::{
    Phase, assert_tally, await_everywhere, await_next_fetch, each_second, gate_with_workers, own_object, probe, signed,
    token_by,
};

/// No fetch on demand begins sooner after another one.
const BETWEEN_DEMANDS: Duration = Duration::from_secs(10);

fn tokens(key: &Key) -> Vec<String> {
    (0..20).map(|number| token_by(key, &format!("{}-{number}", key.kid()))).collect()
}

/// A config whose requests wait long enough on a busy machine.
fn patient(remote: &Value) -> Value {
    let mut config = remote_config(remote, &users());
    config["wait_ms"] = json!(8000);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_under_load() {
    let (old, new) = (Key::load("rsa-1"), Key::load("p256-1"));
    let issuer = Issuer::start().await;
    issuer.set_keys([old.public()]);
    let gate = gate_with_workers(&patient(&each_second()), &issuer, 4).await;
    let (phase, known) = (Phase::default(), token_by(&old, "rsa-1-0"));
    let traffic = {
        let (phase, by_old, by_new) = (phase.clone(), tokens(&old), tokens(&new));
        let forged = signed(&Key::load("rsa-2"), old.kid(), &json!({}));
        Traffic::start(&gate.h1(), 16, move |number| {
            let pick = |tokens: &[String]| own_object(&tokens[number % tokens.len()]);
            match (phase.get(), number % 4) {
                (_, 0) => ("forged", own_object(&forged)),
                (0, _) | (1, 1) => ("old", pick(&by_old)),
                (2, 1) => ("old that goes", pick(&by_old)),
                (_, 1) => ("old that is gone", pick(&by_old)),
                (_, _) => ("new", pick(&by_new)),
            }
        })
    };
    traffic.await_more(300).await;
    issuer.add_key(new.public());
    await_next_fetch(&issuer, Issuer::JWKS).await;
    phase.next();
    traffic.await_more(300).await;
    phase.next();
    issuer.remove_key(old.kid());
    await_next_fetch(&issuer, Issuer::JWKS).await;
    traffic.wait_for("the old key's end", |tally| tally.count("old that goes", 401) > 0).await;
    await_everywhere(&gate, &probe(&known), 401).await;
    phase.next();
    traffic.await_more(300).await;
    let tally = traffic.stop().await;
    println!("{:?}, {} fetches", tally.answers, issuer.count(Issuer::JWKS));
    assert_tally(&gate, &tally, &[("old", 200), ("new", 200), ("forged", 401), ("old that is gone", 401)]);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_fetched_once_while_requests_wait() {
    let (old, new) = (Key::load("rsa-1"), Key::load("p256-1"));
    let issuer = Issuer::start().await;
    issuer.set_keys([old.public()]);
    let gate = gate_with_workers(&patient(&json!({"timeout_ms": 5000})), &issuer, 4).await;
    let phase = Phase::default();
    let traffic = {
        let (phase, by_old, by_new) = (phase.clone(), tokens(&old), tokens(&new));
        Traffic::start(&gate.h1(), 16, move |number| {
            let pick = |tokens: &[String]| own_object(&tokens[number % tokens.len()]);
            match phase.get() {
                0 => ("old", pick(&by_old)),
                1 => ("new", pick(&by_new)),
                _ => ("old that is gone", pick(&by_old)),
            }
        })
    };
    issuer.await_fetches(Issuer::JWKS, 1).await;
    sleep(BETWEEN_DEMANDS).await;
    assert_eq!(issuer.count(Issuer::JWKS), 1, "one fetch for all workers");
    issuer.set_mode(IssuerMode::Slow(Duration::from_millis(300)));
    issuer.set_keys([new.public()]);
    phase.next();
    traffic.wait_for("the new key", |tally| tally.count("new", 200) > 300).await;
    phase.next();
    traffic.wait_for("the old key's end", |tally| tally.count("old that is gone", 401) > 300).await;
    let tally = traffic.stop().await;
    println!("{:?}, {} fetches", tally.answers, issuer.count(Issuer::JWKS));
    assert_eq!(issuer.count(Issuer::JWKS), 2, "one fetch for all workers");
    assert!(tally.answers.keys().all(|(kind, status)| (*kind == "old that is gone") == (*status == 401)));
    assert_tally(&gate, &tally, &[("old", 200), ("new", 200)]);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_fetches_once_in_ten_seconds() {
    let key = Key::load("ed25519-1");
    let issuer = Issuer::start().await;
    issuer.set_keys([key.public()]);
    let start = Instant::now();
    let gate = gate_with_workers(&patient(&json!({"timeout_ms": 5000})), &issuer, 4).await;
    let traffic = {
        let (good, stranger) = (token_by(&key, "good"), Key::load("ed25519-2"));
        Traffic::start(&gate.h1(), 16, move |number| match number % 4 {
            0 => ("good", own_object(&good)),
            _ => ("unknown", own_object(&signed(&stranger, &format!("kid-{number}"), &json!({})))),
        })
    };
    let most = || usize::try_from(start.elapsed().as_secs() / BETWEEN_DEMANDS.as_secs()).unwrap() + 1;
    while issuer.count(Issuer::JWKS) < 2 {
        traffic.await_more(50).await;
        assert!(start.elapsed() < 6 * BETWEEN_DEMANDS, "no fetch on demand");
    }
    traffic.await_more(500).await;
    let fetched = issuer.count(Issuer::JWKS);
    assert!(fetched <= most(), "{fetched} fetches in {:?}", start.elapsed());
    let tally = traffic.stop().await;
    println!("{:?}, {fetched} fetches in {:?}", tally.answers, start.elapsed());
    assert_tally(&gate, &tally, &[("good", 200), ("unknown", 401)]);
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_listeners_share_what_is_fetched() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    let one = patient(&json!({"timeout_ms": 5000}));
    let mut two = one.clone();
    two["rules"] =
        json!([{"path": "/two/{user}", "auth": ["again"], "owner": [{"resource": "path.user", "claim": "/sub"}]}]);
    // One of another name that asks for the same.
    let again = two["providers"]["main"].clone();
    two["providers"]["again"] = again;
    let filters = [("one", filter(&one)), ("two", filter(&two))];
    let address = issuer.address();
    let launch =
        |bootstrap: Bootstrap| Launch::new(bootstrap.cluster("idp", address).listeners(filters)).concurrency(2);
    let gate = Gate::launch(filter(&one), launch).await;
    let token = token(&json!({}));
    for _ in 0..16 {
        for (listener, path, status) in
            [("one", "/users/42/a", 200), ("two", "/two/42", 200), ("two", "/two/43", 403), ("one", "/two/42", 403)]
        {
            let request = crate::gate::with_token(portcullis_integration_tests::Request::get(path), &token);
            let client = Client::h1(gate.envoy.listener(listener));
            assert_eq!(client.send(request).await.status, status, "{path} at {listener}");
        }
    }
    assert_eq!(issuer.count(Issuer::JWKS), 1);
    gate.assert_no_vm_failed().await;
}

/// With `wait_ms` 0, a request for which the keys are not there gets 503.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_config_has_its_keys_at_once() {
    let issuer = Issuer::start().await;
    issuer.set_keys([Key::load("rsa-1").public()]);
    let mut config = patient(&json!({"timeout_ms": 5000}));
    let mut discovered = DiscoveredFilter::new(filter(&config));
    let address = issuer.address();
    let launch = |bootstrap: Bootstrap| Launch::new(bootstrap.cluster("idp", address)).concurrency(2);
    let gate = Gate::launch(&discovered, launch).await;
    let good = token(&json!({}));
    await_everywhere(&gate, &probe(&good), 200).await;
    config["wait_ms"] = json!(0);
    let traffic = {
        let forged = signed(&Key::load("rsa-2"), "rsa-1", &json!({}));
        Traffic::start(&gate.h1(), 8, move |number| match number % 4 {
            0 => ("forged", own_object(&forged)),
            _ => ("good", own_object(&good)),
        })
    };
    for round in 0..8 {
        if round == 4 {
            issuer.down().await;
        }
        config["realm"] = json!(format!("round {round}"));
        discovered.update(&gate.envoy, filter(&config)).await.unwrap();
        traffic.await_more(100).await;
    }
    let tally = traffic.stop().await;
    assert_tally(&gate, &tally, &[("good", 200), ("forged", 401)]);
    assert_eq!(issuer.count(Issuer::JWKS), 1, "no config fetches what is there");
    gate.assert_no_vm_trapped().await;
}
