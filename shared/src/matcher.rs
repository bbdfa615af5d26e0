//! Which rules' text patterns match a text: `contains`, `prefix`, `exact` and `regex`, thousands of them in one pass.
//!
//! What a user may expect:
//! - Case is ignored (ASCII letters) unless a pattern asks for it. Patterns and texts are bytes; nothing is Unicode-aware.
//! - A regex is searched for anywhere in the text, as in Envoy's RBAC with `.*` around it; `^` and `$` anchor it. The syntax is
//!   that of Rust's `regex` crate (RE2's, in short: no look-around, no back-references).
//! - Time is linear in the text, whatever the patterns: literals, and regexes that are nothing but literals, go into one
//!   Aho-Corasick automaton, all others into fully built DFAs. There is no fallback to anything slower and no cache that
//!   a client could thrash.
//! - Memory is bounded: patterns that would compile to more than [`Limits`] allow are refused, by name.

mod literals;
#[cfg(test)]
mod tests;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex_automata::{
    Anchored, Input, MatchKind as DfaMatchKind,
    dfa::{Automaton, OverlappingState, StartKind, dense},
    nfa::thompson,
};

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
    /// Bytes that one DFA, and the work of building it, may take.
    pub dfa_bytes: usize,
    /// DFAs that the regexes may need in all; each costs one more pass over the text.
    pub dfas: usize,
    /// Bytes up to which the literals' automaton is a DFA (fastest); past it, a more compact NFA is used.
    pub literal_dfa_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pattern_bytes: 1000, dfa_bytes: 1 << 20, dfas: 8, literal_dfa_bytes: 8 << 20 }
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
    literals: Option<AhoCorasick>,
    /// By pattern id of `literals`.
    tails: Vec<Literal>,
    regexes: Vec<Regexes>,
}

#[derive(Debug)]
struct Literal {
    rule: usize,
    kind: Kind,
    /// The text to compare with where case counts.
    exactly: Option<Box<[u8]>>,
}

/// Regexes that share a DFA, with the rule of each by pattern id.
#[derive(Debug)]
struct Regexes {
    dfa: dense::DFA<Vec<u32>>,
    rules: Vec<usize>,
}

