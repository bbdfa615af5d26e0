//! `schema_check` in a real Envoy.

mod basics;
mod contracts;
mod gate;
mod sample;
