//! The VM with a host made of plain data.
#![allow(clippy::arithmetic_side_effects, reason = "tests may panic")]

mod calls;
mod documents;
mod fake;
mod responses;

use fake::{FakeHost, Gate, GateConfig, gates, small_and_large};
use portcullis_shared::policy::Filter;

use crate::{
    host::{Level, MetricKind, abi},
    load,
    vm::{Flow, Load, Vm},
};

const ROOT: u32 = 1;
const AUDITED: &str = r#"{"mode":"enforce","audit":{"cluster":"audit","events":["deny","shadow","error","allow"]}}"#;

fn vm(configuration: &str) -> Vm<FakeHost> {
    vm_with(configuration, load::<Gate>)
}

fn vm_with(configuration: &str, load: Load) -> Vm<FakeHost> {
    let mut vm = Vm::new(FakeHost::default());
    vm.on_context_create(ROOT, 0);
    assert!(configure(&mut vm, ROOT, configuration, load));
    vm
}

fn configure(vm: &mut Vm<FakeHost>, root: u32, configuration: &str, load: Load) -> bool {
    vm.host.configuration = configuration.as_bytes().to_vec();
    vm.on_configure(root, configuration.len(), load)
}

/// Ticks until what waits is due: a batch's age counts from the tick that first sees it.
fn deliver(vm: &mut Vm<FakeHost>, root: u32) {
    for _ in 0..2 {
        vm.host.advance(60_000);
        vm.on_tick(root);
    }
}

/// A request through the VM, as Envoy makes it.
fn request(vm: &mut Vm<FakeHost>, root: u32, headers: &[(&str, &str)]) -> Flow {
    vm.host.set_request(headers);
    let context = vm.host.next_context();
    vm.on_context_create(context, root);
    vm.on_request_headers(context, true)
}

/// The headers of a request with a body; its context comes back.
fn post(vm: &mut Vm<FakeHost>, headers: &[(&str, &str)]) -> (u32, Flow) {
    vm.host.set_request(headers);
    vm.host.body.clear();
    let context = vm.host.next_context();
    vm.on_context_create(context, ROOT);
    (context, vm.on_request_headers(context, false))
}

/// More of its body.
fn body(vm: &mut Vm<FakeHost>, context: u32, part: &str, end: bool) -> Flow {
    vm.host.body.extend(part.bytes());
    vm.on_request_body(context, vm.host.body.len(), end)
}

#[test]
fn an_allowed_request_goes_on_and_is_counted() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    assert_eq!(request(&mut vm, ROOT, &[(":path", "/")]), Flow::Continue);
    assert!(vm.host.replies().is_empty());
    assert_eq!(vm.host.counted("action=.=allow"), 1);
}

#[test]
fn a_refused_request_gets_one_reply_and_is_counted() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    assert_eq!(request(&mut vm, ROOT, &[("x-gate", "deny")]), Flow::Pause);
    assert_eq!(vm.host.replies(), ["403 portcullis:gate:closed:gate {\"title\":\"Forbidden\",\"status\":403}"]);
    assert_eq!(vm.host.counted("action=.=deny"), 1);
}

