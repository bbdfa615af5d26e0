//! Names of hosts, and mailboxes.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest name and label (RFC 1035 section 2.3.4, without what only the wire has), and local part (RFC 5321 section
/// 4.5.3.1.1).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;
const MAX_LOCAL: usize = 64;

/// Whether a text is a host's name; beyond ASCII if that is `international`.
pub(super) fn is_name(text: &str, international: bool) -> bool {
    // What is a dot to IDNA (RFC 3490 section 3.1).
    let is_dot = |char: char| char == '.' || (international && matches!(char, '\u{3002}' | '\u{FF0E}' | '\u{FF61}'));
    text.chars().count() <= MAX_NAME && text.split(is_dot).all(|label| is_label(label, international))
}

fn is_label(label: &str, international: bool) -> bool {
    let is_good = |char: char| char.is_ascii_alphanumeric() || char == '-' || (international && is_foreign(char));
    let bound = |char: Option<char>| char.is_some_and(|char| char != '-');
    label.chars().all(is_good)
        && bound(label.chars().next())
        && bound(label.chars().next_back())
        && label.chars().count() <= MAX_LABEL
}

fn is_foreign(char: char) -> bool {
    !char.is_ascii() && !char.is_control() && !char.is_whitespace()
}

/// Whether a text is a mailbox; beyond ASCII if that is `international`.
pub(super) fn is_email(text: &str, international: bool) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    local.len() <= MAX_LOCAL && is_local(local, international) && is_domain(domain, international)
}

fn is_local(local: &str, international: bool) -> bool {
    let foreign = |char: char| international && is_foreign(char);
    if let Some(quoted) = local.strip_prefix('"') {
        let Some(quoted) = quoted.strip_suffix('"') else { return false };
        let mut chars = quoted.chars();
        while let Some(char) = chars.next() {
            let is_good = match char {
                '"' => false,
                '\\' => matches!(chars.next(), Some(' '..='~')),
                char => matches!(char, ' '..='~') || foreign(char),
            };
            if !is_good {
                return false;
            }
        }
        return true;
    }
    // RFC 5322 section 3.2.3.
    let is_atom = |char: char| match char {
        '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='~' => true,
        char => char.is_ascii_alphanumeric() || foreign(char),
    };
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn is_domain(domain: &str, international: bool) -> bool {
    match domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        Some(address) => match address.split_at_checked(5) {
            Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => address.parse::<Ipv6Addr>().is_ok(),
            _ => address.parse::<Ipv4Addr>().is_ok(),
        },
        None => is_name(domain, international),
    }
}
