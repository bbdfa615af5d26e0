//! How responses are held against the contract.

use portcullis_shared::{
    decision::{Decision, Detail},
    encoding::Codings,
    media::MediaType,
    policy::Trail,
    response::{Response, ResponseBody, ResponseCheck},
    schema::{SchemaId, TooComplex},
};
use std::rc::Rc;

use crate::{
    Check,
    errors::Errors,
    operation::{Operation, Watched},
    outcomes::Reason,
    seen::Only,
};

/// The check of the response to a request for the operation at this position.
pub(crate) fn check(check: Rc<Check>, operation: usize) -> ResponseCheck {
    let watched = check.operations.get(operation).and_then(|operation| operation.responses);
    let Watched { holds, bytes } = watched.unwrap_or(Watched { holds: false, bytes: 0 });
    let judge = move |response: &Response<'_>, trail: &mut Trail| {
        let known = check.operations.get(operation)?;
        let next = known.check_response(response);
        let wanted = match next {
            Ok(wanted) => wanted?,
            Err(reason) => {
                conclude(known, reason, Errors::default(), response.status, trail);
                return None;
            }
        };
        let over_limit = known.outcomes.of(Reason::ResponseTooLarge)?;
        let (check, status) = (Rc::clone(&check), response.status);
        let judge = move |body: &[u8], trail: &mut Trail| {
            if let Some(known) = check.operations.get(operation)
                && let Err((reason, errors)) = check.judge_response(known, &wanted, body, bytes)
            {
                conclude(known, reason, errors, status, trail);
            }
        };
        Some(ResponseBody { limit: bytes, over_limit, judge: Box::new(judge) })
    };
    ResponseCheck { holds, judges_local: false, decides: true, judge: Box::new(judge) }
}

fn conclude(operation: &Operation, reason: Reason, errors: Errors, status: u16, trail: &mut Trail) {
    if let Some(outcome) = operation.outcomes.of(reason) {
        let mut details = errors.details();
        details.push(Detail { name: "response_status", value: status.into() });
        trail.conclude(Decision { outcome, details });
    }
}

/// A body that is to be judged.
struct Wanted {
    schema: SchemaId,
    codings: Codings,
}

impl Operation {
    /// What is wrong with a response's headers, or what of its body is to be judged.
    fn check_response(&self, response: &Response<'_>) -> Result<Option<Wanted>, Reason> {
        if response.status == 101 {
            // What was asked for by an upgrade; documents seldom tell of it, and what follows is no response.
            return Ok(None);
        }
        let declared = self.contract.response(response.status).ok_or(Reason::ResponseStatusUnknown)?;
        if response.ended {
            return Ok(None);
        }
        let Some(content) = &declared.content else { return Ok(None) };
        let only = |name| Only::of(response.headers.all(name));
        let Only::One(value) = only("content-type") else { return Err(Reason::ResponseMediaTypeUnknown) };
        let media_type = MediaType::parse(value).map_err(|_| Reason::ResponseMediaTypeUnknown)?;
        let media = content.find(&media_type).ok_or(Reason::ResponseMediaTypeUnknown)?;
        let Some(schema) = media.schema.filter(|_| media_type.is_json()) else { return Ok(None) };
        let codings = match only("content-encoding") {
            Only::None => Codings::default(),
            Only::One(value) => match Codings::parse(value) {
                Ok(codings) => codings,
                // A coding that nothing here can read, which the client asked for.
                Err(_) => return Ok(None),
            },
            Only::More => return Ok(None),
        };
        Ok(Some(Wanted { schema, codings }))
    }
}

impl Check {
    fn judge_response(
        &self,
        operation: &Operation,
        wanted: &Wanted,
        body: &[u8],
        limit: usize,
    ) -> Result<(), (Reason, Errors)> {
        let fault = |reason| (reason, Errors::default());
        let mut decoded = Vec::new();
        let body = if wanted.codings.is_identity() {
            body
        } else {
            let decode = wanted.codings.decode(body, limit, &mut decoded);
            decode.map_err(|_| fault(Reason::ResponseJsonInvalid))?;
            &decoded
        };
        let Ok(mut tape) = self.tape.try_borrow_mut() else { return Ok(()) };
        let value = tape.parse(body, &self.reads.limits).map_err(|_| fault(Reason::ResponseJsonInvalid))?;
        match self.reads.broken(operation, wanted.schema, value, "response") {
            Ok(None) => Ok(()),
            Ok(Some(errors)) => Err((Reason::ResponseBodyInvalid, errors)),
            Err(TooComplex) => Err(fault(Reason::ResponseBodyInvalid)),
        }
    }
}
