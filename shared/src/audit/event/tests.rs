#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde_json::{Value, json};

use super::{EventInput, MAX_BYTES, RequestFacts, Template, parse};
use crate::{
    audit::Class,
    decision::{Action, Detail, Outcome},
    mode::Mode,
};

fn outcome(action: Action, mode: Mode) -> Outcome {
    Outcome { action, ..Outcome::allow("agent_blocked", "bad bots", mode) }
}

fn template(outcome: &Outcome) -> Template {
    Template::new("ua_block", "0.1.0", outcome, Class::of(outcome))
}

fn input(request: RequestFacts<'_>) -> EventInput<'_> {
    EventInput {
        time: 1_767_323_045_123_456_789,
        vm: "a1b2c3d4e5f60718",
        sequence: 7,
        alert: false,
        details: &[],
        request,
    }
}

fn built(template: &Template, input: &EventInput) -> Value {
    let mut event = "what was there before".to_owned();
    template.render(input, &mut event);
    assert!(event.len() <= MAX_BYTES, "{} bytes", event.len());
    assert!(!event.chars().any(char::is_control), "{event}");
    serde_json::from_str(&event).unwrap()
}

fn built_of(request: RequestFacts) -> Value {
    built(&template(&outcome(Action::Deny, Mode::Enforce)), &input(request))
}

fn full() -> RequestFacts<'static> {
    RequestFacts {
        method: Some(b"GET"),
        path: Some(b"/users/42?page=1&token=abc"),
        authority: Some(b"API.example.com:8443"),
        user_agent: Some(b"BadBot/1.0"),
        client: Some("203.0.113.7".parse().unwrap()),
        client_port: Some(50_123),
        request_id: Some(b"7f0c-1"),
        traceparent: Some(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        protocol: Some(b"HTTP/1.1"),
        status: Some(403),
    }
}

#[test]
fn a_denial_has_every_field() {
    let details = [Detail { name: "agent", value: json!("BadBot") }];
    let outcome = outcome(Action::Deny, Mode::Enforce);
    let event = built(&template(&outcome), &EventInput { details: &details, ..input(full()) });
    let expected = json!({
        "@timestamp": "2026-01-02T03:04:05.123456Z",
        "ecs": {"version": "8.17.0"},
        "event": {
            "id": "a1b2c3d4e5f60718-7", "kind": "event", "category": ["network", "web"], "type": ["access", "denied"],
            "action": "deny", "outcome": "failure", "reason": "agent_blocked", "sequence": 7,
            "module": "portcullis", "dataset": "portcullis.ua_block", "provider": "ua_block",
        },
        "rule": {"name": "bad bots", "ruleset": "ua_block"},
        "source": {"ip": "203.0.113.7", "port": 50_123},
        "http": {
            "version": "1.1", "request": {"method": "GET", "id": "7f0c-1"}, "response": {"status_code": 403},
        },
        "url": {"path": "/users/42", "query": "page=1&token=[REDACTED]", "domain": "api.example.com"},
        "user_agent": {"original": "BadBot/1.0"},
        "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
        "span": {"id": "00f067aa0ba902b7"},
        "observer": {"vendor": "Portcullis", "product": "Portcullis", "type": "waf", "version": "0.1.0"},
        "portcullis": {
            "filter": "ua_block", "action": "deny", "mode": "enforce", "vm": "a1b2c3d4e5f60718", "class": "deny",
            "details": {"agent": "BadBot"},
        },
    });
    assert_eq!(event, expected);
}

#[test]
fn what_is_not_known_is_missing() {
    let event = built_of(RequestFacts::default());
    let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = ["@timestamp", "ecs", "event", "rule", "observer", "portcullis"];
    expected.sort_unstable();
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(event["portcullis"].as_object().unwrap().len(), 5);
}

#[test]
fn what_was_done_differs_from_what_was_decided() {
    for (action, mode, class, expected) in [
        (Action::Allow, Mode::Enforce, Class::Allow, ["allow", "success", "allow", "enforce"]),
        (Action::Deny, Mode::Shadow, Class::Shadow, ["allow", "success", "deny", "shadow"]),
        (Action::Deny, Mode::Enforce, Class::Deny, ["deny", "failure", "deny", "enforce"]),
    ] {
        let outcome = outcome(action, mode);
        let event = built(&template(&outcome), &input(full()));
        let found = ["/event/action", "/event/outcome", "/portcullis/action", "/portcullis/mode"]
            .map(|at| event.pointer(at).unwrap());
        assert_eq!(found, expected);
        assert_eq!(event["portcullis"]["class"], class.as_str());
    }
    let outcome = outcome(Action::Allow, Mode::Enforce);
    let failed = Template::new("ua_block", "0.1.0", &outcome, Class::Error);
    let event = built(&failed, &EventInput { alert: true, ..input(full()) });
    assert_eq!(event["event"]["type"], json!(["access", "allowed", "error"]));
    assert_eq!((&event["event"]["outcome"], &event["event"]["kind"]), (&json!("unknown"), &json!("alert")));
}

#[test]
fn timestamps() {
    const DAY: u64 = 86_400_000_000_000;
    for (ns, expected) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (999, "1970-01-01T00:00:00.000000Z"),
        (58 * DAY + 1000, "1970-02-28T00:00:00.000001Z"),
        (11_016 * DAY - 1, "2000-02-28T23:59:59.999999Z"),
        (11_016 * DAY, "2000-02-29T00:00:00.000000Z"),
        (11_017 * DAY, "2000-03-01T00:00:00.000000Z"),
        (20_453 * DAY, "2025-12-31T00:00:00.000000Z"),
        (47_540 * DAY, "2100-02-28T00:00:00.000000Z"),
        (47_541 * DAY, "2100-03-01T00:00:00.000000Z"),
        (u64::MAX, "2554-07-21T23:34:33.709551Z"),
    ] {
        let mut time = String::new();
        parse::Timestamp(ns).write(&mut time);
        assert_eq!(time, expected);
    }
}

