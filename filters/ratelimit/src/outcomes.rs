//! Everything that the filter can decide, each with its reason code.

use portcullis_shared::{
    decision::{Outcome, OutcomeId, Outcomes},
    mode::Mode,
    problem::{self, Refusal},
};
use std::rc::Rc;

use crate::config::Config;

/// The details that responses show in headers.
pub(crate) mod detail {
    /// Of the limits that apply: `"name";r=…;t=…`.
    pub(crate) const LEFT: &str = "ratelimit";
    /// The same: `"name";q=…;w=…`.
    pub(crate) const POLICY: &str = "ratelimit_policy";
    /// Seconds.
    pub(crate) const RETRY_AFTER: &str = "retry_after_s";
    /// Of the limit with least left.
    pub(crate) const LIMIT: &str = "limit";
    /// What is left of it.
    pub(crate) const REMAINING: &str = "remaining";
    /// When all of it is there again, in seconds.
    pub(crate) const RESET: &str = "reset_s";
}

/// The decisions that belong to no limit.
#[derive(Debug)]
pub(crate) struct Passing {
    /// All limits that apply let it pass.
    pub(crate) within: OutcomeId,
    /// No limit applies.
    pub(crate) no_limit: OutcomeId,
    /// The client's network has no limit.
    pub(crate) unlimited: Option<OutcomeId>,
}

/// The decisions of one limit.
#[derive(Debug)]
pub(crate) struct Refusing {
    /// The client has used up its quota.
    pub(crate) exceeded: OutcomeId,
    /// The same, where the rate limit service does not answer and less is let pass.
    pub(crate) exceeded_in_fallback: Option<OutcomeId>,
    /// There is no room to count the client.
    pub(crate) full: OutcomeId,
    /// There is none, and it passes.
    pub(crate) uncounted: OutcomeId,
    /// A part of the key is not there.
    pub(crate) missing: OutcomeId,
    /// A part of the key can be read in several ways.
    pub(crate) ambiguous: OutcomeId,
    /// Whether these decisions are carried out.
    pub(crate) enforced: bool,
}

/// Problem types of draft-ietf-httpapi-ratelimit-headers.
const TYPES: &str = "https://iana.org/assignments/http-problem-types#";

/// The headers of refusals, with the details that they show.
pub(crate) fn headers(config: &Config) -> Vec<(&'static str, &'static str)> {
    let mut headers = vec![("retry-after", detail::RETRY_AFTER)];
    if config.headers.standard {
        headers.extend([("ratelimit", detail::LEFT), ("ratelimit-policy", detail::POLICY)]);
    }
    if config.headers.legacy {
        headers.extend([
            ("x-ratelimit-limit", detail::LIMIT),
            ("x-ratelimit-remaining", detail::REMAINING),
            ("x-ratelimit-reset", detail::RESET),
        ]);
    }
    headers
}

impl Passing {
    pub(crate) fn new(config: &Config, outcomes: &mut Outcomes) -> Self {
        let mut allow = |reason, rule: &str| outcomes.add(Outcome::allow(reason, rule, config.mode));
        Self {
            within: allow("within_limits", "limits"),
            no_limit: allow("no_limit_applies", "limits"),
            unlimited: config
                .networks
                .iter()
                .any(|network| network.unlimited)
                .then(|| allow("network_unlimited", "networks")),
        }
    }
}

impl Refusing {
    /// Of the limit with this name.
    pub(crate) fn new(name: &str, mode: Mode, is_global: bool, config: &Config, outcomes: &mut Outcomes) -> Self {
        let mut deny = |reason, refusal| outcomes.add(Outcome::deny(reason, name, mode, &Rc::new(refusal)));
        let detail = config.response.message.as_deref();
        let refusal = |word: &str, title: &str| {
            let base = Refusal::of_type(&format!("{TYPES}{word}"), title, config.response.status, detail);
            // Who is told of no limits by headers is told of none here.
            let names = serde_json::Value::from(vec![name]);
            let body = if config.headers.standard {
                problem::with_member(&base.body, "violated-policies", &names)
            } else {
                base.body.clone()
            };
            Refusal { body, shows_headers: headers(config), ..base }
        };
        let quota = || refusal("quota-exceeded", "Quota Exceeded");
        let reduced = || refusal("temporary-reduced-capacity", "Temporary Reduced Capacity");
        let bad = || Refusal::new(400, None);
        Self {
            exceeded: deny("quota_exceeded", quota()),
            exceeded_in_fallback: is_global.then(|| deny("quota_exceeded_in_fallback", reduced())),
            full: deny("table_full", reduced()),
            missing: deny("key_missing", bad()),
            ambiguous: deny("key_ambiguous", bad()),
            uncounted: outcomes.add(Outcome::allow("table_full", name, mode)),
            enforced: mode == Mode::Enforce,
        }
    }
}
