//! URLs of documents: `http` and `https`, read strictly (RFC 3986, RFC 9110 section 4.2).

#[cfg(test)]
mod tests;

use std::str::FromStr;

use crate::config::quoted;

const MAX_BYTES: usize = 2048;

/// A URL's parts as a request has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: &'static str,
    pub(super) authority: String,
    /// With the query; `/` where the URL has none.
    pub(super) path: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map_err(|expected| {
            // What stands before an @ may be a password.
            let found = if text.contains('@') { "one with an @ (not shown)".to_owned() } else { quoted(text) };
            format!("expected {expected}, found {found}")
        })
    }
}

fn parse(text: &str) -> Result<Url, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("a URL of at most 2048 bytes");
    }
    let (scheme, rest) = match text.split_once("://") {
        Some(("https", rest)) => ("https", rest),
        Some(("http", rest)) => ("http", rest),
        _ => return Err("a URL that starts with https:// or http://"),
    };
    if rest.contains('#') {
        return Err("a URL without fragment");
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("a URL without user information (name a variable in `header_env`)");
    }
    if !is_host_and_port(authority) {
        return Err("a URL with a host and perhaps a port (1 to 65535)");
    }
    if !is_path(path.as_bytes()) {
        return Err("a URL whose path and query have only the characters of RFC 3986, others percent-encoded");
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(Url { scheme, authority: authority.to_ascii_lowercase(), path: format!("{slash}{path}") })
}

fn is_host_and_port(authority: &str) -> bool {
    let (host_is_good, port) = if let Some(rest) = authority.strip_prefix('[') {
        let Some((host, port)) = rest.split_once(']') else { return false };
        (host.parse::<std::net::Ipv6Addr>().is_ok(), port)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (host, port) = authority.split_at_checked(end).unwrap_or((authority, ""));
        (is_name(host), port)
    };
    let port_is_good = match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => port.is_empty(),
    };
    host_is_good && port_is_good
}

/// A DNS name or an IPv4 address; underscores as service names in Docker and Consul have them.
fn is_name(host: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(good);
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

fn is_path(path: &[u8]) -> bool {
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        let good = match byte {
            b'%' => {
                let mut digit = || bytes.next().is_some_and(u8::is_ascii_hexdigit);
                digit() && digit()
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if !good {
            return false;
        }
    }
    true
}
