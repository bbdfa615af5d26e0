//! `schema_check` in a real Envoy.

mod contracts;
mod evasions;
mod gate;
mod odd_bytes;
mod protocols;
