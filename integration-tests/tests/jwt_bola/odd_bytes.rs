//! Bytes that no one expects, everywhere that a client can put them: the VM never fails, and who may not still may not.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_integration_tests::mint::encode;
use portcullis_integration_tests::{Launch, Line, Random, Request, judged, merge, telling};
use serde_json::json;

use crate::gate::{Gate, config, filter, reason, token, with_token};

/// Where a client can put bytes. After each stands what else is there, so that the filter looks at them.
const PLACES: [&str; 14] = [
    ":path",
    "segment",
    "query",
    "query token",
    ":method",
    ":authority",
    "authorization",
    "token",
    "cookie",
    "x-account",
    "content-type",
    "x-forwarded-for",
    "x-user-id",
    "body",
];

/// Rules that look at everything, by user 42 alone, and events of all of it.
async fn start() -> Gate {
    let owner = |resource: &str| json!({"resource": resource, "claim": "/sub"});
    let all = [owner("path.user_id"), owner("query.user_id"), owner("header.x-account"), owner("body./customer_id")];
    let mut config = config(&json!([{"name": "all", "path": "/users/{user_id}/**", "auth": ["main"], "owner": all}]));
    config["audit"]["events"] = json!(["allow", "deny"]);
    config["providers"]["main"]["from"] = json!([
        {"header": "authorization", "scheme": "Bearer"}, {"cookie": "session"}, {"query": "access_token"},
    ]);
    config["enumeration"] = json!({"objects": 5});
    // Envoy closes a connection that speaks no HTTP after this time, and here are hundreds of them.
    let mut options = json!({"delayed_close_timeout": "0.001s", "max_request_headers_kb": 8192});
    merge(&mut options, &telling());
    Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await
}

