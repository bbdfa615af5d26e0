//! `ratelimit` in a real Envoy.

mod basics;
mod configuration;
mod gate;
mod service;
mod startup;
