//! The configuration that users copy: it loads, and does what its comments and its page say.

use portcullis_integration_tests::{Client, Collector, Envoy, Example, Request, Upstream};

use crate::gate::get;

const FILE: &str = "envoy/ua_block.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_does_what_it_says() {
    let (upstream, collector) = (Upstream::start().await, Collector::start().await);
    let example = Example::load(FILE).endpoint("upstream", upstream.address()).endpoint("audit", collector.address());
    let envoy = Envoy::start(&example).await;
    let (h1, h2) = (Client::h1(envoy.address()), Client::h2(envoy.address()));
    let chrome =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
    for client in [&h1, &h2] {
        for (request, status) in [
            (get(chrome), 200),
            (get("BadBot"), 403),
            (get("some sCRAPER/2"), 403),
            (get("sqlmap/1.8.2#stable (https://sqlmap.org)"), 403),
            // Not from Google's network: neither allowed nor, by itself, denied.
            (get("Mozilla/5.0 (compatible; Googlebot/2.1)"), 200),
            (get("Googlebot BadBot"), 403),
            (Request::get("/"), 403),
            (get("curl/8.5.0"), 200),
            // In shadow mode, however the path is written.
            (Request::get("/internal/x").header("user-agent", "curl/8.5.0"), 200),
            (Request::get("/a/..//internal/x").header("user-agent", "curl/8.5.0"), 200),
            // Envoy: one reading of a path.
            (Request::get("/a%2Fb").header("user-agent", chrome), 400),
            // Whoever claims to be a client of Google's is not believed.
            (get("Googlebot BadBot").header("x-forwarded-for", "66.249.64.1"), 403),
        ] {
            assert_eq!(client.send(request.clone()).await.status, status, "{request:?}");
        }
    }
    assert_eq!(upstream.count(), 2 * 5, "what was refused was not forwarded");
    let paths: Vec<String> = upstream.requests().into_iter().map(|request| request.path).collect();
    assert!(paths.contains(&"/internal/x".to_owned()) && !paths.iter().any(|path| path.contains("..")), "{paths:?}");

    let events = collector.await_count(2 * 8).await;
    assert!(collector.batches().iter().all(|batch| batch.path == "/ingest"));
    let shadow = events.iter().filter(|event| event["portcullis"]["class"] == "shadow");
    assert!(shadow.clone().all(|event| event["rule"]["name"] == "api-tools"));
    assert_eq!(shadow.count(), 4);

    let stats = envoy.stats();
    for (rule, reason, mode, count) in [
        ("named", "user_agent_denied", "enforce", 8),
        ("scanners", "user_agent_denied", "enforce", 2),
        ("missing", "user_agent_missing", "enforce", 2),
        ("api-tools", "user_agent_denied", "shadow", 4),
    ] {
        let labels = [("filter", "ua_block"), ("rule", rule), ("action", "deny"), ("mode", mode), ("reason", reason)];
        assert_eq!(stats.counter("portcullis_decisions_total", &labels).await, count, "{rule}");
    }
    for (class, count) in [("deny", 12), ("shadow", 4)] {
        let labels = [("filter", "ua_block"), ("class", class), ("result", "delivered")];
        stats.await_counter("portcullis_audit_events_total", &labels, count).await;
    }
    stats.await_counter("portcullis_audit_calls_total", &[("filter", "ua_block"), ("result", "ok")], 1).await;
}
