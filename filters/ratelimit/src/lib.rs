//! How much each client may have (R6, R7, R8, R18, R22).
//!
//! What a user may expect:
//! - A limit is a quota in a window for each client, told apart by its key. All limits that apply to a request are decided
//!   together: when one refuses it, nothing is taken from the others.
//! - All workers of an Envoy count together, exactly: see [`portcullis_shared::quota`]. Counters outlive a change of the
//!   configuration; those of a limit with another name, or in a table of another size, are others.
//! - A client's address is the one that Envoy trusts. Values that clients choose (headers, queries, cookies) tell apart only
//!   clients that do not lie: a limit by address beside it keeps in bounds those who do. Counters keep no values, only keyed
//!   hashes of them.
//! - A part of a key that comes twice, or can be read in several ways, refuses the request: else a second header would make
//!   a new client. A path that can be read in several ways counts for every limit with a path.
//! - In a shadow limit, what would have been refused is counted and audited, and the request passes. It takes nothing then,
//!   as if it had been refused.
//! - Limits that are `global` are counted by a rate limit service; while that does not answer in time, each Envoy counts by
//!   itself and lets less pass: see [`portcullis_shared::fleet`]. Limits that are not `global` are looked at first, so that
//!   who is refused anyway costs the service nothing, and taken from when it has answered.
//! - A limit that counts failures refuses by what was counted before; requests that are under way at the same time may all
//!   pass, so it can be exceeded by as many.
//! - gRPC clients get `RESOURCE_EXHAUSTED`. An upgrade or a stream is one request.

pub mod config;

mod compile;
mod decide;
mod fleet;
mod key;
mod outcomes;
#[cfg(test)]
mod tests;
mod told;

use portcullis_shared::{
    decision::{OutcomeId, Outcomes},
    net::CidrSet,
    path::{Case, NormalPath, Normaliser, PathBuffer, TemplateSet},
    policy::{Measure, Next, Policy, Trail},
    quota::{self, Algorithm, Decider, OnFull, Table},
    request::{Request, Unavailable},
};
use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use config::{Count, OnMissingKey};
use fleet::Fleet;
use key::{Found, Keys, Source};
use outcomes::{Passing, Refusing};

// It looks into no body. But with `allow_on_headers_stop_iteration` Envoy lets go on a request that waits for the service
// when its body comes, if the filter says nothing about that.
#[cfg(not(feature = "responses"))]
portcullis_adaptor::export!(RateLimit, body);
#[cfg(feature = "responses")]
portcullis_adaptor::export!(RateLimit, body, response_headers);

/// A compiled configuration.
pub struct RateLimit(Rc<Check>);

struct Check {
    outcomes: Outcomes,
    /// None when nothing is evaluated.
    passing: Option<Passing>,
    limits: Vec<Limit>,
    networks: CidrSet<Treatment>,
    fleet: Option<Fleet>,
    paths: Normaliser,
    reads_path: bool,
    path_case: Case,
    reads_method: bool,
    /// Whether all headers in one call are cheaper than each that is asked for.
    reads_many: bool,
    ipv6_prefix: u32,
    headers: config::Headers,
    place: Place,
    /// By limit, from the first request on.
    tables: OnceCell<Vec<Table>>,
    /// Used again by each request: no other can come between.
    buffer: RefCell<PathBuffer>,
    scratch: RefCell<Scratch>,
    decider: RefCell<Decider>,
}

/// Where counters are.
struct Place {
    entries: u32,
    on_full: OnFull,
    namespace: Option<String>,
}

/// What holds for clients of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Unlimited,
    /// The position of a factor.
    Factor(usize),
}

/// One limit that is not off.
#[derive(Debug)]
struct Limit {
    name: Box<str>,
    algorithm: Algorithm,
    template: Option<TemplateSet<()>>,
    methods: Box<[Box<[u8]>]>,
    key: Box<[config::Key]>,
    /// The parts as they are written.
    key_names: Box<[String]>,
    on_missing: OnMissingKey,
    count: Count,
    cost: u32,
    refusing: Refusing,
    /// By the position of the factor.
    by_factor: Box<[quota::Limit]>,
    /// The same, of a limit that a service counts, while that does not answer.
    in_fallback: Option<Box<[quota::Limit]>>,
    lease: u32,
}

