//! What the tests share: an Envoy with `ua_block` between a client, an upstream and a collector.

use std::collections::BTreeMap;

use portcullis_integration_tests::{
    Bootstrap, Client, Collector, DEADLINE, Envoy, Launch, Request, Response, Stats, Upstream, WasmFilter, dist, until,
    workspace,
};
use serde_json::{Value, json};

/// Decision counters that are not 0: `action rule reason mode` and the count.
pub(crate) type Decisions = BTreeMap<String, u64>;

/// An Envoy with the filter, the upstream behind it, and the collector that is its cluster `audit`.
pub(crate) struct Gate {
    pub(crate) envoy: Envoy,
    pub(crate) upstream: Upstream,
    pub(crate) collector: Collector,
    vms: u64,
}

/// The filter with this config.
pub(crate) fn filter(config: &Value) -> WasmFilter {
    WasmFilter::new("ua_block", dist("ua_block")).config(config)
}

/// A config that refuses `BadBot`, by the rule `named`, and reports to the cluster `audit`.
pub(crate) fn bad_bots(audit: &Value) -> Value {
    let named = json!({"name": "named", "contains": ["BadBot"], "action": "deny"});
    let mut config = json!({"rules": [named], "audit": {"cluster": "audit", "batch": {"max_age_ms": 10}}});
    portcullis_integration_tests::merge(&mut config["audit"], audit);
    config
}

/// The bootstrap with a listener for each of these filters in place of its own.
pub(crate) fn listeners(bootstrap: &Bootstrap, filters: impl IntoIterator<Item = (&'static str, WasmFilter)>) -> Value {
    let mut root = bootstrap.build();
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

/// A GET request of `/` with this user agent.
pub(crate) fn get(agent: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("user-agent", agent)
}

impl Gate {
    /// One worker, the harness's defaults.
    pub(crate) async fn start(config: &Value) -> Self {
        Self::launch(filter(config), Launch::new).await
    }

    /// Any form of the filter, and any change to the bootstrap.
    pub(crate) async fn launch(filter: impl Into<Value>, launch: impl FnOnce(Bootstrap) -> Launch) -> Self {
        let upstream = Upstream::start().await;
        let collector = Collector::start().await;
        let bootstrap = Bootstrap::new(upstream.address())
            .cluster("audit", collector.address())
            .stats_tags(workspace("envoy/stats_tags.yaml"))
            .filter(filter);
        let envoy = launch(bootstrap).start().await;
        let vms = vms_created(&envoy.stats()).await;
        Self { envoy, upstream, collector, vms }
    }

    pub(crate) fn h1(&self) -> Client {
        Client::h1(self.envoy.address())
    }

    pub(crate) fn h2(&self) -> Client {
        Client::h2(self.envoy.address())
    }

    /// A client for each version of HTTP.
    pub(crate) fn clients(&self) -> [(&'static str, Client); 2] {
        [("HTTP/1.1", self.h1()), ("HTTP/2", self.h2())]
    }

    pub(crate) fn stats(&self) -> Stats {
        self.envoy.stats()
    }

    /// What was decided so far, from the Prometheus page.
    pub(crate) async fn decisions(&self) -> Decisions {
        // The whole page takes a hundred times as long.
        let page = self.envoy.admin().get("/stats/prometheus?filter=portcullis_decisions_total").await.text();
        let samples = page.lines().filter_map(|line| line.strip_prefix("portcullis_decisions_total{"));
        let counts = samples.map(|sample| {
            let (labels, count) = sample.rsplit_once("} ").expect("a sample");
            let label = |name: &str| {
                let (_, value) =
                    labels.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name}: {sample}"));
                value.split('"').next().unwrap_or_default()
            };
            assert_eq!(label("filter"), "ua_block", "{sample}");
            (["action", "rule", "reason", "mode"].map(label).join(" "), count.parse().expect("a count"))
        });
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Waits until the decisions are exactly these.
    pub(crate) async fn await_decisions(&self, expected: &Decisions) -> Result<(), Decisions> {
        let same = || async { (self.decisions().await == *expected).then_some(()) };
        match until(DEADLINE / 5, same).await {
            Some(()) => Ok(()),
            None => Err(self.decisions().await),
        }
    }

    /// The sum of the audit counters of a class and a result.
    pub(crate) async fn audited(&self, class: &str, result: &str) -> u64 {
        self.stats().counter("portcullis_audit_events_total", &[("class", class), ("result", result)]).await
    }

    /// Sends a request that must be refused before the upstream hears of it.
    pub(crate) async fn refused(&self, client: &Client, request: Request) -> Response {
        let before = self.upstream.count();
        let response = client.send(request).await;
        assert_eq!(response.status, 403, "{response:?}");
        assert_eq!(
            self.upstream.count(),
            before,
            "the upstream saw a refused request: {:#?}",
            self.upstream.requests()
        );
        response
    }

    /// Sends a request that must pass.
    pub(crate) async fn passed(&self, client: &Client, request: Request) -> Response {
        let before = self.upstream.count();
        let response = client.send(request).await;
        assert_eq!((response.status, response.text().as_str()), (200, "hello"), "{response:?}");
        assert_eq!(self.upstream.count(), before + 1);
        response
    }

    /// Panics if a VM has failed since the start.
    pub(crate) async fn assert_no_vm_failed(&self) {
        let log = self.envoy.log();
        for word in ["Function: ", "unreachable", "panicked", "Uncaught", "failed to", "crash"] {
            assert!(!log.contains(word), "Envoy's log has {word:?}");
        }
        let stats = self.stats();
        for (name, value) in stats.raw_below("wasm.ua_block.").await {
            assert_eq!(value, 0, "{name}");
        }
        assert_eq!(vms_created(&stats).await, self.vms, "Envoy made new VMs");
    }
}

async fn vms_created(stats: &Stats) -> u64 {
    stats.raw("wasm.envoy.wasm.runtime.v8.created").await.unwrap_or_default()
}
