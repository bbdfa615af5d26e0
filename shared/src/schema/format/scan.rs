//! A text read from its start.

pub(super) struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text.as_bytes() }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Reads one byte, if it is this.
    pub(super) fn eat(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    /// Reads bytes for as long as they are such; says how many there were.
    pub(super) fn skip(&mut self, such: impl Fn(u8) -> bool) -> usize {
        let length = self.rest.iter().take_while(|byte| such(**byte)).count();
        self.rest = self.rest.get(length..).unwrap_or_default();
        length
    }

    /// Reads two digits.
    pub(super) fn two_digits(&mut self) -> Option<u32> {
        let digit = |byte: u8| char::from(byte).to_digit(10);
        let tens = digit(self.next()?)?;
        Some(tens.wrapping_mul(10).wrapping_add(digit(self.next()?)?))
    }

    /// Reads two hexadecimal digits.
    pub(super) fn two_hex_digits(&mut self) -> Option<()> {
        (self.next()?.is_ascii_hexdigit() && self.next()?.is_ascii_hexdigit()).then_some(())
    }
}
