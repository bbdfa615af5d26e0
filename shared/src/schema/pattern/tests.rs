#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[cfg(not(target_arch = "wasm32"))]
mod categories;
#[cfg(not(target_arch = "wasm32"))]
mod differential;
#[cfg(not(target_arch = "wasm32"))]
mod documents;

use serde::Deserialize;

use super::{MAX_LENGTH, Pattern};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) pattern: String,
    pub(super) matches: Vec<String>,
    pub(super) others: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    pattern: String,
    found: String,
}

pub(super) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../testdata/schema/patterns.json")).unwrap()
}

#[test]
fn patterns_match_what_the_table_says() {
    for case in cases() {
        let mut pattern = Pattern::new(&case.pattern).unwrap();
        for _ in ["as it is", "without its small automaton"] {
            for (texts, expected) in [(&case.matches, true), (&case.others, false)] {
                for text in texts {
                    assert_eq!(pattern.is_match(text), expected, "{} in {text:?}", case.pattern);
                    let enough = pattern.cost() * u32::try_from(text.chars().count() + 1).unwrap();
                    let mut steps = enough;
                    assert_eq!(pattern.is_match_within(text, &mut steps), Some(expected), "{}", case.pattern);
                    let used = enough - steps;
                    for few in used.saturating_sub(2)..used {
                        assert_eq!(pattern.is_match_within(text, &mut few.clone()), None, "{}: {few}", case.pattern);
                    }
                }
            }
            pattern.dfa = None;
        }
    }
}

#[test]
fn refusals_say_what_and_where() {
    let cases: Vec<Refused> =
        serde_json::from_str(include_str!("../../../testdata/schema/patterns_refused.json")).unwrap();
    for Refused { pattern, found } in cases {
        let message = Pattern::new(&pattern).expect_err(&pattern);
        assert!(message.starts_with(&found) || message.contains(&found), "{pattern}: {message}");
    }
}

#[test]
fn size_is_bounded() {
    let refused = |pattern: &str| Pattern::new(pattern).unwrap_err();
    assert!(Pattern::new(&"a".repeat(MAX_LENGTH - 1)).is_ok());
    assert_eq!(refused(&"a".repeat(MAX_LENGTH + 1)), "longer than 10000 bytes");
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Pattern::new(&nested(50)).unwrap().is_match("a"));
    assert_eq!(refused(&nested(51)), "groups deeper than 50 at byte 51");
    assert!(refused(&"(".repeat(MAX_LENGTH)).starts_with("groups deeper than 50"));
    assert!(refused(&r"\p{L}".repeat(100)).starts_with("more than 20000 ranges in classes at byte"));
    assert!(refused(&format!("[{}]", r"\p{Zl}".repeat(300))).starts_with("more than 20000 ranges in classes at byte"));
    assert!(Pattern::new(&"{1".repeat(4000)).is_ok());
    // A message is a line, whatever it quotes.
    assert_eq!(refused(&format!(r"\p{{{}}}", "é".repeat(99))).chars().filter(|char| *char == 'é').count(), 37);
}

#[test]
fn most_patterns_cost_a_step_a_character() {
    for (pattern, cost) in [
        ("^[a-z0-9_-]{1,63}$", 1),
        (r"^\d{3}-\d{4}$", 1),
        ("foo|bar", 1),
        (r"\ba", 6),
        ("^(?=.*a)b", 16),
        ("^.{1,3000}$", 12004),
    ] {
        assert_eq!(Pattern::new(pattern).unwrap().cost(), cost, "{pattern}");
    }
}

#[test]
fn steps_bound_the_work() {
    let pattern = Pattern::new("(?:.{0,2000}x){2}y").unwrap();
    let text = "x".repeat(1 << 20);
    let mut steps = 1_000_000;
    assert_eq!(pattern.is_match_within(&text, &mut steps), None);
    assert!(steps < 1_000_000);
}
