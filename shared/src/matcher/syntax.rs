//! The syntax of regexes: what [`super`] documents, parsed to a tree. Whatever Rust's `regex` crate refuses is refused here,
//! too, and what both accept means the same (with `(?-u)`, on bytes).

mod class;
mod escape;

use super::bytes::ByteSet;

/// How deep groups may be nested, and how many repetition operators may follow each other: what bounds the tree's depth.
const MAX_DEPTH: usize = 50;
const MAX_OPERATORS: usize = 4;
/// The highest count in a repetition, as in RE2.
const MAX_COUNT: u32 = 1000;

/// A regex or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Matches the empty text.
    Empty,
    /// One byte of the set.
    Bytes(ByteSet),
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
    /// Between a word's byte and another, or an end of the text.
    Word,
    NotWord,
}

/// What `\w` matches.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the standard library's `is_ascii_..`")]
pub(super) const fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

/// Parses a regex. An error says in one line what is wrong with it, and where.
pub(super) fn parse(text: &str, ignore_case: bool) -> Result<Node, String> {
    let flags = Flags { ignore_case, dot_all: false };
    let mut parser = Parser { text: text.as_bytes(), at: 0, depth: 0, flags, names: Vec::new() };
    let parsed = parser.alternation().and_then(|node| match parser.peek() {
        None => Ok(node),
        Some(_) => parser.fault("unopened group"),
    });
    parsed.map_err(|Fault { what, at }| format!("{what} at byte {at}"))
}

impl Node {
    /// Whether the empty text matches, at some place of some text.
    pub(super) fn matches_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Look(_) => true,
            Self::Bytes(_) => false,
            Self::Concat(parts) => parts.iter().all(Self::matches_empty),
            Self::Either(branches) => branches.iter().any(Self::matches_empty),
            Self::Repeat(body, min, _) => *min == 0 || body.matches_empty(),
        }
    }

    /// A regex that is found in the same texts as this one, with no more repetition at its ends than is needed for that:
    /// `bot` for `.*bot.*`, `v[0-9]` for `v[0-9]+`.
    pub(super) fn trimmed(self) -> Self {
        match self {
            Self::Either(branches) => Self::Either(branches.into_iter().map(Self::trimmed).collect()),
            Self::Concat(mut parts) => {
                let optional = |part: &Self| matches!(part, Self::Repeat(_, 0, _));
                while parts.last().is_some_and(optional) {
                    parts.pop();
                }
                let leading = parts.iter().take_while(|part| optional(part)).count();
                parts.drain(..leading);
                // Each end once: an end that is itself a sequence is rare, and right as it is.
                for end in [parts.len().saturating_sub(1), 0] {
                    if let Some(Self::Repeat(_, min, max)) = parts.get_mut(end) {
                        *max = Some(*min);
                    }
                }
                concat(parts)
            }
            Self::Repeat(body, min @ 1.., _) => Self::Repeat(body, min, Some(min)),
            other => other,
        }
    }
}

fn concat(mut parts: Vec<Node>) -> Node {
    parts.retain(|part| *part != Node::Empty);
    match parts.len() {
        0 | 1 => parts.pop().unwrap_or(Node::Empty),
        _ => Node::Concat(parts),
    }
}

struct Fault {
    what: &'static str,
    at: usize,
}

type Parsed<T> = Result<T, Fault>;

