//! Bytes that no one expects, everywhere that a client can put them: the VM never fails, and what is not in the contract does
//! not pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use portcullis_integration_tests::{Launch, Line, Random, Request, judged, merge, telling};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};

/// Where a client can put bytes.
const PLACES: [&str; 15] = [
    ":path",
    "segment",
    "query name",
    "query value",
    ":method",
    ":authority",
    "x-tenant",
    "x-odd",
    "cookie name",
    "cookie value",
    "content-type",
    "charset",
    "content-encoding",
    "body text",
    "body",
];

const GOOD: &[u8] = br#"{"id": 42, "name": "Ada"}"#;

/// A contract that looks at everything: no word in it has more than small letters.
fn settings() -> Value {
    let word = json!({"type": "string", "pattern": "^[a-z]+$"});
    let parameter = |place: &str, name: &str| json!({"in": place, "name": name, "required": true, "schema": word});
    let schema = json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {"id": {"type": "integer"}, "name": {"type": "string", "pattern": "^[A-Za-z]+$", "format": "hostname"}},
    });
    let form =
        json!({"type": "object", "properties": {"a": word, "b": {"type": "array", "items": {"type": "integer"}}}});
    let content = json!({
        "application/json": {"schema": schema},
        "application/x-www-form-urlencoded": {"schema": form},
        "multipart/form-data": {"schema": form},
    });
    let body = json!({"required": true, "content": content});
    json!({
        "openapi": {
            "openapi": "3.1.0", "info": {"title": "Users", "version": "1"},
            "paths": {"/groups/{group}/users": {"post": {
                "operationId": "createUser",
                "parameters": [
                    parameter("path", "group"), parameter("query", "region"), parameter("header", "X-Tenant"),
                    parameter("cookie", "theme"),
                    {"in": "query", "name": "filter", "style": "deepObject", "schema": {"type": "object"}},
                ],
                "requestBody": body,
            }}},
        },
        "unknown": {"path": "deny", "query": "deny", "header": "shadow", "cookie": "shadow"},
        "content_encoding": "decode",
        "limits": {"body_bytes": 100_000},
        "audit": {"cluster": "audit", "events": ["allow", "deny"], "batch": {"max_age_ms": 10}},
    })
}

async fn start() -> Gate {
    // Envoy closes a connection that speaks no HTTP after this time, and here are hundreds of them.
    let mut options = json!({"delayed_close_timeout": "0.001s", "max_request_headers_kb": 8192});
    merge(&mut options, &telling());
    Gate::launch(filter(&settings()), |bootstrap| Launch::new(bootstrap.http(&options))).await
}

/// A good request but for these bytes in this place.
struct Odd {
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Odd {
    fn new() -> Self {
        let headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "portcullis.test"),
            (":path", "/groups/dev/users?region=eu"),
            ("x-tenant", "acme"),
            ("cookie", "theme=dark"),
            ("content-type", "application/json"),
        ];
        Self {
            headers: headers.into_iter().map(|(name, value)| (name, value.as_bytes().to_vec())).collect(),
            body: GOOD.to_vec(),
        }
    }

    fn header(&mut self, name: &'static str) -> &mut Vec<u8> {
        if let Some(position) = self.headers.iter().position(|(known, _)| *known == name) {
            return &mut self.headers[position].1;
        }
        self.headers.push((name, Vec::new()));
        &mut self.headers.last_mut().unwrap().1
    }

    /// Puts bytes into a place, in the midst of what is there.
    fn put(mut self, place: &'static str, bytes: &[u8]) -> Self {
        match place {
            "segment" => *self.header(":path") = [b"/groups/d", bytes, b"ev/users?region=eu"].concat(),
            "query name" => *self.header(":path") = [b"/groups/dev/users?region=eu&a", bytes, b"=1"].concat(),
            "query value" => *self.header(":path") = [b"/groups/dev/users?region=e", bytes, b"u"].concat(),
            "x-tenant" => *self.header("x-tenant") = [b"ac", bytes, b"me"].concat(),
            "cookie name" => *self.header("cookie") = [b"a", bytes, b"=b; theme=dark"].concat(),
            "cookie value" => *self.header("cookie") = [b"theme=da", bytes, b"rk"].concat(),
            "charset" => *self.header("content-type") = [b"application/json; charset=", bytes].concat(),
            "body text" => {
                let middle = self.body.len() - 3;
                self.body.splice(middle..middle, bytes.iter().copied());
            }
            "body" => self.body.extend(bytes),
            name => self.header(name).extend(bytes),
        }
        self
    }

    /// Why it was refused; `None` when Envoy broke off.
    async fn send(&self, line: &mut Line) -> Option<String> {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        line.send(&headers, Some(&self.body)).await.as_ref().map(reason)
    }
}

