//! Headers in one piece of memory, as proxy-wasm hands them over: a count, the sizes of all names and values, then each
//! with a zero byte after it; numbers are 32 bits, little-endian.

/// Headers as the host hands them over, read in place.
#[derive(Clone, Debug)]
pub struct Packed<'a> {
    sizes: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    /// `None` when the count does not fit the bytes.
    pub fn new(map: &'a [u8]) -> Option<Self> {
        if map.is_empty() {
            return Some(Self { sizes: &[], bytes: &[] });
        }
        let (count, rest) = number(map)?;
        let (sizes, bytes) = rest.split_at_checked(count.checked_mul(8)?)?;
        Some(Self { sizes, bytes })
    }
}

/// Names and values in order; ends where the bytes end too early.
impl<'a> Iterator for Packed<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name_size, rest) = number(self.sizes)?;
        let (value_size, sizes) = number(rest)?;
        let (name, rest) = text(self.bytes, name_size)?;
        let (value, bytes) = text(rest, value_size)?;
        (self.sizes, self.bytes) = (sizes, bytes);
        Some((name, value))
    }
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn text(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(size)?;
    Some((text, rest.get(1..)?))
}
