//! Names in brackets: `a[b][0]=x`, as `deepObject` and forms have them.

use std::collections::BTreeMap;

use super::{text::Fault, writer::Writer};
use crate::schema::SchemaId;

/// How deep brackets may be.
const MAX_DEPTH: usize = 16;

/// What belongs where, by names. Its nodes are numbers; the root is 0.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    /// Of each node.
    names: Vec<&'t str>,
    known: BTreeMap<(usize, &'t str), usize>,
    /// Each node below another, with that before it.
    children: Vec<(usize, usize)>,
    /// Each item, with the node before it that it is at.
    items: Vec<(usize, usize)>,
}

/// Writes what the items at one node are.
pub(super) type Leaf<'l> = &'l mut dyn FnMut(&mut Writer<'_>, Option<SchemaId>, &[(usize, usize)]) -> Result<(), Fault>;

impl<'t> Tree<'t> {
    pub(super) fn new() -> Self {
        Self { names: vec![""], known: BTreeMap::new(), children: Vec::new(), items: Vec::new() }
    }

    /// The node of this name below another. Each one without a name is an element of its own.
    pub(super) fn child(&mut self, parent: usize, name: &'t str) -> usize {
        if !name.is_empty()
            && let Some(known) = self.known.get(&(parent, name))
        {
            return *known;
        }
        let node = self.names.len();
        self.names.push(name);
        self.children.push((parent, node));
        self.known.insert((parent, name), node);
        node
    }

    /// Puts an item at the node that these brackets lead to. What follows `[]` would be grouped in several ways.
    pub(super) fn add(&mut self, mut node: usize, brackets: &'t str, item: usize) -> Result<(), Fault> {
        let (mut rest, mut depth) = (brackets, 0_usize);
        while !rest.is_empty() {
            let (name, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or(Fault::Malformed)?;
            depth = depth.saturating_add(1);
            if name.contains('[') || depth > MAX_DEPTH || (name.is_empty() && !after.is_empty()) {
                return Err(Fault::Malformed);
            }
            node = self.child(node, name);
            rest = after;
        }
        self.items.push((node, item));
        Ok(())
    }

    /// Brings what belongs together side by side. To be called when all is there.
    pub(super) fn sort(&mut self) {
        // Children come in their order already, those of one parent not side by side. Sorting is stable.
        self.children.sort_by_key(|(parent, _)| *parent);
        self.items.sort_by_key(|(node, _)| *node);
    }

    /// The nodes below a node.
    pub(super) fn children(&self, node: usize) -> &[(usize, usize)] {
        of(&self.children, node)
    }

    pub(super) fn name(&self, node: usize) -> &'t str {
        self.names.get(node).copied().unwrap_or_default()
    }

    /// Writes the value at a node.
    pub(super) fn write(
        &self,
        node: usize,
        schema: Option<SchemaId>,
        writer: &mut Writer<'_>,
        leaf: Leaf<'_>,
    ) -> Result<(), Fault> {
        let (children, items) = (self.children(node), of(&self.items, node));
        if !items.is_empty() {
            return if children.is_empty() { leaf(writer, schema, items) } else { Err(Fault::Repeated) };
        }
        if writer.types(schema).array && self.is_list(children) {
            writer.tape.array();
            for (position, (_, child)) in children.iter().enumerate() {
                let element = writer.element(schema, position);
                self.write(*child, element, writer, leaf)?;
            }
        } else {
            writer.tape.object();
            for (_, child) in children {
                let name = self.name(*child);
                if name.is_empty() {
                    return Err(Fault::Malformed);
                }
                writer.tape.name(name);
                let member = writer.member(schema, name);
                self.write(*child, member, writer, leaf)?;
            }
        }
        writer.tape.close();
        Ok(())
    }

    /// Whether the names are those of elements: none at all, or 0 and on in their order.
    fn is_list(&self, children: &[(usize, usize)]) -> bool {
        let mut names = children.iter().map(|(_, child)| self.name(*child));
        let is_number = |(position, name): (usize, &str)| {
            let is_plain = name == "0" || !name.starts_with(['0', '+']);
            is_plain && name.parse() == Ok(position)
        };
        names.clone().all(str::is_empty) || names.by_ref().enumerate().all(is_number)
    }
}

/// What belongs to a node.
fn of(list: &[(usize, usize)], node: usize) -> &[(usize, usize)] {
    let start = list.partition_point(|(known, _)| *known < node);
    let end = list.partition_point(|(known, _)| *known <= node);
    list.get(start..end).unwrap_or_default()
}
