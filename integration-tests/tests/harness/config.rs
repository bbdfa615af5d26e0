//! Bootstraps from Rust and from files.

use std::fs;

use portcullis_integration_tests::{
    Bootstrap, Client, Envoy, Example, Launch, Request, Upstream, WasmFilter, dist, merge,
};
use serde_json::{Value, json};

use crate::{lua, rbac_denying};

#[tokio::test(flavor = "multi_thread")]
async fn filters_run_in_order_before_the_router() {
    let upstream = Upstream::start().await;
    let add = |name| lua(&format!("function envoy_on_request(h) h:headers():add('x', '{name}') end"));
    let named = |name: &str, filter: Value| {
        let mut filter = filter;
        filter["name"] = json!(name);
        filter
    };
    let bootstrap = Bootstrap::new(upstream.address())
        .filter(rbac_denying("BadBot"))
        .filter(named("one", add("1")))
        .filter(named("two", add("2")));
    let envoy = Envoy::start(bootstrap).await;
    let client = Client::h1(envoy.address());
    let denied = client.send(Request::get("/").header("user-agent", "a BadBot")).await;
    assert_eq!((denied.status, upstream.count()), (403, 0));
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(upstream.only_request().headers.all("x"), [b"1", b"2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_have_labels_by_tags_from_a_file() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let tags = folder.path().join("tags.yaml");
    let tag = "stats_tags:\n- {tag_name: action, regex: '(\\.(allowed|denied))$'}\n";
    fs::write(&tags, tag).unwrap();
    let mut filter = rbac_denying("BadBot");
    merge(&mut filter["typed_config"], &json!({"rules_stat_prefix": "agents."}));
    let bootstrap = Bootstrap::new(upstream.address()).filter(filter).stats_tags(&tags);
    let envoy = Envoy::start(bootstrap).await;
    let client = Client::h1(envoy.address());
    for agent in ["BadBot", "BadBot", "curl"] {
        client.send(Request::get("/").header("user-agent", agent)).await;
    }

    let stats = envoy.stats();
    let decisions = "envoy_http_rbac";
    let denied = [("action", "denied"), ("envoy_rbac_http_prefix", "agents")];
    assert_eq!(stats.await_counter(decisions, &denied, 2).await, 2);
    let allowed = [("action", "allowed")];
    assert_eq!(stats.counter(decisions, &allowed).await, 1);
    assert_eq!(stats.counter(decisions, &[]).await, 3);
    let other = [("action", "other")];
    assert_eq!(stats.counter(decisions, &other).await, 0);
    let forwarded = "cluster.upstream.upstream_rq_total";
    assert_eq!(stats.await_raw(forwarded, 1).await, 1);
    assert_eq!(stats.raw("no.such.name").await, None);
}

const EXAMPLE: &str = r#"
admin: {address: {socket_address: {address: 0.0.0.0, port_value: 9901}}}
static_resources:
  listeners:
  - name: edge
    address: {socket_address: {address: 0.0.0.0, port_value: 10000}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          access_log:
          - name: file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /var/log/envoy/access.log
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - {match: {prefix: /audit}, route: {cluster: collector}}
              - {match: {prefix: /}, route: {cluster: api}}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - &cluster
    name: api
    type: STRICT_DNS
    load_assignment:
      cluster_name: api
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: api, port_value: 80}}}}]}]
  - {<<: *cluster, name: collector}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn examples_run_on_free_ports_and_local_addresses() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("example.yaml");
    fs::write(&file, EXAMPLE).unwrap();
    let example =
        Example::load(file.to_str().unwrap()).endpoint("api", upstream.address()).path("/var/log/envoy", folder.path());
    let envoy = Envoy::start(&example).await;
    let client = Client::h1(envoy.listener("edge"));
    assert_eq!(client.get("/").await.text(), "hello");
    assert_eq!(client.get("/audit").await.status, 503, "nothing listens for this cluster");
    let (status, _) = envoy.terminate().await;
    assert!(status.success());
    assert!(fs::read_to_string(folder.path().join("access.log")).unwrap().contains("/audit"));
}

#[test]
fn examples_take_modules_from_dist() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("example.yaml");
    fs::write(&file, "filename: /etc/envoy/ua_block.wasm").unwrap();
    let example = Example::load(file.to_str().unwrap()).build();
    assert_eq!(example["filename"], json!(dist("ua_block")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wasm_filter_names_its_variables_and_config() {
    let filter = WasmFilter::new("x", "/x.wasm").vm_id("shared").env(&["SECRET"]);
    let value = Value::from(filter.config(&json!({"a": 1})));
    let config = &value["typed_config"]["config"];
    assert_eq!(config["configuration"]["value"], r#"{"a":1}"#);
    assert_eq!(config["vm_config"]["vm_id"], "shared");
    assert_eq!(config["vm_config"]["environment_variables"]["host_env_keys"], json!(["SECRET"]));
    assert_eq!(config["failure_policy"], "FAIL_RELOAD");

    // Envoy knows every field: it gets as far as looking for the module.
    let upstream = Upstream::start().await;
    let bootstrap = Bootstrap::new(upstream.address()).filter(value);
    let error = Launch::new(bootstrap).env("SECRET", "s").try_start().await.err().unwrap();
    assert!(error.log.contains("/x.wasm"), "{error}");
}
