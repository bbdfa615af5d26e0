//! Keys of clients: what limits count by, as bytes in which no two different clients are alike.

use portcullis_shared::{
    ownership::is_header,
    parameters::cookie,
    path::{Case, NormalPath, TemplateSet},
    query,
    request::{Request, Unavailable},
};
use std::net::IpAddr;

use crate::config;

/// What a request shows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    All,
    /// A part is not there.
    Missing,
    /// A part can be read in several ways.
    Ambiguous,
}

/// What is needed of a request to make keys.
pub(crate) struct Source<'a> {
    pub(crate) request: &'a dyn Request,
    /// Where it has only one reading.
    pub(crate) path: Option<NormalPath<'a>>,
    pub(crate) path_case: Case,
    pub(crate) ipv6_prefix: u32,
}

/// A key's parts, one behind the other, each behind its length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(Vec<u8>);

/// Stands for a part that is not there.
const NONE: u32 = u32::MAX;

impl Keys {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The key that begins at `start` and ends before `end`.
    pub(crate) fn get(&self, start: usize, end: usize) -> &[u8] {
        self.0.get(start..end).unwrap_or_default()
    }

    fn push(&mut self, part: &[u8]) {
        // Longer than any header can be: longer ones are cut, and counted with those that begin so.
        let part = part.get(..MOST).unwrap_or(part);
        self.0.extend_from_slice(&u32::try_from(part.len()).unwrap_or(NONE).to_le_bytes());
        self.0.extend_from_slice(part);
    }

    /// A part of a path.
    fn push_segment(&mut self, segment: &[u8], case: Case) {
        let start = self.0.len();
        self.push(segment);
        if case == Case::Insensitive
            && let Some(part) = self.0.get_mut(start.saturating_add(size_of::<u32>())..)
        {
            part.make_ascii_lowercase();
        }
    }

    fn push_none(&mut self) {
        self.0.extend_from_slice(&NONE.to_le_bytes());
    }

    /// Adds all parts of a key. Parts that are not there are so in a key of their own where `shares`.
    pub(crate) fn add(
        &mut self,
        parts: &[config::Key],
        template: Option<&TemplateSet<()>>,
        source: &Source<'_>,
        shares: bool,
    ) -> Result<Found, Unavailable> {
        for part in parts {
            match self.add_part(part, template, source)? {
                Found::All => {}
                Found::Missing if shares => self.push_none(),
                other => return Ok(other),
            }
        }
        Ok(Found::All)
    }

    fn add_part(
        &mut self,
        part: &config::Key,
        template: Option<&TemplateSet<()>>,
        source: &Source<'_>,
    ) -> Result<Found, Unavailable> {
        let request = source.request;
        let value = match part {
            config::Key::ClientIp => {
                let Some(address) = request.client_address()? else { return Ok(Found::Missing) };
                return Ok(self.push_address(address, source.ipv6_prefix));
            }
            config::Key::Method => request.header(":method")?,
            config::Key::Path => {
                let Some(path) = &source.path else { return Ok(Found::Ambiguous) };
                for segment in path.segments() {
                    self.push_segment(segment, source.path_case);
                }
                // As the number of parts differs, so must their end.
                self.push_none();
                return Ok(Found::All);
            }
            config::Key::Variable(name) => {
                let Some(path) = &source.path else { return Ok(Found::Ambiguous) };
                let value = template.and_then(|template| template.find(path)?.capture(name));
                let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(Found::Missing) };
                self.push_segment(value, source.path_case);
                return Ok(Found::All);
            }
            config::Key::Header(name) => {
                let mut values = request.headers()?.filter(|(known, _)| is_header(known, name));
                match (values.next(), values.next()) {
                    (None, _) => None,
                    // Blanks around a value are no part of it, and not all versions of HTTP take them off.
                    (Some((known, value)), None) if known == name.as_bytes() => Some(value.trim_ascii()),
                    _ => return Ok(Found::Ambiguous),
                }
            }
            config::Key::Query(name) => {
                let target = request.path()?;
                let query =
                    target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at.saturating_add(1)..));
                match query::only(query.unwrap_or_default(), name) {
                    Ok(Some(value)) if !value.is_empty() => {
                        self.push(value.as_bytes());
                        return Ok(Found::All);
                    }
                    Ok(_) => None,
                    Err(_) => return Ok(Found::Ambiguous),
                }
            }
            config::Key::Cookie(name) => match cookie(&request.headers()?, name) {
                Ok(Some(value)) if !value.is_empty() => {
                    self.push(&value);
                    return Ok(Found::All);
                }
                Ok(_) => None,
                Err(_) => return Ok(Found::Ambiguous),
            },
            config::Key::Claim(property) => request.property(property)?,
            config::Key::Peer(peer) => request.property(peer.property())?,
            config::Key::Constant(text) => Some(text.as_bytes()),
        };
        // An empty value says no more of a client than none.
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(Found::Missing) };
        self.push(value);
        Ok(Found::All)
    }

    fn push_address(&mut self, address: IpAddr, ipv6_prefix: u32) -> Found {
        match address {
            IpAddr::V4(address) => self.push(&address.octets()),
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(ipv6_prefix)).unwrap_or_default();
                self.push(&(address.to_bits() & mask).to_be_bytes());
            }
        }
        Found::All
    }
}

/// The most bytes of a part.
const MOST: usize = 64 << 10;

/// Where `jwt_bola` leaves a claim.
pub(crate) fn claim(pointer: &str) -> String {
    format!("portcullis.claim.{pointer}")
}

/// The parts of a key, as they were added; `None` for one that is not there.
pub(crate) fn parts(mut key: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (length, rest) = key.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        if length == NONE {
            key = rest;
            return Some(None);
        }
        let (part, rest) = rest.split_at_checked(length as usize)?;
        key = rest;
        Some(Some(part))
    })
}
