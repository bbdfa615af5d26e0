//! How bodies are read and judged.

use portcullis_shared::{
    decision::Decision,
    encoding::Codings,
    json::{Limits, Tape, Value, Without},
    openapi::Media,
    parameters::{read_form, read_multipart},
    request::{Request, Unavailable},
    schema::{Budget, SchemaId, TooComplex},
};

use std::rc::Rc;

use crate::{errors::Errors, operation::Operation, outcomes::Reason};

/// The most members that are taken out of a body.
const MOST_DROPPED: usize = 1000;

/// What is alike for all operations.
pub(crate) struct Reads {
    pub(crate) limits: Limits,
    pub(crate) steps: u32,
    /// How many violations are told.
    pub(crate) violations: usize,
    /// Whether compressed bodies are decoded; they are refused otherwise.
    pub(crate) decodes: bool,
    /// Whether members that are `readOnly` are taken out.
    pub(crate) drops_read_only: bool,
}

/// How one body is to be read.
pub(crate) struct Reading {
    pub(crate) kind: Kind,
    pub(crate) codings: Codings,
    /// The most bytes it may have, ...
    pub(crate) limit: usize,
    /// ... and what is wrong with more.
    pub(crate) over_limit: Reason,
}

/// What a body is.
pub(crate) enum Kind {
    /// Nothing.
    Empty,
    Json(Option<SchemaId>),
    Text(SchemaId),
    /// Of a form, or with a boundary, of a multipart body.
    Fields {
        schema: SchemaId,
        media: Rc<Media>,
        boundary: Option<Box<str>>,
    },
}

/// What is wrong with a body.
pub(crate) type Fault = (Reason, Errors);

fn fault(reason: Reason) -> Fault {
    (reason, Errors::default())
}

impl Reads {
    /// What is wrong with a body; `None` when it is good.
    pub(crate) fn judge(
        &self,
        reading: &Reading,
        operation: &Operation,
        request: &dyn Request,
        body: &[u8],
        tape: &mut Tape,
    ) -> Result<Option<Decision>, Unavailable> {
        let judged = if body.is_empty() {
            if operation.requires_body() { Err(fault(Reason::BodyMissing)) } else { Ok(None) }
        } else {
            self.decoded(reading, operation, body, tape)
        };
        match judged {
            Ok(None) => Ok(None),
            Ok(Some(without)) => {
                request.set_body(without.as_bytes())?;
                Ok(None)
            }
            Err((reason, errors)) => {
                // A reason that passes is not found out about bodies.
                let outcome = operation.outcomes.of(reason).ok_or(Unavailable)?;
                Ok(Some(Decision { outcome, details: errors.details() }))
            }
        }
    }

    fn decoded(
        &self,
        reading: &Reading,
        operation: &Operation,
        body: &[u8],
        tape: &mut Tape,
    ) -> Result<Option<String>, Fault> {
        if reading.codings.is_identity() {
            return self.read(reading, operation, body, tape, true);
        }
        let mut decoded = Vec::new();
        reading.codings.decode(body, reading.limit, &mut decoded).map_err(|error| fault(error.into()))?;
        self.read(reading, operation, &decoded, tape, false)
    }

    /// Judges what was decoded. Also returned is what is to go to the upstream in its place.
    fn read(
        &self,
        reading: &Reading,
        operation: &Operation,
        body: &[u8],
        tape: &mut Tape,
        may_change: bool,
    ) -> Result<Option<String>, Fault> {
        match &reading.kind {
            Kind::Empty => {}
            Kind::Json(schema) => {
                let value = tape.parse(body, &self.limits).map_err(|error| fault(error.fault.into()))?;
                let Some(schema) = schema else { return Ok(None) };
                if let Err(broken) = self.valid(operation, *schema, value) {
                    // What is compressed would have to be compressed anew.
                    let without =
                        (self.drops_read_only && may_change).then(|| self.without_read_only(operation, *schema, value));
                    return without.flatten().map(Some).ok_or(broken);
                }
            }
            Kind::Text(schema) => {
                let text = str::from_utf8(body).map_err(|_| fault(Reason::CharsetUnsupported))?;
                tape.begin();
                tape.string(text);
                self.valid(operation, *schema, tape.built())?;
            }
            Kind::Fields { schema, media, boundary } => {
                let with = (&*operation.schemas, &self.limits);
                let read = |tape: &mut Tape, is_literal| match boundary {
                    None => read_form(body, (*schema, media), with, tape, is_literal)
                        .map_err(|_| fault(Reason::FormInvalid)),
                    Some(boundary) => read_multipart(body, boundary, (*schema, media), with, tape, is_literal)
                        .map_err(|_| fault(Reason::MultipartInvalid)),
                };
                read(tape, false)?;
                if let Err(first) = self.valid(operation, *schema, tape.built()) {
                    // What looks like a number may have been meant as a text.
                    read(tape, true)?;
                    self.valid(operation, *schema, tape.built()).map_err(|_| first)?;
                }
            }
        }
        Ok(None)
    }

    fn valid(&self, operation: &Operation, schema: SchemaId, value: Value<'_>) -> Result<(), Fault> {
        match self.broken(operation, schema, value, "body") {
            Ok(None) => Ok(()),
            Ok(Some(errors)) => Err((Reason::BodyInvalid, errors)),
            Err(TooComplex) => Err(fault(Reason::TooComplex)),
        }
    }

    /// What is wrong with a value that came as this part of an exchange; `None` if it is valid.
    pub(crate) fn broken(
        &self,
        operation: &Operation,
        schema: SchemaId,
        value: Value<'_>,
        place: &str,
    ) -> Result<Option<Errors>, TooComplex> {
        if operation.schemas.is_valid(schema, value, &mut Budget(self.steps))? {
            return Ok(None);
        }
        let budget = &mut Budget(self.steps);
        // What cannot be told is still not valid.
        let report = operation.schemas.report(schema, value, self.violations, budget).unwrap_or_default();
        let mut errors = Errors::default();
        for violation in &report.violations {
            errors.violation(place, None, violation);
        }
        Ok(Some(errors))
    }

    /// The body without members that are `readOnly`, if these are all that is wrong with it.
    fn without_read_only(&self, operation: &Operation, schema: SchemaId, value: Value<'_>) -> Option<String> {
        let mut budget = Budget(self.steps);
        let report = operation.schemas.report(schema, value, MOST_DROPPED, &mut budget).ok()?;
        if !report.violations.iter().all(|violation| violation.keyword == "readOnly") {
            return None;
        }
        let found = report.violations.iter().map(|violation| Some(value.lookup(&violation.pointer)?.id()));
        let mut found = found.collect::<Option<Vec<_>>>()?;
        found.sort_unstable();
        let without = Without(value, &found).to_string();
        // There may have been more than was told, and what is left may miss a member.
        let mut tape = Tape::default();
        let left = tape.parse(without.as_bytes(), &self.limits).ok()?;
        self.valid(operation, schema, left).ok()?;
        Some(without)
    }
}
