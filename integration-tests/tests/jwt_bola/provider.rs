//! What tests share that change a provider under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_integration_tests::mint::{self, Key, Token};
use portcullis_integration_tests::{Client, DEADLINE, Issuer, Launch, Request, Tally, until};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, with_token};

/// What the traffic asks for.
const OBJECT: &str = "/users/42/orders";

/// A gate with so many workers and the issuer as the cluster `idp`.
pub(crate) async fn gate_with_workers(config: &Value, issuer: &Issuer, workers: u32) -> Gate {
    let address = issuer.address();
    let launch = |bootstrap: portcullis_integration_tests::Bootstrap| {
        Launch::new(bootstrap.cluster("idp", address)).concurrency(workers)
    };
    Gate::launch(filter(config), launch).await
}

/// A remote document that is fetched again as often as can be, and has time to come on a busy machine.
pub(crate) fn each_second() -> Value {
    json!({"refresh_s": 1, "timeout_ms": 5000})
}

/// Waits until a fetch that began after now is over: the next one follows it.
pub(crate) async fn await_next_fetch(issuer: &Issuer, path: &str) {
    issuer.await_fetches(path, issuer.count(path) + 2).await;
}

/// A token of user 42 by this key, with this `jti` and its `kid`.
pub(crate) fn token_by(key: &Key, jti: &str) -> String {
    signed(key, key.kid(), &json!({"jti": jti}))
}

/// A token of user 42 by this key, with any `kid` and this patch to its claims.
pub(crate) fn signed(key: &Key, kid: &str, claims: &Value) -> String {
    let algorithm = match key.kid().get(..2) {
        Some("rs") => "RS256",
        Some("p2") => "ES256",
        _ => "EdDSA",
    };
    let mut all = mint::claims_with(&json!({"sub": "42"}));
    portcullis_integration_tests::merge(&mut all, claims);
    Token::new(algorithm, &all).kid(kid).sign(key)
}

/// User 42 asks for an object of user 42.
pub(crate) fn own_object(token: &str) -> Request {
    with_token(Request::get(OBJECT), token)
}

/// The same, but [`assert_tally`] does not count it.
pub(crate) fn probe(token: &str) -> Request {
    with_token(Request::get("/users/42/probe"), token)
}

/// Where a test is, for its traffic.
#[derive(Clone, Default)]
pub(crate) struct Phase(Arc<AtomicUsize>);

impl Phase {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn next(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The statuses that requests of this kind got; panics if there were none.
pub(crate) fn statuses(tally: &Tally, kind: &str) -> BTreeSet<u16> {
    let of_kind = tally.answers.keys().filter(|(known, _)| *known == kind);
    let statuses: BTreeSet<_> = of_kind.map(|(_, status)| *status).collect();
    assert!(!statuses.is_empty(), "no requests of kind {kind}: {tally:?}");
    statuses
}

/// Panics unless each kind got its one status, every request was answered, and the upstream saw those that passed alone.
pub(crate) fn assert_tally(gate: &Gate, tally: &Tally, expected: &[(&str, u16)]) {
    assert!(tally.failures.is_empty(), "{} requests without an answer: {:?}", tally.failures.len(), tally.failures);
    for (kind, status) in expected {
        assert_eq!(statuses(tally, kind), BTreeSet::from([*status]), "{kind}: {:?}", tally.answers);
    }
    let passed: usize = tally.answers.iter().filter(|((_, status), _)| *status == 200).map(|(_, count)| count).sum();
    let seen = gate.upstream.requests().iter().filter(|request| request.path == OBJECT).count();
    assert_eq!(seen, passed, "the upstream saw others than those that passed: {:?}", tally.answers);
}

/// Sends the request over so many new connections, which come to all workers; the statuses of the answers.
pub(crate) async fn over_new_connections(gate: &Gate, count: usize, request: &Request) -> BTreeSet<u16> {
    let mut statuses = BTreeSet::new();
    for _ in 0..count {
        statuses.insert(Client::h1(gate.envoy.address()).send(request.clone()).await.status);
    }
    statuses
}

/// Waits until all workers answer with this status.
pub(crate) async fn await_everywhere(gate: &Gate, request: &Request, status: u16) {
    let wanted = BTreeSet::from([status]);
    let probe = || async { (over_new_connections(gate, 32, request).await == wanted).then_some(()) };
    assert!(until(2 * DEADLINE, probe).await.is_some(), "some worker does not answer {status}");
}
