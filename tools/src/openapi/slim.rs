//! A document without what the filter never reads.
//!
//! What is kept and what it refers to is found first, then the rest is left out. So parts that are only there to be
//! referred to go where nothing does, and a schema of a response that a request refers to stays.

use std::collections::BTreeMap;

use super::node::Node;
use super::part::{Part, Use, tokens};

/// Leaves out what the filter never reads; `responses` are kept if it judges them, and so is what it is told to ignore: that
/// must be there.
pub(super) fn slim(document: &Node, responses: bool, ignored: &[&str]) -> Node {
    let mut finder = Finder::new(document, responses);
    for target in ignored.iter().filter_map(|pointer| tokens(pointer)) {
        finder.refer(target, Part::Value);
    }
    finder.visit(document, Part::Document, &mut Vec::new());
    while let Some((target, part)) = finder.waiting.pop() {
        if let Some(node) = document.at(&target) {
            finder.visit(node, part, &mut target.clone());
        }
    }
    let Finder { needed, by_anchor, .. } = finder;
    Cutter { responses, by_anchor }.cut(document, Part::Document, Some(&needed), false)
}

/// Places that something refers to, by their names and positions.
#[derive(Default)]
struct Needed {
    /// What the reference takes it for.
    part: Option<Part>,
    below: BTreeMap<String, Needed>,
}

impl Needed {
    /// Whether the place was not known.
    fn add(&mut self, target: &[String], part: Part) -> bool {
        let mut place = self;
        for token in target {
            place = place.below.entry(token.clone()).or_default();
        }
        place.part.replace(part).is_none()
    }
}

/// Whether schemas refer to others by anything else than their place, which is not followed here.
fn has_anchors(node: &Node, part: Part) -> bool {
    match node {
        _ if part == Part::Value => false,
        Node::List(elements) => elements.iter().any(|element| has_anchors(element, part)),
        Node::Map(members) => members.iter().any(|(name, node)| {
            let is_anchor =
                matches!(name.as_str(), "$id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveRef");
            (is_anchor && part == Part::Schema && node.as_str().is_some()) || has_anchors(node, part.member(name).1)
        }),
        _ => false,
    }
}

/// Whether what is used in this way is there without a reference to it.
const fn is_kept(of: Use, responses: bool, by_anchor: bool) -> bool {
    match of {
        Use::Read => true,
        Use::Skip => false,
        Use::Response => responses,
        Use::Named => by_anchor,
    }
}

struct Finder<'d> {
    document: &'d Node,
    responses: bool,
    by_anchor: bool,
    needed: Needed,
    waiting: Vec<(Vec<String>, Part)>,
    /// Schemas by those that they are an `allOf` of: a discriminator may name them.
    children: BTreeMap<Vec<String>, Vec<&'d str>>,
}

impl<'d> Finder<'d> {
    fn new(document: &'d Node, responses: bool) -> Self {
        let mut children: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let schemas = document.get("components").and_then(|components| components.get("schemas"));
        for (name, schema) in schemas.map(Node::members).unwrap_or_default() {
            let Some(Node::List(all)) = schema.get("allOf") else { continue };
            for parent in all.iter().filter_map(|one| one.get("$ref")?.as_str()?.strip_prefix('#')) {
                children.entry(tokens(parent).unwrap_or_default()).or_default().push(name.as_str());
            }
        }
        let by_anchor = has_anchors(document, Part::Document);
        Self { document, responses, by_anchor, needed: Needed::default(), waiting: Vec::new(), children }
    }

    fn refer(&mut self, target: Vec<String>, part: Part) {
        if self.document.at(&target).is_some() && self.needed.add(&target, part) {
            self.waiting.push((target, part));
        }
    }

    fn refer_schema(&mut self, name: &str) {
        self.refer(["components", "schemas", name].map(str::to_owned).into(), Part::Schema);
    }

    fn visit(&mut self, node: &'d Node, part: Part, place: &mut Vec<String>) {
        match node {
            _ if part == Part::Value => {}
            Node::List(elements) => {
                for (position, element) in elements.iter().enumerate() {
                    place.push(position.to_string());
                    self.visit(element, part, place);
                    place.pop();
                }
            }
            Node::Map(members) => {
                if let Some(target) = node.get("$ref").and_then(Node::as_str).and_then(|to| to.strip_prefix('#'))
                    && let Some(target) = tokens(target)
                {
                    self.refer(target, part);
                }
                if part == Part::Discriminator {
                    self.discriminated(node);
                }
                if part == Part::Schema && node.get("discriminator").is_some() {
                    for name in self.children.get(place).cloned().unwrap_or_default() {
                        self.refer_schema(name);
                    }
                }
                for (name, member) in members {
                    let (used, part) = part.member(name);
                    if is_kept(used, self.responses, self.by_anchor) {
                        place.push(name.clone());
                        self.visit(member, part, place);
                        place.pop();
                    }
                }
            }
            _ => {}
        }
    }

    fn discriminated(&mut self, discriminator: &Node) {
        for (_, value) in discriminator.get("mapping").map(Node::members).unwrap_or_default() {
            let Some(value) = value.as_str() else { continue };
            match value.strip_prefix('#') {
                Some(target) => self.refer(tokens(target).unwrap_or_default(), Part::Schema),
                None => self.refer_schema(value),
            }
        }
    }
}

struct Cutter {
    responses: bool,
    by_anchor: bool,
}

impl Cutter {
    /// What is left of a place. Of one that is there `only_for` what is below it, that alone is.
    fn cut(&self, node: &Node, part: Part, needed: Option<&Needed>, only_for: bool) -> Node {
        let asked = needed.and_then(|needed| needed.part);
        let (part, only_for) = match asked {
            Some(asked) => (if part == Part::Value { asked } else { part }, false),
            None => (part, only_for),
        };
        let below = |name: &str| needed.and_then(|needed| needed.below.get(name));
        match node {
            Node::List(elements) if part != Part::Value || only_for => Node::List(
                elements
                    .iter()
                    .enumerate()
                    .map(|(position, element)| match below(&position.to_string()) {
                        // Positions stay what they are.
                        None if only_for => Node::Null,
                        needed => self.cut(element, part, needed, only_for),
                    })
                    .collect(),
            ),
            Node::Map(members) if part != Part::Value || only_for => Node::Map(
                members
                    .iter()
                    .filter_map(|(name, member)| {
                        let (used, part) = part.member(name);
                        let needed = below(name);
                        let is_kept = !only_for && is_kept(used, self.responses, self.by_anchor);
                        let kept = is_kept || needed.is_some();
                        kept.then(|| (name.clone(), self.cut(member, part, needed, !is_kept)))
                    })
                    .filter(|(_, member)| !(part == Part::Components && member.members().is_empty()))
                    .collect(),
            ),
            _ => node.clone(),
        }
    }
}
