//! The presets against a sample of real user agents, over the wire; the filter's own tests have them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use portcullis_integration_tests::workspace;
use serde::Deserialize;
use serde_json::{Value, json};

use portcullis_integration_tests::Decisions;

use crate::gate::{Gate, get};

#[derive(Deserialize)]
struct Agent {
    ua: String,
    what: String,
    /// Those that hit it.
    #[serde(default)]
    presets: BTreeSet<String>,
}

/// Every tenth.
fn sample() -> Vec<Agent> {
    let files = ["bots", "humans"].map(|file| format!("filters/ua_block/testdata/corpus/{file}.jsonl"));
    let read = |file: &String| std::fs::read_to_string(workspace(file)).unwrap();
    let lines: String = files.iter().map(read).collect();
    let agents = lines.lines().step_by(10).map(|line| serde_json::from_str(line).unwrap());
    agents.collect()
}

fn all_presets() -> Vec<String> {
    let files = std::fs::read_dir(workspace("filters/ua_block/presets")).unwrap();
    let names = files.map(|file| file.unwrap().path());
    let lists = names.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    lists.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_hit_what_they_are_for() {
    let presets = all_presets();
    let rule = |name: &String| json!({"name": name, "preset": [name], "action": "deny", "mode": "shadow"});
    let rules: Vec<Value> = presets.iter().map(rule).collect();
    let gate = Gate::start(&json!({ "rules": rules })).await;
    let sample = sample();
    assert!(sample.len() > 60, "{} agents", sample.len());

    let (client, mut faults, mut before) = (gate.h1(), String::new(), Decisions::new());
    let mut hit: BTreeMap<String, u32> = BTreeMap::new();
    for Agent { ua, what, presets } in &sample {
        gate.passed(&client, get(ua)).await;
        let after = gate.decisions().await;
        let moved = after.iter().filter(|(key, count)| before.get(*key) != Some(count)).map(|(key, _)| key);
        let shadow = moved.filter_map(|key| key.strip_prefix("deny ")?.strip_suffix(" user_agent_denied shadow"));
        let hits: BTreeSet<String> = shadow.map(str::to_owned).collect();
        if hits != *presets {
            let _ = writeln!(faults, "{what}: hit by {hits:?}, not {presets:?}: {ua}");
        }
        for preset in hits {
            *hit.entry(preset).or_default() += 1;
        }
        before = after;
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(hit.len() * 2 > presets.len(), "too few presets have bots in the sample: {hit:?}");
}
