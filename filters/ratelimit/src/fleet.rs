//! The rate limit service that a fleet shares, for limits that are `global`.

use portcullis_shared::{
    config::{Environment, Errors, check_cluster, headers, is_authority, quoted},
    fleet::{self, Client, Decision, Entry, Hit, Verdict},
    policy::{Answer, Measure, Service},
    redact,
    request::Request,
};
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    fmt::Write,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    rc::Rc,
};

use crate::{
    Limit,
    config::{Global, Key},
    key,
};

/// Where the service is called (`envoy.service.ratelimit.v3`).
const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// The client of the service.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) service: Rc<Service>,
    client: RefCell<Client>,
    /// Why the service was said to be failing.
    told: Cell<Option<fleet::Reason>>,
    /// No client of ours can choose what it makes of a key.
    hasher: RandomState,
}

impl Fleet {
    pub(crate) fn new(global: &Global, environment: Environment<'_>, errors: &mut Errors) -> Self {
        check_cluster("$.global.cluster", &global.cluster, errors);
        let authority = global.authority.as_deref().unwrap_or(&global.cluster);
        if !is_authority(authority) {
            errors.add("$.global.authority", "a host, with a port where one is needed", quoted(authority));
        }
        if global.domain.is_empty() || global.domain.len() > 255 || global.domain.chars().any(char::is_control) {
            errors.add("$.global.domain", "a domain of 1 to 255 bytes", quoted(&global.domain));
        }
        for (key, value, most) in
            [("timeout_ms", global.timeout_ms, 1000), ("max_in_flight", global.max_in_flight, 1024)]
        {
            if !(1..=most).contains(&value) {
                errors.add(format_args!("$.global.{key}"), format_args!("1 to {most}"), value);
            }
        }
        if global.fallback_factor.0 > 1000 {
            errors.add("$.global.fallback_factor", "0.001 to 1", f64::from(global.fallback_factor.0) / 1000.0);
        }
        let fixed = [
            (":method", "POST"),
            (":path", METHOD),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        let fixed = fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let own = headers("$.global", global.headers.clone(), global.header_env.clone(), environment, errors);
        let headers = fixed.chain(own).collect();
        let service = Service { cluster: global.cluster.clone(), headers, timeout_ms: global.timeout_ms };
        let over_limit = if global.cache.over_limit { OVER_LIMIT } else { 0 };
        let config = fleet::Config {
            timeout_ms: global.timeout_ms,
            max_in_flight: global.max_in_flight as usize,
            over_limit,
            ..fleet::Config::new(global.domain.as_str())
        };
        Self {
            service: Rc::new(service),
            client: RefCell::new(Client::new(config)),
            told: Cell::default(),
            hasher: RandomState::new(),
        }
    }

    /// What is to be done about limits with these keys.
    pub(crate) fn decide<'l>(&self, hits: &[(&'l Limit, &[u8])], request: &dyn Request) -> Option<Decision> {
        let entries: Vec<Vec<(&'l str, Cow<'_, str>)>> =
            hits.iter().map(|(limit, key)| descriptor(limit, key)).collect();
        let entries: Vec<Vec<Entry<'_>>> =
            entries.iter().map(|entries| entries.iter().map(|(key, value)| (*key, &**value)).collect()).collect();
        let hits: Vec<Hit<'_>> = hits
            .iter()
            .zip(&entries)
            .map(|((limit, key), entries)| Hit {
                key: self.hasher.hash_one((&*limit.name, key)),
                entries,
                cost: limit.cost,
                batch: limit.lease,
                is_enforced: limit.refusing.enforced,
            })
            .collect();
        let mut client = self.client.try_borrow_mut().ok()?;
        Some(client.decide(&hits, request.now(), &mut || request.random()))
    }

    /// What the service answered to a call of then, for each limit; or why the fallback decides.
    pub(crate) fn answered(
        &self,
        call: fleet::CallId,
        then: u64,
        answer: Option<&Answer<'_>>,
        request: &dyn Request,
    ) -> Result<Vec<Verdict>, fleet::Reason> {
        let mut client = self.client.try_borrow_mut().map_err(|_| fleet::Reason::Error)?;
        let (now, random) = (request.now(), &mut || request.random());
        // A call is given up when its time is up; what has no answer before was not sent.
        let end = then.saturating_add(u64::from(self.service.timeout_ms).saturating_mul(1_000_000));
        if answer.is_none() && now < end {
            client.not_sent(call, now, random);
            return Err(fleet::Reason::NotSent);
        }
        client.answered(call, answer, now, random)
    }

    /// That the service is left alone, or is asked again.
    pub(crate) fn news(&self) -> Option<String> {
        let failing = self.client.try_borrow().ok()?.failing();
        let cluster = &self.service.cluster;
        match (self.told.replace(failing), failing) {
            (None, Some(reason)) => Some(format!(
                "rate limit service: cluster {cluster} gives no answers ({}); this worker falls back",
                reason.code()
            )),
            (Some(_), None) => Some(format!("rate limit service: cluster {cluster} gives answers again")),
            _ => None,
        }
    }

    /// What happened and what is held.
    pub(crate) fn measures(&self) -> Vec<Measure> {
        let counters = self.client.try_borrow().map(|client| client.counters()).unwrap_or_default();
        let counter = |name, value| Measure { name, only_grows: true, value };
        let gauge =
            |name, value: usize| Measure { name, only_grows: false, value: u64::try_from(value).unwrap_or(u64::MAX) };
        vec![
            counter("portcullis_ratelimit_service_ok_total", counters.ok),
            counter("portcullis_ratelimit_service_over_limit_total", counters.over_limit),
            counter("portcullis_ratelimit_service_timeouts_total", counters.timeouts),
            counter("portcullis_ratelimit_service_errors_total", counters.errors),
            counter("portcullis_ratelimit_service_opened_total", counters.opened),
            counter("portcullis_ratelimit_service_cached_total", counters.cached),
            counter("portcullis_ratelimit_service_leased_total", counters.leased),
            counter("portcullis_ratelimit_service_fallback_total", counters.fallback),
            gauge("portcullis_ratelimit_service_in_flight", counters.in_flight),
            gauge("portcullis_ratelimit_service_cache_entries", counters.over_limit_entries),
            gauge("portcullis_ratelimit_service_leases", counters.lease_entries),
        ]
    }
}

