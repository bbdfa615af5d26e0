//! The syntax of patterns, parsed to a tree.

mod class;
mod escape;

use super::{MAX_DEPTH, MAX_RANGES, set::CharSet};

/// A pattern or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Matches the empty text.
    Empty,
    /// This code point.
    Char(u32),
    /// One code point of the set with this number.
    Set(u32),
    /// Reads nothing.
    Look(Look),
    /// All of them, one after the other. Holds no `Empty`.
    Concat(Vec<Node>),
    /// Any of them.
    Either(Vec<Node>),
    /// So many times, or more where there is no upper bound. Never of `Empty`, and never at most zero times.
    Repeat(Box<Node>, u32, Option<u32>),
}

/// A condition on a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Start,
    End,
    /// Between a word's character and another, or an end of the text.
    Word,
    NotWord,
    /// Where the look-around with this number matches, or where it does not.
    Around {
        index: u32,
        negated: bool,
    },
}

/// What a look-around looks for.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) behind: bool,
    pub(super) body: Node,
}

#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Node,
    pub(super) sets: Vec<CharSet>,
    /// Each before those that it is part of.
    pub(super) arounds: Vec<Around>,
}

/// What `\w` matches.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the standard library's `is_ascii_..`")]
pub(super) const fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

/// Parses a pattern. An error says in one line what is wrong with it, and where.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    let mut parser = Parser { text, at: 0, depth: 0, ranges: 0, sets: Vec::new(), arounds: Vec::new() };
    let parsed = parser.alternation().and_then(|node| match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.fault("unopened group")),
    });
    match parsed {
        Ok(root) => Ok(Parsed { root, sets: parser.sets, arounds: parser.arounds }),
        Err(Fault { what, at }) => Err(format!("{what} at byte {at}")),
    }
}

