//! The table of ownership evasions (`shared/testdata/ownership/evasions.json`) with real requests, and with an Envoy that
//! leaves paths as they are or makes them normal first: of a request that the upstream sees, the object is the caller's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use portcullis_integration_tests::mint::{Key, Token, claims_with};
use portcullis_integration_tests::{Bootstrap, Launch, Line, merge, telling, workspace};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Gate, config, filter, reason};

#[derive(Clone, Deserialize)]
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

/// Ways for Envoy to read paths; the first leaves them alone.
fn readings() -> [Value; 3] {
    let normal = json!({"normalize_path": true, "merge_slashes": true});
    let with = |action: &str| {
        let mut normal = normal.clone();
        merge(&mut normal, &json!({"path_with_escaped_slashes_action": action}));
        normal
    };
    [json!({}), with("UNESCAPE_AND_FORWARD"), with("REJECT_REQUEST")]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_sees_is_the_callers() {
    let table = std::fs::read(workspace("shared/testdata/ownership/evasions.json")).unwrap();
    let cases: Vec<Evasion> = serde_json::from_slice(&table).unwrap();
    let mut rules: Vec<Value> = Vec::new();
    for case in &cases {
        let rule = case.rule();
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let gate = Gate::launch(filter(&config(&json!([]))), |bootstrap| Launch::new(listeners(&bootstrap, &rules))).await;
    let mut judge = Judge { gate, rules, lines: BTreeMap::new(), tokens: BTreeMap::new(), faults: String::new() };
    let mut refused_by_envoy = BTreeSet::new();
    for case in &cases {
        for version in ["HTTP/1.1", "HTTP/2"] {
            if !judge.as_it_came(case, version).await {
                refused_by_envoy.insert((version, case.name.as_str()));
            }
            for reading in 1..readings().len() {
                judge.made_normal(case, version, reading).await;
            }
        }
    }
    assert!(judge.faults.is_empty(), "{}", judge.faults);
    let fragment = "query: fragment";
    assert_eq!(refused_by_envoy, BTreeSet::from([("HTTP/1.1", fragment), ("HTTP/2", fragment)]));
    judge.gate.assert_no_vm_failed().await;
}

/// A listener for each rule and reading, so that one Envoy does for all.
fn listeners(bootstrap: &Bootstrap, rules: &[Value]) -> Value {
    let mut root = bootstrap.build();
    let main = root["static_resources"]["listeners"][0].clone();
    let mut all = vec![main.clone()];
    for (index, rule) in rules.iter().enumerate() {
        for (reading, options) in readings().iter().enumerate() {
            let mut new = main.clone();
            new["name"] = listener(index, reading).into();
            let manager = &mut new["filter_chains"][0]["filters"][0]["typed_config"];
            manager["http_filters"][0] = filter(&config(&json!([rule]))).into();
            merge(manager, &telling());
            merge(manager, options);
            all.push(new);
        }
    }
    root["static_resources"]["listeners"] = all.into();
    root
}

fn listener(rule: usize, reading: usize) -> String {
    format!("rule-{rule}-{reading}")
}

struct Judge {
    gate: Gate,
    rules: Vec<Value>,
    lines: BTreeMap<(String, &'static str), Line>,
    /// By their claims.
    tokens: BTreeMap<String, String>,
    faults: String,
}

impl Judge {
    /// What comes of a case, `None` if Envoy broke off, and the target that the upstream saw.
    async fn send(
        &mut self,
        case: &Evasion,
        version: &'static str,
        reading: usize,
    ) -> (Option<String>, Option<String>) {
        let claims = case.claims.to_string();
        // Apart from the registered claims, which must be of their types.
        let mint = || {
            let claims = claims_with(&json!({"caller": case.claims}));
            format!("Bearer {}", Token::new("ES256", &claims).kid("p256-1").sign(&Key::load("p256-1")))
        };
        let token = self.tokens.entry(claims).or_insert_with(mint);
        let names: Vec<String> = case.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let mut headers: Vec<(&str, &[u8])> = vec![
            (":method", case.method.as_bytes()),
            (":scheme", b"http"),
            (":authority", b"portcullis.test"),
            (":path", case.target.as_bytes()),
            ("authorization", token.as_bytes()),
        ];
        headers.extend(names.iter().zip(&case.headers).map(|(name, (_, value))| (name.as_str(), value.as_bytes())));
        let body = case.body();
        let rule = case.rule();
        let listener = listener(self.rules.iter().position(|known| *known == rule).unwrap(), reading);
        let address = self.gate.envoy.listener(&listener);
        let make = || if version == "HTTP/2" { Line::h2(address) } else { Line::h1(address) };
        let line = self.lines.entry((listener, version)).or_insert_with(make);
        self.gate.upstream.clear();
        let answer = line.send(&headers, body.as_deref()).await;
        let seen = self.gate.upstream.requests();
        let found = answer.as_ref().map(reason);
        let context = format!("{version}, reading {reading}, {}", case.name);
        if seen.len() != usize::from(found.as_deref() == Some("accepted")) {
            self.fault(&context, &format!("{found:?}, and {seen:?} reached the upstream"));
        }
        if let Some(seen) = seen.first()
            && (seen.body != body.unwrap_or_default() || seen.method != case.method)
        {
            self.fault(&context, &format!("the upstream saw {seen:?}"));
        }
        (found, seen.into_iter().next().map(|seen| seen.path))
    }

    /// Whether the filter was asked: Envoy refuses some targets by itself.
    async fn as_it_came(&mut self, case: &Evasion, version: &'static str) -> bool {
        let (found, seen) = self.send(case, version, 0).await;
        let expected = match case.expect.as_str() {
            "allowed" => "accepted",
            "no_rule" => "no_rule_matched",
            other => other,
        };
        let found = found.unwrap_or_default();
        let by_envoy = found.is_empty() || found.starts_with("envoy:");
        if !by_envoy && found != expected {
            self.fault(version, &format!("{}: {found} instead of {expected} ({})", case.name, case.why));
        }
        if let Some(seen) = seen {
            if expected != "accepted" || seen != case.target {
                self.fault(version, &format!("{}: the upstream saw {seen}, sent {}", case.name, case.target));
            }
            self.check_owner(case, version, &seen);
        }
        !by_envoy
    }

    /// With an Envoy that changes paths first, another verdict is right as long as what the upstream sees is the caller's.
    async fn made_normal(&mut self, case: &Evasion, version: &'static str, reading: usize) {
        let (_, seen) = self.send(case, version, reading).await;
        let Some(seen) = seen else { return };
        self.check_owner(case, version, &seen);
        // Where it had to be changed, the strict reading of what came of it agrees.
        if seen != case.target || case.expect != "allowed" {
            let changed = Evasion { target: seen.clone(), ..case.clone() };
            let (found, _) = self.send(&changed, version, 0).await;
            if found.as_deref() != Some("accepted") {
                self.fault(version, &format!("{}, reading {reading}: {seen} passed, but is {found:?}", case.name));
            }
        }
    }

    /// A second opinion, of a server that resolves all that can be resolved, where the rule is about the path.
    fn check_owner(&mut self, case: &Evasion, version: &str, seen: &str) {
        let rule = case.rule();
        let is_plain = rule["path"] == "/users/{user_id}/**"
            && rule["owner"][0] == json!({"resource": "path.user_id", "claim": "/caller/sub"});
        if is_plain {
            let segments = as_lenient_servers_read(seen);
            let sub = match &case.claims["sub"] {
                Value::String(sub) => vec![sub.clone()],
                Value::Array(subs) => {
                    subs.iter().map(|sub| sub.as_str().map_or(sub.to_string(), str::to_owned)).collect()
                }
                other => vec![other.to_string()],
            };
            let is_own = segments.len() >= 2 && segments[0] == "users" && sub.contains(&segments[1]);
            if !is_own {
                self.fault(version, &format!("{}: {seen} is read as {segments:?}, of {sub:?}", case.name));
            }
        }
    }

    fn fault(&mut self, context: &str, what: &str) {
        let _ = writeln!(self.faults, "{context}: {what}");
    }
}

impl Evasion {
    fn body(&self) -> Option<Vec<u8>> {
        if let Some(hex) = &self.body_hex {
            let byte = |index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
            return Some((0..hex.len()).step_by(2).map(byte).collect());
        }
        self.body.clone().map(String::into_bytes)
    }

    /// The case's rule, about the claims below `/caller`.
    fn rule(&self) -> Value {
        let default = json!({"path": "/users/{user_id}/**", "owner": [{"resource": "path.user_id", "claim": "/sub"}]});
        let mut rule = self.config.clone().unwrap_or(default);
        rule["auth"] = json!(["main"]);
        for list in ["owner", "require"] {
            for entry in rule.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                entry["claim"] = format!("/caller{}", entry["claim"].as_str().unwrap()).into();
            }
        }
        rule
    }
}

/// Decodes until nothing changes, takes backslashes for slashes, drops parameters and empty segments, resolves dots.
fn as_lenient_servers_read(target: &str) -> Vec<String> {
    let mut path = target.split(['?', '#']).next().unwrap_or_default().as_bytes().to_vec();
    loop {
        let decoded = decode(&path);
        if decoded == path {
            break;
        }
        path = decoded;
    }
    let path = String::from_utf8_lossy(&path).replace('\\', "/");
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other.to_owned()),
        }
    }
    segments
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            decoded.push(byte);
            rest = &after[2..];
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    decoded
}
