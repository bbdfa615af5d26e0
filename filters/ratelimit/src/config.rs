//! The configuration: see the fields' docs, from which the JSON Schema is made.

mod count;
mod factor;
mod key;

use portcullis_shared::{
    audit::AuditConfig,
    config::Texts,
    config_enum, config_struct,
    mode::Mode,
    net::Cidr,
    path::{Case, Template},
    quota::{Algorithm, OnFull},
};
use serde::Serialize;

pub use count::Count;
pub use factor::Factor;
pub use key::{Key, Peer};

config_struct! {
    /// Configuration of `ratelimit`: how much each client may have.
    #[derive(Debug)]
    pub struct Config {
        /// Whether denials are carried out (`enforce`, the default) or only counted and audited (`shadow`). `off` turns
        /// the filter off, whatever its limits say.
        pub mode: Mode = Mode::default(),
        /// All limits that apply to a request are decided together. From 1 to 64.
        pub limits: Vec<Limit>,
        /// What holds for clients from these networks; of those that hold a client, the one with the longest prefix.
        pub networks: Vec<Network> = Vec::new(),
        /// IPv6 clients with the same first bits, so many, are one client to `client_ip`: from 32 to 128. Default: 64.
        #[schemars(range(min = 32, max = 128))]
        pub ipv6_prefix: u32 = 64,
        /// Whether letters in limits' paths, and in what keys take from paths, stand for both cases, for upstreams that think so.
        /// Default: `sensitive`.
        pub path_case: Case = Case::Sensitive,
        /// A request without one of the parts of a limit's key. Default: `deny`.
        pub on_missing_key: OnMissingKey = OnMissingKey::Deny,
        /// A client that is not known yet, when there is no place to count it. `evict` (default): it takes the place of the one
        /// that has used least of its quota, never of one that has used it up. `deny`: it is refused. `allow`: it passes uncounted.
        pub on_table_full: OnFull = OnFull::Evict,
        /// Where counters are kept.
        pub table: Table = Table::default(),
        /// The rate limit service that a fleet shares, for limits with `"global": true`.
        pub global: Option<Global> = None,
        /// What clients are told of their limits.
        pub headers: Headers = Headers::default(),
        /// What refused clients get.
        pub response: Response = Response::default(),
        /// Where events go. Without it, decisions are counted and not audited.
        pub audit: Option<AuditConfig> = None,
    }
}

config_struct! {
    /// One limit: so much for each client in a time. It applies to a request whose path and method it names.
    #[derive(Debug, Serialize)]
    pub struct Limit {
        /// Names the limit in headers, metrics, events and counters: 1 to 64 letters, digits, `.`, `_` or `-`. Each name is
        /// used once.
        #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        pub name: String,
        /// Only on this path: a template such as `/reports/**`. By default, on all. A path that can be read in several ways
        /// counts for every limit that has one.
        pub path: Option<Template> = None,
        /// Only with these methods; GET is also for HEAD, unless that is there, too. By default, with all.
        pub methods: Vec<String> = Vec::new(),
        /// What tells clients apart: `client_ip`, `method`, `path`, `path:<variable>`, `header:<name>`, `query:<name>`,
        /// `cookie:<name>`, `claim:<pointer>` (of a token that `jwt_bola` verified, by its `claims_to_filters`),
        /// `peer:<uri_san|dns_san|subject|sha256>` (of a client certificate), `constant:<text>`. From 1 to 8.
        pub key: Vec<Key>,
        /// How requests are counted: `gcra` (default), `sliding_window` or `fixed_window`.
        pub algorithm: Algorithm = Algorithm::Gcra,
        /// How much there is in each window, in requests (or in units, see `cost`): from 1 to 1,000,000,000.
        #[schemars(range(min = 1, max = 1_000_000_000))]
        pub quota: u32,
        /// The window's length in seconds: from 1 to 31,622,400 (366 days).
        #[schemars(range(min = 1, max = 31_622_400))]
        pub window_s: u32,
        /// How much may be taken at once, with `gcra` only: from 1 to `quota`. Default: `quota`.
        pub burst: Option<u32> = None,
        /// How much one request takes: from 1 to `burst` or `quota`. Default: 1.
        #[schemars(range(min = 1))]
        pub cost: u32 = 1,
        /// Which requests are counted: `all` (default), or only those whose response has this status: a class such as
        /// `4xx` or a status such as `401`. What is not `all` needs the module `ratelimit_responses.wasm`.
        pub count: Count = Count::All,
        /// Whether the fleet's rate limit service counts: see `global` of the configuration. Default: false.
        pub global: bool = false,
        /// With `global`: how much of the quota a worker takes from the service at once, from 1 to `quota`; the rest serves
        /// its next requests with this key without asking. Default: 1.
        #[schemars(range(min = 1))]
        pub lease: u32 = 1,
        /// The limit's own mode; by default the filter's.
        pub mode: Option<Mode> = None,
        /// The limit's own answer to a key with a part missing; by default the filter's.
        pub on_missing_key: Option<OnMissingKey> = None,
    }
}

