#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde::Deserialize;

use super::{Code, Descriptor, Malformed, Response, Status, encode};
use crate::fleet::testing::hex;

#[cfg(not(target_arch = "wasm32"))]
mod reference;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestCase {
    note: String,
    domain: String,
    descriptors: Vec<(Vec<(String, String)>, u32)>,
    hex: String,
}

#[test]
fn requests_are_written_as_the_table_says() {
    let cases: Vec<RequestCase> = serde_json::from_str(include_str!("../../../testdata/fleet/requests.json")).unwrap();
    for case in cases {
        let entries: Vec<Vec<_>> = case
            .descriptors
            .iter()
            .map(|(entries, _)| entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect())
            .collect();
        let descriptors: Vec<_> = entries
            .iter()
            .zip(&case.descriptors)
            .map(|(entries, (_, hits))| Descriptor { entries, hits: *hits })
            .collect();
        assert_eq!(encode(&case.domain, &descriptors), hex(&case.hex), "{}", case.note);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseCase {
    note: String,
    hex: String,
    /// `None`: refused.
    response: Option<(u8, Vec<StatusCase>)>,
}

/// Code, limit, remaining, reset in nanoseconds.
type StatusCase = (u8, Option<u32>, u32, Option<u64>);

fn code(number: u8) -> Code {
    [Code::Unknown, Code::Ok, Code::OverLimit][usize::from(number)]
}

#[test]
fn responses_are_read_as_the_table_says() {
    let cases: Vec<ResponseCase> =
        serde_json::from_str(include_str!("../../../testdata/fleet/responses.json")).unwrap();
    for case in cases {
        let expected = case.response.map(|(overall, statuses)| Response {
            overall: code(overall),
            statuses: statuses
                .into_iter()
                .map(|(number, limit, remaining, reset)| Status { code: code(number), limit, remaining, reset })
                .collect(),
        });
        assert_eq!(Response::decode(&hex(&case.hex), 2), expected.ok_or(Malformed), "{}", case.note);
    }
}

#[test]
fn a_body_that_is_cut_short_is_refused() {
    let whole = hex("00 00000013 0801 120f 0801 1205 08e807 1001 1803 2202 083c");
    assert!(Response::decode(&whole, 1).is_ok());
    for end in 0..whole.len() {
        assert_eq!(Response::decode(&whole[..end], 1), Err(Malformed), "{end}");
    }
}
