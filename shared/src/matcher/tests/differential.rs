//! The matcher against the `regex` crate, and against the plainest search for literals.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use regex::bytes::{Regex, RegexBuilder};

use super::tables;
use crate::matcher::{Dfa, Hits, Kind, Limits, Matcher, Nfa, Pattern, syntax};

fn reference(regex: &str, case_sensitive: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).unicode(false).case_insensitive(!case_sensitive).build()
}

#[test]
fn the_tables_are_right() {
    for case in tables::cases() {
        let regex = reference(&case.regex, case.case_sensitive).unwrap();
        for (text, expected) in case.texts() {
            assert_eq!(regex.is_match(&text), expected, "{} in {:?}", case.regex, text.escape_ascii().to_string());
        }
    }
    for tables::Refused { regex, found } in tables::refused() {
        let known = reference(&regex, true).is_ok();
        assert!(!known || is_limit(&found), "{regex} is good, and refused: {found}");
    }
}

/// Whether a refusal is about what `regex` would accept.
fn is_limit(found: &str) -> bool {
    found.starts_with("unsupported") || found == "more" || found.starts_with("one that matches the empty text")
}

/// So many times as many cases as usual, or as `PROPTEST_CASES` says.
fn cases(factor: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.saturating_mul(factor), ..usual }
}