/// After all that came: verdicts are as ever, no VM was made anew, and every decision made one readable event.
async fn assert_all_is_well(gate: &Gate) {
    let request = |body: &'static [u8]| {
        let request = Request::post("/groups/dev/users?region=eu", body).header("x-tenant", "acme");
        request.header("cookie", "theme=dark").header("content-type", "application/json")
    };
    for (_, client) in gate.clients() {
        gate.passed(&client, request(GOOD)).await;
        gate.refused_with(400, &client, request(b"{}")).await;
    }
    gate.assert_no_vm_failed().await;
    let decided: u64 = gate.decisions().await.values().sum();
    let delivered = [("result", "delivered")];
    assert!(gate.stats().await_counter("portcullis_audit_events_total", &delivered, 4).await >= 4);
    assert!(decided >= 4 && !gate.collector.events().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_in_every_place() {
    let gate = start().await;
    let target = gate.envoy.address();
    let sweep = |mut line: Line| async move {
        let mut through: BTreeMap<_, BTreeSet<u8>> = BTreeMap::new();
        let mut faults = String::new();
        for place in PLACES {
            for byte in 0..=255_u8 {
                let reason = Odd::new().put(place, &[byte]).send(&mut line).await;
                if judged(reason.as_deref()) {
                    through.entry(place).or_default().insert(byte);
                }
                // Envoy takes a carriage return out of HTTP/1.1's headers, and blanks from their ends.
                let blank = b"\r\t ".contains(&byte);
                let may_pass = match place {
                    "segment" | "query value" => byte.is_ascii_lowercase() || blank,
                    // A cookie can end there.
                    "x-tenant" => byte.is_ascii_lowercase() || byte == b'\r',
                    "cookie value" => byte.is_ascii_lowercase() || b";\r".contains(&byte),
                    "body text" => byte.is_ascii_alphabetic(),
                    "body" => b"\r\n\t ".contains(&byte),
                    "query name" => false,
                    ":path" => byte.is_ascii_lowercase() || b"&\r\t ".contains(&byte),
                    "content-type" | "charset" | "content-encoding" => blank || b",;".contains(&byte),
                    _ => true,
                };
                if !may_pass && reason.as_deref() == Some("accepted") {
                    let _ = writeln!(faults, "{place} {byte:#x}");
                }
            }
        }
        assert!(faults.is_empty(), "{faults}");
        through
    };
    let (h1, h2) = tokio::join!(sweep(Line::h1(target)), sweep(Line::h2(target)));
    for (version, through) in [("HTTP/1.1", h1), ("HTTP/2", h2)] {
        for place in PLACES {
            // Envoy itself stops odd bytes in the authority and the method, and over HTTP/1.1 in the path.
            let is_target = matches!(place, ":path" | "segment" | "query name" | "query value");
            if matches!(place, ":authority" | ":method") || (is_target && version == "HTTP/1.1") {
                continue;
            }
            for byte in [b'"', b'\\', 0x80, 0xa1, 0xff] {
                let is_there = through.get(place).is_some_and(|bytes| bytes.contains(&byte));
                assert!(is_there, "{version}: the filter has not seen {byte:#x} in {place}");
            }
        }
        assert_eq!(through["body"].len(), 256, "{version}: any byte can stand in a body");
        assert_eq!(through["body text"].len(), 256, "{version}: any byte can stand in a body");
    }
    assert_all_is_well(&gate).await;
}

/// What means something in one place or another.
fn value(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 20] = [
        b"eu",
        b"%2e%2E/",
        "\u{e9}".as_bytes(),
        b"&region=",
        b",",
        b";theme=",
        b"&filter[a][b]=",
        b"%5B",
        b"application/json",
        b"; charset=",
        b"multipart/form-data; boundary=x",
        b"\"",
        b"{\"name\":",
        b"[[",
        b"\\ud800",
        b"\\u0000",
        b"1e999",
        b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n",
        b"gzip",
        b"null",
    ];
    random.odd(&PIECES, b"x[{\"%.A&;")
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_random_requests() {
    const MEDIA_TYPES: [&[u8]; 5] = [
        b"application/json",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/json; charset=utf-16",
        b"text/plain",
    ];
    let gate = start().await;
    let target = gate.envoy.address();
    let fuzz = |mut line: Line, seed: u64| async move {
        let mut random = Random(seed);
        let (mut by_us, mut reasons) = (0, BTreeSet::new());
        for _ in 0..2000 {
            let mut odd = Odd::new();
            if random.below(4) == 0 {
                *odd.header("content-type") = random.pick(&MEDIA_TYPES).to_vec();
            }
            if random.below(12) == 0 {
                *odd.header("content-encoding") =
                    random.pick(&["gzip", "br", "deflate", "gzip, br"]).as_bytes().to_vec();
            }
            for _ in 0..random.below(3) {
                let place = *random.pick(&PLACES);
                let mut bytes = value(&mut random);
                if !place.starts_with("body") {
                    bytes.retain(|byte| *byte >= b' ');
                }
                odd = odd.put(place, &bytes);
            }
            match random.below(6) {
                0 => odd.body = (0..random.below(2000)).map(|_| random.byte()).collect(),
                1 => odd.body = value(&mut random),
                2 => {
                    let at = random.below(odd.body.len());
                    odd.body[at] = random.byte();
                }
                _ => {}
            }
            let reason = odd.send(&mut line).await;
            by_us += u32::from(judged(reason.as_deref()));
            reasons.extend(reason.filter(|reason| !reason.starts_with("envoy:")));
        }
        (by_us, reasons)
    };
    let (h1, h2) = tokio::join!(fuzz(Line::h1(target), 1), fuzz(Line::h2(target), 2));
    for (by_us, reasons) in [h1, h2] {
        assert!(by_us > 1000, "too few got as far as the filter: {by_us}");
        assert!(reasons.len() > 15, "too few of its reasons came up: {reasons:?}");
    }
    assert_all_is_well(&gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_and_many_headers() {
    let gate = start().await;
    for mut line in [Line::h1(gate.envoy.address()), Line::h2(gate.envoy.address())] {
        for place in PLACES {
            for (byte, size) in [(b'a', 59 << 10), (b'.', 59 << 10), (b'&', 30_000), (b';', 30_000), (b'%', 30_000)] {
                let reason = Odd::new().put(place, &vec![byte; size]).send(&mut line).await;
                judged(reason.as_deref());
            }
        }
        // Envoy's limit is 100, with HTTP/2's pseudo-headers.
        for name in ["x-tenant", "x_tenant", "cookie", "content-type", "content-encoding", "x-a", "origin"] {
            let mut odd = Odd::new();
            odd.headers.extend((0..90).map(|_| (name, b"a=b".to_vec())));
            assert!(judged(odd.send(&mut line).await.as_deref()), "{name}");
        }
        for (start, many) in [("region=eu", "&region=eu"), ("region=eu", "&filter[a]=b"), ("region=eu", "&a=b")] {
            let mut odd = Odd::new();
            *odd.header(":path") = format!("/groups/dev/users?{start}{}", many.repeat(4000)).into_bytes();
            let reason = odd.send(&mut line).await;
            assert!(judged(reason.as_deref()) && reason.as_deref() != Some("accepted"), "{many}: {reason:?}");
        }
    }
    // Megabytes, more than what the VM keeps ready for a callback.
    for place in
        ["x-tenant", "cookie value", "cookie name", "x-odd", "segment", "query value", "query name", "content-type"]
    {
        let mut line = Line::h1(gate.envoy.address());
        let reason = Odd::new().put(place, &vec![b'a'; 4 << 20]).send(&mut line).await;
        judged(reason.as_deref());
    }
    assert_all_is_well(&gate).await;
}