#[test]
fn grpc_requests_get_the_grpc_form() {
    for (media_type, grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc-web", false),
        ("application/json", false),
    ] {
        let mut vm = vm(r#"{"mode":"enforce"}"#);
        request(&mut vm, ROOT, &[("x-gate", "deny"), ("content-type", media_type)]);
        assert_eq!(vm.host.replies()[0].ends_with("grpc 7: Forbidden"), grpc, "{media_type}");
    }
}

#[test]
fn shadow_denials_are_counted_and_pass() {
    let mut vm = vm(r#"{"mode":"shadow"}"#);
    assert_eq!(request(&mut vm, ROOT, &[("x-gate", "deny")]), Flow::Continue);
    assert_eq!(vm.host.counted("action=.=deny;.;_mode=.=shadow"), 1);
}

#[test]
fn policies_run_in_order_until_one_refuses() {
    let mut vm = vm_with("both", gates);
    assert_eq!(request(&mut vm, ROOT, &[]), Flow::Continue);
    assert_eq!((vm.host.counted("rule=.=first"), vm.host.counted("rule=.=second")), (1, 1));
    assert_eq!(request(&mut vm, ROOT, &[("x-gate", "deny")]), Flow::Pause);
    assert_eq!((vm.host.counted("rule=.=first"), vm.host.counted("rule=.=second")), (2, 1));
    assert_eq!(vm.host.replies().len(), 1);
}

#[test]
fn what_the_host_does_not_show_is_refused() {
    let mut vm = vm(AUDITED);
    vm.host.broken = true;
    assert_eq!(request(&mut vm, ROOT, &[]), Flow::Pause);
    assert!(vm.host.replies()[0].starts_with("503 portcullis:gate:host_unavailable:host"));
    assert_eq!(vm.host.counted("host_unavailable"), 1);
    vm.host.broken = false;
    deliver(&mut vm, ROOT);
    let event = &vm.host.calls()[0];
    assert!(event.contains(r#""reason":"host_unavailable""#) && event.contains(r#""class":"error""#), "{event}");
}

#[test]
fn streams_of_no_configuration_are_refused() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    assert_eq!(request(&mut vm, 99, &[]), Flow::Pause);
    vm.host.set_request(&[]);
    assert_eq!(vm.on_request_headers(12345, true), Flow::Pause, "not the stream that was created last");
    let mut bare = Vm::new(FakeHost::default());
    bare.on_context_create(ROOT, 0);
    assert_eq!(request(&mut bare, ROOT, &[]), Flow::Pause, "not configured yet");
    for reply in vm.host.replies().iter().chain(&bare.host.replies()) {
        assert!(reply.starts_with("503 portcullis:portcullis:no_configuration:host"), "{reply}");
    }
}

#[test]
fn each_stream_is_judged_by_its_own_configuration() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    vm.on_context_create(2, 0);
    assert!(configure(&mut vm, 2, r#"{"mode":"shadow"}"#, load::<Gate>));
    for _ in 0..3 {
        assert_eq!(request(&mut vm, ROOT, &[("x-gate", "deny")]), Flow::Pause);
        assert_eq!(request(&mut vm, 2, &[("x-gate", "deny")]), Flow::Continue);
    }
}

#[test]
fn a_bad_configuration_is_refused_with_its_faults_and_the_old_one_stays() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    vm.on_context_create(2, 0);
    assert!(!configure(&mut vm, 2, r#"{"mode":"on","x":1,"audit":{"cluster":""}}"#, load::<Gate>));
    let log = vm.host.logged();
    assert!(log.contains("configuration refused: ") && log.contains("$.mode: expected"), "{log}");
    assert_eq!(request(&mut vm, ROOT, &[("x-gate", "deny")]), Flow::Pause);
    assert_eq!(vm.host.replies().len(), 1);
}

#[test]
fn faults_of_policy_and_audit_come_together() {
    let faults = match load::<Gate>(br#"{"mode":"off","audit":{"cluster":""}}"#, &|_| None) {
        Err(errors) => errors.to_string(),
        Ok(_) => String::new(),
    };
    assert!(faults.contains("$.audit.cluster: ") && faults.contains("$.mode: "), "{faults}");
}

#[test]
fn metrics_are_defined_once_in_a_vm() {
    let mut vm = vm(AUDITED);
    let defined = vm.host.defined();
    for root in 2..5 {
        vm.on_context_create(root, 0);
        assert!(configure(&mut vm, root, AUDITED, load::<Gate>));
    }
    assert_eq!(vm.host.defined(), defined);
}

#[test]
fn events_wait_out_a_dead_collector_and_a_new_configuration() {
    let mut vm = vm(AUDITED);
    request(&mut vm, ROOT, &[("x-gate", "deny"), (":path", "/a")]);
    vm.host.broken = true;
    deliver(&mut vm, ROOT);
    vm.host.broken = false;
    assert_eq!((vm.host.calls().len(), vm.host.counted("result=.=not_sent")), (0, 1));
    vm.on_context_create(2, 0);
    assert!(configure(&mut vm, 2, AUDITED, load::<Gate>));
    request(&mut vm, 2, &[("x-gate", "deny"), (":path", "/b")]);
    vm.host.advance(600_000);
    vm.on_tick(2);
    let calls = vm.host.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].matches("\"sequence\":").count(), 2, "{calls:?}");
    let token = vm.host.last_token();
    vm.host.call_status = Some(200);
    vm.on_http_call_response(ROOT, token, 1, 0);
    assert_eq!(vm.host.counted("class=.=deny;.;_result=.=delivered"), 2);
    vm.on_http_call_response(ROOT, token, 1, 0);
    assert_eq!(vm.host.counted("class=.=deny;.;_result=.=delivered"), 2, "an answer counts once");
}

#[test]
fn an_answer_without_headers_is_a_failure() {
    let mut vm = vm(AUDITED);
    request(&mut vm, ROOT, &[]);
    deliver(&mut vm, ROOT);
    vm.host.call_status = Some(200);
    let token = vm.host.last_token();
    vm.on_http_call_response(ROOT, token, 0, 0);
    assert_eq!(vm.host.counted("result=.=timed_out"), 1);
    assert_eq!(vm.host.counted("result=.=delivered"), 0);
    assert!(vm.host.logged().contains("takes no events"), "{}", vm.host.logged());
}

#[test]
fn roots_that_no_longer_tick_are_forgotten() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    vm.on_context_create(2, 0);
    assert!(configure(&mut vm, 2, AUDITED, load::<Gate>));
    // A thread that hung: time went by, but both timers fire in the same round.
    vm.host.advance(3_600_000);
    vm.on_tick(2);
    vm.on_tick(ROOT);
    assert_eq!(vm.roots(), 2);
    for _ in 0..20 {
        vm.host.advance(2_900);
        vm.on_tick(2);
    }
    assert_eq!(vm.roots(), 2);
    vm.host.advance(2_900);
    vm.on_tick(2);
    assert_eq!(vm.roots(), 1);
    assert_eq!(request(&mut vm, 2, &[]), Flow::Continue);
}

/// A configuration that audits everything to this cluster.
fn audited_by(cluster: &str) -> String {
    AUDITED.replace("\"audit\",", &format!("\"{cluster}\","))
}

/// Time goes by until roots other than this one, and what they left, are gone.
fn outlive(vm: &mut Vm<FakeHost>, root: u32) {
    for _ in 0..20 {
        vm.host.advance(5_000);
        vm.on_tick(root);
    }
}

fn answer(vm: &mut Vm<FakeHost>) {
    vm.host.call_status = Some(200);
    let token = vm.host.last_token();
    vm.on_http_call_response(2, token, 1, 0);
}

#[test]
fn pipelines_that_no_configuration_uses_are_forgotten() {
    let mut vm = vm(&audited_by("first"));
    for root in 2..200 {
        vm.on_context_create(root, 0);
        assert!(configure(&mut vm, root, &audited_by(&format!("c{root}")), load::<Gate>));
        if root % 20 == 0 {
            outlive(&mut vm, root);
            assert_eq!((vm.roots(), vm.pipelines()), (1, 1));
        }
    }
    assert_eq!(vm.pipelines(), 20, "roots that still tick keep theirs");
    let defined = vm.host.defined();
    outlive(&mut vm, 199);
    vm.on_context_create(200, 0);
    assert!(configure(&mut vm, 200, &audited_by("first"), load::<Gate>));
    request(&mut vm, 200, &[("x-gate", "deny")]);
    deliver(&mut vm, 200);
    assert_eq!((vm.host.calls().len(), vm.host.defined()), (1, defined));
}

#[test]
fn a_pipeline_is_kept_until_its_events_are_delivered() {
    let mut vm = vm(&audited_by("first"));
    vm.on_context_create(2, 0);
    assert!(configure(&mut vm, 2, &audited_by("second"), load::<Gate>));
    vm.host.broken = true;
    request(&mut vm, ROOT, &[]);
    outlive(&mut vm, 2);
    assert_eq!((vm.roots(), vm.pipelines(), vm.host.counted("queue_events")), (1, 2, 1));
    vm.host.broken = false;
    vm.host.advance(60_000);
    vm.on_tick(2);
    assert_eq!((vm.host.calls().len(), vm.pipelines()), (1, 2), "on its way, with no answer yet");
    answer(&mut vm);
    vm.on_tick(2);
    assert_eq!((vm.pipelines(), vm.host.counted("queue_events"), vm.host.counted("queue_bytes")), (1, 0, 0));
    assert_eq!(vm.host.counted("result=.=delivered"), 1);
}

#[test]
fn a_pipeline_that_cannot_deliver_is_given_up_once_it_is_unused() {
    let mut vm = vm(&audited_by("first"));
    vm.host.broken = true;
    request(&mut vm, ROOT, &[]);
    for _ in 0..10 {
        outlive(&mut vm, ROOT);
    }
    assert_eq!((vm.pipelines(), vm.host.counted("queue_events")), (1, 1), "in use: it waits for ever");
    vm.on_context_create(2, 0);
    assert!(configure(&mut vm, 2, &audited_by("second"), load::<Gate>));
    outlive(&mut vm, 2);
    assert_eq!((vm.roots(), vm.pipelines()), (1, 2));
    for _ in 0..6 {
        outlive(&mut vm, 2);
    }
    assert_eq!((vm.pipelines(), vm.host.counted("queue_events"), vm.host.counted("queue_bytes")), (1, 0, 0));
    assert_eq!(vm.host.counted("result=.=dropped"), 1);
}

#[test]
fn a_configuration_takes_its_pipeline_back() {
    let mut vm = vm(&audited_by("first"));
    vm.on_context_create(2, 0);
    assert!(configure(&mut vm, 2, &audited_by("second"), load::<Gate>));
    vm.host.broken = true;
    request(&mut vm, ROOT, &[]);
    for _ in 0..4 {
        outlive(&mut vm, 2);
    }
    vm.on_context_create(3, 0);
    assert!(configure(&mut vm, 3, &audited_by("first"), load::<Gate>));
    for _ in 0..10 {
        vm.host.advance(60_000);
        vm.on_tick(2);
        vm.on_tick(3);
    }
    assert_eq!((vm.pipelines(), vm.host.counted("queue_events")), (2, 1), "no longer given up");
    vm.host.broken = false;
    vm.host.advance(600_000);
    vm.on_tick(3);
    answer(&mut vm);
    assert_eq!(vm.host.counted("result=.=delivered"), 1);
}

#[test]
fn a_place_that_became_free_is_anothers_then() {
    let mut vm = vm(&audited_by("first"));
    for (root, cluster) in [(2, "second"), (3, "third")] {
        vm.on_context_create(root, 0);
        assert!(configure(&mut vm, root, &audited_by(cluster), load::<Gate>));
    }
    for _ in 0..20 {
        vm.host.advance(5_000);
        vm.on_tick(ROOT);
        vm.on_tick(3);
    }
    assert_eq!((vm.roots(), vm.pipelines()), (2, 2));
    vm.on_context_create(4, 0);
    assert!(configure(&mut vm, 4, &audited_by("fourth"), load::<Gate>));
    for (root, cluster) in [(ROOT, "first"), (3, "third"), (4, "fourth")] {
        request(&mut vm, root, &[]);
        deliver(&mut vm, root);
        assert_eq!(vm.host.last_cluster(), cluster);
        answer(&mut vm);
    }
    assert_eq!(vm.host.calls().len(), 3);
}

#[test]
fn a_body_is_held_until_all_of_it_is_judged() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    for (parts, flow) in [(["de", "ny"], Flow::Pause), (["de", "nied"], Flow::Continue), (["", ""], Flow::Continue)] {
        let replies = vm.host.replies().len();
        let (context, held) = post(&mut vm, &[("x-gate", "body")]);
        assert_eq!(held, Flow::Pause);
        assert_eq!(body(&mut vm, context, parts[0], false), Flow::Pause);
        assert_eq!(vm.host.replies().len(), replies);
        assert_eq!(body(&mut vm, context, parts[1], true), flow, "{parts:?}");
        assert_eq!(vm.host.replies().len() - replies, usize::from(flow == Flow::Pause));
        assert_eq!(body(&mut vm, context, "", true), Flow::Continue, "nothing is held any more");
    }
}

#[test]
fn a_body_that_ends_with_trailers_is_judged_as_well() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    let (context, _) = post(&mut vm, &[("x-gate", "body")]);
    assert_eq!(body(&mut vm, context, "deny", false), Flow::Pause);
    assert_eq!(vm.on_request_trailers(context), Flow::Pause);
    assert_eq!(vm.host.replies().len(), 1);
    let (context, _) = post(&mut vm, &[("x-gate", "body")]);
    assert_eq!(body(&mut vm, context, "good", false), Flow::Pause);
    assert_eq!(vm.on_request_trailers(context), Flow::Continue);
    let (context, _) = post(&mut vm, &[("x-gate", "allow")]);
    assert_eq!(vm.on_request_trailers(context), Flow::Continue);
}

