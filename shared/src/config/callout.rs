//! What all configurations of calls to a service have in common: the cluster, and headers with or without secrets.

use std::fmt::Display;

use super::{Environment, Errors, Texts, quoted};
use crate::{redact, spelling::is_tchar};

/// Headers that are not the operator's to set: the body's own, the connection's own.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const MAX_HEADERS: usize = 32;
const MAX_HEADER_BYTES: usize = 4096;

/// Checks the name of the cluster that stands at `path`.
pub fn check_cluster(path: impl Display, name: &str, errors: &mut Errors) {
    if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
        errors.add(path, "the name of an Envoy cluster, 1 to 255 characters", quoted(name));
    }
}

/// Checks the `headers` and `header_env` of the part that stands at `path`, and looks up the secrets. Names come out in
/// lower case.
pub fn headers(
    path: &str,
    headers: Texts,
    header_env: Texts,
    environment: Environment<'_>,
    errors: &mut Errors,
) -> Vec<(String, String)> {
    let mut checked = Vec::new();
    for (name, value) in headers.0 {
        let at = format!("{path}.headers[{name:?}]");
        if redact::header_is_secret(&name) {
            let expected = "no credentials in the configuration: name a variable in `header_env`";
            errors.add(&at, expected, "a header that carries some");
        }
        header(&at, &name, value, &mut checked, errors);
    }
    for (name, variable) in header_env.0 {
        let at = format!("{path}.header_env[{name:?}]");
        if let Some(value) = self::variable(&at, &variable, environment, errors) {
            header(&at, &name, value, &mut checked, errors);
        }
    }
    if checked.len() > MAX_HEADERS {
        let expected = format_args!("at most {MAX_HEADERS} with header_env");
        errors.add(format_args!("{path}.headers"), expected, checked.len());
    }
    checked
}

/// The value of the variable that is named at `at`. What does not look like a name is not shown: some put the secret where
/// its name belongs.
pub fn variable(at: &str, name: &str, environment: Environment<'_>, errors: &mut Errors) -> Option<String> {
    let value = environment(name);
    if value.is_none() {
        let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let found = if name.len() <= 64 && name.bytes().all(is_plain) {
            quoted(name)
        } else {
            "another text (not shown: it may be a secret)".to_owned()
        };
        errors.add(at, "a variable that `vm_config.environment_variables` sets", found);
    }
    value
}

/// Checks a header and adds it. Says nothing of the value: it may be a secret.
fn header(at: &str, name: &str, value: String, headers: &mut Vec<(String, String)>, errors: &mut Errors) {
    let lower = name.to_ascii_lowercase();
    if !is_token(name) {
        errors.add(at, "a header name (letters, digits and -_.~!#$%&'*+^`|)", quoted(name));
    } else if RESERVED.contains(&lower.as_str()) {
        errors.add(at, "a header that is the operator's to set", quoted(name));
    }
    if headers.iter().any(|(known, _)| *known == lower) {
        errors.add(at, "each header once", "a second one");
    }
    if value.len() > MAX_HEADER_BYTES {
        errors.add(at, format_args!("at most {MAX_HEADER_BYTES} bytes"), value.len());
    } else if value.trim() != value || !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let expected = "visible ASCII characters, with spaces only between them";
        errors.add(at, expected, "a value with others (not shown: it may be a secret)");
    }
    headers.push((lower, value));
}

/// Whether a text is a token of 1 to 128 characters (RFC 9110 section 5.6.2), such as a header's name; a pseudo-header's
/// is none.
pub fn is_token(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(is_tchar)
}

/// The characters that RFC 3986 has for a host and a port.
pub fn is_authority(authority: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
    !authority.is_empty() && authority.len() <= 255 && authority.bytes().all(good)
}
