#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod changes;
mod clocks;
#[cfg(not(target_arch = "wasm32"))]
mod extremes;
mod gcra;
mod scale;
mod stores;
mod table;
#[cfg(not(target_arch = "wasm32"))]
mod threads;
mod together;
mod windows;

use super::{
    Algorithm, Answer, Charge, Client, Decider, Limit, OnFull, SECRET_LEN, State, Table, Verdict, limit::NANOS,
};
use crate::store::{Store, Unavailable};

/// In 2026, and in the middle of most windows.
const START: u64 = 1_790_000_000 * NANOS + 123_456_789;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[usize::try_from(self.below(values.len() as u64)).unwrap()]
    }
}

/// What a limit should do, by its definition. `cost` may be any number here.
trait Oracle {
    fn passes(&self, cost: u64, at: u64) -> bool;
    fn add(&mut self, cost: u64, at: u64);
    /// Whether nothing counts any more.
    fn is_empty(&self, at: u64) -> bool;
}

/// Holds a verdict against the definition: what it says of the future is as early as it can be.
fn check(verdict: Verdict, before: bool, oracle: &dyn Oracle, cost: u32, now: u64, capacity: u32) {
    assert_eq!(verdict.answer.passes(), before);
    assert!(verdict.remaining <= capacity);
    assert!(oracle.passes(verdict.remaining.into(), now));
    assert!(!oracle.passes(u64::from(verdict.remaining) + 1, now));
    assert!(oracle.is_empty(now + verdict.reset_ns));
    assert!(verdict.reset_ns == 0 || !oracle.is_empty(now + verdict.reset_ns - 1));
    match verdict.retry_ns {
        _ if before => assert_eq!(verdict.retry_ns, Some(0)),
        None => assert!(cost > capacity),
        Some(wait) => {
            assert!(cost <= capacity);
            assert!(oracle.passes(cost.into(), now + wait));
            assert!(!oracle.passes(cost.into(), now + wait - 1));
        }
    }
}

/// What a client wants at a time.
struct Ask {
    key: usize,
    cost: u32,
    now: u64,
}

/// Many clients, most of them busy, some quiet for long.
fn schedule(limit: &Limit, keys: usize, decisions: usize, seed: u64) -> impl Iterator<Item = Ask> {
    let mut random = Random(seed);
    let mut now = START;
    let window = u64::from(limit.window_s()) * NANOS;
    // How many requests there are room for in a window.
    let room = u64::from(limit.quota()) * keys as u64;
    let capacity = limit.capacity();
    (0..decisions).map(move |_| {
        now += match random.below(room) {
            0 if random.below(4) == 0 => random.below(3 * window),
            1 => window - now % window,
            _ if random.below(8) == 0 => 0,
            _ => random.below(window / room * 3 / 2 + 2),
        };
        // Half of all requests come from an eighth of the clients.
        let some = if random.below(2) == 0 { keys.div_ceil(8) } else { keys };
        let key = usize::try_from(random.below(some as u64)).unwrap();
        let cost = match random.below(20) {
            0 => u32::try_from(random.below(u64::from(capacity) + 2)).unwrap(),
            1..4 => 2,
            _ => 1,
        };
        Ask { key, cost, now }
    })
}

/// Runs a schedule; how many admitted and were refused.
fn run<O: Oracle + Clone>(limit: &Limit, new: &O, keys: usize, decisions: usize, seed: u64) -> (usize, usize) {
    let mut clients = vec![(State::default(), new.clone()); keys];
    let (mut admitted, mut refused) = (0, 0);
    for Ask { key, cost, now } in schedule(limit, keys, decisions, seed) {
        let (state, oracle) = &mut clients[key];
        let passes = cost <= limit.capacity() && oracle.passes(cost.into(), now);
        check(limit.peek(state, cost, now), passes, oracle, cost, now, limit.capacity());
        let verdict = limit.take(state, cost, now);
        if passes {
            oracle.add(cost.into(), now);
            admitted += 1;
        } else {
            refused += 1;
        }
        check(verdict, passes, oracle, cost, now, limit.capacity());
    }
    (admitted, refused)
}

/// A worker with one limit.
struct Worker {
    table: Table,
    limit: Limit,
    decider: Decider,
}

impl Worker {
    fn new(limit: Limit, entries: u32, on_full: OnFull) -> Self {
        Self::named("limit", limit, entries, on_full)
    }

    fn named(name: &str, limit: Limit, entries: u32, on_full: OnFull) -> Self {
        let table = Table::new("test", name, limit.algorithm(), entries, on_full, [7; SECRET_LEN]);
        Self { table, limit, decider: Decider::default() }
    }

    fn client(&self, store: &dyn Store, key: usize) -> Client {
        self.table.client(store, &[&key.to_le_bytes()]).unwrap()
    }

    fn charge(&self, client: Client, cost: u32) -> Charge<'_> {
        Charge { table: &self.table, limit: &self.limit, client, cost, enforced: true, later: false }
    }

    fn try_decide(&mut self, store: &dyn Store, client: Client, cost: u32, now: u64) -> Result<Verdict, Unavailable> {
        let charge = Charge { table: &self.table, limit: &self.limit, client, cost, enforced: true, later: false };
        let decided = self.decider.decide(store, now, &[charge])?;
        let [verdict] = *decided.verdicts else { panic!("one verdict a charge") };
        assert_eq!(decided.refused_by.is_none(), verdict.answer.passes());
        Ok(verdict)
    }

    fn decide(&mut self, store: &dyn Store, client: Client, cost: u32, now: u64) -> Verdict {
        self.try_decide(store, client, cost, now).unwrap()
    }

    fn take(&mut self, store: &dyn Store, key: usize, cost: u32, now: u64) -> Verdict {
        self.decide(store, self.client(store, key), cost, now)
    }

    fn peek(&mut self, store: &dyn Store, key: usize, cost: u32, now: u64) -> Verdict {
        let charge = Charge { later: true, ..self.charge(self.client(store, key), cost) };
        Decider::default().decide(store, now, &[charge]).unwrap().verdicts[0]
    }

    fn count(&mut self, store: &dyn Store, client: Client, cost: u32, now: u64) -> Result<(), Unavailable> {
        Decider::default().count(store, now, &[self.charge(client, cost)])
    }
}
