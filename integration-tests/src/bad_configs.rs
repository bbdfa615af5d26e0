//! Configs that must not get into force.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::{Bootstrap, Envoy, Upstream, WasmFilter, workspace};

/// A filter's own table of bad configs: texts, and what is said of each. Panics if there are not `least` at least.
pub fn bad_configs(filter: &str, least: usize) -> Vec<(String, String)> {
    let file = workspace(format!("filters/{filter}/testdata/bad_configs.json"));
    let table: Vec<Value> = serde_json::from_slice(&std::fs::read(file).expect("a table")).expect("a list");
    assert!(table.len() >= least, "{}", table.len());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    table.iter().map(|bad| (text(&bad["config"]), text(&bad["fault"]))).collect()
}

/// Panics if Envoy starts with one of these configs, or ends without saying what is wrong with it.
pub async fn assert_start_refused(
    configs: impl IntoIterator<Item = (String, String)>,
    filter: impl Fn(&str) -> WasmFilter,
) {
    let upstream = Upstream::start().await;
    let at_a_time = Arc::new(Semaphore::new(3));
    let mut starting = JoinSet::new();
    for (config, fault) in configs {
        let bootstrap = Bootstrap::new(upstream.address()).filter(filter(&config));
        let turn = Arc::clone(&at_a_time);
        starting.spawn(async move {
            let _turn = turn.acquire().await.expect("nobody closes it");
            match Envoy::try_start(bootstrap).await {
                Ok(_) => format!("Envoy started with {config}\n"),
                Err(error) if error.status.and_then(|status| status.code()) != Some(1) => {
                    format!("{config}: {error}\n")
                }
                Err(error) if !error.log.contains(&fault) => format!("{config}: no {fault:?} in {error}\n"),
                Err(_) => String::new(),
            }
        });
    }
    let faults = starting.join_all().await.concat();
    assert!(faults.is_empty(), "{faults}");
}
