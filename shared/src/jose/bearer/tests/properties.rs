use proptest::{collection::vec, prelude::*, sample::select};

use super::{Found, find_in_cookies, find_in_header, find_in_query};

/// Fields made of what attacks are made of.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(
        &[
            "Bearer", "bearer", "Basic", " ", "  ", ",", ";", "=", "&", "a", "%61", "+", "%", "%6", "abc", "\"", "é",
            "\t",
        ][..],
    );
    let pieces = vec(piece, 0..10).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![9 => pieces, 1 => vec(any::<u8>(), 0..20)]
}

/// A form's field, decoded in the plainest way.
fn decoded(field: &str) -> Vec<u8> {
    let mut pieces = field.split('%');
    let mut decoded = pieces.next().unwrap_or_default().replace('+', " ").into_bytes();
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => decoded.push(byte),
            None => decoded.push(b'%'),
        }
        let rest = piece.get(if digits.is_some() { 2 } else { 0 }..).unwrap_or_default();
        decoded.extend(rest.replace('+', " ").into_bytes());
    }
    decoded
}

fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c))
}

fn expected<'a>(values: &[&'a str]) -> Found<'a> {
    match values {
        [] => Found::Missing,
        [token] if is_token(token) => Found::Token(token.as_bytes()),
        [_] => Found::Malformed,
        _ => Found::Multiple,
    }
}

proptest! {
    #[test]
    fn a_query_is_read_as_by_a_slow_reference(text in text()) {
        if let Ok(query) = str::from_utf8(&text) {
            let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let values: Vec<_> = pairs.filter(|(name, _)| decoded(name) == b"a").map(|(_, value)| value).collect();
            let expected = match expected(&values) {
                Found::Token(token) if token.contains(&b'+') => Found::Malformed,
                other => other,
            };
            prop_assert_eq!(find_in_query(&text, "a"), expected, "{}", query);
        }
    }

    #[test]
    fn cookies_are_read_as_by_a_slow_reference(text in text()) {
        if let Ok(cookies) = str::from_utf8(&text) {
            let pairs = cookies.split(';').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let values: Vec<_> = pairs.filter(|(name, _)| name.trim() == "a").map(|(_, value)| value).collect();
            prop_assert_eq!(find_in_cookies([text.as_slice()], "a"), expected(&values), "{}", cookies);
        }
    }

    #[test]
    fn a_header_yields_the_end_of_its_value_or_nothing(text in text()) {
        for scheme in [Some("Bearer"), None] {
            if let Found::Token(token) = find_in_header([text.as_slice()], scheme) {
                prop_assert!(is_token(str::from_utf8(token).unwrap()));
                let before = text.strip_suffix(token).unwrap();
                let plain = str::from_utf8(before).unwrap().to_ascii_lowercase();
                prop_assert_eq!(plain.trim_end_matches(' '), if scheme.is_some() { "bearer" } else { "" });
            }
        }
    }
}
