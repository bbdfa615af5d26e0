//! URIs, IRIs and their templates.

use std::net::Ipv6Addr;

use super::scan::Scanner;

/// What may stand in a place of a URI (RFC 3986 appendix A), besides what may stand in all.
const USER: &str = ":";
const PATH: &str = ":@/";
const QUERY: &str = ":@/?";

/// Whether a text is a reference (RFC 3986 section 4.1), with a scheme if it must be `absolute`; with characters of RFC
/// 3987 section 2.2 if it is an `iri`.
pub(super) fn is_reference(text: &str, absolute: bool, iri: bool) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    // A colon before any slash ends a scheme: the first segment of what is relative has none.
    let (text, has_scheme) = match text.split_once(':') {
        Some((scheme, rest)) if !scheme.contains('/') => {
            if !is_scheme(scheme) {
                return false;
            }
            (rest, true)
        }
        _ => (text, false),
    };
    let (authority, path) = match text.strip_prefix("//") {
        Some(text) => text.split_at_checked(text.find('/').unwrap_or(text.len())).unwrap_or((text, "")),
        None => ("", text),
    };
    (has_scheme || !absolute)
        && is_authority(authority, iri)
        && consists(path, PATH, iri, false)
        && consists(query, QUERY, iri, true)
        && consists(fragment, QUERY, iri, false)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_authority(text: &str, iri: bool) -> bool {
    let (user, host) = text.split_once('@').unwrap_or(("", text));
    let (is_host, port) = if let Some(literal) = host.strip_prefix('[') {
        let Some((literal, port)) = literal.split_once(']') else { return false };
        (literal.parse::<Ipv6Addr>().is_ok() || is_future(literal), port)
    } else {
        let (name, port) = host.split_at_checked(host.find(':').unwrap_or(host.len())).unwrap_or((host, ""));
        (consists(name, "", iri, false), port)
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    is_host && is_port && consists(user, USER, iri, false)
}

/// `IPvFuture`.
fn is_future(literal: &str) -> bool {
    let Some((version, address)) = literal.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let is_hex = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex && !address.is_empty() && !address.contains('%') && consists(address, USER, false, false)
}

/// Whether a text has but unreserved characters, sub-delimiters, percent-encodings and these; in an IRI also those beyond
/// ASCII, private ones in its query.
fn consists(text: &str, of: &str, iri: bool, private: bool) -> bool {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let is_good = match char {
            '%' => [chars.next(), chars.next()].iter().all(|char| char.is_some_and(|char| char.is_ascii_hexdigit())),
            char if char.is_ascii() => {
                char.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(char) || of.contains(char)
            }
            char => iri && (is_ucschar(char) || (private && is_private(char))),
        };
        if !is_good {
            return false;
        }
    }
    true
}

const fn is_ucschar(char: char) -> bool {
    match char {
        '\u{A0}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFEF}' => true,
        '\u{10000}'..='\u{DFFFF}' | '\u{E1000}'..='\u{EFFFF}' => char as u32 & 0xFFFF <= 0xFFFD,
        _ => false,
    }
}

const fn is_private(char: char) -> bool {
    match char {
        '\u{E000}'..='\u{F8FF}' => true,
        '\u{F0000}'..='\u{10FFFF}' => char as u32 & 0xFFFF <= 0xFFFD,
        _ => false,
    }
}

/// Whether a text is a template (RFC 6570 section 2).
pub(super) fn is_template(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    let mut read = || {
        while let Some(byte) = scanner.next() {
            match byte {
                b'{' => expression(&mut scanner)?,
                b'%' => scanner.two_hex_digits()?,
                // With the apostrophe, as erratum 6937 has it.
                ..=b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|' | b'}' | 0x7F => return None,
                _ => {}
            }
        }
        Some(())
    };
    read().is_some()
}

/// Reads an expression from behind its brace.
fn expression(scanner: &mut Scanner<'_>) -> Option<()> {
    if scanner.peek().is_some_and(|byte| b"+#./;?&=,!@|".contains(&byte)) {
        scanner.next();
    }
    loop {
        name(scanner)?;
        match scanner.peek() {
            Some(b'*') => {
                scanner.next();
            }
            Some(b':') => {
                scanner.next();
                let starts_well = scanner.peek() != Some(b'0');
                let digits = scanner.skip(|byte| byte.is_ascii_digit());
                if !starts_well || !(1..=4).contains(&digits) {
                    return None;
                }
            }
            _ => {}
        }
        match scanner.next()? {
            b',' => {}
            b'}' => return Some(()),
            _ => return None,
        }
    }
}

/// Reads a variable's name: no dot at its ends, nor two together.
fn name(scanner: &mut Scanner<'_>) -> Option<()> {
    let mut may_end = false;
    loop {
        match scanner.peek() {
            Some(b'%') => {
                scanner.next();
                scanner.two_hex_digits()?;
                may_end = true;
            }
            Some(b'.') if may_end => {
                scanner.next();
                may_end = false;
            }
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'_' => {
                scanner.next();
                may_end = true;
            }
            _ => return may_end.then_some(()),
        }
    }
}
