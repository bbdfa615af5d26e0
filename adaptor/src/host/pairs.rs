//! proxy-wasm's form of header maps, which [`portcullis_shared::request::Packed`] reads.

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
    use super::render;
    use portcullis_shared::request::{Headers, Packed};

    #[test]
    fn what_is_rendered_is_read() {
        let map = render(&[("a", "1"), ("empty", ""), ("a", "2\0x")]);
        let read: Vec<_> = Packed::new(&map).unwrap().collect();
        assert_eq!(read, [(&b"a"[..], &b"1"[..]), (b"empty", b""), (b"a", b"2\0x")]);
        assert_eq!(Headers::Packed(Packed::new(&map).unwrap()).get("a"), Some(&b"1"[..]));
        assert_eq!(Headers::Packed(Packed::new(&map).unwrap()).get("b"), None);
    }

    #[test]
    fn cut_or_lying_maps_end_early() {
        let map = render(&[("name", "value"), ("other", "more")]);
        for end in 0..map.len() {
            let seen = Packed::new(&map[..end]).map_or(0, Iterator::count);
            assert!(seen <= 1, "{end}");
        }
        assert!(Packed::new(&[255; 40]).is_none());
        assert_eq!(Packed::new(&[]).unwrap().count(), 0);
    }
}
