//! One operation, as requests are held against it.

use portcullis_shared::{
    decision::{Decision, OutcomeId},
    encoding::Codings,
    json::Tape,
    media::MediaType,
    mode::Mode,
    openapi::{self, Location, Media},
    parameters::{self, Inputs, ParameterSet, Problem, Tools, Wanted},
    path::{Case, NormalPath, Template},
    policy::Trail,
    request::{Headers, Request, Unavailable},
    schema::{Budget, Schemas},
};
use std::rc::Rc;

use crate::{
    body::{Kind, Reading, Reads},
    config::{self, Config, Override, Verdict},
    errors::Errors,
    outcomes::{OperationOutcomes, Reason},
    seen::{Only, Seen},
};

/// An operation of the contract, compiled.
pub(crate) struct Operation {
    pub(crate) contract: openapi::Operation,
    pub(crate) schemas: Rc<Schemas>,
    pub(crate) outcomes: OperationOutcomes,
    parameters: ParameterSet,
    /// Where unknown names are only told of, though the operation is enforced.
    told_only: Vec<Location>,
    /// Whether nothing is checked.
    is_unchecked: bool,
    /// Whether the body passes as it comes.
    streams: bool,
    body_bytes: usize,
    /// What of its responses is judged; `None` if nothing is.
    pub(crate) responses: Option<Watched>,
}

/// How responses are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    /// Whether clients get nothing before that.
    pub(crate) holds: bool,
    /// The most bytes that are read.
    pub(crate) bytes: usize,
}

/// How an operation is treated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Treatment {
    pub(crate) mode: Option<Mode>,
    streams: bool,
    body_bytes: Option<u32>,
}

impl From<&Override> for Treatment {
    fn from(wanted: &Override) -> Self {
        let streams = wanted.body == config::Body::Stream;
        Self { mode: wanted.mode, streams, body_bytes: wanted.body_bytes }
    }
}

/// What a request is judged by before its body.
pub(crate) struct Input<'a> {
    pub(crate) template: &'a Template,
    pub(crate) path: &'a NormalPath<'a>,
    pub(crate) headers: &'a Headers<'a>,
    pub(crate) seen: &'a Seen<'a>,
}

/// What became of it.
pub(crate) enum Step {
    Passed,
    Denied(Decision),
    /// The body decides.
    Body(Reading),
}

impl Operation {
    pub(crate) fn new(
        contract: openapi::Operation,
        schemas: Rc<Schemas>,
        outcomes: OperationOutcomes,
        treatment: &Treatment,
        (mode, response): (Mode, Mode),
        config: &Config,
    ) -> Self {
        let is_unchecked = contract.is_unchecked || mode == Mode::Off;
        let unknown = &config.unknown;
        // The names of those that are ignored are not known.
        let is_wanted = |verdict: Verdict| verdict != Verdict::Allow && !contract.has_ignored_parameters;
        let wanted = Wanted {
            query: is_wanted(unknown.query),
            headers: is_wanted(unknown.header),
            cookies: is_wanted(unknown.cookie),
        };
        let by_location =
            [(Location::Query, unknown.query), (Location::Header, unknown.header), (Location::Cookie, unknown.cookie)];
        let told_only = by_location.iter().filter(|(_, verdict)| *verdict == Verdict::Shadow);
        let told_only = told_only.map(|(location, _)| *location).collect();
        let parameters = ParameterSet::new(&contract.parameters, wanted, &schemas);
        Self {
            responses: (response != Mode::Off && !is_unchecked && !contract.responses.is_empty())
                .then_some(Watched { holds: response == Mode::Enforce, bytes: config.response.body_bytes as usize }),
            contract,
            schemas,
            outcomes,
            parameters,
            told_only,
            is_unchecked,
            streams: treatment.streams,
            body_bytes: treatment.body_bytes.unwrap_or(config.limits.body_bytes) as usize,
        }
    }

    pub(crate) fn requires_body(&self) -> bool {
        self.contract.body.as_ref().is_some_and(|body| body.is_required)
    }

    /// Judges a request by its headers.
    pub(crate) fn check(
        &self,
        reads: &Reads,
        input: &Input<'_>,
        request: &dyn Request,
        tape: &mut Tape,
        trail: &mut Trail,
    ) -> Result<Step, Unavailable> {
        if self.is_unchecked {
            return Ok(Step::Passed);
        }
        if let Some(decision) = self.check_parameters(reads, input, tape, trail) {
            return Ok(Step::Denied(decision));
        }
        if self.streams {
            return Ok(Step::Passed);
        }
        Ok(match self.check_body(reads, input.seen, request)? {
            Ok(Some(reading)) => Step::Body(reading),
            Ok(None) => Step::Passed,
            Err(reason) => match self.outcomes.of(reason) {
                // It is allowed, and nothing is known of it.
                None => Step::Passed,
                Some(outcome) => Step::Denied(outcome.into()),
            },
        })
    }

