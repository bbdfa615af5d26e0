//! Which rules' text patterns match a text: `contains`, `prefix`, `exact` and `regex`, thousands of them in one pass.
//!
//! What a user may expect:
//! - Case is ignored (ASCII letters) unless a pattern asks for it. Patterns and texts are bytes; nothing is Unicode-aware.
//! - A regex is searched for anywhere in the text, as in Envoy's RBAC with `.*` around it; `^` and `$` anchor it. The syntax
//!   is what the table below says, a part of that of Rust's `regex` crate; the rest of it is refused by name.
//! - Time is linear in the text, whatever the patterns: literals, and regexes that are nothing but literals, go into one
//!   Aho-Corasick automaton, all others into fully built DFAs. That makes at most [`Limits::dfas`] + 1 passes, each with two
//!   look-ups and one comparison for each byte, and a step for each literal that ends there. There is no fallback to
//!   anything slower and no cache that a client could thrash.
//! - Memory is bounded, and so is the time for compiling: patterns that would take more than [`Limits`] allow are refused,
//!   by name. Literals take four bytes for each of their bytes (what they start with alike counts once) times each
//!   different byte in them.
//!
//! | Syntax | Matches |
//! |---|---|
//! | `x`, `é` | itself; what is not ASCII, as the bytes of its UTF-8 |
//! | `.` | any byte but a line feed; any at all after `(?s)` |
//! | `\.` `\-` `\ ` … | punctuation and the space as themselves |
//! | `\t` `\n` `\r` `\f` `\v` `\a` `\x7F` `\x{7F}` | control characters and bytes; `\x{E9}` is the UTF-8 of `é`, `\xE9` one byte |
//! | `\d` `\w` `\s`, `\D` `\W` `\S` | `[0-9]`, `[0-9A-Za-z_]`, `[\t\n\v\f\r ]`; any other byte |
//! | `[a-z_]` `[^a-z]` `[\d.]` `[[:alpha:]]` `[[:^alpha:]]` | one byte of a class, ASCII or `\xHH`; any other byte |
//! | `xy`, `x\|y` | one after the other; either |
//! | `x*` `x+` `x?` `x{2}` `x{2,}` `x{2,5}` | repetition, up to 1000; with a `?` after it (lazy) the same |
//! | `(x)` `(?:x)` `(?<name>x)` `(?P<name>x)` | groups, up to 50 deep |
//! | `(?i)` `(?-i)` `(?s)` `(?-s)`, `(?i:x)` | ignore case, let `.` match line feeds: for the rest of the group, for `x` |
//! | `^` `\A`, `$` `\z` | the start, the end of the text |
//! | `\b` `\B` | where a word (`\w`) starts or ends; anywhere else |
//!
//! Refused although `regex` knows it: `\p{..}`, `\b{start}` and its like, `\<` `\>`, `\u` `\U`, classes in classes and
//! `&&` `--` `~~` on them, classes of no byte, the flags `m` `x` `u` `U` `R`, white space in `{ 2 }`, more than four
//! repetition operators in a row.
//!
//! Why not that crate, or its parts: Envoy compiles all code of a module while it loads it, which takes 1.2 µs for each
//! byte. They are 469 KB of code and this is 36 KB, which reads a user agent in about 4/5 of the time. The tests hold it
//! against that crate, with tables and with random regexes.

mod bytes;
mod dense;
mod dfa;
mod extract;
mod literals;
mod nfa;
mod syntax;
#[cfg(test)]
mod tests;

use dfa::Dfa;
use literals::{Literal, Literals};
use nfa::Nfa;
use syntax::Node;

/// How a pattern is held against the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Anywhere in the text.
    Contains,
    /// At its start.
    Prefix,
    /// The whole text.
    Exact,
    /// A regular expression, found anywhere unless it anchors itself.
    Regex,
}

/// One pattern of a rule.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The number of the rule that it belongs to: less than [`Hits::CAPACITY`].
    pub rule: usize,
    /// How it is held against the text.
    pub kind: Kind,
    /// The literal or regular expression.
    pub text: String,
    /// Whether the case of ASCII letters counts.
    pub case_sensitive: bool,
}

/// Why a pattern was refused: its index in the list given to [`Matcher::new`], with what was expected and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The pattern's index.
    pub pattern: usize,
    /// What a good pattern is.
    pub expected: String,
    /// What this one is.
    pub found: String,
}

/// Bounds on what patterns may compile to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one pattern's text.
    pub pattern_bytes: usize,
    /// Bytes that one DFA may take. Building it may take twice as many steps, and bytes.
    pub dfa_bytes: usize,
    /// DFAs that the regexes may need in all; each costs one more pass over the text.
    pub dfas: usize,
    /// Bytes that the literals' automaton may take.
    pub literal_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pattern_bytes: 1000, dfa_bytes: 1 << 20, dfas: 8, literal_bytes: 16 << 20 }
    }
}

/// The set of rules that matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits([u64; Self::WORDS]);

impl Hits {
    const WORDS: usize = 16;

    /// How many rules a set can tell apart.
    pub const CAPACITY: usize = Self::WORDS * u64::BITS as usize;

    fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    /// The rules in the set, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                // Clears the lowest bit.
                rest &= rest.checked_sub(1)?;
                Some(index.saturating_mul(64).saturating_add(bit as usize))
            })
        })
    }
}

/// Compiled patterns. The default has none, and so matches nothing.
#[derive(Debug, Default)]
pub struct Matcher {
    literals: Option<Literals>,
    regexes: Vec<Dfa>,
}

impl Matcher {
    /// Compiles patterns; empty patterns, faulty regexes and those that compile too large are refused.
    pub fn new(patterns: &[Pattern], limits: Limits) -> Result<Self, Vec<PatternError>> {
        let mut errors = Vec::new();
        let mut parts = Parts::default();
        for (index, pattern) in patterns.iter().enumerate() {
            if let Err((expected, found)) = parts.add(index, pattern, limits) {
                errors.push(PatternError { pattern: index, expected, found });
            }
        }
        let regexes = group(&parts.regexes, limits).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        let literals = if parts.literals.is_empty() {
            None
        } else {
            let built = Literals::new(parts.literals, limits.literal_bytes);
            let too_many = |literal: usize| PatternError {
                pattern: parts.patterns.get(literal).copied().unwrap_or_default(),
                expected: format!("literals that compile to at most {} KiB together", limits.literal_bytes >> 10),
                found: "more".into(),
            };
            built.map_err(|literal| errors.push(too_many(literal))).ok()
        };
        if errors.is_empty() { Ok(Self { literals, regexes }) } else { Err(errors) }
    }

    /// The rules that have a pattern which matches `text`. Allocates nothing.
    pub fn hits(&self, text: &[u8]) -> Hits {
        let mut hits = Hits::default();
        if let Some(literals) = &self.literals {
            literals.add_hits(text, &mut hits);
        }
        for regexes in &self.regexes {
            regexes.add_hits(text, &mut hits);
        }
        hits
    }
}

/// What patterns come down to.
#[derive(Default)]
struct Parts {
    literals: Vec<Literal>,
    /// Of each literal, the index of its pattern.
    patterns: Vec<usize>,
    regexes: Vec<Regex>,
}

/// A regex that is more than literals.
struct Regex {
    /// The index of its pattern.
    pattern: usize,
    rule: u32,
    node: Node,
}

impl Parts {
    /// An error is what was expected and what was found.
    fn add(&mut self, index: usize, pattern: &Pattern, limits: Limits) -> Result<(), (String, String)> {
        let &Pattern { rule, kind, ref text, case_sensitive } = pattern;
        if text.is_empty() || text.len() > limits.pattern_bytes {
            let expected = format!("a pattern of 1 to {} bytes", limits.pattern_bytes);
            return Err((expected, format!("{} bytes", text.len())));
        }
        let mut add = |text, case_sensitive, at_start, at_end| {
            self.literals.push(Literal { rule, text, case_sensitive, at_start, at_end });
            self.patterns.push(index);
        };
        if kind != Kind::Regex {
            let text = text.clone().into_bytes();
            add(text, case_sensitive, matches!(kind, Kind::Prefix | Kind::Exact), kind == Kind::Exact);
            return Ok(());
        }
        let refused = |found| ("a regular expression (Rust regex syntax)".to_owned(), found);
        let node = syntax::parse(text, !case_sensitive).map_err(refused)?;
        if node.matches_empty() {
            return Err(refused("one that matches the empty text, and so everything".into()));
        }
        let node = node.trimmed();
        // Not many more bytes than the text itself has.
        let max_bytes = text.len().saturating_add(256);
        for exact in [false, true] {
            if let Some(literals) = extract::literals(&node, !exact, max_bytes) {
                for literal in literals {
                    add(literal.text, exact, literal.start, literal.end);
                }
                return Ok(());
            }
        }
        self.regexes.push(Regex { pattern: index, rule: u32::try_from(rule).unwrap_or(u32::MAX), node });
        Ok(())
    }
}

/// One DFA for all regexes where that is small enough, else one for each half, and so on.
fn group(regexes: &[Regex], limits: Limits) -> Result<Vec<Dfa>, PatternError> {
    let mut groups = Vec::new();
    let mut rest = vec![regexes];
    while let Some(regexes) = rest.pop() {
        let Some(first) = regexes.first() else { continue };
        let refused = |expected| PatternError { pattern: first.pattern, expected, found: "more".into() };
        let parts = regexes.iter().map(|regex| (regex.rule, &regex.node));
        // What makes a DFA of the greatest size has far fewer states here.
        let nfa = Nfa::new(parts, limits.dfa_bytes / 64);
        match nfa.and_then(|nfa| Dfa::new(&nfa, limits.dfa_bytes)) {
            Some(dfa) => groups.push(dfa),
            None if regexes.len() == 1 => {
                let size = limits.dfa_bytes >> 10;
                return Err(refused(format!("a regular expression that compiles to at most {size} KiB")));
            }
            None => {
                let (left, right) = regexes.split_at(regexes.len() / 2);
                rest.extend([right, left]);
            }
        }
        if groups.len().saturating_add(rest.len()) > limits.dfas {
            let expected = format!("regular expressions that compile to at most {} DFAs together", limits.dfas);
            return Err(refused(expected));
        }
    }
    Ok(groups)
}
