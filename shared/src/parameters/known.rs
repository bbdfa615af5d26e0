//! One declared parameter.

use std::rc::Rc;

use super::{
    pairs::Pair,
    set::{Problem, Reason, Tools},
    styles::{self, Form},
    text::Fault,
    tree::Tree,
    writer::{Reading, Shape, Writer, takes_one},
};
use crate::{
    openapi::{Location, Parameter, ParameterKind, Style},
    schema::{SchemaId, Schemas, TooComplex, Types},
    spelling::is_near,
};

/// A parameter, and what of its schema matters for reading it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) parameter: Rc<Parameter>,
    types: Types,
    /// Of an object each of whose members is a name of its own: these, ...
    members: Option<Box<[Box<str>]>>,
    /// ... and whether there may be others.
    pub(super) is_open: bool,
}

/// What a request has for a parameter: some of all pairs.
#[derive(Clone, Copy)]
pub(super) struct Own<'p, 'a> {
    pub(super) pairs: &'p [Pair<'a>],
    pub(super) owner: usize,
}

impl<'p, 'a> Own<'p, 'a> {
    pub(super) fn iter(self) -> impl Iterator<Item = &'p Pair<'a>> + Clone {
        self.pairs.iter().filter(move |pair| pair.owner == Some(self.owner))
    }

    fn only(self) -> Result<&'p Pair<'a>, Fault> {
        let mut own = self.iter();
        match (own.next(), own.next()) {
            (Some(pair), None) => Ok(pair),
            _ => Err(Fault::Repeated),
        }
    }
}

impl Known {
    pub(super) fn new(parameter: &Rc<Parameter>, schemas: &Schemas) -> Self {
        let mut known = Self {
            parameter: Rc::clone(parameter),
            types: Types { string: true, ..Types::NONE },
            members: None,
            is_open: false,
        };
        if let ParameterKind::Schema(schema) | ParameterKind::Content(_, Some(schema)) = parameter.kind {
            known.types = schemas.types(schema);
        }
        if let ParameterKind::Schema(schema) = parameter.kind {
            let Types { boolean, number, string, array, object, .. } = known.types;
            let is_object = object && !(boolean || number || string || array);
            if is_object && parameter.style == Style::Form && parameter.explode {
                let (members, is_open) = schemas.members(schema);
                (known.members, known.is_open) = (Some(members.into()), is_open);
            }
        }
        known
    }

    /// Whether a pair of this name is its own.
    pub(super) fn owns(&self, name: &str) -> bool {
        match &self.members {
            Some(members) => members.iter().any(|member| **member == *name),
            None if self.parameter.style == Style::DeepObject => self.brackets(name).is_some(),
            None => *self.parameter.name == *name,
        }
    }

    /// Whether some server takes a pair of this name for one of its own, so that its schema is gone round.
    pub(super) fn is_near(&self, name: &str) -> bool {
        match &self.members {
            Some(members) => members.iter().any(|member| is_near(name, member)),
            None => self.parameter.kind != ParameterKind::Any && is_near(name, &self.parameter.name),
        }
    }

