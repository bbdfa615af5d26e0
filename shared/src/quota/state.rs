//! What is kept of a client.

/// What is kept of one client's use of one limit; all zero: nothing. What the numbers mean is the algorithm's business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// GCRA: the theoretical arrival time, in nanoseconds since 1970. Windows: the start of the window in seconds since
    /// 1970, times 2^32, and the quota.
    pub(super) time: u64,
    /// GCRA: the rest of the theoretical arrival time, in parts of a nanosecond. Windows: the count in the window.
    pub(super) first: u32,
    /// GCRA: how many parts a nanosecond has, which is the quota. Windows: the count in the window before.
    pub(super) second: u32,
}

impl State {
    /// How long [`State::to_bytes`] is.
    pub const LEN: usize = 16;

    /// Its stored form.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        // Without loss: the numbers take 64, 32 and 32 bits.
        let all = self.time as u128 | (self.first as u128) << 64 | (self.second as u128) << 96;
        all.to_le_bytes()
    }

    /// From its stored form.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let all = u128::from_le_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the parts of a number")]
        Self { time: all as u64, first: (all >> 64) as u32, second: (all >> 96) as u32 }
    }
}
