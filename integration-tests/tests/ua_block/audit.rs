//! What the collector gets, and what it never gets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::process::Command;

use portcullis_integration_tests::{Bootstrap, Client, Collector, Launch, Raw, Request, workspace};
use serde_json::{Value, json};

use crate::gate::{Gate, bad_bots, filter, get};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Now, as events write it.
fn now() -> String {
    let date = Command::new("date").args(["-u", "+%FT%T.%6NZ"]).output().unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

fn pointer(field: &str) -> String {
    // `observer.vendor`, `.product`: the second stands for `observer.product`.
    format!("/{}", field.replace('.', "/"))
}

/// The fields in the table at the head of `shared/src/audit/event.rs`.
fn documented_fields() -> Vec<String> {
    let source = std::fs::read_to_string(workspace("shared/src/audit/event.rs")).unwrap();
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | `")?.split(" | ").next());
    let mut fields: Vec<String> = Vec::new();
    for field in rows.flat_map(|names| names.split(", ")) {
        let field = field.trim_matches('`');
        match field.strip_prefix('.') {
            Some(last) => {
                let (first, _) = fields.last().unwrap().split_once('.').unwrap();
                fields.push(format!("{first}.{last}"));
            }
            None => fields.push(field.to_owned()),
        }
    }
    assert!(fields.len() > 35, "the table has changed its form: {fields:?}");
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_every_documented_field() {
    let config = json!({
        "rules": [{"name": "tools", "contains": ["curl"], "paths": ["/internal/**"], "action": "deny"}],
        "audit": {"cluster": "audit", "batch": {"max_age_ms": 10}},
    });
    let options = json!({"preserve_external_request_id": true});
    let gate = Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await;
    for (version, client) in gate.clients() {
        gate.collector.clear();
        let request = Request::post("/a/..%2finternal/x?page=1&token=abc", "body")
            .authority("API.example.com:8443")
            .header("user-agent", "curl/8.5.0")
            .header("x-request-id", "request-7")
            .header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
        let before = now();
        gate.refused(&client.source(Ipv4Addr::new(127, 0, 0, 9)), request).await;
        let mut event = gate.collector.await_count(1).await.remove(0);

        // That none was omitted goes without saying; for `http.version` see the next test.
        let missing = ["portcullis.details_omitted", "http.version"];
        for field in documented_fields().iter().filter(|field| !missing.contains(&field.as_str())) {
            assert!(event.pointer(&pointer(field)).is_some(), "no {field} over {version} in {event:#}");
        }
        if let Some(http) = event["http"].as_object_mut() {
            http.remove("version");
        }
        let mut take = |path| event.pointer_mut(path).map(Value::take).unwrap_or_default();
        let time = take("/@timestamp");
        assert!((before.as_str()..=now().as_str()).contains(&time.as_str().unwrap()), "{time}");
        let (id, vm, sequence) = (take("/event/id"), take("/portcullis/vm"), take("/event/sequence"));
        assert_eq!(id, format!("{}-{sequence}", vm.as_str().unwrap()));
        assert!(take("/source/port").as_u64().unwrap() > 1023);
        let expected = json!({
            "@timestamp": null,
            "ecs": {"version": "8.17.0"},
            "event": {
                "id": null, "kind": "event", "category": ["network", "web"], "type": ["access", "denied"],
                "action": "deny", "outcome": "failure", "reason": "path_ambiguous", "sequence": null,
                "module": "portcullis", "dataset": "portcullis.ua_block", "provider": "ua_block",
            },
            "rule": {"name": "tools", "ruleset": "ua_block"},
            "source": {"ip": "127.0.0.9", "port": null},
            "http": {
                "request": {"method": "POST", "id": "request-7"},
                "response": {"status_code": 403},
            },
            "url": {
                "path": "/a/..%2finternal/x", "query": "page=1&token=[REDACTED]", "domain": "api.example.com",
            },
            "user_agent": {"original": "curl/8.5.0"},
            "trace": {"id": TRACE},
            "span": {"id": SPAN},
            "observer": {"vendor": "Portcullis", "product": "Portcullis", "type": "waf", "version": "0.1.0"},
            "portcullis": {
                "filter": "ua_block", "action": "deny", "mode": "enforce", "vm": null, "class": "deny",
                "details": {"path_ambiguity": "path_encoded_slash"},
            },
        });
        assert_eq!(event, expected);
    }
}

/// It is asked of Envoy for audited requests alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_the_version_of_http() {
    let gate = Gate::start(&bad_bots(&json!({}))).await;
    for (client, version) in [(gate.h1(), "1.1"), (gate.h2(), "2")] {
        gate.collector.clear();
        gate.refused(&client, get("BadBot")).await;
        assert_eq!(gate.collector.await_count(1).await[0].pointer("/http/version"), Some(&json!(version)));
    }
}

