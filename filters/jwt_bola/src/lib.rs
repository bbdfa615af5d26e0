//! Who is calling (401), and does the object belong to them (403) (R2 to R5).
//!
//! What a user may expect:
//! - The most specific rule for the request's path and method says whose token is asked for. What can be read as more
//!   than one path is refused before that; what no rule matches gets `default`.
//! - A token is taken from where its provider says, and from one place only. It is read strictly, its key is chosen by `kid`
//!   and algorithm, its signature is verified, then its claims are held against the provider's: see
//!   [`portcullis_shared::jose`]. The first fault is the reason code.
//! - `require` then asks for claims, and `owner` compares ids in the request with claims: see
//!   [`portcullis_shared::ownership`]. All must hold; `exempt` spares some callers `owner`.
//! - The upstream sees the claims that the provider names as headers, and none that a client made up: these headers are
//!   removed on every route. It does not see the token unless the provider says so.
//! - Keys that are fetched are kept while their issuer is down. Where there are none yet, requests wait up to `wait_ms`
//!   and then get 503. An unknown `kid` has the keys fetched again, at most once in 10 s for the whole proxy.
//! - A verified token is remembered until it ends, its key goes or it is revoked, so the next request with it costs a
//!   look-up. What is refused is not remembered.
//! - A rule in shadow mode is evaluated up to its first denial, which is counted and audited, and the request passes, with no
//!   headers but those that were verified.

pub mod config;
pub mod word;

mod carrier;
mod compile;
mod host_crypto;
mod keys;
mod outcomes;
mod provider;
mod revoked;
mod rule;
mod seen;
#[cfg(test)]
mod tests;
mod verified;
mod watch;

use portcullis_shared::{
    decision::{Decision, Detail, OutcomeId, Outcomes},
    jose::{Compact, Fault, Statistics, TokenCache},
    mode::Mode,
    ownership::{self, ClaimTable, Denial},
    path::{NormalPath, Normaliser, PathBuffer, TemplateSet},
    policy::{BodyCheck, Measure, Next, Policy, ReadDocument, Trail},
    request::{Headers, Request, Unavailable},
};
use std::{cell::RefCell, rc::Rc};

use carrier::Carriers;
use outcomes::{GateOutcomes, TokenOutcomes};
use provider::{Provider, Rejected};
use revoked::RevokedLists;
use rule::{Granted, Methods, Rule};
use seen::{Names, Seen};
use verified::Verified;
use watch::Watch;

portcullis_adaptor::export!(JwtBola, body);

/// A compiled configuration.
pub struct JwtBola(Rc<Gate>);

struct Gate {
    outcomes: Outcomes,
    unmatched: GateOutcomes,
    /// For the modes that rules have.
    enforced: Option<TokenOutcomes>,
    shadowed: Option<TokenOutcomes>,
    paths: Normaliser,
    rules: TemplateSet<Methods>,
    /// By the positions in `rules`.
    table: Vec<Rule>,
    providers: Vec<Provider>,
    carriers: Carriers,
    /// Headers that clients may not send.
    reserved: Vec<Rc<str>>,
    names: Names,
    claims: ClaimTable,
    revoked: RevokedLists,
    cache: RefCell<TokenCache<Verified>>,
    enumeration: Option<Watch>,
    audit_claims: Vec<config::AuditClaim>,
    refuse_overrides: bool,
    host_verifies: bool,
    /// In nanoseconds.
    wait: u64,
    documents: Vec<portcullis_shared::document::Source>,
    warnings: Vec<String>,
    /// Nothing is evaluated.
    off: bool,
    buffer: RefCell<PathBuffer>,
}

impl Policy for JwtBola {
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

    fn is_reserved(&self, name: &[u8]) -> bool {
        !self.0.off && self.0.reserved.iter().any(|reserved| ownership::is_header(name, reserved))
    }

