//! CRC-32 as gzip has it (RFC 1952 section 8).

/// How many bytes are taken at once.
const STRIDE: usize = 8;

/// The remainders of a byte with so many zero bytes behind it, 8 KB. With a table for four bits at a time the checksum
/// takes five times as long as the decoding; so it takes as long.
static REMAINDERS: [[u32; 256]; STRIDE] = remainders();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler runs it")]
const fn remainders() -> [[u32; 256]; STRIDE] {
    let mut tables = [[0; 256]; STRIDE];
    let mut byte = 0;
    let mut start = 0_u32;
    while byte < 256 {
        let mut remainder = start;
        let mut bit = 0;
        while bit < 8 {
            remainder = (remainder >> 1) ^ if remainder & 1 == 1 { 0xedb8_8320 } else { 0 };
            bit += 1;
        }
        tables[0][byte] = remainder;
        byte += 1;
        start += 1;
    }
    let mut zeros = 1;
    while zeros < STRIDE {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[zeros - 1][byte];
            tables[zeros][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        zeros += 1;
    }
    tables
}

/// The checksum of `bytes`.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let [first, ..] = &REMAINDERS;
    let (strides, rest) = bytes.as_chunks::<STRIDE>();
    let crc = strides.iter().fold(u32::MAX, |crc, stride| {
        let mut stride = *stride;
        for (byte, before) in stride.iter_mut().zip(crc.to_le_bytes()) {
            *byte ^= before;
        }
        let tables = REMAINDERS.iter().rev();
        stride.iter().zip(tables).fold(0, |sum, (byte, table)| sum ^ at(table, *byte))
    });
    !rest.iter().fold(crc, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ at(first, low ^ byte)
    })
}

fn at(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}
