//! Envoy's spelling of a connection's address.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Longest text that is looked at: an IPv6 address (39, or 45 with an embedded IPv4 address), a zone, brackets and a
/// port fit with room to spare.
const MAX_LENGTH: usize = 128;

/// Why a text is no client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressError {
    /// The text is empty. Envoy writes the address of an unnamed Unix-socket peer so.
    Empty,
    /// The peer has no IP address: a Unix socket (`/run/x.sock`, `@/abstract`) or a connection inside Envoy
    /// (`envoy://name/`).
    NotIp,
    /// The text is longer than any address.
    TooLong,
    /// The text is neither an IPv4 nor an IPv6 address with an optional port.
    Malformed,
    /// What follows the address is not a port from 0 to 65535 without leading zeros.
    Port,
    /// What follows `%` is not a zone id (RFC 4007 section 11), or the address is IPv4 and can have none.
    Zone,
}

impl AddressError {
    /// The stable word for metrics and events.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "address_empty",
            Self::NotIp => "address_not_ip",
            Self::TooLong => "address_too_long",
            Self::Malformed => "address_malformed",
            Self::Port => "address_bad_port",
            Self::Zone => "address_bad_zone",
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "expected an IP address, found nothing",
            Self::NotIp => "expected an IP address, found a Unix socket or an Envoy-internal address",
            Self::TooLong => "expected an IP address, found a text longer than any",
            Self::Malformed => "expected `ip`, `ipv4:port` or `[ipv6]:port`",
            Self::Port => "expected a port from 0 to 65535 after the address",
            Self::Zone => "expected a zone id after `%` in an IPv6 address",
        })
    }
}

impl Error for AddressError {}

/// The client's address from Envoy's `source.address` property.
///
/// Shapes: `192.0.2.1:443`, `[2001:db8::1]:443`, either without its port, `[2001:db8::1]`, and a zone id behind a
/// scoped IPv6 address (`fe80::1%2`, RFC 4007 section 11). The zone is checked and dropped: policies see one address
/// for a link-local host on whichever link. An IPv4-mapped address becomes IPv4. Octets with leading zeros, shortened
/// IPv4 addresses and surrounding blanks are malformed.
///
/// # Errors
/// [`AddressError`]; `NotIp` is the one that a healthy Envoy causes.
pub fn parse_client_address(text: &[u8]) -> Result<IpAddr, AddressError> {
    match text {
        [] => return Err(AddressError::Empty),
        [b'/' | b'@', ..] => return Err(AddressError::NotIp),
        _ if text.starts_with(b"envoy://") => return Err(AddressError::NotIp),
        _ if text.len() > MAX_LENGTH => return Err(AddressError::TooLong),
        _ => {}
    }
    let text = str::from_utf8(text).map_err(|_| AddressError::Malformed)?;
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, after) = bracketed.split_once(']').ok_or(AddressError::Malformed)?;
        if !after.is_empty() {
            check_port(after.strip_prefix(':').ok_or(AddressError::Malformed)?)?;
        }
        return ipv6(address);
    }
    match text.split_once(':') {
        None => ipv4(text),
        // Several colons are an IPv6 address's own: only brackets can set a port apart from it.
        Some((_, after)) if after.contains(':') => ipv6(text),
        Some((address, port)) => {
            let address = ipv4(address)?;
            check_port(port)?;
            Ok(address)
        }
    }
}

fn ipv4(text: &str) -> Result<IpAddr, AddressError> {
    match Ipv4Addr::from_str(text) {
        Ok(address) => Ok(IpAddr::V4(address)),
        Err(_) if text.contains('%') => Err(AddressError::Zone),
        Err(_) => Err(AddressError::Malformed),
    }
}

fn ipv6(text: &str) -> Result<IpAddr, AddressError> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let address = Ipv6Addr::from_str(address).map_err(|_| AddressError::Malformed)?;
    if zone.is_some_and(|zone| !is_zone(zone)) {
        return Err(AddressError::Zone);
    }
    Ok(address.to_canonical())
}

/// A scope's number, as Envoy writes it, or an interface's name.
fn is_zone(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn check_port(text: &str) -> Result<(), AddressError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain && text.parse::<u16>().is_ok() { Ok(()) } else { Err(AddressError::Port) }
}
