//! One quota for a fleet of proxies: the client side of Envoy's rate limit service protocol, v3.
//!
//! The protocol is `envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit`, as envoyproxy/ratelimit and Limitador
//! speak it. No I/O, no clock: the caller sends a [`Call`]'s body by an HTTP call-out and hands the answer back.
//!
//! What a user may expect:
//!
//! - The service decides while it works. A request waits for it for the configured time at most, and only when it must be
//!   asked at all.
//! - When it does not answer in time, cannot be reached, answers with an error or with what is no answer, the request is
//!   judged by the fallback. After some such calls in a row all requests of the worker are, without waiting
//!   ([`Breaker`]). A single request at a time then asks again; the first good answer ends it. So a service that is back
//!   is found by the first request that comes 5 s later at the latest (6 s and a time-out where Envoy gave no answer at all),
//!   and nobody rushes at it.
//! - A client that is over its limit is refused without another call until the limit resets, or for a minute
//!   ([`OverLimit`]), where the service says when.
//! - By choice, a worker takes a batch of a quota at a time, and serves requests from it ([`Lease`]). That can leave some
//!   of a quota unused, and never exceeds it.
//! - The service sees what its descriptors say and nothing else. What a worker keeps has bounds, whatever clients do.
//!
//! The service takes a request's hits from all of its limits, even if one of them refuses (envoyproxy/ratelimit adds them to
//! every counter); what was taken from leases is put back.
//!
//! Times are nanoseconds since 1970. A clock that is set back ends what was to last.

mod answer;
mod breaker;
mod client;
mod lease;
mod over_limit;
mod table;
#[cfg(test)]
mod testing;
mod timer;
mod wire;

pub use breaker::{Breaker, Pass};
pub use client::{Call, CallId, Client, Config, Counters, Decision, Hit, Verdict};
pub use lease::{Granted, Lease, Taken};
pub use over_limit::OverLimit;
pub use table::Quota;
pub use wire::{Code, Descriptor, Entry, Malformed, Response, Status, encode};

crate::decision::reasons! {
    /// Why the service did not decide.
    pub enum Reason {
        /// It failed before and is left alone for a while, or another request asks it whether it is back.
        Open = "service_open",
        /// As many calls as are allowed wait for an answer.
        Busy = "service_busy",
        /// The host would not send the call.
        NotSent = "service_not_sent",
        /// No answer in time.
        Timeout = "service_timeout",
        /// It could not be reached, or answered with an error.
        Error = "service_error",
        /// What it answered is no answer to the call.
        Malformed = "service_malformed",
    }
}
