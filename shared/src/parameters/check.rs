//! The parameters of one operation, held against a request.

use std::{borrow::Cow, rc::Rc};

use super::{
    build::{Builder, Reading},
    cookie,
    headers::is_usual,
    pairs::{Coding, Pair, decode},
    styles::{Fault, Parts, Shape, add, split},
    tree::{self, Tree},
};
use crate::{
    json::{Limits, Tape},
    openapi::{Location, Parameter, ParameterKind, Style},
    query::{MAX_PAIRS, is_near},
    request::Headers,
    schema::{Budget, SchemaId, Schemas, TooComplex, Types, Violation},
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

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub reason: Reason,
    /// Where.
    pub location: Location,
    /// The parameter's name; of a client's own choice if it is unknown, and empty if it has none that can be read.
    pub name: String,
    /// How it breaks its schema.
    pub violations: Vec<Violation>,
}

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
    pub schemas: &'t Schemas,
    /// Memory for one value at a time.
    pub tape: &'t mut Tape,
    /// For JSON in parameters.
    pub limits: &'t Limits,
    /// How much work may be done.
    pub budget: &'t mut Budget,
    /// The most violations of one parameter that are told of.
    pub most: usize,
}

/// The parameters of an operation.
#[derive(Clone, Debug, Default)]
pub struct ParameterSet {
    path: Vec<Known>,
    query: Vec<Known>,
    headers: Vec<Known>,
    cookies: Vec<Known>,
    wanted: Wanted,
}

/// A parameter, and what of its schema matters for reading it.
#[derive(Clone, Debug)]
struct Known {
    parameter: Rc<Parameter>,
    types: Types,
    /// Of an object each of whose members is a name of its own: these, ...
    members: Option<Vec<Box<str>>>,
    /// ... and whether there may be others.
    is_open: bool,
}

/// What a request has for a parameter, undecoded.
enum Found<'a> {
    Texts(Vec<&'a [u8]>),
    Members(Vec<(Cow<'a, str>, &'a [u8])>),
    Brackets(Vec<(Cow<'a, str>, &'a [u8])>),
}

type Sink<'s> = &'s mut dyn FnMut(Problem);

impl Known {
    fn new(parameter: &Rc<Parameter>, schemas: &Schemas) -> Self {
        let types = match parameter.kind {
            ParameterKind::Schema(schema) => schemas.types(schema),
            _ => Types { string: true, ..Types::NONE },
        };
        let takes_more = types.array || types.string || types.number || types.boolean;
        let is_spread = parameter.style == Style::Form && parameter.explode && types.object && !takes_more;
        let members = match parameter.kind {
            ParameterKind::Schema(schema) if is_spread => Some(schemas.members(schema)),
            _ => None,
        };
        let (members, is_open) = members.map_or((None, false), |(members, is_open)| (Some(members), is_open));
        Self { parameter: Rc::clone(parameter), types, members, is_open }
    }

    fn problem(&self, reason: Reason) -> Problem {
        let Parameter { location, name, .. } = &*self.parameter;
        Problem { reason, location: *location, name: name.to_string(), violations: Vec::new() }
    }

    /// Tells that it is missing, if it is.
    fn absent(&self, sink: Sink<'_>) {
        if self.parameter.is_required {
            sink(self.problem(Reason::Missing));
        }
    }

    fn coding(&self) -> Coding {
        match self.parameter.location {
            Location::Path | Location::Header => Coding::Plain,
            Location::Query => Coding::Form,
            Location::Cookie => Coding::Percent,
        }
    }

