//! The configurations users are given, made fit for a test: free ports, local addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::config::{free_port, load_assignment, socket_address};
use crate::{dist, workspace};

/// A bootstrap from a file such as `envoy/demo.yaml`, rewritten so that it runs anywhere.
///
/// - Listeners and admin bind port 0 of 127.0.0.1.
/// - Clusters named with [`endpoint`](Self::endpoint) get that address, and no TLS, which the servers here do not
///   speak. All others get one where nothing listens, so that a test never leaves the machine or waits for DNS.
/// - Files that end in `.wasm` come from `dist/`; other paths can be moved with
///   [`path`](Self::path).
#[derive(Clone, Debug)]
pub struct Example {
    file: String,
    root: Value,
    endpoints: BTreeMap<String, SocketAddr>,
}

impl Example {
    /// Reads a file; the path is relative to the workspace.
    pub fn load(file: &str) -> Self {
        Self { file: file.to_owned(), root: read_yaml(workspace(file)), endpoints: BTreeMap::new() }
    }

    /// Several files in one Envoy: the listeners of all, each named after its file, and the clusters of all. What a
    /// file says besides, such as `stats_config`, is that of the first.
    pub fn load_all(files: &[&str]) -> Self {
        let mut examples = files.iter().map(|file| {
            let mut example = Self::load(file);
            let name = Path::new(file).file_stem().expect("a file has a name").to_string_lossy();
            for listener in array(&mut example.root["static_resources"]["listeners"]) {
                listener["name"] = json!(name);
            }
            example
        });
        let mut all = examples.next().expect("a file at least");
        for mut other in examples {
            all.file = format!("{} with {}", all.file, other.file);
            for part in ["listeners", "clusters"] {
                let known = all.root["static_resources"][part].as_array_mut().expect("a list");
                for new in array(&mut other.root["static_resources"][part]) {
                    match known.iter().find(|known| known["name"] == new["name"]) {
                        None => known.push(new.take()),
                        Some(known) => assert_eq!(known, new, "{}: two of one name", all.file),
                    }
                }
            }
        }
        all
    }

    /// Points a cluster at a real address.
    #[must_use]
    pub fn endpoint(mut self, cluster: &str, address: SocketAddr) -> Self {
        self.endpoints.insert(cluster.to_owned(), address);
        self
    }

    /// Replaces the start of every string that is this path or lies below it.
    #[must_use]
    pub fn path(mut self, from: &str, to: impl AsRef<Path>) -> Self {
        let mut moved = 0;
        each_string(&mut self.root, &mut |text| {
            let below = text.strip_prefix(from);
            if let Some(rest) = below.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                *text = format!("{}{rest}", to.as_ref().display());
                moved += 1;
            }
        });
        assert!(moved > 0, "{} names no path below {from}", self.file);
        self
    }

    /// Merges into the root; see [`merge`](crate::merge).
    #[must_use]
    pub fn merge(mut self, patch: &Value) -> Self {
        crate::merge(&mut self.root, patch);
        self
    }

    /// The rewritten bootstrap. Panics if a cluster named is not in the file.
    pub fn build(&self) -> Value {
        let mut root = self.root.clone();
        root["admin"]["address"] = socket_address(&free_port());
        for listener in array(&mut root["static_resources"]["listeners"]) {
            listener["address"] = socket_address(&free_port());
        }
        let mut unused: Vec<&String> = self.endpoints.keys().collect();
        for cluster in array(&mut root["static_resources"]["clusters"]) {
            let name = cluster["name"].as_str().expect("a cluster has a name").to_owned();
            unused.retain(|given| **given != name);
            let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
            let given = self.endpoints.get(&name).copied();
            if given.is_some() {
                cluster.as_object_mut().expect("a cluster is an object").remove("transport_socket");
            }
            let address = given.unwrap_or(nowhere);
            cluster["type"] = json!("STATIC");
            cluster["load_assignment"] = load_assignment(&name, address);
        }
        assert!(unused.is_empty(), "{} has no clusters {unused:?}", self.file);
        each_string(&mut root, &mut |text| {
            let path = Path::new(text.as_str());
            if path.extension().is_some_and(|extension| extension == "wasm") {
                let stem = path.file_stem().expect("an extension follows a stem");
                *text = dist(&stem.to_string_lossy()).display().to_string();
            }
        });
        root
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.build().fmt(f)
    }
}

/// Reads a YAML (or JSON) file as JSON, anchors and `<<` resolved; panics with its name if it
/// cannot.
pub fn read_yaml(file: impl AsRef<Path>) -> Value {
    let name = file.as_ref().display();
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let parse = || {
        let mut yaml: yaml_serde::Value = yaml_serde::from_str(&text)?;
        yaml.apply_merge()?;
        yaml_serde::from_value(yaml)
    };
    parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The elements, or none if there is no such list.
fn array(value: &mut Value) -> &mut [Value] {
    value.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default()
}

fn each_string(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(values) => values.iter_mut().for_each(|value| each_string(value, change)),
        Value::Object(fields) => fields.values_mut().for_each(|value| each_string(value, change)),
        _ => {}
    }
}
