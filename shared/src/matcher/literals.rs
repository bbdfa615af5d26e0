//! Many literals as one automaton (Aho and Corasick's): a tree of all their prefixes, in which a text that leaves
//! the tree goes on from its longest suffix that is a prefix of some literal. All these moves are worked out beforehand.

use super::{
    Hits,
    bytes::{ByteSet, Classes},
    dense::Dense,
};

/// What must be found, where.
#[derive(Debug)]
pub(super) struct Literal {
    pub(super) rule: usize,
    /// Not empty.
    pub(super) text: Vec<u8>,
    pub(super) case_sensitive: bool,
    /// Only at the start or the end of the text.
    pub(super) at_start: bool,
    pub(super) at_end: bool,
}

#[derive(Debug)]
pub(super) struct Literals {
    dense: Dense,
    /// Of each reporting state, the first of the literals that end there.
    first: Vec<u32>,
    all: Vec<Literal>,
    /// Of each literal, the next one that ends wherever this one does.
    next: Vec<u32>,
}

/// No node, no literal.
const NONE: u32 = u32::MAX;

/// A prefix of some literal.
#[derive(Clone, Copy)]
struct Node {
    /// The class of its last byte.
    class: u8,
    first_child: u32,
    sibling: u32,
    /// The literal that it is.
    literal: u32,
}

impl Node {
    fn new(class: u8, sibling: u32) -> Self {
        Self { class, first_child: NONE, sibling, literal: NONE }
    }
}

impl Literals {
    /// An error is the index of the literal at which the table would pass `max_bytes`.
    pub(super) fn new(all: Vec<Literal>, max_bytes: usize) -> Result<Self, usize> {
        // Each byte that occurs is a class, in both cases; the others are one together.
        let mut used = ByteSet::default();
        for &byte in all.iter().flat_map(|literal| &literal.text) {
            used.insert(byte.to_ascii_lowercase());
        }
        let mut classes = Classes::default();
        for byte in used.iter() {
            classes.split(&ByteSet::range(byte, byte).folded());
        }
        let max_nodes = max_bytes.checked_div(classes.count.saturating_mul(4)).unwrap_or_default();
        let mut nodes = vec![Node::new(0, NONE)];
        let mut next = Vec::with_capacity(all.len());
        for (index, literal) in all.iter().enumerate() {
            let mut id = 0;
            for class in literal.text.iter().filter_map(|&byte| classes.of.get(usize::from(byte))) {
                id = child_or_new(&mut nodes, id, *class);
            }
            let Some(node) = nodes.get_mut(id as usize).filter(|_| index < NONE as usize) else { return Err(index) };
            next.push(node.literal);
            node.literal = u32::try_from(index).unwrap_or(NONE);
            if nodes.len() > max_nodes {
                return Err(index);
            }
        }
        // Offsets that do not fit 32 bits are too large, too.
        let (table, first, first_match) = Table::build(&nodes, classes.count, &mut next).ok_or(0_usize)?;
        let columns = u32::try_from(classes.count).unwrap_or(u32::MAX);
        Ok(Self { dense: Dense::new(&classes, columns, table, first_match), first, all, next })
    }

    pub(super) fn add_hits(&self, text: &[u8], hits: &mut Hits) {
        self.dense.run(text, |number, read| {
            let read = text.get(..read).unwrap_or_default();
            let mut id = self.first.get(number).copied().unwrap_or(NONE);
            while let Some(literal) = self.all.get(id as usize) {
                if literal.ends(read, text) {
                    hits.insert(literal.rule);
                }
                id = self.next.get(id as usize).copied().unwrap_or(NONE);
            }
        });
    }
}

impl Literal {
    /// Whether `read`, the start of `text`, ends with this, which is known to be so if case is ignored.
    fn ends(&self, read: &[u8], text: &[u8]) -> bool {
        (!self.at_start || read.len() == self.text.len())
            && (!self.at_end || read.len() == text.len())
            && (!self.case_sensitive || read.ends_with(&self.text))
    }
}

fn child_or_new(nodes: &mut Vec<Node>, parent: u32, class: u8) -> u32 {
    let eldest = nodes.get(parent as usize).map_or(NONE, |node| node.first_child);
    let mut id = eldest;
    while let Some(node) = nodes.get(id as usize) {
        if node.class == class {
            return id;
        }
        id = node.sibling;
    }
    let id = u32::try_from(nodes.len()).unwrap_or(NONE);
    nodes.push(Node::new(class, eldest));
    if let Some(parent) = nodes.get_mut(parent as usize) {
        parent.first_child = id;
    }
    id
}

/// The automaton while its rows are filled, the shorter prefixes first.
struct Table {
    rows: Vec<u32>,
    columns: usize,
    /// Of each row, the first of the literals that end there.
    first: Vec<u32>,
    /// The next row for a prefix where no literal ends, counted from the start, and for one where some do, from the end.
    silent: usize,
    reporting: usize,
}

impl Table {
    /// The rows, the first literals of those that report, and the offset of the first of these.
    fn build(nodes: &[Node], columns: usize, next: &mut [u32]) -> Option<(Vec<u32>, Vec<u32>, u32)> {
        let mut table = Self {
            rows: vec![0; nodes.len().checked_mul(columns)?],
            columns,
            first: vec![NONE; nodes.len()],
            silent: 1,
            reporting: nodes.len(),
        };
        // Nodes with their rows' numbers and those of their longest suffixes, which are shorter and so already done.
        let mut queue = vec![(0, 0, 0)];
        let mut done = 0;
        while let Some(&(node, row, suffix)) = queue.get(done) {
            done = done.checked_add(1)?;
            // Wherever the prefix does not go on, its suffix does, or the start.
            for column in 0..columns {
                let target = table.target(suffix, column)?;
                table.set(row, column, target)?;
            }
            let mut child = nodes.get(node as usize)?.first_child;
            while let Some(node) = nodes.get(child as usize) {
                let column = usize::from(node.class);
                let suffix = if row == 0 { 0 } else { table.target(row, column)? };
                let child_row = table.place(node.literal, suffix, next)?;
                table.set(row, column, child_row)?;
                queue.push((child, child_row, suffix));
                child = node.sibling;
            }
        }
        let first = table.first.split_off(table.reporting);
        let scale = u32::try_from(columns).ok()?;
        for entry in &mut table.rows {
            *entry = entry.checked_mul(scale)?;
        }
        Some((table.rows, first, u32::try_from(table.reporting.checked_mul(columns)?).ok()?))
    }

    fn target(&self, row: usize, column: usize) -> Option<usize> {
        Some(*self.rows.get(row.checked_mul(self.columns)?.checked_add(column)?)? as usize)
    }

    fn set(&mut self, row: usize, column: usize, target: usize) -> Option<()> {
        *self.rows.get_mut(row.checked_mul(self.columns)?.checked_add(column)?)? = u32::try_from(target).ok()?;
        Some(())
    }

    /// A row for a prefix, which reports the literals that it is itself and those that its suffix reports.
    fn place(&mut self, literal: u32, suffix: usize, next: &mut [u32]) -> Option<usize> {
        let mut first = *self.first.get(suffix)?;
        if literal != NONE {
            let mut last = literal;
            while let Some(&after) = next.get(last as usize).filter(|after| **after != NONE) {
                last = after;
            }
            *next.get_mut(last as usize)? = first;
            first = literal;
        }
        let row = if first == NONE {
            let row = self.silent;
            self.silent = row.checked_add(1)?;
            row
        } else {
            self.reporting = self.reporting.checked_sub(1)?;
            self.reporting
        };
        *self.first.get_mut(row)? = first;
        Some(row)
    }
}
