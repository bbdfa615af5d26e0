//! The messages of the rate limit service, v3, in gRPC's frame.
//!
//! Numbers are from `envoy/service/ratelimit/v3/rls.proto`. Written by hand rather than derived by prost, which the tests hold
//! it against: what is needed of two messages takes 3.5 KB of module, prost 11, and each byte of it start-up time.

mod field;
#[cfg(test)]
pub(super) mod testing;

#[cfg(test)]
mod tests;

use field::{Value, fields, put_bytes, put_number};

/// gRPC's frame: not compressed, and the message's length in four bytes.
const FRAME: usize = 5;

/// One key and value of a descriptor. Text, as the protocol has it: a service refuses a call with anything else,
/// which counts as a failure. So what a client can choose must be short and made to be text, or hashed.
pub type Entry<'a> = (&'a str, &'a str);

/// What is to be limited, and how much it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor<'a> {
    /// Its entries, from the broad to the narrow.
    pub entries: &'a [Entry<'a>],
    /// How many hits are to be taken.
    pub hits: u32,
}

/// A framed `RateLimitRequest`.
///
/// The message's `hits_addend` is the largest of its descriptors', and a descriptor has its own where it differs. A service
/// that does not know the latter (Limitador, envoyproxy/ratelimit before 2025) takes more than was asked for, never less.
pub fn encode(domain: &str, descriptors: &[Descriptor<'_>]) -> Vec<u8> {
    let most = descriptors.iter().map(|descriptor| descriptor.hits).max().unwrap_or_default();
    let (mut message, mut part, mut inner) = (Vec::new(), Vec::new(), Vec::new());
    put_bytes(&mut message, 1, domain.as_bytes());
    for descriptor in descriptors {
        part.clear();
        for (key, value) in descriptor.entries {
            inner.clear();
            put_bytes(&mut inner, 1, key.as_bytes());
            put_bytes(&mut inner, 2, value.as_bytes());
            put_bytes(&mut part, 1, &inner);
        }
        // Without a number of its own, a call for 0 hits takes 1.
        if descriptor.hits != most || most == 0 {
            inner.clear();
            put_number(&mut inner, 1, u64::from(descriptor.hits));
            put_bytes(&mut part, 3, &inner);
        }
        put_bytes(&mut message, 2, &part);
    }
    put_number(&mut message, 3, u64::from(most));
    let mut framed = Vec::with_capacity(message.len().saturating_add(FRAME));
    framed.push(0);
    framed.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend(message);
    framed
}

/// What the service says of a call or of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// Nothing that is known.
    #[default]
    Unknown,
    /// Within the limits.
    Ok,
    /// Over a limit.
    OverLimit,
}

/// What the service says of a descriptor, `DescriptorStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether it is over its limit.
    pub code: Code,
    /// `current_limit.requests_per_unit`; `None` where no limit applies.
    pub limit: Option<u32>,
    /// How many hits are left.
    pub remaining: u32,
    /// How long until the limit resets, in nanoseconds, where the service says so.
    pub reset: Option<u64>,
}

/// A `RateLimitResponse`, of which the rest is not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// What is said of the call.
    pub overall: Code,
    /// A status for each descriptor that was sent; Limitador has none.
    pub statuses: Vec<Status>,
}

/// The bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Response {
    /// Reads a body: one frame, not compressed, with one message that has at most so many statuses.
    ///
    /// A known field of another type, and a group, which proto3 does not have, are refused. Text is not looked at.
    pub fn decode(body: &[u8], most: usize) -> Result<Self, Malformed> {
        let (frame, message) = body.split_first_chunk::<FRAME>().ok_or(Malformed)?;
        let [0, length @ ..] = frame else { return Err(Malformed) };
        if usize::try_from(u32::from_be_bytes(*length)) != Ok(message.len()) {
            return Err(Malformed);
        }
        let mut response = Self::default();
        for field in fields(message) {
            match field? {
                (1, value) => response.overall = code(value)?,
                (2, value) if response.statuses.len() < most => response.statuses.push(status(value.bytes()?)?),
                (2, _) => return Err(Malformed),
                _ => {}
            }
        }
        Ok(response)
    }
}

fn code(value: Value<'_>) -> Result<Code, Malformed> {
    Ok(match value.number()? {
        1 => Code::Ok,
        2 => Code::OverLimit,
        _ => Code::Unknown,
    })
}

fn status(message: &[u8]) -> Result<Status, Malformed> {
    let mut status = Status::default();
    // A message that comes in parts is one: each part replaces what it has.
    let (mut seconds, mut nanos) = (0, 0);
    for field in fields(message) {
        match field? {
            (1, value) => status.code = code(value)?,
            (2, value) => {
                let limit = status.limit.get_or_insert_default();
                for field in fields(value.bytes()?) {
                    if let (1, value) = field? {
                        *limit = value.u32()?;
                    }
                }
            }
            (3, value) => status.remaining = value.u32()?,
            (4, value) => {
                for field in fields(value.bytes()?) {
                    match field? {
                        (1, value) => seconds = value.number()?,
                        (2, value) => nanos = value.number()?,
                        _ => {}
                    }
                }
                // What is negative has passed.
                let whole = |number: u64| u64::try_from(number.cast_signed()).unwrap_or_default();
                let nanos = whole(nanos).min(999_999_999);
                status.reset = Some(whole(seconds).saturating_mul(1_000_000_000).saturating_add(nanos));
            }
            _ => {}
        }
    }
    Ok(status)
}
