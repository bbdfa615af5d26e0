//! References to other files, resolved: what they name moves into `components`, so that cycles stay references; what has
//! no section there (path items, `paths` as a whole) is put where the reference was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::node::Node;
use super::part::{Part, tokens};
use super::read;

/// The most files that one document may be made of.
const MAX_FILES: usize = 2000;
/// How deep what is put in place may put others in place: none of it can be a cycle.
const MAX_INLINED: usize = 32;
/// What is to be done where this is not enough.
const HELP: &str = "bundle the document first: npx @redocly/cli bundle FILE -o bundled.yaml";

/// The document of `file` as one, or what is wrong, with the file and line.
pub(super) fn bundle(file: &str, text: &str, mut document: Node) -> Result<Node, String> {
    let root =
        Rc::new(File { name: file.to_owned(), path: clean(Path::new(file)), text: text.to_owned(), node: Node::Null });
    let mut bundler = Bundler {
        root: Rc::clone(&root),
        files: BTreeMap::new(),
        names: BTreeMap::new(),
        taken: BTreeMap::new(),
        waiting: Vec::new(),
        inlined: 0,
    };
    for (section, things) in document.get("components").map(Node::members).unwrap_or_default() {
        bundler.taken.insert(section.clone(), things.members().iter().map(|(name, _)| name.clone()).collect());
    }
    bundler.walk(&mut document, Part::Document, &root)?;
    let mut moved: BTreeMap<&str, Vec<(String, Node)>> = BTreeMap::new();
    while let Some(Moved { name, part, section, mut node, from }) = bundler.waiting.pop() {
        bundler.walk(&mut node, part, &from)?;
        moved.entry(section).or_default().push((name, node));
    }
    if !moved.is_empty() {
        let mut components = document.get("components").cloned().unwrap_or(Node::Map(Vec::new()));
        for (section, mut things) in moved {
            let mut all = components.get(section).map(Node::members).unwrap_or_default().to_vec();
            things.sort_by(|(one, _), (other, _)| one.cmp(other));
            all.append(&mut things);
            components.set(section, Node::Map(all));
        }
        document.set("components", components);
    }
    Ok(document)
}

struct File {
    /// As users know it.
    name: String,
    path: PathBuf,
    text: String,
    node: Node,
}

impl File {
    /// An error that names the place of a reference.
    fn fault(&self, reference: &str, what: &str) -> String {
        let line = self.text.lines().position(|line| line.contains(reference)).map_or(1, |line| line.saturating_add(1));
        format!("{}:{line}: $ref {reference}: {what}", self.name)
    }
}

/// What is on its way into `components`.
struct Moved {
    name: String,
    part: Part,
    section: &'static str,
    node: Node,
    from: Rc<File>,
}

