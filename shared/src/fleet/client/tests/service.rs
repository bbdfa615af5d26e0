//! A rate limit service that counts in fixed windows.

use std::collections::BTreeMap;

use super::SECOND;
use crate::fleet::{
    Code, Status,
    wire::testing::{answer, asked},
};

/// What becomes of hits that are over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// They are counted, as by envoyproxy/ratelimit.
    All,
    /// They are not.
    Allowed,
}

pub(super) struct Service {
    pub(super) counting: Counting,
    pub(super) quota: u32,
    /// In seconds.
    pub(super) window: u64,
    /// How far its clock is ahead.
    pub(super) ahead: u64,
    /// Whether it tells the time to the nanosecond.
    pub(super) is_exact: bool,
    counts: BTreeMap<(String, u64), u64>,
}

impl Service {
    pub(super) fn new(counting: Counting, quota: u32, window: u64) -> Self {
        Self { counting, quota, window, ahead: 0, is_exact: false, counts: BTreeMap::new() }
    }

    pub(super) fn window_at(&self, now: u64) -> u64 {
        (now + self.ahead) / SECOND / self.window
    }

    pub(super) fn answer(&mut self, body: &[u8], now: u64) -> Vec<u8> {
        let window = self.window_at(now);
        let end = (window + 1) * self.window * SECOND;
        let time = now + self.ahead;
        let time = if self.is_exact { time } else { time / SECOND * SECOND };
        let mut overall = Code::Ok;
        let mut statuses = Vec::new();
        for asked in asked(body) {
            let count = self.counts.entry((asked.value, window)).or_default();
            let sum = *count + u64::from(asked.hits);
            let is_over = sum > u64::from(self.quota);
            if !is_over || self.counting == Counting::All {
                *count = sum;
            }
            let left = u64::from(self.quota).saturating_sub(*count);
            overall = if is_over { Code::OverLimit } else { overall };
            statuses.push(Status {
                code: if is_over { Code::OverLimit } else { Code::Ok },
                limit: Some(self.quota),
                remaining: u32::try_from(left).unwrap(),
                reset: Some(end - time),
            });
        }
        answer(overall, &statuses)
    }
}