#[test]
fn only_a_valid_traceparent_counts() {
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let good = Some((trace, span));
    for (header, expected) in [
        (format!("00-{trace}-{span}-01"), good),
        (format!("01-{trace}-{span}-01-more"), good),
        (format!("00-{trace}-{span}-01-more"), None),
        (format!("ff-{trace}-{span}-01"), None),
        (format!("00-{}-{span}-01", trace.to_uppercase()), None),
        (format!("00-{}-{span}-01", "0".repeat(32)), None),
        (format!("00-{trace}-{}-01", "0".repeat(16)), None),
        (format!("00-{trace}-{span}"), None),
        (format!("00-{trace}x-{span}-01"), None),
        (format!(" 00-{trace}-{span}-01"), None),
        (String::new(), None),
    ] {
        assert_eq!(parse::traceparent(header.as_bytes()), expected, "{header}");
    }
    assert_eq!(parse::traceparent(b"00-\xff"), None);
}

#[test]
fn odd_requests() {
    for (authority, expected) in [
        ("example.com", Some("example.com")),
        ("[2001:DB8::1]:443", Some("[2001:db8::1]")),
        ("[2001:db8::1]", Some("[2001:db8::1]")),
        ("user:pass@example.com:80", Some("example.com")),
        ("", None),
        (":80", None),
    ] {
        let event = built_of(RequestFacts { authority: Some(authority.as_bytes()), ..RequestFacts::default() });
        assert_eq!(event.pointer("/url/domain").and_then(Value::as_str), expected, "{authority}");
    }
    for (path, expected) in [
        ("/a", json!({"path": "/a"})),
        ("/a?", json!({"path": "/a", "query": ""})),
        ("/a?b?c", json!({"path": "/a", "query": "b?c"})),
        ("*", json!({"path": "*"})),
    ] {
        let event = built_of(RequestFacts { path: Some(path.as_bytes()), ..RequestFacts::default() });
        assert_eq!(event["url"], expected);
    }
    let event = built_of(RequestFacts {
        client: Some("::ffff:192.0.2.1".parse().unwrap()),
        user_agent: Some(b"a\xa1\n\"b\\"),
        protocol: Some(b"HTTP/2"),
        ..RequestFacts::default()
    });
    assert_eq!(event["source"], json!({"ip": "192.0.2.1"}));
    assert_eq!(event["user_agent"]["original"], r#"a\xA1\x0A"b\"#);
    assert_eq!(event["http"], json!({"version": "2"}));
}

#[test]
fn long_fields_are_cut_at_a_character() {
    for (agent, expected) in [
        ("x".repeat(1024), "x".repeat(1024)),
        ("x".repeat(1025), format!("{}…", "x".repeat(1021))),
        ("é".repeat(600), format!("{}…", "é".repeat(510))),
        ("\"".repeat(600), format!("{}…", "\"".repeat(510))),
        ("\"".repeat(512), "\"".repeat(512)),
    ] {
        let event = built_of(RequestFacts { user_agent: Some(agent.as_bytes()), ..RequestFacts::default() });
        assert_eq!(event["user_agent"]["original"], expected);
    }
    // A secret is cut out before the text is cut off: half a token would no longer look like one.
    let path = format!("/?a={}&x=eyJhbGciOiJIUzI1NiJ9.{}.{}", "b".repeat(1900), "p".repeat(200), "s".repeat(40));
    let event = built_of(RequestFacts { path: Some(path.as_bytes()), ..RequestFacts::default() });
    assert!(event["url"]["query"].as_str().unwrap().ends_with("&x=[REDACTED]"));
}

#[test]
fn nothing_makes_an_event_too_large() {
    let huge = "\"\\\u{1}\u{fffd}é\u{2028}".repeat(10_000);
    let outcome = Outcome { rule: huge.as_str().into(), ..outcome(Action::Deny, Mode::Enforce) };
    let names: Vec<&'static str> = vec!["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let details: Vec<Detail> = names.into_iter().map(|name| Detail { name, value: json!([huge]) }).collect();
    let bytes = Some(huge.as_bytes());
    let request = RequestFacts {
        method: bytes,
        path: bytes,
        authority: bytes,
        user_agent: bytes,
        request_id: bytes,
        protocol: bytes,
        status: Some(u16::MAX),
        ..full()
    };
    let path = format!("{huge}?{huge}");
    let request = RequestFacts { path: Some(path.as_bytes()), ..request };
    let template = Template::new(&huge, &huge, &outcome, Class::Shadow);
    let input = EventInput { time: u64::MAX, vm: &huge, sequence: u64::MAX, details: &details, ..input(request) };
    let event = built(&template, &input);
    let shown = event["portcullis"]["details"].as_object().unwrap().len();
    assert_eq!((shown, &event["portcullis"]["details_omitted"]), (7, &json!(5)));
}

#[test]
fn details_are_clean() {
    let mut deep = json!("bottom");
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let details = [
        Detail { name: "token_age_s", value: json!(-30) },
        Detail { name: "header", value: json!("Bearer abcdef123") },
        Detail { name: "body", value: json!({"password": "hunter2", "list": [{"api_key": 5}, "a\nb"], "ok": true}) },
        Detail { name: "deep", value: deep },
        Detail { name: "huge", value: json!(vec!["x"; 5000]) },
        Detail { name: "none", value: json!(null) },
    ];
    let outcome = outcome(Action::Deny, Mode::Enforce);
    let event = built(&template(&outcome), &EventInput { details: &details, ..input(full()) });
    let fits = event["portcullis"]["details"]["huge"].as_array().unwrap().len();
    assert!((700..800).contains(&fits), "{fits}");
    let expected = json!({
        "token_age_s": -30,
        "huge": vec!["x"; fits],
        "header": "Bearer [REDACTED]",
        "body": {"password": "[REDACTED]", "list": [{"api_key": "[REDACTED]"}, "a\\x0Ab"], "ok": true},
        "deep": [[[[[[[[null]]]]]]]],
        "none": null,
    });
    assert_eq!(event["portcullis"]["details"], expected);
    assert_eq!(event["portcullis"]["details_omitted"], 5000 - fits);
}

#[test]
fn a_request_full_of_secrets_leaves_none() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dBjftJeZ4CVPsignature";
    let all = format!("/{jwt}/a?token=dBjftJeZ4CVPsignature&b={jwt}&c=https%3A%2F%2Fu%3AdBjftJeZ4CVPsignature%40h");
    let bytes = Some(all.as_bytes());
    let request = RequestFacts {
        method: bytes,
        path: bytes,
        authority: bytes,
        user_agent: bytes,
        request_id: bytes,
        traceparent: bytes,
        protocol: bytes,
        ..full()
    };
    assert!(!built_of(request).to_string().contains("dBjftJeZ4CVPsignature"));
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::{RequestFacts, built_of};

    proptest! {
        #[test]
        fn any_bytes_make_one_line_of_json(bytes in prop::collection::vec(any::<u8>(), 0..3000), plain in ".{0,1000}") {
            for bytes in [bytes.as_slice(), plain.as_bytes()] {
                let bytes = Some(bytes);
                let event = built_of(RequestFacts {
                    method: bytes,
                    path: bytes,
                    authority: bytes,
                    user_agent: bytes,
                    request_id: bytes,
                    traceparent: bytes,
                    protocol: bytes,
                    ..RequestFacts::default()
                });
                prop_assert!(event.is_object());
            }
        }
    }
}
