//! Documents that a policy needs, and requests that wait for them.

use std::{cell::RefCell, rc::Rc};

use portcullis_shared::{
    config::{Environment, Errors, parse},
    decision::{Outcome, OutcomeId, Outcomes},
    document::{Kind, Remote, Source},
    mode::Mode,
    policy::{BodyCheck, Next, Policy, ReadDocument, Trail},
    problem::Refusal,
    request::{Request, Unavailable},
};

use super::{
    ROOT, body, configure,
    fake::{FakeHost, Shared},
    post, request,
};
use crate::{
    Loaded,
    vm::{Flow, Vm},
};

const REMOTE: &str = r#"{ "cluster": "idp", "url": "https://idp.example/list?a=b", "max_bytes": 1024,
    "headers": { "accept": "text/plain" } }"#;

/// Lets a request pass whose `x-want` is the document. With any other it waits for a newer document, as long as one may
/// come; with `x-wait`, in any case. The document `bad` is of no use, and of `odd` it warns.
struct Reader {
    outcomes: Outcomes,
    allow: OutcomeId,
    deny: OutcomeId,
    unavailable: OutcomeId,
    source: Source,
    current: Rc<RefCell<String>>,
}

impl Policy for Reader {
    fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        let until = Next::Wait(request.now() + 1_000_000_000);
        if !request.has_document(0) {
            let _ = request.demand_document(0);
            if request.may_wait() {
                return Ok(until);
            }
            trail.conclude(self.unavailable);
            return Ok(Next::Done);
        }
        let is_wanted = request.header("x-want")? == Some(self.current.borrow().as_bytes());
        if !is_wanted && request.may_wait() && (request.header("x-wait")?.is_some() || request.demand_document(0)) {
            return Ok(until);
        }
        if is_wanted && request.header("x-body")?.is_some() {
            let deny = self.deny;
            let allow = self.allow;
            let judge = move |_: &dyn Request, body: &[u8], trail: &mut Trail| {
                trail.conclude(if body == b"good" { allow } else { deny });
                Ok(())
            };
            return Ok(Next::Body(BodyCheck { limit: 8, over_limit: deny, judge: Box::new(judge) }));
        }
        trail.conclude(if is_wanted { self.allow } else { self.deny });
        Ok(Next::Done)
    }

    fn documents(&self) -> Vec<Source> {
        vec![self.source.clone()]
    }

    fn warnings(&self) -> &[String] {
        const { &[String::new()] }
    }

    fn read_document(&self, document: usize, body: &[u8]) -> Result<ReadDocument, String> {
        assert_eq!(document, 0);
        let text = String::from_utf8(body.to_vec()).unwrap();
        if text == "bad" {
            return Err("it is bad".to_owned());
        }
        let warning = (text == "odd").then(|| "it is odd".to_owned());
        let current = Rc::clone(&self.current);
        Ok(ReadDocument { accept: Box::new(move || *current.borrow_mut() = text), warning })
    }
}

fn reader(configuration: &[u8], environment: Environment) -> Result<Vec<Loaded>, Errors> {
    let remote: Remote = parse(configuration)?;
    let mut errors = Errors::default();
    let source = remote.compile(Kind::new("list"), "$", environment, &mut errors);
    let mut outcomes = Outcomes::default();
    let deny = |reason, status| Outcome::deny(reason, "reader", Mode::Enforce, &Rc::new(Refusal::new(status, None)));
    let policy = Reader {
        allow: outcomes.add(Outcome::allow("open", "reader", Mode::Enforce)),
        deny: outcomes.add(deny("other", 403)),
        unavailable: outcomes.add(deny("missing", 503)),
        outcomes,
        source: source.unwrap(),
        current: Rc::default(),
    };
    errors.into_result(vec![Loaded { filter: "reader", policy: Box::new(policy), audit: None }])
}

/// A worker, which shares data with others if there is any.
fn worker(shared: Option<&Rc<Shared>>) -> Vm<FakeHost> {
    worker_at(shared, 0)
}

fn worker_at(shared: Option<&Rc<Shared>>, milliseconds: u64) -> Vm<FakeHost> {
    let mut host = FakeHost::default();
    host.shared = shared.cloned();
    let mut vm = Vm::new(host);
    vm.host.advance(milliseconds);
    vm.on_context_create(ROOT, 0);
    assert!(configure(&mut vm, ROOT, REMOTE, reader));
    vm
}

