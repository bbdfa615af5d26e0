//! The real parts that Portcullis is tested with: an Envoy process, an upstream, a collector of
//! audit events, an identity provider, a rate limit service on a Redis, and clients from polite to
//! malformed.
//!
//! A filter's promise is what a real Envoy does with it, so nothing here is a mock of Envoy. Every
//! test starts its own Envoy (about 50 ms without a large module) on ports the kernel picks, and
//! all of it goes away when the test's variables are dropped; so tests share nothing and run in
//! parallel. Every wait has a deadline: a request that hangs fails its test with a message instead
//! of stalling the run.
//!
//! ```no_run
//! # async fn example() {
//! use portcullis_integration_tests::{Bootstrap, Client, Envoy, Upstream, WasmFilter, dist};
//! use serde_json::json;
//!
//! let upstream = Upstream::start().await;
//! let filter = WasmFilter::new("ua_block", dist("ua_block")).config(&json!({"deny": ["BadBot"]}));
//! let envoy = Envoy::start(Bootstrap::new(upstream.address()).filter(filter)).await;
//!
//! let response = Client::h1(envoy.address()).get("/").await;
//! assert_eq!(response.status, 200);
//! assert_eq!(upstream.count(), 1);
//! # }
//! ```

pub mod attacks;
mod bad_configs;
mod client;
mod collector;
mod config;
mod connector;
mod ecds;
mod envoy;
mod envoy_ratelimit;
mod example;
mod gate;
mod headers;
mod issuer;
mod jwt_authn;
mod line;
pub mod mint;
mod process;
mod random;
mod rate_limit_service;
mod raw;
mod raw_h2;
mod redis;
mod server;
mod startup;
mod stats;
mod traffic;
mod upstream;
mod wait;

use std::path::{Path, PathBuf};

pub use bad_configs::{assert_start_refused, bad_configs};
pub use client::{Client, ClientError, Request, Response};
pub use collector::{Batch, Collector, Mode};
pub use config::{Bootstrap, WasmFilter, merge};
pub use ecds::{DiscoveredFilter, Rejected};
pub use envoy::{Envoy, Launch, StartError};
pub use envoy_ratelimit::{envoy_ratelimit, limit_by_header, rate_limited_route};
pub use example::{Example, read_yaml};
pub use gate::{Decisions, Gate, judged, telling};
pub use headers::Headers;
pub use issuer::{Fetch, Issuer, IssuerMode};
pub use jwt_authn::{jwt_authn, local_jwks, remote_jwks};
pub use line::Line;
pub use random::Random;
pub use rate_limit_service::{RateLimitCall, RateLimitCounts, RateLimitDescriptor, RateLimitMode, RateLimitService};
pub use raw::Raw;
pub use raw_h2::{H2Answer, RawH2};
pub use redis::{Redis, RedisClient, RedisReply};
pub use startup::startup_stays_within_budget;
pub use stats::{Sample, Stats};
pub use traffic::{Tally, Traffic};
pub use upstream::{Received, Reply, Upstream};
pub use wait::{DEADLINE, until, within};

/// A path below the workspace's root, so that tests run from any folder.
pub fn workspace(relative: impl AsRef<Path>) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is a member");
    root.join(relative)
}

/// The built module of a filter, `dist/<filter>.wasm`.
pub fn dist(filter: &str) -> PathBuf {
    workspace("dist").join(format!("{filter}.wasm"))
}
