//! How a config gets into force: bad ones never, and of doubtful ones the log tells.

use portcullis_integration_tests::mint::{self, Key};
use portcullis_integration_tests::{
    DiscoveredFilter, Launch, Request, WasmFilter, assert_start_refused, bad_configs, dist,
};
use serde_json::json;

use crate::gate::{Gate, config, filter, token, users, with_token};
use crate::provider::own_object;

/// With the variables that the table's configs name.
fn unparsed(config: &str) -> WasmFilter {
    let secret = |size| "s3cr3t".repeat(size);
    let variables = json!({
        "SECRET": secret(11), "OTHER": secret(12), "SHORT": secret(6)[..35], "NO_KEYS": "s3cr3t, and no key set", "EMPTY": "",
        "KEYS": json!({"keys": [{"kty": "oct", "kid": "a", "k": mint::encode(secret(6))}]}).to_string(),
    });
    let environment = json!({"vm_config": {"environment_variables": {"key_values": variables}}});
    WasmFilter::new("jwt_bola", dist("jwt_bola")).config_text(config).merge(&environment)
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_does_not_start_with_a_bad_config() {
    // Each takes a second of processor time: a few show that the start is refused, and the next test has all of them.
    let table = bad_configs("jwt_bola", 100);
    let step = table.len().div_ceil(8);
    assert_start_refused(table.into_iter().step_by(step), unparsed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_reload_leaves_the_old_config_in_force() {
    let mut discovered = DiscoveredFilter::new(filter(&config(&users())));
    let gate = Gate::launch(&discovered, |bootstrap| Launch::new(bootstrap).concurrency(2)).await;
    let (client, token) = (gate.h1(), token(&json!({})));
    let mut faults = Vec::new();
    for (config, fault) in bad_configs("jwt_bola", 100) {
        match discovered.update(&gate.envoy, unparsed(&config)).await {
            Ok(()) => panic!("taken: {config}"),
            Err(rejected) if !rejected.log.contains(&fault) => {
                faults.push(format!("{config}: no {fault:?} in {rejected}"));
            }
            Err(_) => {}
        }
        gate.passed(&client, own_object(&token)).await;
        gate.refused_with(403, &client, with_token(Request::get("/users/43/orders"), &token)).await;
        gate.refused_with(401, &client, Request::get("/users/42/orders")).await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(!gate.envoy.log().contains("s3cr3t"), "a secret is in Envoy's log");
    // And a good one after all the bad ones.
    let rules = json!([{"path": "/users/**", "auth": "none"}]);
    discovered.update(&gate.envoy, filter(&config(&rules))).await.unwrap();
    gate.passed(&client, Request::get("/users/42/orders")).await;
    assert!(!gate.envoy.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_of_doubtful_configs() {
    let mut config = config(&json!([
        {"path": "/users/{user}", "auth": ["main"]},
        {"path": "/users/{user}/**", "auth": ["main", "other"], "owner": [{"resource": "path.user", "claim": "/sub"}]},
        {"path": "/users/{user}/orders/mine", "auth": ["main"]},
        {"path": "/users/me/orders/{order}", "auth": ["main"]},
        {"path": "/users/me", "auth": "none"},
    ]));
    let mut other = config["providers"]["main"].clone();
    other["issuer"] = json!("https://other.example");
    config["providers"]["other"] = other;
    let weak = Key::load("rsa-weak");
    config["providers"]["main"]["jwks"]["inline"]["keys"].as_array_mut().unwrap().push(weak.public());
    let gate = Gate::start(&config).await;
    for text in [
        "$.rules[1]: callers of several issuers",
        "shares paths: $.rules[",
        "$.providers.main.jwks.inline: left out: ",
        weak.kid(),
    ] {
        assert!(gate.envoy.log().contains(text), "no {text:?} in {}", gate.envoy.log());
    }
    gate.passed(&gate.h1(), Request::get("/users/me")).await;
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_rules_load_and_route() {
    const RULES: usize = 5000;
    let rule = |number: usize| match number % 3 {
        0 => json!({"path": format!("/service-{number}/**"), "auth": "none"}),
        1 => json!({
            "path": format!("/service-{number}/users/{{user}}"), "auth": ["main"],
            "owner": [{"resource": "path.user", "claim": "/sub"}],
        }),
        _ => json!({"path": format!("/service-{number}/{{any}}/end"), "methods": ["POST"], "auth": ["main"]}),
    };
    let rules: Vec<_> = (0..RULES).map(rule).collect();
    let gate = Gate::start(&config(&json!(rules))).await;
    let (client, token) = (gate.h2(), token(&json!({})));
    for number in (0..RULES).step_by(499).chain([RULES - 3, RULES - 2, RULES - 1]) {
        let path = |rest: &str| format!("/service-{number}/{rest}");
        match number % 3 {
            0 => {
                gate.passed(&client, Request::get(&path("a/b"))).await;
            }
            1 => {
                gate.passed(&client, with_token(Request::get(&path("users/42")), &token)).await;
                gate.refused_with(403, &client, with_token(Request::get(&path("users/43")), &token)).await;
            }
            _ => {
                gate.passed(&client, with_token(Request::post(&path("a/end"), "x"), &token)).await;
                gate.refused_with(403, &client, with_token(Request::get(&path("a/end")), &token)).await;
            }
        }
        gate.refused_with(403, &client, Request::get(&format!("/service-{number}x/a"))).await;
    }
    gate.refused_with(403, &client, with_token(Request::get(&format!("/service-{RULES}/a/b")), &token)).await;
    gate.assert_no_vm_failed().await;
}
