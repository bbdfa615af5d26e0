//! Regular expressions that are nothing but literals, such as `BadBot|Scraper`: they need no DFA.

use regex_automata::util::syntax;
use regex_syntax::hir::{Hir, literal::Extractor};

use super::Pattern;

/// Bytes, ASCII only: a user agent need not be UTF-8, and Unicode tables weigh hundreds of kilobytes.
pub(super) fn syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// The literals of which a regex is a plain alternation; `None` where it is more than that. An error says why the regex
/// cannot be parsed.
pub(super) fn of_regex(text: &str) -> Result<Option<Vec<Vec<u8>>>, String> {
    let hir = syntax::parse_with(text, &syntax()).map_err(|error| one_line(&error))?;
    if hir.properties().minimum_len().is_none_or(|length| length == 0) {
        return Err("one that matches the empty text, and so everything".to_owned());
    }
    Ok(literals(&hir))
}

fn literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    // The extractor takes `^x` for the literal `x`.
    if !hir.properties().look_set().is_empty() {
        return None;
    }
    let seq = Extractor::new().extract(hir);
    if !seq.is_exact() {
        return None;
    }
    let all: Vec<Vec<u8>> = seq.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    (!all.is_empty() && all.iter().all(|literal| !literal.is_empty())).then_some(all)
}

/// The regex with its case flag.
pub(super) fn with_case(pattern: &Pattern) -> String {
    let flag = if pattern.case_sensitive { "" } else { "(?i)" };
    format!("{flag}(?:{})", pattern.text)
}

/// regex-syntax draws a picture of the fault over several lines; the last one says what it is.
fn one_line(error: &dyn std::fmt::Display) -> String {
    let picture = error.to_string();
    let last = picture.lines().next_back().unwrap_or(&picture);
    last.trim().trim_start_matches("error: ").to_owned()
}
