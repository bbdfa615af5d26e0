#[cfg(not(target_arch = "wasm32"))]
use proptest::{collection::vec, prelude::*, sample::Index};
use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Codings, Fault, crc::crc, decode};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    name: String,
    coding: String,
    /// In hexadecimal.
    body: String,
    text: Option<String>,
    /// The text is this, so many times.
    repeat: Option<(String, usize)>,
    fault: Option<String>,
}

impl Stream {
    fn body(&self) -> Vec<u8> {
        let digits = self.body.as_bytes().chunks(2);
        digits.map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap()).collect()
    }

    fn text(&self) -> Vec<u8> {
        let repeated = self.repeat.as_ref().map(|(text, times)| text.repeat(*times));
        self.text.clone().or(repeated).unwrap().into_bytes()
    }
}

/// Made by Node.js: zlib and Google's brotli.
fn streams() -> Vec<Stream> {
    serde_json::from_str(include_str!("../../testdata/encoding/streams.json")).unwrap()
}

fn decoded(coding: &str, body: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut out = b"from before".to_vec();
    let result = decode(coding.as_bytes(), body, limit, &mut out);
    assert!(result.is_ok() || out.is_empty());
    result.map(|()| out)
}

#[test]
fn streams_decode_whole_and_within_the_limit() {
    for stream in streams() {
        let (name, body, text) = (&stream.name, stream.body(), stream.text());
        let decoded = |body: &[u8], limit| decoded(&stream.coding, body, limit);
        assert_eq!(decoded(&body, 1 << 20), Ok(text.clone()), "{name}");
        // What is between two codings counts as well.
        if !stream.coding.contains(',') {
            assert_eq!(decoded(&body, text.len()), Ok(text.clone()), "{name}");
        }
        if let Some(less) = text.len().checked_sub(1) {
            assert_eq!(decoded(&body, less), Err(Fault::Bomb), "{name}");
        }
        for end in 0..body.len() {
            assert_eq!(decoded(&body[..end], 1 << 20), Err(Fault::Invalid), "{end} bytes of {name}");
        }
        for more in [b"\0".as_slice(), b"\x1f\x8b", b"\n", b"garbage"] {
            assert_eq!(decoded(&[&body, more].concat(), 1 << 20), Err(Fault::Invalid), "{name} and {more:?}");
        }
    }
}

#[test]
fn bombs_end_at_the_limit() {
    let bombs: Vec<Stream> = serde_json::from_str(include_str!("../../testdata/encoding/bombs.json")).unwrap();
    for bomb in bombs {
        for limit in [1 << 10, 1_000_003, 1 << 21] {
            let mut out = Vec::new();
            let result = decode(bomb.coding.as_bytes(), &bomb.body(), limit, &mut out);
            assert_eq!(result.err().map(Fault::code), bomb.fault.as_deref(), "{}", bomb.name);
            assert!(out.capacity() <= limit + 1, "{} takes {}", bomb.name, out.capacity());
        }
        // Where bodies may be that large, so may the window.
        if bomb.name == "a window of 16 MB" {
            assert_eq!(decoded(&bomb.coding, &bomb.body(), 1 << 24), Ok(b"hello world".to_vec()));
        }
    }
}

#[test]
fn codings_read_as_rfc_9110_has_it() {
    for (value, expected) in [
        ("", Ok(true)),
        ("identity", Ok(true)),
        (" , Identity,\t", Ok(true)),
        ("gzip", Ok(false)),
        ("GZip", Ok(false)),
        ("x-gzip", Ok(false)),
        ("deflate", Ok(false)),
        ("br", Ok(false)),
        ("identity, br ,identity", Ok(false)),
        ("gzip,deflate", Ok(false)),
        ("gzip, gzip, gzip", Err(Fault::Unsupported)),
        ("zstd", Err(Fault::Unsupported)),
        ("compress", Err(Fault::Unsupported)),
        ("x-deflate", Err(Fault::Unsupported)),
        ("gzip;q=1", Err(Fault::Unsupported)),
        ("gzip deflate", Err(Fault::Unsupported)),
        ("*", Err(Fault::Unsupported)),
        ("g\u{17f}ip", Err(Fault::Unsupported)),
    ] {
        assert_eq!(Codings::parse(value.as_bytes()).map(|codings| codings.is_identity()), expected, "{value:?}");
    }
    assert_eq!(Codings::parse(b"gzip\xff"), Err(Fault::Unsupported));
    assert_eq!(decoded("identity", b"text", 4), Ok(b"text".to_vec()));
    assert_eq!(decoded("", b"text", 3), Err(Fault::Bomb));
    assert_eq!(decoded("zstd", b"", 3), Err(Fault::Unsupported));
}

#[test]
fn a_coding_is_no_other() {
    for stream in streams() {
        for coding in ["gzip", "deflate", "br"] {
            let is_other = !stream.coding.ends_with(coding) && !stream.coding.ends_with("x-gzip");
            let found = decoded(coding, &stream.body(), 1 << 20);
            assert!(!is_other || found == Err(Fault::Invalid), "{} as {coding}", stream.name);
        }
        // A bare stream, without zlib's header and checksum.
        if let ("deflate", [_, _, bare @ .., _, _, _, _]) = (stream.coding.as_str(), stream.body().as_slice()) {
            assert_eq!(decoded("deflate", bare, 1 << 20), Err(Fault::Invalid), "{}", stream.name);
        }
    }
}

