use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;

use super::{Compact, Fault, MAX, token};
use crate::jose::{Algorithm, Claims};

/// Base64url by bits, one at a time.
fn decode(text: &str) -> Option<Vec<u8>> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits: Vec<usize> = text.chars().map(|c| alphabet.find(c)).collect::<Option<_>>()?;
    let bits: Vec<u8> =
        digits.iter().flat_map(|digit| (0..6).rev().map(move |bit| u8::from(digit >> bit & 1 == 1))).collect();
    let bytes = bits.chunks_exact(8);
    let canonical = bytes.remainder().len() < 6 && !bytes.remainder().contains(&1);
    canonical.then(|| bytes.map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)).collect())
}

/// Whether a token is good, by plainer means, for headers in which nothing is nested.
fn reference(token: &str) -> bool {
    let parts: Vec<_> = token.split('.').map(decode).collect();
    let [Some(header), Some(_), Some(_)] = parts.as_slice() else { return false };
    // A list of pairs keeps duplicates.
    let Ok(text) = str::from_utf8(header) else { return false };
    let Some(inner) = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return false };
    let mut members = BTreeMap::new();
    for pair in inner.split(',') {
        let pair = serde_json::from_str::<BTreeMap<String, Value>>(&format!("{{{pair}}}"));
        let Some((name, value)) = pair.ok().and_then(|mut pair| pair.pop_first()) else { return false };
        if members.insert(name, value).is_some() {
            return false;
        }
    }
    let texts = ["alg", "kid", "typ", "cty"].iter().all(|name| members.get(*name).is_none_or(Value::is_string));
    let forbidden = ["jwk", "jku", "x5u", "x5c", "b64", "crit"].iter().any(|name| members.contains_key(*name));
    let nested = members.get("cty").is_some_and(|cty| cty == "JWT");
    let known = members.get("alg").is_some_and(|alg| Algorithm::ALL.iter().any(|known| alg == known.as_str()));
    texts && !forbidden && !nested && known
}

fn header() -> impl Strategy<Value = String> {
    let name = select(&["alg", "kid", "typ", "cty", "crit", "jwk", "b64", "x5t", "\\u0061lg", "a"][..]);
    let value = select(&[r#""RS256""#, r#""none""#, r#""JWT""#, r#""x""#, "1", "null", "{}", "[]", "x"][..]);
    let alg = select(&[r#""alg":"ES256""#, r#""alg":"RS256""#, r#""alg":"ES256K""#, r#""typ":"JWT""#][..]);
    (alg, vec((name, value), 0..4), select(&["}", "}", "}", "} ", "", ",}", "}}"][..])).prop_map(
        |(alg, members, end)| {
            let members = members.into_iter().map(|(name, value)| format!(r#""{name}":{value}"#));
            let members: Vec<_> = std::iter::once(alg.to_owned()).chain(members).collect();
            format!("{{{}{end}", members.join(","))
        },
    )
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Compact::parse(&bytes, MAX);
        let _ = Claims::parse(&bytes);
    }

    #[test]
    fn no_parts_panic(header in vec(any::<u8>(), 0..60), payload in vec(any::<u8>(), 0..60)) {
        let fault = Compact::parse(token(&header, &payload, b"").as_bytes(), MAX).err();
        prop_assert!(fault.is_none_or(|fault| fault >= Fault::DuplicateMember));
    }

    #[test]
    fn tokens_are_good_as_a_slow_reference_says(
        header in header(),
        payload in vec(any::<u8>(), 0..9),
        signature in vec(any::<u8>(), 0..9),
        edit in proptest::option::weighted(0.4, (any::<proptest::sample::Index>(), select(&["", ".", "=", "A", "B", "w", "_", " ", "é"][..]))),
    ) {
        let mut token = token(header.as_bytes(), &payload, &signature);
        if let Some((at, text)) = edit {
            // Near the end, so that most changes leave the header alone.
            let at = token.len().saturating_sub(at.index(token.len().min(12)));
            token.replace_range(at..at.saturating_add(1).min(token.len()), text);
        }
        let compact = Compact::parse(token.as_bytes(), MAX);
        prop_assert_eq!(compact.is_ok(), reference(&token), "{}: {:?}", token, compact);
    }

    #[test]
    fn what_is_read_spells_the_token(header in header(), payload in vec(any::<u8>(), 0..40), signature in vec(any::<u8>(), 0..40)) {
        let text = token(header.as_bytes(), &payload, &signature);
        if let Ok(compact) = Compact::parse(text.as_bytes(), MAX) {
            prop_assert_eq!(compact.payload, payload);
            prop_assert_eq!(compact.signature, signature);
            prop_assert!(text.as_bytes().starts_with(compact.signing_input));
        }
    }

    #[test]
    fn no_other_spelling_of_a_token_is_read(signature in vec(any::<u8>(), 1..40), last in select(&b"ABCDwxyz019-_"[..])) {
        let text = token(br#"{"alg":"RS256"}"#, b"{}", &signature);
        let mut other = text.clone().into_bytes();
        *other.last_mut().unwrap() = last;
        let same = Compact::parse(&other, MAX).is_ok_and(|other| other.signature == signature);
        prop_assert_eq!(same, other == text.as_bytes());
    }
}
