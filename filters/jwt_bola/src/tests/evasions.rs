//! The table of ownership evasions, judged by the whole filter.

use portcullis_shared::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NOW_S, config, filter, reason, token};

#[derive(Deserialize)]
struct Evasion {
    name: String,
    config: Option<Value>,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_hex: Option<String>,
    claims: Value,
    expect: String,
    why: String,
}

impl Evasion {
    fn body(&self) -> Vec<u8> {
        if let Some(hex) = &self.body_hex {
            let byte = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
            return hex.as_bytes().chunks(2).map(byte).collect();
        }
        self.body.clone().unwrap_or_default().into_bytes()
    }

    fn verdict(&self) -> &'static str {
        let default =
            json!({ "path": "/users/{user_id}/**", "owner": [{ "resource": "path.user_id", "claim": "/sub" }] });
        let mut rule = self.config.clone().unwrap_or(default);
        rule["auth"] = json!(["main"]);
        for owner in rule["owner"].as_array_mut().unwrap() {
            owner["claim"] = format!("/caller{}", owner["claim"].as_str().unwrap()).into();
        }
        for required in rule.get_mut("require").and_then(Value::as_array_mut).into_iter().flatten() {
            required["claim"] = format!("/caller{}", required["claim"].as_str().unwrap()).into();
        }
        let filter = filter(&config(&json!([rule])));
        // Apart from the registered claims, which must be of their types.
        let claims = json!({ "caller": self.claims });
        let mut headers = vec![
            (":method", self.method.clone()),
            (":path", self.target.clone()),
            ("authorization", format!("Bearer {}", token(&claims))),
        ];
        let lower: Vec<_> = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        headers.extend(lower.iter().map(|(name, value)| (name.as_str(), (*value).clone())));
        let request = Parts { now: NOW_S * 1_000_000_000, ..Parts::new(headers) };
        match reason(&filter, &request, &self.body()) {
            "authorized" => "allowed",
            "no_rule_matched" => "no_rule",
            other => other,
        }
    }
}

#[test]
fn evasions_are_refused_each_for_its_reason() {
    let cases: Vec<Evasion> =
        serde_json::from_str(include_str!("../../../../shared/testdata/ownership/evasions.json")).unwrap();
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let found = case.verdict();
            (found != case.expect).then(|| format!("{}: {found} instead of {} ({})", case.name, case.expect, case.why))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