    /// Judges what was found.
    fn judge(&self, found: &Found<'_>, tools: &mut Tools<'_>) -> Result<(), Problem> {
        match &self.parameter.kind {
            ParameterKind::Any => self.one(found).map(drop).map_err(|fault| self.problem(fault.into())),
            ParameterKind::Content(media_type, schema) => {
                let text = self.one(found).map_err(|fault| self.problem(fault.into()))?;
                if !media_type.is_json() {
                    return Ok(());
                }
                tools.tape.begin();
                let parsed = tools.tape.json(text.as_bytes(), tools.limits);
                parsed.map_err(|_| self.problem(Reason::Malformed))?;
                let Some(schema) = schema else { return Ok(()) };
                if self.is_valid(*schema, tools)? { Ok(()) } else { Err(self.invalid(*schema, tools)) }
            }
            ParameterKind::Schema(schema) => self.judge_by(*schema, found, tools),
        }
    }

    fn one<'f>(&self, found: &Found<'f>) -> Result<Cow<'f, str>, Fault> {
        match found {
            Found::Texts(texts) => match texts.as_slice() {
                [text] => Ok(decode(text, self.coding())?),
                _ => Err(Fault::Repeated),
            },
            _ => Err(Fault::Malformed),
        }
    }

    fn judge_by(&self, schema: SchemaId, found: &Found<'_>, tools: &mut Tools<'_>) -> Result<(), Problem> {
        if let Found::Texts(texts) = found
            && matches!(texts.as_slice(), [[]])
            && self.parameter.allow_empty
        {
            return Ok(());
        }
        let (mut fault, mut first) = (None, None);
        for reading in Reading::all(self.types) {
            if let Err(unread) = self.build(reading, schema, found, tools) {
                fault.get_or_insert(unread);
                continue;
            }
            if self.is_valid(schema, tools)? {
                return Ok(());
            }
            first.get_or_insert(reading);
        }
        let Some(first) = first else {
            return Err(self.problem(fault.unwrap_or(Fault::Malformed).into()));
        };
        // It was built once already.
        let _ = self.build(first, schema, found, tools);
        Err(self.invalid(schema, tools))
    }

    fn is_valid(&self, schema: SchemaId, tools: &mut Tools<'_>) -> Result<bool, Problem> {
        let valid = tools.schemas.is_valid(schema, tools.tape.built(), tools.budget);
        valid.map_err(|TooComplex| self.problem(Reason::TooComplex))
    }

    fn invalid(&self, schema: SchemaId, tools: &mut Tools<'_>) -> Problem {
        // What cannot be told is still not valid.
        let report = tools.schemas.report(schema, tools.tape.built(), tools.most, tools.budget).unwrap_or_default();
        Problem { violations: report.violations, ..self.problem(Reason::Invalid) }
    }

    /// Puts the value on the tape.
    fn build(&self, reading: Reading, schema: SchemaId, found: &Found<'_>, tools: &mut Tools<'_>) -> Result<(), Fault> {
        let Tools { schemas, tape, .. } = tools;
        tape.begin();
        let mut builder = Builder { schemas, tape, is_literal: reading.is_literal };
        let Parameter { style, explode, name, .. } = &*self.parameter;
        match found {
            Found::Brackets(pairs) => {
                let mut tree = Tree::new();
                for (brackets, raw) in pairs {
                    tree.add(brackets, decode(raw, self.coding())?)?;
                }
                builder.tree(Some(schema), &tree);
            }
            Found::Members(pairs) => {
                let mut members = Vec::new();
                for (name, raw) in pairs {
                    add(&mut members, name.clone(), decode(raw, self.coding())?)?;
                }
                builder.parts(schema, &Parts::Members(members));
            }
            Found::Texts(texts) => {
                let is_spread = *explode && *style == Style::Form && reading.shape == Shape::List;
                if is_spread {
                    let items: Result<Vec<_>, _> = texts.iter().map(|raw| decode(raw, self.coding())).collect();
                    builder.list(schema, &items?);
                    return Ok(());
                }
                let joined;
                let text = match (texts.as_slice(), self.parameter.location) {
                    // A list in a header may be in several (RFC 9110 section 5.3), with blanks around its commas.
                    (_, Location::Header) if reading.shape != Shape::One => {
                        joined = join(texts);
                        joined.as_slice()
                    }
                    ([text], _) => text,
                    _ => return Err(Fault::Repeated),
                };
                let parts = split(text, (*style, *explode), reading.shape, name, self.coding())?;
                builder.parts(schema, &parts);
            }
        }
        Ok(())
    }
}

