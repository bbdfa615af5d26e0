//! What operators look up: every reason code and every key is on the filter's page.

use portcullis_shared::policy::Policy;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

use super::contracts::filter;

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
    let base = json!({
        "operations": [{ "path": "/a", "method": "GET" }, { "path": "/b", "method": "GET", "name": "b" }],
        "overrides": [{ "operation": "b", "mode": "off" }],
        "unknown": { "header": "deny", "cookie": "deny" },
        "response": { "mode": "shadow" },
    });
    let mut open = base.clone();
    open["unknown"]["path"] = json!("allow");
    let filters = [filter(&base), filter(&open)];
    let outcomes = filters.iter().flat_map(|filter| filter.outcomes().iter());
    let reasons: BTreeSet<_> = outcomes.map(|outcome| outcome.reason.0).collect();
    let page = read("../../docs/schema_check.md");
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
    let page = read("../../docs/schema_check.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Configuration")).unwrap();
    let terms = terms(section);
    let keys = |of: &Value| -> Vec<String> {
        of["properties"].as_object().unwrap_or_else(|| panic!("no properties: {of}")).keys().cloned().collect()
    };
    for key in keys(&schema) {
        assert!(terms.contains(key.as_str()), "{key}");
    }
    for name in ["Operation", "Unknown", "Limits", "Override", "Response", "Statuses", "Discovery"] {
        for key in keys(&schema["$defs"][name]) {
            let is_there = page.contains(&format!("`{key}`")) || page.contains(&format!("\"{key}\""));
            assert!(is_there || page.contains(&format!(".{key}`")), "{name}: {key}");
        }
    }
}

#[test]
fn nothing_is_left_to_be_written() {
    assert!(!read("../../docs/schema_check.md").contains("TODO"));
}
