//! What tells clients apart.

use portcullis_shared::{
    config::{Decode, Errors, Node, is_token, quoted},
    config_enum,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt, str::FromStr};

/// A part of a key, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// `client_ip`: the address that Envoy trusts; of IPv6 its first bits.
    ClientIp,
    /// `method`.
    Method,
    /// `path`: normalised, without the query.
    Path,
    /// `path:<variable>`: what a variable of the limit's `path` stands for.
    Variable(String),
    /// `header:<name>`, in lower case.
    Header(String),
    /// `query:<name>`.
    Query(String),
    /// `cookie:<name>`.
    Cookie(String),
    /// `claim:<pointer>` (RFC 6901).
    Claim(String),
    /// `peer:<what>`, of the client's certificate.
    Peer(Peer),
    /// `constant:<text>`: all clients are one.
    Constant(String),
}

config_enum! {
    /// What of a client's certificate.
    pub enum Peer {
        /// The first URI among its alternative names, such as a SPIFFE id.
        UriSan = "uri_san",
        /// The first DNS name among them.
        DnsSan = "dns_san",
        /// Its subject.
        Subject = "subject",
        /// The digest of all of it.
        Sha256 = "sha256",
    }
}

impl Peer {
    /// Where Envoy has it.
    pub const fn property(self) -> &'static str {
        match self {
            Self::UriSan => "connection\0uri_san_peer_certificate",
            Self::DnsSan => "connection\0dns_san_peer_certificate",
            Self::Subject => "connection\0subject_peer_certificate",
            Self::Sha256 => "connection\0sha256_peer_certificate_digest",
        }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text).map_err(|expected| format!("expected {expected}, found {}", quoted(text)))
    }
}

impl Key {
    /// What was expected is the error.
    fn read(text: &str) -> Result<Self, &'static str> {
        let (kind, name) = text.split_once(':').map_or((text, None), |(kind, name)| (kind, Some(name)));
        let own = |name: &str| name.to_owned();
        Ok(match (kind, name) {
            ("client_ip", None) => Self::ClientIp,
            ("method", None) => Self::Method,
            ("path", None) => Self::Path,
            ("path", Some(name)) => Self::Variable(own(name)),
            // Envoy's own, and what it changes, would be no key of the client's.
            ("header", Some(name)) if is_token(name) => Self::Header(name.to_ascii_lowercase()),
            ("header", Some(_)) => return Err("a header's name behind `header:`"),
            ("query", Some(name)) if is_name(name) => Self::Query(own(name)),
            ("query", Some(_)) => return Err("a parameter's name behind `query:`"),
            ("cookie", Some(name)) if is_token(name) => Self::Cookie(own(name)),
            ("cookie", Some(_)) => return Err("a cookie's name behind `cookie:`"),
            ("claim", Some(pointer)) if pointer.starts_with('/') && pointer.len() <= 256 => Self::Claim(own(pointer)),
            ("claim", Some(_)) => return Err("a JSON pointer (RFC 6901) such as `/sub` behind `claim:`"),
            ("peer", Some(what)) => {
                let known = Peer::ALL.iter().find(|peer| peer.as_str() == what);
                Self::Peer(*known.ok_or("`uri_san`, `dns_san`, `subject` or `sha256` behind `peer:`")?)
            }
            ("constant", Some(text)) if !text.is_empty() && text.len() <= 128 => Self::Constant(own(text)),
            ("constant", Some(_)) => return Err("1 to 128 bytes behind `constant:`"),
            _ => {
                return Err("`client_ip`, `method`, `path`, `path:…`, `header:…`, `query:…`, `cookie:…`, \
                            `claim:…`, `peer:…` or `constant:…`");
            }
        })
    }
}

/// Letters of which no server makes something else.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=128).contains(&name.len()) && name.bytes().all(is_plain)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientIp => f.write_str("client_ip"),
            Self::Method => f.write_str("method"),
            Self::Path => f.write_str("path"),
            Self::Variable(name) => write!(f, "path:{name}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Claim(pointer) => write!(f, "claim:{pointer}"),
            Self::Peer(peer) => write!(f, "peer:{}", peer.as_str()),
            Self::Constant(text) => write!(f, "constant:{text}"),
        }
    }
}

impl Decode for Key {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        node.text("a part of a key such as `client_ip`, as a string", errors)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Key {
    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A part of a key.",
            "pattern": "^(client_ip|method|path|(path|header|query|cookie|claim|peer|constant):.+)$",
            "examples": ["client_ip", "header:x-api-key", "claim:/sub", "peer:uri_san"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_as_they_are_read() {
        for text in [
            "client_ip",
            "method",
            "path",
            "path:id",
            "header:x-api-key",
            "query:key",
            "cookie:session",
            "claim:/sub",
            "claim:/realm/roles/0",
            "peer:uri_san",
            "peer:dns_san",
            "peer:subject",
            "peer:sha256",
            "constant:all:of us",
        ] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        assert_eq!("header:X-Key".parse(), Ok(Key::Header("x-key".into())));
        for text in [
            "",
            "ip",
            "Client_ip",
            "client_ip:",
            "header",
            "header:",
            "header:a b",
            "header::path",
            "query:",
            "query:a[]",
            "cookie:a=b",
            "claim:sub",
            "claim:",
            "peer:cn",
            "peer",
            "constant:",
            "method:get",
        ] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
