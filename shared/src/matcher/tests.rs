#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[cfg(not(target_arch = "wasm32"))]
mod differential;
mod tables;

use super::{Hits, Kind, Limits, Matcher, Pattern};

fn pattern(rule: usize, kind: Kind, text: &str) -> Pattern {
    Pattern { rule, kind, text: text.to_owned(), case_sensitive: false }
}

fn matches(kind: Kind, pattern_text: &str, case_sensitive: bool, text: &[u8]) -> bool {
    let pattern = Pattern { case_sensitive, ..pattern(7, kind, pattern_text) };
    let hits = Matcher::new(&[pattern], Limits::default()).unwrap().hits(text);
    hits.iter().collect::<Vec<_>>() == [7]
}

#[test]
fn kinds_mean_what_they_say() {
    for (kind, pattern, text, expected) in [
        (Kind::Contains, "bot", "a Bot b", true),
        (Kind::Contains, "bot", "b-o-t", false),
        (Kind::Prefix, "curl/", "CURL/8.5", true),
        (Kind::Prefix, "curl/", "x curl/8.5", false),
        (Kind::Exact, "-", "-", true),
        (Kind::Exact, "-", "--", false),
        (Kind::Exact, "abc", "ABC", true),
        (Kind::Regex, "BadBot|Scraper", "xx scraPER", true),
        (Kind::Regex, "^BadBot", "xx BadBot", false),
        (Kind::Regex, "^BadBot", "badbot/1", true),
        (Kind::Regex, "bot$", "a robot", true),
        (Kind::Regex, "bot$", "a robot ", false),
        (Kind::Regex, r"\bbot\b", "a bot-2", true),
        (Kind::Regex, r"\bbot\b", "Cubot", false),
        (Kind::Regex, r"x.*y", "0 X-Y", true),
        (Kind::Regex, r"py(thon)?/\d+\.\d", "Python/3.1", true),
        (Kind::Regex, r"(a|b){3}c", "xABAc", true),
        (Kind::Regex, r"[^a-z]9", "\u{e9}9", true),
        (Kind::Regex, "é", "caf\u{e9}", true),
    ] {
        assert_eq!(matches(kind, pattern, false, text.as_bytes()), expected, "{kind:?} {pattern} in {text}");
    }
}

#[test]
fn case_counts_when_asked() {
    for kind in [Kind::Contains, Kind::Prefix, Kind::Exact, Kind::Regex] {
        assert!(matches(kind, "Bot", true, b"Bot"), "{kind:?}");
        assert!(!matches(kind, "Bot", true, b"bot"), "{kind:?}");
    }
    assert!(matches(Kind::Regex, "B[a-c]+t", true, b"Bat"));
    assert!(!matches(Kind::Regex, "B[a-c]+t", true, b"bat"));
}

#[test]
fn odd_bytes_match_as_bytes() {
    assert!(matches(Kind::Contains, "bot", false, b"\xa1bot\xff"));
    assert!(matches(Kind::Regex, r"a.b", false, b"a\xa1b"));
    assert!(matches(Kind::Regex, r"a\x00b", false, b"a\0b"));
    assert!(!matches(Kind::Contains, "bot", false, b""));
}

#[test]
fn all_matching_rules_are_found_in_one_pass() {
    let matcher = Matcher::new(
        &[
            pattern(0, Kind::Contains, "abc"),
            pattern(1, Kind::Contains, "b"),
            pattern(2, Kind::Regex, "c.e"),
            pattern(3, Kind::Exact, "abcde"),
            pattern(4, Kind::Prefix, "bc"),
            pattern(70, Kind::Regex, "d|z{2,}"),
            pattern(Hits::CAPACITY - 1, Kind::Contains, "abcde"),
        ],
        Limits::default(),
    )
    .unwrap();
    assert_eq!(matcher.hits(b"ABCDE").iter().collect::<Vec<_>>(), [0, 1, 2, 3, 70, Hits::CAPACITY - 1]);
    assert_eq!(matcher.hits(b"xyz").iter().count(), 0);
}

