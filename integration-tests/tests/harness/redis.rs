//! Redis on good days and bad ones.

use std::io::ErrorKind;
use std::time::Duration;

use portcullis_integration_tests::{Redis, RedisReply, within};

#[tokio::test(flavor = "multi_thread")]
async fn answers_whatever_is_asked() {
    let redis = Redis::start().await;
    assert_eq!(redis.command(&["SET", "key", "two\r\nlines"]).await, RedisReply::Text("OK".to_owned()));
    assert_eq!(redis.command(&["GET", "key"]).await, RedisReply::Text("two\r\nlines".to_owned()));
    assert_eq!(redis.command(&["GET", "other"]).await, RedisReply::Nil);
    assert_eq!(redis.command(&["KEYS", "*"]).await, RedisReply::List(vec![RedisReply::Text("key".to_owned())]));

    let client = redis.client();
    let long = "x".repeat(100_000);
    let commands = [&["INCRBY", "n", "2"][..], &["SET", "long", &long], &["GET", "long"], &["INCR", "n"]];
    let replies = client.pipeline(&commands).await.unwrap();
    let (ok, long) = (RedisReply::Text("OK".to_owned()), RedisReply::Text(long.clone()));
    assert_eq!(replies, [RedisReply::Integer(2), ok, long, RedisReply::Integer(3)]);
    let refused = client.pipeline(&[&["INCR", "n"], &["INCR", "key"]]).await.unwrap_err();
    assert!(refused.to_string().contains("not an integer"), "{refused}");
    assert_eq!(redis.command(&["GET", "n"]).await, RedisReply::Text("4".to_owned()), "the connection is still in step");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_share_a_connection() {
    let redis = Redis::start().await;
    let calls = (0..500).map(|_| {
        let client = redis.client();
        tokio::spawn(async move { client.pipeline(&[&["INCR", "n"]]).await.unwrap().remove(0) })
    });
    let mut counts = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let RedisReply::Integer(count) = call.await.unwrap() else { panic!("INCR gives a number") };
        counts.push(count);
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=500).collect::<Vec<_>>(), "each call got an answer of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_dies_and_returns_empty() {
    let redis = Redis::start().await;
    let client = redis.client();
    let increment = || client.pipeline(&[&["INCR", "n"]]);
    assert_eq!(increment().await.unwrap(), [RedisReply::Integer(1)]);

    redis.pause();
    let given_up = tokio::time::timeout(Duration::from_millis(50), increment()).await;
    assert!(given_up.is_err(), "{given_up:?}");
    redis.resume();
    assert_eq!(increment().await.unwrap(), [RedisReply::Integer(3)], "what nobody waits for counts as well");

    redis.pause();
    let (broken, ()) = tokio::join!(increment(), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        redis.kill();
    });
    broken.expect_err("it died before it answered");
    let refused = within("a refusal", increment()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let socket = redis.socket();
    redis.restart().await;
    assert_eq!(redis.socket(), socket);
    assert_eq!(increment().await.unwrap(), [RedisReply::Integer(1)]);
}
