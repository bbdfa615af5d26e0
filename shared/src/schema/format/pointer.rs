//! JSON pointers.

/// RFC 6901 section 3.
pub(super) fn is_pointer(text: &str) -> bool {
    let mut parts = text.split('~');
    let starts_well = parts.next().is_some_and(|first| first.is_empty() || first.starts_with('/'));
    starts_well && !text.starts_with('~') && parts.all(|part| part.starts_with(['0', '1']))
}

/// draft-handrews-relative-json-pointer-01 section 3.
pub(super) fn is_relative(text: &str) -> bool {
    let rest = text.trim_start_matches(|char: char| char.is_ascii_digit());
    let digits = text.len().saturating_sub(rest.len());
    digits > 0 && (digits == 1 || !text.starts_with('0')) && (rest == "#" || is_pointer(rest))
}
