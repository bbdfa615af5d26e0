//! Bytes that no one expects, everywhere that a client can put them: the VM never fails, and goes on.

mod random;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_integration_tests::{Launch, Line, Raw};
use serde_json::json;

use crate::gate::{Gate, bad_bots, filter, get};

/// Where a client can put bytes. `user-agent` comes as well with each of the others.
const PLACES: [&str; 11] = [
    "user-agent",
    ":path",
    ":authority",
    "x-forwarded-for",
    "cookie",
    "authorization",
    "content-type",
    "x-request-id",
    "traceparent",
    "referer",
    "x-custom",
];

/// A gate that audits what it allows, too, so that every event has been built.
async fn auditing_all() -> Gate {
    let config = bad_bots(&json!({"events": ["allow", "deny"]}));
    // Envoy closes a connection that speaks no HTTP after this time, and here are hundreds of them.
    let options = json!({"preserve_external_request_id": true, "delayed_close_timeout": "0.001s"});
    Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await
}

/// The headers of a request, over any version, with `value` in one place.
fn headers<'a>(place: &'a str, value: &'a [u8], agent: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
    let mut headers: Vec<(&str, &[u8])> = vec![
        (":method", b"GET"),
        (":scheme", b"http"),
        (":authority", b"portcullis.test"),
        (":path", b"/"),
        ("user-agent", agent),
    ];
    match headers.iter_mut().find(|(name, _)| *name == place) {
        Some(header) => header.1 = value,
        None => headers.push((place, value)),
    }
    headers
}

/// The status of the answer; `None` when Envoy broke off instead.
async fn status(line: &mut Line, headers: &[(&str, &[u8])]) -> Option<u16> {
    line.send(headers, None).await.map(|response| response.status)
}

/// Whether the filter was asked; panics when neither the filter nor Envoy's own checks explain the answer.
fn judged(status: Option<u16>, refused: bool, context: &str) -> bool {
    match status {
        Some(200) if !refused => true,
        Some(403) => true,
        None | Some(400 | 404 | 426 | 431) => false,
        Some(status) => panic!("{context}: {status}"),
    }
}

/// Sends every byte in every place with an agent that passes and one that does not. Gives, for each place, the bytes
/// with which the filter refused the latter.
async fn sweep(mut line: Line) -> BTreeMap<&'static str, BTreeSet<u8>> {
    let mut through: BTreeMap<_, BTreeSet<u8>> = BTreeMap::new();
    for place in PLACES {
        for agent in ["Mozilla/5.0", "BadBot/1.0"] {
            for byte in 1..=255 {
                let start = match place {
                    ":path" => "/",
                    "user-agent" => agent,
                    _ => "",
                };
                let value = [start.as_bytes(), b"a", &[byte], b"b"].concat();
                let status = status(&mut line, &headers(place, &value, agent.as_bytes())).await;
                let context = format!("{place} {}", value.escape_ascii());
                let refused = agent == "BadBot/1.0";
                if judged(status, refused, &context) && refused {
                    through.entry(place).or_default().insert(byte);
                }
            }
        }
    }
    through
}

/// After all that came: both verdicts are as ever, no VM was made anew, and every decision made one readable event.
async fn assert_all_is_well(gate: &Gate) {
    for (_, client) in gate.clients() {
        gate.passed(&client, get("Mozilla/5.0")).await;
        gate.refused(&client, get("BadBot/1.0")).await;
    }
    gate.assert_no_vm_failed().await;
    let decided: u64 = gate.decisions().await.values().sum();
    let delivered = [("result", "delivered")];
    assert_eq!(gate.stats().await_counter("portcullis_audit_events_total", &delivered, decided).await, decided);
    assert!(gate.collector.events().len() as u64 >= decided);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_in_every_place() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    let (h1, h2) = tokio::join!(sweep(Line::h1(target)), sweep(Line::h2(target)));
    for (version, through) in [("HTTP/1.1", h1), ("HTTP/2", h2)] {
        for place in PLACES {
            // Envoy itself stops odd bytes in the authority, and over HTTP/1.1 in the path.
            if place == ":authority" || (place == ":path" && version == "HTTP/1.1") {
                continue;
            }
            for byte in [b'"', b'\\', 0x80, 0xa1, 0xff] {
                assert!(through[place].contains(&byte), "{version}: the filter has not seen {byte:#x} in {place}");
            }
        }
    }
    assert_all_is_well(&gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_values_and_bare_requests() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    let mut passed = 0;
    for mut line in [Line::h1(target), Line::h2(target)] {
        for place in PLACES {
            for agent in ["Mozilla/5.0", "BadBot/1.0"] {
                let status = status(&mut line, &headers(place, b"", agent.as_bytes())).await;
                judged(status, place == "user-agent" || agent == "BadBot/1.0", &format!("empty {place}"));
                passed += usize::from(status == Some(200));
            }
        }
    }
    for bare in
        ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n", "\r\n\r\n"]
    {
        let mut raw = Raw::connect(target).await;
        raw.write(bare).await;
        raw.finish().await;
        raw.read_to_end().await;
    }
    assert_eq!(gate.upstream.count(), passed);
    assert_all_is_well(&gate).await;
}
