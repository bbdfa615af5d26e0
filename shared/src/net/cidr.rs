//! One network.

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::config::{Decode, Errors, Node};

/// A network of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, or a bare address for itself alone.
///
/// Kept canonical: no host bits are set, and a network of IPv4-mapped addresses (`::ffff:10.0.0.0/104`) is the IPv4
/// network (`10.0.0.0/8`). An IPv6 network that merely includes the mapped range, such as `::/0`, holds no IPv4
/// address: every IPv4 address is `0.0.0.0/0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The network's first address.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The length of the prefix in bits: up to 32 for IPv4, up to 128 for IPv6.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether the network holds this address. IPv4-mapped addresses are IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                address.to_bits() & !host_bits_v4(self.prefix) == network.to_bits()
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                address.to_bits() & !host_bits_v6(self.prefix) == network.to_bits()
            }
            _ => false,
        }
    }
}

/// The bits of an IPv4 address that a prefix leaves to hosts.
pub(super) fn host_bits_v4(prefix: u8) -> u32 {
    u32::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

/// The bits of an IPv6 address that a prefix leaves to hosts.
pub(super) fn host_bits_v6(prefix: u8) -> u128 {
    u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

impl From<IpAddr> for Cidr {
    /// The network of this address alone.
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl fmt::Display for Cidr {
    /// `10.0.0.0/8`; always with the prefix.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

/// A text that is no network: what was expected, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidrError {
    expected: Cow<'static, str>,
    found: String,
}

impl CidrError {
    fn new(expected: impl Into<Cow<'static, str>>, found: &str) -> Self {
        // Long enough for any network; a whole file pasted by mistake stays out of the log.
        let found = found.chars().take(64).flat_map(char::escape_debug).collect();
        Self { expected: expected.into(), found }
    }
}

impl fmt::Display for CidrError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "expected {}, found `{}`", self.expected, self.found)
    }
}

impl Error for CidrError {}

impl FromStr for Cidr {
    type Err = CidrError;

    /// Strict: no blanks, zone ids, netmasks, shortened addresses, leading zeros or host bits.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address = IpAddr::from_str(address)
            .map_err(|_| CidrError::new("a network such as `10.0.0.0/8` or `2001:db8::/32`, or an IP address", text))?;
        let Some(prefix) = prefix else { return Ok(address.into()) };
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = parse_prefix(prefix)
            .filter(|prefix| *prefix <= longest)
            .ok_or_else(|| CidrError::new(format!("a prefix length from 0 to {longest} after `/`"), text))?;
        let network = match address {
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !host_bits_v4(prefix)).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !host_bits_v6(prefix)).into(),
        };
        let canonical = canonical(network, prefix);
        if network == address {
            Ok(canonical)
        } else {
            Err(CidrError::new(format!("an address without host bits (`{canonical}` is the network)"), text))
        }
    }
}

/// Digits without sign or leading zero.
fn parse_prefix(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// A network of mapped addresses as the IPv4 network that it is.
fn canonical(address: IpAddr, prefix: u8) -> Cidr {
    match (address, address.to_canonical(), prefix.checked_sub(96)) {
        (IpAddr::V6(_), canonical @ IpAddr::V4(_), Some(prefix)) => Cidr { address: canonical, prefix },
        _ => Cidr { address, prefix },
    }
}

impl Decode for Cidr {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.text("a network such as `10.0.0.0/8`, as a string", errors)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Cidr {
    fn schema_name() -> Cow<'static, str> {
        "Cidr".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Cidr").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A network of IP addresses, IPv4 or IPv6, without host bits; a bare address is the network \
                            of that one address.",
            "pattern": "^[0-9A-Fa-f:.]+(/(0|[1-9][0-9]{0,2}))?$",
            "examples": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"],
        })
    }
}
