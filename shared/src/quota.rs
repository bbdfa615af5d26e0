//! Rate limits: how much of a quota a client has used, counted by all workers together.

mod decide;
mod gcra;
mod limit;
mod slot;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod window;

use crate::config_enum;

pub use decide::{Charge, Decided, Decider};
pub use limit::{Answer, Factor, Limit, Verdict};
pub use state::State;
pub use table::{Client, Counts, OnFull, SECRET_LEN, Table};

config_enum! {
    /// How a limit counts.
    #[derive(Default)]
    pub enum Algorithm {
        /// The quota flows back evenly all the time; as much as the burst may be taken at once.
        #[default]
        Gcra = "gcra",
        /// The count of the current window, and that of the one before by how much of it a window that ends now covers.
        SlidingWindow = "sliding_window",
        /// The count of the current window. Around a window's end twice the quota may pass in a short time.
        FixedWindow = "fixed_window",
    }
}