fn tick(vm: &mut Vm<FakeHost>, after_ms: u64) {
    vm.host.advance(after_ms);
    vm.on_tick(ROOT);
}

/// Answers the last call.
fn answer(vm: &mut Vm<FakeHost>, status: Option<u16>, body: &str) {
    vm.host.call_status = status;
    vm.host.call_body = body.as_bytes().to_vec();
    let token = vm.host.last_token();
    vm.on_http_call_response(ROOT, token, u32::from(status.is_some()), body.len());
}

fn want(vm: &mut Vm<FakeHost>, document: &str) -> Flow {
    request(vm, ROOT, &[("x-want", document)])
}

fn fetches(vm: &Vm<FakeHost>, result: &str) -> i64 {
    vm.host
        .counted(&format!("portcullis_document_fetches_total_filter=.=reader;.;_document=.=list;.;_result=.={result}"))
}

/// With all that is said of fetches.
fn all_fetches(vm: &Vm<FakeHost>) -> i64 {
    vm.host.counted("portcullis_document_fetches_total")
}

#[test]
fn the_first_tick_fetches_and_the_answer_lets_go_on_what_waits() {
    for shared in [None, Some(Rc::default())] {
        let mut vm = worker(shared.as_ref());
        assert!(vm.host.calls().is_empty(), "Envoy sends none while it starts");
        assert_eq!((want(&mut vm, "a"), want(&mut vm, "b")), (Flow::Pause, Flow::Pause));
        let (good, bad) = (1001, 1002);
        tick(&mut vm, 20);
        tick(&mut vm, 20);
        assert_eq!((vm.host.calls().len(), vm.host.last_cluster()), (1, "idp".to_owned()), "one at a time");
        let headers = vm.host.last_headers();
        for (name, value) in [
            (":method", "GET"),
            (":path", "/list?a=b"),
            (":authority", "idp.example"),
            (":scheme", "https"),
            ("accept", "text/plain"),
        ] {
            assert!(headers.contains(&(name.to_owned(), value.to_owned())), "{headers:?}");
        }
        assert!(vm.host.resumed().is_empty() && vm.host.replies().is_empty());
        answer(&mut vm, Some(200), "a");
        assert_eq!(vm.host.resumed(), [good], "and not {bad}");
        assert_eq!(vm.host.replies().len(), 1);
        assert!(vm.host.replies()[0].starts_with("403 portcullis:reader:other"), "{:?}", vm.host.replies());
        assert_eq!((fetches(&vm, "ok"), all_fetches(&vm)), (1, 1));
        tick(&mut vm, 10_000);
        assert_eq!((vm.host.resumed().len(), vm.host.replies().len()), (1, 1), "once");
        assert_eq!(want(&mut vm, "a"), Flow::Continue);
    }
}

#[test]
fn what_brings_no_document_is_counted_and_told_and_nothing_hangs() {
    let large = "x".repeat(1025);
    for (status, body, result, said) in [
        (Some(404), "a", "bad_status", "cannot be fetched"),
        (Some(204), "", "bad_status", "cannot be fetched"),
        (Some(504), "", "timed_out", "cannot be fetched"),
        (None, "", "timed_out", "cannot be fetched"),
        (Some(200), &large, "too_large", "cannot be fetched"),
        (Some(200), "bad", "refused", "document list is of no use: it is bad"),
    ] {
        let mut vm = worker(None);
        assert_eq!(want(&mut vm, "a"), Flow::Pause);
        tick(&mut vm, 20);
        answer(&mut vm, status, body);
        assert_eq!((fetches(&vm, result), all_fetches(&vm)), (1, 1), "{result}");
        let log = vm.host.logged();
        assert!(log.contains(said) && log.contains("document list from cluster idp cannot be fetched"), "{log}");
        assert!(vm.host.replies().is_empty() && vm.host.resumed().is_empty());
        tick(&mut vm, 979);
        assert!(vm.host.replies().is_empty(), "{result}");
        tick(&mut vm, 1);
        assert!(vm.host.replies()[0].starts_with("503 portcullis:reader:missing"), "{:?}", vm.host.replies());
        // And when it can be had again, it is.
        tick(&mut vm, 1000);
        assert_eq!(vm.host.calls().len(), 2, "{result}");
        answer(&mut vm, Some(200), "a");
        assert!(vm.host.logged().contains("can be fetched again"), "{}", vm.host.logged());
        assert_eq!(want(&mut vm, "a"), Flow::Continue);
    }
}

