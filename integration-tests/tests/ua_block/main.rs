//! `ua_block` in a real Envoy.

mod audit;
mod collector_trouble;
mod configuration;
mod examples;
mod gate;
mod odd_bytes;
mod presets;
mod refusals;
mod secrets;
mod shadow;
mod startup;
mod verdicts;
