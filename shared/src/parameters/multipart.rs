//! Bodies of `multipart/form-data` (RFC 7578, RFC 2046 section 5.1).
//!
//! Read strictly: nothing before the first boundary and nothing behind the last, CRLF at the end of lines, one
//! `content-disposition` in each part with one `name` in it, no `filename*`, no transfer encoding, no parts in parts. What is
//! not text is not looked into: to the schema it is an empty text, which stands for its being there.

use std::borrow::Cow;

use super::{
    MAX_FIELDS,
    build::Builder,
    form::{Unreadable, one},
};
use crate::{
    json::{Limits, Tape},
    media::MediaType,
    openapi::{Encoding, Media},
    schema::{SchemaId, Schemas, Types},
};

/// The most header lines in a part, and bytes in all of them.
const MAX_HEADERS: usize = 16;
const MAX_HEADER_BYTES: usize = 8192;

/// One part.
struct Part<'a> {
    name: Cow<'a, str>,
    is_file: bool,
    media_type: Option<MediaType>,
    content: &'a [u8],
}

/// Reads a body as an object on the tape: parts of one name are a list where the schema wants one. `is_literal` as in
/// [`read_form`](super::read_form).
///
/// # Errors
/// [`Unreadable`], also of a part whose media type is none of those that its encoding names.
pub fn read_multipart(
    body: &[u8],
    boundary: &str,
    (schema, media): (SchemaId, &Media),
    (schemas, limits): (&Schemas, &Limits),
    tape: &mut Tape,
    is_literal: bool,
) -> Result<(), Unreadable> {
    let parts = parts(body, boundary).ok_or(Unreadable)?;
    tape.begin();
    tape.object();
    let mut names = Vec::<&str>::new();
    for part in &parts {
        if names.contains(&&*part.name) {
            continue;
        }
        names.push(&part.name);
        let all = || parts.iter().filter(|other| other.name == part.name);
        let member = schemas.member(schema, &part.name);
        let encoding = media.encoding(&part.name);
        let types = member.map_or(Types { string: true, ..Types::NONE }, |member| schemas.types(member));
        tape.name(&part.name);
        let mut builder = Builder { schemas, tape, is_literal };
        if types.array && !types.string {
            builder.tape.array();
            for (position, part) in all().enumerate() {
                let item = member.and_then(|member| builder.schemas.element(member, position));
                value(part, item, encoding, limits, &mut builder)?;
            }
            builder.tape.close();
        } else if all().count() == 1 {
            value(part, member, encoding, limits, &mut builder)?;
        } else {
            return Err(Unreadable);
        }
    }
    tape.close();
    Ok(())
}

fn value(
    part: &Part<'_>,
    schema: Option<SchemaId>,
    encoding: Option<&Encoding>,
    limits: &Limits,
    builder: &mut Builder<'_>,
) -> Result<(), Unreadable> {
    let declared = encoding.map(|encoding| encoding.content_types.as_slice()).unwrap_or_default();
    let is_text = || part.media_type.as_ref().is_none_or(|known| known.essence().starts_with("text/"));
    if !declared.is_empty() {
        let takes = |media_type: &MediaType| declared.iter().any(|range| range.contains(media_type));
        let usual = MediaType::parse(b"text/plain").ok();
        if !part.media_type.as_ref().or(usual.as_ref()).is_some_and(takes) {
            return Err(Unreadable);
        }
    }
    let is_json = part.media_type.as_ref().is_some_and(MediaType::is_json);
    let is_binary = encoding.is_some_and(|encoding| encoding.is_binary) || part.is_file;
    if !is_json && (is_binary || !is_text()) {
        builder.tape.string("");
        return Ok(());
    }
    if !part.media_type.as_ref().is_none_or(MediaType::is_utf8) {
        return Err(Unreadable);
    }
    let text = str::from_utf8(part.content).map_err(|_| Unreadable)?;
    one(text, schema, is_json, limits, builder)
}

