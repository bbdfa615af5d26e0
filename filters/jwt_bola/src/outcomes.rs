//! Everything that this filter can decide, by what it is about.

use portcullis_shared::{
    decision::{Notice, Outcome, OutcomeId, Outcomes},
    jose::{Fault, SourceFault},
    mode::Mode,
    ownership,
    path::Ambiguity,
    problem::Refusal,
};
use std::rc::Rc;

use crate::config::Default;

/// Before any rule is known.
#[derive(Debug)]
pub(crate) struct GateOutcomes {
    /// By their position in [`Ambiguity::ALL`].
    ambiguous: Vec<OutcomeId>,
    pub(crate) default: OutcomeId,
}

/// About tokens, for one mode; the same for all rules, of which there may be thousands.
#[derive(Debug)]
pub(crate) struct TokenOutcomes {
    sources: Vec<(SourceFault, OutcomeId)>,
    /// By their position in [`Fault::ALL`].
    faults: Vec<OutcomeId>,
    /// By their position in [`ownership::Fault::ALL`].
    overrides: Vec<OutcomeId>,
    pub(crate) keys_unavailable: OutcomeId,
    pub(crate) revocations_unavailable: OutcomeId,
    /// What a fault that is not listed, which cannot be, comes to.
    other: OutcomeId,
}

/// What clients of refused requests are told by rules: the same by all.
#[derive(Debug)]
pub(crate) struct RuleRefusals {
    bad: Rc<Refusal>,
    forbidden: Rc<Refusal>,
    large: Rc<Refusal>,
    media_type: Rc<Refusal>,
    scope: Rc<Refusal>,
}

/// About one rule.
#[derive(Debug)]
pub(crate) struct RuleOutcomes {
    /// The request may go on.
    pub(crate) passed: OutcomeId,
    pub(crate) exempt: OutcomeId,
    pub(crate) enumeration: OutcomeId,
    /// By their position in [`ownership::Fault::ALL`].
    faults: Vec<OutcomeId>,
    other: OutcomeId,
}

impl GateOutcomes {
    /// `paths`: the mode of what is about paths.
    pub(crate) fn new(mode: Mode, paths: Mode, default: Default, outcomes: &mut Outcomes) -> Self {
        let refusal = Rc::new(Refusal::new(400, None));
        let ambiguous = |shape: &Ambiguity| outcomes.append(Outcome::deny(shape.code(), "paths", paths, &refusal));
        let ambiguous = Ambiguity::ALL.iter().map(ambiguous).collect();
        let default = outcomes.append(match default {
            Default::Allow => Outcome::allow("no_rule_matched", "default", mode),
            Default::Deny => Outcome::deny("no_rule_matched", "default", mode, &Rc::new(Refusal::new(403, None))),
        });
        Self { ambiguous, default }
    }

    pub(crate) fn ambiguous(&self, shape: Ambiguity) -> OutcomeId {
        self.ambiguous.get(shape as usize).copied().unwrap_or(self.default)
    }
}

impl TokenOutcomes {
    pub(crate) fn new(mode: Mode, realm: &str, outcomes: &mut Outcomes) -> Self {
        let mut deny =
            |reason, rule, refusal: &Rc<Refusal>| outcomes.append(Outcome::deny(reason, rule, mode, refusal));
        let missing = challenge(401, realm, None);
        let malformed = challenge(400, realm, Some(("invalid_request", "The request has no one well-formed token")));
        let invalid = challenge(401, realm, Some(("invalid_token", "The access token is not valid")));
        let expired = challenge(401, realm, Some(("invalid_token", "The access token expired")));
        let bad = Rc::new(Refusal::new(400, None));
        let unavailable = Rc::new(Refusal::new(503, None));
        let source = |fault: SourceFault| {
            let refusal = if fault == SourceFault::Missing { &missing } else { &malformed };
            (fault, deny(fault.code(), "token", refusal))
        };
        let sources = SourceFault::ALL.map(source).into();
        let fault = |fault: &Fault| {
            let refusal = if matches!(fault, Fault::Expired | Fault::TooOld) { &expired } else { &invalid };
            deny(fault.code(), "token", refusal)
        };
        let faults = Fault::ALL.iter().map(fault).collect();
        let overrides =
            ownership::Fault::ALL.iter().take(2).map(|fault| deny(fault.code(), "overrides", &bad)).collect();
        Self {
            sources,
            faults,
            overrides,
            keys_unavailable: deny("keys_unavailable", "token", &unavailable),
            revocations_unavailable: deny("revocations_unavailable", "revoked", &unavailable),
            other: deny("token_not_judged", "token", &invalid),
        }
    }