#[test]
fn no_patterns_match_nothing() {
    assert_eq!(Matcher::new(&[], Limits::default()).unwrap().hits(b"x"), Hits::default());
}

#[test]
fn bad_patterns_are_refused_by_index() {
    let bomb = "(?:a{900}){900}".to_owned();
    let explodes = "[ab]*a[ab]{20}".to_owned();
    for text in ["(", "[a", "a**", r"\p{Greek}", "(?=a)", r"(a)\1", "", "a*", "x|", &bomb, &explodes] {
        let good = pattern(0, Kind::Regex, "fine.+");
        let errors = Matcher::new(&[good, pattern(1, Kind::Regex, text)], Limits::default()).unwrap_err();
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert_eq!(errors[0].pattern, 1, "{text}: {errors:?}");
        assert!(!errors[0].found.contains('\n'), "{errors:?}");
    }
    let long = Matcher::new(&[pattern(0, Kind::Contains, &"x".repeat(1001))], Limits::default()).unwrap_err();
    assert_eq!(long[0].found, "1001 bytes");
}

#[test]
fn regexes_that_do_not_fit_one_dfa_are_spread() {
    let patterns: Vec<Pattern> =
        (0..24).map(|rule| pattern(rule, Kind::Regex, &format!("q{rule}.*x.*y.*z{rule}"))).collect();
    let limits = Limits { dfa_bytes: 256 << 10, dfas: 24, ..Limits::default() };
    let matcher = Matcher::new(&patterns, limits).unwrap();
    assert!(matcher.regexes.len() > 1);
    assert_eq!(matcher.hits(b"q17 x y z17").iter().collect::<Vec<_>>(), [1, 17]);
    let too_few = Limits { dfas: 1, ..limits };
    assert!(Matcher::new(&patterns, too_few).is_err());
}

#[test]
fn a_thousand_literals_stay_literals() {
    let patterns: Vec<Pattern> =
        (0..1000).map(|rule| pattern(rule, Kind::Regex, &format!("Bad{rule}x|Evil{rule}y"))).collect();
    let matcher = Matcher::new(&patterns, Limits::default()).unwrap();
    assert!(matcher.regexes.is_empty());
    assert_eq!(matcher.hits(b"a BAD999X evil5y").iter().collect::<Vec<_>>(), [5, 999]);
}

#[test]
fn literals_that_do_not_fit_are_refused() {
    let literals = |count: usize| (0..count).map(|rule| pattern(rule, Kind::Contains, &format!("bot{rule}"))).collect();
    let (few, many): (Vec<Pattern>, Vec<Pattern>) = (literals(10), literals(1000));
    let limits = Limits { literal_bytes: 4 << 10, ..Limits::default() };
    assert!(Matcher::new(&few, limits).is_ok());
    let errors = Matcher::new(&many, limits).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].expected, "literals that compile to at most 4 KiB together");
    assert!((50..100).contains(&errors[0].pattern), "{errors:?}");
}

#[test]
fn regexes_that_need_no_dfa_are_literals() {
    for (regex, case_sensitive, is_literal) in [
        ("BadBot|Scraper", false, true),
        (".*bot.*", false, true),
        ("^curl/|wget/$", false, true),
        (r"py(thon)?/\d+", false, true),
        ("[Bb]ot", true, true),
        ("(?-i)Bot", false, true),
        (r"\bbot", false, false),
        ("a.b", false, false),
        ("a+b+c", false, false),
        ("[0-9]{3}", false, false),
    ] {
        let regex = Pattern { case_sensitive, ..pattern(0, Kind::Regex, regex) };
        let matcher = Matcher::new(std::slice::from_ref(&regex), Limits::default()).unwrap();
        assert_eq!(matcher.regexes.is_empty(), is_literal, "{regex:?}");
    }
}
