//! Only requests that the API's contract allows (R1, R18, R22).
//!
//! What a user may expect:
//! - The contract is the team's OpenAPI document, or JSON Schemas by path and method. Everything else stays outside: unknown
//!   paths, methods, parameters and media types, and JSON that is malformed or that readers take in different ways.
//! - A request is judged in this order: its path's shape, path, method; path variables, query, headers, cookies; media type,
//!   charset, content coding; the body's syntax, then its schema. The first fault is the reason code.
//! - A body is read only where there is something to check in it: JSON always, forms and multipart bodies with a schema.
//!   All others, and those of operations that `stream`, pass as they come and are never held; so are upgrades.
//! - Refusals say where in the request which keyword failed (RFC 6901 pointers), never what was there.
//! - What the upstream gets is what was sent, byte for byte, but for `read_only: drop`.
//! - In shadow mode a request passes after its first denial; unknown paths, methods and parameters may be in shadow mode by
//!   themselves, and then report what is used and not documented: see [`portcullis_shared::discovery`].
//! - Responses, where they are checked, are judged by status, media type and schema.

pub mod config;

mod body;
mod compile;
mod errors;
mod operation;
mod outcomes;
mod response;
mod seen;
#[cfg(test)]
mod tests;

use portcullis_shared::{
    decision::{Decision, Detail, OutcomeId, Outcomes},
    discovery::Routes,
    json::Tape,
    openapi::{Lookup, Router},
    path::{NormalPath, Normaliser, PathBuffer},
    policy::{BodyCheck, Next, Policy, Trail},
    request::{Request, Unavailable},
};
use std::{cell::RefCell, rc::Rc};

use body::{Reading, Reads};
use operation::{Operation, Step};
use outcomes::{ALLOW, Undocumented, Unmatched};
use seen::Seen;

#[cfg(not(feature = "responses"))]
portcullis_adaptor::export!(SchemaCheck, body);
#[cfg(feature = "responses")]
portcullis_adaptor::export!(SchemaCheck, body, response);

/// A compiled configuration.
pub struct SchemaCheck(Rc<Check>);

struct Check {
    outcomes: Outcomes,
    unmatched: Unmatched,
    /// For what browsers ask before they send a request that the contract has.
    preflight: OutcomeId,
    paths: Normaliser,
    router: Router,
    operations: Vec<Operation>,
    reads: Reads,
    routes: RefCell<Routes>,
    warnings: Vec<String>,
    /// Nothing is evaluated.
    off: bool,
    buffer: RefCell<PathBuffer>,
    tape: RefCell<Tape>,
}

impl Policy for SchemaCheck {
    fn outcomes(&self) -> &Outcomes {
        &self.0.outcomes
    }

    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        if self.0.off {
            return Ok(Next::Done);
        }
        self.0.judge(request, trail)
    }

    fn warnings(&self) -> &[String] {
        &self.0.warnings
    }
}

