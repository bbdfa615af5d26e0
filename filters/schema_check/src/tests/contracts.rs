//! The table of requests, judged natively.

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_shared::{
    config,
    decision::{Action, Decision},
    policy::{Filter, Next, Policy, Trail},
    request::Parts,
};
use serde_json::Value;
use std::fmt::Write;

use crate::{SchemaCheck, config::Config};

/// The bytes of a request's body.
pub(super) fn body(request: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(encoded) = request["body_base64"].as_str() {
        return STANDARD.decode(encoded).unwrap();
    }
    if let Some(repeat) = request.get("body_repeat") {
        let unit = text(&repeat["unit"]);
        let turns: String =
            (0..repeat["times"].as_u64().unwrap()).map(|turn| unit.replace("{i}", &turn.to_string())).collect();
        return [text(&repeat["prefix"]), turns, text(&repeat["suffix"])].concat().into_bytes();
    }
    text(&request["body"]).into_bytes()
}

/// A body for [`body`].
pub(super) fn encoded(body: &[u8]) -> String {
    STANDARD.encode(body)
}

/// What becomes of a request: the decision that matters, by its operation, reason, details and status.
pub(super) struct Verdict {
    pub(super) reason: &'static str,
    pub(super) rule: String,
    pub(super) errors: Value,
    pub(super) status: Option<u16>,
}

/// A filter with this configuration.
pub(super) fn filter(config: &Value) -> SchemaCheck {
    let config: Config = config::parse(config.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
    SchemaCheck::compile(config, &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Sends a request of the table.
pub(super) fn judge(filter: &SchemaCheck, request: &Value) -> Verdict {
    let body = body(request);
    let text = |name: &str| request[name].as_str().unwrap().as_bytes().to_vec();
    let mut headers = vec![(":method".to_owned(), text("method")), (":path".to_owned(), text("path"))];
    headers.push((":authority".to_owned(), b"api.example".to_vec()));
    for pair in request["headers"].as_array().into_iter().flatten() {
        let name = pair[0].as_str().unwrap().to_ascii_lowercase();
        headers.push((name, pair[1].as_str().unwrap().as_bytes().to_vec()));
    }
    if !body.is_empty() {
        headers.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    }
    let parts = Parts { headers, has_body: !body.is_empty(), ..Parts::default() };
    let mut trail = Trail::default();
    trail.begin(true);
    match filter.on_request_headers(&parts, &mut trail).unwrap() {
        Next::Body(check) if body.len() > check.limit => trail.conclude(check.over_limit),
        Next::Body(check) => (check.judge)(&parts, &body, &mut trail).unwrap(),
        Next::Done => {}
        Next::Wait(_) | Next::Call(_) => panic!("nothing to wait for"),
    }
    let outcome = |decision: &Decision| filter.outcomes().get(decision.outcome).unwrap().clone();
    let decisions = trail.decisions();
    let deciding = decisions.iter().find(|decision| outcome(decision).action == Action::Deny);
    let decision =
        deciding.or(decisions.last()).unwrap_or_else(|| panic!("nothing was decided of {}", request["name"]));
    let outcome = outcome(decision);
    let errors = decision.details.iter().find(|detail| detail.name == "errors").map(|detail| detail.value.clone());
    Verdict {
        reason: outcome.reason.0,
        rule: outcome.rule.to_string(),
        errors: errors.unwrap_or_default(),
        status: outcome.refusal.map(|refusal| refusal.status),
    }
}

/// What is wrong with a verdict, if anything.
fn fault(request: &Value, verdict: &Verdict) -> Option<String> {
    let expect = request["verdict"].as_str().unwrap();
    if verdict.reason != expect {
        return Some(format!("{} instead of {expect}", verdict.reason));
    }
    if request["operation"].as_str().is_some_and(|operation| !expect.ends_with("_unknown") && operation != verdict.rule)
    {
        return Some(format!("operation {}", verdict.rule));
    }
    let status = match (expect, request["status"].as_u64()) {
        ("valid" | "not_documented", _) => None,
        ("body_too_large" | "body_bomb", None) => Some(413),
        (_, status) => Some(status.unwrap_or(400)),
    };
    if verdict.status.map(u64::from) != status {
        return Some(format!("status {:?}", verdict.status));
    }
    let errors = verdict.errors.as_array().map(Vec::as_slice).unwrap_or_default();
    for violation in request["violations"].as_array().into_iter().flatten() {
        if !errors.iter().any(|error| is_told(error, violation)) {
            return Some(format!("{violation} is not among {}", verdict.errors));
        }
    }
    None
}

#[test]
fn every_request_of_the_table() {
    let (mut faults, mut requests, mut bad, mut documents) = (String::new(), 0, 0, 0);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/contracts");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        documents += 1;
        let contract: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let filter = filter(&contract["config"]);
        for request in contract["requests"].as_array().unwrap() {
            requests += 1;
            bad += usize::from(!matches!(request["verdict"].as_str().unwrap(), "valid" | "not_documented"));
            if let Some(fault) = fault(request, &judge(&filter, request)) {
                let file = path.file_stem().unwrap().to_string_lossy();
                let _ = writeln!(faults, "{file}: {}: {fault}", request["name"]);
            }
        }
    }
    assert!(faults.is_empty(), "{} of {requests} requests:\n{faults}", faults.lines().count());
    assert!(documents >= 10 && requests >= 1000 && bad * 2 > requests, "{documents} {requests} {bad}");
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