#[test]
fn a_body_over_the_limit_is_refused_before_its_end() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    let (context, _) = post(&mut vm, &[("x-gate", "body")]);
    assert_eq!(body(&mut vm, context, "12345678", false), Flow::Pause);
    assert!(vm.host.replies().is_empty());
    assert_eq!(body(&mut vm, context, "9", false), Flow::Pause);
    assert_eq!(vm.host.replies().len(), 1);
}

#[test]
fn what_is_too_much_for_a_shadow_rule_is_judged_by_the_others() {
    for (parts, flow) in [(["deny", ""], Flow::Pause), (["ok", "ok"], Flow::Continue), (["12345678", "9"], Flow::Pause)]
    {
        let mut vm = vm_with("", small_and_large);
        let (context, _) = post(&mut vm, &[("x-gate", "body")]);
        assert_eq!(body(&mut vm, context, parts[0], false), Flow::Pause);
        assert!(vm.host.replies().is_empty());
        assert_eq!(body(&mut vm, context, parts[1], true), flow, "{parts:?}");
        assert_eq!(vm.host.replies().len(), usize::from(flow == Flow::Pause));
        assert_eq!(vm.host.counted("rule=.=first;.;_action=.=deny"), 1);
    }
}

#[test]
fn no_body_and_what_is_no_body_are_judged_as_empty() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    assert_eq!(request(&mut vm, ROOT, &[("x-gate", "body")]), Flow::Continue);
    for headers in [
        &[("x-gate", "body"), (":method", "CONNECT")][..],
        &[("x-gate", "body"), ("upgrade", "websocket"), ("connection", "keep-alive, Upgrade")],
    ] {
        assert_eq!(post(&mut vm, headers).1, Flow::Continue, "{headers:?}");
    }
    assert_eq!(vm.host.edits(), ["x-size=0"; 3]);
    assert_eq!(post(&mut vm, &[("x-gate", "body"), ("upgrade", "websocket")]).1, Flow::Pause, "that is no upgrade");
}

