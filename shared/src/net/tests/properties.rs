use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::{collection::vec, prelude::*};

use super::{Cidr, CidrSet, parse_client_address};

/// Few distinct bits, so that networks nest and addresses hit.
fn address() -> impl Strategy<Value = IpAddr> {
    let v4 = (0..4u32, 0..8u32).prop_map(|(high, low)| Ipv4Addr::from_bits((high << 30) | low));
    let v6 = (0..4u128, 0..8u128).prop_map(|(high, low)| Ipv6Addr::from_bits((high << 126) | low));
    prop_oneof![v4.prop_map(IpAddr::V4), v6.prop_map(IpAddr::V6), any::<IpAddr>()]
}

fn network() -> impl Strategy<Value = Cidr> {
    let prefix = prop_oneof![0..=128u8, 124..=128u8, 29..=32u8];
    (address(), prefix).prop_map(|(address, prefix)| {
        let masked = match address {
            IpAddr::V4(address) => {
                let prefix = prefix.saturating_sub(if prefix > 32 { 96 } else { 0 }).min(32);
                let bits = address.to_bits() & !u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                format!("{}/{prefix}", Ipv4Addr::from_bits(bits))
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits() & !u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
                format!("{}/{prefix}", Ipv6Addr::from_bits(bits))
            }
        };
        masked.parse().unwrap()
    })
}

/// The first entry with the longest prefix of all that hold the address.
fn naive(networks: &[Cidr], address: IpAddr) -> Option<usize> {
    let longest = networks.iter().filter(|network| network.contains(address)).map(|network| network.prefix()).max()?;
    networks.iter().position(|network| network.contains(address) && network.prefix() == longest)
}

/// The address's leading bits are the network's, compared as text.
fn contains_as_text(network: Cidr, address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    };
    let (held, found) = (bits(network.address()), bits(address.to_canonical()));
    held.len() == found.len() && held.chars().zip(found.chars()).take(network.prefix().into()).all(|(a, b)| a == b)
}

proptest! {
    #[test]
    fn a_set_answers_as_the_naive_search(networks in vec(network(), 0..40), addresses in vec(address(), 1..40)) {
        let set = CidrSet::new(networks.iter().copied().zip(0..));
        let edges = networks.iter().map(|network| network.address());
        for address in addresses.into_iter().chain(edges) {
            prop_assert_eq!(set.lookup(address).copied(), naive(&networks, address));
        }
    }

    #[test]
    fn a_network_holds_what_shares_its_prefix(network in network(), address in address()) {
        prop_assert_eq!(network.contains(address), contains_as_text(network, address));
    }

    #[test]
    fn a_network_is_read_as_it_is_shown(network in network()) {
        prop_assert_eq!(network.to_string().parse(), Ok(network));
    }

    #[test]
    fn what_is_shown_as_address_is_read(address in any::<IpAddr>(), port in any::<u16>()) {
        let socket = std::net::SocketAddr::new(address, port).to_string();
        prop_assert_eq!(parse_client_address(socket.as_bytes()), Ok(address.to_canonical()));
        prop_assert_eq!(parse_client_address(address.to_string().as_bytes()), Ok(address.to_canonical()));
    }

    #[test]
    fn no_text_panics(bytes in vec(any::<u8>(), 0..80), text in "[0-9a-f:.%/\\[\\]]{0,40}") {
        let _ = parse_client_address(&bytes);
        let _ = parse_client_address(text.as_bytes());
        let _ = text.parse::<Cidr>();
    }
}
