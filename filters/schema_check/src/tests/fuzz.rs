//! Whatever a client sends: nothing panics, each request is decided, and no JSON passes that two readers could take in
//! different ways.
//!
//! `make test` draws a few hundred requests for each property; `PROPTEST_CASES=1000000 cargo test -p schema_check fuzz` draws
//! more.

use portcullis_shared::config::parse_json;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use serde_json::Value;
use std::{fs, sync::LazyLock};

use super::contracts::{filter, judge};
use crate::{SchemaCheck, config::Config};

/// Configurations, and requests with the position of theirs.
type Table = (Vec<Value>, Vec<(usize, Value)>);

/// All requests of the table, each with its contract's position.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let (mut configs, mut requests) = (Vec::new(), Vec::new());
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/contracts")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let contract: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let all = contract["requests"].as_array().unwrap().iter();
            // Large bodies are for the table alone.
            let small = all.filter(|request| request.get("body_repeat").is_none());
            requests.extend(small.map(|request| (configs.len(), request.clone())));
            configs.push(contract["config"].clone());
        }
    }
    (configs, requests)
});

thread_local! {
    static FILTERS: Vec<SchemaCheck> = TABLE.0.iter().map(filter).collect();
}

/// Where a request is changed, and how.
#[derive(Clone, Debug)]
enum Change {
    /// A piece is put in, in the place of so many bytes.
    Put(Index, usize, Vec<u8>),
    /// So many bytes are said again.
    Repeat(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let piece = select(
        &[
            "\"",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\\u0000",
            "\\ud800",
            "\\",
            "null",
            "true",
            "1e999",
            "-0",
            "0.1",
            "99999999999999999999",
            "%",
            "%00",
            "%2F",
            "%ff",
            "+",
            "&",
            "=",
            ";",
            "/",
            "..",
            "|",
            "[]",
            "[a]",
            "[0]",
            " ",
            "\r\n",
            "--",
            "\u{feff}",
            "é",
            "😀",
            "content-disposition: form-data; name=\"a\"",
            "filename=",
            "{\"a\":1,\"a\":2}",
        ][..],
    );
    let piece = prop_oneof![piece.prop_map(|text| text.as_bytes().to_vec()), vec(any::<u8>(), 0..4)];
    prop_oneof![
        (any::<Index>(), 0_usize..4, piece).prop_map(|(place, length, piece)| Change::Put(place, length, piece)),
        (any::<Index>(), 1_usize..40).prop_map(|(place, length)| Change::Repeat(place, length)),
    ]
}

fn changed(mut text: Vec<u8>, change: &Change) -> Vec<u8> {
    match change {
        Change::Put(place, length, piece) => {
            let start = place.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.iter().copied());
        }
        Change::Repeat(place, length) => {
            let start = place.index(text.len() + 1);
            let again = text[start..(start + length).min(text.len())].to_vec();
            text.splice(start..start, again);
        }
    }
    text
}

/// A request of the table with changes to its path, a header and its body.
fn request() -> impl Strategy<Value = (usize, Value, Vec<u8>)> {
    (any::<Index>(), vec((0_usize..3, change()), 0..4)).prop_map(|(index, changes)| {
        let (contract, request) = &TABLE.1[index.index(TABLE.1.len())];
        let (mut request, mut body) = (request.clone(), super::contracts::body(request));
        for (place, change) in &changes {
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            match place {
                0 => {
                    let path = request["path"].as_str().unwrap().as_bytes().to_vec();
                    request["path"] = text(changed(path, change)).into();
                }
                1 => {
                    if let Some(header) = request["headers"].get_mut(0) {
                        let value = header[1].as_str().unwrap().as_bytes().to_vec();
                        header[1] = text(changed(value, change)).into();
                    }
                }
                _ => body = changed(body, change),
            }
        }
        (*contract, request, body)
    })
}

proptest! {
    #[test]
    fn every_request_is_decided((contract, mut request, body) in request()) {
        request.as_object_mut().unwrap().remove("body");
        request["body_base64"] = super::contracts::encoded(&body).into();
        let verdict = FILTERS.with(|filters| judge(&filters[contract], &request));
        let is_plain = request["headers"] == serde_json::json!([["content-type", "application/json"]]);
        if verdict.reason == "valid" && is_plain && !body.is_empty() {
            let read = parse_json(&body);
            let is_large = |error: &serde_json::Error| error.to_string().starts_with("number out of range");
            prop_assert!(read.as_ref().is_ok() || read.as_ref().is_err_and(is_large), "{read:?} {request}");
        }
    }

    /// Documents that are nearly good are taken, or refused with a fault; then requests are judged by them.
    #[test]
    fn every_document_is_taken_or_refused(contract in any::<Index>(), changes in vec(change(), 1..3), index in any::<Index>()) {
        let position = contract.index(TABLE.0.len());
        let text = changes.iter().fold(TABLE.0[position].to_string().into_bytes(), changed);
        if let Ok(config) = portcullis_shared::config::parse::<Config>(&text) {
            let compiled = <SchemaCheck as portcullis_shared::policy::Filter>::compile(config, &|_| None);
            if let Ok(filter) = compiled {
                let requests: Vec<_> = TABLE.1.iter().filter(|(known, _)| *known == position).collect();
                judge(&filter, &requests[index.index(requests.len())].1);
            }
        }
    }
}

#[test]
fn the_table_is_there() {
    assert!(TABLE.1.len() > 1000);
}