/// Clients over their limits that a worker remembers.
const OVER_LIMIT: usize = 4096;

/// The longest value that the service gets as it is, in bytes.
const LONGEST: usize = 256;

/// The descriptor of a limit: its name, and each part of the key.
fn descriptor<'l>(limit: &'l Limit, key: &[u8]) -> Vec<(&'l str, Cow<'l, str>)> {
    let mut entries = vec![("limit", Cow::Borrowed(&*limit.name))];
    let mut values = key::parts(key);
    for (part, name) in limit.key.iter().zip(&limit.key_names) {
        let value = match part {
            // It has as many parts as segments.
            Key::Path => Cow::Owned(path(values.by_ref())),
            _ => Cow::Owned(values.next().flatten().map_or_else(String::new, |value| shown(part, value))),
        };
        entries.push((name, value));
    }
    entries
}

fn path<'k>(values: impl Iterator<Item = Option<&'k [u8]>>) -> String {
    let mut path = String::new();
    for segment in values.map_while(|segment| segment) {
        path.push('/');
        path.push_str(&plain(segment));
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// A value as the service sees it. Credentials leave this process as hashes only.
fn shown(part: &Key, value: &[u8]) -> String {
    match part {
        Key::ClientIp => match *value {
            [a, b, c, d] => IpAddr::from([a, b, c, d]).to_string(),
            _ => <[u8; 16]>::try_from(value).map_or_else(|_| String::new(), |octets| IpAddr::from(octets).to_string()),
        },
        Key::Cookie(_) => hashed(value),
        Key::Header(name) | Key::Query(name) if redact::header_is_secret(name) => hashed(value),
        _ => plain(value),
    }
}

/// As it is, where it is a text of usual length.
fn plain(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if text.len() <= LONGEST && !text.chars().any(char::is_control) => text.to_owned(),
        _ => hashed(value),
    }
}

fn hashed(value: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(value) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
