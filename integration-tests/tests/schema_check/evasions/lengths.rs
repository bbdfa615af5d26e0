//! Bodies whose length is said in two ways: whatever Envoy makes of them, none reaches the upstream that was not judged.

use portcullis_integration_tests::{ClientError, Raw, RawH2};

use super::{BAD, GOOD, settings};
use crate::gate::Gate;

/// The good body in one chunk.
fn chunked() -> String {
    format!("{:x}\r\n{}\r\n0\r\n\r\n", GOOD.len(), str::from_utf8(GOOD).unwrap())
}

/// Headers, and what follows them.
fn contradictions() -> Vec<(String, String)> {
    let (good, chunked) = (GOOD.len(), chunked());
    let inner = format!(
        "POST /users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        BAD.len(),
        str::from_utf8(BAD).unwrap()
    );
    let text = str::from_utf8(GOOD).unwrap();
    vec![
        (format!("content-length: {good}\r\ncontent-length: {}\r\n", good + 5), format!("{text}12345")),
        (format!("content-length: {}\r\ncontent-length: {good}\r\n", good + 5), format!("{text}12345")),
        (format!("content-length: {good}, {}\r\n", good + 5), format!("{text}12345")),
        (format!("content-length: {good},{good}\r\n"), text.to_owned()),
        (format!("content-length: +{good}\r\n"), text.to_owned()),
        (format!("content-length: -{good}\r\n"), text.to_owned()),
        (format!("content-length: 0x{good:x}\r\n"), text.to_owned()),
        (format!("content-length: {good}.0\r\n"), text.to_owned()),
        ("content-length: 99999999999999999999\r\n".to_owned(), text.to_owned()),
        ("content-length: \r\n".to_owned(), text.to_owned()),
        (format!("content-length : {good}\r\n"), text.to_owned()),
        (format!("content-length:\r\n {good}\r\n"), text.to_owned()),
        (format!("content_length: 3\r\ncontent-length: {good}\r\n"), text.to_owned()),
        (format!("content-length: {good}\r\ntransfer-encoding: chunked\r\n"), format!("{chunked}{inner}")),
        (format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", chunked.len() + 3), chunked.clone()),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: chunked, chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: identity\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: chunked, identity\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: identity, chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: gzip, chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: xchunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: \"chunked\"\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: CHUNKED\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding:\x0bchunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding : chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding:\r\n chunked\r\n".to_owned(), chunked.clone()),
        (" transfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("transfer_encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("x: y\rtransfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        (format!("x: y\ncontent-length: {good}\r\n"), text.to_owned()),
        // Chunks that say what they are not.
        ("transfer-encoding: chunked\r\n".to_owned(), chunked.replace("\r\n0\r\n", "\n0\r\n")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("0{chunked}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("+{chunked}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("0x{chunked}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("ffffffffffffffff1\r\n{text}\r\n0\r\n\r\n")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("-1\r\n{text}\r\n0\r\n\r\n")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("{good:x};a=\"\r\n\"\r\n{text}\r\n0\r\n\r\n")),
        (
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("{good:x}\r\n{text}\r\n0\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\n"),
        ),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("{chunked}{inner}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_contradict_each_other() {
    let gate = Gate::start(&settings()).await;
    let mut passed = 0;
    for (headers, rest) in contradictions() {
        gate.upstream.clear();
        let head = format!("POST /users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{headers}\r\n");
        let mut raw = Raw::connect(gate.envoy.address()).await;
        raw.write(format!("{head}{rest}")).await;
        for _ in 0..if rest.contains("POST") { 2 } else { 1 } {
            let answer = raw.try_read_response().await;
            assert!(matches!(answer, Ok(_) | Err(ClientError::Closed)), "{head}{rest}: {answer:?}");
        }
        let seen = gate.upstream.requests();
        assert!(seen.len() <= 1, "{head}{rest}: {seen:#?}");
        for seen in seen {
            assert_eq!(seen.body, GOOD, "{head}{rest}: {seen:#?}");
            let lengths = seen.headers.all("content-length").len() + seen.headers.all("transfer-encoding").len();
            assert_eq!(lengths, 1, "{head}{rest}: {seen:#?}");
            passed += 1;
        }
    }
    assert!(passed > 1, "nothing passed, not even what is good: {passed}");
    gate.assert_no_vm_failed().await;
}

/// Over HTTP/2 a length is a header like any other, and DATA frames are the body.
#[tokio::test(flavor = "multi_thread")]
async fn lengths_beside_data_frames() {
    let gate = Gate::start(&settings()).await;
    let target = gate.envoy.address();
    for (lengths, body, may_pass) in [
        (vec!["25"], GOOD, true),
        (vec!["24"], GOOD, false),
        (vec!["26"], GOOD, false),
        (vec!["0"], GOOD, false),
        (vec!["25", "24"], GOOD, false),
        (vec!["+25"], GOOD, false),
        (vec!["x"], GOOD, false),
        (vec!["19"], BAD, false),
        (vec!["0"], BAD, false),
    ] {
        for end in [true, false] {
            gate.upstream.clear();
            let mut head: Vec<(&str, &[u8])> = vec![
                (":method", b"POST"),
                (":scheme", b"http"),
                (":authority", b"a"),
                (":path", b"/users"),
                ("content-type", b"application/json"),
            ];
            head.extend(lengths.iter().map(|length| ("content-length", length.as_bytes())));
            let mut raw = RawH2::connect(target).await;
            let stream = raw.request(&head, false).await;
            raw.data(stream, body, end).await;
            if !end {
                raw.headers(stream, &[("content-length", b"25"), ("x-a", b"b")], true).await;
            }
            raw.answer(stream).await;
            let seen = gate.upstream.requests();
            assert!(may_pass || seen.is_empty(), "{lengths:?} {end}: {seen:#?}");
            assert!(seen.iter().all(|seen| seen.body == GOOD));
        }
    }
    for name in ["transfer-encoding", "connection", "upgrade"] {
        gate.upstream.clear();
        let head: [(&str, &[u8]); 6] = [
            (":method", b"POST"),
            (":scheme", b"http"),
            (":authority", b"a"),
            (":path", b"/users"),
            ("content-type", b"application/json"),
            (name, b"chunked"),
        ];
        let mut raw = RawH2::connect(target).await;
        let stream = raw.request(&head, false).await;
        raw.data(stream, chunked().as_bytes(), true).await;
        raw.answer(stream).await;
        assert_eq!(gate.upstream.count(), 0, "{name}");
    }
    gate.assert_no_vm_failed().await;
}
