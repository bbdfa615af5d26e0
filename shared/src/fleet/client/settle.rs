//! What an answer says of each hit.

use super::{Client, Flight, Granted, Quota, Response, Slot, State, Verdict, add};
use crate::fleet::{Code, Status};

const SECOND: u64 = 1_000_000_000;

impl Client {
    /// Takes a good answer in. It has a status for each hit that was asked for, or none at all.
    pub(super) fn settle(&mut self, flight: Flight, response: &Response, now: u64) -> Vec<Verdict> {
        let Flight { pass, sent, slots, .. } = flight;
        self.breaker.succeeded(pass);
        let is_over = response.overall == Code::OverLimit;
        add(if is_over { &mut self.counters.over_limit } else { &mut self.counters.ok }, 1);
        self.tells_resets &= !response.statuses.is_empty();
        // The overall word counts: a service in shadow mode says OK of a call that has descriptors over their limits. And
        // where it does not say which one is, all are.
        let is_told = response.statuses.iter().any(|status| status.code == Code::OverLimit);
        let is_refused = |status: &Status| is_over && (!is_told || status.code == Code::OverLimit);

        let mut statuses = response.statuses.iter().copied();
        let slots: Vec<_> = slots
            .into_iter()
            .map(|slot| {
                let status = slot.asked().map(|_| statuses.next().unwrap_or_default());
                let verdict = status.map_or_else(|| slot.known(), |status| verdict(status, is_refused(&status), sent));
                (slot, status, verdict)
            })
            .collect();
        let is_request_refused = slots.iter().any(|(slot, _, verdict)| slot.is_enforced && !verdict.is_allowed);
        let settled = slots.into_iter().map(|(slot, status, verdict)| {
            match status {
                Some(status) => self.learn(&slot, status, verdict, is_request_refused, sent, now),
                None => {
                    if let State::Leased(granted) = slot.state
                        && is_request_refused
                    {
                        self.lease.put_back(slot.key, slot.cost, granted, now);
                    }
                }
            }
            verdict
        });
        settled.collect()
    }

    fn learn(&mut self, slot: &Slot, status: Status, verdict: Verdict, is_refused: bool, sent: u64, now: u64) {
        let Some(asked) = slot.asked() else { return };
        let known = verdict.quota.zip(status.reset);
        if let Some((quota, reset)) = known {
            let (spend_until, until) = ends(sent, reset);
            if !verdict.is_allowed && quota.remaining == 0 {
                self.over_limit.insert(slot.key, quota, now, until);
            }
            if asked.is_batch {
                let batch = asked.hits;
                let is_granted = status.code == Code::Ok && verdict.is_allowed;
                let used = if is_refused { 0 } else { slot.cost };
                let hits = if is_granted { batch.saturating_sub(used) } else { 0 };
                let granted = Granted { quota, spend_until, until };
                self.lease.grant(slot.key, hits, granted, !is_granted || quota.remaining < batch, now);
            }
        } else if asked.is_batch {
            self.tells_resets &= verdict.quota.is_none();
            self.lease.forget(slot.key, now);
        }
    }
}

fn verdict(status: Status, is_refused: bool, sent: u64) -> Verdict {
    let quota = status.limit.map(|limit| Quota { limit, remaining: status.remaining });
    let resets_at = status.reset.map(|reset| ends(sent, reset).1);
    Verdict { is_allowed: !is_refused, quota, resets_at }
}

/// The earliest time at which a limit can reset, and the likely one, by an answer to what was sent then.
///
/// envoyproxy/ratelimit counts the whole seconds from the second that it is in. So that is up to a second too much, which
/// is none if both clocks agree and one counts from that second, too.
const fn ends(sent: u64, reset: u64) -> (u64, u64) {
    let exact = sent.saturating_add(reset);
    if reset.is_multiple_of(SECOND) {
        (exact.saturating_sub(SECOND), exact.saturating_sub(sent % SECOND))
    } else {
        (exact, exact)
    }
}
