//! Filter configs from a watched file.

use portcullis_integration_tests::{Bootstrap, Client, DiscoveredFilter, Envoy, Launch, Upstream, WasmFilter};
use serde_json::json;

use crate::{lua, lua_answering, rbac_denying};

#[tokio::test(flavor = "multi_thread")]
async fn updates_are_accepted_or_rejected() {
    let upstream = Upstream::start().await;
    let mut filter = DiscoveredFilter::new(lua_answering(201));
    let bootstrap = Bootstrap::new(upstream.address()).filter(&filter);
    let envoy = Launch::new(bootstrap).concurrency(2).start().await;
    let client = Client::h1(envoy.address());
    assert_eq!(client.get("/").await.status, 201);

    for status in 202..=206 {
        filter.update(&envoy, lua_answering(status)).await.unwrap();
        assert_eq!(client.get("/").await.status, status);
    }

    let rejected = filter.update(&envoy, lua("no lua at all")).await.unwrap_err();
    assert!(rejected.log.contains("script load error"), "{rejected}");
    assert_eq!(client.get("/").await.status, 206, "the old config serves on");

    // What serves needs no reload.
    filter.update(&envoy, lua_answering(206)).await.unwrap();
    filter.update(&envoy, lua_answering(207)).await.unwrap();
    assert_eq!(client.get("/").await.status, 207);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_of_another_type_is_rejected() {
    let upstream = Upstream::start().await;
    let mut filter = DiscoveredFilter::new(rbac_denying("BadBot"));
    let envoy = Envoy::start(Bootstrap::new(upstream.address()).filter(&filter)).await;
    filter.update(&envoy, rbac_denying("Scraper")).await.unwrap();
    let rejected = filter.update(&envoy, lua_answering(200)).await.unwrap_err();
    assert!(rejected.log.contains("envoy.extensions.filters.http.lua"), "{rejected}");
}

/// The smallest module Envoy takes for a filter: a memory, `malloc`, and a function whose name
/// tells the ABI's version. One section a line.
const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x09\x02`\0\0`\x01\x7f\x01\x7f\
    \x03\x03\x02\0\x01\
    \x05\x03\x01\0\x01\
    \x07\x2d\x03\x06memory\x02\0\x17proxy_abi_version_0_2_1\0\0\x06malloc\0\x01\
    \x0a\x09\x02\x02\0\x0b\x04\0A\0\x0b";

#[tokio::test(flavor = "multi_thread")]
async fn wasm_filters_can_be_discovered_too() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("empty.wasm");
    std::fs::write(&module, EMPTY_MODULE).unwrap();
    let wasm = |rules| WasmFilter::new("empty", &module).config(&json!({"rules": rules}));

    let mut filter = DiscoveredFilter::new(wasm(1));
    let envoy = Envoy::start(Bootstrap::new(upstream.address()).filter(&filter)).await;
    assert_eq!(Client::h1(envoy.address()).get("/").await.status, 200);
    filter.update(&envoy, wasm(2)).await.unwrap();
    assert_eq!(Client::h1(envoy.address()).get("/").await.status, 200);

    let missing = WasmFilter::new("empty", folder.path().join("missing.wasm"));
    let rejected = filter.update(&envoy, missing).await.unwrap_err();
    assert!(rejected.log.contains("missing.wasm"), "{rejected}");
}
