//! Random requests, the same in every run.

use super::{Line, PLACES, assert_all_is_well, auditing_all, headers, judged};

/// `SplitMix64`: the same requests in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> usize {
        usize::try_from(self.next() % end).unwrap()
    }

    /// Mostly what Envoy lets through, so that it gets as far as the filter.
    fn value(&mut self) -> Vec<u8> {
        let pieces =
            [b"BadBot".to_vec(), b"%2e%2E/".to_vec(), b"\xc3\xa9".to_vec(), b"?token=".to_vec(), b",".to_vec()];
        let mut value = Vec::new();
        for _ in 0..self.below(12) {
            match self.below(10) {
                0..3 => value.extend(&pieces[self.below(5)]),
                3 if self.below(30) == 0 => value.push(self.next().to_le_bytes()[0]),
                3 => value.extend(vec![b'x'; self.below(3000)]),
                4..7 => value.push(self.next().to_le_bytes()[0] | 0x80),
                _ => value.push(b' ' + self.next().to_le_bytes()[0] % 0x5f),
            }
        }
        value
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_random_requests() {
    let gate = auditing_all().await;
    let target = gate.envoy.address();
    let fuzz = |mut line: Line, seed: u64| async move {
        let mut random = Random(seed);
        let mut judged_by_us = 0;
        for n in 0..1500 {
            let agent = random.value();
            let mut headers = headers("user-agent", &agent, &agent);
            let values: Vec<(usize, Vec<u8>)> =
                (0..random.below(6)).map(|_| (random.below(11), random.value())).collect();
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
            let status = line.send(target, &headers).await;
            judged_by_us += u32::from(judged(status, false, &format!("seed {seed}, request {n}: {headers:?}")));
            if let (0, Line::H2(connection)) = (n % 500, &mut line) {
                *connection = None;
            }
        }
        judged_by_us
    };
    let (h1, h2) = tokio::join!(fuzz(Line::H1(None), 1), fuzz(Line::H2(None), 2));
    assert!(h1 > 500 && h2 > 500, "too few got as far as the filter: {h1}, {h2}");
    assert_all_is_well(&gate).await;
}
