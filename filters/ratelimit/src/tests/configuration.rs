//! Configurations, good and bad.

use portcullis_shared::{decision::Outcome, mode::Mode, policy::Policy};
use serde::Deserialize;

use super::*;

#[test]
fn bad_configurations() {
    #[derive(Deserialize)]
    struct Bad {
        config: String,
        fault: String,
    }
    let table: Vec<Bad> = serde_json::from_str(include_str!("../../testdata/bad_configs.json")).unwrap();
    assert!(table.len() >= 100);
    for Bad { config, fault } in table {
        let found = match portcullis_adaptor::load::<RateLimit>(config.as_bytes(), &|_| None) {
            Ok(_) => panic!("accepted: {config}"),
            Err(errors) => errors.to_string(),
        };
        assert!(found.contains(&fault), "{config}\nfound    {found}\nexpected {fault}");
    }
}

#[test]
fn the_issues_example_is_accepted() {
    let config = json!({
        "limits": [
            { "name": "per-client", "key": ["client_ip"], "quota": 100, "window_s": 60, "burst": 20 },
            { "name": "login", "path": "/login", "methods": ["POST"], "key": ["client_ip", "header:x-account"], "quota": 5, "window_s": 300 },
            { "name": "per-user", "key": ["claim:/sub"], "quota": 1000, "window_s": 3600, "global": true },
            { "name": "expensive", "path": "/reports/**", "key": ["header:x-api-key"], "quota": 100, "window_s": 60, "cost": 10, "mode": "shadow" },
        ],
        "networks": [{ "cidr": "10.0.0.0/8", "unlimited": true }, { "cidr": "203.0.113.0/24", "factor": 0.1 }],
        "ipv6_prefix": 64, "table": { "entries": 65536 },
        "global": { "cluster": "ratelimit", "domain": "portcullis", "timeout_ms": 20, "fallback_factor": 0.5, "cache": { "over_limit": true } },
        "on_missing_key": "deny",
    });
    assert!(filter(&config).calls());
}

#[test]
fn every_outcome_of_a_shadow_filter_lets_pass() {
    let filter = filter(&config(&json!([limit(1)]), &json!({ "mode": "shadow" })));
    assert!(!filter.outcomes().iter().any(Outcome::refuses));
}

#[test]
fn what_is_off_has_no_outcome() {
    let mut off = limit(1);
    off["mode"] = json!("off");
    let rules = |filter: &RateLimit| filter.outcomes().iter().filter(|outcome| &*outcome.rule == "a").count();
    assert!(rules(&filter(&config(&json!([limit(1)]), &json!({})))) > 0);
    let partly = filter(&config(&json!([off]), &json!({})));
    assert_eq!(rules(&partly), 0);
    assert!(partly.outcomes().iter().all(|outcome| outcome.mode != Mode::Off));
    assert_eq!(said(&partly, &request()), ["allow limits no_limit_applies"]);
    let all = filter(&config(&json!([limit(1)]), &json!({ "mode": "off" })));
    assert!(all.outcomes().is_empty());
    assert!(decide(&all, &request()).is_empty());
}