impl Check {
    fn judge(self: &Rc<Self>, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        let headers = request.headers()?;
        let seen = Seen::look(headers.clone());
        // Used again by each request: no other can come between.
        let mut buffer = self.buffer.try_borrow_mut().map_err(|_| Unavailable)?;
        let path = match self.paths.normalise(seen.target, &mut buffer) {
            Ok(path) => path,
            Err(ambiguity) => {
                trail.conclude(self.unmatched.ambiguous(ambiguity));
                return Ok(Next::Done);
            }
        };
        // Browsers send no body with a preflight, and no one would look at it.
        let asked = seen.preflight().filter(|_| !request.has_body());
        let candidates = match self.router.find(&path, seen.method, asked) {
            Lookup::Found(candidates) => candidates,
            Lookup::Preflight => {
                trail.conclude(self.preflight);
                return Ok(Next::Done);
            }
            Lookup::PathUnknown => {
                trail.conclude(self.undocumented(self.unmatched.path, &seen, &path, request, Vec::new()));
                return Ok(Next::Done);
            }
            Lookup::MethodUnknown(methods) => {
                let allow = Detail { name: ALLOW, value: methods.list().join(", ").into() };
                trail.conclude(self.undocumented(self.unmatched.method, &seen, &path, request, vec![allow]));
                return Ok(Next::Done);
            }
        };
        let mut denied = None;
        let mut readings = Vec::new();
        for candidate in candidates {
            let Some(operation) = self.operations.get(candidate.operation) else { continue };
            let mut tape = self.tape.try_borrow_mut().map_err(|_| Unavailable)?;
            let input = operation::Input { template: &candidate.template, path: &path, headers: &headers, seen: &seen };
            match operation.check(&self.reads, &input, request, &mut tape, trail)? {
                Step::Passed => {
                    self.pass(candidate.operation, trail);
                    return Ok(Next::Done);
                }
                Step::Denied(decision) => {
                    denied.get_or_insert(decision);
                }
                Step::Body(reading) => readings.push((candidate.operation, reading)),
            }
        }
        if readings.is_empty() {
            // There is a candidate, and it did not pass.
            trail.conclude(denied.ok_or(Unavailable)?);
            return Ok(Next::Done);
        }
        Ok(Next::Body(self.body_check(readings).ok_or(Unavailable)?))
    }

    /// A request is as the contract wants it.
    fn pass(self: &Rc<Self>, operation: usize, trail: &mut Trail) {
        if let Some(known) = self.operations.get(operation) {
            trail.conclude(known.outcomes.valid);
            if known.responses.is_some() {
                trail.watch_response(response::check(Rc::clone(self), operation));
            }
        }
    }

    fn body_check(self: &Rc<Self>, readings: Vec<(usize, Reading)>) -> Option<BodyCheck> {
        // Alternatives differ in their schemas, not in what is too much: the most that one of them takes.
        let largest = readings.iter().max_by_key(|(_, reading)| reading.limit);
        let (operation, limit, reason) =
            largest.map(|(operation, reading)| (*operation, reading.limit, reading.over_limit))?;
        let over_limit = self.operations.get(operation)?.outcomes.of(reason)?;
        let check = Rc::clone(self);
        let judge = move |request: &dyn Request, body: &[u8], trail: &mut Trail| {
            let mut denied = None;
            for (index, reading) in readings {
                let operation = check.operations.get(index).ok_or(Unavailable)?;
                let mut tape = check.tape.try_borrow_mut().map_err(|_| Unavailable)?;
                match check.reads.judge(&reading, operation, request, body, &mut tape)? {
                    None => {
                        check.pass(index, trail);
                        return Ok(());
                    }
                    Some(decision) => {
                        denied.get_or_insert(decision);
                    }
                }
            }
            trail.conclude(denied.ok_or(Unavailable)?);
            Ok(())
        };
        Some(BodyCheck { limit, over_limit, judge: Box::new(judge) })
    }

    /// The decision about a request that the contract does not know, and which route it was for if that is to be told.
    fn undocumented(
        &self,
        outcome: Undocumented,
        seen: &Seen<'_>,
        path: &NormalPath<'_>,
        request: &dyn Request,
        mut details: Vec<Detail>,
    ) -> Decision {
        let now = request.now().checked_div(1_000_000_000).unwrap_or_default();
        let sighting = self.routes.try_borrow_mut().ok().and_then(|mut routes| routes.note(seen.method, path, now));
        let Some(sighting) = sighting else {
            return Decision { outcome: outcome.known, details };
        };
        details.push(Detail { name: "route", value: format!("{} {}", sighting.method, sighting.template).into() });
        details.push(Detail { name: "requests", value: sighting.count.into() });
        details.push(Detail { name: "first_seen", value: sighting.is_new.into() });
        Decision { outcome: outcome.reported, details }
    }
}
