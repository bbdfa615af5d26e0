//! `servers`: which paths come before those of the document.

use crate::json::{Kind, Value};

use super::{
    BasePath,
    reader::{Place, Reader},
};

/// What names of a base path's variables start with in a template.
const VARIABLE: &str = "server:";

/// Whether a template's variable is one of a base path.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(VARIABLE)
}

/// The most URLs that the variables of one server can make.
const URLS: usize = 4096;

/// The most base paths of an operation.
const BASES: usize = 64;

/// A variable's values.
struct Variable<'d> {
    name: &'d str,
    /// Those that are written into the URL: of one that may be any text, a character that no URL has.
    values: Vec<String>,
    /// What it is where it may not be any text.
    default: &'d str,
    is_any: bool,
}

/// Private use: of a variable that may be any text, the first is that of the first variable.
const FIRST: u32 = 0xe000;

fn mark(position: usize) -> Option<char> {
    let position = u32::try_from(position).ok().filter(|position| *position < 0x1000)?;
    char::from_u32(FIRST.saturating_add(position))
}

impl<'d> Reader<'d> {
    /// The base paths that are declared at a place: without a slash at the end, and empty for the root.
    pub(super) fn bases(&mut self, place: &Place<'d>) -> Option<Vec<String>> {
        if let BasePath::Explicit(bases) = self.base_path {
            let plain = |base: &String| match base.trim_matches('/') {
                "" => String::new(),
                base => format!("/{base}"),
            };
            return place.pointer.is_empty().then(|| bases.iter().map(plain).collect());
        }
        let servers = place.get("servers")?;
        if self.findings.is_ignored(&servers.pointer) {
            return None;
        }
        if servers.value.kind() != Kind::Array {
            self.findings.expected("a list of servers", servers.value, &servers.pointer);
            return None;
        }
        let mut bases = Vec::new();
        for server in servers.elements() {
            self.server(&server, &mut bases);
        }
        if bases.len() > BASES {
            let found = format!("expected at most {BASES} base paths, found {}: give `base_path`", bases.len());
            self.findings.fault(&servers.pointer, found);
        }
        (!bases.is_empty()).then_some(bases)
    }

    fn server(&mut self, server: &Place<'d>, bases: &mut Vec<String>) {
        if self.findings.is_ignored(&server.pointer) || !self.is_object(server, "a server, which is an object") {
            return;
        }
        let Some(url) = self.text(server, "url") else {
            if server.value.get("url").is_none() {
                self.findings.fault(&server.pointer, "expected a server's `url`, found none".to_owned());
            }
            return;
        };
        let Some((urls, variables)) = self.urls(url, server) else { return };
        for url in urls {
            let (path, is_plain) = path_of(&url);
            if !is_plain {
                let message = "a server's URL with neither scheme nor `/` at its start: read as a path";
                self.findings.warn(&server.pointer, message);
            }
            let base = self.base(path, &variables, server);
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
    }

    /// All URLs that the variables make.
    fn urls(&mut self, url: &'d str, server: &Place<'d>) -> Option<(Vec<String>, Vec<Variable<'d>>)> {
        let mut urls = vec![String::new()];
        let mut variables = Vec::<Variable<'_>>::new();
        let mut rest = url;
        while let Some((text, (name, after))) =
            rest.split_once('{').and_then(|(text, opened)| Some((text, opened.split_once('}')?)))
        {
            rest = after;
            push(&mut urls, text);
            if !variables.iter().any(|known| known.name == name) {
                variables.push(self.variable(name, server, variables.len()));
            }
            let known = variables.iter().find(|known| known.name == name);
            let values = known.map(|variable| variable.values.as_slice()).unwrap_or_default();
            if urls.len().saturating_mul(values.len()) > URLS {
                let message = format!("expected variables that make at most {URLS} URLs, found more: give `base_path`");
                self.findings.fault(&server.pointer, message);
                return None;
            }
            urls = urls.iter().flat_map(|url| values.iter().map(move |value| format!("{url}{value}"))).collect();
        }
        push(&mut urls, rest);
        Some((urls, variables))
    }

    fn variable(&mut self, name: &'d str, server: &Place<'d>, position: usize) -> Variable<'d> {
        let place = server.get("variables").and_then(|variables| variables.get(name));
        let texts = |place: &Place<'d>| -> Vec<String> {
            let values = place.get("enum");
            values
                .iter()
                .flat_map(|list| list.value.elements())
                .filter_map(Value::as_str)
                .map(ToOwned::to_owned)
                .collect()
        };
        let mut values = place.as_ref().map(texts).unwrap_or_default();
        let default = place.as_ref().and_then(|place| self.text(place, "default"));
        if values.is_empty() {
            let mark =
                mark(position).filter(|_| default.is_none_or(|default| !(default.is_empty() || default.contains('/'))));
            let is_any = mark.is_some();
            values.push(mark.map_or_else(|| default.unwrap_or_default().to_owned(), String::from));
            return Variable { name, values, default: default.unwrap_or_default(), is_any };
        }
        if let Some(default) = default.filter(|default| !values.iter().any(|known| known == default)) {
            values.push(default.to_owned());
        }
        Variable { name, values, default: default.unwrap_or_default(), is_any: false }
    }

    /// The base path that an URL's path is: a variable of any text is a segment of its own, or is its default.
    fn base(&mut self, path: &str, variables: &[Variable<'d>], server: &Place<'d>) -> String {
        let mut base = String::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            base.push('/');
            let variable = |char: char| {
                let position = u32::from(char).checked_sub(FIRST)?;
                variables.get(usize::try_from(position).ok()?).filter(|variable| variable.is_any)
            };
            let mut chars = segment.chars();
            if let (Some(whole), "") = (chars.next().and_then(variable), chars.as_str()) {
                base.extend(["{", VARIABLE, whole.name, "}"]);
                continue;
            }
            for char in segment.chars() {
                let Some(variable) = variable(char) else {
                    base.push(char);
                    continue;
                };
                let message = "a server's variable that is a part of a segment is its default alone: list others as \
                               its `enum`";
                self.findings.warn(&server.pointer, message);
                base.push_str(variable.default);
            }
        }
        base
    }
}

fn push(urls: &mut [String], text: &str) {
    for url in urls {
        url.push_str(text);
    }
}

/// The path of an URL, and whether it is clear which it is.
fn path_of(url: &str) -> (&str, bool) {
    let url = url.split(['?', '#']).next().unwrap_or_default().trim();
    let authority = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => Some(rest),
        _ => url.strip_prefix("//"),
    };
    if let Some(authority) = authority {
        return (authority.find('/').and_then(|at| authority.get(at..)).unwrap_or_default(), true);
    }
    if url.is_empty() || url.starts_with('/') {
        return (url, true);
    }
    let (first, rest) = url.split_once('/').unwrap_or((url, ""));
    // `localhost:8080/api`; `./api` and `../api` are where the document is, which no one knows.
    match first {
        "." | ".." => (rest.trim_start_matches("../").trim_start_matches("./"), false),
        _ if first.contains(':') => (rest, false),
        _ => (url, false),
    }
}
