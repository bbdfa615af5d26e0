//! The policies of one configuration, with all that can be made ready before requests come.

use portcullis_shared::{
    audit::{Class, Sink, event::Template},
    config::{self, Environment, Errors},
    decision::{Action, Outcome, Reason},
    metrics,
    mode::Mode,
    policy::{Filter, Policy},
    problem::Refusal,
    request::Request,
};

use crate::host::{self, Metric, Reply};

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
    pub(crate) policy: Box<dyn Policy>,
    /// By outcome id.
    pub(crate) effects: Vec<Effect>,
    /// For a request that the host did not let the policy see.
    pub(crate) unavailable: Effect,
    /// Index into the VM's pipelines.
    pub(crate) audit: Option<usize>,
}

/// What one outcome does, made ready.
pub(crate) struct Effect {
    pub(crate) counter: Option<Metric>,
    /// The class of its event.
    pub(crate) class: Class,
    /// Its event, if events of that class are asked for.
    pub(crate) event: Option<Template>,
    /// Present when the outcome refuses the request.
    pub(crate) reply: Option<Reply>,
}

impl Link {
    pub(crate) fn new(loaded: Loaded, audit: Option<usize>, mut define: impl FnMut(&str) -> Option<Metric>) -> Self {
        let Loaded { filter, policy, audit: sink } = loaded;
        let mut effect = |outcome: &Outcome, class| Effect {
            counter: define(&metrics::decisions(filter, outcome)),
            class,
            event: sink
                .as_ref()
                .filter(|sink| sink.wants(class))
                .map(|_| Template::new(filter, env!("CARGO_PKG_VERSION"), outcome, class)),
            reply: outcome.refuses().then(|| reply(filter, outcome)),
        };
        let effects = policy.outcomes().iter().map(|outcome| effect(outcome, Class::of(outcome))).collect();
        let outcome = Outcome {
            action: Action::Deny,
            reason: Reason("host_unavailable"),
            rule: "host".to_owned(),
            mode: Mode::Enforce,
            refusal: Some(Refusal::new(503, None)),
        };
        let unavailable = effect(&outcome, Class::Error);
        Self { policy, effects, unavailable, audit }
    }
}

/// The refusal that clients get for an outcome.
fn reply(filter: &str, outcome: &Outcome) -> Reply {
    // An outcome that refuses without saying how still refuses.
    let refusal = outcome.refusal.clone().unwrap_or_else(|| Refusal::new(403, None));
    let mut headers = vec![("content-type", Refusal::CONTENT_TYPE)];
    headers.extend(refusal.headers.iter().map(|(name, value)| (*name, value.as_str())));
    Reply {
        status: refusal.status,
        details: details(filter, outcome),
        headers: host::render(&headers),
        body: refusal.body,
        grpc_message: refusal.title,
        grpc_status: refusal.grpc_status,
    }
}

/// What Envoy's access log shows as `%RESPONSE_CODE_DETAILS%`.
fn details(filter: &str, outcome: &Outcome) -> String {
    format!("portcullis:{filter}:{}:{}", outcome.reason.0, outcome.rule)
}

/// The answer to a stream that belongs to no known configuration.
pub(crate) fn no_configuration() -> Reply {
    let outcome = Outcome {
        action: Action::Deny,
        reason: Reason("no_configuration"),
        rule: "host".to_owned(),
        mode: Mode::Enforce,
        refusal: Some(Refusal::new(503, None)),
    };
    reply("portcullis", &outcome)
}

/// Whether Envoy takes the request for gRPC (`content-type: application/grpc` or `application/grpc+…`).
pub(crate) fn is_grpc(request: &impl Request) -> bool {
    let Ok(Some(media_type)) = request.header("content-type") else { return false };
    match media_type.strip_prefix(b"application/grpc") {
        Some(rest) => matches!(rest.first(), None | Some(b'+')),
        None => false,
    }
}
