//! What a policy is to the adaptor that runs it, and what a filter is to both.

use schemars::JsonSchema;

use crate::{
    config::{Decode, Environment, Errors},
    decision::{Decision, Outcomes},
    request::{Request, Unavailable},
};

/// A compiled policy: it looks at a request and records what it decides.
pub trait Policy {
    /// Everything that this policy can decide.
    fn outcomes(&self) -> &Outcomes;

    /// Judges a request by its headers. The policy records one decision at least in `trail`; the first that
    /// [refuses](crate::decision::Outcome::refuses) ends the request. An error refuses it as well.
    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<(), Unavailable>;
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

    /// Forgets them and keeps the memory.
    pub fn clear(&mut self) {
        self.decisions.clear();
    }
}
