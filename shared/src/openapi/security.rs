//! Keys of security schemes: they are not judged here, but their names are known.

use crate::json::{Kind, Value};

use super::{
    Location,
    reader::{Place, Reader},
};

/// Where a scheme's key is.
#[derive(Clone, Debug)]
pub(super) struct Key<'d> {
    scheme: &'d str,
    pub(super) location: Location,
    pub(super) name: Box<str>,
}

impl<'d> Reader<'d> {
    /// Reads the schemes of type `apiKey`. Of those that are odd nothing is known.
    pub(super) fn keys(&mut self) {
        let schemes = self.root.get("components").and_then(|components| components.get("securitySchemes"));
        for (scheme, value) in schemes.into_iter().flat_map(Value::members) {
            let Some(value) = self.peek(value) else { continue };
            let text = |name: &str| value.get(name).and_then(Value::as_str);
            let location = match text("in") {
                Some("query") => Location::Query,
                Some("header") => Location::Header,
                Some("cookie") => Location::Cookie,
                _ => continue,
            };
            let Some(name) = text("name").filter(|_| text("type") == Some("apiKey")) else { continue };
            let name = if location == Location::Header { name.to_ascii_lowercase().into() } else { name.into() };
            self.keys.push(Key { scheme, location, name });
        }
    }

    /// The keys that an operation may come with: by its own `security`, or that of the document.
    pub(super) fn keys_of(&self, operation: &Place<'d>) -> Vec<Key<'d>> {
        let own = operation.value.get("security").filter(|security| security.kind() == Kind::Array);
        let Some(security) = own.or_else(|| self.root.get("security")) else { return Vec::new() };
        let is_asked = |key: &&Key<'_>| security.elements().any(|any_of| any_of.get(key.scheme).is_some());
        self.keys.iter().filter(is_asked).cloned().collect()
    }
}
