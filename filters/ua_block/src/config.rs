//! The configuration: see the fields' docs, from which the JSON Schema is made.

use portcullis_shared::{audit::AuditConfig, decision, mode::Mode, net::Cidr, path::Template};
use schemars::JsonSchema;
use serde::Serialize;

use crate::preset::Preset;

/// Configuration of `ua_block`: which user agents are refused.
#[derive(Debug, eserde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether denials are carried out (`enforce`, the default) or only counted and audited (`shadow`). `off` turns
    /// the filter off, whatever its rules say.
    #[serde(default)]
    pub mode: Mode,
    /// Tried in order; the first that matches decides. At most 1,024.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// A request without a `user-agent` header. Default: `deny`.
    #[serde(default = "deny")]
    pub missing: Action,
    /// A `user-agent` with an empty value. Default: `deny`.
    #[serde(default = "deny")]
    pub empty: Action,
    /// A `user-agent` longer than `max_length`. Default: `deny`.
    #[serde(default = "deny")]
    pub too_long: Action,
    /// A `user-agent` that is not UTF-8. Default: `deny`.
    #[serde(default = "deny")]
    pub non_utf8: Action,
    /// More than one `user-agent` header. Default: `deny`.
    #[serde(default = "deny")]
    pub multiple: Action,
    /// In bytes, from 1 to 65,536. Default: 2,048.
    #[serde(default = "max_length")]
    #[schemars(range(min = 1, max = 65_536))]
    pub max_length: u32,
    /// A user agent that no rule matches. Default: `allow`.
    #[serde(default = "allow")]
    pub default: Action,
    /// What refused clients get.
    #[serde(default)]
    pub response: Response,
    /// Where events go. Without it, decisions are counted and not audited.
    #[serde(default)]
    pub audit: Option<AuditConfig>,
}

/// One rule. It needs a pattern at least.
#[derive(Debug, eserde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names the rule in metrics and events: 1 to 64 letters, digits, `.`, `_` or `-`. Each name is used once.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub name: String,
    /// What happens when the rule matches.
    pub action: Action,
    /// The rule's own mode; by default the filter's.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Found anywhere in the user agent.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Found at its start.
    #[serde(default)]
    pub prefix: Vec<String>,
    /// The whole user agent.
    #[serde(default)]
    pub exact: Vec<String>,
    /// Regular expressions (Rust's `regex` syntax, ASCII), found anywhere in it.
    #[serde(default)]
    pub regex: Vec<String>,
    /// Lists of patterns that come with the filter.
    #[serde(default)]
    pub preset: Vec<Preset>,
    /// Whether the case of ASCII letters counts. Does not apply to presets. Default: false.
    #[serde(default)]
    pub case_sensitive: bool,
    /// Only on these paths: templates such as `/internal/**`. By default, on all.
    #[serde(default)]
    pub paths: Vec<Template>,
    /// Only from these networks (CIDR). By default, from anywhere.
    #[serde(default)]
    pub source: Vec<Cidr>,
    /// What clients that this rule refuses get; by default the filter's `response`.
    #[serde(default)]
    pub response: Option<Response>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, eserde::Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It passes, or goes on to the rules.
    Allow,
    /// It is refused.
    Deny,
}

impl From<Action> for decision::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Allow => Self::Allow,
            Action::Deny => Self::Deny,
        }
    }
}

/// What refused clients get: a status and an RFC 9457 problem document.
#[derive(Clone, Debug, eserde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// HTTP status, from 400 to 599. Default: 403.
    #[serde(default = "status")]
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// Shown to the client as the problem's `detail`, and to gRPC clients as `grpc-message`. At most 500 bytes. By default there is none.
    #[serde(default)]
    pub message: Option<String>,
}

impl Default for Response {
    fn default() -> Self {
        Self { status: status(), message: None }
    }
}

const fn allow() -> Action {
    Action::Allow
}

const fn deny() -> Action {
    Action::Deny
}

const fn max_length() -> u32 {
    2048
}

const fn status() -> u16 {
    403
}
