//! Responses that a policy asked for.

use super::{FakeHost, Flow, ROOT, request, vm};
use crate::{host::render, vm::Vm};

const ENFORCED: &str = r#"{"mode":"enforce","audit":{"cluster":"audit","events":["deny","shadow","error","allow"]}}"#;

/// The headers of the response to a request that passed; its context comes back.
fn answered(vm: &mut Vm<FakeHost>, how: &str, status: u16, end: bool) -> (u32, Flow) {
    assert_eq!(request(vm, ROOT, &[(":path", "/a"), ("x-gate", how)]), Flow::Continue);
    let context = 1000 + vm.host.contexts();
    vm.host.response = render(&[(":status", &status.to_string())]);
    vm.host.body.clear();
    (context, vm.on_response_headers(context, end))
}

/// More of its body: all so far while it is held, else the part.
fn body(vm: &mut Vm<FakeHost>, context: u32, part: &str, end: bool, held: bool) -> Flow {
    if !held {
        vm.host.body.clear();
    }
    vm.host.body.extend(part.bytes());
    vm.on_response_body(context, vm.host.body.len(), end)
}

#[test]
fn nothing_is_kept_of_what_nobody_watches() {
    let mut vm = vm(ENFORCED);
    assert_eq!(answered(&mut vm, "open", 200, false).1, Flow::Continue);
    assert!(vm.host.edits().is_empty() && vm.host.replies().is_empty());
}

#[test]
fn a_response_that_is_held_is_replaced() {
    for (parts, denied) in [(&["de", "ny"][..], true), (&["fine"], false), (&["far too ", "long"], true)] {
        let mut vm = vm(ENFORCED);
        let (context, flow) = answered(&mut vm, "hold", 200, false);
        assert_eq!(flow, Flow::Pause);
        for (index, part) in parts.iter().enumerate() {
            let end = index + 1 == parts.len();
            let flow = body(&mut vm, context, part, end, true);
            assert!(flow == Flow::Continue || !end);
        }
        let edits = vm.host.edits().join(";");
        assert_eq!(edits.contains("response :status=403"), denied, "{edits}");
        assert_eq!(edits.contains("response body={"), denied, "{edits}");
        assert_eq!(vm.host.counted("action=.=deny"), i64::from(denied));
    }
}

#[test]
fn what_follows_a_replaced_response_goes_nowhere() {
    let mut vm = vm(ENFORCED);
    let (context, _) = answered(&mut vm, "hold", 200, false);
    assert_eq!(body(&mut vm, context, "far too long", false, true), Flow::Continue);
    assert_eq!(body(&mut vm, context, "and more", false, true), Flow::Continue);
    assert_eq!(vm.host.edits().last().unwrap(), "response body=");
    assert_eq!(body(&mut vm, context, "and more", true, true), Flow::Continue);
    assert_eq!(vm.host.counted("action=.=deny"), 1);
}

/// Whether all of it was read before or not.
#[test]
fn trailers_of_a_replaced_response_go_nowhere() {
    for (text, denied) in [("fine", false), ("deny", true), ("far too long", true)] {
        let mut vm = vm(ENFORCED);
        let (context, _) = answered(&mut vm, "hold", 200, false);
        body(&mut vm, context, text, false, true);
        vm.host.trailers = render(&[("x-sum", "1"), ("x-more", "2")]);
        assert_eq!(vm.on_response_trailers(context), Flow::Continue);
        let edits = vm.host.edits().join(";");
        assert_eq!(edits.contains("-response trailer x-sum;-response trailer x-more"), denied, "{text}: {edits}");
        assert_eq!(edits.contains("trailer"), denied, "{text}: {edits}");
    }
}

#[test]
fn a_status_is_replied_to() {
    let mut vm = vm(ENFORCED);
    assert_eq!(answered(&mut vm, "hold", 500, true).1, Flow::Pause);
    assert_eq!(vm.host.replies().len(), 1);
    assert_eq!(answered(&mut vm, "watch", 500, true).1, Flow::Continue);
    assert_eq!(vm.host.replies().len(), 1);
    assert_eq!(vm.host.counted("action=.=deny"), 2);
}

#[test]
fn a_response_that_is_watched_goes_on_as_it_comes() {
    for (parts, trailers, denied) in [
        (&["de", "ny"][..], false, true),
        (&["deny"], true, true),
        (&["fi", "ne"], false, false),
        (&["far too ", "long"], false, true),
    ] {
        let mut vm = vm(ENFORCED);
        let (context, flow) = answered(&mut vm, "watch", 200, false);
        assert_eq!(flow, Flow::Continue);
        for (index, part) in parts.iter().enumerate() {
            let end = !trailers && index + 1 == parts.len();
            assert_eq!(body(&mut vm, context, part, end, false), Flow::Continue);
        }
        assert_eq!(vm.on_response_trailers(context), Flow::Continue);
        assert!(vm.host.edits().is_empty() && vm.host.replies().is_empty());
        assert_eq!(vm.host.counted("action=.=deny"), i64::from(denied), "{parts:?}");
    }
}

#[test]
fn events_name_the_request() {
    let mut vm = vm(ENFORCED);
    vm.host.gone = vec![];
    answered(&mut vm, "watch", 500, true);
    super::deliver(&mut vm, ROOT);
    assert!(vm.host.calls().concat().contains(r#""path":"/a""#), "{:?}", vm.host.calls());
}

#[test]
fn a_response_whose_stream_is_gone_is_forgotten() {
    let mut vm = vm(ENFORCED);
    let (context, _) = answered(&mut vm, "watch", 200, false);
    vm.host.gone = vec![context];
    vm.on_tick(ROOT);
    assert_eq!(body(&mut vm, context, "deny", true, false), Flow::Continue);
    assert_eq!(vm.host.counted("action=.=deny"), 0);
}

#[test]
fn headers_are_set_on_responses_of_the_upstream_and_of_the_proxy() {
    for is_local in [false, true] {
        let mut vm = vm(ENFORCED);
        vm.host.is_local = is_local;
        assert_eq!(answered(&mut vm, "label", 404, true).1, Flow::Continue);
        assert_eq!(vm.host.edits(), ["response x-label=passed"]);
        let mut vm = Vm::new(std::mem::take(&mut vm.host));
        assert_eq!(vm.on_response_headers(5, true), Flow::Continue);
        assert_eq!(vm.host.edits().len(), 1, "of no other");
    }
}
