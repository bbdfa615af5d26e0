use std::collections::BTreeMap;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde::Deserialize;

use super::{MAX_BODY, read as read_answer};
use crate::{
    fleet::{Code, Reason, testing::hex},
    policy::Answer,
    request::Headers,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    note: String,
    headers: BTreeMap<String, String>,
    body: String,
    trailers: BTreeMap<String, String>,
    reason: Option<String>,
}

#[test]
fn answers_are_read_as_the_table_says() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../testdata/fleet/answers.json")).unwrap();
    for case in cases {
        let list = |map: BTreeMap<String, String>| -> Vec<_> {
            map.into_iter().map(|(name, value)| (name, value.into_bytes())).collect()
        };
        let (headers, trailers) = (list(case.headers), list(case.trailers));
        let body = hex(&case.body);
        let answer = Answer { headers: Headers::Listed(&headers), body: &body, trailers: Headers::Listed(&trailers) };
        let read = read_answer(&answer, 1);
        assert_eq!(read.as_ref().err().map(|reason| reason.code()), case.reason.as_deref(), "{}", case.note);
        assert!(read.is_ok_and(|response| response.overall != Code::Unknown) || case.reason.is_some());
    }
}

#[test]
fn a_body_has_a_bound() {
    let headers = [(":status", "200"), ("content-type", "application/grpc")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let trailers = [("grpc-status".to_owned(), b"0".to_vec())];
    let read = |filling: usize| {
        // `raw_body`, field 5, whose length takes three bytes.
        let byte = |shift: u32, mark: u8| u8::try_from((filling >> shift) & 0x7f).unwrap() | mark;
        let varint = [byte(0, 0x80), byte(7, 0x80), byte(14, 0)];
        let message = [&[8, 1, 0x2a][..], &varint, &vec![b'x'; filling]].concat();
        let body = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
        let answer = Answer { headers: Headers::Listed(&headers), body: &body, trailers: Headers::Listed(&trailers) };
        (body.len(), read_answer(&answer, 1).map(|response| response.overall))
    };
    assert_eq!(read(MAX_BODY - 11), (MAX_BODY, Ok(Code::Ok)));
    assert_eq!(read(MAX_BODY - 10), (MAX_BODY + 1, Err(Reason::Malformed)));
}
