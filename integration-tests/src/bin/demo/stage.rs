//! Envoy with the shipped configurations, between an upstream, an identity provider, a rate limit service and a collector.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{
    Collector, Envoy, Example, Launch, Reply, StartError, Upstream, dist, read_yaml, workspace,
};
use serde_json::{Value, json};

use crate::idp::Idp;
use crate::limits::Limits;
use crate::step::Event;

/// What Envoy is started with, below the workspace: a listener of each.
pub(crate) const CONFIGS: [&str; 4] =
    ["envoy/ua_block.yaml", "envoy/jwt_bola.yaml", "envoy/schema_check.yaml", "envoy/ratelimit.yaml"];

/// What is changed in the rules of `ratelimit`: its networks become addresses that this machine can send from. And a
/// service that was built for tests may take its time.
const CHANGES: [(&str, &str); 3] = [
    ("203.0.113.0/24", "127.0.0.2/32"),
    ("10.0.0.0/8", "127.0.0.3/32"),
    ("\"timeout_ms\": 20,", "\"timeout_ms\": 1000,"),
];

pub(crate) struct Stage {
    pub(crate) envoy: Envoy,
    pub(crate) upstream: Upstream,
    pub(crate) idp: Idp,
    pub(crate) limits: Limits,
    pub(crate) collector: Collector,
    /// Such as `1.40.0`.
    pub(crate) version: String,
    /// The configurations as in the files, but for [`CHANGES`].
    configs: Vec<Value>,
    admin: SocketAddr,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self, Box<dyn Error>> {
        let mut configs: Vec<Value> = CONFIGS.map(|file| read_yaml(workspace(file))).into();
        configs.iter_mut().for_each(change_rules);
        for filter in configs.iter().flat_map(filters) {
            let module = dist(filter.module);
            if !module.is_file() {
                return Err(format!("{} is missing: run `make build`", module.display()).into());
            }
        }
        let upstream = Upstream::start().await;
        upstream.reply(Reply::status(200).header("content-type", "text/plain").body("hello from the upstream\n"));
        let collector = Collector::start().await;
        let mut idp = Idp::start().await;
        let limits = Limits::start().await?;
        let endpoints = [
            ("upstream", upstream.address()),
            ("idp", idp.issuer().address()),
            ("ratelimit", limits.address()),
            ("audit", collector.address()),
        ];
        let envoy = start(&configs, &endpoints).await?;
        idp.await_fetch().await;
        let info = envoy.admin().get("/server_info").await.json();
        let version = info["version"].as_str().and_then(|version| version.split('/').nth(1)).unwrap_or("unknown");
        let admin = std::fs::read_to_string(envoy.folder().join("admin"))?.trim().parse()?;
        Ok(Self { version: version.to_owned(), envoy, upstream, idp, limits, collector, configs, admin })
    }

    /// The listener that has a filter.
    pub(crate) fn gateway(&self, filter: &str) -> SocketAddr {
        self.envoy.listener(filter)
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The Wasm filters in the configuration, in their order.
    pub(crate) fn filters(&self) -> Vec<Filter<'_>> {
        self.configs.iter().flat_map(filters).collect()
    }

    pub(crate) async fn let_happen(&self, event: Event) {
        match event {
            Event::Rotation => self.idp.rotate().await,
            // That is the walk's own affair.
            Event::Burst(_) => {}
            Event::RedisKilled => self.limits.kill_redis(),
            Event::RedisRevived => self.limits.revive_redis().await,
        }
    }

    /// Ends all of it.
    pub(crate) async fn strike(self) {
        // Not by dropping it: Ctrl-C in a terminal has ended Envoy too, and the harness would take that for a crash.
        self.envoy.terminate().await;
    }
}

/// On the documented ports where these are free, so that what the documentation says can be typed.
async fn start(configs: &[Value], endpoints: &[(&str, SocketAddr)]) -> Result<Envoy, StartError> {
    let example = Example::load_all(&CONFIGS);
    let example = endpoints.iter().fold(example, |example, (cluster, address)| example.endpoint(cluster, *address));
    let mut any = example.build();
    change_rules(&mut any);
    let mut documented = any.clone();
    let port = "address/socket_address/port_value";
    let admin = format!("/admin/{port}");
    let listener = |index: usize| format!("/static_resources/listeners/{index}/{port}");
    let mut places = vec![(&configs[0], admin.clone(), admin)];
    places.extend(configs.iter().enumerate().map(|(index, config)| (config, listener(0), listener(index))));
    for (config, from, to) in places {
        let number = config.pointer(&from).and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok());
        if let Some(number) = number.filter(|number| TcpListener::bind((Ipv4Addr::LOCALHOST, *number)).is_ok())
            && let Some(place) = documented.pointer_mut(&to)
        {
            *place = json!(number);
        }
    }
    for listener in documented["static_resources"]["listeners"].as_array_mut().into_iter().flatten() {
        // Two demos at a time would share the port, by default.
        listener["enable_reuse_port"] = json!(false);
    }
    match launch(&documented).try_start().await {
        Err(error) if error.log.contains("Address already in use") => launch(&any).try_start().await,
        outcome => outcome,
    }
}

/// Makes the [`CHANGES`] in a configuration, if it has the filter that they are for.
fn change_rules(config: &mut Value) {
    let listeners = config["static_resources"]["listeners"].as_array_mut().into_iter().flatten();
    let filters = listeners.filter_map(|listener| listener.pointer_mut(HTTP_FILTERS)?.as_array_mut()).flatten();
    let plugins = filters.filter_map(|filter| filter.pointer_mut("/typed_config/config"));
    for plugin in plugins.filter(|plugin| plugin["name"] == "ratelimit") {
        let rules = &mut plugin["configuration"]["value"];
        let mut changed = rules.as_str().expect("the rules are text").to_owned();
        for (from, to) in CHANGES {
            assert!(changed.contains(from), "the rules of ratelimit have no {from}");
            changed = changed.replace(from, to);
        }
        *rules = json!(changed);
    }
}

/// With a secret that is in the repository: it opens nothing but the demo.
fn launch(bootstrap: &Value) -> Launch {
    let secret = Key::load("oct-1").secret();
    Launch::new(bootstrap).env("PORTCULLIS_HS256", &String::from_utf8_lossy(&secret))
}

/// In a listener.
const HTTP_FILTERS: &str = "/filter_chains/0/filters/0/typed_config/http_filters";

/// A Wasm filter in Envoy's configuration.
pub(crate) struct Filter<'a> {
    pub(crate) name: &'a str,
    /// The file that it is loaded from, in `dist/` and without its ending.
    pub(crate) module: &'a str,
    /// Its own configuration, as it stands there.
    pub(crate) rules: &'a str,
}

fn filters(config: &Value) -> Vec<Filter<'_>> {
    let chain = config.pointer(&format!("/static_resources/listeners/0{HTTP_FILTERS}"));
    let filters = chain.and_then(Value::as_array).into_iter().flatten();
    let wasm = filters.filter_map(|filter| {
        let plugin = filter.pointer("/typed_config/config")?;
        let module = Path::new(plugin.pointer("/vm_config/code/local/filename")?.as_str()?);
        Some(Filter {
            name: plugin["name"].as_str()?,
            module: module.file_stem()?.to_str()?,
            rules: plugin.pointer("/configuration/value")?.as_str()?,
        })
    });
    wasm.collect()
}