    pub(crate) fn source(&self, fault: SourceFault) -> OutcomeId {
        self.sources.iter().find(|(known, _)| *known == fault).map_or(self.other, |(_, outcome)| *outcome)
    }

    pub(crate) fn token(&self, fault: Fault) -> OutcomeId {
        self.faults.get(fault as usize).copied().unwrap_or(self.other)
    }

    /// For a header or parameter that stands for another method or path.
    pub(crate) fn ownership(&self, fault: ownership::Fault) -> OutcomeId {
        self.overrides.get(fault as usize).copied().unwrap_or(self.other)
    }
}

impl RuleRefusals {
    pub(crate) fn new(realm: &str) -> Self {
        let plain = |status| Rc::new(Refusal::new(status, None));
        let scope = challenge(403, realm, Some(("insufficient_scope", "The access token does not allow this")));
        Self { bad: plain(400), forbidden: plain(403), large: plain(413), media_type: plain(415), scope }
    }

    fn of(&self, fault: ownership::Fault) -> &Rc<Refusal> {
        match fault {
            ownership::Fault::ClaimMismatch => &self.scope,
            ownership::Fault::OwnerMismatch | ownership::Fault::ClaimMissing | ownership::Fault::ClaimInvalid => {
                &self.forbidden
            }
            ownership::Fault::BodyTooLarge => &self.large,
            ownership::Fault::BodyEncoded => &self.media_type,
            _ => &self.bad,
        }
    }
}

impl RuleOutcomes {
    /// `denies`: whether the rule asks for more than a token.
    pub(crate) fn new(
        name: &str,
        mode: Mode,
        needs_token: bool,
        denies: bool,
        refusals: &RuleRefusals,
        outcomes: &mut Outcomes,
    ) -> Self {
        let reason = if needs_token { "authorized" } else { "no_auth" };
        let allow = Outcome::allow(reason, name, mode);
        // One text, one list of refusals for all of them: there may be ten thousand rules.
        let name = Rc::clone(&allow.rule);
        let passed = outcomes.append(allow);
        if !denies {
            return Self { passed, exempt: passed, enumeration: passed, faults: Vec::new(), other: passed };
        }
        let deny = |reason, refusal: &Rc<Refusal>| Outcome::deny(reason, Rc::clone(&name), mode, refusal);
        let fault = |fault: &ownership::Fault| outcomes.append(deny(fault.code(), refusals.of(*fault)));
        let faults = ownership::Fault::ALL.iter().map(fault).collect();
        let exempt = Outcome::allow("owner_exempt", Rc::clone(&name), mode);
        let exempt = outcomes.append(Outcome { notice: Notice::Recorded, ..exempt });
        let alarm = deny("object_enumeration", &refusals.forbidden);
        let enumeration = outcomes.append(Outcome { notice: Notice::Alert, ..alarm });
        let other = outcomes.append(deny("owner_not_judged", &refusals.forbidden));
        Self { passed, exempt, enumeration, faults, other }
    }

    pub(crate) fn ownership(&self, fault: ownership::Fault) -> OutcomeId {
        self.faults.get(fault as usize).copied().unwrap_or(self.other)
    }
}

/// A refusal that says what a client needs (RFC 6750 section 3).
fn challenge(status: u16, realm: &str, error: Option<(&str, &str)>) -> Rc<Refusal> {
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    if let Some((error, description)) = error {
        // Writing to a String cannot fail.
        let _ = std::fmt::Write::write_fmt(
            &mut challenge,
            format_args!(", error=\"{error}\", error_description=\"{description}\""),
        );
    }
    let mut refusal = Refusal::new(status, None);
    refusal.headers.push(("www-authenticate", challenge));
    Rc::new(refusal)
}
