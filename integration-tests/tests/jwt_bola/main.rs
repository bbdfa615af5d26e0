//! `jwt_bola` in a real Envoy.

mod audit;
mod basics;
mod clock;
mod configuration;
mod gate;
mod outage;
mod provider;
mod revocation;
mod rotation;
mod startup;
