//! One part: its head, and what is in it.

use std::borrow::Cow;

use crate::{
    media::MediaType,
    parameters::fields::{Content, Field},
    path::unescape,
    query::MAX_NAME,
    spelling::is_tchar,
};

/// The most header lines in a part, and bytes in all of them.
const MAX_HEADERS: usize = 16;
const MAX_HEADER_BYTES: usize = 8192;

/// Reads a part without the CRLF behind it.
pub(super) fn read(part: &[u8]) -> Option<Field<'_>> {
    let (mut disposition, mut media_type) = (None, None);
    let (mut rest, mut lines) = (part, 0_usize);
    loop {
        // What is not found soon is too long.
        let end = rest.windows(2).take(MAX_HEADER_BYTES).position(|two| two == b"\r\n")?;
        let (line, after) = rest.split_at_checked(end)?;
        rest = after.get(2..)?;
        if line.is_empty() {
            break;
        }
        lines = lines.saturating_add(1);
        let is_long = part.len().saturating_sub(rest.len()) > MAX_HEADER_BYTES;
        if lines > MAX_HEADERS || is_long || line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return None;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.get(..colon)?, line.get(colon.checked_add(1)?..)?.trim_ascii());
        if name.is_empty() || !name.iter().copied().all(is_tchar) {
            return None;
        }
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        if is(b"content-disposition") {
            if disposition.replace(self::disposition(value)?).is_some() {
                return None;
            }
        } else if is(b"content-type") {
            let known = MediaType::parse(value).ok().filter(|known| !known.essence().starts_with("multipart/"))?;
            if media_type.replace(known).is_some() {
                return None;
            }
        } else if is(b"content-transfer-encoding") || is(b"content-encoding") {
            // RFC 7578 section 4.7: deprecated, and few decode it.
            let plain = [&b"7bit"[..], b"8bit", b"binary", b"identity"];
            if !plain.iter().any(|plain| value.eq_ignore_ascii_case(plain)) {
                return None;
            }
        }
    }
    Some(Field { name: Cow::Borrowed(disposition?), content: Content::Part(rest, media_type) })
}

/// The name in `form-data; name="a"; filename="b"; filename*=UTF-8''b`.
fn disposition(value: &[u8]) -> Option<&str> {
    let text = str::from_utf8(value).ok()?;
    let (start, mut rest) = text.split_at_checked(9)?;
    if !start.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut file, mut other_file) = (None, None, None);
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return name.filter(|name: &&str| !name.is_empty() && name.len() <= MAX_NAME);
        }
        rest = rest.strip_prefix(';')?.trim_start_matches([' ', '\t']);
        let (key, after) = rest.split_once('=')?;
        let (value, after) = quoted(after)?;
        rest = after;
        let is_new = match key.to_ascii_lowercase().as_str() {
            // Whether a backslash in it is one or escapes what follows, readers do not agree.
            "name" if !value.contains('\\') => name.replace(value),
            "filename" => file.replace(value),
            // RFC 7578 section 4.2 forbids it, but .NET sends it with each file.
            "filename*" if is_extended(value) => other_file.replace(value),
            // It knows no others.
            _ => return None,
        };
        if is_new.is_some() {
            return None;
        }
    }
}

/// A token or what is in quotes, and what follows. A `"` within quotes is `%22` (RFC 7578 section 2, URL Standard); `\"`
/// from others is refused: to some the quotes end there. Any other backslash is one, as in paths of files.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        let is_token = !token.is_empty() && token.bytes().all(is_tchar);
        return is_token.then_some((token, rest));
    };
    let (value, rest) = inner.split_once('"')?;
    let is_plain = !value.ends_with('\\') && !value.chars().any(char::is_control);
    is_plain.then_some((value, rest))
}

/// Whether a text is what RFC 8187 (section 3.2.1) calls an extended value, in UTF-8.
fn is_extended(text: &str) -> bool {
    let mut parts = text.splitn(3, '\'');
    let (Some(charset), Some(_), Some(value)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let has_bad_escape = value.split('%').skip(1).any(|after| unescape(after.as_bytes()).is_none());
    charset.eq_ignore_ascii_case("utf-8") && !has_bad_escape
}
