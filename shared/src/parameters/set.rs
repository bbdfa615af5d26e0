//! The parameters of one operation, held against a request.

use std::{borrow::Cow, rc::Rc};

use super::{
    cookie,
    judge::Judge,
    known::{Known, Own},
    pairs::Pair,
    text::{Coding, Fault, decode},
    usual::is_usual,
};
use crate::{
    json::{Limits, Tape},
    openapi::{Location, Parameter},
    query::MAX_PAIRS,
    request::Headers,
    schema::{Budget, Violation},
    spelling::alike,
};

/// What is wrong with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has to be there.
    Missing,
    /// It comes more than once, or under another name that some servers take for it.
    Repeated,
    /// It cannot be read as its style says.
    Malformed,
    /// It breaks its schema.
    Invalid,
    /// Nobody declared it.
    Unknown,
    /// There was more to do than the budget allowed.
    TooComplex,
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::Malformed,
            Fault::Repeated => Self::Repeated,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub reason: Reason,
    /// Where.
    pub location: Location,
    /// The parameter's name. If it is unknown, it is a client's own: the start of it, printable. Empty if it has none that
    /// can be read.
    pub name: String,
    /// How it breaks its schema.
    pub violations: Vec<Violation>,
}

impl Problem {
    pub(super) fn unreadable(location: Location) -> Self {
        Self { reason: Reason::Malformed, location, name: String::new(), violations: Vec::new() }
    }

    pub(super) fn unknown(location: Location, name: &str) -> Self {
        let is_shown = |char: char| !char.is_control() && !crate::path::is_lookalike(char);
        let shown = name.chars().take(MAX_TOLD).map(|char| if is_shown(char) { char } else { '\u{fffd}' });
        Self { reason: Reason::Unknown, location, name: shown.collect(), violations: Vec::new() }
    }
}

/// The longest name that is told of if it is a client's own, in characters.
const MAX_TOLD: usize = 128;

/// Which unknown names are told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those in the query.
    pub query: bool,
    /// Those of headers.
    pub headers: bool,
    /// Those of cookies.
    pub cookies: bool,
}

/// A request, as far as parameters are concerned.
pub struct Inputs<'a, 'p> {
    /// The variables of the path's template with their values, decoded once.
    pub path: &'a mut dyn Iterator<Item = (&'p str, &'p [u8])>,
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
    /// All headers.
    pub headers: &'a Headers<'a>,
}

/// What is used to read and judge.
pub struct Tools<'t> {
    /// Where the schemas are.
    pub schemas: &'t dyn Judge,
    /// Memory for one value at a time.
    pub tape: &'t mut Tape,
    /// For JSON in parameters, and the digits of numbers.
    pub limits: &'t Limits,
    /// How much work may be done.
    pub budget: &'t mut Budget,
    /// The most violations of one parameter that are told of.
    pub most: usize,
}

/// The parameters of an operation.
#[derive(Clone, Debug, Default)]
pub struct ParameterSet {
    path: Box<[Known]>,
    query: Box<[Known]>,
    headers: Box<[Known]>,
    cookies: Box<[Known]>,
    wanted: Wanted,
}

type Sink<'s> = &'s mut dyn FnMut(Problem);

impl ParameterSet {
    /// For an operation.
    pub fn new(parameters: &[Rc<Parameter>], wanted: Wanted, schemas: &dyn Judge) -> Self {
        let all = |location: Location| {
            let own = parameters.iter().filter(move |parameter| parameter.location == location);
            own.map(|parameter| Known::new(parameter, schemas)).collect()
        };
        Self {
            path: all(Location::Path),
            query: all(Location::Query),
            headers: all(Location::Header),
            cookies: all(Location::Cookie),
            wanted,
        }
    }

    /// Tells all that is wrong: path, query, headers, cookies; of each place first what is declared, then what is not.
    pub fn check(&self, inputs: &mut Inputs<'_, '_>, tools: &mut Tools<'_>, sink: Sink<'_>) {
        for (name, value) in &mut *inputs.path {
            let Some(known) = self.path.iter().find(|known| known.owns(name)) else { continue };
            let judged = match decode(value, Coding::Plain) {
                Ok(text) => {
                    let pairs = [Pair { text, owner: Some(0), ..Pair::default() }];
                    known.judge(Own { pairs: &pairs, owner: 0 }, tools)
                }
                Err(fault) => Err(known.problem(fault.into())),
            };
            if let Err(problem) = judged {
                sink(problem);
            }
        }
        self.check_query(inputs.query.unwrap_or_default(), tools, sink);
        if !self.headers.is_empty() || self.wanted.headers {
            self.check_headers(inputs.headers, tools, sink);
        }
        if !self.cookies.is_empty() || self.wanted.cookies {
            self.check_cookies(inputs.headers, tools, sink);
        }
    }