    /// What follows the parameter's name in one that goes on with brackets; or does not, where there may be one text
    /// (Stripe's `created=1700000000` beside `created[gte]=1700000000`).
    fn brackets<'n>(&self, name: &'n str) -> Option<&'n str> {
        let rest = name.strip_prefix(&*self.parameter.name)?;
        (rest.starts_with('[') || (rest.is_empty() && takes_one(self.types))).then_some(rest)
    }

    pub(super) fn problem(&self, reason: Reason) -> Problem {
        let Parameter { location, name, .. } = &*self.parameter;
        Problem { reason, location: *location, name: name.to_string(), violations: Vec::new() }
    }

    /// Judges what a request has for it, which is something.
    pub(super) fn judge(&self, own: Own<'_, '_>, tools: &mut Tools<'_>) -> Result<(), Problem> {
        let is_plain = |pair: &Pair<'_>| !pair.has_semicolon || self.parameter.allow_reserved;
        if !own.iter().all(is_plain) {
            return Err(self.problem(Reason::Malformed));
        }
        let (media_type, schema) = match &self.parameter.kind {
            ParameterKind::Schema(schema) => return self.judge_by(*schema, own, tools),
            ParameterKind::Any => (None, None),
            ParameterKind::Content(media_type, schema) => (Some(media_type), *schema),
        };
        let pair = own.only().map_err(|fault| self.problem(fault.into()))?;
        let Some(media_type) = media_type else { return Ok(()) };
        tools.tape.begin();
        if media_type.is_json() {
            let read = tools.tape.json(pair.text.as_bytes(), tools.limits);
            read.map_err(|_| self.problem(Reason::Malformed))?;
        } else if media_type.essence() == "text/plain" {
            let Tools { schemas, tape, limits, .. } = tools;
            Writer { schemas, limits, tape, is_literal: true }.scalar(&pair.text, self.types);
        } else {
            return Ok(());
        }
        match schema {
            Some(schema) if !self.is_valid(schema, tools)? => Err(self.invalid(schema, tools)),
            _ => Ok(()),
        }
    }

    fn judge_by(&self, schema: SchemaId, own: Own<'_, '_>, tools: &mut Tools<'_>) -> Result<(), Problem> {
        let is_empty = |pair: &Pair<'_>| pair.text.is_empty() && *pair.name == *self.parameter.name;
        if self.parameter.allow_empty && own.only().is_ok_and(is_empty) {
            return Ok(());
        }
        let (mut fault, mut first) = (None, None);
        for reading in Reading::all(self.types) {
            if let Err(unread) = self.write(reading, schema, own, tools) {
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
        // It was written once already.
        let _ = self.write(first, schema, own, tools);
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
    fn write(&self, reading: Reading, schema: SchemaId, own: Own<'_, '_>, tools: &mut Tools<'_>) -> Result<(), Fault> {
        let Tools { schemas, tape, limits, .. } = tools;
        tape.begin();
        let writer = &mut Writer { schemas, limits, tape, is_literal: reading.is_literal };
        let Parameter { location, name, style, explode, .. } = &*self.parameter;
        let form = Form { style: *style, explode: *explode, shape: reading.shape, name };
        if self.members.is_some() {
            return writer.members(Some(schema), &mut own.iter().map(|pair| Some((&*pair.name, &*pair.text))));
        }
        match (style, reading.shape) {
            (Style::DeepObject, _) => self.deep(schema, own, writer),
            (Style::Form, Shape::List) if *explode => {
                writer.list(Some(schema), &mut own.iter().map(|pair| &*pair.text));
                Ok(())
            }
            // It may be in several headers, with blanks around its commas (RFC 9110 sections 5.3 and 5.6.1).
            (Style::Simple, Shape::List | Shape::Members) if *location == Location::Header => {
                let pieces = own.iter().flat_map(|pair| pair.text.split(','));
                styles::pieces(writer, schema, &mut pieces.map(|piece| piece.trim_matches([' ', '\t'])), form)
            }
            _ => styles::write(writer, schema, &own.only()?.text, form),
        }
    }

    fn deep(&self, schema: SchemaId, own: Own<'_, '_>, writer: &mut Writer<'_>) -> Result<(), Fault> {
        let mut tree = Tree::new();
        for (position, pair) in own.pairs.iter().enumerate().filter(|(_, pair)| pair.owner == Some(own.owner)) {
            tree.add(0, self.brackets(&pair.name).ok_or(Fault::Malformed)?, position)?;
        }
        tree.sort();
        tree.write(0, Some(schema), writer, &mut |writer, schema, items| match items {
            [(_, item)] => {
                let text = own.pairs.get(*item).map(|pair| &*pair.text).unwrap_or_default();
                writer.scalar(text, writer.types(schema));
                Ok(())
            }
            _ => Err(Fault::Repeated),
        })
    }
}
