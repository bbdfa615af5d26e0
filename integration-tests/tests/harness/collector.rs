//! The collector in every state.

use std::time::{Duration, Instant};

use portcullis_integration_tests::{Bootstrap, Client, Collector, DEADLINE, Envoy, Mode, Request, Upstream, until};
use serde_json::json;

fn batch(body: &'static str) -> Request {
    Request::post("/ingest", body).header("content-type", "application/json")
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_arrays_lines_and_single_events() {
    let collector = Collector::start().await;
    let client = Client::h1(collector.address());
    for body in [r#"[{"n": 1}, {"n": 2}]"#, "{\"n\": 3}\n{\"n\": 4}\n", r#"{"n": 5}"#] {
        assert_eq!(client.send(batch(body)).await.status, 200);
    }
    let events = collector.await_count(5).await;
    assert_eq!(events, [1, 2, 3, 4, 5].map(|n| json!({"n": n})));
    assert_eq!(collector.wait_for(|event| event["n"] == 4).await, json!({"n": 4}));
    let first = &collector.await_batches(3).await[0];
    assert_eq!(first.path, "/ingest");
    assert_eq!(first.headers.text("content-type").unwrap(), "application/json");

    client.send(batch("{\"half\":")).await;
    assert!(collector.batches()[3].events.is_err());
    collector.clear();
    assert!(collector.events().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_in_every_way_and_recovers() {
    let upstream = Upstream::start().await;
    let collector = Collector::start().await;
    let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "collector"}});
    let bootstrap = Bootstrap::new(upstream.address()).cluster("collector", collector.address()).routes(&[route]);
    let envoy = Envoy::start(bootstrap).await;
    let client = Client::h1(envoy.address());
    let post = || client.send(batch("[{}]"));

    collector.set_mode(Mode::Status(500)).await;
    assert_eq!(post().await.status, 500);
    assert!(collector.events().is_empty(), "a refused batch is not delivered");

    collector.set_mode(Mode::Slow(Duration::from_millis(100))).await;
    let start = Instant::now();
    assert_eq!(post().await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(collector.events().len(), 1);

    collector.set_mode(Mode::Hang).await;
    let hasty = client.clone().deadline(Duration::from_millis(100));
    assert!(hasty.try_send(batch("[{}]")).await.is_err());
    assert_eq!(collector.await_batches(3).await[2].answered, None);

    collector.set_mode(Mode::Down).await;
    // Envoy may not have noticed yet that the connection it has is closed, and try that one first.
    let refused = || async {
        let answer = post().await;
        assert_eq!(answer.status, 503);
        answer.text().contains("connection failure").then_some(())
    };
    until(DEADLINE, refused).await.expect("a new connection is refused");

    collector.set_mode(Mode::Ok).await;
    assert_eq!(post().await.status, 200);
    assert_eq!(collector.events().len(), 2);
}

#[tokio::test]
#[should_panic(expected = "one answered Some(200): [{\"n\":1}]")]
async fn a_vain_wait_shows_what_came() {
    let collector = Collector::start().await;
    Client::h1(collector.address()).send(Request::post("/one", "[{\"n\":1}]")).await;
    // The deadline comes at once, as nothing else is going to happen.
    tokio::time::pause();
    collector.wait_for(|event| event["n"] == 2).await;
}
