//! The file of limits, in the format of envoyproxy/ratelimit.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// How long a limit's window is. They begin at multiples of it since 1970, as envoyproxy/ratelimit has them: a month is
/// 30 days, a year 365, and a week begins on Thursday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second = 1,
    Minute,
    Hour,
    Day,
    Month,
    Year,
    Week,
}

impl Unit {
    const ALL: [(&str, Self); 7] = [
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("month", Self::Month),
        ("year", Self::Year),
        ("week", Self::Week),
    ];

    /// Its number in messages.
    pub(super) fn number(self) -> u64 {
        self as u64
    }

    pub(super) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(_, unit)| (unit.number() == number).then_some(unit))
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, unit)| known.eq_ignore_ascii_case(name).then_some(unit))
    }

    pub(super) fn seconds(self) -> u64 {
        const DAY: u64 = 24 * 60 * 60;
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
            Self::Year => 365 * DAY,
        }
    }
}

/// A limit that a descriptor was found to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) requests: u32,
    /// `None`: unlimited.
    pub(super) unit: Option<Unit>,
    pub(super) name: String,
    /// It is counted, and never refuses.
    pub(super) shadow: bool,
}

/// The limits of a domain.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) domain: String,
    level: Level,
}

/// By `key_value`, or by `key` for every value that is not named.
type Level = BTreeMap<String, Node>;

#[derive(Debug)]
struct Node {
    limit: Option<Limit>,
    below: Level,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    domain: String,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    key: String,
    #[serde(default)]
    value: String,
    rate_limit: Option<RateLimit>,
    #[serde(default)]
    descriptors: Vec<Descriptor>,
    #[serde(default)]
    shadow_mode: bool,
    /// About statistics, which there are none of here.
    #[serde(default, rename = "detailed_metric")]
    _detailed_metric: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimit {
    #[serde(default)]
    unit: String,
    #[serde(default)]
    requests_per_unit: u32,
    #[serde(default)]
    unlimited: bool,
    #[serde(default)]
    name: String,
}

impl Limits {
    /// Reads the file's content. The error says what envoyproxy/ratelimit would not take either, or what this service
    /// lacks: values that end in `*`, and `replaces`.
    pub(super) fn read(file: &Value) -> Result<Self, String> {
        let file = File::deserialize(file).map_err(|error| error.to_string())?;
        if file.domain.is_empty() {
            return Err("the domain is empty".to_owned());
        }
        Ok(Self { domain: file.domain, level: level(file.descriptors)? })
    }

    /// The limit of these entries: of the whole path, where each entry is found with its value, else by its key alone.
    pub(super) fn find(&self, entries: &[(String, String)]) -> Option<&Limit> {
        let mut level = &self.level;
        let mut limit = None;
        for (key, value) in entries {
            let node = level.get(&joined(key, value)).or_else(|| level.get(key))?;
            level = &node.below;
            limit = node.limit.as_ref();
        }
        limit
    }
}

fn level(descriptors: Vec<Descriptor>) -> Result<Level, String> {
    let mut level = Level::new();
    for descriptor in descriptors {
        let Descriptor { key, value, rate_limit, descriptors, shadow_mode, .. } = descriptor;
        if key.is_empty() {
            return Err("a descriptor has an empty key".to_owned());
        }
        let name = if value.is_empty() { key } else { joined(&key, &value) };
        if name.ends_with('*') {
            return Err(format!("{name}: no wildcards here"));
        }
        let limit = rate_limit.map(|limit| read_limit(limit, shadow_mode)).transpose();
        let limit = limit.map_err(|why| format!("{name}: {why}"))?;
        let node = Node { limit, below: self::level(descriptors)? };
        if level.insert(name.clone(), node).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
    Ok(level)
}

fn read_limit(limit: RateLimit, shadow: bool) -> Result<Limit, String> {
    let RateLimit { unit, requests_per_unit: requests, unlimited, name } = limit;
    let unit = match (Unit::from_name(&unit), unlimited) {
        (Some(_), true) => return Err("unlimited, and with a unit".to_owned()),
        (None, false) => return Err(format!("no unit: {unit:?}")),
        (unit, _) => unit,
    };
    Ok(Limit { requests, unit, name, shadow })
}

fn joined(key: &str, value: &str) -> String {
    format!("{key}_{value}")
}
