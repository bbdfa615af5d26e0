//! Stops bad user agents, before anything else is computed (R9).
//!
//! What a user may expect:
//! - Rules are tried in order; the first that matches decides, and `default` does where none matches. A `deny` rule in shadow
//!   mode is counted and audited, and the rules after it go on deciding.
//! - A rule matches when one of its patterns matches the `user-agent` and, where it has them, one of its `paths` matches the
//!   path and one of its `source` networks holds the client. Where a path can be read in more than one way, or
//!   the client has no address, `deny` rules take it that the condition holds, and `allow` rules that it does not.
//! - `missing`, `empty`, `too_long`, `non_utf8` and `multiple` say what becomes of a user agent that is not an ordinary
//!   one; `deny` refuses it before the rules are asked, `allow` lets the rules judge it (with no
//!   user agent no pattern matches, so `default` decides).
//! - Envoy joins repeated `user-agent` headers with a comma before any filter sees them, and the upstream gets them joined
//!   too. So rules judge what the upstream gets, and `multiple` goes by that comma: see [`agent`].
//! - User agents are easily forged. This filter turns away those who do not bother, and impostors where a rule names the
//!   networks that the real one comes from.

pub mod agent;
pub mod config;
pub mod preset;

mod compile;
#[cfg(test)]
mod tests;

use portcullis_shared::{
    decision::{Action, Decision, Detail, Outcome, OutcomeId, Outcomes},
    matcher::Matcher,
    net::CidrSet,
    path::{Ambiguity, Normaliser, PathBuffer, TemplateSet},
    policy::{Next, Policy, Trail},
    request::{Request, Unavailable},
};

portcullis_adaptor::export!(UaBlock);

/// A compiled configuration.
#[derive(Debug)]
pub struct UaBlock {
    outcomes: Outcomes,
    matcher: Matcher,
    /// By the rule numbers that the matcher knows.
    rules: Vec<Rule>,
    unusual: Unusual,
    max_length: usize,
    /// Missing when the filter is off: nothing is evaluated.
    default: Option<OutcomeId>,
}

#[derive(Debug)]
struct Rule {
    action: Action,
    /// Whether rules after it are still tried when it matches.
    shadow: bool,
    outcome: OutcomeId,
    /// Where it has `paths`, the outcome for an ambiguous path.
    paths: Option<(TemplateSet<()>, OutcomeId)>,
    source: Option<CidrSet<()>>,
}

/// What is refused before the rules are asked.
#[derive(Debug)]
struct Unusual {
    missing: Option<OutcomeId>,
    empty: Option<OutcomeId>,
    too_long: Option<OutcomeId>,
    non_utf8: Option<OutcomeId>,
    multiple: Option<OutcomeId>,
}

impl Policy for UaBlock {
    fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        let Some(default) = self.default else { return Ok(Next::Done) };
        // Over HTTP/2 Envoy keeps the white space around values, over HTTP/1.1 it does not, and neither do upstreams.
        let agent = request.header("user-agent")?.map(<[u8]>::trim_ascii);
        if let Some(outcome) = self.unusual(agent) {
            if self.outcomes.get(outcome).is_some_and(Outcome::refuses) {
                trail.conclude(outcome);
                return Ok(Next::Done);
            }
            trail.note(outcome);
        }
        for rule in self.matcher.hits(agent.unwrap_or_default()).iter().filter_map(|rule| self.rules.get(rule)) {
            let Some(decision) = rule.decide(request)? else {
                continue;
            };
            if rule.shadow {
                trail.note(decision);
            } else {
                trail.conclude(decision);
                return Ok(Next::Done);
            }
        }
        trail.conclude(default);
        Ok(Next::Done)
    }
}

impl UaBlock {
    /// The outcome for a user agent that is not an ordinary one, where the configuration has one.
    fn unusual(&self, agent: Option<&[u8]>) -> Option<OutcomeId> {
        let Some(agent) = agent else {
            return self.unusual.missing;
        };
        if agent.is_empty() {
            return self.unusual.empty;
        }
        let too_long = self.unusual.too_long.filter(|_| agent.len() > self.max_length);
        let non_utf8 = || self.unusual.non_utf8.filter(|_| std::str::from_utf8(agent).is_err());
        let multiple = || self.unusual.multiple.filter(|_| agent::is_joined(agent));
        too_long.or_else(non_utf8).or_else(multiple)
    }
}

impl Rule {
    /// What this rule, one of whose patterns matches, says of the request; `None` where its other conditions do not hold.
    fn decide(&self, request: &dyn Request) -> Result<Option<Decision>, Unavailable> {
        let denies = self.action == Action::Deny;
        if let Some(source) = &self.source {
            let inside = request.client_address()?.map_or(denies, |address| source.contains(address));
            if !inside {
                return Ok(None);
            }
        }
        let Some((paths, ambiguous)) = &self.paths else {
            return Ok(Some(self.outcome.into()));
        };
        let mut buffer = PathBuffer::default();
        Ok(match Normaliser::strict().normalise(request.path()?, &mut buffer) {
            Ok(path) => paths.matches_any(&path).then(|| self.outcome.into()),
            Err(ambiguity) => denies.then(|| Decision { outcome: *ambiguous, details: vec![detail(ambiguity)] }),
        })
    }
}

fn detail(ambiguity: Ambiguity) -> Detail {
    Detail { name: "path_ambiguity", value: ambiguity.code().into() }
}
