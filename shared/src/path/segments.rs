//! The passes over a path: a quick one for plain paths, and the one that looks at every shape.

use super::{
    Ambiguity, Normaliser, PathBuffer, Reading, SeparatorReading, is_dots, lookalike::is_lookalike, normal::is_plain,
    unescape,
};

/// Notes where the segments of a path end if every server reads it alike: only plain bytes, no empty segment but the
/// last, no segment that ends in a dot. Then the path is its own normal form, and the answer is whether a slash ends it.
pub(super) fn split_plain(path: &[u8], ends: &mut Vec<usize>) -> Option<bool> {
    ends.clear();
    let mut previous = b'/';
    for (position, &byte) in path.iter().enumerate().skip(1) {
        if byte == b'/' {
            if matches!(previous, b'/' | b'.') {
                return None;
            }
            ends.push(position);
        } else if !is_plain(byte) {
            return None;
        }
        previous = byte;
    }
    match previous {
        b'.' => None,
        b'/' => Some(!ends.is_empty()),
        _ => {
            ends.push(path.len());
            Some(false)
        }
    }
}

pub(super) fn refuse_if(reading: Reading, ambiguity: Ambiguity) -> Result<(), Ambiguity> {
    if reading == Reading::Refuse { Err(ambiguity) } else { Ok(()) }
}

/// What a byte of the path is to the normaliser.
#[derive(PartialEq, Eq)]
enum Role {
    Data,
    Separator,
}

fn separator_or_data(reading: SeparatorReading, ambiguity: Ambiguity) -> Result<Role, Ambiguity> {
    match reading {
        SeparatorReading::Refuse => Err(ambiguity),
        SeparatorReading::Resolve => Ok(Role::Separator),
        SeparatorReading::Keep => Ok(Role::Data),
    }
}

/// The normal form in the making. The segments are in the buffer; the current one is the last and has no end yet.
pub(super) struct Segments<'a> {
    options: &'a Normaliser,
    buffer: &'a mut PathBuffer,
    /// Where the current segment's separator is in the buffer.
    separator: usize,
    /// How long the current segment is up to its first raw `;`.
    parameter: Option<usize>,
    /// Whether the current segment has an encoded dot.
    encoded_dot: bool,
    trailing_slash: bool,
}

impl<'a> Segments<'a> {
    pub(super) fn new(options: &'a Normaliser, buffer: &'a mut PathBuffer) -> Self {
        buffer.bytes.clear();
        buffer.ends.clear();
        Self { options, buffer, separator: 0, parameter: None, encoded_dot: false, trailing_slash: false }
    }

    /// Reads a path that starts with a slash; whether a slash ends its normal form.
    pub(super) fn read(mut self, path: &[u8]) -> Result<bool, Ambiguity> {
        let mut rest = path.get(1..).unwrap_or_default();
        self.start_segment();
        while let [first, after @ ..] = rest {
            let escape = if *first == b'%' { unescape(after) } else { None };
            let (byte, encoded, after) = match escape {
                Some((byte, after)) => (byte, true, after),
                None => (*first, false, after),
            };
            match self.role(byte, encoded)? {
                Role::Data => self.buffer.bytes.push(byte),
                Role::Separator => {
                    self.end_segment(false)?;
                    self.start_segment();
                }
            }
            rest = after;
        }
        self.end_segment(true)?;
        // What is left of a merged segment is an end where the one before it ends.
        let mut previous = 0;
        self.buffer.ends.retain(|end| std::mem::replace(&mut previous, *end) != *end);
        Ok(self.trailing_slash && !self.buffer.ends.is_empty())
    }

