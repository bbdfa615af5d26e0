//! Bodies that are compressed.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use portcullis_integration_tests::workspace;
use serde_json::Value;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// In zlib's format, as RFC 9110 has it.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// As RFC 7932 has it for what is not compressed: a block that says its length, and an empty one that is the last.
pub(crate) fn brotli(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 1).unwrap();
    let head = (length << 4 | 1 << 20).to_le_bytes();
    [&head[..3], bytes, &[3]].concat()
}

/// A body of that name in the table of encodings: those of `br` are by its reference encoder.
pub(crate) fn stream(name: &str) -> Vec<u8> {
    let streams = std::fs::read(workspace("shared/testdata/encoding/streams.json")).unwrap();
    let streams: Value = serde_json::from_slice(&streams).unwrap();
    let found = streams.as_array().unwrap().iter().find(|stream| stream["name"] == name).unwrap();
    let digits = found["body"].as_str().unwrap().as_bytes().chunks(2);
    digits.map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap()).collect()
}
