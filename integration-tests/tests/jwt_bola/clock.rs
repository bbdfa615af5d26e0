//! Time, and what refused clients are told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{DEADLINE, Request, Response, until};
use serde_json::{Value, json};

use crate::gate::{Gate, config, users, with_token};
use crate::provider::signed;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// `/lenient` has a leeway of 60 s, `/strict` one of 10 s, and `/young` wants tokens of the last 100 s.
fn clocks() -> Value {
    let mut config = config(&users());
    let main = config["providers"]["main"].clone();
    for (name, patch) in [
        ("lenient", json!({"leeway_s": 60})),
        ("strict", json!({"leeway_s": 10})),
        ("young", json!({"leeway_s": 10, "max_age_s": 100})),
    ] {
        let mut provider = main.clone();
        portcullis_integration_tests::merge(&mut provider, &patch);
        config["providers"][name] = provider;
        let rule = json!({"name": name, "path": format!("/{name}"), "auth": [name]});
        config["rules"].as_array_mut().unwrap().push(rule);
    }
    config
}

/// What is claimed, in seconds from now; where; the reason, and by how many seconds it was missed.
type Case<'a> = (&'a [(&'a str, i64)], &'a str, Option<(&'a str, i64)>);

#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_the_leeway() {
    let gate = Gate::start(&clocks()).await;
    let key = Key::load("p256-1");
    let cases: &[Case] = &[
        (&[("exp", -30)], "/lenient", None),
        (&[("exp", -30)], "/strict", Some(("token_expired", 30))),
        (&[("exp", -3600)], "/lenient", Some(("token_expired", 3600))),
        (&[("nbf", 30)], "/lenient", None),
        (&[("nbf", 300)], "/strict", Some(("token_not_yet_valid", 300))),
        (&[("nbf", 300)], "/lenient", Some(("token_not_yet_valid", 300))),
        (&[("iat", 30)], "/lenient", None),
        (&[("iat", 300)], "/strict", Some(("token_issued_in_future", 300))),
        (&[("iat", -50)], "/young", None),
        (&[("iat", -150)], "/young", Some(("token_too_old", 50))),
        (&[("iat", -150)], "/strict", None),
    ];
    for (times, path, expected) in cases {
        for (version, client) in gate.clients() {
            gate.collector.clear();
            let claims: serde_json::Map<_, _> =
                times.iter().map(|(name, offset)| ((*name).to_owned(), json!(now() + offset))).collect();
            let sent = now();
            let request = with_token(Request::get(path), &signed(&key, "p256-1", &claims.into()));
            let Some((reason, missed)) = expected else {
                gate.passed(&client, request).await;
                continue;
            };
            let response = gate.refused_with(401, &client, request).await;
            let late = now() - sent + 1;
            let event = gate.collector.await_count(1).await.remove(0);
            assert_eq!(event["event"]["reason"], *reason, "{times:?} {path} {version}");
            let by = event["portcullis"]["details"]["missed_by_s"].as_i64().unwrap_or_else(|| panic!("{event:#}"));
            // The clock goes on meanwhile, to an `exp` from the other side.
            assert!((missed - late..=missed + late).contains(&by), "{times:?} {path}: {by}");
            let description =
                if missed_its_end(reason) { "The access token expired" } else { "The access token is not valid" };
            assert_eq!(challenge(&response), told("invalid_token", description));
        }
    }
    gate.assert_no_vm_failed().await;
}

fn missed_its_end(reason: &str) -> bool {
    matches!(reason, "token_expired" | "token_too_old")
}

fn challenge(response: &Response) -> String {
    response.headers.text("www-authenticate").unwrap_or_default()
}

fn told(error: &str, description: &str) -> String {
    format!("Bearer realm=\"api\", error=\"{error}\", error_description=\"{description}\"")
}

/// A token that was good ends while it is in the cache.
#[tokio::test(flavor = "multi_thread")]
async fn a_cached_token_ends() {
    let mut config = clocks();
    config["providers"]["strict"]["leeway_s"] = json!(0);
    let gate = Gate::start(&config).await;
    let token = signed(&Key::load("p256-1"), "p256-1", &json!({"exp": now() + 3}));
    let (client, passed) = (gate.h1(), AtomicUsize::new(0));
    let ended = until(DEADLINE, || async {
        let response = client.send(with_token(Request::get("/strict"), &token)).await;
        passed.fetch_add(usize::from(response.status == 200), Ordering::Relaxed);
        (response.status == 401).then_some(())
    });
    assert!(ended.await.is_some(), "it does not end");
    let passed = passed.into_inner();
    assert!(passed > 1, "it was not in the cache");
    assert_eq!(gate.upstream.count(), passed);
    let event = gate.collector.await_count(1).await.remove(0);
    assert_eq!(event["event"]["reason"], "token_expired");
}

/// RFC 6750 section 3.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_a_client_needs() {
    let mut config = config(&users());
    config["realm"] = json!("orders of the shop");
    config["rules"].as_array_mut().unwrap().push(json!({
        "path": "/scoped", "auth": ["main"], "require": [{"claim": "/scope", "any_of": ["orders:write"]}],
    }));
    let gate = Gate::start(&config).await;
    let key = Key::load("p256-1");
    let good = signed(&key, "p256-1", &json!({"scope": "orders:read"}));
    let forged = signed(&Key::load("p256-2"), "p256-1", &json!({}));
    let realm = "Bearer realm=\"orders of the shop\"";
    let told =
        |error: &str, description: &str| format!("{realm}, error=\"{error}\", error_description=\"{description}\"");
    let scheme = |value: &str| Request::get("/scoped").header("authorization", value);
    let cases = [
        // Who sends no token is told nothing but that one is needed.
        (Request::get("/scoped"), 401, realm.to_owned()),
        (scheme("Basic dXNlcjpwYXNzd29yZA=="), 401, realm.to_owned()),
        (with_token(Request::get("/scoped"), &forged), 401, told("invalid_token", "The access token is not valid")),
        (with_token(Request::get("/scoped"), "x.y"), 401, told("invalid_token", "The access token is not valid")),
        (
            with_token(with_token(Request::get("/scoped"), &good), &good),
            400,
            told("invalid_request", "The request has no one well-formed token"),
        ),
        (
            with_token(Request::get("/scoped"), &good),
            403,
            told("insufficient_scope", "The access token does not allow this"),
        ),
        // Another's object is not a matter of scope.
        (with_token(Request::get("/users/43/orders"), &good), 403, String::new()),
    ];
    for (request, status, expected) in cases {
        for (version, client) in gate.clients() {
            let response = gate.refused_with(status, &client, request.clone()).await;
            assert_eq!(challenge(&response), expected, "{version}: {request:?}");
        }
    }
    gate.assert_no_vm_failed().await;
}
