//! Signatures that the host verifies.

use super::*;
use portcullis_shared::{
    config::parse,
    policy::{Filter, Policy, Trail},
    request::{Headers, Request, Unavailable},
    store::Store,
};
use std::{cell::RefCell, net::IpAddr};

use crate::config::Config;

/// A request whose host verifies signatures, in its way.
struct Hosted {
    parts: Parts,
    answer: Option<&'static [u8]>,
    calls: RefCell<Vec<(String, usize)>>,
}

const VALID: &[u8] = &[0x08, 0x01];
const INVALID: &[u8] = &[0x12, 0x01, b'x'];

impl Request for Hosted {
    fn header(&self, name: &str) -> Result<Option<&[u8]>, Unavailable> {
        self.parts.header(name)
    }

    fn headers(&self) -> Result<Headers<'_>, Unavailable> {
        self.parts.headers()
    }

    fn client_address(&self) -> Result<Option<IpAddr>, Unavailable> {
        self.parts.client_address()
    }

    fn now(&self) -> u64 {
        self.parts.now()
    }

    fn may_wait(&self) -> bool {
        self.parts.may_wait()
    }

    fn has_body(&self) -> bool {
        self.parts.has_body()
    }

    fn has_document(&self, document: usize) -> bool {
        self.parts.has_document(document)
    }

    fn demand_document(&self, document: usize) -> bool {
        self.parts.demand_document(document)
    }

    fn store(&self) -> &dyn Store {
        self.parts.store()
    }

    fn property(&self, path: &str) -> Result<Option<&[u8]>, Unavailable> {
        self.parts.property(path)
    }

    fn random(&self) -> u64 {
        self.parts.random()
    }

    fn foreign(&self, function: &str, arguments: &[u8]) -> Option<&[u8]> {
        self.calls.borrow_mut().push((function.to_owned(), arguments.len()));
        self.answer
    }

    fn set_header(&self, name: &str, value: &[u8]) -> Result<(), Unavailable> {
        self.parts.set_header(name, value)
    }

    fn remove_header(&self, name: &str) -> Result<(), Unavailable> {
        self.parts.remove_header(name)
    }

    fn set_body(&self, body: &[u8]) -> Result<(), Unavailable> {
        self.parts.set_body(body)
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), Unavailable> {
        self.parts.set_property(name, value)
    }
}

/// The filter of the attack tokens.
fn gate(signatures: &str) -> JwtBola {
    let mut config: Value = serde_json::from_str(include_str!("../../../testdata/attacks.config.json")).unwrap();
    config["signatures"] = signatures.into();
    let variables: Value = serde_json::from_str(include_str!("../../../testdata/attacks.env.json")).unwrap();
    let config: Config = parse(config.to_string().as_bytes()).unwrap();
    JwtBola::compile(config, &|name| variables[name].as_str().map(str::to_owned)).unwrap()
}

/// What is said of each attack token that comes in the usual way, and how often the host was asked.
fn verdicts(signatures: &str, answer: Option<&'static [u8]>) -> Vec<(String, &'static str, usize)> {
    let filter = gate(signatures);
    let attacks: Vec<Value> = serde_json::from_str(include_str!("../../../testdata/attacks.json")).unwrap();
    let judge = |attack: &Value| {
        let parts = request("GET", "/orders/1", Some(attack["token"].as_str()?));
        let request = Hosted { parts, answer, calls: RefCell::default() };
        let mut trail = Trail::default();
        let _ = filter.on_request_headers(&request, &mut trail).unwrap();
        let outcome = filter.outcomes().get(trail.decisions()[0].outcome).unwrap();
        let calls = request.calls.take();
        assert!(calls.iter().all(|(function, _)| function == "verify_signature"));
        Some((attack["name"].as_str()?.to_owned(), outcome.reason.0, calls.len()))
    };
    attacks.iter().filter_map(judge).collect()
}

#[test]
fn a_host_that_cannot_changes_nothing() {
    let alone = verdicts("wasm", Some(INVALID));
    assert!(alone.iter().all(|(_, _, calls)| *calls == 0), "asked though it must not be");
    let fallen_back = verdicts("auto", None);
    assert!(alone.len() > 100 && fallen_back.iter().filter(|(_, _, calls)| *calls > 0).count() > 20);
    for (one, other) in alone.iter().zip(&fallen_back) {
        assert_eq!((&one.0, one.1), (&other.0, other.1));
    }
}

#[test]
fn a_host_is_believed_about_signatures_alone() {
    let alone = verdicts("wasm", None);
    let (valid, invalid) = (verdicts("auto", Some(VALID)), verdicts("auto", Some(INVALID)));
    for ((name, said, _), ((_, valid, asked), (_, invalid, _))) in alone.iter().zip(valid.iter().zip(&invalid)) {
        if *asked == 0 {
            assert_eq!((said, said), (valid, invalid), "{name}");
            continue;
        }
        assert_eq!(*invalid, "token_signature_invalid", "{name}");
        assert_ne!(*valid, "token_signature_invalid", "{name}");
        // What comes before and after the signature is judged here, whatever the host says of the signature.
        assert!(*said == "token_signature_invalid" || said == valid, "{name}: {said} and {valid}");
    }
    let changed = alone.iter().zip(&valid).filter(|(alone, valid)| alone.1 != valid.1).count();
    assert!(changed > 10, "{changed}");
}

#[test]
fn only_the_plain_yes_is_one() {
    for answer in [&b""[..], b"\x08", b"\x08\x00", b"\x08\x02", b"\x08\x01\x12\x00", b"\x12\x00", b"\x01"] {
        let said = verdicts("auto", Some(answer));
        assert!(said.iter().all(|(_, said, asked)| *asked == 0 || *said == "token_signature_invalid"), "{answer:?}");
    }
}

#[test]
fn secrets_and_ed25519_are_never_the_hosts_matter() {
    let filter = super::main_with(&json!({}));
    let request =
        Hosted { parts: request("GET", "/", Some(&token(&json!({})))), answer: Some(VALID), calls: RefCell::default() };
    let _ = filter.on_request_headers(&request, &mut Trail::default()).unwrap();
    assert!(request.calls.take().is_empty());
    for (name, _, asked) in verdicts("auto", Some(VALID)) {
        let is_hosts = !["HS", "EdDSA", "PS"].iter().any(|algorithm| name.starts_with(&format!("good {algorithm}")));
        assert!(is_hosts || asked == 0, "{name}");
    }
}
