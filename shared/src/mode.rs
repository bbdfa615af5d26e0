//! Whether decisions are carried out: `enforce`, `shadow` or `off`.

use schemars::JsonSchema;
use serde::Serialize;

/// Whether a filter's or a rule's decisions are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, eserde::Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Denials refuse the request.
    #[default]
    Enforce,
    /// Denials are counted and audited as such, and the request passes.
    Shadow,
    /// Nothing is evaluated.
    Off,
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

    /// The stable word for metrics, events and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}
