//! `ratelimit` in a real Envoy.

mod attacks;
mod basics;
mod configuration;
mod exact;
mod gate;
mod service;
mod startup;
mod time;
