//! `ratelimit` in a real Envoy.

mod asked;
mod attacks;
mod bad_days;
mod basics;
mod cached;
mod configuration;
mod exact;
mod fleet;
mod flood;
mod gate;
mod live;
mod odd_bytes;
mod protocols;
mod rush;
mod startup;
mod swapped;
mod time;
mod unsent;
mod waiting;