#[test]
fn without_any_body_requests_that_are_held_for_theirs_do_not_hang() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    post(&mut vm, &[("x-gate", "body")]);
    post(&mut vm, &[("x-gate", "body")]);
    for (after, refused) in [(10_000, 0), (1, 2), (60_000, 2)] {
        vm.host.advance(after);
        vm.on_tick(ROOT);
        assert_eq!(vm.host.replies().len(), refused);
    }
    assert!(vm.host.replies()[0].starts_with("503 "));
    assert_eq!(vm.host.logged().matches("allow_on_headers_stop_iteration").count(), 1);
}

#[test]
fn where_bodies_come_a_slow_client_has_time() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    let (context, _) = post(&mut vm, &[("x-gate", "body")]);
    assert_eq!(body(&mut vm, context, "good", true), Flow::Continue);
    post(&mut vm, &[("x-gate", "body")]);
    vm.host.advance(3_600_000);
    vm.on_tick(ROOT);
    assert!(vm.host.replies().is_empty());
}

#[test]
fn reserved_trailers_are_removed() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    vm.host.trailers = crate::host::render(&[("x-size", "1"), ("x-other", "2")]);
    let (context, _) = post(&mut vm, &[("x-gate", "allow")]);
    assert_eq!(vm.on_request_trailers(context), Flow::Continue);
    assert_eq!(vm.host.edits(), ["-trailer x-size"]);
}

