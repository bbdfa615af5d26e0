//! From text to nodes, in one pass without recursion.

use crate::decision::reasons;

use super::{
    Kind,
    tape::{Node, Tape, place},
};

reasons! {
    /// Why a text is not taken for JSON.
    pub enum Fault {
        /// Bytes that are not UTF-8 (RFC 8259 section 8.1).
        NotUtf8 = "json_not_utf8",
        /// No JSON by its grammar.
        Invalid = "json_invalid",
        /// A member's name comes twice in an object: readers differ in which one counts (RFC 8259 section 4).
        DuplicateKey = "json_duplicate_key",
        /// Half of a surrogate pair, which is no character (RFC 8259 section 8.2).
        LoneSurrogate = "json_lone_surrogate",
        /// Something follows the value.
        TrailingData = "json_trailing_data",
        /// Nested deeper than [`Limits::depth`].
        TooDeep = "json_too_deep",
        /// More members than [`Limits::keys`].
        TooManyKeys = "json_too_many_keys",
        /// A text, or a member's name, longer than [`Limits::string_bytes`].
        StringTooLong = "json_string_too_long",
        /// A number of more digits than [`Limits::number_digits`].
        NumberTooLong = "json_number_too_long",
    }
}

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep arrays and objects may be nested.
    pub depth: u32,
    /// The most members that all objects together may have.
    pub keys: u32,
    /// The longest text and member name, in bytes of UTF-8, without escapes.
    pub string_bytes: u32,
    /// The most digits in a number, its exponent's included.
    pub number_digits: u32,
}

impl Limits {
    /// None, but for depth: for what an operator wrote.
    pub const NONE: Self = Self { depth: 512, keys: u32::MAX, string_bytes: u32::MAX, number_digits: u32::MAX };
}

/// A fault, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub fault: Fault,
    /// Where, in bytes from the start.
    pub offset: usize,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}", self.fault.code(), self.offset)
    }
}

impl std::error::Error for Error {}

/// The text, if it is UTF-8.
pub(super) fn utf8(text: &[u8]) -> Result<&str, Error> {
    str::from_utf8(text).map_err(|error| Error { fault: Fault::NotUtf8, offset: error.valid_up_to() })
}

/// The length of the number that `text` starts with, of this many digits at most.
pub(super) fn number(text: &[u8], digits: u32) -> Result<usize, Fault> {
    let count = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = count(at);
    if whole == 0 || (whole > 1 && text.get(at) == Some(&b'0')) {
        return Err(Fault::Invalid);
    }
    at = at.saturating_add(whole);
    let mut all = whole;
    let mut more = |from: usize| match count(from) {
        0 => Err(Fault::Invalid),
        some => {
            all = all.saturating_add(some);
            Ok(from.saturating_add(some))
        }
    };
    if text.get(at) == Some(&b'.') {
        at = more(at.saturating_add(1))?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at.saturating_add(1)), Some(b'+' | b'-')));
        at = more(at.saturating_add(1).saturating_add(sign))?;
    }
    if all > digits as usize { Err(Fault::NumberTooLong) } else { Ok(at) }
}

/// An array or an object that is open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    index: u32,
    is_object: bool,
    /// Names and values so far.
    children: u32,
    /// How many names were known when it was opened.
    names: usize,
}

/// A member's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    /// How it begins: what differs in that need not be compared.
    start: u64,
    index: u32,
}

pub(super) struct Parser<'p> {
    tape: &'p mut Tape,
    text: &'p str,
    bytes: &'p [u8],
    at: usize,
    /// Where the text is in the tape's.
    base: u32,
    limits: &'p Limits,
    keys: u32,
    /// The innermost that is open; those around it are on the tape.
    level: Level,
}

impl<'p> Parser<'p> {
    /// For a text that the tape keeps at `base`.
    pub(super) fn new(tape: &'p mut Tape, text: &'p str, base: u32, limits: &'p Limits) -> Self {
        tape.levels.clear();
        tape.names.clear();
        Self { tape, text, bytes: text.as_bytes(), at: 0, base, limits, keys: 0, level: Level::default() }
    }

    pub(super) fn parse(mut self) -> Result<(), Error> {
        self.value_and_end().map_err(|fault| Error { fault, offset: self.at })
    }

