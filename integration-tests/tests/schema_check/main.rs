//! `schema_check` in a real Envoy.

mod audit;
mod basics;
mod compress;
mod configuration;
mod contracts;
mod documents;
mod evasions;
mod examples;
mod gate;
mod hostile;
mod odd_bytes;
mod protocols;
mod responses;
mod sample;
mod shadow;
mod startup;
