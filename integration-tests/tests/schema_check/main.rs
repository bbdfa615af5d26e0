//! `schema_check` in a real Envoy.

mod contracts;
mod gate;
mod protocols;
