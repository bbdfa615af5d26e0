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
    let section = page.split("\n## ").find(|section| section.starts_with("Configuration")).unwrap();
    let terms = terms(section);
    let keys = |of: &Value| -> Vec<String> {
        of["properties"].as_object().unwrap_or_else(|| panic!("no properties: {of}")).keys().cloned().collect()
    };
    // Each with a table, which has a row for each key.
    for kind in [&schema, &schema["$defs"]["Provider"], &schema["$defs"]["Remote"], &schema["$defs"]["Rule"]] {
        for key in keys(kind) {
            assert!(terms.contains(key.as_str()), "{key}");
        }
    }
    // Told of in a row, or shown; those of the audit part and of ways to read paths are elsewhere.
    for name in ["Jwks", "Secret", "Place", "Revoked", "Cache", "EnumerationConfig", "OwnerRule", "ClaimRule"] {
        for key in keys(&schema["$defs"][name]) {
            let is_there = page.contains(&format!("`{key}`")) || page.contains(&format!("\"{key}\""));
            assert!(is_there, "{name}: {key}");
        }
    }
}
