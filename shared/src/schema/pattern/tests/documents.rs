//! The patterns of real documents, which a clone of the project does not have.

use std::{collections::BTreeSet, io::Read, path::PathBuf};

use serde_json::Value;

use crate::schema::pattern::Pattern;

fn patterns(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| patterns(element, found)),
        Value::Object(members) => {
            found.extend(members.get("pattern").and_then(Value::as_str).map(str::to_owned));
            let keys = members.get("patternProperties").and_then(Value::as_object);
            found.extend(keys.into_iter().flatten().map(|(key, _)| key.clone()));
            members.values().for_each(|member| patterns(member, found));
        }
        _ => {}
    }
}

#[test]
fn real_patterns_compile() {
    let conformance = std::env::var_os("PORTCULLIS_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from);
    let Ok(folder) = std::fs::read_dir(conformance.join("openapi")) else {
        println!("skipped: no documents; PORTCULLIS_CONFORMANCE says where they are");
        return;
    };
    let mut found = BTreeSet::new();
    for file in folder {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            let mut text = String::new();
            flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
            patterns(&serde_json::from_str(&text).unwrap(), &mut found);
        }
    }
    let mut refused = Vec::new();
    let mut dear = 0;
    for text in &found {
        match Pattern::new(text) {
            Ok(pattern) => dear += usize::from(pattern.cost() > 1),
            Err(message) => refused.push(message),
        }
    }
    assert!(found.len() > 200, "{}", found.len());
    assert_eq!(refused, [r"unsupported `\A` (the start is `^` in ECMA-262) at byte 0"]);
    // Those that look around, and one that asks for the bounds of words.
    assert_eq!(dear, 5);
}