    fn measures(&self) -> Vec<Measure> {
        let Statistics { entries, bytes, evictions } =
            self.0.cache.try_borrow().map(|cache| cache.statistics()).unwrap_or_default();
        let size = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        vec![
            Measure { name: "portcullis_token_cache_entries", only_grows: false, value: size(entries) },
            Measure { name: "portcullis_token_cache_bytes", only_grows: false, value: size(bytes) },
            Measure { name: "portcullis_token_cache_evictions_total", only_grows: true, value: evictions },
        ]
    }

    fn documents(&self) -> Vec<portcullis_shared::document::Source> {
        self.0.documents.clone()
    }

    fn read_document(&self, document: usize, body: &[u8]) -> Result<ReadDocument, String> {
        Gate::read_document(&self.0, document, body)
    }
}

/// What authentication came to.
enum Caller {
    Known(Rc<Verified>),
    /// Keys are on their way.
    Wait,
    Refused(Decision),
}

impl Gate {
    fn judge(self: &Rc<Self>, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        let headers = &request.headers()?;
        let seen = &self.names.look(headers.clone());
        // Used again by each request: no other can come between.
        let mut buffer = self.buffer.try_borrow_mut().map_err(|_| Unavailable)?;
        let path = match self.paths.normalise(seen.target, &mut buffer) {
            Ok(path) => path,
            Err(ambiguity) => {
                trail.conclude(self.unmatched.ambiguous(ambiguity));
                return self.pass_unverified(request, headers, seen);
            }
        };
        let found = self.rules.find_where(&path, |methods| methods.include(seen.method));
        let Some(rule) = found.and_then(|found| self.table.get(found.index)) else {
            trail.conclude(self.unmatched.default);
            return self.pass_unverified(request, headers, seen);
        };
        if rule.mode == Mode::Off || rule.providers.is_empty() {
            trail.conclude(rule.outcomes.passed);
            return self.pass_unverified(request, headers, seen);
        }
        self.judge_by(rule, request, (headers, seen), &path, trail)
    }

    /// Judges a request that needs a token.
    fn judge_by(
        self: &Rc<Self>,
        rule: &Rule,
        request: &dyn Request,
        (headers, seen): (&Headers<'_>, &Seen<'_>),
        path: &NormalPath<'_>,
        trail: &mut Trail,
    ) -> Result<Next, Unavailable> {
        let outcomes = self.token_outcomes(rule.mode).ok_or(Unavailable)?;
        if self.refuse_overrides
            && let Err(fault) = seen.overridden.map_or_else(|| ownership::refuse_overriding_query(path.query()), Err)
        {
            trail.conclude(outcomes.ownership(fault));
            return self.pass_unverified(request, headers, seen);
        }
        let caller = match self.caller(rule, outcomes, request, headers, path) {
            Caller::Known(caller) => caller,
            Caller::Wait => return Ok(Next::Wait(request.now().saturating_add(self.wait))),
            Caller::Refused(decision) => {
                trail.conclude(decision);
                return self.pass_unverified(request, headers, seen);
            }
        };
        let asks_for_body = match rule.check(&caller, headers, path) {
            Ok(Granted::Now) => {
                trail.conclude(self.passed(rule, &caller, trail));
                false
            }
            Ok(Granted::Exempt) => {
                trail.conclude(Decision { outcome: rule.outcomes.exempt, details: self.details(&caller) });
                false
            }
            Ok(Granted::IfBody) => true,
            Err(denial) => {
                trail.conclude(self.denied(rule, &caller, denial, request));
                if rule.mode == Mode::Shadow {
                    // It passes, and who calls is known: as with a body that is denied.
                    self.present(rule, &caller, request, headers, seen)?;
                }
                return Ok(Next::Done);
            }
        };
        self.present(rule, &caller, request, headers, seen)?;
        if !asks_for_body {
            return Ok(Next::Done);
        }
        let over_limit = rule.outcomes.ownership(ownership::Fault::BodyTooLarge);
        let (gate, index) = (Rc::clone(self), rule.index);
        let judge = move |request: &dyn Request, body: &[u8], trail: &mut Trail| {
            // The table does not change, so the rule is there.
            let rule = gate.table.get(index).ok_or(Unavailable)?;
            trail.conclude(match rule.ownership.check_body(&caller.claims, body) {
                Ok(()) => gate.passed(rule, &caller, trail),
                Err(denial) => gate.denied(rule, &caller, denial, request),
            });
            Ok(())
        };
        Ok(Next::Body(BodyCheck { limit: rule.body_bytes, over_limit, judge: Box::new(judge) }))
    }