#[test]
fn a_call_that_cannot_be_sent_is_a_failure() {
    let mut vm = worker(None);
    vm.host.broken = true;
    tick(&mut vm, 20);
    assert_eq!((fetches(&vm, "not_sent"), vm.host.calls().len()), (1, 0));
    assert!(vm.host.logged().contains("cannot be fetched"));
    tick(&mut vm, 999);
    assert_eq!(fetches(&vm, "not_sent"), 1, "not at once again");
    vm.host.broken = false;
    tick(&mut vm, 1);
    answer(&mut vm, Some(200), "a");
    assert_eq!((fetches(&vm, "ok"), want(&mut vm, "a")), (1, Flow::Continue));
}

#[test]
fn a_document_stays_while_its_service_is_down() {
    let mut vm = worker(None);
    tick(&mut vm, 0);
    answer(&mut vm, Some(200), "a");
    for (status, body) in [(Some(500), ""), (Some(200), "bad"), (None, "")] {
        tick(&mut vm, 330_000);
        answer(&mut vm, status, body);
        assert_eq!(want(&mut vm, "a"), Flow::Continue, "{status:?} {body}");
    }
    assert_eq!((fetches(&vm, "ok"), all_fetches(&vm)), (1, 4));
    // But not for ever.
    vm.host.advance(86_400_000);
    assert_eq!(want(&mut vm, "a"), Flow::Pause);
    tick(&mut vm, 1000);
    assert!(vm.host.replies()[0].starts_with("503"), "{:?}", vm.host.replies());
}

#[test]
fn one_worker_fetches_and_the_others_take_it() {
    let shared = Rc::default();
    let (mut one, mut two) = (worker(Some(&shared)), worker(Some(&shared)));
    assert_eq!((want(&mut one, "a"), want(&mut two, "a")), (Flow::Pause, Flow::Pause));
    tick(&mut one, 20);
    tick(&mut two, 20);
    assert_eq!((one.host.calls().len(), two.host.calls().len()), (1, 0));
    answer(&mut one, Some(200), "a");
    assert_eq!((one.host.resumed().len(), two.host.resumed().len()), (1, 0));
    tick(&mut two, 20);
    assert_eq!((two.host.calls().len(), two.host.resumed().len()), (0, 1));
    assert_eq!((all_fetches(&one), all_fetches(&two)), (1, 0), "who fetches counts");
    // The next version too, whoever fetches it.
    tick(&mut two, 330_000);
    tick(&mut one, 330_020);
    assert_eq!((one.host.calls().len(), two.host.calls().len()), (1, 1));
    answer(&mut two, Some(200), "b");
    tick(&mut one, 20);
    assert_eq!((want(&mut one, "b"), want(&mut two, "b")), (Flow::Continue, Flow::Continue));
}

#[test]
fn a_worker_takes_over_from_one_that_died() {
    let shared = Rc::default();
    let (mut one, mut two) = (worker(Some(&shared)), worker(Some(&shared)));
    tick(&mut one, 20);
    tick(&mut two, 20);
    drop(one);
    tick(&mut two, 1900);
    assert!(two.host.calls().is_empty());
    tick(&mut two, 100);
    answer(&mut two, Some(200), "a");
    assert_eq!(want(&mut two, "a"), Flow::Continue);
}

#[test]
fn a_new_configuration_has_what_is_shared_before_its_first_request() {
    let shared = Rc::default();
    let mut old = worker(Some(&shared));
    tick(&mut old, 0);
    answer(&mut old, Some(200), "a");
    let mut new = worker_at(Some(&shared), 10);
    assert_eq!((want(&mut new, "a"), new.host.calls().len()), (Flow::Continue, 0));
    // A new root in a VM that lives, as when a listener changes.
    old.on_context_create(2, 0);
    assert!(configure(&mut old, 2, REMOTE, reader));
    assert_eq!(request(&mut old, 2, &[("x-want", "a")]), Flow::Continue);
    // Another URL is another document.
    old.on_context_create(3, 0);
    assert!(configure(&mut old, 3, &REMOTE.replace("/list", "/other"), reader));
    assert_eq!(request(&mut old, 3, &[("x-want", "a")]), Flow::Pause);
}

