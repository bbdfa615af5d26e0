//! A deterministic automaton as one flat table, and the loop that runs it over a text.

use super::bytes::Classes;

/// A state is the offset of its row in the table. The first row is the start; the states that report something are those
/// from `first_match` on.
#[derive(Debug)]
pub(super) struct Dense {
    classes: [u8; 256],
    columns: u32,
    table: Vec<u32>,
    first_match: u32,
}

impl Dense {
    /// `table` has a row for each state with as many columns as there are classes, or one more for the end of the text.
    pub(super) fn new(classes: &Classes, columns: u32, table: Vec<u32>, first_match: u32) -> Self {
        Self { classes: classes.of, columns, table, first_match }
    }

    /// Reads a text: at most two look-ups and one comparison for each byte. `report` gets the number of each reporting
    /// state reached, counted from the first of them, and how many bytes were read before the one that led there.
    #[inline]
    pub(super) fn run(&self, text: &[u8], mut report: impl FnMut(usize, usize)) -> u32 {
        let mut state = 0;
        for (at, &byte) in text.iter().enumerate() {
            let class = self.classes.get(usize::from(byte)).copied().unwrap_or_default();
            state = self.next(state, usize::from(class));
            if let Some(number) = self.reporting(state) {
                report(number, at);
            }
        }
        state
    }

    /// The state after `state` on reading a byte of class `column`.
    #[inline]
    pub(super) fn next(&self, state: u32, column: usize) -> u32 {
        // All offsets in the table are within it; were one not, the search would start afresh.
        self.table.get((state as usize).wrapping_add(column)).copied().unwrap_or_default()
    }

    /// The number of a state among those that report.
    #[inline]
    pub(super) fn reporting(&self, state: u32) -> Option<usize> {
        let offset = state.checked_sub(self.first_match)?;
        offset.checked_div(self.columns).map(|number| number as usize)
    }
}
