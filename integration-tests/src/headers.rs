//! Headers as bytes: names in lower case, values as they were on the wire.

use std::fmt;

use http::header::{TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A list of headers which keeps repeats and bytes that are no UTF-8.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Adds one header; a name that is there already is repeated.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0.push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).first().copied()
    }

    /// The first value of `name` as text, with U+FFFD for what is no UTF-8.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Every value of `name`, in order.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect()
    }

    /// Every header: in the order of each name's first appearance, or as on the wire with
    /// [`Raw`](crate::Raw).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How many headers, repeats counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For hyper, which refuses names and values that HTTP does not allow.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in self.iter() {
            let key = HeaderName::from_bytes(name.as_bytes()).ok();
            let (Some(key), Ok(value)) = (key, HeaderValue::from_bytes(value)) else {
                panic!("hyper cannot send {name:?}: use Raw or RawH2");
            };
            map.append(key, value);
        }
        map
    }
}

/// Adds what HTTP/1.1 needs before hyper sends these trailers; hyper takes it out for HTTP/2.
pub(crate) fn announce(trailers: &HeaderMap, headers: &mut HeaderMap) {
    for name in trailers.keys() {
        headers.append(TRAILER, name.clone().into());
    }
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        let mut headers = Self::default();
        for (name, value) in map {
            headers.push(name.as_str(), value.as_bytes());
        }
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| (name, value.escape_ascii().to_string()));
        f.debug_list().entries(shown.map(|(name, value)| format!("{name}: {value}"))).finish()
    }
}
