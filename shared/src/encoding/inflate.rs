//! DEFLATE (RFC 1951), bare and in zlib's format (RFC 1950).

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{
        DecompressorOxide, decompress,
        inflate_flags::{
            TINFL_FLAG_COMPUTE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        },
    },
};

use super::{Fault, reserve};

/// The least memory that is asked for.
const LEAST: usize = 1024;

/// One stream after the other into one output.
pub(super) struct Inflater<'o> {
    state: Box<DecompressorOxide>,
    /// What is written, and room for more.
    out: &'o mut Vec<u8>,
    end: usize,
    limit: usize,
}

impl<'o> Inflater<'o> {
    /// `guess` is how much may come out; it need not be right.
    pub(super) fn new(out: &'o mut Vec<u8>, guess: usize, limit: usize) -> Self {
        out.clear();
        let mut inflater = Self { state: Box::default(), out, end: 0, limit };
        inflater.grow(guess);
        inflater
    }

    /// Makes room for `length` bytes in all, as far as the limit goes, and one byte more, by which it shows that more is
    /// to come.
    fn grow(&mut self, length: usize) {
        let most = self.limit.saturating_add(1);
        let length = length.max(LEAST).min(most);
        reserve(self.out, length, most);
        self.out.resize(length, 0);
    }

    /// Decodes a bare stream. What follows it, and what came out.
    pub(super) fn bare<'i>(&mut self, input: &'i [u8]) -> Result<(&'i [u8], &[u8]), Fault> {
        self.run(input, 0)
    }

    fn run<'i>(&mut self, mut input: &'i [u8], flags: u32) -> Result<(&'i [u8], &[u8]), Fault> {
        let flags = flags | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let start = self.end;
        self.state.init();
        loop {
            // A stream must not reach back into what came before it.
            let out = self.out.get_mut(start..).ok_or(Fault::Invalid)?;
            let written = self.end.saturating_sub(start);
            let (status, read, more) = decompress(&mut self.state, input, out, written, flags);
            input = input.get(read..).ok_or(Fault::Invalid)?;
            self.end = self.end.saturating_add(more);
            match status {
                TINFLStatus::Done | TINFLStatus::HasMoreOutput if self.end > self.limit => return Err(Fault::Bomb),
                TINFLStatus::Done => return Ok((input, self.out.get(start..self.end).unwrap_or_default())),
                TINFLStatus::HasMoreOutput => self.grow(self.out.len().saturating_mul(2)),
                _ => return Err(Fault::Invalid),
            }
        }
    }

    /// Leaves nothing in the output but what was written.
    pub(super) fn finish(self) {
        self.out.truncate(self.end);
    }
}

/// Decodes zlib's format, its checksum included.
pub(super) fn zlib(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut inflater = Inflater::new(out, body.len().saturating_mul(2), limit);
    let (rest, _) = inflater.run(body, TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_COMPUTE_ADLER32)?;
    if !rest.is_empty() {
        return Err(Fault::Invalid);
    }
    inflater.finish();
    Ok(())
}
