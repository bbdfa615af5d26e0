//! Bodies that are made to cost more than they should: each is answered by its reason, others are answered meanwhile, and
//! memory stays within bounds.

use std::fmt::Write;

use portcullis_integration_tests::{Launch, Request, Traffic, telling};
use serde_json::{Value, json};

use crate::compress::{deflate, gzip, stream};
use crate::gate::{Gate, filter, reason};

/// Patterns that backtracking takes exponential or quadratic time for, and a text that makes it do so.
const PATTERNS: [(&str, &str, &str); 10] = [
    ("^(a+)+$", "a", "!"),
    ("^(a|a)*$", "a", "!"),
    ("^(a|aa)+$", "a", "!"),
    ("^(.*a){12}$", "a", "!"),
    ("(x+x+)+y", "x", ""),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "a", ""),
    (".*.*.*=.*", "a", ""),
    ("\\s+$", " ", "x"),
    ("^(?:[a-z0-9]+(?:[-.][a-z0-9]+)*)+@x$", "a", ""),
    ("(?:a?){30}a{30}b", "a", ""),
];

/// Schemas by what is costly about them.
fn schemas() -> Value {
    let node = json!({"$ref": "#/components/schemas/node"});
    let branch = |more: Value| {
        let mut branch = json!({"type": "object", "required": ["a"], "properties": {"a": node}});
        portcullis_integration_tests::merge(&mut branch, &more);
        branch
    };
    let number = json!({"type": "number", "multipleOf": 0.01, "exclusiveMaximum": 1e300, "minimum": -10});
    let mut schemas = json!({
        "any": {},
        "integers": {"type": "object", "additionalProperties": {"type": "integer"}},
        "items": {"type": "array", "items": {"type": "integer"}},
        "unique": {"type": "array", "uniqueItems": true},
        // Both alternatives at each level: 2 to the power of the depth.
        "node": {"oneOf": [{"const": 1}, branch(json!({"minProperties": 1})), branch(json!({"maxProperties": 1}))]},
        "not": {"not": {"not": {"anyOf": [node, {"not": node}]}}},
        "number": number,
        "numbers": {"type": "array", "items": number},
        "names": {"type": "object", "propertyNames": {"pattern": "^(a+)+$"}},
        "matched": {"type": "object", "patternProperties": {"^(a|a)+": {}, "(x+x+)+y": {}, "b$": {}}, "additionalProperties": false},
        "unevaluated": {
            "anyOf": [{"patternProperties": {"^a": {}}}, {"patternProperties": {"^b": {}}}, true],
            "unevaluatedProperties": {"type": "integer"},
        },
        "costly": {"type": "array", "items": {"anyOf": (0..20).map(|n| json!({"const": n})).collect::<Vec<_>>()}},
        "contains": {"type": "array", "contains": {"type": "object", "required": ["x"]}, "minContains": 2},
        "dates": {"type": "array", "items": {"type": "string", "format": "email"}},
    });
    for (index, (pattern, _, _)) in PATTERNS.iter().enumerate() {
        schemas[format!("pattern{index}")] = json!({"type": "string", "pattern": pattern});
    }
    schemas
}

/// An operation for each schema, that takes JSON and forms.
fn settings() -> Value {
    let mut paths = json!({});
    let schemas = schemas();
    for name in schemas.as_object().unwrap().keys() {
        let schema = json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
        let content = json!({
            "application/json": schema, "application/x-www-form-urlencoded": schema, "multipart/form-data": schema,
        });
        let kinds =
            if matches!(name.as_str(), "any" | "integers") { content } else { json!({"application/json": schema}) };
        let body = json!({"required": true, "content": kinds});
        paths[format!("/{name}")] = json!({"post": {"operationId": name, "requestBody": body}});
    }
    json!({
        "openapi": {
            "openapi": "3.1.0", "info": {"title": "Costly", "version": "1"},
            "paths": paths, "components": {"schemas": schemas},
        },
        "content_encoding": "decode",
    })
}

/// One body.
struct Case {
    path: &'static str,
    media_type: &'static str,
    coding: &'static str,
    body: Vec<u8>,
    /// The reason.
    expect: &'static str,
}

fn json_case(path: &'static str, body: impl Into<Vec<u8>>, expect: &'static str) -> Case {
    Case { path, media_type: "application/json", coding: "identity", body: body.into(), expect }
}

