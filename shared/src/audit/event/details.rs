//! The details of a decision, redacted and held to a size.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::limited::limited;
use crate::{
    decision::Detail,
    redact::{self, REDACTED},
};

/// What the object of details takes at most, in bytes.
const MAX_BYTES: usize = 4096;

/// What one string in it takes at most.
const MAX_STRING: usize = 512;

/// Lists and objects deeper than this become null: each level takes stack, and a policy may pass on what clients sent.
const MAX_DEPTH: u8 = 8;

/// The details that fit, in their order.
pub(super) struct Details<'a> {
    fitting: Vec<&'a Detail>,
    pub(super) omitted: usize,
}

impl<'a> Details<'a> {
    pub(super) fn new(details: &'a [Detail]) -> Self {
        // The braces; each detail is counted with a comma, a colon and quotes.
        let mut bytes = 2_usize;
        let fits = |detail: &&Detail| {
            let with = bytes.saturating_add(detail.name.len()).saturating_add(size(&detail.value)).saturating_add(4);
            let fits = with <= MAX_BYTES;
            if fits {
                bytes = with;
            }
            fits
        };
        let fitting: Vec<&Detail> = details.iter().filter(fits).collect();
        let omitted = details.len().saturating_sub(fitting.len());
        Self { fitting, omitted }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.fitting.is_empty()
    }
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(self.fitting.iter().map(|detail| (detail.name, Clean { value: &detail.value, depth: 0 })))
    }
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

fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    limited(redact::text(text), MAX_STRING)
}

/// How many bytes of JSON a value takes once it is clean.
fn size(value: &Value) -> usize {
    let mut count = Count(0);
    // Counting cannot fail, and neither can any JSON value.
    match serde_json::to_writer(&mut count, &Clean { value, depth: 0 }) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
