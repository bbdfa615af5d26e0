//! `envoy.service.ratelimit.v3`: the request and the response of `ShouldRateLimit`.

use super::descriptors::{Limit, Unit};
use super::protobuf::{Field, Message, fields};

/// One call as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimitCall {
    /// Which set of limits is meant.
    pub domain: String,
    /// What is to be counted, each on its own.
    pub descriptors: Vec<RateLimitDescriptor>,
    /// For all descriptors without one of their own; 0 where the message had none, which counts as 1.
    pub hits_addend: u32,
}

/// What is to be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimitDescriptor {
    /// Keys and values, from the most general one.
    pub entries: Vec<(String, String)>,
    /// How many hits for this one, where the message says so; 0 looks without counting.
    pub hits_addend: Option<u64>,
    /// A limit in place of the service's own: so many requests in a unit with this number.
    pub limit: Option<(u32, u64)>,
}

impl RateLimitCall {
    /// How many hits are asked for on this descriptor.
    pub(super) fn hits(&self, descriptor: &RateLimitDescriptor) -> u64 {
        descriptor.hits_addend.unwrap_or_else(|| u64::from(self.hits_addend.max(1)))
    }

    /// `None` when it is malformed.
    pub(super) fn decode(message: &[u8]) -> Option<Self> {
        let mut call = Self::default();
        for field in fields(message)? {
            match field {
                (1, Field::Bytes(domain)) => call.domain = text(domain)?,
                (2, Field::Bytes(descriptor)) => call.descriptors.push(descriptor_of(descriptor)?),
                (3, Field::Number(hits)) => call.hits_addend = hits.try_into().ok()?,
                _ => {}
            }
        }
        Some(call)
    }
}

fn descriptor_of(message: &[u8]) -> Option<RateLimitDescriptor> {
    let mut descriptor = RateLimitDescriptor::default();
    for field in fields(message)? {
        match field {
            (1, Field::Bytes(entry)) => descriptor.entries.push(entry_of(entry)?),
            (2, Field::Bytes(limit)) => {
                descriptor.limit = Some((number_in(limit, 1)?.try_into().ok()?, number_in(limit, 2)?));
            }
            (3, Field::Bytes(hits)) => descriptor.hits_addend = Some(number_in(hits, 1)?),
            _ => {}
        }
    }
    Some(descriptor)
}

fn entry_of(message: &[u8]) -> Option<(String, String)> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in fields(message)? {
        match field {
            (1, Field::Bytes(bytes)) => key = text(bytes)?,
            (2, Field::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
    }
    Some((key, value))
}

fn number_in(message: &[u8], wanted: u64) -> Option<u64> {
    let number = fields(message)?.into_iter().rev().find_map(|field| match field {
        (found, Field::Number(number)) if found == wanted => Some(number),
        _ => None,
    });
    Some(number.unwrap_or_default())
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// What became of one descriptor.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) over: bool,
    /// Where a limit is known for it: the limit, what is left of it, and the seconds until it begins anew.
    pub(super) counted: Option<(Limit, u64, u64)>,
}

/// The response as it goes out.
pub(super) fn encode(statuses: &[Status]) -> Vec<u8> {
    let code = |over| if over { 2 } else { 1 };
    let response = Message::default().number(1, code(statuses.iter().any(|status| status.over)));
    let add = |response: Message, status: &Status| {
        let mut message = Message::default().number(1, code(status.over));
        if let Some((limit, remaining, reset)) = &status.counted {
            let unit = limit.unit.map_or(0, Unit::number);
            let limit = Message::default().number(1, limit.requests.into()).number(2, unit).text(3, &limit.name);
            let reset = Message::default().number(1, *reset);
            message = message.message(2, &limit).number(3, *remaining).message(4, &reset);
        }
        response.message(2, &message)
    };
    statuses.iter().fold(response, add).0
}
