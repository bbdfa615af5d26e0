//! `jwt_bola` in a real Envoy.

mod attacks;
mod basics;
mod evasions;
mod gate;
mod shadow;
mod upstream_view;
mod wycheproof;
