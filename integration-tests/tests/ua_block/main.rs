//! `ua_block` in a real Envoy.

mod audit;
mod collector_trouble;
mod gate;
mod odd_bytes;
mod probe;
mod refusals;
mod secrets;
mod shadow;
mod verdicts;
