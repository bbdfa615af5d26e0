//! Values and schemas that are made to take long: the budget ends them, or they need little of it.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde_json::{Value, json};

use crate::json::{Document, Limits, Part};

use super::{Budget, Compiled, Dialect, PLAIN};

const STEPS: u32 = 1_000_000;

/// Whether a value is valid, if that can be told, and the steps that it took.
fn judge(schema: &Value, text: &str) -> (Option<bool>, u32) {
    let compiled = Compiled::new(&Part::from(schema), Dialect::Draft202012, PLAIN, |_| {});
    assert_eq!(compiled.faults, []);
    let value = Document::parse(text.as_bytes(), &Limits::NONE).unwrap();
    let mut budget = Budget(STEPS);
    let verdict = compiled.schemas.is_valid(compiled.id, value.root(), &mut budget).ok();
    let mut again = Budget(STEPS);
    if let Ok(report) = compiled.schemas.report(compiled.id, value.root(), 10, &mut again) {
        assert!(report.violations.len() <= 10);
        if let Some(verdict) = verdict {
            assert_eq!(report.violations.is_empty(), verdict);
        }
    }
    (verdict, STEPS.saturating_sub(budget.0))
}

/// A text in so many others.
fn nested(before: &str, inner: &str, after: &str, times: usize) -> String {
    format!("{}{inner}{}", before.repeat(times), after.repeat(times))
}

#[test]
fn alternatives_in_alternatives() {
    // Each level asks twice for the next: 2^40 questions, were none remembered.
    let branch =
        |least: u32| json!({ "type": "object", "properties": { "a": { "$ref": "#" } }, "minProperties": least });
    for (name, expected) in [("anyOf", false), ("oneOf", false)] {
        let schema = json!({ "type": "object", name: [branch(0), branch(1), branch(0)] });
        let (verdict, steps) = judge(&schema, &nested("{\"a\":", "1", "}", 40));
        assert_eq!(verdict, Some(expected));
        assert!(steps < 100_000, "{steps}");
    }
    // With what is looked at kept in mind, nothing is remembered: the budget ends it.
    let schema = json!({ "unevaluatedProperties": false, "anyOf": [branch(0), branch(1), { "properties": { "a": { "$ref": "#" } }, "required": ["b"] }] });
    let (verdict, steps) = judge(&schema, &nested("{\"a\":", "1", "}", 40));
    assert!(verdict.is_none() || steps < STEPS, "{verdict:?} {steps}");
}

#[test]
fn references_to_references() {
    // As deep as the value is, and as the schema is in between.
    let mut definitions = serde_json::Map::new();
    for level in 0..50 {
        let next = if level == 49 { "#".to_owned() } else { format!("#/$defs/{}", level + 1) };
        let schema = if level == 49 {
            json!({ "properties": { "a": { "$ref": next } } })
        } else {
            json!({ "allOf": [{ "$ref": next }], "title": "x" })
        };
        definitions.insert(level.to_string(), schema);
    }
    let schema = json!({ "$defs": definitions, "allOf": [{ "$ref": "#/$defs/0" }] });
    assert_eq!(judge(&schema, &nested("{\"a\":", "1", "}", 8)).0, Some(true));
    assert_eq!(judge(&schema, &nested("{\"a\":", "1", "}", 400)).0, None);
}

#[test]
fn circles_by_what_is_around() {
    let schema = json!({
        "$id": "https://example.com/a", "$dynamicAnchor": "x", "$ref": "b",
        "$defs": { "b": { "$id": "b", "$dynamicAnchor": "x", "properties": { "a": true }, "$dynamicRef": "#x" } }
    });
    assert_eq!(judge(&schema, "{}").0, None);
}

#[test]
fn violations_without_end() {
    let (verdict, steps) = judge(&json!({ "items": { "type": "string" } }), &format!("[{}1]", "1,".repeat(100_000)));
    assert_eq!(verdict, Some(false));
    assert!(steps < 20, "{steps}");
    let compiled =
        Compiled::new(&Part::from(&json!({ "items": { "type": "string" } })), Dialect::Draft202012, PLAIN, |_| {});
    let value = Document::parse(format!("[{}1]", "1,".repeat(100_000)).as_bytes(), &Limits::NONE).unwrap();
    let mut budget = Budget(STEPS);
    let report = compiled.schemas.report(compiled.id, value.root(), 10, &mut budget).unwrap();
    assert_eq!(report.violations.len(), 10);
    assert!(STEPS - budget.0 < 100, "{budget:?}");
    // Alternatives that all fail.
    let alternatives: Vec<_> = (0..1000).map(|number| json!({ "const": number })).collect();
    let (verdict, _) = judge(&json!({ "items": { "anyOf": alternatives } }), &format!("[{}0]", "999,".repeat(100_000)));
    assert_eq!(verdict, None);
}

