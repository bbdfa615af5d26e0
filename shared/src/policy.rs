//! What a policy is to the adaptor that runs it, and what a filter is to both.

use schemars::JsonSchema;
use std::{fmt, rc::Rc};

use crate::{
    config::{Decode, Environment, Errors},
    decision::{Decision, OutcomeId, Outcomes},
    document::Source,
    request::{Headers, Request, Unavailable},
    response::ResponseCheck,
};

/// A compiled policy: it looks at a request and records what it decides.
pub trait Policy {
    /// Everything that this policy can decide.
    fn outcomes(&self) -> &Outcomes;

    /// Judges a request by its headers. The policy records one decision at least in `trail`, unless it says that more is
    /// needed; the first that [refuses](crate::decision::Outcome::refuses) ends the request. An error refuses it as well.
    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable>;

    /// The documents that it needs; from then on a document is named by its position.
    fn documents(&self) -> Vec<Source> {
        Vec::new()
    }

    /// Whether it may ask [services](Next::Call) about requests.
    fn calls(&self) -> bool {
        false
    }

    /// Whether clients may not send a header of this name, which the policy itself sets; nor a trailer.
    fn is_reserved(&self, name: &[u8]) -> bool {
        let _ = name;
        false
    }

    /// What an operator should know of the configuration, though it is accepted.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// What it says of its own state, always the same things in the same order; asked now and then.
    fn measures(&self) -> Vec<Measure> {
        Vec::new()
    }

    /// What an operator should know that has changed since this was last asked: that something does not work any more, or
    /// works again. Asked now and then.
    fn news(&self) -> Option<String> {
        None
    }

    /// A document was fetched.
    ///
    /// # Errors
    /// Why it is of no use; the one before stays.
    fn read_document(&self, document: usize, body: &[u8]) -> Result<ReadDocument, String> {
        let _ = (document, body);
        Ok(ReadDocument { accept: Box::new(|| ()), warning: None })
    }
}

/// A number about a policy's state in one worker; the metric is the sum over all workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The metric's name. It has the label `filter`.
    pub name: &'static str,
    /// Whether it is a counter; else a gauge.
    pub only_grows: bool,
    /// The number now.
    pub value: u64,
}

/// A document that is of use.
pub struct ReadDocument {
    /// Puts it in the place of the one before.
    pub accept: Box<dyn FnOnce()>,
    /// What an operator should know of it.
    pub warning: Option<String>,
}

impl fmt::Debug for ReadDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDocument").field("warning", &self.warning).finish_non_exhaustive()
    }
}

/// What a policy needs after it has seen the headers.
#[derive(Debug)]
pub enum Next {
    /// Nothing: all is decided.
    Done,
    /// The body. Nothing of the request goes on before it is judged.
    Body(BodyCheck),
    /// A document that is on its way. The policy is asked again when one has come, and at this time (nanoseconds since
    /// 1970) at the latest; then [`Request::may_wait`] is false. Only for a request that may wait, and with nothing
    /// recorded.
    Wait(u64),
    /// The answer of a service. The request is held until it comes, or the time for it is up. With nothing recorded.
    Call(Call),
}

/// A call to a service about a request that is held for the answer.
pub struct Call {
    /// Where to.
    pub service: Rc<Service>,
    /// The body.
    pub body: Vec<u8>,
    /// Judges the request by the answer, and records a decision in the trail. Also called when the client is gone
    /// meanwhile: then the host shows nothing of the request, and what is decided is for nobody.
    pub then: Then,
}

/// The code that looks at a service's answer: `None` when there is none, because the call could not be sent, or nothing
/// came in time.
pub type Then = Box<dyn FnOnce(&dyn Request, Option<&Answer<'_>>, &mut Trail) -> Result<(), Unavailable>>;

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("service", &self.service).finish_non_exhaustive()
    }
}

/// A service that is asked about requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its cluster in Envoy.
    pub cluster: String,
    /// Of each call; `:method`, `:path` and `:authority` among them.
    pub headers: Vec<(String, String)>,
    /// How long an answer may take.
    pub timeout_ms: u32,
}

/// What a service answered. Envoy answers in its place where it cannot be reached (503) or is too slow (504).
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// All headers, `:status` among them.
    pub headers: Headers<'a>,
    /// The body.
    pub body: &'a [u8],
    /// All trailers, where gRPC has its status.
    pub trailers: Headers<'a>,
}

/// How a request's body is judged.
pub struct BodyCheck {
    /// The most bytes that are held.
    pub limit: usize,
    /// What becomes of a request with more.
    pub over_limit: OutcomeId,
    /// Judges the whole body; an empty one where there is none, and for upgrades and CONNECT, which are never held. Records
    /// its decision in the trail.
    pub judge: Judge,
}

/// The code that looks at a body.
pub type Judge = Box<dyn FnOnce(&dyn Request, &[u8], &mut Trail) -> Result<(), Unavailable>>;

impl fmt::Debug for BodyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyCheck").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// A filter: a name, a configuration, and how that becomes a policy.
pub trait Filter: Policy + Sized + 'static {
    /// The filter's name, as in metrics, events and its `.wasm` file.
    const NAME: &'static str;

    /// The configuration, from which its JSON Schema is made.
    type Config: Decode + JsonSchema;

    /// The `audit` part of the configuration.
    fn audit(config: &mut Self::Config) -> Option<crate::audit::AuditConfig>;

    /// Compiles the configuration, or says all that is wrong with it.
    fn compile(config: Self::Config, environment: Environment) -> Result<Self, Errors>;
}

/// The decisions about one request, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Trail {
    decisions: Vec<Decision>,
    allowed_is_audited: bool,
    response: Option<ResponseCheck>,
    response_headers: Vec<(&'static str, String)>,
}

impl Trail {
    /// A request with more decisions than this keeps the first ones: a hundred shadow rules that all match must not
    /// make a hundred events of one request. The last place is kept for the decision that ends the evaluation.
    pub const LIMIT: usize = 8;

    /// Records a decision that does not end the evaluation, such as a rule's in shadow mode.
    pub fn note(&mut self, decision: impl Into<Decision>) {
        if self.decisions.len() < Self::LIMIT.saturating_sub(1) {
            self.decisions.push(decision.into());
        }
    }

    /// Records the decision that ends the evaluation.
    pub fn conclude(&mut self, decision: impl Into<Decision>) {
        self.decisions.push(decision.into());
    }

    /// The decisions so far.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Whether requests that pass have events, too. If not, details of such decisions are made for nobody.
    pub const fn allowed_is_audited(&self) -> bool {
        self.allowed_is_audited
    }

    /// Sets a header of the response, whoever answers, should the request pass. Only in modules that are built for it.
    pub fn set_response_header(&mut self, name: &'static str, value: String) {
        self.response_headers.push((name, value));
    }

    /// The headers that were set.
    pub fn take_response_headers(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.response_headers)
    }

    /// Asks for the response, should the request pass. Only in modules that are built for it.
    pub fn watch_response(&mut self, check: ResponseCheck) {
        self.response = Some(check);
    }

    /// What was asked for the response.
    pub const fn take_response(&mut self) -> Option<ResponseCheck> {
        self.response.take()
    }

    /// Forgets all and keeps the memory, for another policy.
    pub fn begin(&mut self, allowed_is_audited: bool) {
        self.decisions.clear();
        self.response = None;
        self.response_headers.clear();
        self.allowed_is_audited = allowed_is_audited;
    }
}
