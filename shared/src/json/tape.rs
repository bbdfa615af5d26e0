//! The list of nodes, and how it is built by hand.

use super::{
    Error, Limits, Value,
    parse::{self, Parser},
};

/// What a node is. Texts that had escapes, or come from elsewhere, are in the tape's own text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    False,
    True,
    Number,
    String,
    OwnNumber,
    OwnString,
    Array,
    Object,
}

/// A value or a member's name. Of a text, `start..end` is where it is. Of a container, `start` is the number of its
/// children (names and values), and `end` is the index of the node behind its last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) tag: Tag,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Memory for one JSON value at a time. Used again it soon allocates no more.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    pub(super) nodes: Vec<Node>,
    pub(super) own: String,
    /// The containers that are open.
    pub(super) open: Vec<u32>,
    /// For finding names that come twice.
    pub(super) names: Vec<u32>,
}

impl Tape {
    /// Reads a text.
    ///
    /// # Errors
    /// The first [`Fault`](super::Fault), and where it is.
    pub fn parse<'t>(&'t mut self, text: &'t [u8], limits: &Limits) -> Result<Value<'t>, Error> {
        self.begin();
        let text = parse::utf8(text)?;
        Parser::new(self, text, 0, limits).parse()?;
        Ok(Value { tape: self, text, index: 0 })
    }

    /// Starts a value that is built by hand.
    pub fn begin(&mut self) {
        self.nodes.clear();
        self.own.clear();
        self.open.clear();
    }

    /// What was built since [`Tape::begin`]; `null` if nothing was.
    pub fn built(&self) -> Value<'_> {
        Value { tape: self, text: "", index: 0 }
    }

    /// The value that was built when there were `id` nodes.
    pub(crate) fn at(&self, id: u32) -> Value<'_> {
        Value { tape: self, text: "", index: id }
    }

    /// Adds a text.
    pub fn string(&mut self, text: &str) {
        let (start, end) = self.keep(text);
        self.push(Node { tag: Tag::OwnString, start, end });
    }

    /// Adds a member's name; its value comes next.
    pub fn name(&mut self, text: &str) {
        self.string(text);
    }

    /// Adds a number, which must be one by JSON's grammar: see [`is_number`](Self::is_number).
    pub fn number(&mut self, text: &str) {
        let (start, end) = self.keep(text);
        self.push(Node { tag: Tag::OwnNumber, start, end });
    }

    /// Whether a text is a number by JSON's grammar, of this many digits at most.
    pub fn is_number(text: &str, digits: u32) -> bool {
        parse::number(text.as_bytes(), digits).is_ok_and(|length| length == text.len())
    }

    /// Adds a truth value.
    pub fn boolean(&mut self, value: bool) {
        self.push(Node { tag: if value { Tag::True } else { Tag::False }, start: 0, end: 0 });
    }

    /// Adds a `null`.
    pub fn null(&mut self) {
        self.push(Node { tag: Tag::Null, start: 0, end: 0 });
    }

    /// Opens an array.
    pub fn array(&mut self) {
        self.open(Tag::Array);
    }

    /// Opens an object. Nothing checks that names differ.
    pub fn object(&mut self) {
        self.open(Tag::Object);
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
        let open = std::mem::take(&mut self.open);
        let (base, _) = self.keep(text);
        let result = Parser::new(self, text, base, limits).parse();
        self.open = open;
        result?;
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

    pub(super) fn keep(&mut self, text: &str) -> (u32, u32) {
        let start = self.own.len();
        self.own.push_str(text);
        (place(start), place(self.own.len()))
    }

    pub(super) fn open(&mut self, tag: Tag) {
        let index = self.len();
        self.push(Node { tag, start: 0, end: 0 });
        self.open.push(index);
    }

    pub(super) fn push(&mut self, node: Node) {
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

/// A place in a text, none of which is longer than 4 GiB in WebAssembly.
pub(super) fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