#[test]
fn what_another_worker_shared_and_this_one_cannot_read_is_not_used() {
    let shared = Rc::default();
    let mut vm = worker(Some(&shared));
    tick(&mut vm, 0);
    answer(&mut vm, Some(200), "a");
    let key = {
        let values = &shared.0.borrow().0;
        values.keys().find(|key| key.ends_with("body")).unwrap().clone()
    };
    // A later version of the filter, say, wrote it.
    let changed = |body: &[u8]| {
        let (values, last) = &mut *shared.0.borrow_mut();
        let (value, version) = values.get_mut(&key).unwrap();
        let start = value.len() - 1;
        value.splice(start.., body.iter().copied());
        *last += 1;
        *version = *last;
    };
    changed(b"bad");
    let mut other = worker_at(Some(&shared), 10);
    assert_eq!(want(&mut other, "bad"), Flow::Pause);
    changed(b"");
    assert_eq!(want(&mut vm, "a"), Flow::Continue, "who has it keeps it");
    // Another is fetched, as soon as fetches on demand may be.
    tick(&mut other, 10_000);
    tick(&mut other, 20);
    assert_eq!(other.host.calls().len(), 1);
    answer(&mut other, Some(200), "c");
    assert_eq!(want(&mut other, "c"), Flow::Continue);
}

#[test]
fn ticks_are_frequent_while_someone_waits_and_rare_afterwards() {
    let mut vm = worker(Some(&Rc::default()));
    assert_eq!(vm.host.tick_ms(), 50, "nothing is there yet");
    want(&mut vm, "a");
    assert_eq!(vm.host.tick_ms(), 20);
    tick(&mut vm, 20);
    assert_eq!(vm.host.tick_ms(), 20);
    answer(&mut vm, Some(200), "a");
    assert_eq!(vm.host.tick_ms(), 1000);
    want(&mut vm, "a");
    assert_eq!(vm.host.tick_ms(), 1000);
    vm.host.advance(20_000);
    want(&mut vm, "b");
    assert_eq!(vm.host.tick_ms(), 20, "for one that may come");
    tick(&mut vm, 20);
    answer(&mut vm, Some(200), "a");
    assert_eq!(vm.host.tick_ms(), 1000);
    assert_eq!(fetches(&vm, "unchanged"), 1);
}

#[test]
fn a_newer_document_is_fetched_for_one_who_needs_it_but_not_for_each() {
    let mut vm = worker(None);
    tick(&mut vm, 0);
    answer(&mut vm, Some(200), "a");
    assert_eq!(want(&mut vm, "b"), Flow::Pause);
    assert_eq!(vm.host.replies().len(), 1, "too soon after the last: no use waiting");
    vm.host.advance(10_000);
    for _ in 0..3 {
        assert_eq!(want(&mut vm, "b"), Flow::Pause);
    }
    assert_eq!(vm.host.replies().len(), 1, "these wait");
    tick(&mut vm, 20);
    assert_eq!(vm.host.calls().len(), 2);
    answer(&mut vm, Some(200), "b");
    assert_eq!(vm.host.resumed().len(), 3);
}

/// Or one document that is renewed each second would keep those who wait for another one waiting for ever.
#[test]
fn no_document_makes_a_request_wait_longer() {
    let mut vm = worker(None);
    tick(&mut vm, 0);
    answer(&mut vm, Some(200), "a");
    vm.host.advance(20_000);
    assert_eq!(request(&mut vm, ROOT, &[("x-want", "c"), ("x-wait", "1")]), Flow::Pause);
    want(&mut vm, "b");
    tick(&mut vm, 900);
    answer(&mut vm, Some(200), "b");
    assert_eq!((vm.host.resumed().len(), vm.host.replies().len()), (1, 0), "one goes on, the other still waits");
    tick(&mut vm, 99);
    assert!(vm.host.replies().is_empty());
    tick(&mut vm, 1);
    assert_eq!(vm.host.replies().len(), 1);
}