async fn behind_a_proxy() -> Gate {
    let options = json!({"xff_num_trusted_hops": 1});
    Gate::launch(filter(&bad_bots(&json!({}))), |bootstrap| Launch::new(bootstrap.http(&options))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_is_the_client_that_envoy_trusts() {
    let gate = behind_a_proxy().await;
    for (forwarded, ip) in [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("nonsense", "127.0.0.1"),
    ] {
        gate.collector.clear();
        gate.refused(&gate.h1(), get("BadBot").header("x-forwarded-for", forwarded)).await;
        assert_eq!(gate.collector.await_count(1).await[0]["source"]["ip"], ip, "{forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv6_client() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let on_ipv6 = |bootstrap: Bootstrap| {
        let mut root = bootstrap.build();
        root["static_resources"]["listeners"][0]["address"]["socket_address"]["address"] = json!("::1");
        Launch::new(root)
    };
    let gate = Gate::launch(filter(&bad_bots(&json!({}))), on_ipv6).await;
    gate.refused(&gate.h1(), get("BadBot")).await;
    let source = gate.collector.await_count(1).await[0]["source"].clone();
    assert_eq!(source["ip"], "::1");
    assert!(source["port"].as_u64().unwrap() > 1023, "{source}");
}

/// `x-forwarded-for` names no port, and Envoy says 0 then.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_behind_a_proxy_has_no_port() {
    let gate = behind_a_proxy().await;
    gate.refused(&gate.h1(), get("BadBot").header("x-forwarded-for", "203.0.113.7")).await;
    assert_eq!(gate.collector.await_count(1).await[0]["source"], json!({"ip": "203.0.113.7"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_go_as_the_config_says() {
    let ndjson = json!({
        "path": "/ingest?stream=a", "authority": "logs.example.com:8080",
        "headers": {"x-stream": "portcullis", "X-Two": "a b"}, "header_env": {"authorization": "AUDIT_TOKEN"},
    });
    let env = ["AUDIT_TOKEN"];
    let filters = [
        ("ndjson", filter(&bad_bots(&ndjson)).env(&env)),
        ("json", filter(&bad_bots(&json!({"format": "json"}))).env(&env)),
    ];
    let launch =
        |bootstrap: Bootstrap| Launch::new(bootstrap.listeners(filters)).env("AUDIT_TOKEN", "Bearer s3cr3t-in-env");
    let gate = Gate::launch(filter(&json!({})), launch).await;
    let send = async |listener| {
        // In one write, so that they come in one batch, unless a tick falls between.
        let bots = "GET / HTTP/1.1\r\nhost: a\r\nuser-agent: BadBot\r\n\r\n".repeat(2);
        let mut raw = Raw::connect(gate.envoy.listener(listener)).await;
        raw.write(bots).await;
        assert_eq!([raw.read_response().await.status, raw.read_response().await.status], [403, 403]);
        gate.collector.await_count(2).await;
        let batches = gate.collector.batches();
        gate.collector.clear();
        batches
    };
    for batch in send("ndjson").await {
        let header = |name| batch.headers.text(name).unwrap_or_default();
        assert_eq!(batch.path, "/ingest?stream=a");
        assert_eq!(header("host"), "logs.example.com:8080");
        assert_eq!(header("content-type"), "application/x-ndjson");
        assert_eq!((header("x-stream"), header("x-two")), ("portcullis".to_owned(), "a b".to_owned()));
        assert_eq!(header("authorization"), "Bearer s3cr3t-in-env");
        let lines = batch.body.strip_suffix(b"\n").expect("a line's end").split(|byte| *byte == b'\n');
        assert!(lines.clone().all(|line| line.starts_with(b"{") && line.ends_with(b"}")), "{batch:?}");
        assert_eq!(lines.count(), batch.events.unwrap().len());
    }
    for batch in send("json").await {
        assert_eq!((batch.path.as_str(), batch.headers.text("host").as_deref()), ("/", Some("audit")));
        assert_eq!(batch.headers.text("content-type").as_deref(), Some("application/json"));
        assert!(batch.body.starts_with(b"[{") && batch.body.ends_with(b"}]"), "{batch:?}");
    }
    assert!(!gate.envoy.log().contains("s3cr3t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_by_count_and_by_age() {
    let hour = 60_000;
    let filters = [
        ("count", filter(&bad_bots(&json!({"batch": {"max_events": 5, "max_age_ms": hour}})))),
        ("age", filter(&bad_bots(&json!({"batch": {"max_events": 1000, "max_age_ms": 100}})))),
    ];
    let gate = Gate::launch(filter(&json!({})), |bootstrap| Launch::new(bootstrap.listeners(filters))).await;
    let send = async |listener, count| {
        let client = Client::h1(gate.envoy.listener(listener));
        for _ in 0..count {
            assert_eq!(client.send(get("BadBot")).await.status, 403);
        }
    };
    let sizes = |collector: &Collector| -> Vec<usize> {
        collector.batches().into_iter().map(|batch| batch.events.unwrap().len()).collect()
    };
    send("age", 1).await;
    gate.collector.await_batches(1).await;
    assert_eq!(sizes(&gate.collector), [1], "by age, far from full");
    gate.collector.clear();

    send("count", 12).await;
    gate.collector.await_batches(2).await;
    // The event by age comes when several ticks have passed, so the two left are not about to be sent.
    send("age", 1).await;
    gate.collector.await_batches(3).await;
    assert_eq!(sizes(&gate.collector), [5, 5, 1], "by count, long before their age");
    send("count", 3).await;
    gate.collector.await_batches(4).await;
    assert_eq!(sizes(&gate.collector), [5, 5, 1, 5]);
}

/// Sequences and ids are those of workers: each has its own VM.
#[tokio::test(flavor = "multi_thread")]
async fn sequences_have_no_gap_and_ids_are_unique() {
    let config = bad_bots(&json!({"batch": {"max_events": 7, "max_age_ms": 10}}));
    let gate = Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap).concurrency(2)).await;
    // A worker gets connections as the kernel deals them out; of 40 each worker gets some.
    for _ in 0..40 {
        let client = gate.h1();
        for _ in 0..5 {
            gate.refused(&client, get("BadBot")).await;
        }
    }
    let events = gate.collector.await_count(200).await;
    let mut sequences: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for event in &events {
        let vm = event["portcullis"]["vm"].as_str().unwrap().to_owned();
        sequences.entry(vm).or_default().insert(event["event"]["sequence"].as_u64().unwrap());
    }
    assert_eq!(sequences.len(), 2, "one VM a worker");
    for (vm, sequence) in &sequences {
        let gapless = (1..=sequence.len() as u64).collect();
        assert_eq!(sequence, &gapless, "{vm}");
    }
    let ids: BTreeSet<&str> = events.iter().map(|event| event["event"]["id"].as_str().unwrap()).collect();
    assert_eq!((events.len(), ids.len()), (200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_selects_the_events() {
    let config = |events: Option<Value>, path| {
        let mut config = json!({
            "rules": [
                {"name": "trial", "contains": ["trial"], "action": "deny", "mode": "shadow"},
                {"name": "named", "contains": ["BadBot"], "action": "deny"},
            ],
            "audit": {"cluster": "audit", "path": path, "batch": {"max_age_ms": 10}},
        });
        if let Some(events) = events {
            config["audit"]["events"] = events;
        }
        filter(&config)
    };
    let filters = [
        ("default", config(None, "/deny,shadow")),
        ("deny", config(Some(json!(["deny"])), "/deny")),
        ("shadow", config(Some(json!(["shadow"])), "/shadow")),
        ("allow", config(Some(json!(["allow"])), "/allow")),
        ("all", config(Some(json!(["allow", "deny", "shadow", "error"])), "/allow,deny,shadow")),
    ];
    let gate = Gate::launch(filter(&json!({})), |bootstrap| Launch::new(bootstrap.listeners(filters))).await;
    for listener in ["default", "deny", "shadow", "allow", "all"] {
        let client = Client::h1(gate.envoy.listener(listener));
        for (agent, status) in [("Mozilla/5.0", 200), ("trial", 200), ("BadBot", 403)] {
            assert_eq!(client.send(get(agent)).await.status, status);
        }
    }
    // The trial makes two decisions, of which the second lets it pass.
    let expected = [
        "allow allow",
        "allow allow",
        "allow,deny,shadow allow",
        "allow,deny,shadow allow",
        "allow,deny,shadow deny",
        "allow,deny,shadow shadow",
        "deny deny",
        "deny,shadow deny",
        "deny,shadow shadow",
        "shadow shadow",
    ];
    gate.collector.await_count(expected.len()).await;
    let mut found = Vec::new();
    for batch in gate.collector.batches() {
        for event in batch.events.unwrap() {
            found.push(format!("{} {}", &batch.path[1..], event["portcullis"]["class"].as_str().unwrap()));
        }
    }
    found.sort_unstable();
    assert_eq!(found, expected);
}