#[derive(Clone, Copy)]
struct Flags {
    ignore_case: bool,
    dot_all: bool,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// Of the groups that are open.
    depth: usize,
    flags: Flags,
    /// The groups' names.
    names: Vec<&'a [u8]>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token.as_bytes());
        if found {
            self.at = self.at.saturating_add(token.len());
        }
        found
    }

    /// That something is wrong with what is next.
    fn fault<T>(&self, what: &'static str) -> Parsed<T> {
        Err(Fault { what, at: self.at })
    }

    fn alternation(&mut self) -> Parsed<Node> {
        let mut branches = vec![self.concatenation()?];
        while self.eat("|") {
            branches.push(self.concatenation()?);
        }
        match branches.len() {
            1 => Ok(branches.pop().unwrap_or(Node::Empty)),
            _ => Ok(Node::Either(branches)),
        }
    }

    fn concatenation(&mut self) -> Parsed<Node> {
        let mut parts = Vec::new();
        // How many repetition operators may follow.
        let mut operators = None;
        while let Some(byte) = self.peek() {
            match byte {
                b'|' | b')' => break,
                b'*' | b'+' | b'?' | b'{' => {
                    let (Some(body), Some(left)) = (parts.pop(), operators) else {
                        return self.fault("nothing to repeat");
                    };
                    let Some(left) = usize::checked_sub(left, 1) else {
                        return self.fault("unsupported: more than 4 repetition operators in a row");
                    };
                    parts.push(self.repetition(body)?);
                    operators = Some(left);
                }
                b'(' => {
                    let group = self.group()?;
                    operators = group.is_some().then_some(MAX_OPERATORS);
                    parts.extend(group);
                }
                _ => {
                    parts.push(self.atom()?);
                    operators = Some(MAX_OPERATORS);
                }
            }
        }
        Ok(concat(parts))
    }

    fn atom(&mut self) -> Parsed<Node> {
        Ok(match self.peek() {
            Some(b'\\') => match self.escape()? {
                escape::Escape::Set(set) => Node::Bytes(set),
                escape::Escape::Look(look) => Node::Look(look),
                escape::Escape::Byte(byte) => self.byte(byte),
                escape::Escape::Char(char) => self.literal(char.encode_utf8(&mut [0; 4]).as_bytes()),
            },
            Some(b'[') => Node::Bytes(self.class()?),
            byte => {
                let start = self.at;
                self.next();
                // The rest of a character that is more than one byte.
                while self.peek().is_some_and(|byte| byte & 0xc0 == 0x80) {
                    self.next();
                }
                match byte {
                    Some(b'^') => Node::Look(Look::Start),
                    Some(b'$') => Node::Look(Look::End),
                    Some(b'.') if self.flags.dot_all => Node::Bytes(ByteSet::default().inverted()),
                    Some(b'.') => Node::Bytes(ByteSet::range(b'\n', b'\n').inverted()),
                    _ => self.literal(self.text.get(start..self.at).unwrap_or_default()),
                }
            }
        })
    }

    fn literal(&self, bytes: &[u8]) -> Node {
        concat(bytes.iter().map(|&byte| self.byte(byte)).collect())
    }

    fn byte(&self, byte: u8) -> Node {
        Node::Bytes(self.cased(ByteSet::range(byte, byte)))
    }

    fn cased(&self, set: ByteSet) -> ByteSet {
        if self.flags.ignore_case { set.folded() } else { set }
    }

    /// The operator that is next, applied.
    fn repetition(&mut self, body: Node) -> Parsed<Node> {
        let start = self.at;
        let (min, max) = match self.next() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            _ => {
                let min = self.count()?;
                let max = if !self.eat(",") {
                    Some(min)
                } else if self.peek() == Some(b'}') {
                    None
                } else {
                    Some(self.count()?)
                };
                if !self.eat("}") {
                    return Err(Fault { what: "unclosed repetition count", at: start });
                }
                (min, max)
            }
        };
        // A lazy operator's matches start where a greedy one's do.
        self.eat("?");
        if max.is_some_and(|max| max < min) {
            return Err(Fault { what: "repetition count with its bounds swapped", at: start });
        }
        if body == Node::Empty || max == Some(0) {
            return Ok(Node::Empty);
        }
        Ok(Node::Repeat(Box::new(body), min, max))
    }

    fn count(&mut self) -> Parsed<u32> {
        let start = self.at;
        let mut count = 0_u32;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            count = count.saturating_mul(10).saturating_add(u32::from(digit & 15));
            self.next();
        }
        match self.peek() {
            None => self.fault("unclosed repetition count"),
            Some(byte) if byte.is_ascii_whitespace() => self.fault("unsupported white space in a repetition count"),
            _ if self.at == start => self.fault("repetition count without a number"),
            _ if count > MAX_COUNT => Err(Fault { what: "unsupported repetition count above 1000", at: start }),
            _ => Ok(count),
        }
    }

    /// `None` for flags that hold for the rest of the group around them.
    fn group(&mut self) -> Parsed<Option<Node>> {
        let start = self.at;
        let around = self.flags;
        self.next();
        if self.eat("?=") || self.eat("?!") || self.eat("?<=") || self.eat("?<!") {
            return Err(Fault { what: "unsupported look-around", at: start });
        }
        if self.eat("?P<") || self.eat("?<") {
            self.name()?;
        } else if self.eat("?") && !self.flags()? {
            return Ok(None);
        }
        if self.depth >= MAX_DEPTH {
            return Err(Fault { what: "unsupported: groups nested deeper than 50", at: start });
        }
        self.depth = self.depth.saturating_add(1);
        let node = self.alternation()?;
        self.depth = self.depth.saturating_sub(1);
        if !self.eat(")") {
            return Err(Fault { what: "unclosed group", at: start });
        }
        self.flags = around;
        Ok(Some(node))
    }

    fn name(&mut self) -> Parsed<()> {
        let text = self.rest();
        let length = text.iter().take_while(|byte| is_word(byte) || b".[]".contains(byte)).count();
        let name = text.get(..length).unwrap_or_default();
        if !name.first().is_some_and(|byte| is_word(byte) && !byte.is_ascii_digit()) {
            return self.fault("faulty group name");
        }
        if self.names.contains(&name) {
            return self.fault("group name that another group has");
        }
        self.names.push(name);
        self.at = self.at.saturating_add(length);
        if self.eat(">") { Ok(()) } else { self.fault("faulty group name") }
    }

    /// The flags after `(?`, set; whether they are those of a group, which then follows.
    fn flags(&mut self) -> Parsed<bool> {
        let start = self.at;
        let (mut value, mut seen) = (true, [false; 2]);
        loop {
            let at = self.at;
            let before = self.at.checked_sub(1).and_then(|before| self.text.get(before));
            match self.next() {
                Some(b':') if before != Some(&b'-') => return Ok(true),
                Some(b')') if before != Some(&b'-') && at > start => return Ok(false),
                Some(b'-') if value => value = false,
                Some(flag @ (b'i' | b's')) => {
                    let [i, s] = &mut seen;
                    let (seen, target) = match flag {
                        b'i' => (i, &mut self.flags.ignore_case),
                        _ => (s, &mut self.flags.dot_all),
                    };
                    if *seen {
                        return Err(Fault { what: "flag that is there twice", at });
                    }
                    (*seen, *target) = (true, value);
                }
                Some(b'm') => return Err(Fault { what: "unsupported flag m", at }),
                Some(b'x') => return Err(Fault { what: "unsupported flag x", at }),
                Some(b'u') => return Err(Fault { what: "unsupported flag u", at }),
                Some(b'U') => return Err(Fault { what: "unsupported flag U", at }),
                Some(b'R') => return Err(Fault { what: "unsupported flag R", at }),
                // As the group's end will find.
                None => return Ok(true),
                Some(_) => return Err(Fault { what: "faulty flags", at }),
            }
        }
    }
}
