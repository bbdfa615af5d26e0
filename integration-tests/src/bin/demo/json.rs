//! The tour for scripts.

use portcullis_integration_tests::Received;
use serde_json::{Map, Number, Value, json};

use crate::curl;
use crate::seen::{Moved, Seen};
use crate::stage::{CONFIGS, Stage};
use crate::step::{Decision, Event};

pub(crate) fn report(stage: &Stage, seen: &[Seen]) -> Value {
    let filters = stage.filters();
    json!({
        "envoy": stage.version,
        "configs": CONFIGS,
        "modules": filters.iter().map(|filter| format!("dist/{}.wasm", filter.module)).collect::<Vec<_>>(),
        "as_expected": seen.iter().all(Seen::is_as_expected),
        "steps": seen.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(seen: &Seen) -> Value {
    let request = &seen.step.request;
    let headers = request.headers.iter().map(|(name, value)| json!([name, value.escape_ascii().to_string()]));
    let answered = seen.answer.headers.iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)]));
    let expect = &seen.step.expect;
    json!({
        "number": seen.number,
        "filter": seen.group.filter,
        "title": seen.step.title,
        "why": seen.step.why,
        "as_expected": seen.is_as_expected(),
        "differences": seen.differences,
        "before": seen.step.event.map(Event::words),
        "curl": curl::alone(&seen.sent, seen.gateway),
        "request": {
            "method": request.method,
            "path": request.path,
            "headers": headers.collect::<Vec<_>>(),
            "token": seen.sent.token,
            "from": request.from,
            "body": request.body,
        },
        "response": {
            "status": seen.answer.status,
            "content_type": seen.answer.headers.text("content-type"),
            "headers": answered.collect::<Vec<_>>(),
            "body": seen.answer.body,
        },
        "upstream": seen.upstream.iter().map(received).collect::<Vec<_>>(),
        "metrics": seen.moved.iter().map(metric).collect::<Vec<_>>(),
        "events": seen.events,
        "expected": {
            "status": expect.status,
            "upstream": expect.upstream,
            "decisions": expect.decisions.iter().map(decision).collect::<Vec<_>>(),
        },
    })
}

fn received(got: &Received) -> Value {
    let headers = got.headers.iter().map(|(name, value)| json!([name, value.escape_ascii().to_string()]));
    json!({"method": got.method, "path": got.path, "headers": headers.collect::<Vec<_>>()})
}

fn metric(moved: &Moved) -> Value {
    let labels: Map<_, _> = moved.sample.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({"name": moved.sample.name, "labels": labels, "before": number(moved.before), "after": number(moved.sample.value)})
}

/// Counts without a decimal point.
fn number(value: f64) -> Option<Number> {
    value.to_string().parse().ok()
}

fn decision(decision: &Decision) -> Value {
    let Decision { rule, action, mode, reason, audited } = decision;
    json!({"rule": rule, "action": action, "mode": mode, "reason": reason, "audited": audited})
}
