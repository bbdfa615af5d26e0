//! Load while things change.

use std::time::Duration;

use portcullis_integration_tests::{Client, Reply, Request, Traffic};

use crate::proxy;

#[tokio::test(flavor = "multi_thread")]
async fn counts_by_kind_while_answers_change() {
    let (envoy, upstream) = proxy().await;
    upstream.handle(|received| Reply::status(if received.path == "/odd" { 404 } else { 200 }));
    for client in [Client::h1(envoy.address()), Client::h2(envoy.address())] {
        let traffic = Traffic::start(&client, 8, |number| match number % 2 {
            0 => ("even", Request::get("/even")),
            _ => ("odd", Request::get("/odd")),
        });
        traffic.await_more(100).await;
        upstream.reply(Reply::status(500));
        traffic.wait_for("the new answer", |tally| tally.count("even", 500) > 0 && tally.count("odd", 500) > 0).await;
        upstream.handle(|received| Reply::status(if received.path == "/odd" { 404 } else { 200 }));
        let tally = traffic.stop().await;
        assert!(tally.count("even", 200) > 0 && tally.count("odd", 404) > 0, "{tally:?}");
        assert_eq!((tally.count("even", 404), tally.count("odd", 200)), (0, 0));
        assert_eq!(tally.failures, []);
        assert_eq!(tally.total(), upstream.count(), "every request is counted once");
        upstream.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_request_is_a_failure() {
    let (envoy, upstream) = proxy().await;
    upstream.reply(Reply::status(200).delay(Duration::from_mins(1)));
    let client = Client::h1(envoy.address()).deadline(Duration::from_millis(100));
    let traffic = Traffic::start(&client, 1, |_| ("any", Request::get("/")));
    traffic.await_more(1).await;
    let tally = traffic.stop().await;
    assert!(tally.answers.is_empty());
    assert!(tally.failures[0].1.contains("hangs"), "{tally:?}");
}