    fn role(&mut self, byte: u8, encoded: bool) -> Result<Role, Ambiguity> {
        match (byte, encoded) {
            (b'/', false) => return Ok(Role::Separator),
            (b'/', true) => return separator_or_data(self.options.encoded_slash, Ambiguity::EncodedSlash),
            (b'\\', _) => return separator_or_data(self.options.backslash, Ambiguity::Backslash),
            (b'%', false) => refuse_if(self.options.bad_percent, Ambiguity::BadPercent)?,
            (b';', _) if self.options.parameter == SeparatorReading::Refuse => return Err(Ambiguity::Parameter),
            (b';', false) => {
                self.parameter.get_or_insert(self.segment().len());
            }
            (b'?' | b'#', true) => refuse_if(self.options.encoded_delimiter, Ambiguity::EncodedDelimiter)?,
            (b'.', true) => self.encoded_dot = true,
            (b' ', false) => refuse_if(self.options.whitespace, Ambiguity::Whitespace)?,
            _ if byte.is_ascii_control() => return Err(Ambiguity::ControlByte),
            _ => {}
        }
        Ok(Role::Data)
    }

    fn start_segment(&mut self) {
        self.separator = self.buffer.bytes.len();
        self.buffer.bytes.push(b'/');
        self.parameter = None;
        self.encoded_dot = false;
    }

    /// The current segment.
    fn segment(&self) -> &[u8] {
        self.buffer.bytes.get(self.separator.saturating_add(1)..).unwrap_or_default()
    }

    fn end_segment(&mut self, last: bool) -> Result<(), Ambiguity> {
        let name = self.parameter.and_then(|length| self.segment().get(..length)).unwrap_or(self.segment());
        if is_dots(name) {
            let climbs = name == b"..";
            if self.encoded_dot {
                refuse_if(self.options.encoded_dot, Ambiguity::EncodedDot)?;
            } else {
                refuse_if(self.options.dot_segment, Ambiguity::DotSegment)?;
            }
            self.drop_segment();
            if climbs {
                self.buffer.ends.pop();
                self.buffer.bytes.truncate(self.buffer.ends.last().copied().unwrap_or(0));
            }
            self.trailing_slash = last;
            return Ok(());
        }
        if self.options.parameter == SeparatorReading::Resolve {
            let length = name.len();
            self.buffer.bytes.truncate(self.separator.saturating_add(1).saturating_add(length));
        }
        if !self.segment().is_empty() {
            check(self.segment(), self.options)?;
        } else if last {
            self.drop_segment();
            self.trailing_slash = true;
            return Ok(());
        } else if separator_or_data(self.options.empty_segment, Ambiguity::EmptySegment)? == Role::Separator {
            self.drop_segment();
        }
        self.buffer.ends.push(self.buffer.bytes.len());
        Ok(())
    }

    fn drop_segment(&mut self) {
        self.buffer.bytes.truncate(self.separator);
    }
}

/// Holds a decoded segment, which is not empty, against what depends on the whole of it.
fn check(segment: &[u8], options: &Normaliser) -> Result<(), Ambiguity> {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    let climbs = |part: &[u8]| part.split(|byte| *byte == b';').next().is_some_and(is_dots);
    if segment.iter().any(is_separator) && segment.split(is_separator).any(climbs) {
        return Err(Ambiguity::DotSegment);
    }
    if segment.windows(3).any(|window| window.strip_prefix(b"%").is_some_and(|digits| unescape(digits).is_some())) {
        refuse_if(options.double_encoding, Ambiguity::DoubleEncoding)?;
    }
    if segment.trim_ascii().len() != segment.len() {
        refuse_if(options.whitespace, Ambiguity::Whitespace)?;
    }
    if segment.ends_with(b".") {
        refuse_if(options.trailing_dot, Ambiguity::TrailingDot)?;
    }
    if segment.is_ascii() {
        return Ok(());
    }
    match str::from_utf8(segment) {
        Err(_) => refuse_if(options.not_utf8, Ambiguity::NotUtf8),
        Ok(text) if text.chars().any(char::is_control) => Err(Ambiguity::ControlByte),
        Ok(text) if text.chars().any(is_lookalike) => refuse_if(options.lookalike, Ambiguity::Lookalike),
        Ok(_) => Ok(()),
    }
}
