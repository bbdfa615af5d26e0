//! The table of ways to be a new client or to get round a limit, `testdata/attacks.json`, without what only Envoy decides.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

/// The table. Each character of a value is one byte; `{id}` is a value of the case's own, `{long}` are 70,000 bytes.
#[derive(Deserialize)]
struct Table {
    groups: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    group: String,
    name: String,
    /// Uses up its quota first.
    victim: Option<Sent>,
    attack: Sent,
    /// `same` and `other` client, or the reason code of the refusal; `broken`: Envoy refuses it. Several with `or`.
    expect: String,
    /// Envoy reads the request first.
    #[serde(default)]
    by_envoy: bool,
    why: String,
}

#[derive(Deserialize)]
struct Sent {
    method: Option<String>,
    target: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    /// Makes it of a request, which goes on to see the same store.
    fn put(&self, id: &str, parts: &mut Parts) {
        let bytes = |text: &str| -> Vec<u8> {
            let text = text.replace("{id}", id).replace("{long}", &"a".repeat(70_000));
            text.chars().map(|char| u8::try_from(char).unwrap()).collect()
        };
        parts.headers = vec![
            (":method".to_owned(), bytes(self.method.as_deref().unwrap_or("GET"))),
            (":path".to_owned(), bytes(&self.target)),
        ];
        parts.headers.extend(self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), bytes(value))));
    }
}

#[test]
fn no_attack_makes_a_new_client() {
    let table = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/attacks.json")).unwrap();
    let table: Table = serde_json::from_slice(&table).unwrap();
    let filters: BTreeMap<_, _> = table.groups.iter().map(|(name, config)| (name, filter(config))).collect();
    let mut faults = Vec::new();
    let mut judged = 0;
    for (index, case) in table.cases.iter().enumerate() {
        if case.by_envoy || case.expect == "broken" {
            continue;
        }
        judged += 1;
        let filter = &filters[&case.group];
        let id = format!("c{index}");
        let mut request = request();
        if let Some(victim) = &case.victim {
            victim.put(&id, &mut request);
            assert!(passes(filter, &request) && !passes(filter, &request), "{}: {}", case.group, case.name);
        }
        case.attack.put(&id, &mut request);
        let said = said(filter, &request).join(", ");
        let found = match said.as_str() {
            "allow limits within_limits" | "allow limits no_limit_applies" => "other",
            "deny a quota_exceeded" => "same",
            other => other.strip_prefix("deny a ").unwrap_or(other),
        };
        if !case.expect.split(" or ").any(|expected| expected == found) {
            faults.push(format!("{}: {}: {found} instead of {} ({})", case.group, case.name, case.expect, case.why));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(judged > 100, "{judged}");
}
