//! What operators look up: every reason code, key and metric is on the filter's page.

use portcullis_shared::policy::Policy;
use std::{collections::BTreeSet, fs, path::Path};

use super::*;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// What stands between backticks in the first column of tables.
fn terms(page: &str) -> BTreeSet<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

fn section<'p>(page: &'p str, name: &str) -> &'p str {
    page.split("\n## ").find(|section| section.starts_with(name)).unwrap()
}

fn full() -> RateLimit {
    let mut global = limit(1);
    global["global"] = json!(true);
    let more = json!({
        "global": { "cluster": "c", "domain": "d" },
        "networks": [{ "cidr": "10.0.0.0/8", "unlimited": true }],
    });
    filter(&config(&json!([global]), &more))
}

#[test]
fn every_reason_is_documented_and_no_other() {
    let filter = full();
    let reasons: BTreeSet<_> = filter.outcomes().iter().map(|outcome| outcome.reason.0).collect();
    let page = read("../../docs/ratelimit.md");
    let mut documented = terms(section(&page, "Reason codes"));
    // The adaptor's.
    for reason in ["host_unavailable", "no_configuration"] {
        assert!(documented.remove(reason), "{reason}");
    }
    assert_eq!(documented, reasons);
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let metrics: BTreeSet<_> = full().measures().into_iter().map(|measure| measure.name).collect();
    assert_eq!(terms(section(&read("../../docs/ratelimit.md"), "Metrics")), metrics);
}

#[test]
fn every_key_is_documented() {
    let schema: Value = serde_json::from_str(&read("config.schema.json")).unwrap();
    let page = read("../../docs/ratelimit.md");
    let keys = |of: &Value| -> Vec<String> {
        of["properties"].as_object().unwrap_or_else(|| panic!("no properties: {of}")).keys().cloned().collect()
    };
    let configuration = terms(section(&page, "Configuration"));
    for key in keys(&schema).into_iter().chain(keys(&schema["$defs"]["Limit"])) {
        assert!(configuration.contains(key.as_str()), "{key}");
    }
    let fleet = terms(section(&page, "A fleet"));
    for key in keys(&schema["$defs"]["Global"]) {
        assert!(fleet.contains(key.as_str()), "{key}");
    }
    for name in ["Network", "Table", "Headers", "Response", "Cache"] {
        for key in keys(&schema["$defs"][name]) {
            let is_there = page.contains(&format!("`{key}`")) || page.contains(&format!("\"{key}\""));
            assert!(is_there, "{name}: {key}");
        }
    }
}