    fn value_and_end(&mut self) -> Result<(), Fault> {
        loop {
            if self.level.is_object {
                self.member()?;
            }
            match self.skip_space() {
                Some(byte @ (b'{' | b'[')) => {
                    let is_object = byte == b'{';
                    self.open(is_object)?;
                    let is_empty = self.skip_space() == Some(if is_object { b'}' } else { b']' });
                    if !is_empty {
                        continue;
                    }
                }
                Some(byte) => self.scalar(byte)?,
                None => return Err(Fault::Invalid),
            }
            // Behind a value.
            loop {
                let byte = self.skip_space();
                if self.tape.levels.is_empty() {
                    return if byte.is_none() { Ok(()) } else { Err(Fault::TrailingData) };
                }
                match (byte, self.level.is_object) {
                    (Some(b','), _) => break,
                    (Some(b']'), false) | (Some(b'}'), true) => self.close()?,
                    _ => return Err(Fault::Invalid),
                }
            }
            self.step();
        }
    }

    fn step(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                // Most texts have no spaces.
                Some(byte) if *byte > b' ' => return Some(*byte),
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.step(),
                byte => return byte.copied(),
            }
        }
    }

    fn open(&mut self, is_object: bool) -> Result<(), Fault> {
        if self.tape.levels.len() >= self.limits.depth as usize {
            return Err(Fault::TooDeep);
        }
        self.step();
        let index = self.tape.len();
        self.push(if is_object { Kind::Object } else { Kind::Array }, 0, 0);
        self.tape.levels.push(self.level);
        self.level = Level { index, is_object, children: 0, names: self.tape.names.len() };
        Ok(())
    }

    /// Closes what is open.
    fn close(&mut self) -> Result<(), Fault> {
        let Level { index, is_object, children, names } = self.level;
        if is_object {
            if let Some(twin) = self.twin(names) {
                // Its place, unless it had escapes.
                let start = self.tape.nodes.get(twin as usize).and_then(|name| name.start.checked_sub(self.base));
                if let Some(start) = start.map(|start| start as usize).filter(|start| *start < self.bytes.len()) {
                    self.at = start.saturating_sub(1);
                }
                return Err(Fault::DuplicateKey);
            }
            self.tape.names.truncate(names);
        }
        let end = self.tape.len();
        if let Some(node) = self.tape.nodes.get_mut(index as usize) {
            (node.start, node.end) = (children, end);
        }
        self.level = self.tape.levels.pop().unwrap_or_default();
        self.step();
        Ok(())
    }

    /// A name and the colon behind it.
    fn member(&mut self) -> Result<(), Fault> {
        if self.skip_space() != Some(b'"') {
            return Err(Fault::Invalid);
        }
        self.keys = self.keys.saturating_add(1);
        if self.keys > self.limits.keys {
            return Err(Fault::TooManyKeys);
        }
        let index = self.tape.len();
        self.string()?;
        let (_, start) = self.tape.name_at(index);
        self.tape.names.push(Name { start, index });
        if self.skip_space() != Some(b':') {
            return Err(Fault::Invalid);
        }
        self.step();
        Ok(())
    }

    fn scalar(&mut self, first: u8) -> Result<(), Fault> {
        match first {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let length = number(rest, self.limits.number_digits)?;
                let (start, end) = (self.at, self.at.saturating_add(length));
                self.slice(Kind::Number, start, end);
                self.at = end;
                Ok(())
            }
            b't' => self.word(b"true", Kind::Boolean, 1),
            b'f' => self.word(b"false", Kind::Boolean, 0),
            b'n' => self.word(b"null", Kind::Null, 0),
            _ => Err(Fault::Invalid),
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind, start: u32) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Fault::Invalid);
        }
        self.at = self.at.saturating_add(word.len());
        self.push(kind, start, 0);
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: u32, end: u32) {
        self.level.children = self.level.children.wrapping_add(1);
        self.tape.nodes.push(Node { kind, start, end });
    }

    /// Adds a node for a part of the text.
    fn slice(&mut self, kind: Kind, start: usize, end: usize) {
        self.push(kind, self.base.saturating_add(place(start)), self.base.saturating_add(place(end)));
    }

    /// A text. Most have no escapes, and stay where they are.
    fn string(&mut self) -> Result<(), Fault> {
        self.step();
        let start = self.at;
        self.at = plain(self.bytes, start);
        if self.bytes.get(self.at) != Some(&b'"') {
            return self.escaped(start);
        }
        if self.at.saturating_sub(start) > self.limits.string_bytes as usize {
            return Err(Fault::StringTooLong);
        }
        self.slice(Kind::String, start, self.at);
        self.step();
        Ok(())
    }

    /// A text that starts here, up to its first escape.
    #[inline(never)]
    fn escaped(&mut self, start: usize) -> Result<(), Fault> {
        let own = self.tape.own.len();
        let mut copied = start;
        loop {
            self.tape.own.push_str(self.text.get(copied..self.at).unwrap_or_default());
            if self.tape.own.len().saturating_sub(own) > self.limits.string_bytes as usize {
                return Err(Fault::StringTooLong);
            }
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(Fault::Invalid),
            }
            copied = self.at;
            self.at = plain(self.bytes, copied);
        }
        self.step();
        self.push(Kind::String, place(own), place(self.tape.own.len()));
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.step();
        let char = match self.bytes.get(self.at) {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.step();
                return self.code();
            }
            _ => return Err(Fault::Invalid),
        };
        self.step();
        self.tape.own.push(char);
        Ok(())
    }

    /// What follows `\u`.
    fn code(&mut self) -> Result<(), Fault> {
        let first = self.hex()?;
        let char = match first {
            0xd800..=0xdbff => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                if !rest.starts_with(b"\\u") {
                    return Err(Fault::LoneSurrogate);
                }
                self.at = self.at.saturating_add(2);
                let second = self.hex()?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                low.and_then(|low| char::from_u32((((first & 0x3ff) << 10) | low).saturating_add(0x1_0000)))
            }
            code => char::from_u32(code),
        };
        self.tape.own.push(char.ok_or(Fault::LoneSurrogate)?);
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let end = self.at.saturating_add(4);
        let digits = self.text.get(self.at..end).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(Fault::Invalid)?;
        self.at = end;
        Ok(code)
    }

    /// A name, of those from here on, that another of them is equal to.
    fn twin(&mut self, from: usize) -> Option<u32> {
        const FEW: usize = 12;
        let Tape { nodes, own, names, .. } = &mut *self.tape;
        let names = names.get_mut(from..)?;
        let text = |index: u32| {
            let node = nodes.get(index as usize)?;
            own.as_bytes().get(node.start as usize..node.end as usize)
        };
        if names.len() <= FEW {
            let mut known: &[Name] = &[];
            for (count, name) in names.iter().enumerate() {
                let is_twin = |other: &Name| other.start == name.start && text(other.index) == text(name.index);
                if known.iter().any(is_twin) {
                    return Some(name.index);
                }
                known = names.get(..=count).unwrap_or_default();
            }
            return None;
        }
        names.sort_unstable_by(|one, other| text(one.index).cmp(&text(other.index)).then(one.index.cmp(&other.index)));
        names.windows(2).find_map(|pair| match pair {
            [one, other] if text(one.index) == text(other.index) => Some(other.index),
            _ => None,
        })
    }
}

/// Where what goes into a text as it is ends: at a quote, an escape or a control character.
fn plain(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return at.wrapping_add((special.trailing_zeros() >> 3) as usize);
        }
        at = at.wrapping_add(8);
    }
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..=0x1f);
    at.saturating_add(bytes.iter().skip(at).take_while(is_plain).count())
}

/// Of eight bytes, the high bits of those that are not plain; the lowest such bit is right, others above it may be too many.
const fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    /// Sets the high bit of bytes that are zero, and maybe of others above the first such.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word
    }
    const QUOTES: u64 = ONES.wrapping_mul(b'"' as u64);
    const ESCAPES: u64 = ONES.wrapping_mul(b'\\' as u64);
    const CONTROLS: u64 = ONES.wrapping_mul(0xe0);
    (zeros(word ^ QUOTES) | zeros(word ^ ESCAPES) | zeros(word & CONTROLS)) & HIGHS
}
