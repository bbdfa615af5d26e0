//! Sets of bytes, and the classes of bytes that a group of such sets cannot tell apart.

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    /// The bytes of which `belongs` holds.
    pub(super) fn of(belongs: fn(&u8) -> bool) -> Self {
        let mut set = Self::default();
        (0..=u8::MAX).filter(belongs).for_each(|byte| set.insert(byte));
        set
    }

    /// The bytes from one to another, both included.
    pub(super) fn range(first: u8, last: u8) -> Self {
        let mut set = Self::default();
        (first..=last).for_each(|byte| set.insert(byte));
        set
    }

    pub(super) fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    pub(super) fn inverted(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    /// With each ASCII letter in both cases.
    pub(super) fn folded(mut self) -> Self {
        for lower in b'a'..=b'z' {
            let upper = lower.to_ascii_uppercase();
            if self.contains(lower) || self.contains(upper) {
                self.insert(lower);
                self.insert(upper);
            }
        }
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(|&byte| self.contains(byte))
    }
}

/// A partition of the bytes: what the columns of an automaton's table stand for.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    /// Of each byte, its class.
    pub(super) of: [u8; 256],
    pub(super) count: usize,
}

impl Default for Classes {
    fn default() -> Self {
        Self { of: [0; 256], count: 1 }
    }
}

impl Classes {
    /// Splits each class that has bytes both in the set and outside it.
    pub(super) fn split(&mut self, set: &ByteSet) {
        let mut outside = [false; 256];
        let mut renamed = [None; 256];
        for (byte, &class) in (0..=u8::MAX).zip(&self.of) {
            if !set.contains(byte)
                && let Some(outside) = outside.get_mut(usize::from(class))
            {
                *outside = true;
            }
        }
        for (byte, class) in (0..=u8::MAX).zip(&mut self.of) {
            let index = usize::from(*class);
            if !set.contains(byte) || outside.get(index) != Some(&true) {
                continue;
            }
            let Some(name) = renamed.get_mut(index) else { continue };
            // A class is never empty, so that there are at most 256, and the last one's number fits.
            let fresh = u8::try_from(self.count).unwrap_or(u8::MAX);
            if name.is_none() {
                self.count = self.count.saturating_add(1);
            }
            *class = *name.get_or_insert(fresh);
        }
    }

    /// A byte of each class, by class.
    pub(super) fn samples(&self) -> Vec<u8> {
        let mut samples = vec![0; self.count];
        for (byte, &class) in (0..=u8::MAX).zip(&self.of) {
            if let Some(sample) = samples.get_mut(usize::from(class)) {
                *sample = byte;
            }
        }
        samples
    }
}
