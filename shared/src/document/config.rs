//! Where a document comes from, and how often: the `remote` part of a filter's configuration.

#[cfg(test)]
mod tests;

use crate::{config::Texts, config_struct};

config_struct! {
    /// Fetches a document by GET, again and again, for all worker threads of Envoy together.
    ///
    /// A document that cannot be fetched, that is too large or that cannot be read changes nothing: the last good one
    /// stays until `stale_s` is over. Defaults that are not given here depend on what the document is.
    #[derive(Clone, Debug, serde::Serialize)]
    pub struct Remote {
        /// Name of the Envoy cluster that the document comes from. It says whether the connection has TLS. Required.
        #[schemars(length(min = 1, max = 255))]
        pub cluster: String,
        /// The document's URL, `http` or `https`, such as `https://idp.example/.well-known/jwks.json`. Its host is the
        /// request's `:authority`; where the request goes is the cluster's matter. Without user information or fragment,
        /// at most 2048 characters. Required.
        #[schemars(length(min = 8, max = 2048), regex(pattern = "^https?://[!-~]+$"))]
        pub url: String,
        /// Seconds from one fetch to the next, 1 to 86,400, give or take a tenth. After a failure the next one comes
        /// sooner: after 1 s, then after a random time that grows up to this.
        #[schemars(range(min = 1, max = 86_400))]
        pub refresh_s: Option<u32> = None,
        /// How long the service may take to answer, in milliseconds: 1 to 60,000. Default: 1000.
        #[schemars(range(min = 1, max = 60_000))]
        pub timeout_ms: u32 = 1000,
        /// The largest document that is taken, in bytes: 1024 to 16,777,216.
        #[schemars(range(min = 1024, max = 16_777_216))]
        pub max_bytes: Option<u32> = None,
        /// For how many seconds after its last fetch a document is used, while the service is down: 0, or `refresh_s` to
        /// 2,592,000 (30 days). 0: until a fetch is overdue.
        #[schemars(range(min = 0, max = 2_592_000))]
        pub stale_s: Option<u32> = None,
        /// Headers that the request carries as they stand here, such as `{"accept": "application/json"}`; at most 32. A
        /// header that holds a credential belongs in `header_env`. Default: none.
        pub headers: Texts = Texts::default(),
        /// Headers whose value comes from the VM's environment, as `{"authorization": "IDP_TOKEN"}`: name of the header,
        /// name of the variable (`vm_config.environment_variables`). The variable must be set. Default: none.
        pub header_env: Texts = Texts::default(),
    }
}

/// What a document is, with the defaults that go with it: one constant for each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// A plain word, such as `jwks`: part of the key in the store, so that no reader finds another's document.
    pub name: &'static str,
    /// Default of [`Remote::refresh_s`].
    pub refresh_s: u32,
    /// Default of [`Remote::max_bytes`].
    pub max_bytes: u32,
    /// Default of [`Remote::stale_s`].
    pub stale_s: u32,
    /// The least seconds from any fetch to one that [`Document::demand`](super::Document::demand) causes.
    pub demand_s: u32,
}

impl Kind {
    /// A kind with the usual defaults: fetched each 300 s, at most 65,536 bytes, used for a day, and on demand each 10 s.
    pub const fn new(name: &'static str) -> Self {
        Self { name, refresh_s: 300, max_bytes: 65_536, stale_s: 86_400, demand_s: 10 }
    }
}
