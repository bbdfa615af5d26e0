//! `schema_check` in a real Envoy.

mod audit;
mod basics;
mod configuration;
mod contracts;
mod documents;
mod evasions;
mod examples;
mod gate;
mod odd_bytes;
mod protocols;
mod responses;
mod sample;
mod shadow;
mod startup;
