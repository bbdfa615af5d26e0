//! The rate limit service, held against the client that users run: Envoy's own filter.

use std::time::Duration;

use portcullis_integration_tests::{
    Bootstrap, Client, Envoy, RateLimitCounts, RateLimitMode, RateLimitService, Redis, RedisReply, Request, Response,
    Upstream, envoy_ratelimit, limit_by_header, rate_limited_route, read_yaml, until, workspace,
};
use serde_json::{Value, json};

/// The clocks of the services stand here unless a test moves them: the beginning of an hour and 10 s.
const NOW: u64 = 1_700_002_800 + 10;

/// Redis, a service, and Envoys that ask it.
struct Fleet {
    redis: Redis,
    service: RateLimitService,
    upstream: Upstream,
}

impl Fleet {
    async fn start(limits: &Value) -> Self {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let service = RateLimitService::start(&redis, limits).await;
        service.set_clock(Some(NOW));
        Self { redis, service, upstream }
    }

    fn bootstrap(&self, patch: &Value, rate_limits: &[Value]) -> Bootstrap {
        // Generous, for decisions: a test of the timeout sets its own.
        let mut filter = json!({"timeout": "5s"});
        portcullis_integration_tests::merge(&mut filter, patch);
        Bootstrap::new(self.upstream.address())
            .http2_cluster("ratelimit", self.service.address())
            .filter(envoy_ratelimit("portcullis", &filter))
            .routes(&[rate_limited_route(rate_limits)])
    }

    /// One that limits users by [`by_user`].
    async fn envoy(&self, patch: &Value) -> Envoy {
        Envoy::start(self.bootstrap(patch, &[by_user()])).await
    }
}

fn by_user() -> Value {
    limit_by_header("per-user", "claim:/sub", "x-user")
}

/// So many requests of each user in a minute.
fn a_minute(requests: u32) -> Value {
    limit("claim:/sub", &json!({"rate_limit": {"unit": "minute", "requests_per_unit": requests}}))
}

/// A file with `per-user`, and in it this key.
fn limit(key: &str, rest: &Value) -> Value {
    let mut inner = json!({"key": key});
    portcullis_integration_tests::merge(&mut inner, rest);
    file(&json!([inner]))
}

fn file(below: &Value) -> Value {
    json!({
        "domain": "portcullis",
        "descriptors": [{"key": "limit", "value": "per-user", "descriptors": below}],
    })
}

async fn get(client: &Client, user: &str) -> Response {
    client.send(Request::get("/").header("x-user", user)).await
}

/// The status, what is left, and the seconds until the window ends.
fn told(response: &Response) -> (u16, String, String) {
    let header = |name| response.headers.text(name).unwrap_or_default();
    (response.status, header("x-ratelimit-remaining"), header("x-ratelimit-reset"))
}

