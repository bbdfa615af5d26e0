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

    /// Reads a text and returns the last state. `report` gets the number of each reporting state reached, counted from
    /// the first of them, and how much of the text was read by then.
    pub(super) fn run(&self, text: &[u8], mut report: impl FnMut(usize, usize)) -> u32 {
        let mut state = 0;
        let mut rest = text.iter();
        while !rest.as_slice().is_empty() {
            state = self.advance(state, &mut rest);
            if let Some(number) = self.reporting(state) {
                report(number, text.len().saturating_sub(rest.as_slice().len()));
            }
        }
        state
    }

    /// Reads until a state that reports something, or to the end: two look-ups and one comparison for each byte. Not
    /// inlined, so that the loop has the registers for itself.
    #[inline(never)]
    fn advance(&self, mut state: u32, rest: &mut std::slice::Iter<'_, u8>) -> u32 {
        for &byte in rest {
            let class = self.classes.get(usize::from(byte)).copied().unwrap_or_default();
            state = self.next(state, usize::from(class));
            if state >= self.first_match {
                break;
            }
        }
        state
    }

    /// The state after `state` on reading a byte of class `column`.
    #[inline]
    pub(super) fn next(&self, state: u32, column: usize) -> u32 {
        // In this order, only the second look-up waits for the one of the byte before. All offsets in the table are within
        // it; were one not, the search would start afresh.
        let column = self.table.get(column..).unwrap_or_default();
        column.get(state as usize).copied().unwrap_or_default()
    }

    /// The number of a state among those that report.
    #[inline]
    pub(super) fn reporting(&self, state: u32) -> Option<usize> {
        let offset = state.checked_sub(self.first_match)?;
        offset.checked_div(self.columns).map(|number| number as usize)
    }
}
