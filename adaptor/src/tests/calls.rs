//! Requests about which a policy asks a service.

use super::{FakeHost, Flow, Gate, ROOT, body, configure, deliver, post, request, vm, vm_with};
use crate::{host::render, load, tests::fake::gates, vm::Vm};

const ENFORCED: &str = r#"{"mode":"enforce"}"#;
const ASKS: [(&str, &str); 2] = [(":path", "/a"), ("x-gate", "call")];

/// The answer to the last call.
fn answer(vm: &mut Vm<FakeHost>, status: u16, body: &str) {
    vm.host.call_status = Some(status);
    vm.host.call_body = body.as_bytes().to_vec();
    vm.host.call_headers = render(&[(":status", &status.to_string())]);
    let token = vm.host.last_token();
    vm.on_http_call_response(ROOT, token, 1, body.len());
}

#[test]
fn the_answer_decides() {
    for (status, text, passes) in [(200, "yes", true), (200, "no", false), (503, "yes", false)] {
        let mut vm = vm(ENFORCED);
        assert_eq!(request(&mut vm, ROOT, &ASKS), Flow::Pause);
        assert_eq!(vm.host.calls(), ["may I"]);
        assert_eq!(vm.host.last_cluster(), "oracle");
        assert!(vm.host.replies().is_empty() && vm.host.resumed().is_empty(), "it waits");
        let context = 1000 + vm.host.contexts();
        answer(&mut vm, status, text);
        assert_eq!(vm.host.edits(), [format!("x-asked={text}")]);
        assert_eq!(vm.host.resumed(), if passes { vec![context] } else { vec![] });
        assert_eq!(vm.host.replies().len(), usize::from(!passes));
        assert_eq!(vm.host.counted("portcullis_decisions"), 1);
        // Another answer of that name is nobody's.
        answer(&mut vm, 200, "yes");
        assert_eq!(vm.host.counted("portcullis_decisions"), 1);
    }
}

#[test]
fn no_answer_is_told_as_such() {
    let mut lost = vm(ENFORCED);
    assert_eq!(request(&mut lost, ROOT, &ASKS), Flow::Pause);
    lost.on_tick(ROOT);
    assert!(lost.host.edits().is_empty(), "there is time");
    lost.host.advance(300);
    lost.on_tick(ROOT);
    assert_eq!(lost.host.edits(), ["x-asked=nobody"]);
    assert_eq!(lost.host.replies().len(), 1);

    // As when the connection is lost.
    let mut empty = vm(ENFORCED);
    assert_eq!(request(&mut empty, ROOT, &ASKS), Flow::Pause);
    let token = empty.host.last_token();
    empty.on_http_call_response(ROOT, token, 0, 0);
    assert_eq!(empty.host.edits(), ["x-asked=nobody"]);
    assert_eq!(empty.host.replies().len(), 1);
}

#[test]
fn a_root_that_calls_ticks_often_enough_for_lost_calls() {
    let mut vm = vm(ENFORCED);
    request(&mut vm, ROOT, &ASKS);
    vm.on_tick(ROOT);
    assert!(vm.host.tick_ms() <= 250, "{}", vm.host.tick_ms());
}

#[test]
fn a_client_that_is_gone_is_not_let_go_on() {
    let mut vm = vm(ENFORCED);
    request(&mut vm, ROOT, &ASKS);
    vm.host.gone.push(1000 + vm.host.contexts());
    answer(&mut vm, 200, "yes");
    assert_eq!(vm.host.edits(), ["x-asked=yes"], "the policy still learns it");
    assert!(vm.host.resumed().is_empty() && vm.host.replies().is_empty());
    deliver(&mut vm, ROOT);
}

#[test]
fn the_next_policy_is_asked_after_the_answer() {
    let mut vm = vm_with("", gates);
    let context = {
        assert_eq!(request(&mut vm, ROOT, &ASKS), Flow::Pause);
        1000 + vm.host.contexts()
    };
    answer(&mut vm, 200, "yes");
    assert_eq!(vm.host.calls().len(), 2, "the second asks, too");
    assert!(vm.host.resumed().is_empty());
    answer(&mut vm, 200, "yes");
    assert_eq!(vm.host.resumed(), [context]);
    assert_eq!(vm.host.counted("portcullis_decisions"), 2);
}

#[test]
fn a_body_that_comes_meanwhile_is_kept_back() {
    let mut vm = vm(ENFORCED);
    let (context, flow) = post(&mut vm, &ASKS);
    assert_eq!(flow, Flow::Pause);
    assert_eq!(body(&mut vm, context, "some", true), Flow::Pause);
    answer(&mut vm, 200, "yes");
    assert_eq!(vm.host.resumed(), [context]);
}

#[test]
fn the_answer_comes_when_a_call_cannot_be_sent() {
    let mut vm = vm(ENFORCED);
    vm.host.sends_nothing = true;
    assert_eq!(request(&mut vm, ROOT, &ASKS), Flow::Pause);
    assert_eq!(vm.host.edits(), ["x-asked=nobody"]);
    assert_eq!(vm.host.replies().len(), 1);
}

const NEW: u32 = ROOT + 1;

#[test]
fn what_a_policy_has_to_say_is_logged_once() {
    let mut vm = vm(ENFORCED);
    vm.host.sends_nothing = true;
    request(&mut vm, ROOT, &ASKS);
    // A configuration that was replaced ticks no more, and the new one does.
    vm.on_context_create(NEW, 0);
    assert!(configure(&mut vm, NEW, ENFORCED, load::<Gate>));
    for _ in 0..2 {
        vm.on_tick(NEW);
        assert_eq!(vm.host.logged().matches("portcullis gate: the oracle is silent").count(), 1);
    }
}
