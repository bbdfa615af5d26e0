//! What the filter decides without a service.

use portcullis_shared::{
    policy::Policy,
    request::Headers,
    response::{Response, ResponseCheck},
};

use super::*;

#[test]
fn a_quota_is_used_up_and_comes_back() {
    let filter = filter(&config(&json!([limit(2)]), &json!({})));
    let mut request = request();
    assert_eq!(said(&filter, &request), ["allow limits within_limits"]);
    assert_eq!(said(&filter, &request), ["allow limits within_limits"]);
    let refused = decide(&filter, &request);
    assert_eq!(words(&filter, &refused), ["deny a quota_exceeded"]);
    assert_eq!(detail(&refused, "retry_after_s"), 30);
    assert_eq!(detail(&refused, "ratelimit"), r#""a";r=0;t=60"#);
    assert_eq!(detail(&refused, "ratelimit_policy"), r#""a";q=2;w=60"#);
    request.now += 30 * SECOND - 1;
    assert!(!passes(&filter, &request));
    request.now += 1;
    assert!(passes(&filter, &request));
    assert!(!passes(&filter, &request));
}

#[test]
fn a_refusal_is_a_registered_problem() {
    let filter = filter(&config(&json!([limit(1)]), &json!({ "response": { "message": "Slow down." } })));
    let request = request();
    decide(&filter, &request);
    let outcome = filter.outcomes().get(decide(&filter, &request)[0].outcome).unwrap();
    let refusal = outcome.refusal.as_ref().unwrap();
    assert_eq!((refusal.status, refusal.grpc_status), (429, 8));
    let problem: Value = serde_json::from_str(&refusal.body).unwrap();
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded", "title": "Quota Exceeded",
        "status": 429, "detail": "Slow down.", "violated-policies": ["a"],
    });
    assert_eq!(problem, expected);
}

