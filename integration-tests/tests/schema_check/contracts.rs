//! The table of requests, through Envoy over both versions of HTTP.

use std::fmt::Write;

use base64ct::{Base64, Encoding};
use portcullis_integration_tests::{Client, Launch, Request, Response, telling, workspace};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_table() {
    let mut contracts = Vec::new();
    for file in std::fs::read_dir(workspace("filters/schema_check/testdata/contracts")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let contract: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            contracts.push((path.file_stem().unwrap().to_string_lossy().into_owned(), contract));
        }
    }
    assert!(contracts.len() >= 10);
    let mut faults = String::new();
    // Envoy would put ids of its own in the place of clients, and refuse large bodies before the filter does.
    let mut http = telling();
    http["preserve_external_request_id"] = json!(true);
    for (name, contract) in &contracts {
        let mut config = contract["config"].clone();
        config["audit"] = json!({"cluster": "audit", "batch": {"max_age_ms": 10}});
        let gate =
            Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&http).buffer_limit(2 << 20))).await;
        for (version, client) in gate.clients() {
            for request in contract["requests"].as_array().unwrap() {
                let only = request["http"].as_array();
                if only.is_some_and(|only| !only.iter().any(|known| version.ends_with(known.as_str().unwrap()))) {
                    continue;
                }
                if let Some(fault) = judge(&gate, &client, request).await {
                    let _ = writeln!(faults, "{version}: {name}: {}: {fault}", request["name"]);
                }
            }
        }
        gate.assert_no_vm_failed().await;
    }
    assert!(faults.is_empty(), "{}:\n{faults}", faults.lines().count());
}

/// What is wrong, if anything.
async fn judge(gate: &Gate, client: &Client, request: &Value) -> Option<String> {
    gate.upstream.clear();
    let response = client.send(self::request(request)).await;
    let expect = request["verdict"].as_str().unwrap();
    let passes = matches!(expect, "valid" | "not_documented");
    let found = reason(&response);
    let status = match request["status"].as_u64() {
        _ if passes => 200,
        Some(status) => status,
        None if matches!(expect, "body_too_large" | "body_bomb") => 413,
        None => 400,
    };
    if (found == "accepted") != passes || (!passes && found != expect) {
        return Some(format!("{found} ({}) instead of {expect}", response.status));
    }
    if u64::from(response.status) != status {
        return Some(format!("status {} instead of {status}", response.status));
    }
    let seen = gate.upstream.count();
    if seen != usize::from(passes) {
        return Some(format!("{seen} requests reached the upstream"));
    }
    if passes { intact(gate, request) } else { told(&response, request) }
}

/// Whether the upstream got the body that was sent.
fn intact(gate: &Gate, request: &Value) -> Option<String> {
    let body = body(request);
    (gate.upstream.only_request().body != body).then(|| "the body was changed".to_owned())
}

/// Whether the client is told where it failed.
fn told(response: &Response, request: &Value) -> Option<String> {
    let violations = request["violations"].as_array()?;
    let problem = response.json();
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_told = |violation: &Value| errors.iter().any(|error| is_told(error, violation));
    let missing = violations.iter().find(|violation| !is_told(violation))?;
    Some(format!("{missing} is not among {problem}"))
}

fn request(request: &Value) -> Request {
    let text = |name: &str| request[name].as_str().unwrap();
    let mut made = Request::new(text("method"), text("path"));
    for pair in request["headers"].as_array().into_iter().flatten() {
        made = made.header(pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    }
    let body = body(request);
    if body.is_empty() { made } else { made.body(body) }
}

/// The bytes of a request's body.
fn body(request: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(encoded) = request["body_base64"].as_str() {
        return Base64::decode_vec(encoded).unwrap();
    }
    if let Some(repeat) = request.get("body_repeat") {
        let unit = text(&repeat["unit"]);
        let turns: String =
            (0..repeat["times"].as_u64().unwrap()).map(|turn| unit.replace("{i}", &turn.to_string())).collect();
        return [text(&repeat["prefix"]), turns, text(&repeat["suffix"])].concat().into_bytes();
    }
    text(&request["body"]).into_bytes()
}

/// Keywords that say of a member that it is missing.
const MISSING: [&str; 3] = ["required", "dependentRequired", "dependencies"];

/// Whether an error is the one that the table wants. What is missing is named where it should be, so that clients know what it
/// is; the table names the object.
fn is_told(error: &Value, violation: &Value) -> bool {
    violation.as_object().unwrap().iter().all(|(name, value)| {
        let is_missing = name == "pointer" && MISSING.iter().any(|keyword| violation["keyword"] == *keyword);
        let parent = |pointer: &str| pointer.rsplit_once('/').map(|(parent, _)| Value::from(parent));
        if is_missing {
            error[name].as_str().and_then(parent).as_ref() == Some(value)
        } else {
            same(&error[name], value)
        }
    })
}

/// Whether two members of an error are the same: headers' names have no case.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_str(), other.as_str()) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}
