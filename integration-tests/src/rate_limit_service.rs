//! A rate limit service: Envoy's protocol (`envoy.service.ratelimit.v3`) in front, Redis behind, and its bad days.
//!
//! What a user may expect: it stands where users run envoyproxy/ratelimit. It takes the same file of limits, finds a
//! limit in the same way, keeps the same keys in Redis, and so admits the same requests. Several services on one Redis
//! share their quotas. It can be told to fail in every way that a service in a network fails, and counts what it gets,
//! so that a test sees how its clients behave meanwhile.
//!
//! It lacks what changes no decision: statistics, the cache of what is over the limit, jitter of expiry; and of what
//! does, wildcards, `replaces` and negative hits.

mod descriptors;
mod limiter;
mod messages;
mod protobuf;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use messages::{RateLimitCall, RateLimitDescriptor};

use crate::redis::Redis;
use crate::server::{Answer, Body, Port, Server, ServerRequest, Service};
use crate::wait::DEADLINE;
use descriptors::Limits;
use limiter::Limiter;

const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
/// gRPC's number for what went wrong in a way without one: what envoyproxy/ratelimit answers when Redis fails.
const UNKNOWN: u16 = 2;
/// gRPC's number for methods that are not there.
const UNIMPLEMENTED: u16 = 12;
/// gRPC's number for messages that cannot be read.
const INTERNAL: u16 = 13;
/// How many calls are remembered: a benchmark makes millions.
const REMEMBERED: usize = 10_000;

/// How the service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateLimitMode {
    /// With its decision.
    Ok,
    /// With its decision, so long after it counted the hits: also for clients that gave up meanwhile.
    Slow(Duration),
    /// With this gRPC status, and counts nothing.
    Status(u16),
    /// With this HTTP status and no gRPC at all, as a proxy between them does.
    Http(u16),
    /// With gRPC status 0 and these bytes as its message.
    Message(Bytes),
    /// With gRPC status 0 and these bytes, which need hold no message at all.
    Body(Bytes),
    /// Accepts connections and calls, and never answers.
    Hang,
    /// Resets the stream instead of an answer.
    Reset,
}

/// What clients did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimitCounts {
    /// Calls, however they were answered.
    pub calls: usize,
    /// The hits they asked for, of all descriptors.
    pub hits: u64,
    /// Connections that were accepted.
    pub connections: usize,
    /// Calls that wait for their answer now. One that the client gives up waits no longer.
    pub waiting: usize,
    /// The most that ever waited at the same time.
    pub most_waiting: usize,
}

/// A real rate limit service over gRPC on a port of its own.
pub struct RateLimitService {
    port: Port,
    shared: Arc<Shared>,
    running: Mutex<Running>,
}

enum Running {
    Up(Server),
    Down,
    Blackholed(#[expect(dead_code, reason = "held so that the kernel accepts connections")] TcpListener),
}

struct Shared {
    limiter: Limiter,
    mode: Mutex<RateLimitMode>,
    seen: watch::Sender<Seen>,
}

#[derive(Default)]
struct Seen {
    counts: RateLimitCounts,
    calls: VecDeque<RateLimitCall>,
}

impl RateLimitService {
    /// Starts it on a free port with what a file of limits says; [`read_yaml`](crate::read_yaml) reads one. Panics with
    /// what is wrong in it.
    #[expect(clippy::unused_async, reason = "needs a runtime; async makes that plain")]
    pub async fn start(redis: &Redis, limits: &Value) -> Self {
        let port = Port::reserve();
        let limits = Limits::read(limits).unwrap_or_else(|why| panic!("{why}"));
        let limiter = Limiter::new(redis.client(), limits);
        let shared = Shared { limiter, mode: Mutex::new(RateLimitMode::Ok), seen: watch::Sender::default() };
        let shared = Arc::new(shared);
        let running = Mutex::new(Running::Up(Server::start(port.listen(), Arc::clone(&shared))));
        Self { port, shared, running }
    }

    /// Where it listens; the same after it was down.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// Changes the behaviour for calls that arrive from now on.
    pub fn set_mode(&self, mode: RateLimitMode) {
        *self.shared.mode.lock().expect("mode lock") = mode;
    }

    /// Holds its clock at this second since 1970, or lets it go again: windows end when a test says so. Redis forgets
    /// by its own clock.
    pub fn set_clock(&self, second: Option<u64>) {
        *self.shared.limiter.clock.lock().expect("clock lock") = second;
    }

    /// Goes down: when this returns, connections are refused and open ones are closed.
    pub async fn down(&self) {
        self.change(Running::Down).await;
    }

    /// Closes open connections, and from then on accepts new ones without a word: what comes in stays unread, as behind
    /// a firewall that drops it.
    pub async fn blackhole(&self) {
        // Before this port's own listener, so that no connection reaches a server that ends.
        self.change(Running::Down).await;
        self.change(Running::Blackholed(self.port.listen())).await;
    }

    /// Comes back on the same port, if it was down or a black hole; those who wait at a black hole are cut off.
    pub async fn up(&self) {
        if !matches!(*self.running(), Running::Up(_)) {
            self.change(Running::Down).await;
            self.change(Running::Up(Server::start(self.port.listen(), Arc::clone(&self.shared)))).await;
        }
    }

