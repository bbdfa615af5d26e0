//! Patterns against `fancy-regex`, which follows one way to match after the other, and where it can against `regex`.

use fancy_regex::Regex;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::schema::pattern::Pattern;

/// A pattern in the syntax of ECMA-262, and the same in that of Rust.
type Pair = (String, String);

fn pair((ecma, rust): (&str, &str)) -> Pair {
    (ecma.to_owned(), rust.to_owned())
}

/// In the texts below, what is no ASCII is no part of a word for Rust, either.
fn atom() -> impl Strategy<Value = Pair> {
    let plain = ["a", "b", "_", "—", "😀", r"\n", r"\.", r"\x41", r"\-", "[ab]", "[^a]", "[a-c_]", "[^a—😀]", "[—-😀]"];
    let others = [
        (".", r"[^\n\r\u2028\u2029]"),
        (r"\d", "[0-9]"),
        (r"\D", "[^0-9]"),
        (r"\w", "[0-9A-Za-z_]"),
        (r"\W", "[^0-9A-Za-z_]"),
        (r"\s", r"[\s\uFEFF--\x85]"),
        (r"[^\s_]", r"[^[\s\uFEFF--\x85]_]"),
        ("[^]", r"(?s:.)"),
        ("[]", r"[a&&b]"),
        (r"[\w-.]", r"[0-9A-Za-z_\-.]"),
        (r"(?:[]|[a-\d])", r"[a\-0-9]"),
        (r"\uD83D\uDE00", "😀"),
        ("{", r"\{"),
        ("]", r"\]"),
        (r"\p{Po}", r"\p{Po}"),
    ];
    let looks = ["^", "$", r"\b", r"\B"];
    prop_oneof![
        3 => select(plain.to_vec()).prop_map(|text| pair((text, text))),
        2 => select(others.to_vec()).prop_map(pair),
        1 => select(looks.to_vec()).prop_map(|text| pair((text, text))),
    ]
}

fn both(of: impl Fn(&str) -> String, (ecma, rust): &Pair) -> Pair {
    (of(ecma), of(rust))
}

fn joined(parts: &[Pair], separator: &str) -> Pair {
    let (ecma, rust): (Vec<_>, Vec<_>) = parts.iter().cloned().unzip();
    (ecma.join(separator), rust.join(separator))
}

fn patterns(looks: &'static [&'static str]) -> impl Strategy<Value = Pair> {
    atom().prop_recursive(4, 20, 4, move |inner| {
        let operators = ["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,3}?", "{2,}", "{0}"];
        prop_oneof![
            3 => vec(inner.clone(), 0..5).prop_map(|parts| joined(&parts, "")),
            2 => vec(inner.clone(), 1..4).prop_map(|parts| both(|text| format!("(?:{text})"), &joined(&parts, "|"))),
            2 => (select(looks), inner.clone()).prop_map(|(look, part)| both(|text| format!("({look}{text})"), &part)),
            2 => (inner, select(operators.to_vec())).prop_map(|(part, operator)| both(|text| format!("(?:{text}){operator}"), &part)),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    let chars: Vec<char> = "aaabbcA09_-. {]\n\r\u{2028}\u{FEFF}\u{85}——😀!".chars().collect();
    vec(select(chars), 0..10).prop_map(|chars| chars.into_iter().collect())
}

fn agrees((ecma, rust): &Pair, texts: &[String]) -> Result<(), TestCaseError> {
    // What it has no way to run, such as some look-behinds.
    let Ok(reference) = Regex::new(rust) else { return Err(TestCaseError::reject("the reference refuses it")) };
    let mut pattern = Pattern::new(ecma).map_err(TestCaseError::fail)?;
    for _ in ["as it is", "without its small automaton"] {
        for text in texts {
            // It gives up on some.
            if let Ok(expected) = reference.is_match(text) {
                prop_assert_eq!(pattern.is_match(text), expected, "{} in {:?}", ecma, text);
                let mut steps =
                    pattern.cost().saturating_mul(u32::try_from(text.chars().count()).unwrap().saturating_add(1));
                prop_assert_eq!(pattern.is_match_within(text, &mut steps), Some(expected));
            }
        }
        pattern.dfa = None;
    }
    Ok(())
}

/// So many times as many cases as usual, or as `PROPTEST_CASES` says.
fn cases(factor: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.saturating_mul(factor), ..usual }
}

proptest! {
    #![proptest_config(cases(6))]

    #[test]
    fn plain_patterns_match_what_they_should(pair in patterns(&["", "?:"]), texts in vec(text(), 8)) {
        agrees(&pair, &texts)?;
    }

    #[test]
    fn look_arounds_match_what_they_should(pair in patterns(&["?=", "?!", "?<=", "?<!"]), texts in vec(text(), 8)) {
        agrees(&pair, &texts)?;
    }

    /// What looks like a pattern from afar.
    #[test]
    fn scraps_never_panic(scraps in vec(select(SCRAPS.to_vec()), 0..12), text in text()) {
        if let Ok(pattern) = Pattern::new(&scraps.concat()) {
            pattern.is_match(&text);
        }
    }
}

const SCRAPS: [&str; 52] = [
    "(", ")", "(?", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<n>", "[", "]", "[^", "{", "}", "{2", ",", "3}", "{0}",
    "?", "*", "+", "|", "\\", "^", "$", ".", "-", ":", "<", ">", "=", "!", "b", "B", "c", "d", "k", "p", "P", "{L}",
    "u", "x", "D83D", "\\uDE00", "{41}", "41", "0", "1", "a", "z", "é", "😀",
];