/// All parts, if the body is well-formed.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let opening = [b"--", boundary.as_bytes()].concat();
    let delimiter = [b"\r\n", opening.as_slice()].concat();
    let mut rest = body.strip_prefix(b"\r\n").unwrap_or(body).strip_prefix(opening.as_slice())?;
    let mut parts = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b"--") {
            return matches!(after, b"" | b"\r\n").then_some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        if parts.len() >= MAX_FIELDS {
            return None;
        }
        let end = find(rest, &delimiter)?;
        let (part, after) = rest.split_at_checked(end)?;
        parts.push(self::part(part)?);
        rest = after.get(delimiter.len()..)?;
    }
}

/// Where `what` is first.
fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0_usize;
    loop {
        let rest = text.get(from..)?;
        let place = from.checked_add(rest.iter().position(|byte| *byte == first)?)?;
        if text.get(place..)?.starts_with(what) {
            return Some(place);
        }
        from = place.checked_add(1)?;
    }
}

fn part(part: &[u8]) -> Option<Part<'_>> {
    let (head, content) = if let Some(content) = part.strip_prefix(b"\r\n") {
        (&[][..], content)
    } else {
        let end = find(part, b"\r\n\r\n")?;
        (part.get(..end)?, part.get(end.checked_add(4)?..)?)
    };
    if head.len() > MAX_HEADER_BYTES || head.contains(&0) {
        return None;
    }
    let (mut disposition, mut media_type, mut lines) = (None, None, 0_usize);
    let mut left = head;
    while !left.is_empty() {
        let end = find(left, b"\r\n").unwrap_or(left.len());
        let line = left.get(..end)?;
        left = left.get(end.saturating_add(2)..).unwrap_or_default();
        lines = lines.saturating_add(1);
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.get(..colon)?, line.get(colon.checked_add(1)?..)?.trim_ascii());
        let is_odd = |byte: &u8| matches!(byte, b'\r' | b'\n');
        if lines > MAX_HEADERS || name.is_empty() || line.iter().any(is_odd) || name != name.trim_ascii() {
            return None;
        }
        match name.to_ascii_lowercase().as_slice() {
            b"content-disposition" if disposition.is_some() => return None,
            b"content-disposition" => disposition = Some(self::disposition(value)?),
            b"content-type" if media_type.is_some() => return None,
            b"content-type" => {
                let known = MediaType::parse(value).ok().filter(|known| !known.essence().starts_with("multipart/"))?;
                media_type = Some(known);
            }
            b"content-transfer-encoding" => {
                let plain = [&b"7bit"[..], b"8bit", b"binary"];
                if !plain.iter().any(|plain| value.eq_ignore_ascii_case(plain)) {
                    return None;
                }
            }
            _ => {}
        }
    }
    let (name, is_file) = disposition?;
    Some(Part { name, is_file, media_type, content })
}

/// The name, and whether there is a file name, of `form-data; name="a"; filename="b"`.
fn disposition(value: &[u8]) -> Option<(Cow<'_, str>, bool)> {
    let text = str::from_utf8(value).ok()?;
    let mut rest = match text.split_at_checked(9) {
        Some((start, rest)) if start.eq_ignore_ascii_case("form-data") => rest,
        _ => return None,
    };
    let (mut name, mut file) = (None, None);
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Some((name?, file.is_some()));
        }
        rest = rest.strip_prefix(';')?.trim_start_matches([' ', '\t']);
        let (key, after) = rest.split_once('=')?;
        let (value, after) = quoted(after)?;
        rest = after;
        let place = match key.to_ascii_lowercase().as_str() {
            "name" => &mut name,
            "filename" => &mut file,
            // RFC 7578 section 4.2 forbids `filename*`, and knows no others.
            _ => return None,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
}

/// A token or a quoted text, and what follows. A `"` within is `%22` from browsers and `\"` from others.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        let good = !token.is_empty() && token.bytes().all(crate::spelling::is_tchar);
        return good.then_some((Cow::Borrowed(token), rest));
    };
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((Cow::Owned(value), inner.get(place.checked_add(1)?..)?)),
            '\\' => match chars.next()?.1 {
                escaped @ ('"' | '\\') => value.push(escaped),
                // Old browsers send paths of files as they are.
                other => value.extend(['\\', other]),
            },
            char if char.is_control() => return None,
            char => value.push(char),
        }
    }
    None
}