config_enum! {
    /// What becomes of a request without a part of a key.
    pub enum OnMissingKey {
        /// It is refused with status 400.
        Deny = "deny",
        /// The limit does not apply to it.
        Skip = "skip",
        /// All requests without the part are one client.
        Share = "share",
    }
}

config_struct! {
    /// A network of clients. It has either `unlimited` or `factor`.
    #[derive(Debug, Serialize)]
    pub struct Network {
        /// The network.
        pub cidr: Cidr,
        /// No limit applies. Default: false.
        pub unlimited: bool = false,
        /// Quotas and bursts are multiplied by this, and rounded down to whole numbers, 1 at least: from 0.001 to 1,000, with
        /// at most three decimals.
        pub factor: Option<Factor> = None,
    }
}

config_struct! {
    /// Where counters are kept: Envoy's shared data, which all workers of a process share.
    #[derive(Debug, Serialize)]
    pub struct Table {
        /// Clients that each limit can count at a time, from 16 to 4,194,304; each takes 24 bytes, and they come into being as
        /// they are needed. With another number counting begins anew. Default: 65,536.
        #[schemars(range(min = 16, max = 4_194_304))]
        pub entries: u32 = 65_536,
        /// Configurations with the same name here, in the same `vm_id`, count together. By default it is the plugin's name
        /// (`name` beside `vm_config`).
        #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        pub name: Option<String> = None,
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: 65_536, name: None }
    }
}

config_struct! {
    /// A rate limit service (`envoy.service.ratelimit.v3`), such as envoyproxy/ratelimit or Limitador.
    #[derive(Debug, Serialize)]
    pub struct Global {
        /// Its cluster in Envoy, which speaks HTTP/2.
        pub cluster: String,
        /// The domain of the descriptors.
        pub domain: String,
        /// `:authority` of the calls. Default: the cluster's name.
        pub authority: Option<String> = None,
        /// How long a request may wait for the service, in milliseconds: from 1 to 1,000. Default: 20.
        #[schemars(range(min = 1, max = 1_000))]
        pub timeout_ms: u32 = 20,
        /// While the service does not answer, each Envoy counts by itself, with quotas and bursts multiplied by this: from 0.001 to 1.
        /// Default: 0.5.
        pub fallback_factor: Factor = Factor::HALF,
        /// What is remembered of answers.
        pub cache: Cache = Cache::default(),
        /// Calls of one worker that are under way at most, from 1 to 1,024. Beyond, the fallback decides. Default: 256.
        #[schemars(range(min = 1, max = 1_024))]
        pub max_in_flight: u32 = 256,
        /// Headers of the calls.
        pub headers: Texts = Texts::default(),
        /// Headers of the calls, by the variable that has the value.
        pub header_env: Texts = Texts::default(),
    }
}

config_struct! {
    /// What is remembered of the service's answers.
    #[derive(Debug, Serialize)]
    pub struct Cache {
        /// A client that is over its limit is refused without asking, until the service says that it ends. Default: true.
        pub over_limit: bool = true,
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { over_limit: true }
    }
}

config_struct! {
    /// What clients are told of their limits.
    #[derive(Debug, Serialize)]
    pub struct Headers {
        /// In which responses. `all` needs the module `ratelimit_responses.wasm`. Default: `refused`.
        pub on: Told = Told::Refused,
        /// Whether they have `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). Default: true.
        pub standard: bool = true,
        /// Whether they have `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds), of the limit with least left. Default: false.
        pub legacy: bool = false,
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self { on: Told::Refused, standard: true, legacy: false }
    }
}

config_enum! {
    /// Which responses tell of limits.
    pub enum Told {
        /// Those to requests that a limit refuses.
        Refused = "refused",
        /// All.
        All = "all",
    }
}

config_struct! {
    /// What refused clients get: a status, `Retry-After` and an RFC 9457 problem document.
    #[derive(Debug, Serialize)]
    pub struct Response {
        /// HTTP status, from 400 to 599. Default: 429.
        #[schemars(range(min = 400, max = 599))]
        pub status: u16 = 429,
        /// Shown to the client as the problem's `detail`, and to gRPC clients as `grpc-message`. At most 500 bytes. By default there is none.
        pub message: Option<String> = None,
    }
}

impl Default for Response {
    fn default() -> Self {
        Self { status: 429, message: None }
    }
}
