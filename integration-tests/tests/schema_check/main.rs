//! `schema_check` in a real Envoy.

mod audit;
mod basics;
mod contracts;
mod gate;
mod responses;
mod sample;
mod shadow;