fn join(texts: &[&[u8]]) -> Vec<u8> {
    let pieces = texts.iter().flat_map(|text| text.split(|byte| *byte == b','));
    pieces.map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b","[..])
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::Malformed,
            Fault::Repeated => Self::Repeated,
        }
    }
}

impl From<tree::Fault> for Fault {
    fn from(fault: tree::Fault) -> Self {
        match fault {
            tree::Fault::Malformed => Self::Malformed,
            tree::Fault::Repeated => Self::Repeated,
        }
    }
}

impl ParameterSet {
    /// For an operation.
    pub fn new(parameters: &[Rc<Parameter>], wanted: Wanted, schemas: &Schemas) -> Self {
        let mut set = Self { wanted, ..Self::default() };
        for parameter in parameters {
            let known = Known::new(parameter, schemas);
            match parameter.location {
                Location::Path => set.path.push(known),
                Location::Query => set.query.push(known),
                Location::Header => set.headers.push(known),
                Location::Cookie => set.cookies.push(known),
            }
        }
        // What takes all that is left comes last.
        set.query.sort_by_key(|known| known.is_open);
        set
    }

    /// Tells all that is wrong: path, query, headers, cookies.
    pub fn check(&self, inputs: &mut Inputs<'_, '_>, tools: &mut Tools<'_>, sink: Sink<'_>) {
        for (name, value) in &mut *inputs.path {
            let known = self.path.iter().find(|known| *known.parameter.name == *name);
            if let Some(known) = known
                && let Err(problem) = known.judge(&Found::Texts(vec![value]), tools)
            {
                sink(problem);
            }
        }
        self.check_query(inputs.query.unwrap_or_default(), tools, sink);
        self.check_headers(inputs.headers, tools, sink);
        if !self.cookies.is_empty() || self.wanted.cookies {
            self.check_cookies(inputs.headers, tools, sink);
        }
    }

    fn check_query(&self, query: &[u8], tools: &mut Tools<'_>, sink: Sink<'_>) {
        let Ok(mut pairs) = Pair::all(query, MAX_PAIRS) else {
            sink(unreadable(Location::Query));
            return;
        };
        for known in &self.query {
            let found = known.find(&mut pairs);
            match found {
                None => known.absent(sink),
                Some(found) => {
                    // A separator to some servers.
                    let splits = |raw: &[u8]| raw.contains(&b';') && !known.parameter.allow_reserved;
                    if found.raws().any(splits) {
                        sink(known.problem(Reason::Malformed));
                    } else if let Err(problem) = known.judge(&found, tools) {
                        sink(problem);
                    }
                }
            }
        }
        for pair in pairs.iter().filter(|pair| !pair.is_known) {
            let near = self.query.iter().find(|known| is_near(&pair.name, &known.parameter.name));
            if self.wanted.query {
                sink(unknown(Location::Query, pair.name.to_string()));
            } else if pair.name.contains(';') || pair.raw.contains(&b';') {
                sink(unreadable(Location::Query));
            } else if let Some(near) = near {
                sink(near.problem(Reason::Repeated));
            }
        }
    }

    fn check_headers(&self, headers: &Headers<'_>, tools: &mut Tools<'_>, sink: Sink<'_>) {
        for known in &self.headers {
            let values: Vec<_> = headers.all(&known.parameter.name).collect();
            if values.is_empty() {
                known.absent(sink);
            } else if let Err(problem) = known.judge(&Found::Texts(values), tools) {
                sink(problem);
            }
        }
        if !self.wanted.headers {
            return;
        }
        for (name, _) in headers.clone() {
            let is_declared = self.headers.iter().any(|known| known.parameter.name.as_bytes() == name);
            if !is_declared && !is_usual(name) {
                sink(unknown(Location::Header, String::from_utf8_lossy(name).into_owned()));
            }
        }
    }

