use portcullis_shared::{
    config::parse,
    decision::{Decision, Outcome},
    mode::Mode,
    policy::{Filter, Policy, Trail},
    request::Parts,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

use crate::{UaBlock, agent::is_joined, config::Config, preset::Preset};

/// `testdata/verdicts.json`, which the Envoy tests run too.
#[derive(Deserialize)]
struct Group {
    about: String,
    config: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    /// One value for each header.
    agent: Option<Vec<String>>,
    agent_hex: Option<String>,
    agent_repeat: Option<(String, usize)>,
    path: Option<String>,
    source: Option<String>,
    verdict: String,
    shadow: Option<String>,
    #[serde(default)]
    envoy_only: bool,
}

impl Case {
    /// The header as the filter sees it: Envoy has joined repeats.
    fn agent(&self) -> Option<Vec<u8>> {
        if let Some(hex) = &self.agent_hex {
            let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
            return Some(hex.as_bytes().chunks(2).map(byte).collect());
        }
        if let Some((text, times)) = &self.agent_repeat {
            return Some(text.repeat(*times).into_bytes());
        }
        let values = self.agent.as_ref().unwrap();
        (!values.is_empty()).then(|| values.join(",").into_bytes())
    }

    fn request(&self) -> Parts {
        let mut headers = vec![(":path", self.path.clone().unwrap_or_else(|| "/".into()).into_bytes())];
        headers.extend(self.agent().map(|agent| ("user-agent", agent)));
        let mut request = Parts::new(headers);
        request.client_address = match self.source.as_deref() {
            Some("unknown") => None,
            source => Some(source.unwrap_or("127.0.0.1").parse().unwrap()),
        };
        request
    }
}

fn compile(config: &str) -> Result<UaBlock, String> {
    let config: Config = parse(config.as_bytes()).map_err(|errors| errors.to_string())?;
    UaBlock::compile(config, &|_| None).map_err(|errors| errors.to_string())
}

fn decide(filter: &UaBlock, request: &Parts) -> Vec<Decision> {
    let mut trail = Trail::default();
    filter.on_request_headers(request, &mut trail).unwrap();
    trail.decisions().to_vec()
}

fn words(outcome: &Outcome) -> String {
    format!("{} {} {}", outcome.action.as_str(), outcome.rule, outcome.reason.0)
}

#[test]
fn verdicts() {
    let groups: Vec<Group> = serde_json::from_str(include_str!("../testdata/verdicts.json")).unwrap();
    for group in groups {
        let filter = compile(&group.config.to_string()).unwrap();
        for case in group.cases.iter().filter(|case| !case.envoy_only) {
            let decisions = decide(&filter, &case.request());
            let mut found: Vec<String> =
                decisions.iter().map(|decision| words(filter.outcomes().get(decision.outcome).unwrap())).collect();
            let verdict = found.pop().unwrap_or_else(|| "none".into());
            let context = format!("{}: {:?} {:?}", group.about, case.agent, case.path);
            assert_eq!(verdict, case.verdict, "{context}");
            assert_eq!(found, case.shadow.iter().cloned().collect::<Vec<_>>(), "{context}");
        }
    }
}

#[test]
fn bad_configurations() {
    #[derive(Deserialize)]
    struct Bad {
        config: String,
        fault: String,
    }
    let table: Vec<Bad> = serde_json::from_str(include_str!("../testdata/bad_configs.json")).unwrap();
    for Bad { config, fault } in table {
        let environment = &|_: &str| None;
        let found = match portcullis_adaptor::load::<UaBlock>(config.as_bytes(), environment) {
            Ok(_) => panic!("accepted: {config}"),
            Err(errors) => errors.to_string(),
        };
        assert!(found.contains(&fault), "{config}\nfound    {found}\nexpected {fault}");
    }
}

#[test]
fn every_outcome_of_a_shadow_filter_lets_pass() {
    let filter =
        compile(r#"{"mode":"shadow","default":"deny","rules":[{"name":"a","action":"deny","contains":["x"]}]}"#);
    assert!(!filter.unwrap().outcomes().iter().any(Outcome::refuses));
}

#[test]
fn what_is_off_has_no_outcome() {
    let outcomes = |mode: &str, own: &str| {
        let rule = format!(r#"{{"name":"a","action":"deny","mode":"{own}","contains":["x"],"paths":["/a"]}}"#);
        let filter = compile(&format!(r#"{{"mode":"{mode}","rules":[{rule}]}}"#)).unwrap();
        let named: BTreeSet<String> = filter.outcomes().iter().map(words).collect();
        assert!(filter.outcomes().iter().all(|outcome| outcome.mode != Mode::Off), "{named:?}");
        (named.len(), named.iter().any(|words| words.starts_with("deny a ")))
    };
    let (all, none) = (outcomes("enforce", "shadow"), outcomes("off", "enforce"));
    assert!(all.1, "a rule in shadow mode has outcomes");
    assert_eq!(outcomes("enforce", "off"), (all.0 - 2, false));
    assert_eq!(none, (0, false));
}

#[test]
fn joined_values_are_told_from_commas() {
    for (agent, joined) in [
        ("a", false),
        ("a,b", true),
        ("Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko)", false),
        ("Mozilla/5.0 (KHTML,like Gecko)", false),
        ("Mozilla/5.0 (X11) Safari/1,BadBot", true),
        ("App/1 iPhone13,4", false),
        ("App/1 iPhone13,BadBot", true),
        ("x,gzip(gfe)", false),
        ("x,gzip(gfe),BadBot", true),
        (",BadBot", true),
        ("BadBot,", false),
        ("a, b", false),
        ("a)),b", true),
        ("a ((x),y", false),
    ] {
        assert_eq!(is_joined(agent.as_bytes()), joined, "{agent}");
    }
}

#[derive(Deserialize)]
struct Agent {
    ua: String,
    what: String,
    #[serde(default)]
    presets: BTreeSet<String>,
}

fn corpus(lines: &str) -> Vec<Agent> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// Each preset as a rule of its own, so that every hit shows.
fn all_presets() -> UaBlock {
    let rules: Vec<Value> = Preset::ALL
        .iter()
        .map(|preset| serde_json::json!({"name": preset.as_str(), "preset": [preset.as_str()], "action": "deny", "mode": "shadow"}))
        .collect();
    compile(&serde_json::json!({ "rules": rules }).to_string()).unwrap()
}

#[test]
fn presets_hit_the_bots_they_name_and_no_one_else() {
    let filter = all_presets();
    let humans = corpus(include_str!("../testdata/corpus/humans.jsonl"));
    let bots = corpus(include_str!("../testdata/corpus/bots.jsonl"));
    assert!(humans.len() >= 400 && bots.len() >= 250, "{} humans, {} bots", humans.len(), bots.len());
    for agent in &humans {
        assert!(agent.presets.iter().all(|preset| preset == "http-libraries"), "{}", agent.what);
    }
    for agent in humans.iter().chain(&bots) {
        let request = Parts::new([("user-agent", agent.ua.as_bytes())]);
        let decisions = decide(&filter, &request);
        let rules = decisions.iter().filter_map(|decision| filter.outcomes().get(decision.outcome));
        let hits: BTreeSet<String> = rules
            .filter(|outcome| outcome.reason.0 == "user_agent_denied")
            .map(|outcome| outcome.rule.to_string())
            .collect();
        assert_eq!(hits, agent.presets, "{}: {}", agent.what, agent.ua);
        assert!(!is_joined(agent.ua.as_bytes()), "taken for several: {}", agent.ua);
    }
}
