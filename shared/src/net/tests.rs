use std::net::IpAddr;

use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::config::parse;

use super::{AddressError, Cidr, CidrSet, parse_client_address};

#[cfg(not(target_arch = "wasm32"))]
mod properties;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn networks(texts: &[&'static str]) -> CidrSet<&'static str> {
    CidrSet::new(texts.iter().map(|text| (text.parse().unwrap(), *text)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressCase {
    text: String,
    address: Option<IpAddr>,
    error: Option<String>,
}

#[test]
fn addresses_parse_as_the_table_says() {
    let cases: Vec<AddressCase> = serde_json::from_str(include_str!("../../testdata/net/addresses.json")).unwrap();
    for case in cases {
        let found = parse_client_address(case.text.as_bytes());
        let expected = case.address.ok_or(case.error.unwrap_or_default());
        assert_eq!(found.map_err(|error| error.code().to_owned()), expected, "{:?}", case.text);
    }
}

#[test]
fn addresses_are_bounded_and_bytes() {
    assert_eq!(parse_client_address("1".repeat(1_000_000).as_bytes()), Err(AddressError::TooLong));
    assert_eq!(parse_client_address(format!("fe80::1%{}", "e".repeat(200)).as_bytes()), Err(AddressError::TooLong));
    assert_eq!(parse_client_address(b"192.0.2.1\xff"), Err(AddressError::Malformed));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkCase {
    text: String,
    network: Option<String>,
    error: Option<String>,
}

#[test]
fn networks_parse_as_the_table_says() {
    let schema = schemars::schema_for!(Cidr);
    let pattern = schema.get("pattern").and_then(|pattern| pattern.as_str()).unwrap();
    let pattern = regex_automata::dfa::regex::Regex::new(pattern);
    let cases: Vec<NetworkCase> = serde_json::from_str(include_str!("../../testdata/net/networks.json")).unwrap();
    for case in cases {
        let json = serde_json::Value::from(case.text.as_str()).to_string();
        let found = parse::<Cidr>(json.as_bytes()).map_err(|errors| errors.iter().next().unwrap().message.clone());
        if let (Ok(_), Ok(pattern)) = (&found, &pattern) {
            assert!(pattern.is_match(&case.text), "the schema refuses {:?}", case.text);
        }
        let found = found.map(|network| network.to_string());
        match (found, case.network.ok_or(case.error.unwrap_or_default())) {
            (Err(found), Err(expected)) => assert!(found.starts_with(&expected), "{found:?} is not {expected:?}"),
            (found, expected) => assert_eq!(found, expected, "{:?}", case.text),
        }
    }
}

#[test]
fn a_network_is_a_string() {
    let network: Cidr = parse(b"\"::ffff:10.0.0.0/104\"").unwrap();
    assert_eq!(serde_json::to_string(&network).unwrap(), "\"10.0.0.0/8\"");
    let error = parse::<Cidr>(b"8").unwrap_err().to_string();
    assert!(error.contains("expected a network such as `10.0.0.0/8`, as a string"), "{error}");
}

#[test]
fn a_networks_error_shows_no_more_than_64_characters() {
    let error = "x".repeat(1_000_000).parse::<Cidr>().unwrap_err().to_string();
    assert!(error.len() < 200, "{error}");
}

#[test]
fn longest_prefix_wins_in_either_order() {
    for texts in [
        ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "0.0.0.0/0"],
        ["0.0.0.0/0", "10.1.2.3", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"],
    ] {
        let set = networks(&texts);
        for (address, expected) in [
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.2", "10.1.2.0/24"),
            ("10.1.2.4", "10.1.2.0/24"),
            ("10.1.2.255", "10.1.2.0/24"),
            ("10.1.3.0", "10.1.0.0/16"),
            ("10.1.255.255", "10.1.0.0/16"),
            ("10.2.0.0", "10.0.0.0/8"),
            ("11.0.0.0", "0.0.0.0/0"),
            ("9.255.255.255", "0.0.0.0/0"),
            ("0.0.0.0", "0.0.0.0/0"),
            ("255.255.255.255", "0.0.0.0/0"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
        ] {
            assert_eq!(set.lookup(ip(address)), Some(&expected), "{address}");
        }
        assert_eq!(set.lookup(ip("::10.1.2.3")), None);
    }
}

#[test]
fn ranges_end_where_networks_end() {
    let set = networks(&["10.0.0.0/31", "10.0.0.2/31", "10.0.0.3", "255.255.255.254/31", "ffff::/16", "::/128"]);
    for (address, expected) in [
        ("9.255.255.255", None),
        ("10.0.0.0", Some(&"10.0.0.0/31")),
        ("10.0.0.1", Some(&"10.0.0.0/31")),
        ("10.0.0.2", Some(&"10.0.0.2/31")),
        ("10.0.0.3", Some(&"10.0.0.3")),
        ("10.0.0.4", None),
        ("255.255.255.255", Some(&"255.255.255.254/31")),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(&"ffff::/16")),
        ("fffe:ffff::", None),
        ("::", Some(&"::/128")),
        ("::1", None),
        ("0.0.0.0", None),
    ] {
        assert_eq!(set.lookup(ip(address)), expected, "{address}");
    }
}

#[test]
fn all_of_ipv6_is_none_of_ipv4() {
    let set = networks(&["::/0"]);
    assert!(set.contains(ip("2001:db8::1")));
    assert!(!set.contains(ip("192.0.2.1")));
    assert!(!set.contains(ip("::ffff:192.0.2.1")));
}

#[test]
fn the_first_of_duplicates_holds() {
    let entries = ["10.0.0.0/8", "::1", "::ffff:10.0.0.0/104", "10.0.0.0/9", "::1/128", "10.0.0.0/8"];
    let set = CidrSet::new(entries.iter().map(|text| text.parse().unwrap()).zip(0..));
    assert_eq!(set.duplicates(), [(0, 2), (0, 5), (1, 4)]);
    assert_eq!(set.lookup(ip("10.200.0.0")), Some(&0));
    assert_eq!(set.lookup(ip("10.0.0.0")), Some(&3));
    assert_eq!(set.lookup(ip("::1")), Some(&1));
}

#[test]
fn an_empty_set_holds_nothing() {
    let set = CidrSet::<()>::default();
    assert!(set.is_empty());
    assert!(!set.contains(ip("0.0.0.0")));
    assert!(!["10.0.0.0/8".parse().unwrap()].into_iter().collect::<CidrSet<()>>().is_empty());
}
