//! Published documents, where they are on this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    rc::Rc,
    time::Instant,
};

use serde::Deserialize;

use super::{lines, settings};
use crate::{
    encoding,
    json::{Document, Limits, Part},
    openapi::{Contract, Lookup, ReadSettings, Router},
    path::{Case, Normaliser, PathBuffer},
};

#[derive(Deserialize)]
struct Entry {
    name: String,
    operations: usize,
}

fn documents() -> Option<Vec<(Entry, Part)>> {
    let conformance = std::env::var_os("PORTCULLIS_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from);
    let folder = conformance.join("openapi");
    if !folder.is_dir() {
        println!("skipped: no documents; PORTCULLIS_CONFORMANCE says where they are");
        return None;
    }
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let entries: Vec<Entry> = serde_json::from_str(&index).unwrap();
    let read = |entry: Entry| {
        let packed = std::fs::read(folder.join(format!("{}.json.gz", entry.name))).unwrap();
        let mut text = Vec::new();
        encoding::decode(b"gzip", &packed, 64 << 20, &mut text).unwrap();
        let document = Rc::new(Document::parse(&text, &Limits::NONE).unwrap());
        (entry, Part::new(&document, document.root()))
    };
    Some(entries.into_iter().map(read).collect())
}

/// A document that is not loaded: why, and with which faults.
#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "why")]
    _why: String,
    faults: Vec<String>,
}

#[test]
fn published_documents_load_or_are_refused_with_a_reason() {
    let Some(documents) = documents() else { return };
    let mut refused: BTreeMap<String, Refused> =
        serde_json::from_str(include_str!("../../../testdata/openapi/published.json")).unwrap();
    assert!(documents.len() > 60, "{}", documents.len());
    for (entry, document) in &documents {
        let Entry { name, operations } = entry;
        let settings = ReadSettings { responses: true, ..settings() };
        let (mut contract, faults, warnings) = Contract::read(document, &settings);
        let expected = refused.remove(name).map(|refused| refused.faults).unwrap_or_default();
        assert_eq!(lines(&faults), expected, "{name}");
        if faults.is_empty() {
            assert_eq!(contract.operations.len(), *operations, "{name}");
        } else {
            let ignored = faults.into_iter().map(|fault| fault.pointer).collect();
            let (again, faults, _) = Contract::read(document, &ReadSettings { ignored, ..settings });
            assert_eq!(lines(&faults), Vec::<String>::new(), "{name}");
            contract = again;
        }
        // What an operator can read.
        assert!(warnings.len() < 40, "{name}: {}", lines(&warnings).join("\n"));
        check(name, &contract);
    }
    assert!(refused.is_empty(), "{:?}", refused.keys());
}

/// Names are names, and each path leads to an operation that has the method.
fn check(name: &str, contract: &Contract) {
    let ids: BTreeSet<_> = contract.operations.iter().map(|operation| &operation.id).collect();
    assert_eq!(ids.len(), contract.operations.len(), "{name}");
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    assert!(ids.iter().all(|id| (1..=64).contains(&id.len()) && id.bytes().all(is_good)), "{name}: {ids:?}");
    let (router, warnings) = Router::new(&contract.operations, Case::Sensitive);
    assert!(warnings.len() < 2, "{name}");
    for (position, operation) in contract.operations.iter().enumerate() {
        for template in &operation.templates {
            let path: String = template
                .as_str()
                .split('{')
                .enumerate()
                .map(|(part, text)| match text.split_once('}') {
                    Some((_, after)) if part > 0 => format!("zz{after}"),
                    _ => text.to_owned(),
                })
                .collect();
            let mut buffer = PathBuffer::default();
            let path = Normaliser::lenient().normalise(path.as_bytes(), &mut buffer).unwrap();
            let Lookup::Found(candidates) = router.find(&path, operation.method.as_bytes(), None) else {
                panic!("{name}: {template}")
            };
            assert!(candidates.iter().any(|found| found.operation == position), "{name}: {template}");
        }
    }
}

/// What is said of each document, for those who want to know: `--ignored --nocapture`.
#[test]
#[ignore = "only shows texts"]
fn faults_and_warnings() {
    for (entry, document) in documents().into_iter().flatten() {
        let (_, faults, warnings) = Contract::read(&document, &ReadSettings { responses: true, ..settings() });
        println!("{}: {:#?} {:#?}", entry.name, lines(&faults), lines(&warnings));
    }
}

/// How long the large ones take, for those who want to know: `--ignored --nocapture`.
#[test]
#[ignore = "only shows figures"]
fn time_of_loading() {
    let Some(documents) = documents() else { return };
    for (entry, document) in documents.iter().filter(|(entry, _)| entry.operations > 400) {
        for responses in [false, true] {
            let now = Instant::now();
            let (contract, _, _) = Contract::read(document, &ReadSettings { responses, ..settings() });
            let read_time = now.elapsed();
            let (router, _) = Router::new(&contract.operations, Case::Sensitive);
            let route_time = now.elapsed().saturating_sub(read_time);
            let name = &entry.name;
            println!(
                "{name}, responses {responses}: {} schemas, read in {read_time:?}, routes in {route_time:?}",
                contract.schemas.len()
            );
            drop(router);
        }
    }
}
