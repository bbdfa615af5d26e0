//! What starts with a backslash.

use super::{ByteSet, Fault, Look, Parsed, Parser, is_word};

pub(super) enum Escape {
    Byte(u8),
    /// Not ASCII.
    Char(char),
    Set(ByteSet),
    Look(Look),
}

impl Escape {
    /// A set, or with a capital letter all bytes that are not in it.
    fn set(belongs: fn(&u8) -> bool, letter: u8) -> Self {
        let set = ByteSet::of(belongs);
        Self::Set(if letter.is_ascii_uppercase() { set.inverted() } else { set })
    }
}

impl Parser<'_> {
    pub(super) fn escape(&mut self) -> Parsed<Escape> {
        let start = self.at;
        let fault = |what| Err(Fault { what, at: start });
        self.next();
        let Some(byte) = self.next() else {
            return fault("backslash with nothing after it");
        };
        Ok(match byte {
            b'd' | b'D' => Escape::set(u8::is_ascii_digit, byte),
            b'w' | b'W' => Escape::set(is_word, byte),
            b's' | b'S' => Escape::set(is_space, byte),
            b'b' => {
                // `\b{2}` is a repetition, `\b{start}` half a boundary.
                if matches!(self.rest(), [b'{', b'a'..=b'z' | b'A'..=b'Z' | b'-', ..]) {
                    return fault(r"unsupported \b{..}");
                }
                Escape::Look(Look::Word)
            }
            b'B' => Escape::Look(Look::NotWord),
            b'A' => Escape::Look(Look::Start),
            b'z' => Escape::Look(Look::End),
            b'a' => Escape::Byte(0x07),
            b'f' => Escape::Byte(0x0c),
            b't' => Escape::Byte(b'\t'),
            b'n' => Escape::Byte(b'\n'),
            b'r' => Escape::Byte(b'\r'),
            b'v' => Escape::Byte(0x0b),
            b'x' => return self.hex(start),
            b'p' | b'P' => return fault("unsupported Unicode class"),
            b'u' | b'U' => return fault(r"unsupported escape (\x{..} is there instead)"),
            b'<' | b'>' => return fault(r"unsupported word boundary (\b is there instead)"),
            b'0'..=b'9' => return fault("unsupported back-reference"),
            byte if byte.is_ascii() && !byte.is_ascii_alphanumeric() => Escape::Byte(byte),
            _ => return fault("unknown escape"),
        })
    }

    /// What follows `\x`: two digits for a byte, or any in braces for a character.
    fn hex(&mut self, start: usize) -> Parsed<Escape> {
        let fault = Fault { what: "faulty hexadecimal escape", at: start };
        let braces = self.eat("{");
        let (mut value, mut digits) = (0_u32, 0_usize);
        while (braces || digits < 2)
            && let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16))
        {
            value = value.saturating_mul(16).saturating_add(digit);
            digits = digits.saturating_add(1);
            self.next();
        }
        if digits == 0 || if braces { !self.eat("}") } else { digits != 2 } {
            return Err(fault);
        }
        match (u8::try_from(value), char::from_u32(value)) {
            (Ok(byte), _) if !braces || byte.is_ascii() => Ok(Escape::Byte(byte)),
            (_, Some(char)) => Ok(Escape::Char(char)),
            _ => Err(fault),
        }
    }
}

/// What `\s` matches.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the standard library's `is_ascii_..`")]
pub(super) const fn is_space(byte: &u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}
