//! What tests of a filter share: an Envoy with it between a client, an upstream and a collector.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    Bootstrap, Client, Collector, DEADLINE, Envoy, Launch, Request, Response, Stats, Upstream, until, workspace,
};

/// Decision counters that are not 0: `action rule reason mode` and the count.
pub type Decisions = BTreeMap<String, u64>;

/// An Envoy with a filter, the upstream behind it, and the collector that is its cluster `audit`.
pub struct Gate {
    /// The filter's name.
    pub filter: &'static str,
    /// Envoy.
    pub envoy: Envoy,
    /// The upstream.
    pub upstream: Upstream,
    /// The collector.
    pub collector: Collector,
    vms: u64,
}

impl Gate {
    /// Starts it with one worker: any form of the filter of this name, and any change to the bootstrap.
    pub async fn launch(
        name: &'static str,
        filter: impl Into<Value>,
        launch: impl FnOnce(Bootstrap) -> Launch,
    ) -> Self {
        let upstream = Upstream::start().await;
        let collector = Collector::start().await;
        let bootstrap = Bootstrap::new(upstream.address())
            .cluster("audit", collector.address())
            .stats_tags(workspace("envoy/stats_tags.yaml"))
            .filter(filter);
        let envoy = launch(bootstrap).start().await;
        let vms = vms_created(&envoy.stats()).await;
        Self { filter: name, envoy, upstream, collector, vms }
    }

    /// A client that speaks HTTP/1.1.
    pub fn h1(&self) -> Client {
        Client::h1(self.envoy.address())
    }

    /// A client that speaks HTTP/2.
    pub fn h2(&self) -> Client {
        Client::h2(self.envoy.address())
    }

    /// A client for each version of HTTP.
    pub fn clients(&self) -> [(&'static str, Client); 2] {
        [("HTTP/1.1", self.h1()), ("HTTP/2", self.h2())]
    }

    /// Envoy's metrics.
    pub fn stats(&self) -> Stats {
        self.envoy.stats()
    }

    /// What was decided so far, from the Prometheus page.
    pub async fn decisions(&self) -> Decisions {
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
            assert_eq!(label("filter"), self.filter, "{sample}");
            (["action", "rule", "reason", "mode"].map(label).join(" "), count.parse().expect("a count"))
        });
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Waits until the decisions are exactly these.
    pub async fn await_decisions(&self, expected: &Decisions) -> Result<(), Decisions> {
        let same = || async { (self.decisions().await == *expected).then_some(()) };
        match until(DEADLINE / 5, same).await {
            Some(()) => Ok(()),
            None => Err(self.decisions().await),
        }
    }

    /// The sum of the audit counters of a class and a result.
    pub async fn audited(&self, class: &str, result: &str) -> u64 {
        self.stats().counter("portcullis_audit_events_total", &[("class", class), ("result", result)]).await
    }

    /// Sends a request that must be refused with this status before the upstream hears of it.
    pub async fn refused_with(&self, status: u16, client: &Client, request: Request) -> Response {
        let before = self.upstream.count();
        let response = client.send(request).await;
        assert_eq!(response.status, status, "{response:?}");
        assert_eq!(
            self.upstream.count(),
            before,
            "the upstream saw a refused request: {:#?}",
            self.upstream.requests()
        );
        response
    }

    /// Sends a request that must pass.
    pub async fn passed(&self, client: &Client, request: Request) -> Response {
        let before = self.upstream.count();
        let response = client.send(request).await;
        assert_eq!((response.status, response.text().as_str()), (200, "hello"), "{response:?}");
        assert_eq!(self.upstream.count(), before + 1);
        response
    }

    /// Why the filter of this name refused, by its code; `envoy:` and Envoy's own word where it refused; `accepted` for the
    /// upstream's answer. Asks for [`telling`].
    pub fn reason(filter: &str, response: &Response) -> String {
        if response.headers.get("x-envoy-upstream-service-time").is_some() {
            return "accepted".to_owned();
        }
        let details = response.headers.text("x-details").unwrap_or_default();
        match details.strip_prefix("portcullis:").and_then(|details| details.strip_prefix(filter)?.strip_prefix(':')) {
            Some(ours) => ours.split(':').next().unwrap_or_default().to_owned(),
            None => format!("envoy:{details}"),
        }
    }

    /// Panics if a VM has failed since the start.
    pub async fn assert_no_vm_failed(&self) {
        self.assert_no_vm_trapped().await;
        assert_eq!(vms_created(&self.stats()).await, self.vms, "Envoy made new VMs");
    }

    /// The same for a filter that was updated by discovery: Envoy tries each config in a new VM.
    pub async fn assert_no_vm_trapped(&self) {
        let log = self.envoy.log();
        for word in ["Function: ", "unreachable", "panicked", "Uncaught", "failed to", "crash"] {
            assert!(!log.contains(word), "Envoy's log has {word:?}");
        }
        for (name, value) in self.stats().raw_below(&format!("wasm.{}.", self.filter)).await {
            assert_eq!(value, 0, "{name}");
        }
    }
}

async fn vms_created(stats: &Stats) -> u64 {
    stats.raw("wasm.envoy.wasm.runtime.v8.created").await.unwrap_or_default()
}

/// For the connection manager: answers that do not come from the upstream say why, as the access log does.
pub fn telling() -> Value {
    let any = json!({"comparison": {"op": "GE", "value": {"default_value": 100, "runtime_key": "unused"}}});
    json!({"local_reply_config": {"mappers": [{
        "filter": {"status_code_filter": any},
        "headers_to_add": [{"header": {"key": "x-details", "value": "%RESPONSE_CODE_DETAILS%"}}],
    }]}})
}

/// Whether the filter was asked, by the [reason](Gate::reason) for what came back; panics if its host failed it.
pub fn judged(reason: Option<&str>) -> bool {
    assert_ne!(reason, Some("host_unavailable"));
    reason.is_some_and(|reason| !reason.starts_with("envoy:"))
}
