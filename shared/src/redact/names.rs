//! Names that speak of a credential, and `name=value` in any dress.

use std::borrow::Cow;

use super::{LEVELS, decode};

/// A name is secret when it has one of these anywhere, written without case and separators.
const ANYWHERE: &[&str] = &[
    "accesskey",
    "apikey",
    "assertion",
    "authorization",
    "clientcert",
    "cookie",
    "credential",
    "jwt",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "saml",
    "secret",
    "sessid",
    "sessionid",
    "signature",
    "token",
];

/// A name is secret when this is its last word, as in `user_pwd` and `hubKey`: within other words these mean nothing.
const LAST_WORD: &[&str] = &[
    "auth", "bearer", "creds", "cvc", "cvv", "dpop", "hmac", "key", "nonce", "otp", "pass", "pin", "pw", "pwd",
    "session", "sid", "sig", "ticket", "totp",
];

/// A name is secret when it is this. `code` and `state` are OAuth's.
const WHOLE: &[&str] =
    &["authcode", "code", "codeverifier", "devicecode", "recoverycode", "state", "usercode", "verificationcode"];

/// Whether a parameter, header or field of this name holds a credential.
pub(super) fn is_secret(name: &[u8]) -> bool {
    let mut name = Cow::Borrowed(name);
    for _ in 0..LEVELS {
        match decode(&name) {
            Some(decoded) => name = Cow::Owned(decoded),
            None => return is_secret_plain(&name),
        }
    }
    decode(&name).is_some() || is_secret_plain(&name)
}

fn is_secret_plain(name: &[u8]) -> bool {
    let mut joined = String::with_capacity(name.len());
    // Where the last word begins: after a separator, and in camel case. `hub_sId` has both.
    let (mut separated, mut humped) = (0, 0);
    let mut before = b' ';
    for &byte in name {
        if byte.is_ascii_alphabetic() {
            if !before.is_ascii_alphabetic() {
                separated = joined.len();
                humped = separated;
            } else if before.is_ascii_lowercase() && byte.is_ascii_uppercase() {
                humped = joined.len();
            }
            joined.push(char::from(byte.to_ascii_lowercase()));
        }
        before = byte;
    }
    let is_last_word = |start| joined.get(start..).is_some_and(|word| LAST_WORD.contains(&word));
    // The comparison of lengths saves most of the time: most names are shorter.
    ANYWHERE.iter().any(|part| part.len() <= joined.len() && joined.contains(part))
        || is_last_word(separated)
        || is_last_word(humped)
        || WHOLE.contains(&joined.as_str())
}

/// Where the value begins of the first secret name in `text`: after `=` or `:`, in queries, matrix parameters, cookies,
/// JSON and plain writing.
pub(super) fn assignment(text: &[u8]) -> Option<usize> {
    for (at, byte) in text.iter().enumerate() {
        if !matches!(byte, b'=' | b':') {
            continue;
        }
        let before = trim_end(text.get(..at).unwrap_or_default());
        let start = before.iter().rposition(|byte| ends_name(*byte)).map_or(0, |end| end.saturating_add(1));
        let name = before.get(start..).unwrap_or_default();
        let after = text.get(at.saturating_add(1)..).unwrap_or_default();
        // `session://` is a scheme, not a session.
        let is_scheme = *byte == b':' && after.starts_with(b"//");
        let value = trim_start(after);
        let is_empty = value.first().is_none_or(|byte| *byte == b'&');
        if !name.is_empty() && !is_scheme && !is_empty && is_secret(name) {
            return Some(text.len().saturating_sub(value.len()));
        }
    }
    None
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_wrapping(*first)
    {
        text = rest;
    }
    text
}

fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_wrapping(*last)
    {
        text = rest;
    }
    text
}

/// Stands between a name or value and its sign, as in `"pin" : "1234"`.
fn is_wrapping(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\')
}

/// Cannot be part of a name. Brackets can: `user[password]`; so can what encodes a letter.
fn ends_name(byte: u8) -> bool {
    is_wrapping(byte)
        || matches!(
            byte,
            b'=' | b':' | b'&' | b';' | b',' | b'?' | b'#' | b'/' | b'{' | b'}' | b'(' | b')' | b'<' | b'>' | b'|'
        )
}
