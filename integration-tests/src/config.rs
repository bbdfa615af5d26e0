//! Bootstraps as JSON: one listener, a list of filters, a route to the upstream.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::example::read_yaml;

/// A bootstrap with one HTTP listener `main`, built up by a test.
///
/// What it sets is what Portcullis recommends: the client's address from the connection
/// (`use_remote_address`), WebSocket upgrades passed on. Every port is 0, for the kernel to pick.
/// What the methods do not cover, [`merge`](Self::merge) and [`http`](Self::http) change.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    root: Value,
    http: Value,
    filters: Vec<Value>,
    clusters: Vec<Value>,
    buffer_limit: u32,
}

impl Bootstrap {
    /// A proxy that sends everything to the cluster `upstream` at this address.
    pub fn new(upstream: SocketAddr) -> Self {
        let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "upstream"}});
        let http = json!({
            "@type": http_type("network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "ingress",
            "codec_type": "AUTO",
            "use_remote_address": true,
            // Envoy lingers 1 s before it closes after a malformed request: too long for tests.
            "delayed_close_timeout": "0.1s",
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "route_config": {
                "name": "local",
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
            },
        });
        let root = json!({
            // Discovery, even from a file, insists on a node.
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": socket_address(&free_port())},
        });
        // Envoy's default.
        let buffer_limit = 1 << 20;
        Self { root, http, filters: Vec::new(), clusters: vec![cluster("upstream", upstream)], buffer_limit }
    }

    /// Adds an HTTP filter after those before it and before the router.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<Value>) -> Self {
        self.filters.push(filter.into());
        self
    }

    /// Adds a cluster that speaks HTTP/1.1.
    #[must_use]
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push(cluster(name, address));
        self
    }

    /// Adds a cluster that speaks HTTP/2, as gRPC services do.
    #[must_use]
    pub fn http2_cluster(mut self, name: &str, address: SocketAddr) -> Self {
        let options = json!({"typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        }});
        let mut cluster = cluster(name, address);
        merge(&mut cluster, &options);
        self.clusters.push(cluster);
        self
    }

    /// Replaces the routes of the only virtual host.
    #[must_use]
    pub fn routes(mut self, routes: &[Value]) -> Self {
        self.http["route_config"]["virtual_hosts"][0]["routes"] = json!(routes);
        self
    }

    /// Reads the list of `stats_tags` (YAML or JSON; bare or below `stats_tags:`) that turns parts
    /// of names into Prometheus labels.
    #[must_use]
    pub fn stats_tags(mut self, file: impl AsRef<Path>) -> Self {
        let mut tags = read_yaml(file.as_ref());
        for key in ["stats_config", "stats_tags"] {
            tags = if tags.get(key).is_some() { tags[key].take() } else { tags };
        }
        assert!(tags.is_array(), "{} holds no list of stats_tags", file.as_ref().display());
        merge(&mut self.root, &json!({"stats_config": {"stats_tags": tags}}));
        self
    }

    /// How many bytes of a body Envoy holds.
    #[must_use]
    pub fn buffer_limit(self, bytes: u32) -> Self {
        Self { buffer_limit: bytes, ..self }
    }

    /// Merges into the HTTP connection manager; see [`merge`].
    #[must_use]
    pub fn http(mut self, patch: &Value) -> Self {
        merge(&mut self.http, patch);
        self
    }

    /// Merges into the root of the bootstrap; see [`merge`].
    #[must_use]
    pub fn merge(mut self, patch: &Value) -> Self {
        merge(&mut self.root, patch);
        self
    }

    /// The bootstrap as Envoy takes it.
    pub fn build(&self) -> Value {
        let router = json!({
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": http_type("http.router.v3.Router")},
        });
        let mut http = self.http.clone();
        http["http_filters"] = self.filters.iter().chain([&router]).cloned().collect();
        let manager = json!({
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": http,
        });
        let mut root = json!({"static_resources": {
            "listeners": [{
                "name": "main",
                "address": socket_address(&free_port()),
                "per_connection_buffer_limit_bytes": self.buffer_limit,
                "filter_chains": [{"filters": [manager]}],
            }],
            "clusters": self.clusters,
        }});
        merge(&mut root, &self.root);
        root
    }

    /// The same with a listener for each of these filters in place of its own: each is like `main`, with its filter in
    /// place of the first one.
    pub fn listeners(&self, filters: impl IntoIterator<Item = (&'static str, WasmFilter)>) -> Value {
        let mut root = self.build();
        let listener = root["static_resources"]["listeners"][0].take();
        let with = |(name, filter): (&str, WasmFilter)| {
            let mut listener = listener.clone();
            listener["name"] = json!(name);
            listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0] = filter.into();
            listener
        };
        root["static_resources"]["listeners"] = filters.into_iter().map(with).collect();
        root
    }
}

impl fmt::Display for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.build().fmt(f)
    }
}