/// An object with so many members, and what else is to be in it.
fn object(members: impl Iterator<Item = String>, rest: &str) -> String {
    let members: Vec<String> = members.map(|name| format!("\"{name}\":1")).collect();
    format!("{{{}{rest}}}", members.join(","))
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// Names that have one hash in Java, and in whatever multiplies by 31.
fn colliding(index: usize) -> String {
    (0..14).map(|bit| if index >> bit & 1 == 0 { "Aa" } else { "BB" }).collect()
}

fn syntax() -> Vec<Case> {
    let nested = |open: &str, times: usize, close: &str| format!("{}1{}", open.repeat(times), close.repeat(times));
    let long = "a".repeat(262_145);
    let escaped = "\\u0061".repeat(170_000);
    vec![
        json_case("/any", nested("[", 64, "]"), "accepted"),
        json_case("/any", nested("[", 65, "]"), "json_too_deep"),
        json_case("/any", nested("{\"a\":", 65, "}"), "json_too_deep"),
        json_case("/any", "[".repeat(1_000_000), "json_too_deep"),
        json_case("/any", "{\"a\":".repeat(200_000), "json_too_deep"),
        json_case("/any", "[{\"a\":".repeat(150_000), "json_too_deep"),
        json_case("/any", "]".repeat(1_000_000), "json_invalid"),
        json_case("/any", "-".repeat(1_000_000), "json_invalid"),
        json_case("/any", "\"\\".repeat(500_000), "json_string_too_long"),
        json_case("/any", format!("\"{}", "\\\\".repeat(500_000)), "json_string_too_long"),
        json_case("/any", " ".repeat(1_000_000), "json_invalid"),
        json_case("/any", array((0..300_000).map(|_| "[]".to_owned())), "accepted"),
        json_case("/any", array((0..500_000).map(|_| "1".to_owned())), "accepted"),
        json_case("/any", object((0..10_000).map(|n| n.to_string()), ""), "accepted"),
        json_case("/any", object((0..10_001).map(|n| n.to_string()), ""), "json_too_many_keys"),
        json_case("/any", array((0..10_001).map(|_| "{\"a\":1}".to_owned())), "json_too_many_keys"),
        json_case("/any", object((0..9_000).map(colliding), ""), "accepted"),
        json_case(
            "/any",
            object((0..9_000).map(colliding), ",\"BBAaAaAaAaAaAaAaAaAaAaAaAaAa\":1"),
            "json_duplicate_key",
        ),
        json_case("/any", object((0..9_000).map(|n| "\\u0000".repeat(n % 30) + &n.to_string()), ""), "accepted"),
        json_case("/any", object((0..9_000).map(|n| format!("{n:0100}")), ""), "accepted"),
        json_case("/any", format!("\"{long}\""), "json_string_too_long"),
        json_case("/any", format!("{{\"{long}\":1}}"), "json_string_too_long"),
        json_case("/any", format!("\"{}\"", &long[1..]), "accepted"),
        json_case("/any", format!("\"{escaped}\""), "accepted"),
        json_case("/any", "1".repeat(101), "json_number_too_long"),
        json_case("/any", "1".repeat(1_000_000), "json_number_too_long"),
        json_case("/any", format!("0.{}", "0".repeat(1_000_000)), "json_number_too_long"),
        json_case("/any", format!("1e{}", "9".repeat(1_000_000)), "json_number_too_long"),
        json_case("/any", format!("-{}.{}e-{}", "1".repeat(50), "1".repeat(40), "1".repeat(10)), "accepted"),
    ]
}

fn work() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("1e999999999", "body_invalid"),
        ("-1e999999999", "body_invalid"),
        ("1e-999999999", "body_invalid"),
        ("0e999999999", "accepted"),
        ("1e-99999999999999999999999999", "body_invalid"),
        ("1e99999999999999999999999999", "body_invalid"),
        ("0.00000000000000000000000000000000000001", "body_invalid"),
        ("123456789012345678901234567890.12", "accepted"),
        ("123456789012345678901234567890.123", "body_invalid"),
        ("1e299", "accepted"),
    ]
    .map(|(body, expect)| json_case("/number", body, expect))
    .into();
    for (index, (_, unit, end)) in PATTERNS.iter().enumerate() {
        let path: &'static str = format!("/pattern{index}").leak();
        for length in [40, 200_000] {
            let body = format!("\"{}{end}\"", unit.repeat(length));
            cases.push(json_case(path, body, "body_invalid"));
        }
    }
    let nested = |times: usize, inner: &str| format!("{}{inner}{}", "{\"a\":".repeat(times), "}".repeat(times));
    cases.extend([
        json_case("/numbers", array((0..90_000).map(|n| format!("1e{n}"))), "body_invalid"),
        json_case("/numbers", array((0..8_000).map(|_| "9".repeat(100) + ".5")), "json_number_too_long"),
        json_case("/numbers", array((0..8_000).map(|_| "9".repeat(98) + ".5")), "too_complex"),
        json_case("/integers", object((0..10_000).map(|n| n.to_string()), ""), "accepted"),
        // A hundred thousand violations, and a few of them told.
        json_case("/items", array((0..100_000).map(|_| "\"\"".to_owned())), "body_invalid"),
        json_case("/items", array((0..250_000).map(|_| "[]".to_owned())), "body_invalid"),
        json_case("/dates", array((0..60_000).map(|_| "\"@.@.@.@.\"".to_owned())), "body_invalid"),
        json_case("/dates", format!("[\"{}\"]", "a.".repeat(130_000)), "body_invalid"),
        json_case("/unique", array((0..50_000).map(|n| n.to_string())), "accepted"),
        json_case("/unique", array((0..50_000).map(|n| n.to_string()).chain(["0.0".to_owned()])), "body_invalid"),
        json_case("/unique", array((0..50_000).map(|n| format!("\"{n:012}\""))), "accepted"),
        json_case("/unique", array((0..50_000).map(|n| format!("[[[{n}]]]"))), "accepted"),
        json_case("/unique", array((0..9_000).map(|n| format!("{{\"a\":[{n}]}}"))), "accepted"),
        json_case("/unique", array((0..10_000).map(|n| format!("1{}", "0".repeat(n % 90)))), "body_invalid"),
        json_case("/unique", array((0..10_000).map(|n| format!("1e{n}"))), "accepted"),
        json_case("/unique", array((0..16_000).map(|n| format!("\"{}\"", colliding(n)))), "accepted"),
        json_case("/node", "1", "accepted"),
        json_case("/node", nested(1, "2"), "body_invalid"),
        json_case("/node", nested(60, "1"), "body_invalid"),
        json_case("/node", nested(60, "2"), "body_invalid"),
        json_case("/not", nested(60, "2"), "accepted"),
        json_case("/names", object((0..9_000).map(|n| "a".repeat(80) + &n.to_string()), ""), "body_invalid"),
        json_case("/matched", object((0..9_000).map(|n| "x".repeat(80) + &n.to_string()), ""), "body_invalid"),
        json_case("/unevaluated", object((0..10_000).map(|n| format!("c{n}")), ""), "accepted"),
        json_case("/unevaluated", object((0..9_999).map(|n| format!("c{n}")), ",\"d\":\"\""), "body_invalid"),
        json_case("/costly", array((0..100).map(|_| "19".to_owned())), "accepted"),
        json_case("/costly", array((0..300_000).map(|_| "19".to_owned())), "too_complex"),
        json_case("/costly", array((0..300_000).map(|_| "20".to_owned())), "body_invalid"),
        json_case("/contains", array((0..200_000).map(|_| "{}".to_owned())), "body_invalid"),
    ]);
    cases
}