#[test]
fn checksums_are_checked() {
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    assert_eq!((crc(b""), crc(b"a"), crc(&[0; 32])), (0, 0xe8b7_be43, 0x190a_55ad));
    for stream in streams().into_iter().filter(|stream| ["gzip", "deflate"].contains(&stream.coding.as_str())) {
        let body = stream.body();
        let trailer = if stream.coding == "gzip" { 8 } else { 4 };
        for at in body.len() - trailer..body.len() {
            let mut body = body.clone();
            body[at] ^= 0x10;
            assert_eq!(decoded(&stream.coding, &body, 1 << 20), Err(Fault::Invalid), "{} at {at}", stream.name);
        }
    }
}

/// A member with this header behind the first three bytes, and `text` in one stored block.
fn member(header: &[u8], text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let block = [&[1], length.to_le_bytes().as_slice(), (!length).to_le_bytes().as_slice(), text].concat();
    framed(header, &block, text)
}

fn framed(header: &[u8], stream: &[u8], text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    [b"\x1f\x8b\x08", header, stream, &crc(text).to_le_bytes(), &length.to_le_bytes()].concat()
}

const PLAIN: &[u8] = &[0, 0, 0, 0, 0, 0, 255];

#[test]
fn members_with_any_header_follow_each_other() {
    let all = b"\x1d\x01\x02\x03\x04\x02\x03\x03\0a\0bname\0comment\0";
    let check = |header: &[u8]| u16::try_from(crc(&[b"\x1f\x8b\x08", header].concat()) & 0xffff).unwrap();
    let checked = [b"\x1f", &all[1..]].concat();
    let checked = [checked.as_slice(), &check(&checked).to_le_bytes()].concat();
    let body =
        [member(PLAIN, b"one, "), member(all, b"two, "), member(PLAIN, b""), member(&checked, b"three")].concat();
    assert_eq!(decoded("gzip", &body, 15), Ok(b"one, two, three".to_vec()));
    assert_eq!(decoded("gzip", &body, 14), Err(Fault::Bomb));
    for end in 0..body.len() {
        let found = decoded("gzip", &body[..end], 15);
        let is_whole = found.as_deref().is_ok_and(|text| [b"one, ".as_slice(), b"one, two, "].contains(&text));
        assert!(is_whole || found == Err(Fault::Invalid), "{end} bytes");
    }
    let mut wrong = checked.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for header in [wrong.as_slice(), b"\x20\0\0\0\0\0\xff", b"\x80\0\0\0\0\0\xff", b"\x04\0\0\0\0\0\xff\xff\xff"] {
        assert_eq!(decoded("gzip", &member(header, b"x"), 99), Err(Fault::Invalid), "{header:?}");
    }
    let mut other = member(PLAIN, b"x");
    other[2] = 7;
    assert_eq!(decoded("gzip", &other, 99), Err(Fault::Invalid));
}

/// `aaa` as three times the byte before it: not for the first byte of a member, whatever another member left.
#[test]
fn a_member_does_not_reach_into_the_one_before() {
    let reaching = framed(PLAIN, &[0x03, 0x02, 0x00], b"aaa");
    assert_eq!(decoded("gzip", &reaching, 99), Err(Fault::Invalid));
    assert_eq!(decoded("gzip", &[member(PLAIN, b"a"), reaching].concat(), 99), Err(Fault::Invalid));
}

#[test]
fn many_empty_members_are_no_work() {
    let body = member(PLAIN, b"").repeat(50_000);
    assert_eq!(decoded("gzip", &body, 1 << 20), Ok(Vec::new()));
}

#[cfg(not(target_arch = "wasm32"))]
fn never_more_than_the_limit(coding: &str, body: &[u8], limit: usize) -> Result<(), TestCaseError> {
    let mut out = Vec::new();
    let result = decode(coding.as_bytes(), body, limit, &mut out);
    prop_assert!(out.len() <= limit && out.capacity() <= limit.saturating_add(1));
    prop_assert!(result.is_ok() || out.is_empty());
    Ok(())
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn random_bodies_do_no_harm(
        coding in prop::sample::select(&["gzip", "deflate", "br", "br, gzip"][..]),
        body in vec(any::<u8>(), 0..300),
        begin in any::<bool>(),
        limit in 0_usize..5000,
    ) {
        let start: &[u8] = match coding {
            _ if !begin => b"",
            "deflate" => b"\x78\x9c",
            "br" => b"\x0b",
            _ => b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        };
        never_more_than_the_limit(coding, &[start, &body].concat(), limit)?;
    }

    #[test]
    fn damaged_streams_do_no_harm(
        stream in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>(), 0..4_u8), 1..6),
        limit in 0_usize..200_000,
    ) {
        let streams = streams();
        let stream = &streams[stream.index(streams.len())];
        let mut body = stream.body();
        for (at, byte, kind) in damage {
            let at = at.index(body.len().max(1));
            match kind {
                0 => body.insert(at, byte),
                1 if !body.is_empty() => { body.remove(at); }
                2 => body.truncate(at),
                _ => if let Some(found) = body.get_mut(at) { *found ^= byte },
            }
        }
        never_more_than_the_limit(&stream.coding, &body, limit)?;
    }
}