fn tell(status: u16, remaining: u32, reset: u32) -> (u16, String, String) {
    (status, remaining.to_string(), reset.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn admits_so_many_in_a_window() {
    let fleet = Fleet::start(&a_minute(3)).await;
    let envoy = fleet.envoy(&json!({})).await;
    let client = Client::h1(envoy.address());
    for remaining in [2, 1, 0] {
        assert_eq!(told(&get(&client, "alice").await), tell(200, remaining, 50));
    }
    let refused = get(&client, "alice").await;
    assert_eq!(told(&refused), tell(429, 0, 50));
    assert_eq!(refused.headers.text("x-ratelimit-limit").unwrap(), "3, 3;w=60");
    assert_eq!(told(&get(&client, "bob").await), tell(200, 2, 50));
    assert_eq!(fleet.upstream.count(), 4);

    // What others who share this Redis go by.
    let key = "portcullis_limit_per-user_claim:/sub_alice_1700002800";
    assert_eq!(fleet.redis.command(&["GET", key]).await, RedisReply::Text("4".to_owned()));
    let RedisReply::Integer(seconds) = fleet.redis.command(&["TTL", key]).await else { panic!("a number") };
    assert!((1..=60).contains(&seconds), "{seconds}");

    fleet.service.set_clock(Some(NOW + 49));
    assert_eq!(told(&get(&client, "alice").await), tell(429, 0, 1));
    fleet.service.set_clock(Some(NOW + 50));
    assert_eq!(told(&get(&client, "alice").await), tell(200, 2, 60));

    let first = &fleet.service.calls()[0];
    assert_eq!((first.domain.as_str(), first.hits_addend, first.descriptors.len()), ("portcullis", 0, 1));
    let entries = [("limit", "per-user"), ("claim:/sub", "alice")];
    let entries: Vec<_> = entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(first.descriptors[0].entries, entries);
    assert_eq!(client.get("/").await.status, 200, "without the header there is no descriptor, so nothing is asked");
    let counts = RateLimitCounts { calls: 7, hits: 7, connections: 1, waiting: 0, most_waiting: 1 };
    fleet.service.wait_for("the last call ends", |now| *now == counts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_the_limit_of_a_descriptor() {
    let minute = |requests: u32| json!({"unit": "Minute", "requests_per_unit": requests, "name": "some"});
    let fleet = Fleet::start(&file(&json!([
        {"key": "claim:/sub", "rate_limit": minute(2)},
        {"key": "claim:/sub", "value": "vip", "rate_limit": minute(9)},
        {"key": "claim:/sub", "value": "robot", "rate_limit": {"unlimited": true}},
        {"key": "claim:/sub", "value": "tried", "rate_limit": minute(0), "shadow_mode": true},
        {"key": "claim:/sub", "value": "deeper", "descriptors": [{"key": "path", "rate_limit": minute(0)}]},
    ])))
    .await;
    let envoy = fleet.envoy(&json!({})).await;
    let client = Client::h1(envoy.address());
    for (user, remaining) in [("alice", "1"), ("vip", "8"), ("robot", ""), ("tried", "0"), ("deeper", "")] {
        let (status, left, _) = told(&get(&client, user).await);
        assert_eq!((status, left.as_str()), (200, remaining), "{user}");
    }

    // Every descriptor of a call counts, and one over its limit is enough.
    let by_path = json!({"actions": [
        {"generic_key": {"descriptor_key": "limit", "descriptor_value": "per-user"}},
        {"request_headers": {"descriptor_key": "claim:/sub", "header_name": "x-user"}},
        {"request_headers": {"descriptor_key": "path", "header_name": ":path"}},
    ]});
    let envoy = Envoy::start(fleet.bootstrap(&json!({}), &[by_user(), by_path])).await;
    let client = Client::h1(envoy.address());
    assert_eq!(get(&client, "deeper").await.status, 429);
    assert_eq!(get(&client, "alice").await.status, 200, "there is no limit as deep as her second descriptor");
    assert_eq!(get(&client, "alice").await.status, 429);

    // What the client says goes before the file.
    let metadata = json!({
        "name": "envoy.filters.http.set_metadata",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
            "metadata": [{"metadata_namespace": "own", "value": {"limit": {"requests_per_unit": 7, "unit": "HOUR"}}}],
        },
    });
    let mut own = by_user();
    own["limit"] = json!({"dynamic_metadata": {"metadata_key": {"key": "own", "path": [{"key": "limit"}]}}});
    let bootstrap = Bootstrap::new(fleet.upstream.address())
        .http2_cluster("ratelimit", fleet.service.address())
        .filter(metadata)
        .filter(envoy_ratelimit("portcullis", &json!({"timeout": "5s"})))
        .routes(&[rate_limited_route(&[own])]);
    let envoy = Envoy::start(bootstrap).await;
    let limited = get(&Client::h1(envoy.address()), "robot").await;
    assert_eq!(limited.headers.text("x-ratelimit-limit").unwrap(), "7, 7;w=3600");

    let elsewhere = fleet.bootstrap(&json!({"domain": "elsewhere"}), &[by_user()]);
    let envoy = Envoy::start(elsewhere).await;
    assert_eq!(told(&get(&Client::h1(envoy.address()), "alice").await), (200, String::new(), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_as_many_hits_as_are_asked_for() {
    let fleet = Fleet::start(&a_minute(10)).await;
    // The only place where Envoy heeds it.
    let mut costly = by_user();
    costly["hits_addend"] = json!({"number": 4});
    let mut route = rate_limited_route(&[]);
    route["typed_per_filter_config"] = json!({"envoy.filters.http.ratelimit": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute",
        "rate_limits": [costly],
    }});
    let envoy = Envoy::start(fleet.bootstrap(&json!({}), &[]).routes(&[route])).await;
    let client = Client::h1(envoy.address());
    for told_so in [tell(200, 6, 50), tell(200, 2, 50), tell(429, 0, 50)] {
        assert_eq!(told(&get(&client, "alice").await), told_so);
    }
    assert_eq!(fleet.service.calls()[0].descriptors[0].hits_addend, Some(4));
    assert_eq!(fleet.service.counts().hits, 12);

    // For the whole call, by the filter state that Envoy reads it from.
    let state = json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{
                "object_key": "envoy.ratelimit.hits_addend",
                "format_string": {"text_format_source": {"inline_string": "3"}},
            }],
        },
    });
    let bootstrap = Bootstrap::new(fleet.upstream.address())
        .http2_cluster("ratelimit", fleet.service.address())
        .filter(state)
        .filter(envoy_ratelimit("portcullis", &json!({"timeout": "5s"})))
        .routes(&[rate_limited_route(&[by_user()])]);
    let envoy = Envoy::start(bootstrap).await;
    fleet.service.clear();
    assert_eq!(told(&get(&Client::h1(envoy.address()), "bob").await), tell(200, 7, 50));
    assert_eq!(fleet.service.calls()[0].hits_addend, 3);
    assert_eq!(fleet.service.counts().hits, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_shares_one_quota() {
    const QUOTA: usize = 50;
    let limits = a_minute(QUOTA.try_into().unwrap());
    let fleet = Fleet::start(&limits).await;
    let second = RateLimitService::start(&fleet.redis, &limits).await;
    second.set_clock(Some(NOW));
    let other = Fleet { redis: Redis::start().await, service: second, upstream: Upstream::start().await };
    let envoys = [fleet.envoy(&json!({})).await, other.envoy(&json!({})).await];

    let requests = (0..QUOTA * 3).map(|n| {
        let client = Client::h1(envoys[n % 2].address());
        tokio::spawn(async move { get(&client, "alice").await.status })
    });
    let mut admitted = 0;
    for request in requests.collect::<Vec<_>>() {
        match request.await.unwrap() {
            200 => admitted += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(admitted, QUOTA);
    let of = |fleet: &Fleet| fleet.service.counts().calls;
    assert_eq!((of(&fleet), of(&other)), (QUOTA * 3 / 2, QUOTA * 3 / 2), "both were asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_in_every_way_and_recovers() {
    let fleet = Fleet::start(&a_minute(1_000_000)).await;
    // With no decision within 100 ms: 500 here, and 200 there.
    let shut = fleet.envoy(&json!({"timeout": "0.1s", "failure_mode_deny": true})).await;
    let open = fleet.envoy(&json!({"timeout": "0.1s"})).await;
    let (shut, open) = (Client::h1(shut.address()), Client::h1(open.address()));
    let (service, redis) = (&fleet.service, &fleet.redis);
    let fails = || async { get(&shut, "alice").await.status == 500 && get(&open, "alice").await.status == 200 };
    let recovers =
        || until(Duration::from_secs(5), || async { (get(&shut, "alice").await.status == 200).then_some(()) });
    recovers().await.expect("it is well at first");

    for mode in [
        RateLimitMode::Status(14),
        RateLimitMode::Http(503),
        RateLimitMode::Message("\u{7f}".into()),
        RateLimitMode::Body("<html>".into()),
        RateLimitMode::Reset,
        RateLimitMode::Hang,
    ] {
        service.set_mode(mode.clone());
        let before = service.counts();
        assert!(fails().await, "{mode:?}");
        assert_eq!(service.counts().calls, before.calls + 2, "{mode:?}: each call came once");
        service.set_mode(RateLimitMode::Ok);
        recovers().await.unwrap_or_else(|| panic!("no way back from {mode:?}"));
    }
    service.wait_for("nothing waits that was given up", |counts| counts.waiting == 0).await;

    let key = "portcullis_limit_per-user_claim:/sub_alice_1700002800";
    let count = || async {
        let RedisReply::Text(count) = redis.command(&["GET", key]).await else { panic!("there is a count") };
        count.parse::<u64>().unwrap()
    };
    let before = count().await;
    service.set_mode(RateLimitMode::Slow(Duration::from_secs(5)));
    assert!(fails().await);
    assert_eq!(count().await, before + 2, "a late decision counts nevertheless");
    service.set_mode(RateLimitMode::Ok);

    service.down().await;
    assert!(fails().await);
    service.up().await;
    recovers().await.expect("up again");
    service.blackhole().await;
    let before = service.counts();
    assert!(fails().await);
    assert_eq!(service.counts().calls, before.calls, "a black hole sees nothing");
    service.up().await;
    recovers().await.expect("a hole no more");

    redis.kill();
    assert!(fails().await);
    redis.restart().await;
    recovers().await.expect("Redis is back");
    assert!(count().await < before.calls as u64, "with nothing of what it knew");
    redis.pause();
    assert!(fails().await);
    redis.resume();
    recovers().await.expect("Redis goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_how_many_wait_at_once() {
    let fleet = Fleet::start(&a_minute(1_000)).await;
    let envoy = fleet.envoy(&json!({})).await;
    fleet.service.set_mode(RateLimitMode::Slow(Duration::from_millis(200)));
    let requests: Vec<_> = (0..5)
        .map(|_| {
            let client = Client::h1(envoy.address());
            tokio::spawn(async move { get(&client, "alice").await.status })
        })
        .collect();
    fleet.service.wait_for("five calls wait", |counts| counts.waiting == 5).await;
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    fleet.service.wait_for("none waits", |counts| (counts.waiting, counts.most_waiting) == (0, 5)).await;
    fleet.service.clear();
    assert_eq!(fleet.service.counts(), RateLimitCounts::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_a_file_of_limits() {
    let fleet = Fleet::start(&read_yaml(workspace("envoy/ratelimit_descriptors.yaml"))).await;
    let by_key = limit_by_header("expensive", "header:x-api-key", "x-key");
    let envoy = Envoy::start(fleet.bootstrap(&json!({}), &[by_user(), by_key])).await;
    let client = Client::h1(envoy.address());
    let limit_of = |header: &'static str, value: &'static str| {
        let request = Request::get("/").header(header, value);
        async { client.send(request).await.headers.text("x-ratelimit-limit").unwrap_or_default() }
    };
    assert_eq!(limit_of("x-user", "alice").await, "1000, 1000;w=3600");
    assert_eq!(limit_of("x-user", "nightly-export").await, "");
    assert_eq!(limit_of("x-key", "abc").await, "100, 100;w=60");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_files_that_are_wrong() {
    let cases = [
        (json!({"domain": "", "descriptors": []}), "the domain is empty"),
        (json!({"domain": "a", "limits": []}), "unknown field `limits`"),
        (limit("", &json!({})), "empty key"),
        (
            limit("a", &json!({"rate_limit": {"unit": "fortnight", "requests_per_unit": 1}})),
            "a: no unit: \"fortnight\"",
        ),
        (limit("a", &json!({"rate_limit": {"unit": "day", "unlimited": true}})), "a: unlimited, and with a unit"),
        (limit("a", &json!({"value": "b*"})), "a_b*: no wildcards here"),
        (limit("a", &json!({"rate_limit": {"unit": "day", "replaces": [{"name": "b"}]}})), "unknown field `replaces`"),
        (file(&json!([{"key": "a", "value": "b"}, {"key": "a_b"}])), "a_b is there twice"),
    ];
    for (limits, why) in cases {
        let shown = limits.to_string();
        let start = tokio::spawn(async move { RateLimitService::start(&Redis::start().await, &limits).await });
        let Err(error) = start.await else { panic!("taken: {shown}") };
        let message = *error.into_panic().downcast::<String>().unwrap();
        assert!(message.contains(why), "{shown}: {message}");
    }
}
