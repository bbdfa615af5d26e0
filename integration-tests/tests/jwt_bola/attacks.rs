//! The table of attack tokens, with real requests, and with either who verifies signatures.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_integration_tests::{Decisions, Launch, attacks, telling, workspace};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_over_every_version_whoever_verifies() {
    let table = read("attacks.json");
    let table = table.as_array().unwrap();
    let (proxy, module) = tokio::join!(judge(table, "auto"), judge(table, "wasm"));
    assert!(proxy.1.is_empty() && module.1.is_empty(), "auto:\n{}wasm:\n{}", proxy.1, module.1);
    assert!(proxy.0.len() > 600, "{}", proxy.0.len());
    for (name, by_proxy) in &proxy.0 {
        assert_eq!(by_proxy, &module.0[name], "{name}");
    }
}

/// The reasons by the cases' names, and what is wrong with them, a line each.
async fn judge(table: &[Value], signatures: &str) -> (BTreeMap<String, String>, String) {
    let mut config = read("attacks.config.json");
    config["signatures"] = json!(signatures);
    let variables: BTreeMap<String, String> = serde_json::from_value(read("attacks.env.json")).unwrap();
    let names: Vec<&str> = variables.keys().map(String::as_str).collect();
    let gate = Gate::launch(filter(&config).env(&names), |bootstrap| {
        let launch = Launch::new(bootstrap.http(&telling()));
        variables.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
    })
    .await;
    let (mut reasons, mut faults, mut decided) = (BTreeMap::new(), String::new(), Decisions::new());
    for (version, client) in gate.clients() {
        for case in table {
            gate.upstream.clear();
            let answer = client.send(attacks::request(case, "/orders/1")).await;
            let found = reason(&answer);
            let (name, expect) = (text(case, "name"), text(case, "expect"));
            let is_good = found == expect || case["or"] == found.as_str();
            let (status, seen) = match found.as_str() {
                "accepted" => (200, 1),
                "token_source_malformed" | "token_source_multiple" => (400, 0),
                _ => (401, 0),
            };
            if !is_good || answer.status != status || gate.upstream.count() != seen {
                let _ = writeln!(
                    faults,
                    "{version}: {name}: {} {found} instead of {expect}, {} reached the upstream ({})",
                    answer.status,
                    gate.upstream.count(),
                    case["why"]
                );
            }
            let decision = match found.as_str() {
                "accepted" => "allow /orders/** authorized enforce".to_owned(),
                _ => format!("deny token {found} enforce"),
            };
            *decided.entry(decision).or_default() += 1;
            if let Some(before) = reasons.insert(name.to_owned(), found.clone())
                && before != found
            {
                let _ = writeln!(faults, "{name}: {before} over one version of HTTP, {found} over the other");
            }
        }
    }
    // What Envoy shows of each answer is what was counted.
    if let Err(found) = gate.await_decisions(&decided).await {
        let _ = writeln!(faults, "counted {found:#?} instead of {decided:#?}");
    }
    gate.assert_no_vm_failed().await;
    (reasons, faults)
}

/// A file that the binary `attacks` writes.
fn read(file: &str) -> Value {
    let text = std::fs::read(workspace("filters/jwt_bola/testdata").join(file)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap()
}
