//! YAML 1.2, read into what JSON can say, or refused with the line.
//!
//! Keys are texts as they are written (`200`, `on`, `1.0`). Merge keys (`<<`), which are of YAML 1.1 but much used, are
//! resolved: the map's own members win, then those of the first map merged.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{node::Node, read::Fault, scalar};

/// How deep lists and maps may be nested: as deep as the filter reads its configuration.
const MAX_DEPTH: usize = 512;
/// What aliases may add, in bytes of memory: nested ones grow exponentially.
const MAX_COPIED: usize = 64 << 20;

/// The one document in `text`.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), copied: 0, depth: 0 };
    reader.next()?; // the stream's start
    let (event, span) = reader.next()?;
    if !matches!(event, Event::DocumentStart(_)) {
        return Err(fault(span, "there is nothing in it"));
    }
    let (event, span) = reader.next()?;
    let node = reader.node(event, span)?;
    reader.next()?; // the document's end
    match reader.next()? {
        (Event::StreamEnd, _) => Ok(node),
        (_, span) => Err(fault(span, "a second document begins here; one file is one document")),
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// What was read under each anchor, and its size.
    anchors: BTreeMap<usize, (Node, usize)>,
    copied: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Fault> {
        let broken = |error: ScanError| Fault { line: error.marker().line(), what: error.info().to_owned() };
        self.parser.next_event().unwrap_or(Ok((Event::StreamEnd, Span::default()))).map_err(broken)
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, Fault> {
        let (node, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                (value(&text, style, tag.as_deref()).map_err(|what| fault(span, what))?, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                only(tag.as_deref(), "seq").map_err(|what| fault(span, what))?;
                (self.nested(span, Self::list)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                only(tag.as_deref(), "map").map_err(|what| fault(span, what))?;
                (self.nested(span, Self::map)?, anchor)
            }
            _ => return Err(fault(span, "a value is missing")),
        };
        if anchor > 0 {
            let size = node.size();
            self.count(size, span)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn nested(&mut self, span: Span, read: fn(&mut Self) -> Result<Node, Fault>) -> Result<Node, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(fault(span, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.depth = self.depth.saturating_add(1);
        let node = read(self)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(node)
    }

    fn count(&mut self, size: usize, span: Span) -> Result<(), Fault> {
        self.copied = self.copied.saturating_add(size);
        if self.copied > MAX_COPIED {
            return Err(fault(span, format!("aliases make the document more than {} MiB larger", MAX_COPIED >> 20)));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Fault> {
        let (node, size) = self.anchors.get(&anchor).ok_or_else(|| fault(span, "an alias stands for what it is in"))?;
        let (node, size) = (node.clone(), *size);
        self.count(size, span)?;
        Ok(node)
    }

    fn list(&mut self) -> Result<Node, Fault> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Node::List(elements)),
                (event, span) => elements.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Node, Fault> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.key(event, span)?;
            if let Some(line) = lines.insert(key.clone(), span.start.line()) {
                return Err(fault(span, format!("the key {key} is already there, in line {line}")));
            }
            let (event, span) = self.next()?;
            let node = self.node(event, span)?;
            if !is_merge {
                members.push((key, node));
                continue;
            }
            match node {
                Node::Map(_) => merged.push(node),
                Node::List(maps) if maps.iter().all(|map| matches!(map, Node::Map(_))) => merged.extend(maps),
                _ => return Err(fault(span, "`<<` takes a map or a list of maps")),
            }
        }
        for map in merged {
            if let Node::Map(others) = map {
                // The key `<<` itself is in `lines`, too; one that was quoted may come.
                for (key, node) in others {
                    if !members.iter().any(|(known, _)| *known == key) {
                        members.push((key, node));
                    }
                }
            }
        }
        Ok(Node::Map(members))
    }

    fn key(&mut self, event: Event<'t>, span: Span) -> Result<String, Fault> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty() || text == "~" => {
                Err(fault(span, "a key is missing"))
            }
            Event::Scalar(text, _, anchor, _) => {
                if anchor > 0 {
                    self.anchors.insert(anchor, (Node::text(text.clone()), text.len()));
                }
                Ok(text.into_owned())
            }
            Event::Alias(anchor) => match self.alias(anchor, span)? {
                Node::Text(text) | Node::Number(text) => Ok(text),
                Node::Bool(bool) => Ok(bool.to_string()),
                _ => Err(fault(span, "a key must be a text")),
            },
            _ => Err(fault(span, "a key must be a text")),
        }
    }
}

fn fault(span: Span, what: impl Into<String>) -> Fault {
    Fault { line: span.start.line(), what: what.into() }
}

/// A scalar by its tag, or without one by its looks.
fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Node, String> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { scalar::resolve(text) } else { Ok(Node::text(text)) };
    };
    let node = match tag.suffix.as_str() {
        _ if !tag.is_yaml_core_schema() => is_plain_text(tag).then(|| Node::text(text)),
        "str" | "timestamp" => Some(Node::text(text)),
        "null" => Some(scalar::resolve(text)?).filter(|node| *node == Node::Null),
        "bool" => Some(scalar::resolve(text)?).filter(|node| matches!(node, Node::Bool(_))),
        "int" | "float" => Some(scalar::resolve(text)?).filter(|node| matches!(node, Node::Number(_))),
        _ => None,
    };
    node.ok_or_else(|| format!("{text} under the tag {tag} is nothing that JSON can say"))
}

/// The tag `!`: whatever it looks like, a text.
fn is_plain_text(tag: &Tag) -> bool {
    (tag.handle.as_str(), tag.suffix.as_str()) == ("", "!") || (tag.handle.as_str(), tag.suffix.as_str()) == ("!", "")
}

fn only(tag: Option<&Tag>, kind: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == kind) => {
            Err(format!("a {kind} under the tag {tag} is nothing that JSON can say"))
        }
        _ => Ok(()),
    }
}
