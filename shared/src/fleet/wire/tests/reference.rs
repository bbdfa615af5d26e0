//! Held against prost, by messages written down from the published `.proto` files.
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use proptest::{collection::vec, option, prelude::*};
use prost::Message;

use super::super::{Code, Descriptor, Malformed, Response, Status, encode};

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimitDescriptor {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<Entry>,
    /// `google.protobuf.UInt64Value`, which prost has as a plain number.
    #[prost(message, optional, tag = "3")]
    hits_addend: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimitRequest {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(message, repeated, tag = "2")]
    descriptors: Vec<RateLimitDescriptor>,
    #[prost(uint32, tag = "3")]
    hits_addend: u32,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimit {
    #[prost(uint32, tag = "1")]
    requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    unit: i32,
    #[prost(string, tag = "3")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Duration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Quota {
    #[prost(uint32, tag = "1")]
    requests: u32,
    #[prost(string, tag = "3")]
    id: String,
}

#[derive(Clone, PartialEq, Message)]
struct DescriptorStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(message, optional, tag = "2")]
    current_limit: Option<RateLimit>,
    #[prost(uint32, tag = "3")]
    limit_remaining: u32,
    #[prost(message, optional, tag = "4")]
    duration_until_reset: Option<Duration>,
    #[prost(message, optional, tag = "5")]
    quota: Option<Quota>,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimitResponse {
    #[prost(int32, tag = "1")]
    overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    statuses: Vec<DescriptorStatus>,
    #[prost(message, repeated, tag = "3")]
    response_headers_to_add: Vec<Entry>,
    #[prost(message, repeated, tag = "4")]
    request_headers_to_add: Vec<Entry>,
    #[prost(bytes = "vec", tag = "5")]
    raw_body: Vec<u8>,
    #[prost(message, optional, tag = "7")]
    quota: Option<Quota>,
}

/// Only what is read: nothing else of a message may matter.
#[derive(Clone, PartialEq, Message)]
struct Read {
    #[prost(int32, tag = "1")]
    overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    statuses: Vec<ReadStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(message, optional, tag = "2")]
    current_limit: Option<ReadLimit>,
    #[prost(uint32, tag = "3")]
    limit_remaining: u32,
    #[prost(message, optional, tag = "4")]
    duration_until_reset: Option<Duration>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadLimit {
    #[prost(uint32, tag = "1")]
    requests_per_unit: u32,
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), message].concat()
}

fn code(number: i32) -> Code {
    match number {
        1 => Code::Ok,
        2 => Code::OverLimit,
        _ => Code::Unknown,
    }
}

fn read(response: &Read) -> Response {
    let status = |status: &ReadStatus| Status {
        code: code(status.code),
        limit: status.current_limit.as_ref().map(|limit| limit.requests_per_unit),
        remaining: status.limit_remaining,
        reset: status.duration_until_reset.as_ref().map(|reset| {
            let seconds = u64::try_from(reset.seconds).unwrap_or_default();
            let nanos = u64::try_from(reset.nanos).unwrap_or_default();
            seconds.saturating_mul(1_000_000_000).saturating_add(nanos.min(999_999_999))
        }),
    };
    Response { overall: code(response.overall_code), statuses: response.statuses.iter().map(status).collect() }
}

fn entry() -> impl Strategy<Value = Entry> {
    (".{0,20}", ".{0,200}").prop_map(|(key, value)| Entry { key, value })
}

fn quota() -> impl Strategy<Value = Quota> {
    (any::<u32>(), ".{0,9}").prop_map(|(requests, id)| Quota { requests, id })
}

fn status() -> impl Strategy<Value = DescriptorStatus> {
    let limit = (any::<u32>(), 0..7_i32, ".{0,9}");
    let limit = limit.prop_map(|(requests_per_unit, unit, name)| RateLimit { requests_per_unit, unit, name });
    let reset = (any::<i64>(), any::<i32>()).prop_map(|(seconds, nanos)| Duration { seconds, nanos });
    (-1..4_i32, option::of(limit), any::<u32>(), option::of(reset), option::of(quota())).prop_map(
        |(code, current_limit, limit_remaining, duration_until_reset, quota)| DescriptorStatus {
            code,
            current_limit,
            limit_remaining,
            duration_until_reset,
            quota,
        },
    )
}