    async fn change(&self, to: Running) {
        let old = std::mem::replace(&mut *self.running(), to);
        if let Running::Up(server) = old {
            server.stop().await;
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().expect("running lock")
    }

    /// What clients did since the start or the last [`clear`](Self::clear). While the service is down it sees nothing.
    pub fn counts(&self) -> RateLimitCounts {
        self.shared.seen.borrow().counts
    }

    /// The latest calls, oldest first: 10,000 at most.
    pub fn calls(&self) -> Vec<RateLimitCall> {
        self.shared.seen.borrow().calls.iter().cloned().collect()
    }

    /// Counts anew. Calls that wait go on waiting.
    pub fn clear(&self) {
        self.shared.seen.send_modify(|seen| {
            let waiting = seen.counts.waiting;
            *seen = Seen::default();
            seen.counts = RateLimitCounts { waiting, most_waiting: waiting, ..RateLimitCounts::default() };
        });
    }

    /// Waits until the counts are as `wanted` says; panics with them after [`DEADLINE`].
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&RateLimitCounts) -> bool) {
        let mut seen = self.shared.seen.subscribe();
        let done = tokio::time::timeout(DEADLINE, seen.wait_for(|seen| wanted(&seen.counts))).await.is_ok();
        assert!(done, "{what}: not after {DEADLINE:?}; {:#?}", self.counts());
    }
}

/// A call that waits for its answer, until this is dropped.
struct Waiting(Arc<Shared>);

impl Waiting {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.seen.send_modify(|seen| {
            let counts = &mut seen.counts;
            counts.calls += 1;
            counts.waiting += 1;
            counts.most_waiting = counts.most_waiting.max(counts.waiting);
        });
        Self(Arc::clone(shared))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.seen.send_modify(|seen| seen.counts.waiting -= 1);
    }
}

impl Shared {
    fn remember(&self, call: &RateLimitCall) {
        self.seen.send_modify(|seen| {
            seen.counts.hits += call.descriptors.iter().map(|descriptor| call.hits(descriptor)).sum::<u64>();
            if seen.calls.len() == REMEMBERED {
                seen.calls.pop_front();
            }
            seen.calls.push_back(call.clone());
        });
    }

    async fn decide(&self, call: &RateLimitCall) -> hyper::Response<Body> {
        match self.limiter.decide(call).await {
            Ok(statuses) => success(framed(&messages::encode(&statuses))),
            Err(why) => failure(UNKNOWN, &why),
        }
    }
}

impl Service for Shared {
    fn connected(&self) {
        self.seen.send_modify(|seen| seen.counts.connections += 1);
    }

    async fn answer(self: Arc<Self>, request: ServerRequest) -> Answer {
        if request.uri().path() != METHOD {
            return Ok(failure(UNIMPLEMENTED, "no such method"));
        }
        let _waiting = Waiting::begin(&self);
        let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        let Some(call) = unframed(&body).and_then(RateLimitCall::decode) else {
            return Ok(failure(INTERNAL, "no message that is known here"));
        };
        self.remember(&call);
        let mode = self.mode.lock().expect("mode lock").clone();
        match mode {
            RateLimitMode::Ok => Ok(self.decide(&call).await),
            RateLimitMode::Slow(delay) => {
                let response = self.decide(&call).await;
                tokio::time::sleep(delay).await;
                Ok(response)
            }
            RateLimitMode::Status(status) => Ok(failure(status, "told to fail")),
            RateLimitMode::Http(status) => {
                let response = hyper::Response::builder().status(status).body(full(Bytes::new()));
                Ok(response.expect("a status code"))
            }
            RateLimitMode::Message(message) => Ok(success(framed(&message))),
            RateLimitMode::Body(body) => Ok(success(body)),
            RateLimitMode::Hang => std::future::pending().await,
            RateLimitMode::Reset => Err(io::Error::other("told to reset")),
        }
    }
}

/// A message as gRPC frames it: not compressed, and its length.
fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::from(&[0][..]);
    frame.extend(u32::try_from(message.len()).expect("a short message").to_be_bytes());
    frame.extend(message);
    frame.freeze()
}

/// The only message of a body.
fn unframed(body: &[u8]) -> Option<&[u8]> {
    let (head, message) = body.split_first_chunk::<5>()?;
    let [0, length @ ..] = *head else { return None };
    (message.len() as u64 == u64::from(u32::from_be_bytes(length))).then_some(message)
}

fn success(body: Bytes) -> hyper::Response<Body> {
    let trailers = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), 0.into())]);
    grpc(full(body).with_trailers(async move { Some(Ok(trailers)) }).boxed())
}

/// A failure is all headers.
fn failure(status: u16, message: &str) -> hyper::Response<Body> {
    let mut response = grpc(full(Bytes::new()));
    response.headers_mut().insert("grpc-status", status.into());
    response.headers_mut().insert("grpc-message", message.parse().expect("plain text"));
    response
}

fn grpc(body: Body) -> hyper::Response<Body> {
    hyper::Response::builder().header("content-type", "application/grpc").body(body).expect("a response")
}

fn full(body: Bytes) -> Body {
    Full::new(body).map_err(io::Error::other).boxed()
}
