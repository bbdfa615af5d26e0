#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod service;
mod simulation;

use super::{Call, Client, Config, Counters, Decision, Hit, Verdict};
use crate::{
    fleet::{
        CallId, Code, Quota, Reason, Status,
        wire::testing::{Asked, answer, asked},
    },
    policy::Answer,
    request::Headers,
};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// A quarter of a second past a whole one.
const START: u64 = 1_000 * SECOND + 250 * MS;

fn client() -> Client {
    Client::new(Config { failures: 2, max_in_flight: 4, over_limit: 8, leases: 8, ..Config::new("d") })
}

fn hit(key: u64) -> Hit<'static> {
    Hit { key, entries: &[("k", "v")], cost: 1, batch: 0, is_enforced: true }
}

fn leased(key: u64) -> Hit<'static> {
    Hit { batch: 10, ..hit(key) }
}

fn shadow(key: u64) -> Hit<'static> {
    Hit { is_enforced: false, ..hit(key) }
}

/// What an answer comes to.
type Judged = Result<Vec<Verdict>, Reason>;

fn decide(client: &mut Client, hits: &[Hit<'_>], now: u64) -> Decision {
    client.decide(hits, now, &mut || 0)
}

/// A call for these numbers of hits.
fn call(client: &mut Client, hits: &[Hit<'_>], now: u64, expected: &[u32]) -> CallId {
    let Decision::Call(Call { id, body }) = decide(client, hits, now) else { panic!("no call") };
    let asked: Vec<_> = asked(&body).into_iter().map(|Asked { hits, .. }| hits).collect();
    assert_eq!(asked, expected);
    id
}

fn answered(client: &mut Client, id: CallId, body: &[u8], now: u64) -> Judged {
    let own = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let headers = [own(":status", "200"), own("content-type", "application/grpc")];
    let trailers = [own("grpc-status", "0")];
    let answer = Answer { headers: Headers::Listed(&headers), body, trailers: Headers::Listed(&trailers) };
    client.answered(id, Some(&answer), now, &mut || 0)
}

const OK: Status = Status { code: Code::Ok, limit: Some(100), remaining: 50, reset: Some(60 * SECOND) };
const OVER: Status = Status { code: Code::OverLimit, remaining: 0, ..OK };

/// What is made of [`OK`] and [`OVER`], sent at `START`.
const RESETS_AT: Option<u64> = Some(1_060 * SECOND);
const ALLOWED: Verdict =
    Verdict { is_allowed: true, quota: Some(Quota { limit: 100, remaining: 50 }), resets_at: RESETS_AT };
const REFUSED: Verdict =
    Verdict { is_allowed: false, quota: Some(Quota { limit: 100, remaining: 0 }), resets_at: RESETS_AT };

/// Asks for these hits, and has these statuses for what was asked.
fn ask(client: &mut Client, hits: &[Hit<'_>], expected: &[u32], overall: Code, statuses: &[Status]) -> Judged {
    let id = call(client, hits, START, expected);
    answered(client, id, &answer(overall, statuses), START)
}

#[test]
fn a_request_without_limits_needs_no_call() {
    assert_eq!(decide(&mut client(), &[], START), Decision::Known(vec![]));
}

#[test]
fn the_service_decides() {
    let mut client = client();
    let hits = [hit(1), Hit { cost: 3, ..hit(2) }];
    assert_eq!(ask(&mut client, &hits, &[1, 3], Code::Ok, &[OK, OK]), Ok(vec![ALLOWED, ALLOWED]));
    assert_eq!(ask(&mut client, &hits, &[1, 3], Code::OverLimit, &[OK, OVER]), Ok(vec![ALLOWED, REFUSED]));
    let counters = client.counters();
    let expected = Counters { ok: 1, over_limit: 1, over_limit_entries: 1, ..Counters::default() };
    assert_eq!(counters, expected);
}

#[test]
fn statuses_say_what_they_say() {
    let no_limit = Status { code: Code::Ok, ..Status::default() };
    let free = Verdict { is_allowed: true, quota: None, resets_at: None };
    let unknown = Verdict { is_allowed: false, ..free };
    let one = [hit(1)];
    let two = [hit(1), hit(2)];
    let cases: [(&[_], Code, &[Status], Judged); 9] = [
        // No limit for the descriptor.
        (&one, Code::Ok, &[no_limit], Ok(vec![free])),
        (&two, Code::OverLimit, &[no_limit, OVER], Ok(vec![free, REFUSED])),
        // A service in shadow mode.
        (&one, Code::Ok, &[OVER], Ok(vec![Verdict { is_allowed: true, ..REFUSED }])),
        // Limitador.
        (&two, Code::Ok, &[], Ok(vec![free, free])),
        (&two, Code::OverLimit, &[], Ok(vec![unknown, unknown])),
        // Over, and nobody said to be.
        (&one, Code::OverLimit, &[OK], Ok(vec![Verdict { is_allowed: false, ..ALLOWED }])),
        // No answer to the question.
        (&two, Code::Ok, &[OK], Err(Reason::Malformed)),
        (&one, Code::Ok, &[OK, OK], Err(Reason::Malformed)),
        (&one, Code::Unknown, &[OK], Err(Reason::Error)),
    ];
    for (index, (hits, overall, statuses, expected)) in cases.into_iter().enumerate() {
        let costs: Vec<_> = hits.iter().map(|hit| hit.cost).collect();
        assert_eq!(ask(&mut client(), hits, &costs, overall, statuses), expected, "{index}");
    }
}

#[test]
fn who_is_over_the_limit_is_refused_without_a_call_until_it_resets() {
    let mut client = client();
    ask(&mut client, &[hit(1)], &[1], Code::OverLimit, &[OVER]).unwrap();
    let end = RESETS_AT.unwrap();
    let unseen = Verdict { is_allowed: true, quota: None, resets_at: None };
    assert_eq!(decide(&mut client, &[hit(2), hit(1)], end - 1), Decision::Known(vec![unseen, REFUSED]));
    assert_eq!(client.counters().cached, 1);
    call(&mut client, &[hit(2), hit(1)], end, &[1, 1]);
}

#[test]
fn who_has_some_left_or_whose_end_is_not_known_is_asked_for_again() {
    for status in [Status { remaining: 2, ..OVER }, Status { reset: None, ..OVER }, Status { limit: None, ..OVER }] {
        let mut client = client();
        assert!(!ask(&mut client, &[hit(1)], &[1], Code::OverLimit, &[status]).unwrap()[0].is_allowed);
        call(&mut client, &[hit(1)], START, &[1]);
    }
}

#[test]
fn a_hit_that_is_only_reported_refuses_nothing() {
    let mut client = client();
    ask(&mut client, &[shadow(1)], &[1], Code::OverLimit, &[OVER]).unwrap();
    assert_eq!(decide(&mut client, &[shadow(1)], START), Decision::Known(vec![REFUSED]));
    let verdicts = ask(&mut client, &[shadow(1), hit(2)], &[1], Code::Ok, &[OK]);
    assert_eq!(verdicts, Ok(vec![REFUSED, ALLOWED]));
}

#[test]
fn a_batch_serves_the_requests_that_follow() {
    let mut client = client();
    assert_eq!(ask(&mut client, &[leased(1)], &[10], Code::Ok, &[OK]), Ok(vec![ALLOWED]));
    for left in (0..9).rev() {
        let quota = Some(Quota { limit: 100, remaining: 50 + left });
        assert_eq!(decide(&mut client, &[leased(1)], START), Decision::Known(vec![Verdict { quota, ..ALLOWED }]));
    }
    let first = call(&mut client, &[leased(1)], START, &[10]);
    let second = call(&mut client, &[leased(1)], START, &[1]);
    answered(&mut client, first, &answer(Code::Ok, &[Status { remaining: 9, ..OK }]), START).unwrap();
    answered(&mut client, second, &answer(Code::Ok, &[Status { remaining: 8, ..OK }]), START).unwrap();
    for _ in 0..9 {
        assert!(matches!(decide(&mut client, &[leased(1)], START), Decision::Known(_)));
    }
    // Less than a batch is left.
    call(&mut client, &[leased(1)], START, &[1]);
    assert_eq!(client.counters().leased, 18);
}

#[test]
fn a_lease_is_served_while_the_service_is_away_and_before_a_refusal_that_came_later() {
    let mut client = client();
    ask(&mut client, &[leased(1)], &[10], Code::Ok, &[OK]).unwrap();
    ask(&mut client, &[Hit { cost: 20, ..leased(1) }], &[20], Code::OverLimit, &[OVER]).unwrap();
    for _ in 0..2 {
        let id = call(&mut client, &[hit(2)], START, &[1]);
        client.not_sent(id, START, &mut || 0);
    }
    assert_eq!(decide(&mut client, &[hit(2)], START), Decision::Fallback(Reason::Open));
    assert_eq!(decide(&mut client, &[leased(1), hit(2)], START), Decision::Fallback(Reason::Open));
    for _ in 0..9 {
        let Decision::Known(verdicts) = decide(&mut client, &[leased(1)], START) else { panic!() };
        assert!(verdicts[0].is_allowed);
    }
    assert_eq!(decide(&mut client, &[leased(1)], START), Decision::Known(vec![REFUSED]));
}

#[test]
fn a_refused_request_takes_nothing_from_leases() {
    let mut client = client();
    let both = [leased(1), hit(2)];
    // A whole batch comes of it.
    let verdicts = ask(&mut client, &both, &[10, 1], Code::OverLimit, &[OK, Status { remaining: 1, ..OVER }]).unwrap();
    assert!(verdicts[0].is_allowed && !verdicts[1].is_allowed);
    // What was taken from it is put back.
    for _ in 0..20 {
        ask(&mut client, &both, &[1], Code::OverLimit, &[Status { remaining: 1, ..OVER }]).unwrap();
    }
    // And stays taken if the request passes.
    for _ in 0..10 {
        ask(&mut client, &both, &[1], Code::Ok, &[OK]).unwrap();
    }
    call(&mut client, &both, START, &[10, 1]);
}

#[test]
fn a_refused_batch_is_followed_by_single_hits() {
    let mut client = client();
    ask(&mut client, &[leased(1)], &[10], Code::OverLimit, &[Status { remaining: 4, ..OVER }]).unwrap();
    ask(&mut client, &[leased(1)], &[1], Code::Ok, &[Status { remaining: 3, ..OK }]).unwrap();
    call(&mut client, &[leased(1)], RESETS_AT.unwrap(), &[10]);
}

#[test]
fn a_service_in_shadow_mode_grants_no_batch() {
    let mut client = client();
    ask(&mut client, &[leased(1)], &[10], Code::Ok, &[OVER]).unwrap();
    call(&mut client, &[leased(1)], START, &[1]);
}

#[test]
fn nothing_is_leased_from_a_service_that_tells_no_resets() {
    for statuses in [&[][..], &[Status { reset: None, ..OK }]] {
        let mut client = client();
        ask(&mut client, &[leased(1)], &[10], Code::Ok, statuses).unwrap();
        call(&mut client, &[leased(1)], START, &[1]);
        call(&mut client, &[leased(2)], START, &[1]);
    }
    // A descriptor without a limit says nothing of others.
    let mut client = client();
    ask(&mut client, &[leased(1)], &[10], Code::Ok, &[Status { code: Code::Ok, ..Status::default() }]).unwrap();
    call(&mut client, &[leased(2)], START, &[10]);
}

#[test]
fn failures_are_told_apart_and_open_the_breaker() {
    let mut client = client();
    let first = call(&mut client, &[leased(1)], START, &[10]);
    assert_eq!(client.answered(first, None, START, &mut || 0), Err(Reason::Timeout));
    // The batch that did not come may be asked for.
    let second = call(&mut client, &[leased(1)], START, &[10]);
    assert_eq!(answered(&mut client, second, b"nonsense", START), Err(Reason::Malformed));
    assert_eq!(decide(&mut client, &[hit(1)], START), Decision::Fallback(Reason::Open));
    assert!(!client.is_closed());
    let expected = Counters { timeouts: 1, errors: 1, opened: 1, fallback: 3, lease_entries: 1, ..Counters::default() };
    assert_eq!(client.counters(), expected);
    // One at a time, and then all.
    let later = START + 200 * MS;
    let probe = call(&mut client, &[hit(1)], later, &[1]);
    assert_eq!(decide(&mut client, &[hit(1)], later), Decision::Fallback(Reason::Open));
    answered(&mut client, probe, &answer(Code::Ok, &[OK]), later).unwrap();
    call(&mut client, &[hit(1)], later, &[1]);
    call(&mut client, &[hit(1)], later, &[1]);
}

#[test]
fn calls_under_way_are_bounded_and_no_probe_is_lost_by_it() {
    let mut client = client();
    let ids: Vec<_> = (0..4).map(|key| call(&mut client, &[hit(key)], START, &[1])).collect();
    assert_eq!(decide(&mut client, &[hit(1)], START), Decision::Fallback(Reason::Busy));
    client.not_sent(ids[0], START, &mut || 0);
    client.not_sent(ids[0], START, &mut || 0);
    assert!(client.is_closed());
    let last = call(&mut client, &[hit(1)], START, &[1]);
    client.not_sent(ids[1], START, &mut || 0);
    assert!(!client.is_closed());
    client.not_sent(last, START, &mut || 0);
    call(&mut client, &[hit(1)], START + 200 * MS, &[1]);
    assert_eq!(client.counters().in_flight, 3);
}

#[test]
fn calls_without_an_answer_are_lost_a_second_after_their_time() {
    let mut client = client();
    let first = call(&mut client, &[hit(1)], START, &[1]);
    let second = call(&mut client, &[hit(1)], START + 1, &[1]);
    let end = START + SECOND + 20 * MS;
    assert_eq!(client.lost(end - 1, &mut || 0), None);
    assert_eq!(client.lost(end, &mut || 0), Some(first));
    assert_eq!(client.lost(end, &mut || 0), None);
    assert_eq!(answered(&mut client, first, &answer(Code::Ok, &[OK]), end), Err(Reason::Timeout));
    // A clock that is set back: rather all at once than none for hours.
    assert_eq!(client.lost(START, &mut || 0), Some(second));
    let expected = Counters { timeouts: 2, fallback: 2, opened: 1, ..Counters::default() };
    assert_eq!(client.counters(), expected);
}
