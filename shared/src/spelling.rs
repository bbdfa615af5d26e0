//! What names are made of, and which of them some servers take for one another.

/// Whether some server binds both names to the same field: names that differ in case (Go, ASP.NET), in the separators
/// between their words (`user_id`, `userId`, `user.id`: protobuf's JSON, PHP), in blanks before them (PHP), or in what
/// follows a NUL.
pub(crate) fn alike(one: &str, other: &str) -> bool {
    folded(one).eq(folded(other))
}

/// Whether some server binds the name to the same field as `wanted`, or to a part of it: they are alike, or `name` goes
/// on behind that with an index, a member or a type (`id[0]`, `id.x`, `id:int`). One pass, whatever the name.
pub(crate) fn is_near(name: &str, wanted: &str) -> bool {
    let mut wanted = folded(wanted);
    let mut expected = wanted.next();
    for found in trimmed(name).char_indices() {
        match expected {
            None if matches!(found.1, '[' | '.' | ':') => return true,
            _ if is_separator(found) => {}
            Some(char) if char == fold(found.1) => expected = wanted.next(),
            _ => return false,
        }
    }
    expected.is_none()
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    trimmed(name).char_indices().filter(|found| !is_separator(*found)).map(|(_, char)| fold(char))
}

fn trimmed(name: &str) -> &str {
    name.split('\0').next().unwrap_or_default().trim_start_matches([' ', '+', '?'])
}

/// A separator before the first word is part of the name: `_id` and `id` are two fields in many a document.
const fn is_separator((position, char): (usize, char)) -> bool {
    position > 0 && matches!(char, '_' | '-' | '.' | ' ' | '+' | '[' | ']')
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

    use super::{alike, is_near};

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

    #[test]
    fn names_are_near_where_they_go_on() {
        for (name, wanted, expected) in [
            ("id", "id", true),
            ("ID[0]", "id", true),
            ("id[]", "id", true),
            ("id.x", "id", true),
            ("id:int", "id", true),
            ("i_d._x", "id", true),
            ("id__[0]", "id", true),
            (" id.x", "id", true),
            ("idx", "id", false),
            ("id_x", "id", false),
            ("i", "id", false),
            ("i.d.x", "id", true),
            ("x.id", "id", false),
            ("filter[a]", "filter[a]", true),
            ("filter[ab]", "filter[a]", false),
            ("filter", "filter[a]", false),
            ("", "", true),
            ("x", "", false),
        ] {
            assert_eq!(is_near(name, wanted), expected, "{name:?} {wanted:?}");
            // As the words say it.
            let parts = name.char_indices().filter(|(_, char)| matches!(char, '[' | '.' | ':'));
            let starts = parts.filter_map(|(end, _)| name.get(..end)).chain([name]);
            assert_eq!(starts.into_iter().any(|start| alike(start, wanted)), expected, "{name:?} {wanted:?}");
        }
    }
}
