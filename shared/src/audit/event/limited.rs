//! Text cut to a length.

use std::borrow::Cow;

const CUT: char = '…';

/// `text`, cut so that it takes at most `max` bytes within the quotes of a JSON string. It must be
/// [printable](crate::redact::printable).
pub(super) fn limited(text: Cow<'_, str>, max: usize) -> Cow<'_, str> {
    match end(&text, max) {
        None => text,
        Some(end) => {
            let mut cut = text.get(..end).unwrap_or_default().to_owned();
            cut.push(CUT);
            Cow::Owned(cut)
        }
    }
}

/// Where to cut `text` so that it and [`CUT`] take `max` bytes; `None` when it takes no more as it is.
fn end(text: &str, max: usize) -> Option<usize> {
    // Mostly it is short, whatever must be escaped.
    if text.len() <= max >> 1 {
        return None;
    }
    let with_cut = max.saturating_sub(CUT.len_utf8());
    let (mut bytes, mut end) = (0_usize, 0_usize);
    for (at, char) in text.char_indices() {
        if bytes <= with_cut {
            end = at;
        }
        bytes = bytes.saturating_add(if matches!(char, '"' | '\\') { 2 } else { char.len_utf8() });
        if bytes > max {
            return Some(end);
        }
    }
    None
}
