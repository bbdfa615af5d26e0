//! proxy-wasm's form of header maps: a count, the sizes of all names and values, then each with a zero byte after it;
//! numbers are 32 bits, little-endian.

/// Headers as the host hands them over, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    sizes: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// `None` when the count does not fit the bytes.
    pub fn new(map: &'a [u8]) -> Option<Self> {
        if map.is_empty() {
            return Some(Self { sizes: &[], bytes: &[] });
        }
        let (count, rest) = number(map)?;
        let (sizes, bytes) = rest.split_at_checked(count.checked_mul(8)?)?;
        Some(Self { sizes, bytes })
    }

    /// The first value with this name.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
    }

    /// Names and values in order; ends where the bytes end too early.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let Self { mut sizes, mut bytes } = self;
        std::iter::from_fn(move || {
            let (name_size, rest) = number(sizes)?;
            let (value_size, rest_sizes) = number(rest)?;
            let (name, rest) = text(bytes, name_size)?;
            let (value, rest_bytes) = text(rest, value_size)?;
            (sizes, bytes) = (rest_sizes, rest_bytes);
            Some((name, value))
        })
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

/// Headers in the form that the host takes.
pub fn render(headers: &[(&str, &str)]) -> Vec<u8> {
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    let mut map = number(headers.len()).to_vec();
    for (name, value) in headers {
        map.extend(number(name.len()));
        map.extend(number(value.len()));
    }
    for (name, value) in headers {
        for text in [name, value] {
            map.extend(text.bytes());
            map.push(0);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::{Pairs, render};

    #[test]
    fn what_is_rendered_is_read() {
        let map = render(&[("a", "1"), ("empty", ""), ("a", "2\0x")]);
        let read: Vec<_> = Pairs::new(&map).unwrap().iter().collect();
        assert_eq!(read, [(&b"a"[..], &b"1"[..]), (b"empty", b""), (b"a", b"2\0x")]);
        assert_eq!(Pairs::new(&map).unwrap().get("a"), Some(&b"1"[..]));
        assert_eq!(Pairs::new(&map).unwrap().get("b"), None);
    }

    #[test]
    fn cut_or_lying_maps_end_early() {
        let map = render(&[("name", "value"), ("other", "more")]);
        for end in 0..map.len() {
            let seen = Pairs::new(&map[..end]).map_or(0, |pairs| pairs.iter().count());
            assert!(seen <= 1, "{end}");
        }
        assert!(Pairs::new(&[255; 40]).is_none());
        assert_eq!(Pairs::new(&[]).unwrap().iter().count(), 0);
    }
}