    /// Who is calling.
    fn caller(
        &self,
        rule: &Rule,
        outcomes: &TokenOutcomes,
        request: &dyn Request,
        headers: &Headers<'_>,
        path: &NormalPath<'_>,
    ) -> Caller {
        let token = match self.carriers.find(&rule.carriers, headers, path.query()) {
            Ok(token) => token,
            Err(fault) => return Caller::Refused(outcomes.source(fault).into()),
        };
        // What is only told of is not worth anybody's time.
        let may_wait = rule.mode == Mode::Enforce && request.may_wait();
        let wait_or = |outcome: OutcomeId| if may_wait { Caller::Wait } else { Caller::Refused(outcome.into()) };
        if !self.revoked.is_known(request) {
            return wait_or(outcomes.revocations_unavailable);
        }
        let now = request.now();
        if let Ok(mut cache) = self.cache.try_borrow_mut() {
            for provider in &rule.providers {
                // Without keys it is as unknown as any other: it may wait for them.
                let is_usable = || self.provider(*provider).is_some_and(|provider| provider.has_keys(request));
                if let Some(known) = cache.get(*provider, token, now)
                    && is_usable()
                {
                    return Caller::Known(known);
                }
            }
        }
        match self.verify(rule, token, now, request) {
            Ok(verified) => Caller::Known(verified),
            Err(Rejected::NoKeys(document)) => {
                let _ = request.demand_document(document);
                wait_or(outcomes.keys_unavailable)
            }
            Err(Rejected::UnknownKey { document: Some(document), .. })
                if request.demand_document(document) && may_wait =>
            {
                Caller::Wait
            }
            Err(Rejected::UnknownKey { details, .. }) => {
                Caller::Refused(Decision { outcome: outcomes.token(Fault::KeyUnknown), details })
            }
            Err(Rejected::Faulty { fault, details }) => {
                Caller::Refused(Decision { outcome: outcomes.token(fault), details })
            }
        }
    }

    /// Verifies a token that is not known yet, by the first of the rule's providers that accepts it.
    fn verify(&self, rule: &Rule, token: &[u8], now: u64, request: &dyn Request) -> Result<Rc<Verified>, Rejected> {
        let providers = || rule.providers.iter().filter_map(|index| Some((*index, self.provider(*index)?)));
        let longest = providers().map(|(_, provider)| provider.max_token_bytes).max().unwrap_or_default();
        let compact = Compact::parse(token, longest)?;
        let claims = portcullis_shared::jose::Claims::parse(&compact.payload)?;
        let mut rejected = Rejected::from(Fault::IssuerMismatch);
        for (index, provider) in providers() {
            let key = match provider.verify(token, &compact, &claims, now, request, self.host_verifies) {
                Ok(key) => key,
                Err(other) => {
                    rejected = rejected.or(other);
                    continue;
                }
            };
            if self.revoked.revokes(&claims, compact.kid.as_deref(), key.kid.as_deref()) {
                rejected = rejected.or(Fault::Revoked.into());
                continue;
            }
            let verified = Rc::new(Verified::new(provider, &self.claims, &claims, &compact, &key));
            if let Err(fault) = verified.check(provider) {
                rejected = rejected.or(fault.into());
                continue;
            }
            if let Ok(mut cache) = self.cache.try_borrow_mut() {
                cache.insert(index, token, Rc::clone(&verified), verified.size(), key.until, now);
            }
            return Ok(verified);
        }
        let about = verified::unverified(&self.audit_claims, &compact, &claims);
        Err(rejected.with_details(about))
    }

    /// The decision about a caller who may.
    fn passed(&self, rule: &Rule, caller: &Verified, trail: &Trail) -> Decision {
        let details = if trail.allowed_is_audited() { self.details(caller) } else { Vec::new() };
        Decision { outcome: rule.outcomes.passed, details }
    }

