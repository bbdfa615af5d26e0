//! The policies of one configuration, with all that can be made ready before requests come.

use portcullis_shared::{
    audit::{Class, Sink, event::Template},
    config::{self, Environment, Errors},
    decision::{Detail, Notice, Outcome},
    metrics,
    mode::Mode,
    policy::{Filter, Policy},
    problem::{self, Refusal},
    request::Request,
};

use std::{cell::OnceCell, rc::Rc};

use crate::{
    audit::Define,
    documents::Documents,
    host::{self, Metric, MetricKind, Reply},
    measures::Measures,
};

/// A policy that was compiled from a configuration.
pub struct Loaded {
    /// The filter's name.
    pub filter: &'static str,
    /// What it decides.
    pub policy: Box<dyn Policy>,
    /// Where its events go.
    pub audit: Option<Sink>,
}

/// Parses and compiles the configuration of a module that holds one filter.
pub fn load<F: Filter>(configuration: &[u8], environment: Environment<'_>) -> Result<Vec<Loaded>, Errors> {
    let mut config: F::Config = config::parse(configuration)?;
    let mut errors = Errors::default();
    let audit = F::audit(&mut config).map(|audit| audit.compile("$.audit", environment, &mut errors));
    match F::compile(config, environment) {
        Ok(policy) => errors.into_result(vec![Loaded { filter: F::NAME, policy: Box::new(policy), audit }]),
        Err(more) => {
            errors.append(more);
            Err(errors)
        }
    }
}

/// A policy at work.
pub(crate) struct Link {
    pub(crate) filter: &'static str,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) documents: Documents,
    pub(crate) measures: Measures,
    /// By outcome id.
    pub(crate) effects: Vec<Effect>,
    /// For a request that the host did not let the policy see.
    pub(crate) unavailable: (Outcome, Effect),
    /// Index into the VM's pipelines.
    pub(crate) audit: Option<usize>,
    /// Whether requests that pass have events.
    pub(crate) allowed_is_audited: bool,
}

/// What one outcome does.
pub(crate) struct Effect {
    /// The class of its event.
    pub(crate) class: Class,
    audited: bool,
    /// Whether someone should look at it now.
    pub(crate) is_alert: bool,
    /// Made when the configuration loads, so that its counter is there before it counts anything; of a policy with
    /// thousands of outcomes, few of which ever come about, when one is first decided.
    ready: OnceCell<Box<Ready>>,
}

/// What is made ready for an outcome.
pub(crate) struct Ready {
    pub(crate) counter: Option<Metric>,
    /// What its events have in common, if it has events.
    pub(crate) event: Option<Template>,
    /// Present when the outcome refuses the request.
    pub(crate) reply: Option<Reply>,
}

impl Effect {
    pub(crate) fn ready(&self, filter: &str, outcome: &Outcome, define: Define<'_>) -> &Ready {
        self.ready.get_or_init(|| {
            let event = || Template::new(filter, env!("CARGO_PKG_VERSION"), outcome, self.class);
            Box::new(Ready {
                counter: define(MetricKind::Counter, &metrics::decisions(filter, outcome)),
                event: self.audited.then(event),
                reply: outcome.refuses().then(|| reply(filter, outcome)),
            })
        })
    }
}

impl Link {
    /// Each counter that is defined takes a line on Envoy's metrics page, whether it counted anything or not.
    const DEFINED_EARLY: usize = 1024;

    pub(crate) fn new(loaded: Loaded, audit: Option<usize>, define: Define<'_>) -> Self {
        let Loaded { filter, policy, audit: sink } = loaded;
        let documents = Documents::new(filter, &*policy, define);
        let measures = Measures::new(filter, &policy.measures(), define);
        let early = policy.outcomes().len() <= Self::DEFINED_EARLY;
        let mut effect = |outcome: &Outcome, class| {
            let effect = Effect {
                class,
                audited: sink.as_ref().is_some_and(|sink| match outcome.notice {
                    Notice::Ordinary => sink.wants(class),
                    Notice::Counted => false,
                    Notice::Recorded | Notice::Alert => true,
                }),
                is_alert: outcome.notice == Notice::Alert,
                ready: OnceCell::new(),
            };
            if early {
                effect.ready(filter, outcome, define);
            }
            effect
        };
        let effects = policy.outcomes().iter().map(|outcome| effect(outcome, Class::of(outcome))).collect();
        let outcome = failure("host_unavailable");
        let unavailable = effect(&outcome, Class::Error);
        let allowed_is_audited = sink.as_ref().is_some_and(|sink| sink.wants(Class::Allow));
        let unavailable = (outcome, unavailable);
        Self { filter, policy, documents, measures, effects, unavailable, audit, allowed_is_audited }
    }
}

/// The refusal that clients get for an outcome.
fn reply(filter: &str, outcome: &Outcome) -> Reply {
    reply_with(filter, outcome, &[])
}

/// The same, with what only the request could tell.
pub(crate) fn reply_with(filter: &str, outcome: &Outcome, details: &[Detail]) -> Reply {
    // An outcome that refuses without saying how still refuses.
    let refusal = outcome.refusal.clone().unwrap_or_else(|| Rc::new(Refusal::new(403, None)));
    let mut headers = vec![("content-type", Refusal::CONTENT_TYPE)];
    headers.extend(refusal.headers.iter().map(|(name, value)| (*name, value.as_str())));
    let shown = |name: &str| details.iter().find(|detail| detail.name == name);
    let told = refusal.shows_headers.iter().filter_map(|(name, detail)| Some((*name, shown(detail)?.as_header())));
    let told: Vec<_> = told.collect();
    headers.extend(told.iter().map(|(name, value)| (*name, &**value)));
    let body = match refusal.shows.and_then(|name| Some((name, shown(name)?))) {
        Some((name, detail)) => problem::with_member(&refusal.body, name, &detail.value),
        None => refusal.body.clone(),
    };
    Reply {
        status: refusal.status,
        details: code_details(filter, outcome),
        headers: host::render(&headers),
        body,
        grpc_message: refusal.title.clone(),
        grpc_status: refusal.grpc_status,
    }
}

/// What Envoy's access log shows as `%RESPONSE_CODE_DETAILS%`.
fn code_details(filter: &str, outcome: &Outcome) -> String {
    format!("portcullis:{filter}:{}:{}", outcome.reason.0, outcome.rule)
}

/// The answer to a stream that belongs to no known configuration.
pub(crate) fn no_configuration() -> Reply {
    reply("portcullis", &failure("no_configuration"))
}

/// The outcome for a request that cannot be judged.
fn failure(reason: &'static str) -> Outcome {
    Outcome::deny(reason, "host", Mode::Enforce, &Rc::new(Refusal::new(503, None)))
}

/// Whether Envoy takes the request for gRPC (`content-type: application/grpc` or `application/grpc+…`).
pub(crate) fn is_grpc(request: &impl Request) -> bool {
    let Ok(Some(media_type)) = request.header("content-type") else { return false };
    match media_type.strip_prefix(b"application/grpc") {
        Some(rest) => matches!(rest.first(), None | Some(b'+')),
        None => false,
    }
}
