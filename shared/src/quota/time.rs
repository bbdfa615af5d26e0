//! Exact times.

use std::num::NonZero;

/// A time, or a length of it: nanoseconds, and parts of one, of which there are as many as a limit's quota. So the time
/// for one request, which is the window divided by the quota, is exact, and so is every sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time {
    pub(super) ns: u64,
    /// Fewer than the quota.
    pub(super) parts: u32,
}

impl Time {
    pub(super) const fn whole(ns: u64) -> Self {
        Self { ns, parts: 0 }
    }

    /// The time for a cost.
    pub(super) fn of(cost: u32, window_ns: NonZero<u64>, quota: NonZero<u32>) -> Self {
        let (ns, parts) = divide(product(window_ns.get(), cost), quota.into());
        Self { ns, parts: u32::try_from(parts).unwrap_or_default() }
    }

    /// A time in parts of another quota; rounded up.
    pub(super) fn convert(ns: u64, parts: u32, from: NonZero<u32>, to: NonZero<u32>) -> Self {
        let parts = u64::from(parts).wrapping_mul(to.get().into()).div_ceil(from.get().into());
        match u32::try_from(parts) {
            Ok(parts) if parts < to.get() => Self { ns, parts },
            _ => Self::whole(ns.saturating_add(1)),
        }
    }

    pub(super) fn plus(self, other: Self, quota: NonZero<u32>) -> Self {
        let ns = self.ns.saturating_add(other.ns);
        let parts = u64::from(self.parts).wrapping_add(other.parts.into());
        let carried = parts.checked_sub(quota.get().into());
        let (ns, parts) = carried.map_or((ns, parts), |parts| (ns.saturating_add(1), parts));
        Self { ns, parts: u32::try_from(parts).unwrap_or_default() }
    }

    /// What is left of it; nothing if `other` is longer.
    pub(super) fn minus(self, other: Self, quota: NonZero<u32>) -> Self {
        if self <= other {
            return Self::default();
        }
        let ns = self.ns.saturating_sub(other.ns);
        if let Some(parts) = self.parts.checked_sub(other.parts) {
            return Self { ns, parts };
        }
        let parts = quota.get().saturating_sub(other.parts).saturating_add(self.parts);
        Self { ns: ns.saturating_sub(1), parts }
    }

    /// In nanoseconds, rounded up.
    pub(super) fn ceil(self) -> u64 {
        self.ns.saturating_add((self.parts > 0).into())
    }
}

/// Fits: 64 and 32 bits are 96.
pub(super) fn product(a: u64, b: u32) -> u128 {
    u128::from(a).wrapping_mul(b.into())
}

/// Quotient and remainder. Numbers of 128 bits are slow to divide, and rare.
pub(super) fn divide(number: u128, by: NonZero<u64>) -> (u64, u64) {
    if let Ok(number) = u64::try_from(number) {
        return (number / by, number % by);
    }
    let by = NonZero::<u128>::from(by);
    (u64::try_from(number / by).unwrap_or(u64::MAX), u64::try_from(number % by).unwrap_or_default())
}

/// The quotient, rounded up.
pub(super) fn divide_up(number: u128, by: NonZero<u64>) -> u64 {
    let (quotient, rest) = divide(number, by);
    quotient.saturating_add((rest > 0).into())
}
