//! One look at a request's headers, for all that rules may ask of them.

use portcullis_shared::{
    ownership::{self, Fault, METHOD_OVERRIDE_HEADERS, PATH_OVERRIDE_HEADERS},
    request::Headers,
};
use std::rc::Rc;

/// The names that are of interest, by their length: most headers of a request are passed over by that alone.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<Vec<(Rc<str>, Interest)>>);

#[derive(Clone, Copy, Debug)]
enum Interest {
    Path,
    Method,
    /// Clients may not send it.
    Reserved,
    /// It makes the upstream see another request.
    Override(Fault),
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    /// `:path`; empty if there is none.
    pub(crate) target: &'a [u8],
    /// `:method`.
    pub(crate) method: &'a [u8],
    /// Whether there is a header that clients may not send.
    pub(crate) is_any_reserved: bool,
    /// What is wrong with the first header that makes the upstream see another request.
    pub(crate) overridden: Option<Fault>,
}

impl Names {
    pub(crate) fn new(reserved: &[Rc<str>]) -> Self {
        let mut names = Self::default();
        names.add(":path".into(), Interest::Path);
        names.add(":method".into(), Interest::Method);
        for name in METHOD_OVERRIDE_HEADERS {
            names.add((*name).into(), Interest::Override(Fault::MethodOverride));
        }
        for name in PATH_OVERRIDE_HEADERS {
            names.add((*name).into(), Interest::Override(Fault::PathOverride));
        }
        for name in reserved {
            names.add(Rc::clone(name), Interest::Reserved);
        }
        names
    }

    fn add(&mut self, name: Rc<str>, interest: Interest) {
        if self.0.len() <= name.len() {
            self.0.resize_with(name.len().saturating_add(1), Vec::new);
        }
        if let Some(names) = self.0.get_mut(name.len()) {
            names.push((name, interest));
        }
    }

    /// Looks at all headers once.
    pub(crate) fn look<'a>(&self, headers: Headers<'a>) -> Seen<'a> {
        let mut seen = Seen::default();
        for (name, value) in headers {
            for (known, interest) in self.0.get(name.len()).into_iter().flatten() {
                if !ownership::is_header(name, known) {
                    continue;
                }
                match interest {
                    // Envoy lets only one of each through.
                    Interest::Path => seen.target = value,
                    Interest::Method => seen.method = value,
                    Interest::Reserved => seen.is_any_reserved = true,
                    Interest::Override(fault) => {
                        seen.overridden.get_or_insert(*fault);
                    }
                }
            }
        }
        seen
    }
}
