//! The documents that schemas are in, and where in them a `$ref` leads.

use std::collections::BTreeMap;

use crate::{
    config::quoted,
    json::{Kind, Part, Value},
    path::unescape_leniently,
    pointer,
};

use super::{Dialect, scan, uri};

/// A value in one of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which document.
    pub(super) document: u32,
    /// The value's id in it.
    pub(super) index: u32,
}

/// What has a URI of its own: a document, or a schema in it that has an `$id`.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) place: Place,
    /// The id behind its last value.
    pub(super) end: u32,
    pub(super) uri: Box<str>,
    pub(super) dialect: Dialect,
    /// The one that it is in.
    pub(super) parent: Option<u32>,
    /// Whether it says `$recursiveAnchor`.
    pub(super) is_recursive: bool,
}

/// A name for a schema in a resource.
#[derive(Debug)]
pub(super) struct Anchor {
    pub(super) resource: u32,
    pub(super) name: Box<str>,
    pub(super) place: Place,
    pub(super) is_dynamic: bool,
}

#[derive(Debug)]
pub(super) struct Document {
    pub(super) part: Part,
    /// Goes before pointers into it.
    pub(super) prefix: Box<str>,
    /// Its resources: from where in the list of all, and how many.
    pub(super) resources: (u32, u32),
    /// Whether anything in it is `readOnly` or `writeOnly`.
    pub(super) has_directions: bool,
    /// What is to be ignored: ids from, to below, and the pointer as it was given.
    pub(super) ignored: Vec<(u32, u32, Box<str>)>,
}

/// All documents, and what has a name in them.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) all: Vec<Document>,
    pub(super) resources: Vec<Resource>,
    pub(super) anchors: Vec<Anchor>,
    /// Where texts lead, by the resource that they are in.
    known: BTreeMap<Box<str>, Vec<(u32, Place)>>,
}

impl Documents {
    /// Adds a document. The pointers of `ignored` that start with the prefix are about it.
    pub(super) fn add(&mut self, part: Part, dialect: Dialect, prefix: &str, ignored: &[String]) -> u32 {
        let document = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let root = part.value();
        let ignored = ignored.iter().filter_map(|pointer| {
            let place = root.lookup(pointer.strip_prefix(prefix)?)?;
            Some((place.id(), place.behind(), pointer.as_str().into()))
        });
        let ignored = ignored.collect();
        let from = u32::try_from(self.resources.len()).unwrap_or(u32::MAX);
        let has_directions = scan::scan(self, root, document, dialect);
        let count = u32::try_from(self.resources.len()).unwrap_or(u32::MAX).saturating_sub(from);
        self.all.push(Document { part, prefix: prefix.into(), resources: (from, count), has_directions, ignored });
        document
    }

    pub(super) fn document(&self, place: Place) -> Option<&Document> {
        self.all.get(place.document as usize)
    }

    pub(super) fn resource(&self, id: u32) -> Option<&Resource> {
        self.resources.get(id as usize)
    }

    /// The innermost resource that a place is in.
    pub(super) fn resource_of(&self, place: Place) -> u32 {
        let Some(document) = self.document(place) else { return 0 };
        let (from, count) = document.resources;
        let own = self.resources.get(from as usize..from.saturating_add(count) as usize).unwrap_or_default();
        let before = own.partition_point(|resource| resource.place.index <= place.index);
        let mut at = from.saturating_add(u32::try_from(before).unwrap_or(0)).saturating_sub(1);
        while let Some(resource) = self.resource(at)
            && resource.end <= place.index
            && let Some(parent) = resource.parent
        {
            at = parent;
        }
        at.max(from)
    }

    pub(super) fn dialect_of(&self, place: Place) -> Dialect {
        self.resource(self.resource_of(place)).map_or(Dialect::Draft202012, |resource| resource.dialect)
    }

    /// The pointer to a value, from the root of its document, behind the document's prefix.
    pub(super) fn pointer(&self, place: Place) -> String {
        let Some(document) = self.document(place) else { return String::new() };
        let mut text = document.prefix.to_string();
        pointer_to(document.part.value(), place.index, &mut text);
        text
    }

    /// Where a reference at `place` leads, or what is wrong with it.
    pub(super) fn resolve(&mut self, place: Place, text: &str) -> Result<Place, String> {
        let from = self.resource_of(place);
        if let Some(known) = self.known.get(text)
            && let Some((_, target)) = known.iter().find(|(resource, _)| *resource == from)
        {
            return Ok(*target);
        }
        let target = self.look(from, text)?;
        self.known.entry(text.into()).or_default().push((from, target));
        Ok(target)
    }

    /// The resource that a URI names for those in `from`: the nearest document's that has it.
    fn named(&self, from: u32, reference: &str) -> Option<u32> {
        if reference.is_empty() {
            return Some(from);
        }
        let base = self.resource(from)?;
        let uri = uri::join(&base.uri, reference);
        let is_it = |resource: &Resource| *resource.uri == *uri && !resource.uri.is_empty();
        let own = |resource: &Resource| resource.place.document == base.place.document;
        let at = self.resources.iter().position(|resource| own(resource) && is_it(resource));
        at.or_else(|| self.resources.iter().position(is_it)).and_then(|at| u32::try_from(at).ok())
    }

    fn look(&self, from: u32, text: &str) -> Result<Place, String> {
        let (uri, fragment) = text.split_once('#').unwrap_or((text, ""));
        let Some(resource) = self.named(from, uri) else {
            return Err(format!(
                "expected a reference within the document, found {}: bundle the document first, such as with `redocly \
                 bundle` or `swagger-cli bundle`",
                quoted(text)
            ));
        };
        let missing = || format!("expected a reference to what is in the document, found {}", quoted(text));
        let place = self.resource(resource).ok_or_else(missing)?.place;
        let fragment = String::from_utf8(unescape_leniently(fragment.as_bytes())).map_err(|_| missing())?;
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let mut anchors = self.anchors.iter().filter(|anchor| anchor.resource == resource);
            return anchors.find(|anchor| *anchor.name == *fragment).map(|anchor| anchor.place).ok_or_else(missing);
        }
        let root = self.document(place).ok_or_else(missing)?.part.at(place.index);
        let value = root.lookup(&fragment).ok_or_else(missing)?;
        Ok(Place { index: value.id(), ..place })
    }
}

/// Adds the pointer to what has this id (RFC 6901). A member's name stands for its value.
pub(super) fn pointer_to(root: Value<'_>, id: u32, text: &mut String) {
    let mut at = root;
    'down: while at.id() < id {
        match at.kind() {
            Kind::Object => {
                let mut members = at.members();
                while let Some((name, value)) = members.pair() {
                    if id < value.behind() {
                        pointer::push(text, name.as_str().unwrap_or_default());
                        if id <= value.id() {
                            return;
                        }
                        at = value;
                        continue 'down;
                    }
                }
                return;
            }
            Kind::Array => {
                let Some((position, value)) = at.elements().enumerate().find(|(_, value)| id < value.behind()) else {
                    return;
                };
                pointer::push(text, &position.to_string());
                at = value;
            }
            _ => return,
        }
    }
}