/// What is kept while a request is judged.
#[derive(Debug, Default)]
struct Scratch {
    keys: Keys,
    applied: Vec<Applied>,
}

/// A limit that applies, and where its key is.
#[derive(Clone, Copy, Debug)]
struct Applied {
    limit: usize,
    start: usize,
    end: usize,
}

impl Policy for RateLimit {
    fn outcomes(&self) -> &Outcomes {
        &self.0.outcomes
    }

    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        match &self.0.passing {
            Some(passing) => self.0.judge(passing, request, trail),
            None => Ok(Next::Done),
        }
    }

    fn calls(&self) -> bool {
        self.0.fleet.is_some()
    }

    fn measures(&self) -> Vec<Measure> {
        self.0.measures()
    }

    fn news(&self) -> Option<String> {
        self.0.fleet.as_ref()?.news()
    }
}

impl Check {
    fn judge(
        self: &Rc<Self>,
        passing: &Passing,
        request: &dyn Request,
        trail: &mut Trail,
    ) -> Result<Next, Unavailable> {
        let factor = match self.treatment(request)? {
            Treatment::Factor(factor) => factor,
            Treatment::Unlimited => {
                trail.conclude(passing.unlimited.ok_or(Unavailable)?);
                return Ok(Next::Done);
            }
        };
        let mut scratch = self.scratch.try_borrow_mut().map_err(|_| Unavailable)?;
        if let Some(refused) = self.gather(request, &mut scratch, trail)? {
            trail.conclude(refused);
            return Ok(Next::Done);
        }
        if scratch.applied.is_empty() {
            trail.conclude(passing.no_limit);
            return Ok(Next::Done);
        }
        self.decide(factor, &scratch, request, trail)
    }

    fn treatment(&self, request: &dyn Request) -> Result<Treatment, Unavailable> {
        if self.networks.is_empty() {
            return Ok(Treatment::Factor(0));
        }
        let network = request.client_address()?.and_then(|address| self.networks.lookup(address).copied());
        Ok(network.unwrap_or(Treatment::Factor(0)))
    }

    /// Finds the limits that apply, and their keys; or what refuses the request before any is asked.
    fn gather(
        &self,
        request: &dyn Request,
        scratch: &mut Scratch,
        trail: &mut Trail,
    ) -> Result<Option<OutcomeId>, Unavailable> {
        let Scratch { keys, applied } = scratch;
        keys.clear();
        applied.clear();
        if self.reads_many {
            request.headers()?;
        }
        let method = if self.reads_method { request.header(":method")?.unwrap_or_default() } else { b"" };
        let mut buffer = self.buffer.try_borrow_mut().map_err(|_| Unavailable)?;
        let path = if self.reads_path { self.paths.normalise(request.path()?, &mut buffer).ok() } else { None };
        let source = Source { request, path, path_case: self.path_case, ipv6_prefix: self.ipv6_prefix };
        for (index, limit) in self.limits.iter().enumerate() {
            if !limit.applies(method, source.path.as_ref()) {
                continue;
            }
            let start = keys.len();
            let shares = limit.on_missing == OnMissingKey::Share;
            let faulty = match keys.add(&limit.key, limit.template.as_ref(), &source, shares)? {
                Found::All => {
                    applied.push(Applied { limit: index, start, end: keys.len() });
                    continue;
                }
                Found::Missing if limit.on_missing == OnMissingKey::Skip => continue,
                Found::Missing => limit.refusing.missing,
                Found::Ambiguous => limit.refusing.ambiguous,
            };
            if limit.refusing.enforced {
                return Ok(Some(faulty));
            }
            trail.note(faulty);
        }
        Ok(None)
    }
}

impl Limit {
    /// Whether the limit is for requests with this method and path; a path that has several readings may be its. Servers
    /// answer HEAD with the work of GET, and some take `post` for POST.
    fn applies(&self, method: &[u8], path: Option<&NormalPath<'_>>) -> bool {
        let method = if method.eq_ignore_ascii_case(b"HEAD") && !self.methods.iter().any(|known| **known == *b"HEAD") {
            b"GET"
        } else {
            method
        };
        if !self.methods.is_empty() && !self.methods.iter().any(|known| known.eq_ignore_ascii_case(method)) {
            return false;
        }
        match (&self.template, path) {
            (Some(template), Some(path)) => template.matches_any(path),
            _ => true,
        }
    }
}
