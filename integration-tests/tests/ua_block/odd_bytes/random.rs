//! Random requests, the same in every run.

use portcullis_integration_tests::{Line, Random};

use super::{PLACES, assert_all_is_well, auditing_all, headers, judged, status};

/// Mostly what Envoy lets through, so that it gets as far as the filter.
fn value(random: &mut Random) -> Vec<u8> {
    let pieces = ["BadBot", "%2e%2E/", "\u{e9}", "?token=", ","];
    let mut value = Vec::new();
    for _ in 0..random.below(12) {
        match random.below(10) {
            0..3 => value.extend(random.pick(&pieces).bytes()),
            3 if random.below(30) == 0 => value.push(random.byte()),
            3 => value.extend(vec![b'x'; random.below(3000)]),
            4..7 => value.push(random.byte() | 0x80),
            _ => value.push(b' ' + random.byte() % 0x5f),
        }
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_random_requests() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    let fuzz = |mut line: Line, seed: u64| async move {
        let mut random = Random(seed);
        let mut judged_by_us = 0;
        for n in 0..1500 {
            let agent = value(&mut random);
            let mut headers = headers("user-agent", &agent, &agent);
            let values: Vec<(usize, Vec<u8>)> =
                (0..random.below(6)).map(|_| (random.below(11), value(&mut random))).collect();
            for (place, value) in &values {
                match PLACES[*place] {
                    name if name.starts_with(':') => {
                        if let Some(header) = headers.iter_mut().find(|(known, _)| *known == name) {
                            header.1 = value;
                        }
                    }
                    name => headers.push((name, value)),
                }
            }
            let status = status(&mut line, &headers).await;
            judged_by_us += u32::from(judged(status, false, &format!("seed {seed}, request {n}: {headers:?}")));
        }
        judged_by_us
    };
    let (h1, h2) = tokio::join!(fuzz(Line::h1(target), 1), fuzz(Line::h2(target), 2));
    assert!(h1 > 500 && h2 > 500, "too few got as far as the filter: {h1}, {h2}");
    assert_all_is_well(&gate).await;
}
