//! `paths`.

use crate::path::{Template, TemplateError};

use super::{
    Operation,
    reader::{Place, Reader},
};

/// A path item's `get`, `put` and so on, and the methods that they are.
const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("head", "HEAD"),
    ("patch", "PATCH"),
    ("trace", "TRACE"),
];

/// What all operations of a path item share.
pub(super) struct Item<'d> {
    /// The key, cut at `?` and `#`.
    pub(super) path: &'d str,
    /// The names between `?` and `#` in the key.
    pub(super) query: Vec<&'d str>,
    pub(super) bases: Vec<String>,
    pub(super) templates: Vec<Template>,
    pub(super) parameters: Option<Place<'d>>,
    pub(super) pointer: String,
    pub(super) is_ignored: bool,
}

impl<'d> Reader<'d> {
    pub(super) fn paths(&mut self) -> Vec<Operation> {
        let root = Place { value: self.root, pointer: String::new() };
        for (name, message) in
            [("webhooks", "webhooks are not enforced"), ("security", "security schemes are not enforced here")]
        {
            if let Some(place) = root.get(name).filter(|place| !place.value.is_empty()) {
                self.findings.warn(&place.pointer, message);
            }
        }
        self.keys();
        let mut operations = Vec::new();
        let bases = self.bases(&root).unwrap_or_else(|| vec![String::new()]);
        if let Some(paths) = root.get("paths")
            && self.is_object(&paths, "an object of path items")
        {
            for (key, place) in paths.members() {
                self.item(key, place, &bases, &mut operations);
            }
        }
        if operations.is_empty() {
            self.findings.warn("/paths", "there are no operations: every path is unknown");
        }
        operations
    }

    fn item(&mut self, key: &'d str, place: Place<'d>, bases: &[String], operations: &mut Vec<Operation>) {
        let (path, fragment) = key.split_once('#').unwrap_or((key, ""));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if !query.is_empty() {
            self.findings.warn(&place.pointer, "requests are not told apart by what follows `?`; its names may come");
        } else if !fragment.is_empty() {
            self.findings.warn(&place.pointer, "requests are not told apart by what follows `#`");
        }
        let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
        let pointer = place.pointer.clone();
        let is_ignored = self.findings.is_ignored(&pointer);
        // What is in both: the item itself goes first.
        let mut layers = vec![place.clone()];
        if place.value.get("$ref").is_some() {
            layers.extend(self.follow(place));
        }
        for layer in &layers {
            if !self.is_object(layer, "a path item, which is an object") {
                return;
            }
        }
        let mut bases = bases.to_vec();
        let mut parameters = None;
        if !is_ignored {
            for layer in layers.iter().rev() {
                bases = self.bases(layer).unwrap_or(bases);
            }
            parameters = layers.iter().find_map(|layer| layer.get("parameters"));
        }
        let Some(templates) = self.templates(path, &bases, &pointer) else { return };
        let query = names.filter(|name| !name.is_empty()).collect();
        let item = Item { path, query, bases, templates, parameters, pointer, is_ignored };
        for (name, method) in METHODS {
            if let Some(place) = layers.iter().find_map(|layer| layer.get(name)) {
                operations.extend(self.operation(method, &place, &item));
            }
        }
    }

    /// The templates of a path, one for each base path.
    pub(super) fn templates(&mut self, path: &str, bases: &[String], pointer: &str) -> Option<Vec<Template>> {
        // An empty key, or one without its slash, is not mended by a base path.
        let full = |base: &String| if path.starts_with('/') { format!("{base}{path}") } else { path.to_owned() };
        let templates: Result<Vec<_>, TemplateError> =
            bases.iter().map(|base| Template::openapi(&full(base))).collect();
        match templates {
            Ok(templates) => Some(templates),
            Err(error) => {
                self.findings.fault(pointer, error.to_string());
                None
            }
        }
    }
}
