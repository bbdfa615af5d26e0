//! What a call came to, by HTTP's and gRPC's status.

#[cfg(test)]
mod tests;

use super::{Code, Reason, Response};
use crate::policy::Answer;

/// The most bytes of an answer that are looked at. A status takes 20 or so, and the rest is not used.
const MAX_BODY: usize = 65_536;

/// What Envoy says when time is up.
const TIMED_OUT: &[u8] = b"upstream request timeout";

fn grpc_message<'a>(answer: &Answer<'a>) -> Option<&'a [u8]> {
    answer.trailers.get("grpc-message").or_else(|| answer.headers.get("grpc-message"))
}

/// The message, of a call that ended well (`grpc-status: 0`, in the trailers, where it is when there is a message) and
/// about which the service knows something, with at most so many statuses.
pub(super) fn read(answer: &Answer<'_>, most: usize) -> Result<Response, Reason> {
    match answer.headers.get(":status") {
        Some(b"200") => {}
        // Envoy's own answer when time is up.
        Some(b"504") => return Err(Reason::Timeout),
        _ => return Err(Reason::Error),
    }
    match answer.trailers.get("grpc-status").or_else(|| answer.headers.get("grpc-status")) {
        Some(b"0") => {}
        // DEADLINE_EXCEEDED
        Some(b"4") => return Err(Reason::Timeout),
        // UNAVAILABLE, as which Envoy answers a gRPC call in the service's place, whatever the cause.
        Some(b"14") if grpc_message(answer) == Some(TIMED_OUT) => return Err(Reason::Timeout),
        Some(_) => return Err(Reason::Error),
        None => return Err(Reason::Malformed),
    }
    let is_grpc = answer.headers.get("content-type").is_some_and(|media| media.starts_with(b"application/grpc"));
    if !is_grpc || answer.trailers.get("grpc-status").is_none() || answer.body.len() > MAX_BODY {
        return Err(Reason::Malformed);
    }
    let response = Response::decode(answer.body, most).map_err(|_| Reason::Malformed)?;
    if response.overall == Code::Unknown { Err(Reason::Error) } else { Ok(response) }
}
