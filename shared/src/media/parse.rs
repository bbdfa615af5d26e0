//! RFC 9110's grammar of media types.

use crate::spelling::is_tchar;

use super::{MediaFault, MediaType};

type Parts = (String, Vec<(String, String)>);

/// `type/subtype` and the parameters. `fits` judges the type and the subtype, which are tokens.
pub(super) fn media_type(value: &[u8], fits: impl Fn(&str, &str) -> bool) -> Result<Parts, MediaFault> {
    let text = str::from_utf8(value).map_err(|_| MediaFault::Essence)?;
    if text.len() > MediaType::MAX_BYTES {
        return Err(MediaFault::Essence);
    }
    let (essence, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
    let essence = trim(essence).to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').ok_or(MediaFault::Essence)?;
    if !(is_token(kind) && is_token(subtype) && fits(kind, subtype)) {
        return Err(MediaFault::Essence);
    }
    let mut parameters = Vec::<(String, String)>::new();
    while let Some(after) = rest.strip_prefix(';') {
        let after = after.trim_start_matches(BLANKS);
        // RFC 9110 section 5.6.6: nothing between two semicolons is nothing.
        if after.is_empty() || after.starts_with(';') {
            rest = after;
            continue;
        }
        let (name, after) = after.split_once('=').ok_or(MediaFault::Parameter)?;
        if !is_token(name) {
            return Err(MediaFault::Parameter);
        }
        let (value, after) = value_of(after).ok_or(MediaFault::Parameter)?;
        let name = name.to_ascii_lowercase();
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err(MediaFault::Repeated);
        }
        parameters.push((name, value));
        rest = after.trim_start_matches(BLANKS);
    }
    if rest.is_empty() { Ok((essence, parameters)) } else { Err(MediaFault::Parameter) }
}

/// Whether it is a type, and no range.
pub(super) fn is_plain_type(kind: &str, subtype: &str) -> bool {
    !kind.contains('*') && !subtype.contains('*')
}

const BLANKS: [char; 2] = [' ', '\t'];

fn trim(text: &str) -> &str {
    text.trim_matches(BLANKS)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// A token or a quoted text (RFC 9110 section 5.6.4), and what follows it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(|found: char| !u8::try_from(found).is_ok_and(is_tchar)).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return (!value.is_empty()).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    loop {
        let mut chars = rest.chars();
        let char = match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => chars.next()?,
            char => char,
        };
        if !(matches!(char, ' '..='~') || char == '\t') {
            return None;
        }
        value.push(char);
        rest = chars.as_str();
    }
}
