//! `ratelimit` in a real Envoy.

mod asked;
mod bad_days;
mod basics;
mod cached;
mod configuration;
mod fleet;
mod gate;
mod startup;
mod swapped;
mod unsent;
mod waiting;
