//! `ratelimit` in a real Envoy.

<<<<<<< HEAD
mod attacks;
=======
mod asked;
mod bad_days;
>>>>>>> chaos
mod basics;
mod cached;
mod configuration;
<<<<<<< HEAD
mod exact;
mod gate;
mod live;
mod odd_bytes;
mod protocols;
mod service;
mod startup;
mod time;
=======
mod fleet;
mod gate;
mod startup;
mod swapped;
mod unsent;
mod waiting;
>>>>>>> chaos
