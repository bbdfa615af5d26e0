//! A filter whose config comes from a file that Envoy watches (ECDS), as in production when a rule
//! changes during an incident.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::envoy::Envoy;
use crate::stats::Stats;
use crate::wait::{DEADLINE, until};

/// Envoy refused a new config and goes on with the old one.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// What Envoy logged meanwhile.
    pub log: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envoy rejected the update:\n{}", self.log)
    }
}

impl std::error::Error for Rejected {}

/// An HTTP filter delivered by a file, in a folder that lives as long as this value.
///
/// ```no_run
/// # async fn example() {
/// # use portcullis_integration_tests::*;
/// # let (upstream, old, new) = (Upstream::start().await, WasmFilter::new("", ""), WasmFilter::new("", ""));
/// let mut filter = DiscoveredFilter::new(old);
/// let envoy = Envoy::start(Bootstrap::new(upstream.address()).filter(&filter)).await;
/// filter.update(&envoy, new).await.expect("the new config is good");
/// # }
/// ```
pub struct DiscoveredFilter {
    name: String,
    kind: String,
    version: u32,
    serving: Value,
    folder: TempDir,
}

impl DiscoveredFilter {
    /// Writes the first config; `filter` is what would stand in the list of HTTP filters.
    pub fn new(filter: impl Into<Value>) -> Self {
        let filter = filter.into();
        let field = |text: &Value| text.as_str().expect("name and @type are strings").to_owned();
        let (name, kind) = (field(&filter["name"]), field(&filter["typed_config"]["@type"]));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let serving = Value::Null;
        let mut discovered = Self { name, kind, version: 0, serving, folder };
        discovered.write(&filter);
        discovered.serving = filter;
        discovered
    }

    /// The file Envoy watches.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("filter.json")
    }

    /// Puts a new config in place as an operator would, and waits until Envoy has judged it. When
    /// this returns `Ok`, every worker serves by the new config.
    pub async fn update(&mut self, envoy: &Envoy, filter: impl Into<Value>) -> Result<(), Rejected> {
        let filter = filter.into();
        if filter == self.serving {
            // Envoy would not reload, and there would be nothing to wait for.
            return Ok(());
        }
        let stats = envoy.stats();
        let before = self.counts(&stats).await;
        let logged = envoy.log().len();
        self.write(&filter);
        let judged = until(DEADLINE, || async {
            let now = self.counts(&stats).await;
            // A rejected update counts as a reload too, so look at rejections first.
            if now.refused > before.refused {
                Some(false)
            } else {
                (now.taken > before.taken && now.reloads > before.reloads).then_some(true)
            }
        });
        match judged.await {
            Some(true) => {
                self.serving = filter;
                Ok(())
            }
            Some(false) => Err(Rejected { log: envoy.log().split_off(logged) }),
            None => panic!("Envoy has not judged the update of {} after {DEADLINE:?}", self.name),
        }
    }

    /// Envoy notices a file that is moved into place, never one that is written to.
    fn write(&mut self, filter: &Value) {
        self.version += 1;
        let resource = json!({
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": self.name,
            "typed_config": filter["typed_config"],
        });
        let response = json!({"version_info": self.version.to_string(), "resources": [resource]});
        let new = self.folder.path().join("new.json");
        fs::write(&new, response.to_string()).expect("write the new config");
        fs::rename(&new, self.file()).expect("move the new config into place");
    }

    async fn counts(&self, stats: &Stats) -> Counts {
        let prefix = format!("extension_config_discovery.http_filter.{}.", self.name);
        let all = stats.raw_below(&prefix).await;
        let count = |name: &str| all.get(name).copied().unwrap_or_default();
        Counts {
            refused: count("update_rejected") + count("update_failure"),
            taken: count("update_success"),
            reloads: count("config_reload"),
        }
    }
}

struct Counts {
    /// Refused by the filter or not even parsed.
    refused: u64,
    /// Accepted on the main thread.
    taken: u64,
    /// In force on every worker.
    reloads: u64,
}

impl From<&DiscoveredFilter> for Value {
    fn from(filter: &DiscoveredFilter) -> Self {
        json!({
            "name": filter.name,
            "config_discovery": {
                "config_source": {
                    "path_config_source": {"path": filter.file()},
                    "resource_api_version": "V3",
                },
                "type_urls": [filter.kind],
            },
        })
    }
}
