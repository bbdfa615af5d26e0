//! Names of operations that metrics and events can have.

use std::collections::BTreeSet;

/// The longest name, in bytes.
const LENGTH: usize = 64;

/// Names that are in use.
#[derive(Debug, Default)]
pub(super) struct Labels(BTreeSet<Box<str>>);

impl Labels {
    /// A name for `text` that no other has, and whether another had the one that it would have had.
    pub(super) fn add(&mut self, text: &str) -> (Box<str>, bool) {
        let first = label(text);
        let mut label = first.clone();
        let mut number = 1_u32;
        while !self.0.insert(label.clone()) {
            number = number.saturating_add(1);
            let end = format!("-{number}");
            label = format!("{}{end}", start(&first, LENGTH.saturating_sub(end.len()))).into();
        }
        let is_taken = label != first;
        (label, is_taken)
    }
}

/// The name that a method and a path make.
pub(super) fn of_path(method: &str, path: &str) -> String {
    format!("{}{path}", method.to_ascii_lowercase())
}

fn label(text: &str) -> Box<str> {
    let plain = |char: char| match char {
        '/' => '-',
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => char,
        _ => '_',
    };
    let label: String = text.chars().map(plain).collect();
    match label.len() {
        0 => "-".into(),
        1..=LENGTH => label.into(),
        _ => format!("{}-{:08x}", start(&label, LENGTH.saturating_sub(9)), hash(text)).into(),
    }
}

fn start(label: &str, length: usize) -> &str {
    label.get(..length).unwrap_or(label)
}

/// FNV-1a: the same at each start. That two may be alike is why labels are counted.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
