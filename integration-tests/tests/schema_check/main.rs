//! `schema_check` in a real Envoy.

mod audit;
mod basics;
mod contracts;
mod gate;
mod protocols;
mod sample;
mod shadow;
