//! From a segment to what is shown of it.

use std::borrow::Cow;

/// Stands for any text.
pub(super) const NAME: &str = "{name}";

const EMAIL: &str = "{email}";
const ID: &str = "{id}";
const NUMBER: &str = "{number}";
const TOKEN: &str = "{token}";
const UUID: &str = "{uuid}";

/// The longest text that is shown.
const MAX_TEXT: usize = 48;

/// From this length on, a text with digits is a token.
const TOKEN_LENGTH: usize = 20;

/// What a segment is shown as: its own text if that is likely a part of the route. A file's extension stays:
/// `{number}.json`.
pub(super) fn of(segment: &[u8]) -> Cow<'_, str> {
    let Some(text) = str::from_utf8(segment).ok().filter(|text| text.bytes().all(is_plain)) else {
        return if segment.contains(&b'@') { EMAIL } else { NAME }.into();
    };
    if is_version(text) {
        return text.into();
    }
    if is_email(text) {
        return EMAIL.into();
    }
    let parts = text.rsplit_once('.').filter(|(_, extension)| is_extension(extension));
    match parts.and_then(|(stem, extension)| Some((shape(stem)?, extension))) {
        Some((shape, extension)) => format!("{shape}.{extension}").into(),
        None => shape(text).unwrap_or(text).into(),
    }
}

/// Whether a label is a text, and not one of the few shapes.
pub(super) fn is_text(label: &str) -> bool {
    label != "**" && !(label.starts_with('{') && label.ends_with('}'))
}

/// What a route's name is made of.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:@+,=$!()".contains(&byte)
}

fn is_extension(text: &str) -> bool {
    (1..=5).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// What a text is by its shape, if it is no name.
fn shape(text: &str) -> Option<&'static str> {
    let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
    let length = text.len();
    let (digits, hex) = (count(u8::is_ascii_digit), count(u8::is_ascii_hexdigit));
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let is_number = || digits > 0 && text.bytes().all(|byte| byte.is_ascii_digit() || b"-+.,".contains(&byte));
    match () {
        () if is_uuid(text) => Some(UUID),
        () if length > MAX_TEXT => Some(TOKEN),
        () if digits == length && digits > 0 => Some(NUMBER),
        // A date, an amount, an address: more than a number, less than a name.
        () if is_number() => Some(ID),
        () if length >= TOKEN_LENGTH && digits > 0 => Some(TOKEN),
        () if length >= 8 && hex == length && digits > 0 => Some(TOKEN),
        // Base64 may have no digits; words have few capitals.
        () if length >= 16 && upper >= length.div_ceil(4) && lower >= length.div_ceil(4) => Some(TOKEN),
        // `oauth2` is a name, and `AC123` is not.
        () if digits >= 3 || (length >= 4 && digits >= length.div_ceil(2)) => Some(ID),
        () => None,
    }
}

/// `v1`, `v2.1`, `V3beta1`.
fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['v', 'V']) else { return false };
    let numbers = rest.trim_end_matches(|last: char| last.is_ascii_digit());
    let numbers = ["alpha", "beta", "rc"].iter().find_map(|stage| numbers.strip_suffix(stage)).unwrap_or(rest);
    text.len() <= 10
        && numbers.starts_with(|first: char| first.is_ascii_digit())
        && numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let is_group =
        |length| move |group: &str| group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    [8, 4, 4, 4, 12].into_iter().all(|length| groups.next().is_some_and(is_group(length))) && groups.next().is_none()
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
}
