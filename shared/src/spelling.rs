//! What names are made of, and which of them some servers take for one another.

/// Whether some server binds both names to the same field: names that differ in case (Go, ASP.NET), in the separators
/// between their words (`user_id`, `userId`, `user.id`: protobuf's JSON, PHP), in blanks before them (PHP), or in what
/// follows a NUL.
pub(crate) fn alike(one: &str, other: &str) -> bool {
    folded(one).eq(folded(other))
}

/// Whether two names begin so that they, or their beginnings, may be alike.
pub(crate) fn begin_alike(one: &str, other: &str) -> bool {
    folded(one).next() == folded(other).next()
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    let name = name.split('\0').next().unwrap_or_default().trim_start_matches([' ', '+', '?']);
    // A separator before the first word is part of the name: `_id` and `id` are two fields in many a document.
    let separator =
        |(position, char): &(usize, char)| *position > 0 && matches!(char, '_' | '-' | '.' | ' ' | '+' | '[' | ']');
    name.char_indices().filter(move |found| !separator(found)).map(|(_, char)| fold(char))
}

/// Case folding of single characters as Java and Go do it: the long s is `s`, the Kelvin sign is `k`, and both Turkish i
/// are `i`.
fn fold(char: char) -> char {
    match char {
        '\u{17f}' => 's',
        '\u{131}' => 'i',
        _ if char.is_ascii() => char.to_ascii_lowercase(),
        _ => char.to_lowercase().next().unwrap_or(char),
    }
}

/// A character of a token (RFC 9110 section 5.6.2), such as a method's or a header's name.
pub(crate) const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::alike;

    #[test]
    fn names_are_alike_as_servers_have_it() {
        for (one, other, expected) in [
            ("user_id", "user_id", true),
            ("user_id", "USER_ID", true),
            ("user_id", "userId", true),
            ("user_id", "user.id", true),
            ("user_id", "user-id", true),
            ("user_id", "user[id", true),
            ("user_id", " user_id", true),
            ("user_id", "user_id\0x", true),
            ("user_id", "u\u{17f}er_id", true),
            ("key", "\u{212a}ey", true),
            ("id", "\u{131}d", true),
            ("id", "\u{130}d", true),
            ("straße", "STRASSE", false),
            ("straße", "STRAßE", true),
            ("é", "É", true),
            ("id", "_id", false),
            ("id", "ids", false),
            ("user_id", "user", false),
            ("", "", true),
        ] {
            assert_eq!(alike(one, other), expected, "{one:?} {other:?}");
            assert_eq!(alike(other, one), expected, "{other:?} {one:?}");
        }
    }
}
