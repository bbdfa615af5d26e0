//! Limits that a service counts.

use portcullis_shared::{
    policy::{Answer, Call, Policy},
    request::Headers,
};

use super::*;

/// A limit that the service counts, beside one that is counted here.
fn both() -> RateLimit {
    let limits = json!([
        { "name": "own", "key": ["client_ip"], "quota": 3, "window_s": 60 },
        { "name": "fleet", "key": ["header:x-api-key", "client_ip"], "quota": 10, "window_s": 60, "global": true },
    ]);
    filter(&config(&limits, &json!({ "global": { "cluster": "rls", "domain": "d", "fallback_factor": 0.2 } })))
}

fn keyed() -> Parts {
    with(request(), &[(":method", "GET"), (":path", "/"), ("x-api-key", "s3cr3t-key")])
}

fn ask(filter: &RateLimit, request: &Parts) -> Call {
    let mut trail = Trail::default();
    let Ok(Next::Call(call)) = filter.on_request_headers(request, &mut trail) else { panic!("no call") };
    assert!(trail.decisions().is_empty());
    call
}

/// What is decided once the service has answered: `(code, limit, remaining, seconds)`, or not at all.
fn answered(filter: &RateLimit, call: Call, request: &Parts, status: Option<(u8, u8, u8, u8)>) -> Vec<String> {
    let list = |pairs: &[(&str, &str)]| Parts::new(pairs.iter().copied()).headers;
    let headers = list(&[(":status", "200"), ("content-type", "application/grpc")]);
    let trailers = list(&[("grpc-status", "0")]);
    let body = status.map(|(code, limit, remaining, seconds)| {
        // DescriptorStatus { code, current_limit { requests_per_unit }, limit_remaining, duration_until_reset { seconds } }
        let status = [0x08, code, 0x12, 2, 0x08, limit, 0x18, remaining, 0x22, 2, 0x08, seconds];
        let mut message = vec![0x08, code, 0x12, 12];
        message.extend(status);
        let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
        frame.extend(message);
        frame
    });
    let answer = body.as_ref().map(|body| Answer {
        headers: Headers::Listed(&headers),
        body,
        trailers: Headers::Listed(&trailers),
    });
    let mut trail = Trail::default();
    (call.then)(request, answer.as_ref(), &mut trail).unwrap();
    words(filter, trail.decisions())
}

#[test]
fn the_service_decides_and_sees_no_secret() {
    let filter = both();
    let request = keyed();
    let call = ask(&filter, &request);
    assert_eq!(call.service.cluster, "rls");
    let named =
        |name: &str| call.service.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(named(":path"), Some("/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"));
    assert_eq!((named("te"), named("content-type")), (Some("trailers"), Some("application/grpc")));
    let sent = String::from_utf8_lossy(&call.body).into_owned();
    for part in ["d", "limit", "fleet", "header:x-api-key", "sha256:", "client_ip", "192.0.2.1"] {
        assert!(sent.contains(part), "{part}: {sent}");
    }
    assert!(!sent.contains("s3cr3t-key"));
    assert_eq!(answered(&filter, call, &request, Some((1, 10, 9, 60))), ["allow limits within_limits"]);
    let call = ask(&filter, &request);
    assert_eq!(answered(&filter, call, &request, Some((2, 10, 0, 30))), ["deny fleet quota_exceeded"]);
}

#[test]
fn what_the_service_refused_is_taken_from_no_other_and_remembered() {
    let filter = both();
    let mut request = keyed();
    let call = ask(&filter, &request);
    assert_eq!(answered(&filter, call, &request, Some((2, 10, 0, 30))), ["deny fleet quota_exceeded"]);
    for _ in 0..5 {
        let refused = decide(&filter, &request);
        assert_eq!(words(&filter, &refused), ["deny fleet quota_exceeded"]);
        assert_eq!(detail(&refused, "retry_after_s"), 30);
        assert_eq!(detail(&refused, "ratelimit"), r#""own";r=3;t=0, "fleet";r=0;t=30"#);
    }
    request.now += 31 * SECOND;
    let call = ask(&filter, &request);
    assert_eq!(answered(&filter, call, &request, Some((1, 10, 9, 60))), ["allow limits within_limits"]);
}

#[test]
fn who_is_refused_here_costs_the_service_nothing() {
    let filter = both();
    let request = keyed();
    for _ in 0..3 {
        let call = ask(&filter, &request);
        assert_eq!(answered(&filter, call, &request, Some((1, 10, 9, 60))), ["allow limits within_limits"]);
    }
    assert_eq!(said(&filter, &request), ["deny own quota_exceeded"]);
}

#[test]
fn without_the_service_less_passes() {
    let filter = both();
    let request = keyed();
    for _ in 0..2 {
        let call = ask(&filter, &request);
        assert_eq!(answered(&filter, call, &request, None), ["allow limits within_limits"]);
    }
    let call = ask(&filter, &request);
    assert_eq!(answered(&filter, call, &request, None), ["deny fleet quota_exceeded_in_fallback"]);
    // It is left alone after some more of these.
    let mut more = keyed();
    more.store = request.store.clone();
    let mut calls = 0;
    for _ in 0..20 {
        let mut trail = Trail::default();
        match filter.on_request_headers(&more, &mut trail).unwrap() {
            Next::Call(call) => {
                calls += 1;
                answered(&filter, call, &more, None);
            }
            _ => assert_eq!(words(&filter, trail.decisions()), ["deny fleet quota_exceeded_in_fallback"]),
        }
    }
    assert!(calls < 5, "{calls}");
    let fallback = filter.measures().into_iter().find(|measure| measure.name.ends_with("fallback_total"));
    assert!(fallback.unwrap().value > 10);
}

fn measured(filter: &RateLimit, name: &str) -> u64 {
    filter.measures().into_iter().find(|measure| measure.name.ends_with(name)).unwrap().value
}

#[test]
fn what_was_not_sent_is_an_error_and_what_is_late_a_time_out() {
    let filter = both();
    let mut request = keyed();
    let call = ask(&filter, &request);
    answered(&filter, call, &request, None);
    assert_eq!((measured(&filter, "errors_total"), measured(&filter, "timeouts_total")), (1, 0));
    let call = ask(&filter, &request);
    request.now += SECOND / 50;
    answered(&filter, call, &request, None);
    assert_eq!((measured(&filter, "errors_total"), measured(&filter, "timeouts_total")), (1, 1));
}

#[test]
fn it_is_told_once_that_the_service_is_left_alone_and_that_it_is_back() {
    let filter = both();
    let mut request = keyed();
    for _ in 0..5 {
        assert_eq!(filter.news(), None);
        let call = ask(&filter, &request);
        answered(&filter, call, &request, None);
    }
    let news = filter.news().unwrap();
    assert!(news.contains("cluster rls") && news.contains("service_not_sent"), "{news}");
    assert_eq!(filter.news(), None);
    request.now += SECOND;
    let call = ask(&filter, &request);
    assert_eq!(filter.news(), None, "nothing is known yet");
    answered(&filter, call, &request, Some((1, 10, 9, 60)));
    assert!(filter.news().unwrap().contains("again"));
    assert_eq!(filter.news(), None);
}
