//! `jwt_bola` in a real Envoy.

mod attacks;
mod audit;
mod basics;
mod clock;
mod configuration;
mod evasions;
mod examples;
mod gate;
mod handover;
mod outage;
mod provider;
mod revocation;
mod rotation;
mod startup;
mod wycheproof;