    fn check_cookies(&self, headers: &Headers<'_>, tools: &mut Tools<'_>, sink: Sink<'_>) {
        let mut all = Vec::new();
        for pair in headers.all("cookie").flat_map(cookie::pairs) {
            let Ok(pair) = pair else {
                sink(unreadable(Location::Cookie));
                return;
            };
            all.push(pair);
        }
        let mut names = Vec::new();
        for known in &self.cookies {
            let is_own = |name: &[u8]| match &known.members {
                Some(members) => members.iter().any(|member| member.as_bytes() == name),
                None => known.parameter.name.as_bytes() == name,
            };
            let own: Vec<_> = all.iter().filter(|(name, _)| is_own(name)).copied().collect();
            names.extend(own.iter().map(|(name, _)| *name));
            if own.is_empty() {
                known.absent(sink);
                continue;
            }
            let found = if known.members.is_some() {
                let pairs = own.iter().map(|(name, raw)| (String::from_utf8_lossy(name), *raw));
                Found::Members(pairs.collect())
            } else {
                Found::Texts(own.iter().map(|(_, raw)| *raw).collect())
            };
            if let Err(problem) = known.judge(&found, tools) {
                sink(problem);
            }
        }
        for (name, _) in all {
            if self.wanted.cookies && !names.contains(&name) {
                sink(unknown(Location::Cookie, String::from_utf8_lossy(name).into_owned()));
            }
        }
    }
}

impl Known {
    /// What a query has for it.
    fn find<'a>(&self, pairs: &mut [Pair<'a>]) -> Option<Found<'a>> {
        let name = &*self.parameter.name;
        let mut own = |is_own: &dyn Fn(&Pair<'a>) -> bool| -> Vec<Pair<'a>> {
            let own = pairs.iter_mut().filter(|pair| !pair.is_known && is_own(pair));
            own.map(|pair| {
                pair.is_known = true;
                pair.clone()
            })
            .collect()
        };
        if let Some(members) = &self.members {
            let is_member = |pair: &Pair<'_>| self.is_open || members.iter().any(|member| **member == *pair.name);
            let own = own(&is_member).into_iter().map(|pair| (pair.name, pair.raw)).collect::<Vec<_>>();
            return (!own.is_empty()).then_some(Found::Members(own));
        }
        if self.parameter.style == Style::DeepObject {
            let own = own(&|pair| brackets(&pair.name, name).is_some());
            let own = own.into_iter().filter_map(|pair| {
                let brackets = brackets(&pair.name, name)?.to_owned();
                Some((Cow::Owned(brackets), pair.raw))
            });
            let own: Vec<_> = own.collect();
            return (!own.is_empty()).then_some(Found::Brackets(own));
        }
        let own: Vec<_> = own(&|pair| *pair.name == *name).into_iter().map(|pair| pair.raw).collect();
        (!own.is_empty()).then_some(Found::Texts(own))
    }
}

/// What follows `name` in a name that goes on with brackets.
fn brackets<'n>(text: &'n str, name: &str) -> Option<&'n str> {
    text.strip_prefix(name).filter(|rest| rest.starts_with('['))
}

impl<'a> Found<'a> {
    fn raws(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        let (texts, pairs) = match self {
            Self::Texts(texts) => (texts.as_slice(), [].as_slice()),
            Self::Members(pairs) | Self::Brackets(pairs) => ([].as_slice(), pairs.as_slice()),
        };
        texts.iter().copied().chain(pairs.iter().map(|(_, raw)| *raw))
    }
}

fn unreadable(location: Location) -> Problem {
    Problem { reason: Reason::Malformed, location, name: String::new(), violations: Vec::new() }
}

fn unknown(location: Location, name: String) -> Problem {
    Problem { reason: Reason::Unknown, location, name, violations: Vec::new() }
}
