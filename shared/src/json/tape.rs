//! The list of nodes, and how it is built by hand.

use super::{
    Error, Kind, Limits, Value,
    parse::{self, Level, Name, Parser},
};

/// A value or a member's name. Of a text or a number, `start..end` is where it is in the tape's text. Of a container,
/// `start` is the number of its children (names and values), and `end` is the index of the node behind its last one. Of a
/// truth value, `start` is 1 for `true`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Memory for one JSON value at a time. Used again it soon allocates no more.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    pub(super) nodes: Vec<Node>,
    /// What was read, what had escapes, and what came from elsewhere.
    pub(super) own: String,
    /// The containers that are open.
    open: Vec<u32>,
    /// Those that are open while a text is read: around the innermost.
    pub(super) levels: Vec<Level>,
    /// Names of all their members: for finding those that come twice.
    pub(super) names: Vec<Name>,
}

impl Tape {
    /// Reads a text.
    ///
    /// # Errors
    /// The first [`Fault`](super::Fault), and where it is.
    pub fn parse(&mut self, text: &[u8], limits: &Limits) -> Result<Value<'_>, Error> {
        self.begin();
        self.json(text, limits)?;
        Ok(self.built())
    }

    /// Starts a value that is built by hand.
    pub fn begin(&mut self) {
        self.nodes.clear();
        self.own.clear();
        self.open.clear();
    }

    /// What was built since [`Tape::begin`]; `null` if nothing was.
    pub fn built(&self) -> Value<'_> {
        self.at(0)
    }

    /// The value that was built when there were `id` nodes.
    pub(crate) fn at(&self, id: u32) -> Value<'_> {
        Value { tape: self, index: id }
    }

    /// Adds a text.
    pub fn string(&mut self, text: &str) {
        let (start, end) = self.keep(text);
        self.push(Node { kind: Kind::String, start, end });
    }

    /// Adds a member's name; its value comes next.
    pub fn name(&mut self, text: &str) {
        self.string(text);
    }

    /// Adds a number, which must be one by JSON's grammar: see [`is_number`](Self::is_number).
    pub fn number(&mut self, text: &str) {
        let (start, end) = self.keep(text);
        self.push(Node { kind: Kind::Number, start, end });
    }

    /// Whether a text is a number by JSON's grammar, of this many digits at most.
    pub fn is_number(text: &str, digits: u32) -> bool {
        parse::number(text.as_bytes(), digits).is_ok_and(|length| length == text.len())
    }

    /// Adds a truth value.
    pub fn boolean(&mut self, value: bool) {
        self.push(Node { kind: Kind::Boolean, start: value.into(), end: 0 });
    }

    /// Adds a `null`.
    pub fn null(&mut self) {
        self.push(Node { kind: Kind::Null, start: 0, end: 0 });
    }

    /// Opens an array.
    pub fn array(&mut self) {
        self.open(Kind::Array);
    }

    /// Opens an object. Nothing checks that names differ.
    pub fn object(&mut self) {
        self.open(Kind::Object);
    }

    /// Closes the container that was opened last.
    pub fn close(&mut self) {
        let end = self.len();
        if let Some(node) = self.open.pop().and_then(|index| self.nodes.get_mut(index as usize)) {
            node.end = end;
        }
    }

    /// Adds a value that is JSON.
    ///
    /// # Errors
    /// The first [`Fault`](super::Fault); what was built is then of no use.
    pub fn json(&mut self, text: &[u8], limits: &Limits) -> Result<(), Error> {
        let text = parse::utf8(text)?;
        let (base, _) = self.keep(text);
        Parser::new(self, text, base, limits).parse()?;
        self.count();
        Ok(())
    }

    /// How many nodes there are: what a builder has to be bounded by.
    pub fn len(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Forgets what came after there were this many nodes, so that another reading of the same text can be tried. Only
    /// for whole values that were added last.
    pub fn truncate(&mut self, len: u32) {
        if self.len() > len {
            self.nodes.truncate(len as usize);
            if let Some(node) = self.open.last().and_then(|index| self.nodes.get_mut(*index as usize)) {
                node.start = node.start.saturating_sub(1);
            }
        }
    }

    /// Gives back what was allocated and is not needed.
    pub(super) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.own.shrink_to_fit();
        (self.levels, self.names) = Default::default();
    }

    fn keep(&mut self, text: &str) -> (u32, u32) {
        let start = self.own.len();
        self.own.push_str(text);
        (place(start), place(self.own.len()))
    }

    fn open(&mut self, kind: Kind) {
        let index = self.len();
        self.push(Node { kind, start: 0, end: 0 });
        self.open.push(index);
    }

    fn push(&mut self, node: Node) {
        self.count();
        self.nodes.push(node);
    }

    /// Counts one more child of the container that is open.
    fn count(&mut self) {
        if let Some(node) = self.open.last().and_then(|index| self.nodes.get_mut(*index as usize)) {
            node.start = node.start.saturating_add(1);
        }
    }
}

impl Tape {
    /// A member's name, and how it [starts](start).
    pub(super) fn name_at(&self, id: u32) -> (&[u8], u64) {
        let Some(node) = self.nodes.get(id as usize) else { return (&[], 0) };
        let rest = self.own.as_bytes().get(node.start as usize..).unwrap_or_default();
        let name = rest.get(..node.end.wrapping_sub(node.start) as usize).unwrap_or_default();
        let start = match rest.first_chunk() {
            Some(word) if name.len() >= 8 => u64::from_be_bytes(*word),
            Some(word) => u64::from_be_bytes(*word) & !u64::MAX.wrapping_shr(place(name.len()).wrapping_mul(8)),
            None => start(name),
        };
        (name, start)
    }
}

/// How a text begins: its first eight bytes as a number, zeros behind its end. Numbers are in the order of texts.
pub(crate) fn start(text: &[u8]) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(text) {
        *to = *from;
    }
    u64::from_be_bytes(word)
}

/// A place in a text, none of which is longer than 4 GiB in WebAssembly.
pub(super) fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
