//! What operators look up: every reason code and every key is on the filter's page.

use portcullis_shared::policy::Policy;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

use super::{config, filter};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// What stands between backticks in the first column of tables.
fn terms(page: &str) -> BTreeSet<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_reason_is_documented_and_no_other() {
    let mut config = config(&json!([
        { "path": "/health", "auth": "none" },
        { "path": "/{id}", "auth": ["main"], "owner": [{ "resource": "path.id", "claim": "/sub" }] },
    ]));
    config["enumeration"] = json!({});
    let filter = filter(&config);
    let reasons: BTreeSet<_> = filter.outcomes().iter().map(|outcome| outcome.reason.0).collect();
    assert!(reasons.len() > 60);
    let page = read("../../docs/jwt_bola.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Reason codes")).unwrap();
    let mut documented = terms(section);
    // The adaptor's.
    for reason in ["host_unavailable", "no_configuration"] {
        assert!(documented.remove(reason), "{reason}");
    }
    assert_eq!(documented, reasons);
}

#[test]
fn every_key_is_documented() {
    let schema: Value = serde_json::from_str(&read("config.schema.json")).unwrap();
    let page = read("../../docs/jwt_bola.md");
    let about: Vec<_> = page.split('`').skip(1).step_by(2).collect();
    let is_there = |key: &str| about.iter().any(|code| *code == key || code.contains(&format!("\"{key}\"")));
    let mut keys = 0;
    // The audit part and the ways to read paths have pages or tables of their own.
    for name in ["Provider", "Jwks", "Secret", "Place", "Rule", "Revoked", "Cache", "Remote", "OwnerRule", "ClaimRule"]
    {
        let properties = schema["$defs"][name]["properties"].as_object().unwrap_or_else(|| panic!("no type {name}"));
        for key in properties.keys() {
            keys += 1;
            assert!(is_there(key), "{name}: {key}");
        }
    }
    for key in schema["properties"].as_object().unwrap().keys() {
        keys += 1;
        assert!(is_there(key), "{key}");
    }
    assert!(keys > 60, "{keys}");
}