/// One of those between the spaces, or a space.
fn words(words: &'static str) -> impl Strategy<Value = &'static str> {
    select(words.split(' ').map(|word| if word.is_empty() { " " } else { word }).collect::<Vec<_>>())
}

fn atom() -> impl Strategy<Value = String> {
    let plain = words(r"a b A B _ - 9 é \n \xff \x{e9} \. \x41 ");
    let sets = words(concat!(
        r". \d \D \w \W \s \S [ab] [^a] [a-c_] [\d.] [^\w] [[:alpha:]] [[:^lower:]] [^[:upper:]] ",
        r"[\x80-\xff] []a] [-a] [a-] [^\D\s] [^]b-] [\n-a]",
    ));
    let looks = words(r"^ $ \A \z \b \B");
    prop_oneof![4 => plain, 3 => sets, 1 => looks].prop_map(str::to_owned)
}

/// Any regex of the syntax that is supported.
fn regex() -> impl Strategy<Value = String> {
    atom().prop_recursive(5, 24, 4, |inner| {
        let open = words("( (?: (?i: (?-i: (?s: (?-s: (?is: ((?i) ((?-i)a|");
        let operator = words("* + ? *? +? ?? {2} {0,2} {1,3}? {2,} {0} **");
        prop_oneof![
            3 => vec(inner.clone(), 0..5).prop_map(|parts| parts.concat()),
            2 => vec(inner.clone(), 1..4).prop_map(|branches| format!("(?:{})", branches.join("|"))),
            2 => (open, inner.clone()).prop_map(|(open, inner)| format!("{open}{inner})")),
            2 => (inner, operator).prop_map(|(inner, operator)| format!("(?:{inner}){operator}")),
        ]
    })
}

/// What looks like a regex from afar.
fn scraps() -> impl Strategy<Value = String> {
    let scraps = words(concat!(
        r"( ) (? (?: (?i) (?P<n> (?<m> [ ] [^ { } {2 , 3} ? * + | \ ^ $ . - : < > = ! i s x b B z d W a 1 0 && ~~ -- ",
        r"[:alpha:] [:^space:] é \x \x{ f E \p{L} \] \[ \b{ start u -s (?x # / ~ & ",
    ));
    vec(scraps, 0..12).prop_map(|scraps| scraps.concat())
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let bytes = b"aabbAB_- 9.c\n\xc3\xa9\xff\0/[]^".to_vec();
    prop_oneof![4 => vec(select(bytes), 0..12), 1 => vec(any::<u8>(), 0..6)]
}

fn literal() -> impl Strategy<Value = String> {
    vec(words("a b A - é"), 1..6).prop_map(|parts| parts.concat())
}

fn holds(pattern: &Pattern, text: &[u8]) -> bool {
    let folded = |bytes: &[u8]| if pattern.case_sensitive { bytes.to_vec() } else { bytes.to_ascii_lowercase() };
    let (text, wanted) = (folded(text), folded(pattern.text.as_bytes()));
    match pattern.kind {
        Kind::Contains => text.windows(wanted.len()).any(|part| part == wanted),
        Kind::Prefix => text.starts_with(&wanted),
        Kind::Exact => text == wanted,
        Kind::Regex => panic!("no literal"),
    }
}

fn hits(hits: Hits) -> Vec<usize> {
    hits.iter().collect()
}

/// The matcher for one regex, unless it is one that we refuse and `regex` does not.
fn compiled(regex: &str, case_sensitive: bool) -> Option<(Matcher, Regex)> {
    let pattern = Pattern { rule: 0, kind: Kind::Regex, text: regex.to_owned(), case_sensitive };
    match (Matcher::new(&[pattern], Limits::default()), reference(regex, case_sensitive)) {
        (Ok(matcher), Ok(reference)) => Some((matcher, reference)),
        (Ok(_), Err(error)) => panic!("{regex} is accepted, but {error}"),
        (Err(errors), Ok(_)) if regex.is_empty() || is_limit(&errors[0].found) => None,
        (Err(errors), Ok(_)) => panic!("{regex} is good, but {errors:?}"),
        (Err(_), Err(_)) => None,
    }
}

proptest! {
    #![proptest_config(cases(6))]

    #[test]
    fn any_regex_matches_what_it_should(regex in regex(), case_sensitive: bool, texts in vec(text(), 8)) {
        if let Some((matcher, reference)) = compiled(&regex, case_sensitive) {
            for text in texts {
                prop_assert_eq!(matcher.hits(&text).iter().count() == 1, reference.is_match(&text), "{:?}", text);
            }
        }
    }

    /// The DFA by itself, with those that match the empty text.
    #[test]
    fn any_dfa_matches_what_it_should(
        regexes in vec(regex(), 1..4), case_sensitive: bool, texts in vec(text(), 8),
    ) {
        let nodes: Vec<_> = regexes.iter().filter_map(|regex| syntax::parse(regex, !case_sensitive).ok()).collect();
        prop_assume!(nodes.len() == regexes.len());
        let nfa = Nfa::new((0..).zip(&nodes), 10_000).unwrap();
        let Some(dfa) = Dfa::new(&nfa, 1 << 20) else { return Ok(()) };
        let references: Vec<_> = regexes.iter().map(|regex| reference(regex, case_sensitive).unwrap()).collect();
        for text in texts {
            let mut found = Hits::default();
            dfa.add_hits(&text, &mut found);
            let expected: Vec<_> = (0..regexes.len()).filter(|&index| references[index].is_match(&text)).collect();
            prop_assert_eq!(hits(found), expected, "{:?}", text);
        }
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn scraps_of_regexes_never_panic(regex in scraps(), case_sensitive: bool, texts in vec(text(), 4)) {
        if let Some((matcher, reference)) = compiled(&regex, case_sensitive) {
            for text in texts {
                prop_assert_eq!(matcher.hits(&text).iter().count() == 1, reference.is_match(&text), "{:?}", text);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn other_strings_never_panic(regex in any::<String>(), case_sensitive: bool, text in text()) {
        if let Some((matcher, reference)) = compiled(&regex, case_sensitive) {
            prop_assert_eq!(matcher.hits(&text).iter().count() == 1, reference.is_match(&text));
        }
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn many_literals_are_found_in_one_pass(
        literals in vec((literal(), 0..3_usize, any::<bool>(), 0..40_usize), 1..40),
        mut texts in vec(text(), 4),
        whole in any::<Index>(),
    ) {
        texts.push(whole.get(&literals).0.clone().into_bytes());
        let kinds = [Kind::Contains, Kind::Prefix, Kind::Exact];
        let pattern = |(text, kind, case_sensitive, rule)| Pattern { rule, kind: kinds[kind], text, case_sensitive };
        let patterns: Vec<_> = literals.into_iter().map(pattern).collect();
        let matcher = Matcher::new(&patterns, Limits::default()).unwrap();
        for text in texts {
            let mut expected: Vec<_> =
                patterns.iter().filter(|pattern| holds(pattern, &text)).map(|pattern| pattern.rule).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(hits(matcher.hits(&text)), expected, "{:?}", text);
        }
    }
}

proptest! {
    #![proptest_config(cases(2))]

    /// Regexes that share a DFA, and literals beside them, with limits that make groups of them.
    #[test]
    fn sets_match_what_each_pattern_does(
        regexes in vec((regex(), any::<bool>()), 1..8),
        literals in vec((literal(), any::<bool>()), 0..4),
        kib in select(vec![1, 4, 1024_usize]),
        texts in vec(text(), 8),
    ) {
        let (mut patterns, mut expected) = (Vec::new(), vec![Vec::new(); texts.len()]);
        let mut add = |kind, text, case_sensitive, holds: &dyn Fn(&Pattern, &[u8]) -> bool| {
            // Some rules have two patterns.
            let pattern = Pattern { rule: patterns.len() / 2, kind, text, case_sensitive };
            for (text, expected) in texts.iter().zip(&mut expected) {
                if holds(&pattern, text) && expected.last() != Some(&pattern.rule) {
                    expected.push(pattern.rule);
                }
            }
            patterns.push(pattern);
        };
        for (regex, case_sensitive) in regexes {
            if let Some((_, reference)) = compiled(&regex, case_sensitive) {
                add(Kind::Regex, regex, case_sensitive, &|_, text| reference.is_match(text));
            }
        }
        for (literal, case_sensitive) in literals {
            add(Kind::Contains, literal, case_sensitive, &holds);
        }
        let limits = Limits { dfa_bytes: kib << 10, dfas: 64, ..Limits::default() };
        let Ok(matcher) = Matcher::new(&patterns, limits) else { return Ok(()) };
        for (text, expected) in texts.iter().zip(expected) {
            prop_assert_eq!(hits(matcher.hits(text)), expected, "{:?}", text);
        }
    }
}
