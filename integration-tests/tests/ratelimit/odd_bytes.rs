//! Bytes that no one expects, everywhere that a client can put them: the VM never fails, who is limited stays so, and
//! others pass.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_integration_tests::{Launch, Line, Random, Request, judged, merge, telling};
use serde_json::json;

use crate::gate::{Gate, filter_with_responses, reason};

/// Where a client can put bytes. After each stands what else is there, so that the filter looks at them.
const PLACES: [&str; 11] = [
    ":path",
    "segment",
    "query value",
    "query name",
    ":method",
    ":authority",
    "x-key",
    "cookie value",
    "cookie name",
    "x-forwarded-for",
    "x-other",
];

/// Limits by all that a client can choose, which nobody uses up here; a small one that someone has; and events of it all.
async fn start() -> Gate {
    let by = |name: &str, key: &str| json!({"name": name, "key": [key], "quota": 1_000_000, "window_s": 3600, "on_missing_key": "skip"});
    let limits = json!([
        {"name": "used-up", "key": ["header:x-used-up"], "quota": 1, "window_s": 3600, "on_missing_key": "skip"},
        by("header", "header:x-key"), by("query", "query:k"), by("cookie", "cookie:s"), by("address", "client_ip"),
        by("method", "method"), by("claim", "claim:/sub"), by("peer", "peer:subject"),
        {"name": "path", "path": "/a/{id}/**", "key": ["path:id", "path"], "quota": 1_000_000, "window_s": 3600},
    ]);
    let config = json!({
        "limits": limits,
        "networks": [{"cidr": "10.0.0.0/8", "factor": 2}],
        "table": {"entries": 256},
        "headers": {"on": "all", "legacy": true},
        "audit": {"cluster": "audit", "batch": {"max_age_ms": 10}, "events": ["allow", "deny", "shadow", "error"]},
    });
    // Envoy closes a connection that speaks no HTTP after this time, and here are hundreds of them.
    let mut options = json!({
        "delayed_close_timeout": "0.001s", "max_request_headers_kb": 8192, "xff_num_trusted_hops": 1,
    });
    merge(&mut options, &telling());
    let gate = Gate::launch(filter_with_responses(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await;
    gate.passed(&gate.h1(), Request::get("/").header("x-used-up", "me")).await;
    gate
}

/// A good request but for these bytes in this place.
struct Odd(Vec<(&'static str, Vec<u8>)>);

impl Odd {
    fn new() -> Self {
        let headers = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "portcullis.test"),
            (":path", "/a/42/x?k=1"),
            ("x-key", "a"),
            ("cookie", "a=1; s=2"),
            ("x-forwarded-for", "198.51.100.7"),
        ];
        Self(headers.into_iter().map(|(name, value)| (name, value.as_bytes().to_vec())).collect())
    }

    fn header(&mut self, name: &'static str) -> &mut Vec<u8> {
        if let Some(position) = self.0.iter().position(|(known, _)| *known == name) {
            return &mut self.0[position].1;
        }
        self.0.push((name, Vec::new()));
        &mut self.0.last_mut().unwrap().1
    }

    /// Puts bytes into a place, in the midst of what is there.
    fn put(mut self, place: &'static str, bytes: &[u8]) -> Self {
        let (name, around) = match place {
            "segment" => (":path", [&b"/a/4"[..], b"2/x?k=1"]),
            "query value" => (":path", [&b"/a/42/x?b=1&k=1"[..], b"2"]),
            "query name" => (":path", [&b"/a/42/x?b=1&k"[..], b"=12"]),
            "cookie value" => ("cookie", [&b"a=1; s=1"[..], b"2; b=1"]),
            "cookie name" => ("cookie", [&b"a=1; s"[..], b"=2; b=1"]),
            name => {
                self.header(name).extend(bytes);
                return self;
            }
        };
        *self.header(name) = [around[0], bytes, around[1]].concat();
        self
    }

    /// Why it was refused; `None` when Envoy broke off.
    async fn send(&self, line: &mut Line) -> Option<String> {
        let headers: Vec<(&str, &[u8])> = self.0.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        line.send(&headers, None).await.as_ref().map(reason)
    }
}

/// After all that came: who was limited is, others pass, no VM was made anew, and each decision made one readable event.
async fn assert_all_is_well(gate: &Gate) {
    for (_, client) in gate.clients() {
        gate.refused_with(429, &client, Request::get("/").header("x-used-up", "me")).await;
        gate.passed(&client, Request::get("/a/42/x?k=1").header("x-key", "a")).await;
    }
    gate.assert_no_vm_failed().await;
    let decided: u64 = gate.decisions().await.values().sum();
    let delivered = [("result", "delivered")];
    assert_eq!(gate.stats().await_counter("portcullis_audit_events_total", &delivered, decided).await, decided);
    assert!(gate.collector.events().len() as u64 >= decided);
}

/// What may come of it: nobody here has used up a quota.
fn assert_reasonable(found: Option<&str>, context: &str) {
    let known = ["accepted", "key_missing", "key_ambiguous"];
    let fine = found.is_none_or(|reason| reason.starts_with("envoy:") || known.contains(&reason));
    assert!(fine, "{context}: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_in_every_place() {
    let gate = start().await;
    let target = gate.envoy.address();
    let sweep = |mut line: Line| async move {
        let mut through: BTreeMap<_, BTreeSet<u8>> = BTreeMap::new();
        for place in PLACES {
            for byte in 0..=255 {
                let found = Odd::new().put(place, &[byte]).send(&mut line).await;
                // HEAD and OPTIONS are methods; what else is added to GET is none that Envoy knows in HTTP/1.1.
                assert_reasonable(found.as_deref(), &format!("{place} {byte:#x}"));
                if judged(found.as_deref()) {
                    through.entry(place).or_default().insert(byte);
                }
            }
        }
        through
    };
    let (h1, h2) = tokio::join!(sweep(Line::h1(target)), sweep(Line::h2(target)));
    for (version, through) in [("HTTP/1.1", h1), ("HTTP/2", h2)] {
        for place in PLACES {
            // Envoy itself stops odd bytes in the authority and the method, and over HTTP/1.1 in the path.
            let is_target = matches!(place, ":path" | "segment" | "query value" | "query name");
            if matches!(place, ":authority" | ":method") || (is_target && version == "HTTP/1.1") {
                continue;
            }
            for byte in [b'"', b'\\', 0x80, 0xa1, 0xff] {
                let is_there = through.get(place).is_some_and(|bytes| bytes.contains(&byte));
                assert!(is_there, "{version}: the filter has not seen {byte:#x} in {place}");
            }
        }
    }
    assert_all_is_well(&gate).await;
}

/// What means something in one place or another.
fn value(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"42",
        b"%2e%2E/",
        "\u{e9}".as_bytes(),
        b"k=",
        b"%6b=%00",
        b",",
        b";s=",
        b"; s=\"",
        b"$Version=1",
        b"10.0.0.1, ",
        b"2001:db8::1%eth0",
        b"[]",
    ];
    random.odd(&PIECES, b"x[\"%.;&=")
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_random_requests() {
    let gate = start().await;
    let target = gate.envoy.address();
    let fuzz = |mut line: Line, seed: u64| async move {
        let mut random = Random(seed);
        let (mut by_us, mut reasons) = (0, BTreeSet::new());
        for _ in 0..1500 {
            let mut odd = Odd::new();
            for _ in 0..random.below(3) {
                let place = *random.pick(&PLACES);
                odd = odd.put(place, &value(&mut random));
            }
            let found = odd.send(&mut line).await;
            assert_reasonable(found.as_deref(), &format!("{:?}", odd.0));
            by_us += u32::from(judged(found.as_deref()));
            reasons.extend(found.filter(|reason| !reason.starts_with("envoy:")));
        }
        (by_us, reasons)
    };
    let (h1, h2) = tokio::join!(fuzz(Line::h1(target), 1), fuzz(Line::h2(target), 2));
    for (by_us, reasons) in [h1, h2] {
        assert!(by_us > 700, "too few got as far as the filter: {by_us}");
        assert_eq!(reasons.len(), 2, "{reasons:?}");
    }
    assert_all_is_well(&gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_and_many_headers() {
    let gate = start().await;
    for mut line in [Line::h1(gate.envoy.address()), Line::h2(gate.envoy.address())] {
        for place in PLACES {
            for (byte, size) in [(b'a', 59 << 10), (b'.', 59 << 10), (b'&', 30_000), (b';', 30_000), (b'%', 30_000)] {
                let found = Odd::new().put(place, &vec![byte; size]).send(&mut line).await;
                assert_reasonable(found.as_deref(), place);
                judged(found.as_deref());
            }
        }
        // Envoy's limit is 100, with HTTP/2's pseudo-headers.
        for name in ["x-key", "x_key", "cookie", "x-used-up", "x-forwarded-for", "x-a"] {
            let mut odd = Odd::new();
            odd.0.extend((0..85).map(|_| (name, b"1".to_vec())));
            assert!(judged(odd.send(&mut line).await.as_deref()), "{name}");
        }
    }
    // Megabytes, more than what the VM keeps ready for a callback.
    for place in ["x-key", "cookie value", "cookie name", "segment", "query value", "query name", "x-other"] {
        let mut line = Line::h1(gate.envoy.address());
        let found = Odd::new().put(place, &vec![b'a'; 4 << 20]).send(&mut line).await;
        assert_reasonable(found.as_deref(), place);
        judged(found.as_deref());
    }
    assert_all_is_well(&gate).await;
}
