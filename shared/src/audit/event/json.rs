//! JSON strings and numbers, written by hand: through a serialiser an event costs several times as much.

use std::borrow::Cow;

const CUT: char = '…';

/// `text` as it stands within the quotes of a JSON string, cut so that it takes at most `max` bytes. It must be
/// [printable](crate::redact::printable).
pub(super) fn text(out: &mut String, text: &str, max: usize) {
    let Some(end) = end(text, max) else { return escape(out, text) };
    escape(out, text.get(..end).unwrap_or_default());
    out.push(CUT);
}

/// `text`, cut so that [`text()`] leaves it as it is.
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

/// `number` in decimal.
pub(super) fn number(out: &mut String, mut number: u64) {
    // As many as `u64::MAX` has.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = last_digit(number);
        start = start.saturating_sub(1);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(digits.get(start..).and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default());
}

/// What `number` ends with.
pub(super) fn last_digit(number: u64) -> u8 {
    b'0'.saturating_add(u8::try_from(number % 10).unwrap_or_default())
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
        bytes = bytes.saturating_add(if is_special(char) { 2 } else { char.len_utf8() });
        if bytes > max {
            return Some(end);
        }
    }
    None
}

/// What is printable has nothing else that JSON escapes.
fn is_special(char: char) -> bool {
    matches!(char, '"' | '\\')
}

fn escape(out: &mut String, mut text: &str) {
    while let Some(at) = text.bytes().position(|byte| matches!(byte, b'"' | b'\\')) {
        let (plain, rest) = text.split_at_checked(at).unwrap_or_default();
        let (special, rest) = rest.split_at_checked(1).unwrap_or_default();
        for part in [plain, "\\", special] {
            out.push_str(part);
        }
        text = rest;
    }
    out.push_str(text);
}
