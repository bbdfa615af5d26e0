//! What a backslash starts.

use super::{Fault, Parser};
use crate::schema::pattern::{category, set::CharSet};

pub(super) enum Escape {
    Char(u32),
    Set(CharSet),
}

/// `\s`: `WhiteSpace` and `LineTerminator` of ECMA-262.
const SPACES: [(u32, u32); 10] = [
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
];

impl Parser<'_> {
    /// Reads an escape from behind its backslash, which is at `from`.
    pub(super) fn escape(&mut self, from: usize, in_class: bool) -> Result<Escape, Fault> {
        let Some(char) = self.next() else { return Err(self.fault("backslash that ends the pattern")) };
        let set = |ranges: &[(u32, u32)], negated| {
            let set = CharSet::of(ranges);
            Ok(Escape::Set(if negated { set.negated() } else { set }))
        };
        let code = match char {
            'd' | 'D' => return set(&[(0x30, 0x39)], char == 'D'),
            'w' | 'W' => return set(&[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)], char == 'W'),
            's' | 'S' => return set(&SPACES, char == 'S'),
            'p' | 'P' => return self.property(from, char == 'P').map(Escape::Set),
            't' => 0x09,
            'n' => 0x0A,
            'v' => 0x0B,
            'f' => 0x0C,
            'r' => 0x0D,
            'b' if in_class => 0x08,
            '0' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => 0,
            'c' => match self.next() {
                Some(letter) if letter.is_ascii_alphabetic() => u32::from(letter) & 0x1F,
                _ => return Err(self.unsupported(from, "`\\c` takes a letter")),
            },
            'x' => match self.hex(2) {
                Some(code) => code,
                None => return Err(self.unsupported(from, "`\\x` takes two hexadecimal digits")),
            },
            'u' => match self.unicode() {
                Some(code) => code,
                None => return Err(self.unsupported(from, "`\\u` takes four hexadecimal digits, or some in braces")),
            },
            '0' => return Err(self.unsupported(from, "octal")),
            '1'..='9' | 'k' => return Err(self.unsupported(from, "back-reference")),
            'A' => return Err(self.unsupported(from, "the start is `^` in ECMA-262")),
            'Z' | 'z' => return Err(self.unsupported(from, "the end is `$` in ECMA-262")),
            'a'..='z' | 'A'..='Z' => return Err(self.unsupported(from, "no escape of ECMA-262")),
            other => u32::from(other),
        };
        Ok(Escape::Char(code))
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let (text, _) = self.rest().split_at_checked(digits)?;
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at = self.at.saturating_add(digits);
        u32::from_str_radix(text, 16).ok()
    }

    /// Reads what follows `\u`; two halves of a surrogate pair are one character.
    fn unicode(&mut self) -> Option<u32> {
        if self.eat("{") {
            let (text, _) = self.rest().split_once('}')?;
            let code =
                u32::from_str_radix(text, 16).ok().filter(|code| *code <= 0x0010_FFFF && !text.starts_with('+'))?;
            self.at = self.at.saturating_add(text.len()).saturating_add(1);
            return Some(code);
        }
        let high = self.hex(4)?;
        let after = self.at;
        if (0xD800..0xDC00).contains(&high) && self.eat(r"\u") {
            if let Some(low) = self.hex(4).filter(|low| (0xDC00..0xE000).contains(low)) {
                let pair = (high & 0x3FF) << 10 | (low & 0x3FF);
                return Some(pair.saturating_add(0x1_0000));
            }
            self.at = after;
        }
        Some(high)
    }

    /// Reads what follows `\p` or `\P`.
    fn property(&mut self, from: usize, negated: bool) -> Result<CharSet, Fault> {
        let rest = self.rest();
        let Some((name, _)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return Err(self.unsupported(from, "`\\p` takes a name in braces"));
        };
        self.at = self.at.saturating_add(name.len()).saturating_add(2);
        // To look one up takes as long as this many ranges.
        self.charge(100)?;
        match category::find(name) {
            Some(set) => Ok(if negated { set.negated() } else { set }),
            None => Err(self.unsupported(from, "of properties, only general categories are known")),
        }
    }
}