fn forms_and_bombs() -> Vec<Case> {
    let form = |body: String, expect| Case {
        media_type: "application/x-www-form-urlencoded",
        ..json_case("/integers", body, expect)
    };
    let parts = |count: usize| {
        let part = |n: usize| format!("--x\r\ncontent-disposition: form-data; name=\"{n}\"\r\n\r\n1\r\n");
        (0..count).map(part).collect::<Vec<_>>().concat() + "--x--\r\n"
    };
    let multipart = |body: String, expect| Case {
        media_type: "multipart/form-data; boundary=x",
        ..json_case("/integers", body, expect)
    };
    let coded = |coding: &'static str, body: Vec<u8>, expect| Case { coding, ..json_case("/any", body, expect) };
    let spaces = vec![b' '; 16 << 20];
    let open = vec![b'['; 16 << 20];
    let pairs = |count: usize| (0..count).map(|n| format!("{n}=1")).collect::<Vec<_>>().join("&");
    vec![
        form(pairs(1_000), "accepted"),
        form(pairs(1_001), "form_invalid"),
        form(pairs(100_000), "form_invalid"),
        form("a=1&".repeat(250_000), "form_invalid"),
        form("&".repeat(1_000_000), "accepted"),
        form("=".repeat(1_000_000), "form_invalid"),
        form("%".repeat(1_000_000), "form_invalid"),
        form("a[".repeat(400_000), "form_invalid"),
        multipart(parts(1_000), "accepted"),
        multipart(parts(1_001), "multipart_invalid"),
        multipart(parts(15_000), "multipart_invalid"),
        multipart("--x\r\n".repeat(200_000), "multipart_invalid"),
        multipart("\r\n--".repeat(200_000), "multipart_invalid"),
        multipart(format!("--x\r\n{}", "a: b\r\n".repeat(100_000)), "multipart_invalid"),
        coded("gzip", gzip(&spaces), "body_bomb"),
        coded("gzip", gzip(&open), "body_bomb"),
        coded("deflate", deflate(&open), "body_bomb"),
        coded("gzip, gzip", gzip(&gzip(&open)), "body_bomb"),
        coded("gzip, deflate", deflate(&gzip(&open)), "body_bomb"),
        coded("gzip", gzip("[".repeat(1_000_000).as_bytes()), "json_too_deep"),
        coded("br", stream("br: zeros"), "json_invalid"),
        // A window of 16 MiB, for a short text.
        coded("br", stream("br: largest window"), "accepted"),
        coded("br", vec![0xff; 1_000_000], "content_encoding_invalid"),
        coded("gzip", [gzip(b"1"), vec![0x1f; 900_000]].concat(), "content_encoding_invalid"),
    ]
}

