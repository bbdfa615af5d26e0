//! What happens while it runs: configurations change, plugins share or do not, networks and routes differ, and each denial
//! is told of.

use std::collections::BTreeMap;

use portcullis_integration_tests::mint::{self, Key, Token};
use portcullis_integration_tests::{DiscoveredFilter, Launch, Request, WasmFilter, dist, merge, telling};
use serde_json::{Value, json};

use crate::gate::{Gate, by_key, filter, filter_with_responses, left, reason};
use crate::time::window_far_from_its_end;

fn keyed(key: &str) -> Request {
    Request::get("/").header("x-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_outlive_changes_of_config_and_code() {
    let window = window_far_from_its_end();
    let limit = |quota: u32, more: &Value| {
        let mut limit = by_key(quota);
        merge(&mut limit, &json!({"algorithm": "fixed_window", "window_s": window}));
        merge(&mut limit, more);
        limit
    };
    // The other one counts by time that comes back: a higher quota frees nobody at once.
    let other = |quota: u32| json!({"name": "other", "path": "/gcra", "key": ["header:x-other"], "quota": quota, "window_s": 3600});
    let config = |quota: u32, more: &Value| json!({"limits": [limit(quota, more), other(quota)]});
    let mut discovered = DiscoveredFilter::new(filter(&config(3, &json!({}))));
    let gate = Gate::launch(&discovered, |bootstrap| Launch::new(bootstrap.http(&telling())).concurrency(2)).await;
    let client = gate.h1();
    for _ in 0..3 {
        gate.passed(&client, keyed("a")).await;
    }
    gate.passed(&client, keyed("b")).await;
    gate.refused_with(429, &client, keyed("a")).await;
    let other = |key: &str| Request::get("/gcra").header("x-other", "a").header("x-key", key);
    for key in ["o1", "o2", "o3"] {
        gate.passed(&client, other(key)).await;
    }
    gate.refused_with(429, &client, other("o4")).await;
    // More for all: what was used is used.
    discovered.update(&gate.envoy, filter(&config(5, &json!({})))).await.unwrap();
    gate.refused_with(429, &client, other("o4")).await;
    for _ in 0..2 {
        gate.passed(&client, keyed("a")).await;
    }
    gate.refused_with(429, &client, keyed("a")).await;
    // Shadow: it passes, and off: it is not counted.
    discovered.update(&gate.envoy, filter(&config(5, &json!({"mode": "shadow"})))).await.unwrap();
    gate.passed(&client, keyed("a")).await;
    discovered.update(&gate.envoy, filter(&config(5, &json!({"mode": "off"})))).await.unwrap();
    gate.passed(&client, keyed("a")).await;
    gate.passed(&client, keyed("b")).await;
    // Other code with the same VM id.
    let told = json!({"headers": {"on": "all"}, "limits": [limit(5, &json!({}))]});
    discovered.update(&gate.envoy, filter_with_responses(&told)).await.unwrap();
    gate.refused_with(429, &client, keyed("a")).await;
    let passed = gate.passed(&client, keyed("b")).await;
    assert_eq!(left(&passed), [("by-key".to_owned(), 3)]);
    // Less for all.
    discovered.update(&gate.envoy, filter(&config(1, &json!({})))).await.unwrap();
    gate.refused_with(429, &client, keyed("b")).await;
    gate.passed(&client, keyed("c")).await;
    // Another name, other counters.
    discovered.update(&gate.envoy, filter(&config(1, &json!({"name": "new"})))).await.unwrap();
    gate.passed(&client, keyed("a")).await;
    gate.refused_with(429, &client, keyed("a")).await;
    // Another algorithm, too.
    discovered.update(&gate.envoy, filter(&config(1, &json!({"algorithm": "gcra"})))).await.unwrap();
    gate.passed(&client, keyed("a")).await;
    gate.refused_with(429, &client, keyed("a")).await;
    gate.assert_no_vm_trapped().await;
    // A bad configuration changes nothing.
    discovered.update(&gate.envoy, filter(&json!({"limits": []}))).await.unwrap_err();
    gate.refused_with(429, &client, keyed("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_share_what_has_one_name() {
    let named = |plugin: &str, table: Value| {
        filter(&json!({"limits": [by_key(2)], "table": table})).merge(&json!({"name": plugin}))
    };
    let filters = [
        ("edge", named("edge", json!({}))),
        ("inner", named("inner", json!({}))),
        ("one", named("one", json!({"name": "common"}))),
        ("two", named("two", json!({"name": "common"}))),
        ("small", named("three", json!({"name": "common", "entries": 64}))),
        ("other-vm", named("one", json!({"name": "common"})).vm_id("other")),
    ];
    let any = filter(&json!({"limits": [by_key(2)]}));
    let gate = Gate::launch(any, |bootstrap| Launch::new(bootstrap.http(&telling()).listeners(filters))).await;
    let on = |listener: &str| portcullis_integration_tests::Client::h1(gate.envoy.listener(listener));
    for listener in ["edge", "inner", "small", "other-vm"] {
        for _ in 0..2 {
            gate.passed(&on(listener), keyed("a")).await;
        }
        gate.refused_with(429, &on(listener), keyed("a")).await;
    }
    gate.passed(&on("one"), keyed("a")).await;
    gate.passed(&on("two"), keyed("a")).await;
    for listener in ["one", "two"] {
        gate.refused_with(429, &on(listener), keyed("a")).await;
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_are_those_of_the_address_that_envoy_trusts() {
    let config = json!({
        "limits": [{"name": "per-client", "key": ["client_ip"], "quota": 4, "window_s": 3600}],
        "networks": [
            {"cidr": "10.0.0.0/8", "unlimited": true},
            {"cidr": "10.9.0.0/16", "factor": 0.25},
            {"cidr": "2001:db8::/32", "factor": 0.5},
        ],
    });
    for hops in [1, 0] {
        let mut options = telling();
        merge(&mut options, &json!({"xff_num_trusted_hops": hops}));
        let gate = Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await;
        let client = gate.h1();
        let from = |address: &str| Request::get("/").header("x-forwarded-for", address);
        if hops == 0 {
            // A header alone makes nobody a client from the network.
            for _ in 0..4 {
                gate.passed(&client, from("10.1.1.1")).await;
            }
            gate.refused_with(429, &client, from("10.1.1.1")).await;
            continue;
        }
        for _ in 0..10 {
            gate.passed(&client, from("10.1.1.1")).await;
        }
        for (address, quota) in [("198.51.100.1", 4), ("10.9.1.1", 1), ("2001:db8::1", 2), ("2001:db9::1", 4)] {
            for _ in 0..quota {
                gate.passed(&client, from(address)).await;
            }
            let refused = gate.refused_with(429, &client, from(address)).await;
            let policy = refused.headers.text("ratelimit-policy").unwrap_or_default();
            assert_eq!(policy, format!("\"per-client\";q={quota};w=3600"), "{address}");
        }
        gate.assert_no_vm_failed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_can_do_without_it() {
    let off = json!({"ratelimit": {
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true,
    }});
    let routes = [
        json!({"match": {"prefix": "/free"}, "route": {"cluster": "upstream"}, "typed_per_filter_config": off}),
        json!({"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}),
    ];
    let gate = Gate::launch(filter(&json!({"limits": [by_key(1)]})), |bootstrap| {
        Launch::new(bootstrap.http(&telling()).routes(&routes))
    })
    .await;
    for (version, client) in gate.clients() {
        for _ in 0..3 {
            gate.passed(&client, Request::get("/free").header("x-key", version)).await;
        }
        gate.passed(&client, keyed(version)).await;
        gate.refused_with(429, &client, keyed(version)).await;
        gate.passed(&client, Request::get("/free").header("x-key", version)).await;
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_denial_is_counted_and_audited() {
    let limits = json!([
        {"name": "firm", "path": "/firm", "key": ["header:x-key"], "quota": 1, "window_s": 3600},
        {"name": "trial", "path": "/trial", "key": ["header:x-key"], "quota": 1, "window_s": 3600, "mode": "shadow"},
    ]);
    let audit = json!({"cluster": "audit", "batch": {"max_age_ms": 10}});
    let gate = Gate::start(&json!({"limits": limits, "audit": audit})).await;
    for (version, client) in gate.clients() {
        let on = |path: &str| Request::get(path).header("x-key", format!("s3cr3t-{version}"));
        gate.passed(&client, on("/firm")).await;
        gate.refused_with(429, &client, on("/firm")).await;
        gate.passed(&client, on("/trial")).await;
        gate.passed(&client, on("/trial")).await;
        gate.refused_with(400, &client, Request::get("/firm")).await;
        gate.passed(&client, Request::get("/trial")).await;
        gate.refused_with(400, &client, on("/firm").header("x-key", "2")).await;
        gate.passed(&client, on("/")).await;
    }
    let expected = BTreeMap::from([
        // And two that could not be counted by the trial.
        ("allow limits within_limits enforce".to_owned(), 2 + 4),
        ("allow limits no_limit_applies enforce".to_owned(), 2 + 2),
        ("deny firm quota_exceeded enforce".to_owned(), 2),
        ("deny trial quota_exceeded shadow".to_owned(), 2),
        ("deny firm key_missing enforce".to_owned(), 2),
        ("deny trial key_missing shadow".to_owned(), 2),
        ("deny firm key_ambiguous enforce".to_owned(), 2),
    ]);
    gate.await_decisions(&expected).await.unwrap();
    let events = gate.collector.await_count(10).await;
    let mut told = BTreeMap::<_, u32>::new();
    for event in &events {
        let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
        let words = ["/portcullis/class", "/event/action", "/rule/name", "/event/reason"].map(text).join(" ");
        if words.ends_with("quota_exceeded") {
            let details = &event["portcullis"]["details"];
            assert_eq!((&details["limit"], &details["remaining"]), (&json!(1), &json!(0)), "{event}");
            for name in ["retry_after_s", "reset_s"] {
                assert!((3500..=3600).contains(&details[name].as_u64().unwrap_or_default()), "{name}: {event}");
            }
        }
        *told.entry(words).or_default() += 1;
    }
    let expected = [
        ("deny deny firm key_ambiguous", 2),
        ("deny deny firm key_missing", 2),
        ("deny deny firm quota_exceeded", 2),
        ("shadow allow trial key_missing", 2),
        ("shadow allow trial quota_exceeded", 2),
    ];
    assert_eq!(told, expected.map(|(words, count)| (words.to_owned(), count)).into());
    assert!(!Value::from(events).to_string().contains("s3cr3t"), "keys are never told");
}

/// `jwt_bola` hands over what it verified; nothing that a client sends poses as that.
#[tokio::test(flavor = "multi_thread")]
async fn a_verified_claim_is_a_key() {
    let jwt = json!({
        "providers": {"main": {
            "issuer": "https://idp.example", "audiences": ["orders-api"], "algorithms": ["ES256"],
            "jwks": {"inline": mint::key_set(&[Key::load("p256-1")])},
            "claims_to_filters": ["/sub"],
        }},
        "rules": [{"path": "/open/**", "auth": "none"}, {"path": "/**", "auth": ["main"]}],
    });
    let jwt = WasmFilter::new("jwt_bola", dist("jwt_bola")).config(&jwt);
    let limits = json!([{"name": "per-user", "key": ["claim:/sub"], "quota": 2, "window_s": 3600}]);
    let limit = filter(&json!({"limits": limits}));
    let gate = Gate::launch(jwt, |bootstrap| Launch::new(bootstrap.filter(limit).http(&telling()))).await;
    let as_user = |user: &str, id: u32| {
        let claims = mint::claims_with(&json!({"sub": user, "jti": id.to_string()}));
        let token = Token::new("ES256", &claims).kid("p256-1").sign(&Key::load("p256-1"));
        Request::get("/a").header("authorization", format!("Bearer {token}"))
    };
    let forged = |request: Request| {
        request
            .header("portcullis.claim.sub", "other")
            .header("x-sub", "other")
            .header("wasm.portcullis.claim", "other")
    };
    let [(_, h1), (_, h2)] = gate.clients();
    gate.passed(&h1, as_user("42", 1)).await;
    // Another token of the same user, and another version of HTTP.
    gate.passed(&h2, as_user("42", 2)).await;
    for client in [&h1, &h2] {
        let refused = gate.refused_with(429, client, as_user("42", 3)).await;
        assert_eq!(reason(&refused), "quota_exceeded");
        gate.refused_with(429, client, forged(as_user("42", 4))).await;
        // Without a token there is no claim, whatever the headers say.
        let refused = gate.refused_with(400, client, forged(Request::get("/open/a"))).await;
        assert_eq!(reason(&refused), "key_missing");
        // A token that is refused costs its user nothing.
        let bad = Request::get("/a").header("authorization", "Bearer e30.eyJzdWIiOiI3In0.AAAA");
        gate.refused_with(401, client, bad).await;
    }
    gate.passed(&h1, as_user("7", 5)).await;
    gate.passed(&h1, as_user("7", 6)).await;
    gate.refused_with(429, &h1, as_user("7", 7)).await;
    gate.assert_no_vm_failed().await;
}