fn response() -> impl Strategy<Value = RateLimitResponse> {
    let headers = || vec(entry(), 0..3);
    (-1..4_i32, vec(status(), 0..5), headers(), headers(), vec(any::<u8>(), 0..300), option::of(quota())).prop_map(
        |(overall_code, statuses, response_headers_to_add, request_headers_to_add, raw_body, quota)| {
            RateLimitResponse {
                overall_code,
                statuses,
                response_headers_to_add,
                request_headers_to_add,
                raw_body,
                quota,
            }
        },
    )
}

/// Bytes that look like messages more often than not.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => 0..0x30_u8, 1 => any::<u8>()];
    let mutated = (response(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(|(response, edits)| {
        let mut bytes = response.encode_to_vec();
        for (place, byte) in edits {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        bytes
    });
    prop_oneof![vec(byte, 0..40), mutated]
}

proptest! {
    #[test]
    fn prost_reads_what_we_write(
        domain in ".{1,20}",
        descriptors in vec((vec((".{1,9}", ".{0,300}"), 1..4), any::<u32>()), 0..6),
        is_small in any::<bool>(),
    ) {
        let hits = |hits: u32| if is_small { hits % 3 } else { hits };
        let entries: Vec<Vec<_>> = descriptors
            .iter()
            .map(|(entries, _)| entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect())
            .collect();
        let ours: Vec<_> = entries
            .iter()
            .zip(&descriptors)
            .map(|(entries, (_, number))| Descriptor { entries, hits: hits(*number) })
            .collect();
        let framed = encode(&domain, &ours);
        let request = RateLimitRequest::decode(&framed[5..]).unwrap();
        prop_assert_eq!(&framed, &frame(&framed[5..]));
        prop_assert_eq!(&request.domain, &domain);
        prop_assert_eq!(request.descriptors.len(), descriptors.len());
        for (theirs, (entries, number)) in request.descriptors.iter().zip(&descriptors) {
            // As a service reads it: 0 of a message stands for 1.
            let taken = theirs.hits_addend.unwrap_or_else(|| u64::from(request.hits_addend.max(1)));
            prop_assert_eq!(taken, u64::from(hits(*number)));
            // And as one that does not know a descriptor's own number.
            prop_assert!(request.hits_addend >= hits(*number));
            let expected = entries.iter().map(|(key, value)| Entry { key: key.clone(), value: value.clone() });
            prop_assert_eq!(&theirs.entries, &expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn we_read_what_prost_writes(response in response()) {
        let message = response.encode_to_vec();
        let expected = read(&Read::decode(message.as_slice()).unwrap());
        prop_assert_eq!(Response::decode(&frame(&message), 5), Ok(expected));
    }

    #[test]
    fn any_bytes_are_read_as_prost_does_or_refused(message in bytes(), most in 0..4_usize) {
        let ours = Response::decode(&frame(&message), most);
        let theirs = Read::decode(message.as_slice()).map(|response| read(&response));
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
            // Groups, which we refuse, and more statuses than were asked for.
            (Err(Malformed), Ok(theirs)) => {
                let has_group = message.iter().any(|byte| matches!(byte & 7, 3 | 4));
                prop_assert!(has_group || theirs.statuses.len() > most);
            }
            (Ok(ours), Err(error)) => prop_assert!(false, "{ours:?} {error}"),
            (Err(Malformed), Err(_)) => {}
        }
        prop_assert!(ours.is_err() || ours.unwrap().statuses.len() <= most);
    }

    #[test]
    fn any_body_is_read_or_refused(body in vec(any::<u8>(), 0..64)) {
        let _ = Response::decode(&body, 8);
        let has_frame = body.len() >= 5 && body == frame(&body[5..]);
        prop_assert!(has_frame || Response::decode(&body, 8) == Err(Malformed));
    }
}
