//! Whether decisions are carried out: `enforce`, `shadow` or `off`.

use crate::config_enum;

config_enum! {
    /// Whether a filter's or a rule's decisions are carried out.
    #[derive(Default)]
    pub enum Mode {
        /// Denials refuse the request.
        #[default]
        Enforce = "enforce",
        /// Denials are counted and audited as such, and the request passes.
        Shadow = "shadow",
        /// Nothing is evaluated.
        Off = "off",
    }
}

impl Mode {
    /// The mode of a rule: its own where it has one, else the filter's. A filter that is off is off as a whole, so
    /// that one word turns it off in an incident.
    #[must_use]
    pub fn of_rule(self, rule: Option<Self>) -> Self {
        match (self, rule) {
            (Self::Off, _) => Self::Off,
            (_, Some(rule)) => rule,
            (filter, None) => filter,
        }
    }
}
