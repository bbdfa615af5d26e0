//! Client addresses and networks.
//!
//! What a user expects:
//! - The client's address is Envoy's `source.address`, in every spelling in which Envoy writes it, IPv6 included. What
//!   has no IP address (a Unix socket, an Envoy-internal connection) is told apart from what is malformed.
//! - One client has one spelling: an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is its IPv4 address, so that
//!   a dual-stack listener does not lead round an IPv4 rule. Other addresses that embed an IPv4 address (NAT64, 6to4,
//!   the deprecated IPv4-compatible form) remain IPv6.
//! - A network is written as `10.0.0.0/8` or `2001:db8::/32` (RFC 4632 section 3.1, RFC 4291 section 2.3); a bare
//!   address is the network of that one address. A mistyped network is an error that says what was meant.
//! - In a set of networks the longest prefix wins, and a look-up in 100,000 networks costs about what one in ten does.

mod address;
mod cidr;
mod set;
#[cfg(test)]
mod tests;

pub use address::{AddressError, parse_client_address};
pub use cidr::{Cidr, CidrError};
pub use set::CidrSet;
