//! What is asked of requests to one path.

use portcullis_shared::{
    mode::Mode,
    ownership::{Denial, Ownership, Requirement},
    path::NormalPath,
    request::Headers,
};

use crate::{outcomes::RuleOutcomes, verified::Verified};

/// A rule, compiled.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its position in the configuration.
    pub(crate) place: usize,
    /// Its position in the table.
    pub(crate) index: usize,
    pub(crate) mode: Mode,
    /// None: no token is asked for.
    pub(crate) providers: Box<[u16]>,
    /// Where their tokens may be.
    pub(crate) carriers: Box<[usize]>,
    pub(crate) require: Box<[Requirement]>,
    pub(crate) exempt: Box<[Requirement]>,
    pub(crate) ownership: Ownership,
    pub(crate) outcomes: RuleOutcomes,
    pub(crate) body_bytes: usize,
}

impl Rule {
    /// What a caller may do who is known.
    pub(crate) fn check(
        &self,
        caller: &Verified,
        headers: &Headers<'_>,
        path: &NormalPath<'_>,
    ) -> Result<Granted, Denial> {
        for requirement in &self.require {
            requirement.check(&caller.claims).map_err(|fault| Denial { fault, rule: None, object: None })?;
        }
        if self.exempt.iter().any(|exemption| exemption.check(&caller.claims).is_ok()) {
            return Ok(Granted::Exempt);
        }
        self.ownership.check_headers(&caller.claims, path, headers)?;
        if self.ownership.needs_body() { Ok(Granted::IfBody) } else { Ok(Granted::Now) }
    }
}

/// What a caller may do.
pub(crate) enum Granted {
    Now,
    /// `owner` does not apply to the caller.
    Exempt,
    /// It depends on the body.
    IfBody,
}

/// The methods that a rule is for.
#[derive(Clone, Debug)]
pub(crate) struct Methods(Box<[Box<[u8]>]>);

impl Methods {
    /// All methods if there is none.
    pub(crate) fn new(methods: &[String]) -> Self {
        Self(methods.iter().map(|method| method.as_bytes().into()).collect())
    }

    /// Methods are compared exactly (RFC 9110 section 9.1).
    pub(crate) fn include(&self, method: &[u8]) -> bool {
        self.0.is_empty() || self.0.iter().any(|known| **known == *method)
    }

    /// Whether two rules for one path are in each other's way: both for all methods, or both for one by name.
    pub(crate) fn meet(one: Option<&Self>, other: Option<&Self>) -> bool {
        let (Some(Self(one)), Some(Self(other))) = (one, other) else { return false };
        (one.is_empty() && other.is_empty()) || one.iter().any(|method| other.contains(method))
    }
}
