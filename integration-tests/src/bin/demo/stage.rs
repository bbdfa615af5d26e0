//! Envoy with the shipped configuration, between an upstream and a collector.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use portcullis_integration_tests::{
    Collector, Envoy, Example, Launch, Reply, StartError, Upstream, dist, read_yaml, workspace,
};
use serde_json::{Value, json};

/// What Envoy is started with, below the workspace.
pub(crate) const CONFIG: &str = "envoy/ua_block.yaml";

pub(crate) struct Stage {
    pub(crate) envoy: Envoy,
    pub(crate) upstream: Upstream,
    pub(crate) collector: Collector,
    /// Such as `1.40.0`.
    pub(crate) version: String,
    /// The configuration as in the file.
    config: Value,
    admin: SocketAddr,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self, Box<dyn Error>> {
        let config = read_yaml(workspace(CONFIG));
        for filter in filters(&config) {
            let module = dist(filter.name);
            if !module.is_file() {
                return Err(format!("{} is missing: run `make build`", module.display()).into());
            }
        }
        let upstream = Upstream::start().await;
        upstream.reply(Reply::status(200).header("content-type", "text/plain").body("hello from the upstream\n"));
        let collector = Collector::start().await;
        let envoy = start(&config, &upstream, &collector).await?;
        let info = envoy.admin().get("/server_info").await.json();
        let version = info["version"].as_str().and_then(|version| version.split('/').nth(1)).unwrap_or("unknown");
        let admin = std::fs::read_to_string(envoy.folder().join("admin"))?.trim().parse()?;
        Ok(Self { version: version.to_owned(), envoy, upstream, collector, config, admin })
    }

    pub(crate) fn gateway(&self) -> SocketAddr {
        self.envoy.address()
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The Wasm filters in the configuration, in their order.
    pub(crate) fn filters(&self) -> Vec<Filter<'_>> {
        filters(&self.config)
    }

    /// Ends all of it.
    pub(crate) async fn strike(self) {
        // Not by dropping it: Ctrl-C in a terminal has ended Envoy too, and the harness would take that for a crash.
        self.envoy.terminate().await;
    }
}

/// On the documented ports where these are free, so that what the documentation says can be typed.
async fn start(config: &Value, upstream: &Upstream, collector: &Collector) -> Result<Envoy, StartError> {
    let example = Example::load(CONFIG);
    let any = example.endpoint("upstream", upstream.address()).endpoint("audit", collector.address()).build();
    let mut documented = any.clone();
    let admin = "/admin/address/socket_address/port_value";
    let gateway = "/static_resources/listeners/0/address/socket_address/port_value";
    for port in [admin, gateway] {
        let number = config.pointer(port).and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok());
        if let Some(number) = number.filter(|number| TcpListener::bind((Ipv4Addr::LOCALHOST, *number)).is_ok())
            && let Some(place) = documented.pointer_mut(port)
        {
            *place = json!(number);
        }
    }
    // Two demos at a time would share the port, by default.
    documented["static_resources"]["listeners"][0]["enable_reuse_port"] = json!(false);
    match Launch::new(documented).try_start().await {
        Err(error) if error.log.contains("Address already in use") => Launch::new(any).try_start().await,
        outcome => outcome,
    }
}

/// A Wasm filter in Envoy's configuration.
pub(crate) struct Filter<'a> {
    pub(crate) name: &'a str,
    /// Its own configuration, as it stands there.
    pub(crate) rules: &'a str,
}

fn filters(config: &Value) -> Vec<Filter<'_>> {
    let chain = config.pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters");
    let filters = chain.and_then(Value::as_array).into_iter().flatten();
    let wasm = filters.filter_map(|filter| {
        let plugin = filter.pointer("/typed_config/config")?;
        Some(Filter { name: plugin["name"].as_str()?, rules: plugin.pointer("/configuration/value")?.as_str()? })
    });
    wasm.collect()
}
