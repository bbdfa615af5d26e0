//! Regexes of ECMA-262, as the keywords `pattern` and `patternProperties` and the format `regex` have them.
//!
//! What a user may expect:
//! - The meaning is that of ECMA-262 with the flag `u`, which JSON Schema asks for (2020-12 core, section 6.4): characters are
//!   code points, `\d` and `\w` are ASCII, `$` is the very end. A pattern is searched for anywhere in a text.
//! - What many documents have although `u` forbids it, and annex B allows, is taken: a lone `{`, `}` or `]` is itself, and
//!   so is `-` beside a class (`[\w-.]`) and any punctuation after a backslash.
//! - Look-aheads and look-behinds work everywhere. Back-references cannot be had in linear time and are refused.
//! - What would silently mean something else than its author thinks is refused, and the message says what to write: `\A`
//!   `\Z` `\z` (in ECMA-262 no anchors), `(?P<n>..)`, `(?i)`, possessive and atomic groups, `{,5}`.
//! - Time is linear in the text, whatever the pattern: all ways to match are followed at once, and nothing is read twice.
//!   A text costs at most its characters and one times [`Pattern::cost`] in steps, and [`Pattern::is_match_within`] takes no more
//!   than it is given. Each look-around costs one pass of its own, for which it keeps one bit for each byte of the text.
//! - Compiling is bounded: [`MAX_LENGTH`], [`MAX_DEPTH`], [`MAX_STATES`], [`MAX_RANGES`]. Beyond, a pattern is refused.
//! - Of properties there are all general categories (`\p{Letter}`, `\p{Lu}`, `\p{gc=Nd}`) of Unicode 16 and `Any`, `ASCII`,
//!   `Assigned`; scripts and others are refused.
//!
//! Why not a crate: `regex-lite` has neither look-arounds nor `\p{..}`, would need a translator that knows both syntaxes in
//! full, and is larger by itself than this (65 KB of WebAssembly; this is 49 KB with its table). [`crate::matcher`] is about
//! many patterns at once, bytes and ASCII.
//!
//! How it works: a pattern becomes a nondeterministic automaton, and most of them a small deterministic one, too, which is
//! then used alone.
//!
//! How look-arounds are linear: innermost first, each is run over the text once, look-aheads backwards; what it finds is a
//! bit for each place, and then it is an assertion as `\b` is.

mod category;
mod dfa;
mod program;
mod run;
mod set;
mod syntax;
#[cfg(test)]
mod tests;

use dfa::Dfa;
use program::Program;
use set::CharSet;

/// How long a pattern may be, in bytes.
pub const MAX_LENGTH: usize = 10_000;
/// How deep its groups may be nested.
pub const MAX_DEPTH: usize = 50;
/// How many states its automata may have in all: about one for each character that can match, `x{9}` counts nine times.
pub const MAX_STATES: usize = 10_000;
/// How many ranges its classes may have in all: `\p{L}` has 677.
pub const MAX_RANGES: usize = 20_000;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    sets: Vec<CharSet>,
    /// Each before those that it is part of.
    arounds: Vec<Around>,
    program: Program,
    /// The same, where it is small.
    dfa: Option<Dfa>,
}

/// A look-ahead or a look-behind.
#[derive(Debug)]
struct Around {
    behind: bool,
    program: Program,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong, unsupported or too large, and where, in one line.
    pub fn new(regex: &str) -> Result<Self, String> {
        let parsed = parse(regex)?;
        let mut left = MAX_STATES;
        let mut compile = |node, reverse| {
            Program::new(node, reverse, &mut left).ok_or_else(|| format!("more than {MAX_STATES} states"))
        };
        let mut arounds = Vec::with_capacity(parsed.arounds.len());
        for around in &parsed.arounds {
            let program = compile(&around.body, !around.behind)?;
            arounds.push(Around { behind: around.behind, program });
        }
        let program = compile(&parsed.root, false)?;
        let dfa = Dfa::new(&program, &parsed.sets);
        Ok(Self { sets: parsed.sets, arounds, program, dfa })
    }

    /// Whether the pattern is found somewhere in a text.
    pub fn is_match(&self, text: &str) -> bool {
        self.search(text, &mut u64::MAX.clone()).unwrap_or_default()
    }

    /// The same, in so many steps at most; `None` if they are not enough. What was needed is taken from them.
    pub fn is_match_within(&self, text: &str, steps: &mut u32) -> Option<bool> {
        let mut left = u64::from(*steps);
        let found = self.search(text, &mut left);
        *steps = u32::try_from(left).unwrap_or(u32::MAX);
        found
    }

    /// How many steps at most a character of a text costs. One, for most patterns without look-arounds.
    pub fn cost(&self) -> u32 {
        if self.dfa.is_some() {
            return 1;
        }
        let programs = self.arounds.iter().map(|around| &around.program).chain([&self.program]);
        // A state is entered once at a place, and left once.
        let steps = programs.map(|program| program.states.len()).sum::<usize>().saturating_mul(2);
        u32::try_from(steps).unwrap_or(u32::MAX)
    }
}

/// Whether a text is a pattern, however large its automata would be: for texts that come in requests.
///
/// # Errors
/// As [`Pattern::new`].
pub fn check(regex: &str) -> Result<(), String> {
    parse(regex).map(|_| ())
}

fn parse(regex: &str) -> Result<syntax::Parsed, String> {
    if regex.len() > MAX_LENGTH {
        return Err(format!("longer than {MAX_LENGTH} bytes"));
    }
    syntax::parse(regex)
}
