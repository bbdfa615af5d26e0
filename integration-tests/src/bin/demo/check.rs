//! Holds what was seen against what was expected.

use serde_json::Value;

use crate::seen::{Moved, Seen};
use crate::step::{Decision, Step};

/// How many events a step is to bring.
pub(crate) fn events(step: &Step) -> usize {
    step.expect.decisions.iter().filter(|decision| decision.audited).count()
}

/// What is otherwise than expected, in words.
pub(crate) fn differences(seen: &Seen) -> Vec<String> {
    let expect = &seen.step.expect;
    let mut found = Vec::new();
    if seen.answer.status != expect.status {
        found.push(format!("the status is {}, not {}", seen.answer.status, expect.status));
    }
    if seen.upstream.len() != usize::from(expect.upstream) {
        found.push(format!("the upstream saw {} requests, not {}", seen.upstream.len(), usize::from(expect.upstream)));
    }
    let refused = seen.burst.iter().filter(|status| **status != 200).count();
    if refused > 0 {
        found.push(format!("of the {} requests before, {refused} did not pass", seen.burst.len()));
    }
    for (name, part) in expect.headers {
        let value = seen.answer.headers.text(name);
        if !value.as_ref().is_some_and(|value| value.contains(part)) {
            found.push(format!("the answer's {name} is {}, without {part}", value.as_deref().unwrap_or("missing")));
        }
    }
    if expect.decisions.iter().any(Decision::refuses) && !is_problem(seen) {
        found.push("the answer is no problem document with its status".to_owned());
    }
    let counted = seen.moved.iter().filter(|moved| moved.sample.label("filter") == Some(seen.group.filter));
    compare("metric", expect.decisions.iter().map(words).collect(), counted.map(counted_words).collect(), &mut found);
    let audited = expect.decisions.iter().filter(|decision| decision.audited);
    let from = |event: &&Value| event.pointer("/portcullis/filter").and_then(Value::as_str) == Some(seen.group.filter);
    let came = seen.events.iter().filter(from).map(event_words);
    compare("event", audited.map(words).collect(), came.collect(), &mut found);
    let text = Value::from(seen.events.clone()).to_string();
    found.extend(
        expect.secrets.iter().filter(|secret| text.contains(**secret)).map(|s| format!("an event tells {s:?}")),
    );
    if seen.sent.token.as_ref().is_some_and(|token| text.contains(token)) {
        found.push("an event tells the token".to_owned());
    }
    found
}

fn is_problem(seen: &Seen) -> bool {
    let body = serde_json::from_str::<Value>(&seen.answer.body).unwrap_or_default();
    seen.answer.headers.get("content-type") == Some(b"application/problem+json") && body["status"] == seen.answer.status
}

/// A decision in words.
pub(crate) fn words(decision: &Decision) -> String {
    format!("{} by {}, {}, {}", decision.action, decision.rule, decision.mode, decision.reason)
}

/// Says of a counter that went up by one what it counts, and of anything else what it did.
fn counted_words(moved: &Moved) -> String {
    let label = |name| moved.sample.label(name).unwrap_or("?");
    let words = format!("{} by {}, {}, {}", label("action"), label("rule"), label("mode"), label("reason"));
    let by = moved.sample.value - moved.before;
    let is_one = (by - 1.0).abs() < f64::EPSILON;
    if moved.sample.name == "portcullis_decisions_total" && is_one {
        words
    } else {
        format!("{} by {by}, {words}", moved.sample.name)
    }
}

fn event_words(event: &Value) -> String {
    let field = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    let decision = ["/portcullis/action", "/rule/name", "/portcullis/mode", "/event/reason"].map(field);
    let [action, rule, mode, reason] = decision;
    format!("{action} by {rule}, {mode}, {reason}")
}

fn compare(what: &str, mut expected: Vec<String>, mut seen: Vec<String>, found: &mut Vec<String>) {
    expected.retain(|words| match seen.iter().position(|other| other == words) {
        Some(index) => {
            seen.remove(index);
            false
        }
        None => true,
    });
    found.extend(expected.iter().map(|words| format!("missing {what}: {words}")));
    found.extend(seen.iter().map(|words| format!("unexpected {what}: {words}")));
}

#[cfg(test)]
mod tests {
    use portcullis_integration_tests::{Headers, Sample};
    use serde_json::json;

    use super::*;
    use crate::answer::Answer;
    use crate::step::{Expect, Group, get};

    const STEP: Step = Step::new("", "", get("/", &[]), REFUSED.telling(&[("retry-after", "41")]).without(&["s3"]));
    const REFUSED: Expect = Expect::refused(403, &[Decision::deny("r", "w")]);
    const OTHERWISE: Step =
        Step::new("", "", get("/", &[]), REFUSED.telling(&[("retry-after", "42")]).without(&["s3"]));
    const GROUP: Group = Group { filter: "f", about: "", deciding: &[], steps: &[STEP] };

    fn counter(rule: &str, before: f64, value: f64) -> Moved {
        let labels = [("filter", "f"), ("rule", rule), ("action", "deny"), ("mode", "enforce"), ("reason", "w")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Moved { sample: Sample { name: "portcullis_decisions_total".to_owned(), labels, value }, before }
    }

    fn event(rule: &str) -> Value {
        json!({
            "rule": {"name": rule},
            "event": {"reason": "w"},
            "portcullis": {"filter": "f", "action": "deny", "mode": "enforce"},
        })
    }

    fn as_expected() -> Seen {
        let mut headers = Headers::default();
        headers.push("content-type", "application/problem+json");
        headers.push("retry-after", "41");
        let answer = Answer { status: 403, headers, body: r#"{"status":403}"#.to_owned() };
        Seen {
            answer,
            moved: vec![counter("r", 1.0, 2.0)],
            events: vec![event("r")],
            ..Seen::new(1, &GROUP, &GROUP.steps[0])
        }
    }

    #[test]
    fn nothing_differs() {
        assert_eq!(differences(&as_expected()), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_told() {
        type Change = fn(&mut Seen);
        let table: [(Change, &[&str]); 10] = [
            (|seen| seen.answer.status = 200, &["the status is 200, not 403", "no problem document"]),
            (|seen| seen.answer.body.clear(), &["no problem document"]),
            (|seen| seen.burst = vec![200, 429], &["of the 2 requests before, 1 did not pass"]),
            (|seen| seen.step = &OTHERWISE, &["the answer's retry-after is 41, without 42"]),
            (|seen| seen.moved.clear(), &["missing metric: deny by r, enforce, w"]),
            (|seen| seen.moved[0].before = 0.0, &["missing metric: deny by r", "total by 2, deny by r"]),
            (|seen| seen.moved.push(counter("x", 0.0, 1.0)), &["unexpected metric: deny by x"]),
            (|seen| seen.events = vec![event("x")], &["missing event: deny by r", "unexpected event: deny by x"]),
            (|seen| seen.events[0]["x"] = json!("a s3 b"), &["an event tells \"s3\""]),
            (|seen| seen.sent.token = Some("deny".to_owned()), &["an event tells the token"]),
        ];
        for (change, expected) in table {
            let mut seen = as_expected();
            change(&mut seen);
            let found = differences(&seen);
            let all =
                found.len() == expected.len() && found.iter().zip(expected).all(|(found, part)| found.contains(part));
            assert!(all, "{found:?} is not {expected:?}");
        }
    }
}
