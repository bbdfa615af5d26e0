//! Configurations that are taken and that are not.

use portcullis_shared::policy::Policy;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::{config, environment};
use crate::{JwtBola, config::Config};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bad {
    config: Value,
    /// A part of what is said.
    fault: String,
    /// Whether the JSON Schema refuses it as well.
    schema: bool,
}

fn bad() -> Vec<Bad> {
    serde_json::from_str(include_str!("../../testdata/bad_configs.json")).unwrap()
}

/// What is wrong with a configuration.
fn faults(config: &Value) -> Option<String> {
    let text = match config {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    portcullis_adaptor::load::<JwtBola>(text.as_bytes(), &environment).err().map(|errors| errors.to_string())
}

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../../config.schema.json")).unwrap();
    let made = schemars::schema_for!(Config).to_value();
    assert_eq!(schema, made, "cargo run -p portcullis-tools -- schema jwt_bola >filters/jwt_bola/config.schema.json");
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn bad_configurations_are_refused_with_their_place() {
    let cases = bad();
    assert!(cases.len() >= 100, "{}", cases.len());
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|Bad { config, fault, .. }| {
            let found = faults(config).unwrap_or_else(|| "nothing".to_owned());
            let is_good = fault.starts_with('$') && found.contains(fault.as_str());
            (!is_good).then(|| format!("{config}\nfound    {found}\nexpected {fault}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_schema_refuses_what_is_wrong_in_itself() {
    let schema = schema();
    let mut wrong = Vec::new();
    for Bad { config, schema: refuses, .. } in bad() {
        let config = match &config {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        };
        let Some(config) = config else { continue };
        if schema.is_valid(&config) == refuses {
            wrong.push(format!("{config}: {}", if refuses { "taken" } else { "refused" }));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Secrets, and what is put where only the name of one belongs.
#[test]
fn no_message_shows_a_secret() {
    let provider = |keys: Value| {
        let mut config = config(&json!([{ "path": "/", "auth": ["main"] }]));
        let main = config["providers"]["main"].as_object_mut().unwrap();
        main.remove("secret");
        main.extend(keys.as_object().unwrap().clone());
        config
    };
    let remote = |key: &str, value: &str| {
        json!({ "algorithms": ["RS256"], "jwks": { "remote": {
            "cluster": "idp", "url": "https://idp.example/", key: { "authorization": value },
        } } })
    };
    for keys in [
        json!({ "secret": "s3cr3t" }),
        json!({ "secret": ["s3cr3t"] }),
        json!({ "secret": { "env": "s3cr3t" } }),
        json!({ "secret": { "env": "S3CR3T+s3cr3t/==" } }),
        json!({ "secret": { "value": "s3cr3t" } }),
        json!({ "jwks": { "env": "{\"keys\":[{\"kty\":\"oct\",\"k\":\"s3cr3t\"}]}" } }),
        json!({ "jwks": { "env": "NO_KEYS" } }),
        json!({ "jwks": { "inline": { "keys": [{ "kty": "oct", "k": "s3cr3t" }] } } }),
        json!({ "algorithms": ["RS256"], "jwks": { "inline": { "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "s3cr3t" }] } } }),
        remote("headers", "s3cr3t"),
        remote("header_env", "Bearer s3cr3t"),
        json!({ "algorithms": ["RS256"], "jwks": { "remote": { "cluster": "idp", "url": "https://u:s3cr3t@idp.example/" } } }),
    ] {
        let found = faults(&provider(keys.clone())).unwrap_or_else(|| panic!("accepted: {keys}"));
        assert!(!found.to_lowercase().contains("s3cr3t") && found.contains("$.providers.main"), "{found}");
    }
    let short = faults(&provider(json!({ "algorithms": ["HS512"], "secret": { "env": "SHORT" } }))).unwrap();
    assert!(short.contains("35 bytes") && !short.contains(super::SHORT_SECRET), "{short}");
    let unset = faults(&provider(json!({ "secret": { "env": "IDP_SECRET" } }))).unwrap();
    assert!(unset.contains("found \"IDP_SECRET\""), "a name is shown: {unset}");
}

#[test]
fn examples_are_taken_and_fit_the_schema() {
    let schema = schema();
    let examples = [
        include_str!("../../../../envoy/jwt_bola/keycloak.json"),
        include_str!("../../../../envoy/jwt_bola/auth0.json"),
        include_str!("../../../../envoy/jwt_bola/vault.json"),
    ];
    for text in examples {
        let config: Value = serde_json::from_str(text).unwrap();
        assert_eq!(faults(&config), None);
        let errors: Vec<_> = schema.iter_errors(&config).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut config = config;
        config.as_object_mut().unwrap().remove("audit");
        let filter = super::filter(&config);
        assert!(filter.warnings().is_empty(), "{:?}", filter.warnings());
        assert!(!filter.documents().is_empty());
    }
}

#[test]
fn good_configurations_fit_the_schema() {
    let schema = schema();
    let attacks: Value = serde_json::from_str(include_str!("../../testdata/attacks.config.json")).unwrap();
    let mut all = vec![attacks, json!({}), json!({ "default": "allow", "providers": {} })];
    for (key, value) in [
        ("mode", json!("off")),
        ("path_case", json!("insensitive")),
        ("overrides", json!("allow")),
        ("signatures", json!("wasm")),
        ("wait_ms", json!(0)),
        ("wait_ms", json!(30_000)),
        ("cache", json!({ "entries": 0, "bytes": 0 })),
        ("cache", json!({ "entries": 1_000_000, "bytes": 268_435_456 })),
        ("enumeration", json!({})),
        ("enumeration", json!(null)),
        ("enumeration", json!({ "objects": 63, "window_s": 86_400 })),
        ("audit_claims", json!([])),
        ("realm", json!("orders api")),
        (
            "revoked",
            json!({ "jti": ["a", { "jti": "a" }], "kid": [{ "iss": "i", "kid": "a" }], "unavailable": "allow" }),
        ),
        ("paths", json!({ "dot_segment": "resolve", "encoded_slash": "keep", "max_length": 100 })),
        ("audit", json!({ "cluster": "audit" })),
    ] {
        let mut config = config(&json!([{ "path": "/", "auth": ["main"] }]));
        config[key] = value;
        all.push(config);
    }
    for config in all {
        let variables: Value = serde_json::from_str(include_str!("../../testdata/attacks.env.json")).unwrap();
        let environment = |name: &str| environment(name).or_else(|| variables[name].as_str().map(str::to_owned));
        let found = portcullis_adaptor::load::<JwtBola>(config.to_string().as_bytes(), &environment).err();
        assert!(found.is_none(), "{config}: {}", found.unwrap());
        assert!(schema.is_valid(&config), "{config}");
    }
}

fn warnings(config: &Value) -> Vec<String> {
    super::filter(config).warnings().to_vec()
}

#[test]
fn operators_are_told_what_is_odd_though_it_is_taken() {
    let mut two = config(&json!([
        { "path": "/a/{x}", "auth": ["main"] },
        { "path": "/a/*", "auth": ["main"] },
        { "path": "/{y}/b", "auth": "none" },
    ]));
    two["providers"]["unused"] = two["providers"]["main"].clone();
    assert_eq!(
        warnings(&two),
        [
            "$.providers.unused: no rule asks for its tokens",
            "$.rules[1] never applies to a method that both are for: $.rules[0] goes first",
            "$.rules[2] shares paths: $.rules[0] goes first",
            "$.rules[2] shares paths: $.rules[1] goes first",
        ]
    );
    let mut issuers = config(&json!([
        { "path": "/{x}", "auth": ["main", "other"], "owner": [{ "resource": "path.x", "claim": "/sub" }] },
    ]));
    issuers["providers"]["other"] = issuers["providers"]["main"].clone();
    assert_eq!(warnings(&issuers), [""; 0]);
    issuers["providers"]["other"]["issuer"] = json!("other");
    assert_eq!(warnings(&issuers), ["$.rules[0]: callers of several issuers: one's `42` owns what is another's `42`"]);
    let attacks: Value = serde_json::from_str(include_str!("../../testdata/attacks.config.json")).unwrap();
    let mut keys = attacks["providers"]["main"].clone();
    keys["jwks"]["inline"]["keys"].as_array_mut().unwrap().push(json!({ "kty": "oct", "kid": "x", "k": "s3cr3t" }));
    let config = json!({ "providers": { "main": keys }, "rules": [{ "path": "/", "auth": ["main"] }] });
    let found = warnings(&config).join("\n");
    assert!(found.contains("$.providers.main.jwks.inline: left out: ") && !found.contains("s3cr3t"), "{found}");
}

/// What a table of the largest size costs; nobody asserts how long.
#[test]
fn ten_thousand_rules_are_taken() {
    let owner = json!([{ "resource": "path.id", "claim": "/sub" }]);
    let rule = |index: usize| match index % 3 {
        0 => json!({ "path": format!("/a{index}/{{id}}/**"), "auth": ["main"], "owner": owner }),
        1 => {
            json!({ "path": format!("/{{id}}/b{index}"), "auth": ["main"], "owner": owner, "methods": ["GET", "PUT"] })
        }
        _ => json!({ "path": format!("/c/d/e{index}"), "auth": "none" }),
    };
    let rules: Vec<_> = (0..10_000).map(rule).collect();
    let filter = super::filter(&config(&json!(rules)));
    // Each names its rule by one text.
    let texts: BTreeSet<_> = filter.outcomes().iter().map(|outcome| outcome.rule.as_ptr()).collect();
    assert!(texts.len() < 10_300, "{}", texts.len());
    // What clients are told is the same for all rules.
    let refusals: BTreeSet<_> =
        filter.outcomes().iter().filter_map(|outcome| outcome.refusal.as_ref()).map(std::rc::Rc::as_ptr).collect();
    assert!(refusals.len() < 64, "{}", refusals.len());
    assert_eq!(filter.warnings().len(), 65);
    assert_eq!(filter.warnings()[64], "$.rules: there may be more overlaps than those listed");
    assert!(
        faults(&config(&json!((0..10_001).map(rule).collect::<Vec<_>>())))
            .unwrap()
            .contains("$.rules: expected at most 10000 rules")
    );
}
