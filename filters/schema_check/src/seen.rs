//! The headers that decide, found in one pass.

use portcullis_shared::request::Headers;

/// What was seen of a request's headers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    pub(crate) content_type: Only<'a>,
    pub(crate) content_encoding: Only<'a>,
    /// Whether the headers say that a body follows.
    pub(crate) has_length: bool,
    has_origin: bool,
    asked_method: Option<&'a [u8]>,
}

/// A header that must come once at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Only<'a> {
    #[default]
    None,
    One(&'a [u8]),
    More,
}

impl<'a> Only<'a> {
    pub(crate) fn of(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut only = Self::None;
        values.for_each(|value| only.add(value));
        only
    }

    fn add(&mut self, value: &'a [u8]) {
        *self = if *self == Self::None { Self::One(value) } else { Self::More };
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn look(headers: Headers<'a>) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match name {
                b":method" => seen.method = value,
                b":path" => seen.target = value,
                b"content-type" => seen.content_type.add(value),
                b"content-encoding" => seen.content_encoding.add(value),
                b"content-length" => seen.has_length |= value != b"0",
                b"transfer-encoding" => seen.has_length = true,
                b"origin" => seen.has_origin = true,
                b"access-control-request-method" => seen.asked_method = Some(value),
                _ => {}
            }
        }
        seen
    }

    /// The method that a browser asks for before it sends a request of another origin (Fetch section 3.2.2).
    pub(crate) fn preflight(&self) -> Option<&'a [u8]> {
        self.asked_method.filter(|_| self.has_origin && self.method == b"OPTIONS")
    }
}
