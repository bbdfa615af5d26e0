//! The table of ways to be a new client or to get round a limit (`filters/ratelimit/testdata/attacks.json`), with real
//! requests: who used up a quota stays limited, whatever is done; of what is refused the upstream sees nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_integration_tests::{Bootstrap, Launch, Line, merge, telling, workspace};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};

/// The table; the filter's own test says what is in it. `h1` and `h2` are what is expected of one version.
#[derive(Deserialize)]
struct Table {
    groups: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    group: String,
    name: String,
    victim: Option<Sent>,
    attack: Sent,
    expect: String,
    h1: Option<String>,
    h2: Option<String>,
    why: String,
}

#[derive(Deserialize)]
struct Sent {
    method: Option<String>,
    target: String,
    headers: Vec<(String, String)>,
}

/// A listener for each group, so that one Envoy does for all.
fn listeners(bootstrap: &Bootstrap, groups: &BTreeMap<String, Value>) -> Value {
    let mut root = bootstrap.build();
    let main = root["static_resources"]["listeners"][0].take();
    let with = |(name, config): (&String, &Value)| {
        let mut config = config.clone();
        config["table"] = json!({"name": name});
        let mut listener = main.clone();
        listener["name"] = name.as_str().into();
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["http_filters"][0] = filter(&config).into();
        merge(manager, &telling());
        let hops = u32::from(name == "hops");
        merge(manager, &json!({"xff_num_trusted_hops": hops, "max_request_headers_kb": 256}));
        listener
    };
    root["static_resources"]["listeners"] = groups.iter().map(with).collect();
    root
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_makes_a_new_client() {
    let table = std::fs::read(workspace("filters/ratelimit/testdata/attacks.json")).unwrap();
    let table: Table = serde_json::from_slice(&table).unwrap();
    let any = filter(&table.groups["header"]);
    let gate = Gate::launch(any, |bootstrap| Launch::new(listeners(&bootstrap, &table.groups))).await;
    let mut lines = BTreeMap::new();
    let mut faults = String::new();
    for (index, case) in table.cases.iter().enumerate() {
        for (version, own) in [("HTTP/1.1", &case.h1), ("HTTP/2", &case.h2)] {
            let line = lines.entry((&case.group, version)).or_insert_with(|| {
                let address = gate.envoy.listener(&case.group);
                if version == "HTTP/2" { Line::h2(address) } else { Line::h1(address) }
            });
            let expected = own.as_ref().unwrap_or(&case.expect);
            // What this version of HTTP does not take at all.
            if expected == "skip" {
                continue;
            }
            let id = format!("c{index}h{}", version.len());
            let mut fault = |what: String| {
                let _ = writeln!(faults, "{version}, {}: {}: {what} ({})", case.group, case.name, case.why);
            };
            if let Some(victim) = &case.victim {
                for wanted in ["other", "same"] {
                    let found = send(&gate, line, victim, &id).await;
                    if found != wanted {
                        fault(format!("the victim is {found} instead of {wanted}"));
                    }
                }
            }
            let found = send(&gate, line, &case.attack, &id).await;
            if !expected.split(" or ").any(|expected| expected == found) {
                fault(format!("{found} instead of {expected}"));
            }
            if let Some(victim) = &case.victim {
                let found = send(&gate, line, victim, &id).await;
                if found != "same" {
                    fault(format!("the victim is {found} afterwards"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    gate.assert_no_vm_failed().await;
}

/// What came of it: `other` client, as it passed; `same` one, as its quota is used up; the reason for status 400; `broken`,
/// if Envoy refused it.
async fn send(gate: &Gate, line: &mut Line, sent: &Sent, id: &str) -> String {
    let bytes = |text: &str| -> Vec<u8> {
        let text = text.replace("{id}", id).replace("{long}", &"a".repeat(70_000));
        text.chars().map(|char| u8::try_from(char).unwrap()).collect()
    };
    let (method, target) = (bytes(sent.method.as_deref().unwrap_or("GET")), bytes(&sent.target));
    let values: Vec<_> = sent.headers.iter().map(|(name, value)| (name.as_str(), bytes(value))).collect();
    let mut headers: Vec<(&str, &[u8])> =
        vec![(":method", &method), (":scheme", b"http"), (":authority", b"portcullis.test"), (":path", &target)];
    headers.extend(values.iter().map(|(name, value)| (*name, value.as_slice())));
    let before = gate.upstream.count();
    let answer = line.send(&headers, None).await;
    let reason = answer.as_ref().map(reason);
    let found = match (answer.map(|answer| answer.status), reason.as_deref()) {
        (_, Some("accepted")) => "other",
        (Some(429), Some("quota_exceeded")) => "same",
        (Some(400), Some(code @ ("key_missing" | "key_ambiguous"))) => code,
        (_, reason) if reason.is_none_or(|reason| reason.starts_with("envoy:")) => "broken",
        other => panic!("{other:?}"),
    };
    assert_eq!(gate.upstream.count(), before + usize::from(found == "other"), "{found}");
    found.to_owned()
}