struct Fault {
    what: String,
    at: usize,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Of all classes so far.
    ranges: usize,
    sets: Vec<CharSet>,
    arounds: Vec<Around>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at = self.at.saturating_add(char.len_utf8());
        Some(char)
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at = self.at.saturating_add(wanted.len());
        }
        found
    }

    fn fault(&self, what: &str) -> Fault {
        Fault { what: what.to_owned(), at: self.at }
    }

    /// What starts at `from` and ends here is refused; `hint` says what to write instead, or why.
    fn unsupported(&self, from: usize, hint: &str) -> Fault {
        let found: String = self.text.get(from..self.at).unwrap_or_default().chars().take(40).collect();
        Fault { what: format!("unsupported `{found}` ({hint})"), at: from }
    }

    fn alternation(&mut self) -> Result<Node, Fault> {
        let first = self.sequence()?;
        if self.peek() != Some('|') {
            return Ok(first);
        }
        let mut branches = vec![first];
        while self.eat("|") {
            branches.push(self.sequence()?);
        }
        Ok(Node::Either(branches))
    }

    fn sequence(&mut self) -> Result<Node, Fault> {
        let mut parts = Vec::new();
        while let Some(char) = self.peek().filter(|char| !matches!(char, '|' | ')')) {
            let node = self.term(char)?;
            if node != Node::Empty {
                parts.push(node);
            }
        }
        Ok(match parts.len() {
            0 => Node::Empty,
            1 => parts.pop().unwrap_or(Node::Empty),
            _ => Node::Concat(parts),
        })
    }

    /// An assertion, or an atom with what repeats it.
    fn term(&mut self, first: char) -> Result<Node, Fault> {
        let look = match first {
            '^' => Look::Start,
            '$' => Look::End,
            _ if self.rest().starts_with(r"\b") => Look::Word,
            _ if self.rest().starts_with(r"\B") => Look::NotWord,
            _ => {
                let around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|opening| self.rest().starts_with(opening));
                let atom = self.atom(first)?;
                // Nothing repeats an assertion: a quantifier after it is found as an atom.
                return if around { Ok(atom) } else { self.repeated(atom) };
            }
        };
        self.next();
        if first == '\\' {
            self.next();
        }
        Ok(Node::Look(look))
    }

    fn atom(&mut self, first: char) -> Result<Node, Fault> {
        if matches!(first, '*' | '+' | '?') || (first == '{' && self.braces()?.is_some()) {
            return Err(self.fault("nothing to repeat (possessive, or after an assertion or another repetition)"));
        }
        let from = self.at;
        self.next();
        match first {
            '(' => self.group(from),
            '[' => self.class(from),
            '.' => {
                let ends = CharSet::of(&[(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)]);
                self.set(ends.negated())
            }
            '\\' => match self.escape(from, false)? {
                escape::Escape::Char(char) => Ok(Node::Char(char)),
                escape::Escape::Set(set) => self.set(set),
            },
            char => Ok(Node::Char(u32::from(char))),
        }
    }

    fn set(&mut self, set: CharSet) -> Result<Node, Fault> {
        self.charge(set.ranges().len())?;
        let found = self.sets.iter().position(|other| *other == set);
        let index = found.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len().saturating_sub(1)
        });
        // There are fewer than bytes in the pattern.
        Ok(Node::Set(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn charge(&mut self, ranges: usize) -> Result<(), Fault> {
        self.ranges = self.ranges.saturating_add(ranges);
        if self.ranges > MAX_RANGES {
            Err(self.fault(&format!("more than {MAX_RANGES} ranges in classes")))
        } else {
            Ok(())
        }
    }

    /// Reads a group from behind its parenthesis.
    fn group(&mut self, from: usize) -> Result<Node, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(&format!("groups deeper than {MAX_DEPTH}")));
        }
        self.depth = self.depth.saturating_add(1);
        let mut around = None;
        if self.eat("?") && !self.eat(":") {
            around = self.opening(from)?;
        }
        let body = self.alternation()?;
        if !self.eat(")") {
            return Err(Fault { what: "unclosed group".to_owned(), at: from });
        }
        self.depth = self.depth.saturating_sub(1);
        let Some((behind, negated)) = around else { return Ok(body) };
        let index = u32::try_from(self.arounds.len()).unwrap_or(u32::MAX);
        self.arounds.push(Around { behind, body });
        Ok(Node::Look(Look::Around { index, negated }))
    }

    /// Reads what follows `(?`; for look-arounds, whether it looks behind and whether it is negated.
    fn opening(&mut self, from: usize) -> Result<Option<(bool, bool)>, Fault> {
        for (opening, around) in
            [("=", (false, false)), ("!", (false, true)), ("<=", (true, false)), ("<!", (true, true))]
        {
            if self.eat(opening) {
                return Ok(Some(around));
            }
        }
        if !self.eat("<") {
            let hint = match self.next() {
                Some('P') => "a named group is `(?<name>..)` in ECMA-262",
                Some('>') => "ECMA-262 has no atomic groups",
                Some('#') => "ECMA-262 has no comments",
                _ => "flags in patterns",
            };
            return Err(self.unsupported(from, hint));
        }
        let start = self.at;
        while let Some(char) = self.next() {
            let first = self.at.saturating_sub(char.len_utf8()) == start;
            match char {
                '>' if !first => return Ok(None),
                '$' | '_' => {}
                _ if char.is_ascii_alphabetic() || !char.is_ascii() || (char.is_ascii_digit() && !first) => {}
                _ => break,
            }
        }
        Err(Fault { what: "faulty group name".to_owned(), at: start })
    }

    fn repeated(&mut self, atom: Node) -> Result<Node, Fault> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.braces()? {
                Some((min, max, after)) => {
                    // Its brace is read below, as the one character of the others is.
                    self.at = after.saturating_sub(1);
                    (min, max)
                }
                None => return Ok(atom),
            },
            _ => return Ok(atom),
        };
        self.next();
        // To be lazy makes no difference to whether there is a match.
        self.eat("?");
        Ok(if atom == Node::Empty || max == Some(0) { Node::Empty } else { Node::Repeat(Box::new(atom), min, max) })
    }

    /// The bounds of the `{2,5}` that starts here, and where it ends; `None` if the brace is but a brace.
    fn braces(&self) -> Result<Option<(u32, Option<u32>, usize)>, Fault> {
        let rest = self.rest();
        let Some(inside) = rest.strip_prefix('{') else { return Ok(None) };
        let bounds = inside.trim_start_matches(|char: char| char.is_ascii_digit() || char == ',');
        let length = inside.len().saturating_sub(bounds.len());
        let Some(inside) = inside.get(..length).filter(|_| bounds.starts_with('}')) else { return Ok(None) };
        let (min, max) = inside.split_once(',').map_or((inside, None), |(min, max)| (min, Some(max)));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(min) || !max.is_none_or(digits) || (min.is_empty() && max.is_none_or(str::is_empty)) {
            return Ok(None);
        }
        if min.is_empty() {
            return Err(self.fault("repetition without a lower bound: write `{0,..}`"));
        }
        // More than the highest number is more than there may be states.
        let number = |text: &str| text.parse().unwrap_or(u32::MAX);
        let (low, high) =
            (number(min), max.map_or(Some(number(min)), |max| Some(max).filter(|max| !max.is_empty()).map(number)));
        if high.is_some_and(|high| high < low) {
            return Err(self.fault("repetition whose bounds are the wrong way round"));
        }
        let after = self.at.saturating_add(inside.len()).saturating_add(2);
        Ok(Some((low, high, after)))
    }
}
