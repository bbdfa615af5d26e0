//! `jwt_bola` in a real Envoy.

mod basics;
mod examples;
mod gate;
mod handover;