    fn check_query(&self, query: &[u8], tools: &mut Tools<'_>, sink: Sink<'_>) {
        let Ok(mut pairs) = Pair::all(query, MAX_PAIRS, Coding::Query) else {
            sink(Problem::unreadable(Location::Query));
            return;
        };
        let rest = self.query.iter().position(|known| known.is_open);
        let near = |pair: &Pair<'_>| self.query.iter().find(|known| known.is_near(&pair.name));
        for pair in &mut pairs {
            pair.owner = owner(&self.query, &pair.name);
            if pair.owner.is_none() && rest.is_some() && near(pair).is_none() {
                pair.owner = rest;
            }
        }
        judge_all(&self.query, &pairs, tools, sink);
        for pair in pairs.iter().filter(|pair| pair.owner.is_none()) {
            if self.wanted.query {
                sink(Problem::unknown(Location::Query, &pair.name));
            }
            if let Some(near) = near(pair) {
                sink(near.problem(Reason::Repeated));
            } else if pair.has_semicolon {
                sink(Problem::unreadable(Location::Query));
            }
        }
    }

    fn check_headers(&self, headers: &Headers<'_>, tools: &mut Tools<'_>, sink: Sink<'_>) {
        let (mut pairs, mut unread) = (Vec::new(), Vec::new());
        let (mut unknown, mut near) = (Vec::new(), None);
        for (name, value) in headers.clone() {
            let is_own = |known: &Known| known.parameter.name.as_bytes() == name;
            if let Some(position) = self.headers.iter().position(is_own) {
                match decode(value, Coding::Plain) {
                    Ok(text) => pairs.push(Pair { text, owner: Some(position), ..Pair::default() }),
                    Err(_) => unread.push(position),
                }
                continue;
            }
            if near.is_none() {
                near = self.headers.iter().find(|known| is_same_to_cgi(known.parameter.name.as_bytes(), name));
            }
            if self.wanted.headers && !is_usual(name) {
                unknown.push(name);
            }
        }
        for (position, known) in self.headers.iter().enumerate() {
            if unread.contains(&position) {
                sink(known.problem(Reason::Malformed));
            } else {
                judge_one(known, Own { pairs: &pairs, owner: position }, tools, sink);
            }
        }
        for name in unknown {
            sink(Problem::unknown(Location::Header, &String::from_utf8_lossy(name)));
        }
        if let Some(near) = near {
            sink(near.problem(Reason::Repeated));
        }
    }

    fn check_cookies(&self, headers: &Headers<'_>, tools: &mut Tools<'_>, sink: Sink<'_>) {
        let mut pairs = Vec::new();
        for pair in headers.clone().filter(|(name, _)| *name == b"cookie").flat_map(|(_, value)| cookie::pairs(value)) {
            let Some((name, raw)) = pair.ok().filter(|_| pairs.len() < MAX_PAIRS) else {
                sink(Problem::unreadable(Location::Cookie));
                return;
            };
            let name = String::from_utf8_lossy(name);
            let owner = owner(&self.cookies, &name);
            let text = match (decode(raw, Coding::Percent), owner) {
                (Ok(text), Some(_)) => text,
                // What is somebody else's need not be readable.
                (_, None) => Cow::Borrowed(""),
                (Err(_), Some(_)) => {
                    sink(Problem::unreadable(Location::Cookie));
                    return;
                }
            };
            pairs.push(Pair { name, text, owner, has_semicolon: false });
        }
        judge_all(&self.cookies, &pairs, tools, sink);
        for pair in pairs.iter().filter(|pair| pair.owner.is_none()) {
            if self.wanted.cookies {
                sink(Problem::unknown(Location::Cookie, &pair.name));
            }
            // Not what goes on with a dot: `session.sig` beside `session` is common, and nobody mixes them up.
            let name = pair.name.split_once('[').map_or(&*pair.name, |(name, _)| name);
            if let Some(near) = self.cookies.iter().find(|known| alike(name, &known.parameter.name)) {
                sink(near.problem(Reason::Repeated));
            }
        }
    }
}

fn owner(known: &[Known], name: &str) -> Option<usize> {
    known.iter().position(|known| known.owns(name))
}

fn judge_all(known: &[Known], pairs: &[Pair<'_>], tools: &mut Tools<'_>, sink: Sink<'_>) {
    for (owner, known) in known.iter().enumerate() {
        judge_one(known, Own { pairs, owner }, tools, sink);
    }
}

fn judge_one(known: &Known, own: Own<'_, '_>, tools: &mut Tools<'_>, sink: Sink<'_>) {
    if own.iter().next().is_none() {
        if known.parameter.is_required {
            sink(known.problem(Reason::Missing));
        }
    } else if let Err(problem) = known.judge(own, tools) {
        sink(problem);
    }
}

/// Whether two names of headers, both in lower case, become the same variable (RFC 3875 section 4.1.18).
fn is_same_to_cgi(one: &[u8], other: &[u8]) -> bool {
    let fold = |byte: &u8| if byte.is_ascii_alphanumeric() { *byte } else { b'-' };
    one.len() == other.len() && one.iter().map(fold).eq(other.iter().map(fold))
}
