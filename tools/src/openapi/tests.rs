mod documents;
mod yaml;

use std::{fs, path::PathBuf};

use super::{Node, read};

/// The text of a file of test data.
fn testdata(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "testdata", "openapi"].iter().collect()
}

/// What JSON or YAML says; panics if it has a fault.
fn node(text: &str) -> Node {
    read::parse("test", text).unwrap()
}
