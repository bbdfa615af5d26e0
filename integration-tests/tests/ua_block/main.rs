//! `ua_block` in a real Envoy.

mod gate;
mod odd_bytes;
mod probe;
mod refusals;
mod shadow;
mod verdicts;
