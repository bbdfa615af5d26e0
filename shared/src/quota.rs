//! Rate limits: how much of a quota a client has used, counted by all workers together.

mod gcra;
mod limit;
mod state;
#[cfg(test)]
mod tests;
mod time;
mod window;

use crate::config_enum;

pub use limit::{Answer, Factor, Limit, Verdict};
pub use state::State;

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