#[test]
fn many_members() {
    let members: Vec<_> = (0..10_000).map(|number| format!("\"name{number}\":{number}")).collect();
    let text = format!("{{{},\"z\":1}}", members.join(","));
    let properties: serde_json::Map<_, _> = (0..10_000).map(|number| (format!("name{number}"), json!(true))).collect();
    let names: Vec<_> = properties.keys().cloned().collect();
    let schema = json!({ "properties": properties, "required": names, "unevaluatedProperties": { "type": "integer" } });
    let (verdict, steps) = judge(&schema, &text);
    assert_eq!(verdict, Some(true));
    assert!(steps < 50_000, "{steps}");
    // Names that are all asked for, and are not there.
    let dependents: serde_json::Map<_, _> = (0..1000).map(|number| (format!("no{number}"), json!(["x"]))).collect();
    assert_eq!(judge(&json!({ "dependentRequired": dependents }), &text).0, None);
}

#[test]
fn unique_elements() {
    let schema = json!({ "uniqueItems": true });
    let numbers = |count: u32| (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let (verdict, steps) = judge(&schema, &format!("[{}]", numbers(100_000)));
    assert_eq!(verdict, Some(true));
    assert!(steps < 400_000, "{steps}");
    assert_eq!(judge(&schema, &format!("[{},1e0]", numbers(50_000))).0, Some(false));
    // Objects that are equal but for their last member, in another order each time.
    let object = |last: u32| {
        format!("{{{},\"z\":{last}}}", (0..50).map(|n| format!("\"a{n}\":0")).collect::<Vec<_>>().join(","))
    };
    let objects: Vec<_> = (0..2000).map(object).collect();
    let (verdict, steps) = judge(&schema, &format!("[{}]", objects.join(",")));
    assert_eq!(verdict, Some(true));
    assert!(steps < 400_000, "{steps}");
    let reversed = |first: u32| {
        let mut names: Vec<_> = (0..500).map(|n| format!("\"a{n}\":0")).collect();
        if first == 1 {
            names.reverse();
        }
        format!("{{{}}}", names.join(","))
    };
    let text = format!("[{},{}{}]", reversed(0), "true,".repeat(20), reversed(1));
    assert_eq!(judge(&schema, &text).0, Some(false));
    let text = format!("[{},{},{}]", reversed(0), numbers(20), reversed(1));
    assert_eq!(judge(&schema, &text).0, Some(false));
}

#[test]
fn large_enumerations() {
    let words: Vec<_> = (0..50_000).map(|number| json!(format!("word{number}"))).collect();
    let (verdict, steps) = judge(&json!({ "items": { "enum": words } }), "[\"word7\",\"word49999\",\"word\"]");
    assert_eq!(verdict, Some(false));
    assert!(steps < 100, "{steps}");
    let numbers: Vec<_> = (0..50_000).map(|number| json!(number)).collect();
    let (verdict, _) = judge(&json!({ "items": { "enum": numbers } }), &format!("[{}1]", "49999,".repeat(1000)));
    assert_eq!(verdict, None);
}

#[test]
fn deep_values_and_schemas() {
    let schema = json!({ "items": { "$ref": "#" }, "const": serde_json::from_str::<Value>(&nested("[", "", "]", 100)).unwrap() });
    assert_eq!(judge(&schema, &nested("[", "", "]", 101)).0, Some(false));
    let (verdict, _) = judge(&json!({ "items": { "$ref": "#" }, "uniqueItems": true }), &nested("[", "", "]", 511));
    assert_eq!(verdict, Some(true));
    // A schema that is as deep as documents may be.
    let deep = nested("{\"allOf\":[", "true", "]}", 60);
    assert_eq!(judge(&serde_json::from_str(&deep).unwrap(), "1").0, Some(true));
}

#[test]
fn long_texts_and_numbers() {
    let (verdict, steps) = judge(&json!({ "pattern": "^(a|aa)+$" }), &format!("\"{}b\"", "a".repeat(100_000)));
    assert_eq!(verdict, Some(false));
    assert!(steps < STEPS, "{steps}");
    let (verdict, steps) = judge(&json!({ "multipleOf": 0.01, "minimum": 1.5 }), &"9".repeat(400));
    assert_eq!(verdict, Some(true));
    assert!(steps >= 400, "{steps}");
    assert_eq!(judge(&json!({ "minimum": 1.5 }), &"9".repeat(4000)).0, None);
    assert_eq!(judge(&json!({ "const": 1.5 }), &"9".repeat(4000)).0, None);
}
