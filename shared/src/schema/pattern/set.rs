//! Sets of code points.

/// The last code point.
pub(super) const LAST: u32 = 0x0010_FFFF;

/// A set of code points, surrogates included: patterns can name them, texts never have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CharSet {
    /// From and to, both included. Sorted, apart from each other once [`CharSet::finish`] was called.
    ranges: Vec<(u32, u32)>,
    /// Bits for ASCII, likewise.
    ascii: u128,
}

impl CharSet {
    pub(super) fn of(ranges: &[(u32, u32)]) -> Self {
        let mut set = Self { ranges: ranges.to_vec(), ascii: 0 };
        set.finish();
        set
    }

    pub(super) fn add(&mut self, from: u32, to: u32) {
        self.ranges.push((from, to));
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.ranges.extend_from_slice(&other.ranges);
    }

    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    pub(super) fn finish(&mut self) {
        // As one number each: sorting code for pairs is three times as large.
        let mut packed: Vec<u64> =
            self.ranges.iter().map(|&(from, to)| u64::from(from) << 32 | u64::from(to)).collect();
        packed.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(packed.len());
        for range in packed {
            let [from, to] = [range >> 32, range & 0xFFFF_FFFF].map(|char| u32::try_from(char).unwrap_or_default());
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        self.ranges = merged;
        self.ascii = 0;
        for char in 0..128 {
            self.ascii |= u128::from(self.find(char)) << char;
        }
    }

    /// All others. Of a finished set, and finished.
    pub(super) fn negated(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len().saturating_add(1));
        let mut next = 0;
        for &(from, to) in &self.ranges {
            if let Some(before) = from.checked_sub(1).filter(|before| *before >= next) {
                ranges.push((next, before));
            }
            next = to.saturating_add(1);
        }
        if next <= LAST {
            ranges.push((next, LAST));
        }
        Self { ranges, ascii: !self.ascii }
    }

    pub(super) fn contains(&self, char: u32) -> bool {
        if char < 128 { self.ascii >> char & 1 == 1 } else { self.find(char) }
    }

    fn find(&self, char: u32) -> bool {
        let after = self.ranges.partition_point(|&(from, _)| from <= char);
        after.checked_sub(1).and_then(|last| self.ranges.get(last)).is_some_and(|&(_, to)| char <= to)
    }
}
