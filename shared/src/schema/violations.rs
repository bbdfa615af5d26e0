//! Violations, as they are found.

use crate::{json::Value, pointer};

use super::{Violation, documents};

/// One that is found: its place is worked out when it is reported.
#[derive(Debug)]
struct Found {
    /// The value's id.
    id: u32,
    keyword: &'static str,
    /// The member that is not there.
    missing: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Violations {
    found: Vec<Found>,
    most: usize,
}

impl Violations {
    pub(super) const fn new(most: usize) -> Self {
        Self { found: Vec::new(), most }
    }

    pub(super) fn add(&mut self, value: Value<'_>, keyword: &'static str, missing: Option<&str>) {
        let id = value.id();
        let is_it = |known: &Found| known.id == id && known.keyword == keyword && known.missing.as_deref() == missing;
        if !self.is_full() && !self.found.iter().any(is_it) {
            self.found.push(Found { id, keyword, missing: missing.map(Into::into) });
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= self.most
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    pub(super) fn finish(mut self, root: Value<'_>) -> Vec<Violation> {
        self.found.sort_by_key(|found| found.id);
        let violations = self.found.into_iter().map(|found| {
            let mut pointer = String::new();
            documents::pointer_to(root, found.id, &mut pointer);
            if let Some(missing) = found.missing {
                pointer::push(&mut pointer, &missing);
            }
            Violation { pointer, keyword: found.keyword }
        });
        violations.collect()
    }
}