/// A good request but for these bytes in this place.
struct Odd {
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Odd {
    fn new(token: &str) -> Self {
        let headers = [
            (":method", "POST".to_owned()),
            (":scheme", "http".to_owned()),
            (":authority", "portcullis.test".to_owned()),
            (":path", "/users/42/x?user_id=42".to_owned()),
            ("authorization", format!("Bearer {token}")),
            ("x-account", "42".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        Self {
            headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            body: br#"{"customer_id": "42"}"#.to_vec(),
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
            "segment" => *self.header(":path") = [b"/users/4", bytes, b"2/x?user_id=42"].concat(),
            "query" => *self.header(":path") = [b"/users/42/x?user_id=42&a", bytes, b"=1"].concat(),
            "query token" => *self.header(":path") = [b"/users/42/x?user_id=42&access_token=", bytes].concat(),
            "token" => {
                let authorization = self.header("authorization");
                let middle = authorization.len() / 2;
                authorization.splice(middle..middle, bytes.iter().copied());
            }
            "cookie" => *self.header("cookie") = [b"a=", bytes, b"; session", bytes].concat(),
            "body" => {
                let middle = self.body.len() - 4;
                self.body.splice(middle..middle, bytes.iter().copied());
            }
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
    let request = || {
        Request::post("/users/42/x?user_id=42", br#"{"customer_id": "42"}"#.to_vec())
            .header("x-account", "42")
            .header("content-type", "application/json")
    };
    for (_, client) in gate.clients() {
        gate.passed(&client, with_token(request(), &token(&json!({})))).await;
        gate.refused_with(403, &client, with_token(request(), &token(&json!({"sub": "43"})))).await;
        gate.refused_with(401, &client, request()).await;
    }
    gate.assert_no_vm_failed().await;
    let decided: u64 = gate.decisions().await.values().sum();
    let delivered = [("result", "delivered")];
    assert_eq!(gate.stats().await_counter("portcullis_audit_events_total", &delivered, decided).await, decided);
    assert!(gate.collector.events().len() as u64 >= decided);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_in_every_place() {
    let gate = start().await;
    let target = gate.envoy.address();
    let token = token(&json!({}));
    let sweep = |mut line: Line| {
        let token = &token;
        async move {
            let mut through: BTreeMap<_, BTreeSet<u8>> = BTreeMap::new();
            for place in PLACES {
                for byte in 0..=255 {
                    let reason = Odd::new(token).put(place, &[byte]).send(&mut line).await;
                    if judged(reason.as_deref()) {
                        through.entry(place).or_default().insert(byte);
                    }
                    // The id, the token or the body is another than the caller's, whatever the byte; but Envoy takes
                    // a carriage return out of HTTP/1.1's headers, and blanks from their ends.
                    let may_pass = match place {
                        "segment" | "body" => false,
                        "token" => byte == b'\r',
                        "x-account" => b"\r\t ".contains(&byte),
                        // Servers read others in different ways, and one parameter is an id.
                        "query" => byte.is_ascii_graphic(),
                        _ => true,
                    };
                    assert!(may_pass || reason.as_deref() != Some("accepted"), "{place} {byte:#x}");
                }
            }
            through
        }
    };
    let (h1, h2) = tokio::join!(sweep(Line::h1(target)), sweep(Line::h2(target)));
    for (version, through) in [("HTTP/1.1", h1), ("HTTP/2", h2)] {
        for place in PLACES {
            // Envoy itself stops odd bytes in the authority and the method, and over HTTP/1.1 in the path.
            let is_target = matches!(place, ":path" | "segment" | "query" | "query token");
            if matches!(place, ":authority" | ":method") || (is_target && version == "HTTP/1.1") {
                continue;
            }
            for byte in [b'"', b'\\', 0x80, 0xa1, 0xff] {
                let is_there = through.get(place).is_some_and(|bytes| bytes.contains(&byte));
                assert!(is_there, "{version}: the filter has not seen {byte:#x} in {place}");
            }
        }
        assert_eq!(through["body"].len(), 256, "{version}: any byte can stand in a body");
    }
    let seen = gate.upstream.requests();
    assert!(seen.iter().all(|seen| seen.path.starts_with("/users/42/x")), "{seen:#?}");
    assert_all_is_well(&gate).await;
}

/// What means something in one place or another.
fn value(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"42",
        b"%2e%2E/",
        "\u{e9}".as_bytes(),
        b"access_token=",
        b",",
        b";session=",
        b"Bearer ",
        b"eyJ",
        b".",
        b"..",
        b"{\"customer_id\":",
        b"[[",
    ];
    random.odd(&PIECES, b"x[{\"%.A")
}

/// A token's three parts of anything, so that it gets as far as base64url and JSON.
fn random_token(random: &mut Random) -> String {
    const HEADERS: [&str; 4] =
        [r#"{"alg":"RS256","kid":"rsa-1"}"#, r#"{"alg":"ES256"}"#, r#"{"alg":"EdDSA","typ":"\ud800"}"#, "{"];
    let mut part = |likely: &[u8]| {
        let mut bytes = if random.below(3) == 0 { value(random) } else { likely.to_vec() };
        if !bytes.is_empty() && random.below(3) == 0 {
            let place = random.below(bytes.len());
            bytes[place] = random.byte();
        }
        encode(bytes)
    };
    let header = HEADERS[part(b"").len() % 4];
    let parts = [
        part(header.as_bytes()),
        part(br#"{"iss":"https://idp.example","aud":["orders-api",1e999],"exp":1e300,"sub":"42"}"#),
        part(&[0xab; 256]),
    ];
    parts.join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_random_requests() {
    let gate = start().await;
    let target = gate.envoy.address();
    let good = token(&json!({}));
    let fuzz = |mut line: Line, seed: u64| {
        let good = &good;
        async move {
            let mut random = Random(seed);
            let (mut by_us, mut reasons) = (0, BTreeSet::new());
            for _ in 0..1500 {
                let token = if random.below(2) == 0 { good.clone() } else { random_token(&mut random) };
                let mut odd = Odd::new(&token);
                for _ in 0..random.below(3) {
                    let place = *random.pick(&PLACES);
                    odd = odd.put(place, &value(&mut random));
                }
                if random.below(3) == 0 {
                    odd.body = (0..random.below(2000)).map(|_| random.byte()).collect();
                }
                let reason = odd.send(&mut line).await;
                by_us += u32::from(judged(reason.as_deref()));
                reasons.extend(reason.filter(|reason| !reason.starts_with("envoy:")));
            }
            (by_us, reasons)
        }
    };
    let (h1, h2) = tokio::join!(fuzz(Line::h1(target), 1), fuzz(Line::h2(target), 2));
    for (by_us, reasons) in [h1, h2] {
        assert!(by_us > 700, "too few got as far as the filter: {by_us}");
        assert!(reasons.len() > 15, "too few of its reasons came up: {reasons:?}");
    }
    assert_all_is_well(&gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_and_many_headers() {
    let gate = start().await;
    let token = token(&json!({}));
    for mut line in [Line::h1(gate.envoy.address()), Line::h2(gate.envoy.address())] {
        for place in PLACES {
            for (byte, size) in [(b'a', 59 << 10), (b'.', 59 << 10), (b'&', 30_000), (b';', 30_000), (b'%', 30_000)] {
                let reason = Odd::new(&token).put(place, &vec![byte; size]).send(&mut line).await;
                judged(reason.as_deref());
            }
        }
        // Envoy's limit is 100, with HTTP/2's pseudo-headers.
        for name in ["x-user-id", "x_user_id", "cookie", "authorization", "x-account", "content-type", "x-a"] {
            let mut odd = Odd::new(&token);
            odd.headers.extend((0..90).map(|_| (name, b"1".to_vec())));
            assert!(judged(odd.send(&mut line).await.as_deref()), "{name}");
        }
    }
    // Megabytes, more than what the VM keeps ready for a callback.
    for place in ["authorization", "cookie", "x-account", "segment", "query", "x-user-id"] {
        let mut line = Line::h1(gate.envoy.address());
        let reason = Odd::new(&token).put(place, &vec![b'a'; 4 << 20]).send(&mut line).await;
        judged(reason.as_deref());
        assert_ne!(reason.as_deref(), Some("accepted").filter(|_| place != "x-user-id"), "{place}");
    }
    // Deeper and longer than any parser likes.
    for (start, times) in [("[", 60_000), ("{\"a\":", 12_000), ("{\"customer_id\":\"42\",", 3_000), ("-", 60_000)] {
        for mut line in [Line::h1(gate.envoy.address()), Line::h2(gate.envoy.address())] {
            let mut odd = Odd::new(&token);
            odd.body = start.repeat(times).into_bytes();
            let reason = odd.send(&mut line).await;
            assert!(judged(reason.as_deref()), "{start}");
            assert_ne!(reason.as_deref(), Some("accepted"), "{start}");
        }
    }
    for claims in ["[".repeat(5000), "{\"iss\":".repeat(900), format!("{{\"iss\":\"{}\"}}", "a".repeat(5000))] {
        let mut odd = Odd::new("");
        *odd.header("authorization") =
            format!("Bearer {}.{}.AAAA", encode(r#"{"alg":"RS256"}"#), encode(claims)).into();
        let reason = odd.send(&mut Line::h1(gate.envoy.address())).await.unwrap();
        assert!(reason.starts_with("token_"), "{reason}");
    }
    assert_all_is_well(&gate).await;
}
