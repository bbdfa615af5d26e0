//! Where tokens are looked for, and how they are taken out of a request.

use portcullis_shared::{
    jose::{Found, SourceFault, find_in_cookies, find_in_header, find_in_query, without_cookie, without_parameter},
    ownership,
    request::{Headers, Request, Unavailable},
};

/// A place where a token may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Header {
        /// In lower case.
        name: Box<str>,
        /// In lower case: schemes have none (RFC 9110 section 11.1).
        scheme: Option<Box<str>>,
    },
    Cookie(Box<str>),
    Query(Box<str>),
}

/// The places of all providers, each once.
#[derive(Debug, Default)]
pub(crate) struct Carriers(Vec<Carrier>);

impl Carriers {
    /// The position of a place.
    pub(crate) fn add(&mut self, carrier: Carrier) -> usize {
        self.0.iter().position(|known| *known == carrier).unwrap_or_else(|| {
            self.0.push(carrier);
            self.0.len().saturating_sub(1)
        })
    }

    /// Whether tokens are looked for in a header that servers may take for this one.
    pub(crate) fn has_header(&self, wanted: &str) -> bool {
        let is_like = |carrier: &Carrier| match carrier {
            Carrier::Header { name, .. } => ownership::is_header(name.as_bytes(), wanted),
            Carrier::Cookie(_) | Carrier::Query(_) => false,
        };
        self.0.iter().any(is_like)
    }

    /// Whether a token in one of these places is a malformed one in another: in a header with a scheme, and without.
    pub(crate) fn are_at_odds(&self, places: &[usize]) -> bool {
        let headers = || {
            places.iter().filter_map(|place| match self.0.get(*place) {
                Some(Carrier::Header { name, scheme }) => Some((name, scheme.is_some())),
                _ => None,
            })
        };
        headers().any(|(name, has_scheme)| headers().any(|(other, has)| other == name && has != has_scheme))
    }

    /// The one token that is in these places.
    pub(crate) fn find<'a>(
        &self,
        places: &[usize],
        headers: &Headers<'a>,
        query: Option<&'a [u8]>,
    ) -> Result<&'a [u8], SourceFault> {
        let find = |place: &usize| match self.0.get(*place) {
            Some(Carrier::Header { name, scheme }) => find_in_header(headers.all(name), scheme.as_deref()),
            Some(Carrier::Cookie(name)) => find_in_cookies(headers.all("cookie"), name),
            Some(Carrier::Query(name)) => query.map_or(Found::Missing, |query| find_in_query(query, name)),
            None => Found::Missing,
        };
        places.iter().map(find).reduce(Found::and).unwrap_or(Found::Missing).token()
    }

    /// Takes the token out of the request. It was found, so there is one in one of these places.
    pub(crate) fn remove(
        &self,
        places: &[usize],
        request: &dyn Request,
        headers: &Headers<'_>,
    ) -> Result<(), Unavailable> {
        for carrier in places.iter().filter_map(|place| self.0.get(*place)) {
            match carrier {
                Carrier::Header { name, .. } if places.len() == 1 => request.remove_header(name)?,
                Carrier::Header { name, scheme } => {
                    if matches!(find_in_header(headers.all(name), scheme.as_deref()), Found::Token(_)) {
                        request.remove_header(name)?;
                    }
                }
                Carrier::Cookie(name) => {
                    let Found::Token(_) = find_in_cookies(headers.all("cookie"), name) else { continue };
                    match without_cookie(headers.all("cookie"), name) {
                        rest if rest.is_empty() => request.remove_header("cookie")?,
                        rest => request.set_header("cookie", &rest)?,
                    }
                }
                Carrier::Query(name) => {
                    let target = headers.get(":path").unwrap_or_default();
                    let Some(start) = target.iter().position(|byte| *byte == b'?') else { continue };
                    let (path, query) = target.split_at_checked(start).ok_or(Unavailable)?;
                    let query = query.get(1..).unwrap_or_default();
                    if matches!(find_in_query(query, name), Found::Token(_)) {
                        let rest = without_parameter(query, name);
                        let mark: &[u8] = if rest.is_empty() { b"" } else { b"?" };
                        request.set_header(":path", &[path, mark, &rest].concat())?;
                    }
                }
            }
        }
        Ok(())
    }
}
