//! From text to nodes, in one pass without recursion.

use crate::decision::reasons;

use super::tape::{Node, Tag, Tape, place};

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

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A value, as after a comma.
    Value,
    /// An element or the end of the array, as after its start.
    ElementOrEnd,
    /// A member or the end of the object, as after its start.
    MemberOrEnd,
    /// A comma or the end of what is open.
    CommaOrEnd,
}

pub(super) struct Parser<'p> {
    tape: &'p mut Tape,
    text: &'p str,
    bytes: &'p [u8],
    at: usize,
    /// Where the text is in the tape's own text, if it is there.
    base: Option<u32>,
    limits: &'p Limits,
    keys: u32,
}

impl<'p> Parser<'p> {
    /// For a text that the tape keeps at `base`, or does not keep when it is empty there.
    pub(super) fn new(tape: &'p mut Tape, text: &'p str, base: u32, limits: &'p Limits) -> Self {
        let base = (!tape.own.is_empty()).then_some(base);
        Self { tape, text, bytes: text.as_bytes(), at: 0, base, limits, keys: 0 }
    }

    pub(super) fn parse(mut self) -> Result<(), Error> {
        self.value_and_end().map_err(|fault| Error { fault, offset: self.at })
    }

    fn value_and_end(&mut self) -> Result<(), Fault> {
        let mut next = Next::Value;
        loop {
            let byte = self.skip_space();
            let is_over = match (next, byte) {
                (Next::ElementOrEnd, Some(b']')) | (Next::MemberOrEnd, Some(b'}')) => self.close()?,
                (Next::MemberOrEnd, Some(b'"')) => {
                    next = self.member()?;
                    continue;
                }
                (Next::CommaOrEnd, Some(byte @ (b',' | b']' | b'}'))) => {
                    let is_object = self.is_in_object();
                    match (byte, is_object) {
                        (b',', false) => {
                            self.step();
                            next = Next::Value;
                            continue;
                        }
                        (b',', true) => {
                            self.step();
                            if self.skip_space() != Some(b'"') {
                                return Err(Fault::Invalid);
                            }
                            next = self.member()?;
                            continue;
                        }
                        (b']', false) | (b'}', true) => self.close()?,
                        _ => return Err(Fault::Invalid),
                    }
                }
                (Next::MemberOrEnd | Next::CommaOrEnd, _) => return Err(Fault::Invalid),
                (Next::Value | Next::ElementOrEnd, byte) => match byte {
                    Some(b'{') => {
                        self.open(Tag::Object)?;
                        next = Next::MemberOrEnd;
                        continue;
                    }
                    Some(b'[') => {
                        self.open(Tag::Array)?;
                        next = Next::ElementOrEnd;
                        continue;
                    }
                    Some(byte) => {
                        self.scalar(byte)?;
                        self.tape.open.is_empty()
                    }
                    None => return Err(Fault::Invalid),
                },
            };
            if is_over {
                return if self.skip_space().is_none() { Ok(()) } else { Err(Fault::TrailingData) };
            }
            next = Next::CommaOrEnd;
        }
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.step(),
                byte => return byte.copied(),
            }
        }
    }

    fn is_in_object(&self) -> bool {
        let open = self.tape.open.last().and_then(|index| self.tape.nodes.get(*index as usize));
        open.is_some_and(|node| node.tag == Tag::Object)
    }

    fn open(&mut self, tag: Tag) -> Result<(), Fault> {
        if self.tape.open.len() >= self.limits.depth as usize {
            return Err(Fault::TooDeep);
        }
        self.step();
        self.tape.open(tag);
        Ok(())
    }

    /// Closes what is open; `true` when that was all.
    fn close(&mut self) -> Result<bool, Fault> {
        let closed = self.tape.open.last().copied().unwrap_or_default();
        self.tape.close();
        let closed = self.tape.nodes.get(closed as usize).map(|node| (closed, *node));
        if let Some((index, node)) = closed
            && node.tag == Tag::Object
            && node.start > 2
            && let Some(twin) = self.twin(index, node)
        {
            // Its place, unless it had escapes.
            if let Some(Node { tag: Tag::String, start, .. }) = self.tape.nodes.get(twin as usize) {
                self.at = (*start as usize).saturating_sub(1);
            }
            return Err(Fault::DuplicateKey);
        }
        self.step();
        Ok(self.tape.open.is_empty())
    }

    /// A name and the colon behind it.
    fn member(&mut self) -> Result<Next, Fault> {
        self.keys = self.keys.saturating_add(1);
        if self.keys > self.limits.keys {
            return Err(Fault::TooManyKeys);
        }
        self.string()?;
        if self.skip_space() != Some(b':') {
            return Err(Fault::Invalid);
        }
        self.step();
        Ok(Next::Value)
    }

    fn scalar(&mut self, first: u8) -> Result<(), Fault> {
        match first {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let length = number(rest, self.limits.number_digits)?;
                let (start, end) = (self.at, self.at.saturating_add(length));
                self.push(Tag::Number, Tag::OwnNumber, start, end);
                self.at = end;
                Ok(())
            }
            b't' => self.word(b"true", Tag::True),
            b'f' => self.word(b"false", Tag::False),
            b'n' => self.word(b"null", Tag::Null),
            _ => Err(Fault::Invalid),
        }
    }

    fn word(&mut self, word: &[u8], tag: Tag) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Fault::Invalid);
        }
        self.at = self.at.saturating_add(word.len());
        self.tape.push(Node { tag, start: 0, end: 0 });
        Ok(())
    }

    /// Adds a node for a part of the text.
    fn push(&mut self, tag: Tag, own: Tag, start: usize, end: usize) {
        let (start, end) = (place(start), place(end));
        self.tape.push(match self.base {
            None => Node { tag, start, end },
            Some(base) => Node { tag: own, start: base.saturating_add(start), end: base.saturating_add(end) },
        });
    }

    /// A text. Most have no escapes, and stay where they are.
    fn string(&mut self) -> Result<(), Fault> {
        self.step();
        let start = self.at;
        self.at = start.saturating_add(plain(self.bytes.get(start..).unwrap_or_default()));
        if self.bytes.get(self.at) == Some(&b'"') {
            if self.at.saturating_sub(start) > self.limits.string_bytes as usize {
                return Err(Fault::StringTooLong);
            }
            self.push(Tag::String, Tag::OwnString, start, self.at);
            self.step();
            return Ok(());
        }
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
            self.at = copied.saturating_add(plain(self.bytes.get(copied..).unwrap_or_default()));
        }
        self.step();
        self.tape.push(Node { tag: Tag::OwnString, start: place(own), end: place(self.tape.own.len()) });
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

    /// A name that another member of the object has, too.
    fn twin(&mut self, index: u32, object: Node) -> Option<u32> {
        const FEW: usize = 12;
        let Tape { nodes, own, names, .. } = &mut *self.tape;
        let name = |index: u32| {
            let node = nodes.get(index as usize).copied();
            node.and_then(|node| {
                let text = if node.tag == Tag::String { self.text } else { own.as_str() };
                text.as_bytes().get(node.start as usize..node.end as usize)
            })
        };
        names.clear();
        let mut next = index.saturating_add(1);
        while next < object.end {
            names.push(next);
            let value = next.saturating_add(1);
            next = match nodes.get(value as usize) {
                Some(Node { tag: Tag::Array | Tag::Object, end, .. }) => *end,
                _ => value.saturating_add(1),
            };
        }
        if names.len() <= FEW {
            let is_twin =
                |(count, one): &(usize, &u32)| names.iter().take(*count).any(|other| name(*other) == name(**one));
            return names.iter().enumerate().find(is_twin).map(|(_, twin)| *twin);
        }
        names.sort_unstable_by(|one, other| name(*one).cmp(&name(*other)).then(one.cmp(other)));
        names.windows(2).find_map(|pair| match pair {
            [one, other] if name(*one) == name(*other) => Some(*other),
            _ => None,
        })
    }
}

/// How many bytes go into a text as they are: up to a quote, an escape or a control character.
fn plain(bytes: &[u8]) -> usize {
    let is_plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..=0x1f);
    let (words, _) = bytes.as_chunks::<8>();
    let whole = words.iter().take_while(|word| is_plain_word(u64::from_le_bytes(**word))).count().saturating_mul(8);
    let rest = bytes.get(whole..).unwrap_or_default();
    whole.saturating_add(rest.iter().take_while(|byte| is_plain(byte)).count())
}

/// Whether eight bytes are all plain. May say no of some that are, never yes of some that are not.
const fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    /// Sets the high bit of bytes that are zero, and maybe of others above the first such.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word
    }
    const QUOTES: u64 = ONES.wrapping_mul(b'"' as u64);
    const ESCAPES: u64 = ONES.wrapping_mul(b'\\' as u64);
    const CONTROLS: u64 = ONES.wrapping_mul(0xe0);
    (zeros(word ^ QUOTES) | zeros(word ^ ESCAPES) | zeros(word & CONTROLS)) & HIGHS == 0
}