#[test]
fn nothing_is_taken_from_one_limit_when_another_refuses() {
    let limits = json!([
        { "name": "wide", "key": ["constant:all"], "quota": 3, "window_s": 60 },
        { "name": "narrow", "key": ["client_ip"], "quota": 1, "window_s": 60 },
    ]);
    let filter = filter(&config(&limits, &json!({})));
    let mut request = request();
    assert!(passes(&filter, &request));
    for _ in 0..5 {
        let refused = decide(&filter, &request);
        assert_eq!(words(&filter, &refused), ["deny narrow quota_exceeded"]);
        assert_eq!(detail(&refused, "ratelimit"), r#""wide";r=2;t=20, "narrow";r=0;t=60"#);
    }
    for (address, passes_too) in [("192.0.2.2", true), ("192.0.2.3", true), ("192.0.2.4", false)] {
        request.client_address = Some(address.parse().unwrap());
        assert_eq!(passes(&filter, &request), passes_too, "{address}");
    }
}

#[test]
fn a_shadow_limit_tells_and_refuses_nobody() {
    let mut shadow = limit(1);
    shadow["mode"] = json!("shadow");
    let other = json!({ "name": "b", "key": ["client_ip"], "quota": 3, "window_s": 60 });
    let filter = filter(&config(&json!([shadow, other]), &json!({})));
    let request = request();
    assert_eq!(said(&filter, &request), ["allow limits within_limits"]);
    let noted = decide(&filter, &request);
    assert_eq!(words(&filter, &noted), ["shadow deny a quota_exceeded", "allow limits within_limits"]);
    assert_eq!(detail(&noted, "retry_after_s"), 60);
    assert!(passes(&filter, &request));
    let refused = decide(&filter, &request);
    assert_eq!(words(&filter, &refused), ["shadow deny a quota_exceeded", "deny b quota_exceeded"]);
    assert_eq!(detail(&refused, "ratelimit"), r#""b";r=0;t=60"#, "clients are not told of shadow limits");
}

#[test]
fn limits_are_for_paths_and_methods() {
    let limits = json!([{ "name": "login", "path": "/login", "methods": ["POST"], "key": ["client_ip"], "quota": 1, "window_s": 60 }]);
    let filter = filter(&config(&limits, &json!({})));
    let on = |path, method| with(request(), &[(":method", method), (":path", path)]);
    for (path, method) in
        [("/", "POST"), ("/login", "GET"), ("/loginx", "POST"), ("/login/x", "POST"), ("/LOGIN", "POST")]
    {
        assert_eq!(said(&filter, &on(path, method)), ["allow limits no_limit_applies"], "{path} {method}");
    }
    // However it is written, and where servers differ in how they read it.
    for path in [
        "/login",
        "/%6cogin",
        "/login/",
        "/login?a=b",
        "//login",
        "/x/../login",
        "/x/..%2flogin",
        "/login;x=1",
        "/./login",
    ] {
        let request = on(path, "POST");
        assert!(passes(&filter, &request), "{path}");
        assert!(!passes(&filter, &request), "{path}");
    }
    let any_case = super::filter(&config(&limits, &json!({ "path_case": "insensitive" })));
    let request = on("/LogIn", "POST");
    assert!(passes(&any_case, &request));
    assert!(!passes(&any_case, &request));
}

/// Whether two requests are of one client.
fn is_one(key: &Value, one: &Parts, other: Parts) -> bool {
    let limits =
        json!([{ "name": "a", "path": "/{id}/**", "key": key, "quota": 1, "window_s": 60, "on_missing_key": "share" }]);
    let filter = filter(&config(&limits, &json!({})));
    let mut one = one.clone();
    assert!(passes(&filter, &one), "{key}");
    one.headers = other.headers;
    one.client_address = other.client_address;
    one.properties = other.properties;
    !passes(&filter, &one)
}

fn from(address: &str) -> Parts {
    let mut parts = with(request(), &[(":method", "GET"), (":path", "/a/b")]);
    parts.client_address = Some(address.parse().unwrap());
    parts
}

fn headers(path: &str, more: &[(&str, &str)]) -> Parts {
    let all: Vec<_> = [(":method", "GET"), (":path", path)].iter().chain(more).copied().collect();
    with(request(), &all)
}

fn property(name: &str, value: &str) -> Parts {
    let mut parts = from("192.0.2.1");
    parts.properties.push((name.to_owned(), value.as_bytes().to_vec()));
    parts
}

#[test]
fn keys_tell_clients_apart() {
    let ip = json!(["client_ip"]);
    assert!(is_one(&ip, &from("192.0.2.1"), from("192.0.2.1")));
    assert!(!is_one(&ip, &from("192.0.2.1"), from("192.0.2.2")));
    assert!(is_one(&ip, &from("2001:db8::1"), from("2001:db8::ffff:1:2:3")), "one subscriber");
    assert!(!is_one(&ip, &from("2001:db8::1"), from("2001:db8:0:1::1")));

    for (part, one, other) in [
        ("header:x-key", [("x-key", "1")], [("x-key", "2")]),
        ("cookie:s", [("cookie", "a=1; s=1")], [("cookie", "a=1; s=2")]),
    ] {
        let key = json!([part]);
        assert!(is_one(&key, &headers("/a", &one), headers("/a", &one)), "{part}");
        assert!(!is_one(&key, &headers("/a", &one), headers("/a", &other)), "{part}");
        assert!(is_one(&key, &headers("/a", &[]), headers("/a", &[])), "{part}: shared");
        assert!(!is_one(&key, &headers("/a", &one), headers("/a", &[])), "{part}");
    }
    for (part, one, same, other) in [
        ("query:k", "/a?k=1", "/b?x=2&k=1", "/a?k=2"),
        ("path", "/a/b", "/%61/b/?q=1", "/a/c"),
        ("path", "/a/b", "/a/b", "/a/b/c"),
        ("path:id", "/a/b", "/a/c", "/b/b"),
    ] {
        let key = json!([part]);
        assert!(is_one(&key, &headers(one, &[]), headers(same, &[])), "{part}");
        assert!(!is_one(&key, &headers(one, &[]), headers(other, &[])), "{part}");
    }
    for (part, name) in [
        ("claim:/sub", "portcullis.claim./sub"),
        ("peer:uri_san", "connection\0uri_san_peer_certificate"),
        ("peer:sha256", "connection\0sha256_peer_certificate_digest"),
    ] {
        let key = json!([part]);
        assert!(is_one(&key, &property(name, "x"), property(name, "x")), "{part}");
        assert!(!is_one(&key, &property(name, "x"), property(name, "y")), "{part}");
    }
    // No header that a client sends poses as a claim.
    let claim = json!(["claim:/sub"]);
    let posing = headers("/a", &[("portcullis.claim./sub", "x"), ("x-sub", "x")]);
    assert!(!is_one(&claim, &property("portcullis.claim./sub", "x"), posing));
    assert!(is_one(&json!(["constant:all"]), &from("192.0.2.1"), from("192.0.2.2")));
    // Where one part ends and another begins is part of the key.
    let both = json!(["header:a", "header:b"]);
    assert!(!is_one(&both, &headers("/a", &[("a", "xy"), ("b", "z")]), headers("/a", &[("a", "x"), ("b", "yz")])));
}

#[test]
fn a_part_that_is_not_there_or_is_twice() {
    let missing = |how: &str| {
        config(
            &json!([{ "name": "a", "key": ["header:x-key"], "quota": 1, "window_s": 60 }]),
            &json!({ "on_missing_key": how }),
        )
    };
    let deny = filter(&missing("deny"));
    assert_eq!(said(&deny, &request()), ["deny a key_missing"]);
    assert_eq!(said(&deny, &headers("/", &[("x-key", "")])), ["deny a key_missing"], "an empty value says nothing");
    assert_eq!(said(&filter(&missing("skip")), &request()), ["allow limits no_limit_applies"]);
    let share = filter(&missing("share"));
    let lacking = request();
    assert!(passes(&share, &lacking) && !passes(&share, &lacking));

    let twice = |part: &str, parts: &Parts| {
        let limits = json!([{ "name": "a", "key": [part], "quota": 1, "window_s": 60, "on_missing_key": "skip" }]);
        said(&filter(&config(&limits, &json!({}))), parts)
    };
    for (part, parts) in [
        ("header:x-key", headers("/", &[("x-key", "1"), ("x-key", "2")])),
        ("header:x-key", headers("/", &[("x-key", "1"), ("x_key", "2")])),
        ("header:x-key", headers("/", &[("x_key", "1")])),
        ("cookie:s", headers("/", &[("cookie", "S=1")])),
        ("cookie:s", headers("/", &[("cookie", "s=1; s=2")])),
        ("cookie:s", headers("/", &[("cookie", "s=1"), ("cookie", "s=2")])),
        ("query:k", headers("/?k=1&k=2", &[])),
        ("query:k", headers("/?k=1&K=2", &[])),
        ("query:k", headers("/?k=1;k=2", &[])),
        ("query:k", headers("/?k[]=1", &[])),
        ("path", headers("/a/..%2fb", &[])),
    ] {
        assert_eq!(twice(part, &parts), ["deny a key_ambiguous"], "{part}");
    }
}

#[test]
fn networks_raise_lower_and_lift_limits() {
    let more = json!({ "networks": [
        { "cidr": "10.0.0.0/8", "unlimited": true },
        { "cidr": "10.1.0.0/16", "factor": 2 },
        { "cidr": "203.0.113.0/24", "factor": 0.1 },
        { "cidr": "203.0.113.7/32", "factor": 1.0 },
        { "cidr": "198.51.100.0/24", "factor": 0.001 },
    ] });
    let filter = filter(&config(&json!([limit(20)]), &more));
    let most = |address: &str| {
        let mut request = request();
        request.client_address = Some(address.parse().unwrap());
        (0..100).take_while(|_| passes(&filter, &request)).count()
    };
    for (address, count) in [
        ("192.0.2.1", 20),
        ("10.0.0.1", 100),
        ("10.1.0.1", 40),
        ("203.0.113.1", 2),
        ("203.0.113.7", 20),
        ("198.51.100.1", 1),
    ] {
        assert_eq!(most(address), count, "{address}");
    }
    let mut request = request();
    request.client_address = Some("10.0.0.1".parse().unwrap());
    assert_eq!(said(&filter, &request), ["allow networks network_unlimited"]);
}

#[test]
fn costs_add_up() {
    let mut dear = limit(10);
    dear["cost"] = json!(4);
    let filter = filter(&config(&json!([dear]), &json!({})));
    let request = request();
    assert!(passes(&filter, &request) && passes(&filter, &request));
    let refused = decide(&filter, &request);
    assert_eq!(detail(&refused, "remaining"), 2);
    assert_eq!(detail(&refused, "retry_after_s"), 12);
}

#[test]
fn configurations_count_together_by_their_names() {
    let named = |name: Option<&str>, limit: &Value| {
        let more = name.map_or_else(|| json!({}), |name| json!({ "table": { "name": name } }));
        filter(&config(&json!([limit]), &more))
    };
    let mut parts = request();
    parts.properties.push(("plugin_name".to_owned(), b"edge".to_vec()));
    assert!(passes(&named(None, &limit(1)), &parts));
    assert!(!passes(&named(None, &limit(1)), &parts), "the same, configured anew");
    assert!(!passes(&named(Some("edge"), &limit(1)), &parts), "by name");
    assert!(
        !passes(&named(None, &json!({ "name": "a", "key": ["client_ip"], "quota": 1, "window_s": 59 })), &parts),
        "changed"
    );
    assert!(
        passes(&named(None, &json!({ "name": "b", "key": ["client_ip"], "quota": 1, "window_s": 60 })), &parts),
        "another limit"
    );
    assert!(passes(&named(Some("other"), &limit(1)), &parts));
    parts.properties.clear();
    parts.properties.push(("plugin_name".to_owned(), b"inner".to_vec()));
    assert!(passes(&named(None, &limit(1)), &parts), "another plugin");
}

/// What was asked of the response to a request that passed.
fn watched(filter: &RateLimit, request: &Parts) -> (Option<ResponseCheck>, Vec<(&'static str, String)>) {
    let mut trail = Trail::default();
    assert!(matches!(filter.on_request_headers(request, &mut trail), Ok(Next::Done)));
    (trail.take_response(), trail.take_response_headers())
}

/// A response comes.
fn respond(check: ResponseCheck, status: u16, request: &Parts) {
    assert!(!check.holds && check.judges_local);
    let mut trail = Trail::default();
    let headers = Headers::Listed(&[]);
    let response = Response { status, headers, ended: true, now: request.now, store: &request.store };
    assert!((check.judge)(&response, &mut trail).is_none());
    assert!(trail.decisions().is_empty());
}

#[test]
fn failures_are_counted_by_responses() {
    let mut failures = limit(2);
    failures["count"] = json!("401");
    let filter = filter(&config(&json!([failures]), &json!({})));
    let request = request();
    for status in [200, 403, 500, 401, 404, 401] {
        assert!(passes(&filter, &request), "{status}");
        let (check, headers) = watched(&filter, &request);
        assert!(headers.is_empty(), "none were asked for");
        respond(check.unwrap(), status, &request);
    }
    assert_eq!(said(&filter, &request), ["deny a quota_exceeded"]);
}

#[test]
fn all_responses_tell_of_limits_where_asked() {
    let more = json!({ "headers": { "on": "all", "legacy": true } });
    let filter =
        filter(&config(&json!([limit(10), { "name": "b", "key": ["client_ip"], "quota": 5, "window_s": 50 }]), &more));
    let request = request();
    let (check, headers) = watched(&filter, &request);
    assert!(check.is_none(), "what is told is known before");
    assert_eq!(
        headers,
        [
            ("ratelimit", r#""a";r=9;t=6, "b";r=4;t=10"#.to_owned()),
            ("ratelimit-policy", r#""a";q=10;w=60, "b";q=5;w=50"#.to_owned()),
            ("x-ratelimit-limit", "5".to_owned()),
            ("x-ratelimit-remaining", "4".to_owned()),
            ("x-ratelimit-reset", "10".to_owned()),
        ]
    );
    let mut shadow = limit(10);
    shadow["mode"] = json!("shadow");
    let shadow = super::filter(&config(&json!([shadow]), &more));
    assert!(watched(&shadow, &request).1.is_empty(), "limits in shadow mode are not told of");
    let quiet = super::filter(&config(&json!([limit(10)]), &json!({})));
    let (check, headers) = watched(&quiet, &request);
    assert!(check.is_none() && headers.is_empty());
}
