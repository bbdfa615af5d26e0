//! Compressed bodies, and what says that it is one.

use portcullis_integration_tests::{Request, merge};
use serde_json::json;

use super::{BAD, Case, GOOD, judge, settings};
use crate::compress::{brotli, deflate, gzip, stream};
use crate::gate::{Gate, reason};

type Encode = fn(&[u8]) -> Vec<u8>;

fn coded<'a>(coding: &'a [u8], body: &'a [u8], expect: &'a str) -> Case<'a> {
    Case::post(&[("content-type", b"application/json"), ("content-encoding", coding)], body, expect)
}

#[tokio::test(flavor = "multi_thread")]
async fn content_encodings_are_refused() {
    let gate = Gate::start(&settings()).await;
    let (good, bad) = (gzip(GOOD), gzip(BAD));
    let mut cases = Vec::new();
    for coding in [
        "gzip",
        "GZIP",
        "x-gzip",
        "br",
        "deflate",
        "zstd",
        "compress",
        "identity, gzip",
        "gzip, identity",
        "gzip;q=1",
        "*",
        "x",
        "gzip,",
    ] {
        for body in [GOOD, BAD, &good, &bad] {
            cases.push(coded(coding.as_bytes(), body, "content_encoding_unsupported"));
        }
    }
    for coding in ["identity", "", "Identity", "identity, identity", " "] {
        cases.push(coded(coding.as_bytes(), GOOD, "accepted"));
        cases.push(coded(coding.as_bytes(), BAD, "body_invalid"));
        cases.push(coded(coding.as_bytes(), &good, "json_not_utf8"));
    }
    cases.push(coded(b"gzip\xff", GOOD, "content_encoding_unsupported"));
    for (first, second) in [("identity", "gzip"), ("gzip", "identity"), ("gzip", "gzip")] {
        let headers = [
            ("content-type", &b"application/json"[..]),
            ("content-encoding", first.as_bytes()),
            ("content-encoding", second.as_bytes()),
        ];
        cases.push(Case::post(&headers, GOOD, "content_encoding_unsupported"));
    }
    // What no one says is compressed is not JSON.
    cases.push(Case::json(&bad, "json_not_utf8"));
    // Transfer codings are Envoy's own business.
    let headers: [(&str, &[u8]); 2] = [("content-type", b"application/json"), ("content_encoding", b"gzip")];
    cases.push(Case::post(&headers, &good, "json_not_utf8"));
    judge(&gate, &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_encodings_are_decoded() {
    let mut settings = settings();
    merge(&mut settings, &json!({"content_encoding": "decode"}));
    let gate = Gate::start(&settings).await;
    let codings: [(&[u8], Encode); 6] = [
        (b"gzip", gzip),
        (b"X-GZIP", gzip),
        (b"deflate", deflate),
        (b"br", brotli),
        (b"deflate, gzip", |body| gzip(&deflate(body))),
        (b"identity, gzip", gzip),
    ];
    let mut bodies = Vec::new();
    let duplicate = br#"{"name": "x", "n\u0061me": "y"}"#;
    for (coding, encode) in codings {
        bodies.push((coding, encode(GOOD), "accepted"));
        bodies.push((coding, encode(BAD), "body_invalid"));
        bodies.push((coding, encode(duplicate), "json_duplicate_key"));
        bodies.push((coding, encode(b"\xff\xfe"), "json_not_utf8"));
        bodies.push((coding, encode(&[GOOD, b" ".repeat(60_000).as_slice()].concat()), "accepted"));
        // 65,537 bytes of JSON, or MBs.
        bodies.push((
            coding,
            encode(&[GOOD, b" ".repeat(65_537 - GOOD.len()).as_slice()].concat()),
            "body_bomb|body_too_large",
        ));
        let mut cut = encode(GOOD);
        cut.pop();
        bodies.push((coding, cut, "content_encoding_invalid"));
        bodies.push((coding, [encode(GOOD).as_slice(), b"x"].concat(), "content_encoding_invalid"));
        bodies.push((coding, GOOD.to_vec(), "content_encoding_invalid"));
        bodies.push((coding, encode(GOOD)[..1].to_vec(), "content_encoding_invalid"));
    }
    // Two members behind each other are one text for some, and only the first counts for others.
    bodies.push((b"gzip", [gzip(GOOD), gzip(BAD)].concat(), "content_encoding_invalid|json_trailing_data"));
    bodies.push((b"gzip", [gzip(&GOOD[..9]), gzip(&GOOD[9..])].concat(), "content_encoding_invalid|accepted"));
    for byte in [4, 5, 10, 11] {
        let mut broken = gzip(GOOD);
        let at = broken.len() - byte;
        broken[at] ^= 0xff;
        bodies.push((b"gzip", broken, "content_encoding_invalid|body_bomb"));
    }
    bodies.push((b"gzip", gzip(&vec![b' '; 20 << 20]), "body_bomb"));
    bodies.push((b"deflate", deflate(&vec![b' '; 20 << 20]), "body_bomb"));
    bodies.push((b"gzip, gzip", gzip(&gzip(&vec![b' '; 20 << 20])), "body_bomb"));
    bodies.push((b"br", stream("br: zeros"), "body_bomb"));
    bodies.push((b"deflate", gzip(GOOD), "content_encoding_invalid"));
    bodies.push((b"gzip", deflate(GOOD), "content_encoding_invalid"));
    // zlib's format without its frame, which some call deflate.
    let bare = deflate(GOOD);
    bodies.push((b"deflate", bare[2..bare.len() - 4].to_vec(), "content_encoding_invalid"));
    bodies.push((b"gzip, gzip, gzip", gzip(&gzip(&gzip(GOOD))), "content_encoding_unsupported"));
    bodies.push((b"zstd", GOOD.to_vec(), "content_encoding_unsupported"));
    bodies.push((b"gzip;q=1", gzip(GOOD), "content_encoding_unsupported"));
    let mut cases: Vec<Case> = bodies.iter().map(|(coding, body, expect)| coded(coding, body, expect)).collect();
    let plain = gzip(BAD);
    cases.push(coded(b"identity", &plain, "json_not_utf8"));
    cases.push(coded(b"identity", BAD, "body_invalid"));
    cases.push(coded(b"gzip", b"", "body_missing"));
    // In pieces, and with trailers.
    judge(&gate, &cases).await;
    for (version, client) in gate.clients() {
        for (body, expect) in [(gzip(GOOD), "accepted"), (gzip(BAD), "body_invalid")] {
            gate.upstream.clear();
            let request = Request::new("POST", "/users")
                .header("content-type", "application/json")
                .header("content-encoding", "gzip");
            let request = request.body(body[..9].to_vec()).body(body[9..].to_vec()).trailer("x-a", "b");
            assert_eq!(reason(&client.send(request).await), expect, "{version}");
            let seen = gate.upstream.requests();
            assert_eq!(seen.len(), usize::from(expect == "accepted"));
            assert!(
                seen.iter()
                    .all(|seen| seen.body == body && seen.headers.text("content-encoding").as_deref() == Some("gzip"))
            );
        }
    }
}
