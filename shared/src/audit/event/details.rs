//! The details of a decision, redacted and held to a size.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::json;
use crate::{
    decision::Detail,
    redact::{self, REDACTED},
};

/// What the object of details takes at most, in bytes.
const MAX_BYTES: usize = 4096;

/// What a list in it takes at most: it leaves room for what comes after it.
const MAX_LIST: usize = 3072;

/// What one string in it takes at most.
const MAX_STRING: usize = 512;

/// Lists and objects deeper than this become null: each level takes stack, and a policy may pass on what clients sent.
const MAX_DEPTH: u8 = 8;

/// `details` and `details_omitted`, each after a comma: the details that fit, in their order. Of lists that do not fit, the
/// elements that do.
pub(super) fn write(details: &[Detail], out: &mut String) {
    let mut omitted = 0_u64;
    // The braces; each detail is counted with a comma, a colon and quotes.
    let mut bytes = 2_usize;
    let mut before = r#","details":{""#;
    for detail in details {
        let start = out.len();
        out.push_str(before);
        let counted = out.len();
        out.push_str(detail.name);
        out.push_str("\":");
        let most = counted.saturating_add(MAX_BYTES).saturating_sub(bytes).saturating_sub(2);
        let left_out = match &detail.value {
            Value::Array(values) => {
                let end = out.len().saturating_add(MAX_LIST);
                list(out, values, most.min(end))
            }
            value => single(out, value),
        };
        if out.len() > most {
            out.truncate(start);
            omitted = omitted.saturating_add(1);
        } else {
            bytes = bytes.saturating_add(out.len().saturating_sub(counted)).saturating_add(2);
            omitted = omitted.saturating_add(left_out);
            before = ",\"";
        }
    }
    if bytes > 2 {
        out.push('}');
    }
    if omitted > 0 {
        out.push_str(r#","details_omitted":"#);
        json::number(out, omitted);
    }
}

fn single(out: &mut String, value: &Value) -> u64 {
    if let Value::String(text) = value {
        out.push('"');
        json::text(out, &redact::text(text), MAX_STRING);
        out.push('"');
    } else {
        write_clean(out, value, 0);
    }
    0
}

/// Writes elements while `out` stays within `most` bytes; the first in any case. Returns how many are left out.
fn list(out: &mut String, values: &[Value], most: usize) -> u64 {
    out.push('[');
    let mut left = values.len() as u64;
    for (position, value) in values.iter().enumerate() {
        let start = out.len();
        if position > 0 {
            out.push(',');
        }
        write_clean(out, value, 1);
        // With the bracket.
        if position > 0 && out.len() >= most {
            out.truncate(start);
            break;
        }
        left = left.saturating_sub(1);
    }
    out.push(']');
    left
}

fn write_clean(out: &mut String, value: &Value, depth: u8) {
    // Any JSON value serialises.
    out.push_str(&serde_json::to_string(&Clean { value, depth }).unwrap_or_default());
}

/// A value without secrets.
struct Clean<'a> {
    value: &'a Value,
    depth: u8,
}

impl Serialize for Clean<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.depth.saturating_add(1);
        match self.value {
            Value::String(text) => serializer.serialize_str(&clean(text)),
            Value::Array(_) | Value::Object(_) if depth > MAX_DEPTH => serializer.serialize_unit(),
            Value::Array(values) => serializer.collect_seq(values.iter().map(|value| Clean { value, depth })),
            Value::Object(fields) => {
                let redacted = Value::from(REDACTED);
                serializer.collect_map(fields.iter().map(|(name, value)| {
                    // Details of a policy have names of its own; those within may come from a client.
                    let value = if redact::header_is_secret(name) { &redacted } else { value };
                    (clean(name), Clean { value, depth })
                }))
            }
            plain => plain.serialize(serializer),
        }
    }
}

fn clean(text: &str) -> Cow<'_, str> {
    json::limited(redact::text(text), MAX_STRING)
}
