//! What is told of a denial: where in the request which keyword failed, never what was there.

use portcullis_shared::{decision::Detail, openapi::Location, parameters::Problem, schema::Violation};
use serde_json::{Map, Value};

use crate::outcomes::ERRORS;

/// The longest pointer or name that is told, in characters: they may be a client's own.
const LONGEST: usize = 200;

/// Errors, to be told all at once.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<Value>);

impl Errors {
    /// Something is wrong with a part of the request as a whole.
    pub(crate) fn add(&mut self, place: &str, name: Option<&str>) {
        self.0.push(Value::Object(error(place, name)));
    }

    /// A schema is broken.
    pub(crate) fn violation(&mut self, place: &str, name: Option<&str>, violation: &Violation) {
        let mut error = error(place, name);
        error.insert("pointer".to_owned(), short(&violation.pointer).into());
        error.insert("keyword".to_owned(), violation.keyword.into());
        self.0.push(Value::Object(error));
    }

    /// Something is wrong with a parameter.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        let place = match problem.location {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
            Location::Cookie => "cookie",
        };
        let name = (!problem.name.is_empty()).then_some(&*problem.name);
        if problem.violations.is_empty() {
            self.add(place, name);
        }
        for violation in &problem.violations {
            self.violation(place, name, violation);
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// As a decision's details.
    pub(crate) fn details(self) -> Vec<Detail> {
        if self.0.is_empty() { Vec::new() } else { vec![Detail { name: ERRORS, value: Value::Array(self.0) }] }
    }
}

fn error(place: &str, name: Option<&str>) -> Map<String, Value> {
    let mut error = Map::new();
    error.insert("in".to_owned(), place.into());
    if let Some(name) = name {
        error.insert("name".to_owned(), short(name).into());
    }
    error
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
