//! The arithmetic of envoyproxy/ratelimit on Redis: a counter for each descriptor and window.

use std::io;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use super::descriptors::{Limit, Limits, Unit};
use super::messages::{RateLimitCall, RateLimitDescriptor, Status};
use crate::redis::{RedisClient, RedisReply};

pub(super) struct Limiter {
    redis: RedisClient,
    limits: Limits,
    /// The second that it shall be, if any.
    pub(super) clock: Mutex<Option<u64>>,
}

impl Limiter {
    pub(super) fn new(redis: RedisClient, limits: Limits) -> Self {
        Self { redis, limits, clock: Mutex::new(None) }
    }

    /// Counts the hits of every descriptor that has a limit, also of those that are over it, and says how each stands.
    pub(super) async fn decide(&self, call: &RateLimitCall) -> Result<Vec<Status>, String> {
        if call.domain.is_empty() {
            return Err("rate limit domain must not be empty".to_owned());
        }
        if call.descriptors.is_empty() {
            return Err("rate limit descriptor list must not be empty".to_owned());
        }
        let now = self.now();
        let mut commands: Vec<Vec<String>> = Vec::new();
        let limits: Vec<Option<(Limit, Unit)>> = call.descriptors.iter().map(|one| self.limit(call, one)).collect();
        for (descriptor, limit) in call.descriptors.iter().zip(&limits) {
            let Some((_, unit)) = limit else { continue };
            let key = key(&call.domain, descriptor, now - now % unit.seconds());
            commands.push(vec!["INCRBY".to_owned(), key.clone(), call.hits(descriptor).to_string()]);
            commands.push(vec!["EXPIRE".to_owned(), key, unit.seconds().to_string()]);
        }
        let counts = self.run(&commands).await.map_err(|error| format!("redis: {error}"))?;
        let mut counts = counts.into_iter();
        let statuses = limits.into_iter().map(|limit| match limit {
            None => Status { over: false, counted: None },
            Some((limit, unit)) => {
                status(limit, counts.next().unwrap_or_default(), unit.seconds() - now % unit.seconds())
            }
        });
        Ok(statuses.collect())
    }

    fn now(&self) -> u64 {
        let system = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        self.clock.lock().expect("clock lock").unwrap_or_else(system)
    }

    /// `None`: nothing limits it.
    fn limit(&self, call: &RateLimitCall, descriptor: &RateLimitDescriptor) -> Option<(Limit, Unit)> {
        if call.domain != self.limits.domain {
            return None;
        }
        let limit = match descriptor.limit {
            Some((requests, unit)) => {
                Limit { requests, unit: Unit::from_number(unit), name: String::new(), shadow: false }
            }
            None => self.limits.find(&descriptor.entries)?.clone(),
        };
        let unit = limit.unit?;
        Some((limit, unit))
    }

    /// The counts after each `INCRBY`; every second command is one.
    async fn run(&self, commands: &[Vec<String>]) -> io::Result<Vec<u64>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let commands: Vec<&[String]> = commands.iter().map(Vec::as_slice).collect();
        let replies = self.redis.pipeline(&commands).await?;
        let count = |reply: &RedisReply| match reply {
            RedisReply::Integer(count) => u64::try_from(*count).map_err(io::Error::other),
            other => Err(io::Error::other(format!("{other:?} is no count"))),
        };
        replies.iter().step_by(2).map(count).collect()
    }
}

fn status(limit: Limit, count: u64, reset: u64) -> Status {
    let requests = u64::from(limit.requests);
    Status { over: count > requests && !limit.shadow, counted: Some((limit, requests.saturating_sub(count), reset)) }
}

/// `<domain>_<key>_<value>_..._<start of the window>`
fn key(domain: &str, descriptor: &RateLimitDescriptor, window: u64) -> String {
    let mut key = format!("{domain}_");
    for (name, value) in &descriptor.entries {
        key.extend([name, "_", value, "_"]);
    }
    key + &window.to_string()
}
