//! A checked `remote` configuration.

use std::{
    fmt,
    hash::{DefaultHasher, Hasher},
    ops::RangeInclusive,
};

use super::{
    config::{Kind, Remote},
    pace::Pace,
    record::FORMAT,
    url::Url,
};
use crate::config::{Environment, Errors, callout};

/// A document's origin, with its secrets looked up. Its [`Debug`] form shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Name of the cluster in Envoy.
    pub cluster: String,
    /// How long the service may take, in milliseconds.
    pub timeout_ms: u32,
    /// The largest document that is taken.
    pub max_bytes: usize,
    /// What the document is.
    pub kind: Kind,
    pub(super) pace: Pace,
    url: Url,
    headers: Vec<(String, String)>,
}

impl Source {
    /// The headers of the request, pseudo-headers first. It has no body.
    pub fn request_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            (":method", "GET"),
            (":scheme", self.url.scheme),
            (":path", self.url.path.as_str()),
            (":authority", self.url.authority.as_str()),
        ];
        own.into_iter().chain(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The start of the keys in the store. It is the same for what may share a document: the same filter, kind, request
    /// (secrets too) and limit of size, whatever the times are.
    pub(super) fn key(&self, filter: &str) -> String {
        // Two halves make accidents impossible; there is no secret to find and nobody to forge. Should std change its
        // hash, a document is fetched once more.
        let half = |half: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(half);
            let mut text = |text: &str| {
                hasher.write_usize(text.len());
                hasher.write(text.as_bytes());
            };
            text(&self.cluster);
            // In whichever order they were written.
            let mut headers: Vec<_> = self.request_headers().collect();
            headers.sort_unstable();
            for (name, value) in headers {
                text(name);
                text(value);
            }
            hasher.write_usize(self.max_bytes);
            hasher.finish()
        };
        format!("portcullis.document.{FORMAT}.{filter}.{}.{:016x}{:016x}", self.kind.name, half(0), half(1))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("cluster", &self.cluster)
            .field("authority", &self.url.authority)
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Checks the configuration that stands at `path` (such as `$.jwks.remote`) and looks up its secrets. All that is
    /// wrong goes into `errors`; the source is there only when nothing was.
    pub fn compile(self, kind: Kind, path: &str, environment: Environment<'_>, errors: &mut Errors) -> Option<Source> {
        let mut found = Errors::default();
        let refresh_s = self.refresh_s.unwrap_or(kind.refresh_s);
        let max_bytes = self.max_bytes.unwrap_or(kind.max_bytes);
        // Who makes refreshes rare must not have to think of this too.
        let stale_s = self.stale_s.unwrap_or_else(|| if kind.stale_s == 0 { 0 } else { kind.stale_s.max(refresh_s) });
        let mut range = |key: &str, value: u32, range: RangeInclusive<u32>| {
            if !range.contains(&value) {
                let expected = format_args!("{} to {}", range.start(), range.end());
                found.add(format_args!("{path}.{key}"), expected, value);
            }
        };
        range("refresh_s", refresh_s, 1..=86_400);
        range("timeout_ms", self.timeout_ms, 1..=60_000);
        range("max_bytes", max_bytes, 1024..=16 << 20);
        range("stale_s", stale_s, 0..=2_592_000);
        if (1..refresh_s).contains(&stale_s) {
            found.add(
                format_args!("{path}.stale_s"),
                format_args!("0, or no less than refresh_s, {refresh_s}"),
                stale_s,
            );
        }
        callout::check_cluster(format_args!("{path}.cluster"), &self.cluster, &mut found);
        let url = self.url.parse().map_err(|fault| found.fault(format_args!("{path}.url"), fault)).ok();
        let headers = callout::headers(path, self.headers, self.header_env, environment, &mut found);
        let is_good = found.is_empty();
        errors.append(found);
        is_good.then_some(Source {
            cluster: self.cluster,
            timeout_ms: self.timeout_ms,
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
            kind,
            pace: Pace::new(refresh_s, self.timeout_ms, stale_s, kind.demand_s),
            url: url?,
            headers,
        })
    }
}