    /// The decision about its parameters, if one of them is not as it must be.
    fn check_parameters(
        &self,
        reads: &Reads,
        input: &Input<'_>,
        tape: &mut Tape,
        trail: &mut Trail,
    ) -> Option<Decision> {
        let mut denied: Option<OutcomeId> = None;
        let (mut errors, mut noted) = (Errors::default(), 0_usize);
        let mut tell = |problem: Problem| {
            let Some(outcome) = self.outcomes.of(reason(&problem)) else { return };
            if problem.reason == parameters::Reason::Unknown && self.is_only_told(&problem) {
                // One of each request is enough to find out.
                if noted == 0 {
                    let mut errors = Errors::default();
                    errors.problem(&problem);
                    trail.note(Decision { outcome, details: errors.details() });
                }
                noted = noted.saturating_add(1);
                return;
            }
            denied.get_or_insert(outcome);
            if errors.len() < reads.violations {
                errors.problem(&problem);
            }
        };
        let mut values = input.template.values(*input.path, Case::Sensitive);
        let mut inputs = Inputs { path: &mut values, query: input.path.query(), headers: input.headers };
        let mut tools = Tools {
            schemas: &self.schemas,
            tape,
            limits: &reads.limits,
            budget: &mut Budget(reads.steps),
            most: reads.violations,
        };
        self.parameters.check(&mut inputs, &mut tools, &mut tell);
        denied.map(|outcome| Decision { outcome, details: errors.details() })
    }

    /// Whether what is unknown is told of, and passes, where other faults do not.
    fn is_only_told(&self, problem: &Problem) -> bool {
        self.told_only.contains(&problem.location)
    }

    /// What of the body is to be judged, and how; or what is wrong with it by its headers.
    fn check_body(
        &self,
        reads: &Reads,
        seen: &Seen<'_>,
        request: &dyn Request,
    ) -> Result<Result<Option<Reading>, Reason>, Unavailable> {
        if !request.has_body() {
            return Ok(if self.requires_body() { Err(Reason::BodyMissing) } else { Ok(None) });
        }
        if request.is_upgrade()? {
            // What follows is no body: it would lead one round its check. A server that knows no upgrades would read one.
            let is_body = self.contract.body.is_some() || seen.has_length;
            return Ok(if is_body { Err(Reason::BodyUnexpected) } else { Ok(None) });
        }
        Ok(self.reading(reads, seen))
    }

    fn reading(&self, reads: &Reads, seen: &Seen<'_>) -> Result<Option<Reading>, Reason> {
        let empty = |over_limit| Reading { kind: Kind::Empty, codings: Codings::default(), limit: 0, over_limit };
        let Some(body) = &self.contract.body else {
            return Ok(Some(empty(Reason::BodyUnexpected)));
        };
        let media_type = match seen.content_type {
            // A body that turns out to be empty needs none.
            Only::None if self.outcomes.of(Reason::MediaTypeUnknown).is_some() => {
                return Ok(Some(empty(Reason::MediaTypeUnknown)));
            }
            Only::One(value) => MediaType::parse(value).map_err(|_| Reason::MediaTypeUnknown)?,
            _ => return Err(Reason::MediaTypeUnknown),
        };
        let media = body.content.find(&media_type).ok_or(Reason::MediaTypeUnknown)?;
        let Some(kind) = kind(media, &media_type)? else { return Ok(None) };
        let codings = match seen.content_encoding {
            Only::None => Codings::default(),
            Only::One(value) => Codings::parse(value).map_err(Reason::from)?,
            Only::More => return Err(Reason::ContentEncodingUnsupported),
        };
        if !codings.is_identity() && !reads.decodes {
            return Err(Reason::ContentEncodingUnsupported);
        }
        Ok(Some(Reading { kind, codings, limit: self.body_bytes, over_limit: Reason::BodyTooLarge }))
    }
}

/// How a body of this media type is judged; `None` where there is nothing to judge.
fn kind(media: &Rc<Media>, media_type: &MediaType) -> Result<Option<Kind>, Reason> {
    let is_form = media_type.essence() == "application/x-www-form-urlencoded";
    let kind = if media_type.is_json() && (media.schema.is_some() || &*media.range != "*/*") {
        Kind::Json(media.schema)
    } else if let Some(schema) = media.schema
        && is_form
    {
        Kind::Fields { schema, media: Rc::clone(media), boundary: None }
    } else if let Some(schema) = media.schema
        && media_type.essence().starts_with("text/")
    {
        Kind::Text(schema)
    } else if let Some(schema) = media.schema
        && media_type.essence() == "multipart/form-data"
    {
        let boundary = Some(media_type.boundary().ok_or(Reason::MultipartInvalid)?.into());
        return Ok(Some(Kind::Fields { schema, media: Rc::clone(media), boundary }));
    } else {
        return Ok(None);
    };
    if media_type.is_utf8() { Ok(Some(kind)) } else { Err(Reason::CharsetUnsupported) }
}

fn reason(problem: &Problem) -> Reason {
    match (problem.reason, problem.location) {
        (parameters::Reason::Missing, _) => Reason::ParameterMissing,
        (parameters::Reason::Repeated, _) => Reason::ParameterRepeated,
        (parameters::Reason::Malformed, _) => Reason::ParameterMalformed,
        (parameters::Reason::Invalid, _) => Reason::ParameterInvalid,
        (parameters::Reason::TooComplex, _) => Reason::TooComplex,
        (parameters::Reason::Unknown, Location::Header) => Reason::HeaderUnknown,
        (parameters::Reason::Unknown, Location::Cookie) => Reason::CookieUnknown,
        (parameters::Reason::Unknown, _) => Reason::QueryUnknown,
    }
}
