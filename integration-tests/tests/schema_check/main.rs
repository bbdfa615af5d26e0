//! `schema_check` in a real Envoy.

mod audit;
mod basics;
mod compress;
mod contracts;
mod evasions;
mod gate;
mod hostile;
mod odd_bytes;
mod protocols;
mod sample;
mod shadow;
