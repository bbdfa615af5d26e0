//! Numbers that look random and are the same in every run.

/// `SplitMix64`, from a seed.
pub struct Random(pub u64);

impl Random {
    /// Any number.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Odd bytes, mostly such as Envoy lets through, so that they get as far as the filter: many of these pieces, long runs of
    /// one of these letters, bytes beyond ASCII, and whatever is printable.
    pub fn odd(&mut self, pieces: &[&[u8]], letters: &[u8]) -> Vec<u8> {
        let mut value = Vec::new();
        for _ in 0..self.below(12) {
            match self.below(10) {
                0..5 => value.extend(*self.pick(pieces)),
                5 if self.below(30) == 0 => value.push(self.byte()),
                5 => value.extend(vec![*self.pick(letters); self.below(3000)]),
                6 | 7 => value.push(self.byte() | 0x80),
                _ => value.push(b' ' + self.byte() % 0x5f),
            }
        }
        value
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