/// A Wasm filter of an HTTP connection manager, set up as Portcullis recommends: V8, a fresh VM
/// after a trap (`FAIL_RELOAD`), and no upstream connection before the verdict on a body.
#[derive(Clone, Debug)]
pub struct WasmFilter {
    name: String,
    plugin: Value,
}

impl WasmFilter {
    /// A filter whose name, root id and VM id are `name`.
    pub fn new(name: &str, module: impl AsRef<Path>) -> Self {
        let plugin = json!({
            "name": name,
            "root_id": name,
            "failure_policy": "FAIL_RELOAD",
            "reload_config": {"backoff": {"base_interval": "0.1s"}},
            "allow_on_headers_stop_iteration": true,
            "vm_config": {
                "vm_id": name,
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module.as_ref()}},
            },
        });
        Self { name: name.to_owned(), plugin }
    }

    /// Filters with the same VM id share their shared data.
    #[must_use]
    pub fn vm_id(self, vm_id: &str) -> Self {
        self.merge(&json!({"vm_config": {"vm_id": vm_id}}))
    }

    /// The filter's config, delivered as JSON text.
    #[must_use]
    pub fn config(self, config: &Value) -> Self {
        self.config_text(&config.to_string())
    }

    /// The filter's config as any text: for configs that are no JSON.
    #[must_use]
    pub fn config_text(self, config: &str) -> Self {
        let kind = "type.googleapis.com/google.protobuf.StringValue";
        self.merge(&json!({"configuration": {"@type": kind, "value": config}}))
    }

    /// Lets the VM see these variables of Envoy's environment; Envoy refuses to start if one is
    /// not set. Set them with [`Launch::env`](crate::Launch::env).
    #[must_use]
    pub fn env(self, names: &[&str]) -> Self {
        self.merge(&json!({"vm_config": {"environment_variables": {"host_env_keys": names}}}))
    }

    /// Merges into the plugin config; see [`merge`].
    #[must_use]
    pub fn merge(mut self, patch: &Value) -> Self {
        merge(&mut self.plugin, patch);
        self
    }
}

impl From<WasmFilter> for Value {
    fn from(filter: WasmFilter) -> Self {
        let kind = http_type("http.wasm.v3.Wasm");
        json!({"name": filter.name, "typed_config": {"@type": kind, "config": filter.plugin}})
    }
}

/// Applies a JSON merge patch (RFC 7386): objects merge, null deletes, all else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().expect("made an object above").remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// A cluster with one endpoint.
pub(crate) fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": load_assignment(name, address),
    })
}

pub(crate) fn load_assignment(name: &str, address: SocketAddr) -> Value {
    let endpoint = json!({"endpoint": {"address": socket_address(&address)}});
    json!({"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]})
}

/// 127.0.0.1 and port 0: the kernel picks, Envoy tells.
pub(crate) fn free_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) fn socket_address(address: &SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}

fn http_type(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.filters.{name}")
}