#[test]
fn a_body_that_the_host_does_not_show_is_refused() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    let (context, _) = post(&mut vm, &[("x-gate", "body")]);
    vm.host.broken = true;
    assert_eq!(body(&mut vm, context, "good", true), Flow::Pause);
    assert!(vm.host.replies()[0].starts_with("503 portcullis:gate:host_unavailable:host"));
}

#[test]
fn a_request_waits_until_its_time_is_up() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    assert_eq!(request(&mut vm, ROOT, &[("x-gate", "wait")]), Flow::Pause);
    vm.host.advance(999);
    vm.on_tick(ROOT);
    assert!(vm.host.replies().is_empty());
    vm.host.advance(1);
    vm.on_tick(ROOT);
    assert_eq!(vm.host.replies().len(), 1);
    vm.host.advance(10_000);
    vm.on_tick(ROOT);
    assert_eq!(vm.host.replies().len(), 1, "answered once");
}

#[test]
fn a_request_that_is_gone_is_not_judged() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    let (context, flow) = post(&mut vm, &[("x-gate", "wait")]);
    assert_eq!(flow, Flow::Pause);
    vm.host.gone.push(context);
    vm.host.advance(5_000);
    vm.on_tick(ROOT);
    assert!(vm.host.replies().is_empty() && vm.host.resumed().is_empty());
    assert_eq!(vm.on_request_body(context, 0, true), Flow::Continue, "it is forgotten");
}

