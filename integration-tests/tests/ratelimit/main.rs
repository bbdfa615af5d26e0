//! `ratelimit` in a real Envoy.

mod basics;
mod configuration;
mod exact;
mod gate;
mod service;
mod startup;
mod time;
