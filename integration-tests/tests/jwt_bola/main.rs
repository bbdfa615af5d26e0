//! `jwt_bola` in a real Envoy.

mod attacks;
mod basics;
mod evasions;
mod gate;
mod odd_bytes;
mod protocols;
mod shadow;
mod upstream_view;
mod waiting;
mod wycheproof;