#[test]
fn no_more_requests_wait_than_the_limit() {
    let mut vm = vm(r#"{"mode":"enforce"}"#);
    for _ in 0..4096 {
        assert_eq!(request(&mut vm, ROOT, &[("x-gate", "wait")]), Flow::Pause);
    }
    assert!(vm.host.replies().is_empty());
    assert_eq!(request(&mut vm, ROOT, &[("x-gate", "wait")]), Flow::Pause);
    assert_eq!(vm.host.replies().len(), 1);
}

#[test]
fn the_numbers_are_those_of_the_proxy_wasm_crate() {
    use proxy_wasm::types::{Action, BufferType, LogLevel, MapType, MetricType, Status, StreamType};
    assert_eq!((Flow::Continue as u32, Flow::Pause as u32), (Action::Continue as u32, Action::Pause as u32));
    assert_eq!((abi::OK, abi::NOT_FOUND), (Status::Ok as u32, Status::NotFound as u32));
    assert_eq!(abi::REQUEST_HEADERS, MapType::HttpRequestHeaders as u32);
    assert_eq!(abi::REQUEST_TRAILERS, MapType::HttpRequestTrailers as u32);
    assert_eq!(abi::RESPONSE_TRAILERS, MapType::HttpResponseTrailers as u32);
    assert_eq!(abi::CALL_RESPONSE_HEADERS, MapType::HttpCallResponseHeaders as u32);
    assert_eq!(abi::CALL_RESPONSE_TRAILERS, MapType::HttpCallResponseTrailers as u32);
    assert_eq!(abi::CAS_MISMATCH, Status::CasMismatch as u32);
    assert_eq!(abi::REQUEST_STREAM, StreamType::HttpRequest as u32);
    assert_eq!(abi::REQUEST_BODY, BufferType::HttpRequestBody as u32);
    assert_eq!(abi::RESPONSE_BODY, BufferType::HttpResponseBody as u32);
    assert_eq!(abi::RESPONSE_HEADERS, MapType::HttpResponseHeaders as u32);
    assert_eq!(abi::CALL_RESPONSE_BODY, BufferType::HttpCallResponseBody as u32);
    assert_eq!(abi::PLUGIN_CONFIGURATION, BufferType::PluginConfiguration as u32);
    assert_eq!(
        (Level::Info as u32, Level::Warn as u32, Level::Error as u32),
        (LogLevel::Info as u32, LogLevel::Warn as u32, LogLevel::Error as u32)
    );
    assert_eq!(
        (MetricKind::Counter as u32, MetricKind::Gauge as u32),
        (MetricType::Counter as u32, MetricType::Gauge as u32)
    );
}

#[test]
fn the_fake_filter_is_like_a_real_one() {
    assert_eq!(Gate::NAME, "gate");
    let _: fn(&mut GateConfig) -> _ = Gate::audit;
}
