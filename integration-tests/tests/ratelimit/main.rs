//! `ratelimit` in a real Envoy.

mod attacks;
mod basics;
mod configuration;
mod exact;
mod flood;
mod gate;
mod live;
mod odd_bytes;
mod protocols;
mod rush;
mod service;
mod startup;
mod time;