/// Sends all of them while others are served; says what was wrong.
async fn judge(gate: &Gate, cases: &[Case]) {
    let others = Traffic::start(&gate.h1(), 2, |_| {
        ("good", Request::post("/any", &b"{\"a\": [1, 2]}"[..]).header("content-type", "application/json"))
    });
    let mut faults = String::new();
    for (version, client) in gate.clients() {
        for case in cases {
            let request = Request::post(case.path, case.body.clone())
                .header("content-type", case.media_type)
                .header("content-encoding", case.coding)
                .header("x-hostile", "1");
            gate.upstream.clear();
            let found = match client.try_send(request).await {
                Ok(answer) => reason(&answer),
                Err(error) => error.to_string(),
            };
            let reached = gate.upstream.requests().iter().any(|seen| seen.headers.get("x-hostile").is_some());
            if case.expect != found || reached != (found == "accepted") {
                let start = case.body[..case.body.len().min(40)].escape_ascii();
                let _ = writeln!(faults, "{version}: {} {start}: {found}, not {}; {reached}", case.path, case.expect);
            }
        }
    }
    others.await_more(10).await;
    let tally = others.stop().await;
    assert_eq!(tally.count("good", 200), tally.total(), "others were not served: {:?}", tally.failures);
    assert!(faults.is_empty(), "{}:\n{faults}", faults.lines().count());
}

async fn start() -> Gate {
    Gate::launch(filter(&settings()), |bootstrap| Launch::new(bootstrap.http(&telling()))).await
}

/// After a round, another one takes next to no more memory.
async fn assert_bounded(cases: &[Case]) {
    const MOST: u64 = 64 << 20;
    let gate = start().await;
    let before = gate.envoy.resident_bytes();
    judge(&gate, cases).await;
    let once = gate.envoy.resident_bytes();
    judge(&gate, cases).await;
    let twice = gate.envoy.resident_bytes();
    assert!(once < before + MOST, "{before} bytes became {once}");
    assert!(twice < once + MOST / 4, "{before} bytes became {once}, and then {twice}");
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_syntax() {
    assert_bounded(&syntax()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_that_could_be_made_to_work() {
    assert_bounded(&work()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_parts_and_bombs() {
    assert_bounded(&forms_and_bombs()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_violations_make_a_short_answer() {
    let gate = start().await;
    for (version, client) in gate.clients() {
        let body = array((0..100_000).map(|_| "\"secret\"".to_owned()));
        let request = Request::post("/items", body).header("content-type", "application/json");
        let answer = gate.refused_with(400, &client, request).await;
        let problem = answer.json();
        assert_eq!(problem["errors"].as_array().unwrap().len(), 10, "{version}");
        assert!(answer.body.len() < 2000 && !answer.text().contains("secret"), "{version}: {problem}");
        // Names are a client's own, and are cut.
        let body = format!("{{\"{}\": \"x\"}}", "n".repeat(200_000));
        let request = Request::post("/integers", body).header("content-type", "application/json");
        let answer = gate.refused_with(400, &client, request).await;
        assert!(answer.body.len() < 2000, "{version}: {} bytes", answer.body.len());
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bombs_at_once() {
    let gate = start().await;
    let before = gate.envoy.resident_bytes();
    let bomb = gzip(&vec![b'['; 16 << 20]);
    let deep = "[".repeat(1_000_000);
    let traffic = Traffic::start(&gate.h2(), 30, move |n| match n % 3 {
        0 => {
            let request = Request::post("/any", bomb.clone()).header("content-encoding", "gzip");
            ("bomb", request.header("content-type", "application/json"))
        }
        1 => ("deep", Request::post("/any", deep.clone()).header("content-type", "application/json")),
        _ => ("good", Request::post("/any", &b"{\"a\": [1, 2]}"[..]).header("content-type", "application/json")),
    });
    traffic.await_more(150).await;
    let tally = traffic.stop().await;
    let answered = tally.count("bomb", 413) + tally.count("deep", 400) + tally.count("good", 200);
    assert_eq!(answered, tally.total(), "{tally:?}");
    let after = gate.envoy.resident_bytes();
    assert!(after < before + (128 << 20), "{before} bytes became {after}");
    gate.assert_no_vm_failed().await;
}