impl Matcher {
    /// Compiles patterns; empty patterns, faulty regexes and those that compile too large are refused.
    pub fn new(patterns: &[Pattern], limits: Limits) -> Result<Self, Vec<PatternError>> {
        let mut errors = Vec::new();
        let mut literals = Vec::new();
        let mut tails = Vec::new();
        let mut regexes = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let fault = |expected: String, found: String| PatternError { pattern: index, expected, found };
            if pattern.text.is_empty() || pattern.text.len() > limits.pattern_bytes {
                let expected = format!("a pattern of 1 to {} bytes", limits.pattern_bytes);
                errors.push(fault(expected, format!("{} bytes", pattern.text.len())));
                continue;
            }
            let mut literal = |text: Vec<u8>, kind: Kind| {
                let exactly = pattern.case_sensitive.then(|| text.clone().into_boxed_slice());
                literals.push(text);
                tails.push(Literal { rule: pattern.rule, kind, exactly });
            };
            if pattern.kind != Kind::Regex {
                literal(pattern.text.clone().into_bytes(), pattern.kind);
                continue;
            }
            match literals::of_regex(&pattern.text) {
                Err(error) => errors.push(fault("a regular expression (Rust regex syntax)".into(), error)),
                Ok(Some(all)) => all.into_iter().for_each(|text| literal(text, Kind::Contains)),
                Ok(None) => regexes.push((index, pattern)),
            }
        }
        let regexes = match group(&regexes, limits) {
            Ok(regexes) => regexes,
            Err(error) => {
                errors.push(error);
                Vec::new()
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let literals = automaton(&literals, limits).map_err(|found| {
            vec![PatternError { pattern: 0, expected: "patterns that fit one automaton".into(), found }]
        })?;
        Ok(Self { literals, tails, regexes })
    }

    /// The rules that have a pattern which matches `text`. Allocates nothing.
    pub fn hits(&self, text: &[u8]) -> Hits {
        let mut hits = Hits::default();
        if let Some(literals) = &self.literals {
            let mut state = aho_corasick::automaton::OverlappingState::start();
            loop {
                // Cannot fail: overlapping, unanchored searches are what the automaton was built for.
                let searched = literals.try_find_overlapping(text, &mut state);
                let (Ok(()), Some(found)) = (searched, state.get_match()) else { break };
                if let Some(literal) = self.tails.get(found.pattern().as_usize())
                    && literal.holds(text, found.start(), found.end())
                {
                    hits.insert(literal.rule);
                }
            }
        }
        for regexes in &self.regexes {
            regexes.add_hits(text, &mut hits);
        }
        hits
    }
}

impl Literal {
    fn holds(&self, text: &[u8], start: usize, end: usize) -> bool {
        let placed = match self.kind {
            Kind::Prefix => start == 0,
            Kind::Exact => start == 0 && end == text.len(),
            Kind::Contains | Kind::Regex => true,
        };
        placed && self.exactly.as_deref().is_none_or(|exactly| text.get(start..end) == Some(exactly))
    }
}

impl Regexes {
    fn new(patterns: &[(usize, &Pattern)], limits: Limits) -> Result<Self, String> {
        let texts: Vec<String> = patterns.iter().map(|(_, pattern)| literals::with_case(pattern)).collect();
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .match_kind(DfaMatchKind::All)
                    .start_kind(StartKind::Unanchored)
                    .dfa_size_limit(Some(limits.dfa_bytes))
                    .determinize_size_limit(Some(limits.dfa_bytes.saturating_mul(4))),
            )
            .syntax(literals::syntax())
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .which_captures(thompson::WhichCaptures::None)
                    .nfa_size_limit(Some(limits.dfa_bytes)),
            )
            .build_many(&texts)
            .map_err(|error| error.to_string())?;
        Ok(Self { dfa, rules: patterns.iter().map(|(_, pattern)| pattern.rule).collect() })
    }

    fn add_hits(&self, text: &[u8], hits: &mut Hits) {
        let input = Input::new(text).anchored(Anchored::No);
        let mut state = OverlappingState::start();
        // The search cannot fail: no quit bytes are configured, and the DFA has the start state asked for.
        while self.dfa.try_search_overlapping_fwd(&input, &mut state).is_ok() {
            let Some(found) = state.get_match() else { break };
            if let Some(&rule) = self.rules.get(found.pattern().as_usize()) {
                hits.insert(rule);
            }
        }
    }
}

/// One DFA for all regexes where that is small enough, else one for each half, and so on.
fn group(patterns: &[(usize, &Pattern)], limits: Limits) -> Result<Vec<Regexes>, PatternError> {
    let mut groups = Vec::new();
    let mut rest = vec![patterns];
    while let Some(patterns) = rest.pop() {
        let Some((first, _)) = patterns.first() else { continue };
        match Regexes::new(patterns, limits) {
            Ok(regexes) => groups.push(regexes),
            Err(found) if patterns.len() == 1 => {
                let expected = format!("a regular expression that compiles to at most {} KiB", limits.dfa_bytes >> 10);
                return Err(PatternError { pattern: *first, expected, found });
            }
            Err(_) => {
                let (left, right) = patterns.split_at(patterns.len() / 2);
                rest.extend([right, left]);
            }
        }
        if groups.len().saturating_add(rest.len()) > limits.dfas {
            let expected = format!("regular expressions that compile to at most {} DFAs together", limits.dfas);
            return Err(PatternError { pattern: *first, expected, found: "more".into() });
        }
    }
    Ok(groups)
}

fn automaton(literals: &[Vec<u8>], limits: Limits) -> Result<Option<AhoCorasick>, String> {
    if literals.is_empty() {
        return Ok(None);
    }
    let build = |kind| {
        AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            // Prefilters pay where matches are rare bytes; user agents are all of the same letters.
            .prefilter(false)
            .kind(Some(kind))
            .build(literals)
            .map_err(|error| error.to_string())
    };
    // A DFA takes up to 64 four-byte transitions for each byte of the patterns.
    let bytes: usize = literals.iter().map(Vec::len).sum();
    let kind = if bytes.saturating_mul(256) <= limits.literal_dfa_bytes {
        AhoCorasickKind::DFA
    } else {
        AhoCorasickKind::ContiguousNFA
    };
    build(kind).map(Some)
}
