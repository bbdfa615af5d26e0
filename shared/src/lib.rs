//! Portcullis' policy library: it decides, and knows no proxy.
//!
//! A filter's configuration is parsed and compiled once; then each request is a look-up that yields [`decision`]s.
//! From the decision record come metrics, audit events and the client's problem document, each in one place. Time,
//! randomness and secrets are parameters, so that everything here is tested without a proxy, natively and as
//! WebAssembly.
#![forbid(unsafe_code)]

pub mod audit;
pub mod config;
pub mod decision;
pub mod discovery;
pub mod document;
#[cfg(feature = "encoding")]
pub mod encoding;
pub mod fleet;
mod hashed;
#[cfg(feature = "jose")]
pub mod jose;
pub mod json;
pub mod matcher;
pub mod media;
pub mod metrics;
pub mod mode;
pub mod net;
pub mod openapi;
pub mod ownership;
pub mod parameters;
pub mod path;
pub mod pointer;
pub mod policy;
pub mod problem;
pub mod query;
pub mod quota;
pub mod redact;
pub mod request;
pub mod response;
pub mod schema;
mod spelling;
pub mod store;
