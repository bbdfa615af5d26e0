//! The configuration: see the fields' docs, from which the JSON Schema is made.

use portcullis_shared::{
    audit::AuditConfig, config_enum, config_struct, decision, mode::Mode, net::Cidr, path::Template,
};
use serde::Serialize;

use crate::preset::Preset;

config_struct! {
    /// Configuration of `ua_block`: which user agents are refused.
    #[derive(Debug)]
    pub struct Config {
        /// Whether denials are carried out (`enforce`, the default) or only counted and audited (`shadow`). `off` turns
        /// the filter off, whatever its rules say.
        pub mode: Mode = Mode::default(),
        /// Tried in order; the first that matches decides. At most 1,024.
        pub rules: Vec<Rule> = Vec::new(),
        /// A request without a `user-agent` header. Default: `deny`.
        pub missing: Action = Action::Deny,
        /// A `user-agent` with an empty value. Default: `deny`.
        pub empty: Action = Action::Deny,
        /// A `user-agent` longer than `max_length`. Default: `deny`.
        pub too_long: Action = Action::Deny,
        /// A `user-agent` that is not UTF-8. Default: `deny`.
        pub non_utf8: Action = Action::Deny,
        /// More than one `user-agent` header. Default: `deny`.
        pub multiple: Action = Action::Deny,
        /// In bytes, from 1 to 65,536. Default: 2,048.
        #[schemars(range(min = 1, max = 65_536))]
        pub max_length: u32 = 2048,
        /// A user agent that no rule matches. Default: `allow`.
        pub default: Action = Action::Allow,
        /// What refused clients get.
        pub response: Response = Response::default(),
        /// Where events go. Without it, decisions are counted and not audited.
        pub audit: Option<AuditConfig> = None,
    }
}

config_struct! {
    /// One rule. It needs a pattern at least.
    #[derive(Debug, Serialize)]
    pub struct Rule {
        /// Names the rule in metrics and events: 1 to 64 letters, digits, `.`, `_` or `-`. Each name is used once.
        #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        pub name: String,
        /// What happens when the rule matches.
        pub action: Action,
        /// The rule's own mode; by default the filter's.
        pub mode: Option<Mode> = None,
        /// Found anywhere in the user agent.
        pub contains: Vec<String> = Vec::new(),
        /// Found at its start.
        pub prefix: Vec<String> = Vec::new(),
        /// The whole user agent.
        pub exact: Vec<String> = Vec::new(),
        /// Regular expressions (Rust's `regex` syntax, ASCII), found anywhere in it.
        pub regex: Vec<String> = Vec::new(),
        /// Lists of patterns that come with the filter.
        pub preset: Vec<Preset> = Vec::new(),
        /// Whether the case of ASCII letters counts. Does not apply to presets. Default: false.
        pub case_sensitive: bool = false,
        /// Only on these paths: templates such as `/internal/**`. By default, on all.
        pub paths: Vec<Template> = Vec::new(),
        /// Only from these networks (CIDR). By default, from anywhere.
        pub source: Vec<Cidr> = Vec::new(),
        /// What clients that this rule refuses get; by default the filter's `response`.
        pub response: Option<Response> = None,
    }
}

config_enum! {
    /// What becomes of a request.
    pub enum Action {
        /// It passes, or goes on to the rules.
        Allow = "allow",
        /// It is refused.
        Deny = "deny",
    }
}

impl From<Action> for decision::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Allow => Self::Allow,
            Action::Deny => Self::Deny,
        }
    }
}

config_struct! {
    /// What refused clients get: a status and an RFC 9457 problem document.
    #[derive(Clone, Debug, Serialize)]
    pub struct Response {
        /// HTTP status, from 400 to 599. Default: 403.
        #[schemars(range(min = 400, max = 599))]
        pub status: u16 = 403,
        /// Shown to the client as the problem's `detail`, and to gRPC clients as `grpc-message`. At most 500 bytes. By default there is none.
        pub message: Option<String> = None,
    }
}

impl Default for Response {
    fn default() -> Self {
        Self { status: 403, message: None }
    }
}
