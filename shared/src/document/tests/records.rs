//! What stands in the store, and what does when it should not.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::borrow::Cow;

use super::{Answer, SECOND, START, settled};
use crate::document::{Demand, Header, Record};

const RECORD: Record = Record {
    version: 1,
    success: 9,
    sequence: 2,
    fetched_at: 3,
    next_at: 4,
    attempted_at: 5,
    lease_until: 6,
    owner: u64::MAX,
    failures: 8,
};

#[test]
fn the_layout_is_fixed() {
    let mut expected = vec![1];
    for number in [1, 9, 2, 3, 4, 5, 6, u64::MAX] {
        expected.extend(number.to_le_bytes());
    }
    expected.extend([8, 0, 0, 0]);
    assert_eq!(RECORD.to_bytes(), expected);
    assert_eq!(Record::parse(&expected), Some(RECORD));
    let body = Header { version: 258, fetched_at: 3 }.with(b"xy");
    assert_eq!(body, b"\x01\x02\x01\0\0\0\0\0\0\x03\0\0\0\0\0\0\0xy");
}

#[test]
fn other_formats_are_not_read() {
    let good = RECORD.to_bytes();
    let mut long = good.clone();
    long.push(0);
    assert_eq!(Record::parse(&long), None);
    for length in 0..good.len() {
        assert_eq!(Record::parse(&good[..length]), None, "{length}");
    }
    for format in (0..=255).filter(|format| *format != 1) {
        let mut other = good.clone();
        other[0] = format;
        assert_eq!(Record::parse(&other), None, "{format}");
        assert_eq!(Header::split(&other), None, "{format}");
    }
}

#[test]
fn owned_and_borrowed_documents_are_split_alike() {
    let header = Header { version: 1, fetched_at: 2 };
    for document in [&b""[..], b"x", b"{}"] {
        let value = header.with(document);
        assert_eq!(Header::split_off(Cow::Borrowed(&value)), Some((header, Cow::Borrowed(document))));
        assert_eq!(Header::split_off(Cow::Owned(value.clone())), Some((header, Cow::Borrowed(document))));
        for length in 0..17 {
            assert_eq!(Header::split_off(Cow::Borrowed(&value[..length])), None);
            assert_eq!(Header::split_off(Cow::Owned(value[..length].to_vec())), None);
        }
    }
}

/// Records that no version of Portcullis wrote, or another one.
fn strange() -> Vec<Vec<u8>> {
    let mut newer = RECORD.to_bytes();
    newer[0] = 2;
    let mut older = RECORD.to_bytes();
    older[0] = 0;
    vec![vec![], b"garbage".to_vec(), newer, older, vec![255; 69], vec![1; 68]]
}

#[test]
fn a_strange_record_is_as_none() {
    for strange in strange() {
        let (mut first, mut second) = settled("");
        first.store.overwrite(".record", &strange);
        assert_eq!(first.poll(START), "fetch", "{strange:?}");
        assert_eq!(second.poll(START), "", "{strange:?}");
        assert!(second.has("a") && second.document.is_usable(START));
        assert_eq!(first.answer(Ok("b"), START), Answer::New);
        assert_eq!(second.poll(START), "new b", "{strange:?}");
    }
}

#[test]
fn versions_grow_on_after_a_record_was_lost() {
    let (mut first, mut second) = settled("");
    let mut now = START;
    for body in ["b", "c", "d"] {
        now += 110 * SECOND;
        assert_eq!(first.poll(now), "fetch");
        assert_eq!(first.answer(Ok(body), now), Answer::New);
    }
    assert_eq!(second.poll(now), "new d");
    first.store.overwrite(".record", b"");
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(second.answer(Ok("d"), now), Answer::Unchanged);
    assert_eq!(first.poll(now), "");
    first.store.overwrite(".record", b"");
    assert_eq!(second.poll(now), "fetch");
    assert_eq!(second.answer(Ok("e"), now), Answer::New);
    assert_eq!(first.poll(now), "new e");
}

#[test]
fn a_strange_document_is_fetched_again_when_that_is_allowed() {
    // What begins like ours is for the parser to judge.
    for strange in strange().into_iter().filter(|strange| strange.first() != Some(&1)) {
        let (mut first, mut second) = settled("");
        first.store.overwrite(".body", &strange);
        let mut third = super::Worker::new(&first.store, 3, "");
        assert_eq!(third.poll(START), "", "{strange:?}");
        assert_eq!(third.document.fetched_at(), None);
        assert_eq!(third.poll(START + 10 * SECOND), "fetch", "{strange:?}");
        assert_eq!(third.answer(Ok("a"), START + 10 * SECOND), Answer::New);
        assert_eq!(first.poll(START + 10 * SECOND), "new a");
        assert_eq!(second.poll(START + 10 * SECOND), "new a");
    }
}

#[test]
fn times_that_no_configuration_makes_are_not_believed() {
    let (first, mut second) = settled("");
    let known = Record::parse(&first.store.value(".record").unwrap()).unwrap();
    // The last fetch was long ago.
    let known = Record { attempted_at: START - 100 * SECOND, ..known };
    let cases = [
        // The clock was a year ahead.
        (Record { next_at: START + 31_536_000 * SECOND, ..known }, "fetch"),
        (Record { next_at: u64::MAX, ..known }, "fetch"),
        (Record { next_at: u64::MAX, attempted_at: START - 99 * SECOND, ..known }, ""),
        (Record { next_at: u64::MAX, attempted_at: START + 1, ..known }, "fetch"),
        (Record { next_at: START + 126 * SECOND, ..known }, "fetch"),
        (Record { next_at: START + 124 * SECOND, ..known }, ""),
        (Record { next_at: 0, lease_until: START + 31_536_000 * SECOND, ..known }, "fetch"),
        (Record { next_at: 0, lease_until: u64::MAX, ..known }, "fetch"),
        (Record { next_at: 0, lease_until: START + 62 * SECOND, ..known }, "fetch"),
        (Record { next_at: 0, lease_until: START + 60 * SECOND, ..known }, ""),
        (Record { next_at: 0, lease_until: START - 1, ..known }, "fetch"),
    ];
    for (record, expected) in cases {
        first.store.overwrite(".record", &record.to_bytes());
        let mut fresh = super::Worker::new(&first.store, 3, "");
        assert_eq!(fresh.poll(START).trim_start_matches("new a").trim_start_matches(", "), expected, "{record:?}");
    }
    let ahead = Record { attempted_at: START + 31_536_000 * SECOND, ..known };
    first.store.overwrite(".record", &ahead.to_bytes());
    assert_eq!(second.demand(START), Demand::Coming);
}
