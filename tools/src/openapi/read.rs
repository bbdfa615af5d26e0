//! A file of JSON or YAML, whatever its name.

use std::io::Read as _;
use std::{fs, io};

use portcullis_shared::json;

use super::{node::Node, yaml};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 128 << 20;

/// What is wrong, and in which line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) what: String,
}

/// The text of a file; of standard input if its name is `-`. Errors name the file.
pub(super) fn text(file: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = |from: &mut dyn io::Read, bytes: &mut Vec<u8>| from.take(MAX_BYTES.saturating_add(1)).read_to_end(bytes);
    if file == "-" {
        read(&mut io::stdin().lock(), &mut bytes)
    } else {
        fs::File::open(file).and_then(|mut from| read(&mut from, &mut bytes))
    }
    .map_err(|error| format!("{file}: {error}"))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_BYTES) {
        return Err(format!("{file}: larger than {} MiB", MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        format!("{file}:{}: not UTF-8", line(before))
    })
}

/// What a text says: JSON if it begins as JSON does, else YAML.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_json = text.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with(['"', '}']));
    let read = if is_json { parse_json(text) } else { yaml::parse(text) };
    read.map_err(|fault| format!("{file}:{}: {}", fault.line, fault.what))
}

fn parse_json(text: &str) -> Result<Node, Fault> {
    let document = json::Document::parse(text.as_bytes(), &json::Limits::NONE).map_err(|error| Fault {
        line: line(text.as_bytes().get(..error.offset).unwrap_or_default()),
        what: words(error.fault).to_owned(),
    })?;
    Ok(node(document.root()))
}

fn line(before: &[u8]) -> usize {
    before.split(|byte| *byte == b'\n').count()
}

const fn words(fault: json::Fault) -> &'static str {
    match fault {
        json::Fault::DuplicateKey => "this key is already there in the same object",
        json::Fault::LoneSurrogate => "half of a surrogate pair",
        json::Fault::TrailingData => "something follows the JSON document",
        json::Fault::TooDeep => "nested too deep",
        _ => "not JSON",
    }
}

fn node(value: json::Value<'_>) -> Node {
    match value.kind() {
        json::Kind::Null => Node::Null,
        json::Kind::Boolean => Node::Bool(value.as_bool() == Some(true)),
        json::Kind::Number => Node::Number(value.as_number().unwrap_or_default().to_owned()),
        json::Kind::String => Node::text(value.as_str().unwrap_or_default()),
        json::Kind::Array => Node::List(value.elements().map(node).collect()),
        json::Kind::Object => Node::Map(value.members().map(|(name, value)| (name.to_owned(), node(value))).collect()),
    }
}
