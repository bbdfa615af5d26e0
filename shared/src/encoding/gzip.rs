//! gzip (RFC 1952).

use super::{Fault, crc::crc, inflate::Inflater};

/// Header bits (section 2.3.1).
const HAS_HEADER_CHECK: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Decodes all members; nothing may follow them.
pub(super) fn decode(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut inflater = Inflater::new(out, body.len().saturating_mul(2), limit);
    let mut rest = body;
    loop {
        let stream = after_header(rest).ok_or(Fault::Invalid)?;
        let (trailer, content) = inflater.bare(stream)?;
        let (check, after) = trailer.split_first_chunk().ok_or(Fault::Invalid)?;
        let (length, after) = after.split_first_chunk().ok_or(Fault::Invalid)?;
        // The length is modulo 2^32.
        let is_length = u64::try_from(content.len())
            .is_ok_and(|found| found & 0xffff_ffff == u64::from(u32::from_le_bytes(*length)));
        if !is_length || crc(content) != u32::from_le_bytes(*check) {
            return Err(Fault::Invalid);
        }
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    inflater.finish();
    Ok(())
}

/// What follows a member's header.
fn after_header(member: &[u8]) -> Option<&[u8]> {
    let (fixed, mut rest) = member.split_first_chunk::<10>()?;
    let [0x1f, 0x8b, 8, flags, ..] = *fixed else { return None };
    if flags & RESERVED != 0 {
        return None;
    }
    if flags & HAS_EXTRA != 0 {
        let (length, after) = rest.split_first_chunk()?;
        rest = after.get(u16::from_le_bytes(*length).into()..)?;
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end.checked_add(1)?..)?;
        }
    }
    if flags & HAS_HEADER_CHECK != 0 {
        let header = member.get(..member.len().checked_sub(rest.len())?)?;
        let (check, after) = rest.split_first_chunk()?;
        if crc(header) & 0xffff != u32::from(u16::from_le_bytes(*check)) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}
