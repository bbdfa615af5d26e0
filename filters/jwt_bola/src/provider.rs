//! One issuer of tokens, compiled.

use portcullis_shared::{
    decision::Detail,
    jose::{Algorithm, ClaimRules, Claims, Compact, Fault, Missed, NativeVerify},
    ownership::Requirement,
    pointer::Pointer,
    request::Request,
};
use std::rc::Rc;

use crate::{host_crypto::HostCrypto, keys::Keys};

/// A provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) claims: ClaimRules,
    pub(crate) algorithms: Box<[Algorithm]>,
    pub(crate) keys: Keys,
    /// On every route.
    pub(crate) require: Vec<Requirement>,
    /// Names, in lower case, and claims.
    pub(crate) headers: Vec<(Rc<str>, Pointer)>,
    pub(crate) properties: Vec<(Rc<str>, Pointer)>,
    pub(crate) forward: bool,
    pub(crate) max_token_bytes: usize,
}

/// What a token was accepted by.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The key's id in its key set, which need not be in the token.
    pub(crate) kid: Option<Box<str>>,
    /// From when on the token is no longer good, in nanoseconds since 1970.
    pub(crate) until: u64,
}

/// Why a token is not accepted.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// It cannot be judged: the keys in this document are not there.
    NoKeys(usize),
    /// Its key is not among those that are there; newer ones may come from this document.
    UnknownKey { document: Option<usize>, details: Vec<Detail> },
    /// Something is wrong with it.
    Faulty { fault: Fault, details: Vec<Detail> },
}

impl From<Fault> for Rejected {
    fn from(fault: Fault) -> Self {
        Self::Faulty { fault, details: Vec::new() }
    }
}

impl From<Missed> for Rejected {
    fn from(Missed { fault, by_s }: Missed) -> Self {
        let details = by_s.map(|by_s| Detail { name: "missed_by_s", value: by_s.into() });
        Self::Faulty { fault, details: details.into_iter().collect() }
    }
}

impl Rejected {
    /// Of what two providers say, that which came further.
    pub(crate) fn or(self, other: Self) -> Self {
        if other.rank() >= self.rank() { other } else { self }
    }

    fn rank(&self) -> (u8, Option<Fault>) {
        match self {
            // Of a provider that issued the token, anything says more than that it is not another one's.
            Self::Faulty { fault: Fault::IssuerMismatch, .. } => (0, None),
            Self::Faulty { fault, .. } => (0, Some(*fault)),
            Self::UnknownKey { .. } => (0, Some(Fault::KeyUnknown)),
            // That one could not judge matters more than that another refuses.
            Self::NoKeys(_) => (1, None),
        }
    }

    pub(crate) fn with_details(mut self, more: Vec<Detail>) -> Self {
        match &mut self {
            Self::UnknownKey { details, .. } | Self::Faulty { details, .. } => details.extend(more),
            Self::NoKeys(_) => {}
        }
        self
    }
}

impl Provider {
    /// Whether there are keys, and they are fresh enough.
    pub(crate) fn has_keys(&self, request: &dyn Request) -> bool {
        self.keys.document().is_none_or(|document| request.has_document(document))
    }

    /// Judges a token. Its signature is verified before any of its claims is believed, but for `iss`, which chooses the
    /// provider.
    pub(crate) fn verify(
        &self,
        token: &[u8],
        compact: &Compact<'_>,
        claims: &Claims,
        now: u64,
        request: &dyn Request,
        host_verifies: bool,
    ) -> Result<Accepted, Rejected> {
        if token.len() > self.max_token_bytes {
            return Err(Fault::TooLarge.into());
        }
        self.claims.check_issuer(claims)?;
        self.claims.check_type(compact.typ.as_deref())?;
        if !self.algorithms.contains(&compact.algorithm) {
            return Err(Fault::AlgorithmNotAllowed.into());
        }
        let document = self.keys.document();
        let keys = self.keys.current().filter(|_| self.has_keys(request));
        let Some(keys) = keys else {
            return Err(document.map_or(Fault::KeyUnknown.into(), Rejected::NoKeys));
        };
        let host = HostCrypto(request);
        let host = host_verifies.then_some(&host as &dyn NativeVerify);
        let candidates = match keys.candidates(compact.algorithm, compact.kid.as_deref()) {
            Ok(candidates) => candidates,
            Err(Fault::KeyUnknown) => return Err(Rejected::UnknownKey { document, details: Vec::new() }),
            Err(fault) => return Err(fault.into()),
        };
        let mut fault = Fault::KeyUnknown;
        for key in candidates {
            match key.verify(compact.algorithm, compact.signing_input, &compact.signature, host) {
                Ok(()) => {
                    let validity = self.claims.check(claims, compact.typ.as_deref(), now)?;
                    return Ok(Accepted { kid: key.kid().map(Into::into), until: validity.until });
                }
                Err(other) => fault = fault.max(other),
            }
        }
        Err(fault.into())
    }
}
