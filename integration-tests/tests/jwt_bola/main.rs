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
mod odd_bytes;
mod outage;
mod protocols;
mod provider;
mod revocation;
mod rotation;
mod shadow;
mod startup;
mod upstream_view;
mod wycheproof;
