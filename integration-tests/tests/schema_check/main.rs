//! `schema_check` in a real Envoy.

mod audit;
mod basics;
mod contracts;
mod evasions;
mod gate;
mod odd_bytes;
mod protocols;
mod sample;
mod shadow;