    /// The decision about a caller who may not.
    fn denied(&self, rule: &Rule, caller: &Verified, denial: Denial, request: &dyn Request) -> Decision {
        let mut details = self.details(caller);
        let mut outcome = rule.outcomes.ownership(denial.fault);
        if let Some(object) = denial.object {
            if let Some(watch) = &self.enumeration
                && let Some(alarm) = watch.note(caller, &object, request)
            {
                outcome = rule.outcomes.enumeration;
                details.push(Detail { name: "objects_denied", value: alarm.objects.into() });
                details.push(Detail { name: "within_s", value: alarm.within_s.into() });
            }
            details.push(Detail { name: "object", value: String::from(object).into() });
        }
        Decision { outcome, details }
    }

    fn details(&self, caller: &Verified) -> Vec<Detail> {
        caller.identity.details(&self.audit_claims)
    }

    /// Shows the upstream and later filters who is calling, and takes away what it must not see.
    fn present(
        &self,
        rule: &Rule,
        caller: &Verified,
        request: &dyn Request,
        headers: &Headers<'_>,
        seen: &Seen<'_>,
    ) -> Result<(), Unavailable> {
        if !caller.forward {
            self.carriers.remove(&rule.carriers, request, headers)?;
        }
        if seen.is_any_reserved {
            self.remove_reserved(request, headers, &caller.headers)?;
        }
        for (name, value) in &caller.headers {
            request.set_header(name, value)?;
        }
        for (name, value) in &caller.properties {
            request.set_property(name, value)?;
        }
        Ok(())
    }

    /// Lets a request on of which no token was verified, or none was good enough.
    fn pass_unverified(
        &self,
        request: &dyn Request,
        headers: &Headers<'_>,
        seen: &Seen<'_>,
    ) -> Result<Next, Unavailable> {
        if seen.is_any_reserved {
            self.remove_reserved(request, headers, &[])?;
        }
        Ok(Next::Done)
    }

    /// Removes headers that clients may not send, but those that are set anyway.
    fn remove_reserved(
        &self,
        request: &dyn Request,
        headers: &Headers<'_>,
        set: &[(Rc<str>, Box<[u8]>)],
    ) -> Result<(), Unavailable> {
        for (name, _) in headers.clone() {
            let is_reserved = self.reserved.iter().any(|reserved| ownership::is_header(name, reserved));
            if is_reserved && !set.iter().any(|(known, _)| known.as_bytes() == name) {
                // Reserved names are ASCII, and so is what is like them.
                request.remove_header(std::str::from_utf8(name).map_err(|_| Unavailable)?)?;
            }
        }
        Ok(())
    }

    fn provider(&self, index: u16) -> Option<&Provider> {
        self.providers.get(usize::from(index))
    }

    const fn token_outcomes(&self, mode: Mode) -> Option<&TokenOutcomes> {
        match mode {
            Mode::Enforce => self.enforced.as_ref(),
            Mode::Shadow | Mode::Off => self.shadowed.as_ref(),
        }
    }

    fn read_document(gate: &Rc<Self>, document: usize, body: &[u8]) -> Result<ReadDocument, String> {
        if gate.revoked.is_document(document) {
            let list = RevokedLists::read(body)?;
            let gate = Rc::clone(gate);
            let accept = Box::new(move || {
                gate.revoked.replace(list);
                if let Ok(mut cache) = gate.cache.try_borrow_mut() {
                    cache.retain(|_, known| !gate.revoked.revokes_known(known));
                }
            });
            return Ok(ReadDocument { accept, warning: None });
        }
        let (keys, warning) = keys::read(body)?;
        let gate = Rc::clone(gate);
        let accept = Box::new(move || {
            for (index, provider) in gate.providers.iter().enumerate() {
                if provider.keys.replace(document, &keys)
                    && let Ok(mut cache) = gate.cache.try_borrow_mut()
                {
                    // Its tokens are verified again, by the keys that are there now.
                    cache.retain(|known, _| usize::from(known) != index);
                }
            }
        });
        Ok(ReadDocument { accept, warning })
    }
}