#[test]
fn a_request_waits_for_a_document_and_then_for_its_body() {
    for (parts, flow) in [(["go", "od"], Flow::Continue), (["ba", "d"], Flow::Pause)] {
        let mut vm = worker(None);
        let (context, held) = post(&mut vm, &[("x-want", "a"), ("x-body", "1")]);
        assert_eq!(held, Flow::Pause);
        assert_eq!(body(&mut vm, context, parts[0], false), Flow::Pause);
        tick(&mut vm, 20);
        answer(&mut vm, Some(200), "a");
        assert!(vm.host.resumed().is_empty() && vm.host.replies().is_empty(), "the body is not all here");
        assert_eq!(body(&mut vm, context, parts[1], true), flow);
        assert_eq!(vm.host.replies().len(), usize::from(flow == Flow::Pause));
    }
    // All of it is here before the document.
    let mut vm = worker(None);
    let (context, _) = post(&mut vm, &[("x-want", "a"), ("x-body", "1")]);
    assert_eq!(body(&mut vm, context, "good", true), Flow::Pause);
    tick(&mut vm, 20);
    answer(&mut vm, Some(200), "a");
    assert_eq!(vm.host.resumed(), [context]);
}

#[test]
fn an_answer_to_nobody_changes_nothing() {
    let mut vm = worker(None);
    tick(&mut vm, 0);
    let token = vm.host.last_token();
    vm.host.call_status = Some(200);
    vm.host.call_body = b"a".to_vec();
    vm.on_http_call_response(ROOT, token + 7, 1, 1);
    vm.on_http_call_response(99, token, 1, 1);
    assert_eq!((all_fetches(&vm), want(&mut vm, "a")), (0, Flow::Pause));
    vm.on_http_call_response(ROOT, token, 1, 1);
    vm.on_http_call_response(ROOT, token, 1, 1);
    assert_eq!((all_fetches(&vm), want(&mut vm, "a")), (1, Flow::Continue));
}

#[test]
fn warnings_are_logged() {
    let mut vm = worker(None);
    assert!(vm.host.logged().contains("portcullis reader: "), "of the configuration: {}", vm.host.logged());
    tick(&mut vm, 0);
    answer(&mut vm, Some(200), "odd");
    assert!(vm.host.logged().contains("portcullis reader: document list: it is odd"), "{}", vm.host.logged());
    assert_eq!(want(&mut vm, "odd"), Flow::Continue);
}

/// A policy with this many outcomes, of which a request names one.
struct Many(Outcomes, Vec<OutcomeId>);

impl Policy for Many {
    fn outcomes(&self) -> &Outcomes {
        &self.0
    }

    fn on_request_headers(&self, request: &dyn Request, trail: &mut Trail) -> Result<Next, Unavailable> {
        let index = request.header("x-index")?.unwrap_or_default();
        trail.conclude(self.1[std::str::from_utf8(index).unwrap().parse::<usize>().unwrap()]);
        Ok(Next::Done)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a `Load`")]
fn many(configuration: &[u8], _: Environment) -> Result<Vec<Loaded>, Errors> {
    let count: usize = std::str::from_utf8(configuration).unwrap().parse().unwrap();
    let mut outcomes = Outcomes::default();
    let ids =
        (0..count).map(|index| outcomes.append(Outcome::allow("open", format!("r{index}").as_str(), Mode::Enforce)));
    let ids = ids.collect();
    Ok(vec![Loaded { filter: "many", policy: Box::new(Many(outcomes, ids)), audit: None }])
}

#[test]
fn thousands_of_counters_are_defined_when_they_count() {
    for (count, early) in [(1024, 1024), (1025, 0)] {
        let mut vm = super::vm_with(&count.to_string(), many);
        let others = vm.host.defined() - early;
        for _ in 0..3 {
            assert_eq!(request(&mut vm, ROOT, &[("x-index", "7")]), Flow::Continue);
        }
        assert_eq!(vm.host.counted("rule=.=r7"), 3);
        assert_eq!(vm.host.defined() - others, if early == 0 { 1 } else { early });
        // Another configuration of the VM counts in the same.
        vm.on_context_create(2, 0);
        assert!(configure(&mut vm, 2, &count.to_string(), many));
        assert_eq!(request(&mut vm, 2, &[("x-index", "7")]), Flow::Continue);
        assert_eq!(vm.host.counted("rule=.=r7"), 4);
        assert_eq!(vm.host.defined() - others, if early == 0 { 1 } else { early });
    }
}