struct Bundler {
    root: Rc<File>,
    files: BTreeMap<PathBuf, Rc<File>>,
    /// What each place of a file is called in its section.
    names: BTreeMap<(PathBuf, Vec<String>, &'static str), String>,
    /// Names that sections have.
    taken: BTreeMap<String, BTreeSet<String>>,
    waiting: Vec<Moved>,
    inlined: usize,
}

impl Bundler {
    fn walk(&mut self, node: &mut Node, part: Part, at: &Rc<File>) -> Result<(), String> {
        match node {
            _ if part == Part::Value => Ok(()),
            Node::List(elements) => elements.iter_mut().try_for_each(|element| self.walk(element, part, at)),
            Node::Map(_) => {
                if at.path != self.root.path
                    && part == Part::Schema
                    && node.get("$id").is_some_and(|id| id.as_str().is_some())
                {
                    return Err(at.fault("$id", &format!("a schema with a base of its own; {HELP}")));
                }
                if let Some(reference) = node.get("$ref").and_then(Node::as_str).map(str::to_owned)
                    && let Some((target, from)) = self.resolve(&reference, part, at)?
                {
                    match target {
                        Target::Name(name) => node.set("$ref", Node::Text(name)),
                        Target::Node(found) => {
                            if self.inlined >= MAX_INLINED {
                                return Err(at.fault(&reference, &format!("it leads to itself; {HELP}")));
                            }
                            *node = found;
                            self.inlined = self.inlined.saturating_add(1);
                            self.walk(node, part, &from)?;
                            self.inlined = self.inlined.saturating_sub(1);
                            return Ok(());
                        }
                    }
                }
                let Node::Map(members) = node else { return Ok(()) };
                for (name, member) in members {
                    if part == Part::Discriminator && name == "mapping" {
                        self.mapping(member, at);
                    }
                    self.walk(member, part.member(name).1, at)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A mapping names schemas, or refers to them. Published bundles often keep those of files that are no more: they stay,
    /// and mean nothing.
    fn mapping(&mut self, mapping: &mut Node, at: &Rc<File>) {
        let Node::Map(members) = mapping else { return };
        for (_, value) in members {
            let Some(reference) = value.as_str().map(str::to_owned) else { continue };
            let is_reference =
                reference.contains(['#', '/']) || [".yaml", ".yml", ".json"].iter().any(|end| reference.ends_with(end));
            if is_reference && let Ok(Some((Target::Name(name), _))) = self.resolve(&reference, Part::Schema, at) {
                *value = Node::Text(name);
            }
        }
    }

    /// What a reference becomes, and the file that it leads to; none if it stays.
    fn resolve(&mut self, reference: &str, part: Part, at: &Rc<File>) -> Result<Option<(Target, Rc<File>)>, String> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let path = if file.is_empty() { at.path.clone() } else { path_of(file, at)? };
        if path == self.root.path {
            let is_here = file.is_empty() && at.path == self.root.path;
            let there = || (Target::Name(format!("#{fragment}")), Rc::clone(&self.root));
            return Ok((!is_here).then(there));
        }
        let from = self.load(path, at, reference)?;
        let tokens = tokens(fragment).or_else(|| fragment.is_empty().then(Vec::new));
        let tokens = tokens
            .ok_or_else(|| at.fault(reference, &format!("not the place of something by JSON pointer; {HELP}")))?;
        let node =
            from.node.at(&tokens).ok_or_else(|| at.fault(reference, &format!("{} has no such place", from.name)))?;
        let Some(section) = part.section() else {
            return Ok(Some((Target::Node(node.clone()), from)));
        };
        let key = (from.path.clone(), tokens, section);
        let name = if let Some(name) = self.names.get(&key) {
            name.clone()
        } else {
            let name = self.name(&key.0, &key.1, section);
            let from = Rc::clone(&from);
            self.waiting.push(Moved { name: name.clone(), part, section, node: node.clone(), from });
            self.names.insert(key, name.clone());
            name
        };
        Ok(Some((Target::Name(format!("#/components/{section}/{name}")), from)))
    }

    /// A name that its section does not have: the last part of the place, or the file's.
    fn name(&mut self, path: &Path, tokens: &[String], section: &str) -> String {
        let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let wanted = tokens.last().cloned().or_else(stem).unwrap_or_default();
        let wanted: String = wanted
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() || "._-".contains(char) { char } else { '_' })
            .collect();
        let taken = self.taken.entry(section.to_owned()).or_default();
        let mut names = std::iter::once(wanted.clone()).chain((2_u32..).map(|number| format!("{wanted}_{number}")));
        let name = names.find(|name| !taken.contains(name)).unwrap_or(wanted);
        taken.insert(name.clone());
        name
    }

    fn load(&mut self, path: PathBuf, at: &File, reference: &str) -> Result<Rc<File>, String> {
        if let Some(file) = self.files.get(&path) {
            return Ok(Rc::clone(file));
        }
        if self.files.len() >= MAX_FILES {
            return Err(format!("the document is made of more than {MAX_FILES} files; {HELP}"));
        }
        let name = path.display().to_string();
        let text = read::text(&name).map_err(|error| at.fault(reference, &error))?;
        let node = read::parse(&name, &text)?;
        let file = Rc::new(File { name, path: path.clone(), text, node });
        self.files.insert(path, Rc::clone(&file));
        Ok(file)
    }
}

enum Target {
    /// The reference becomes this.
    Name(String),
    /// This takes its place.
    Node(Node),
}

/// The file that a reference in `at` names.
fn path_of(file: &str, at: &File) -> Result<PathBuf, String> {
    if file.contains(':') || file.starts_with("//") || file.contains('?') {
        return Err(at.fault(file, &format!("it is not a local file, and nothing is fetched; {HELP}")));
    }
    let decoded = super::part::percent_decoded(file).unwrap_or_else(|| file.to_owned());
    Ok(clean(&at.path.parent().unwrap_or(Path::new("")).join(decoded)))
}

/// The path without `.` and what `..` takes back.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    clean
}
