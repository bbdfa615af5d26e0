//! Documents of real services, whole as they are published: Envoy loads them, and requests get the right verdict.
//!
//! Each test prints what it costs; nobody asserts how long.

use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use flate2::read::GzDecoder;
use portcullis_integration_tests::{Bootstrap, Launch, Request, WasmFilter, dist, telling, workspace};

use crate::gate::{Gate, reason};

/// The text of a published document; `None` with a message if there are none here.
fn published(name: &str) -> Option<String> {
    let conformance =
        std::env::var_os("PORTCULLIS_CONFORMANCE").map_or_else(|| workspace("../../shared/conformance"), PathBuf::from);
    let Ok(packed) = std::fs::read(conformance.join("openapi").join(format!("{name}.json.gz"))) else {
        println!("skipped: no document of {name}; PORTCULLIS_CONFORMANCE says where they are");
        return None;
    };
    let mut text = String::new();
    GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
    Some(text)
}

async fn start(document: &str, workers: u32) -> Gate {
    // As it is: numbers keep their digits.
    let config = format!("{{\"openapi\": {document}}}");
    let filter = WasmFilter::new("schema_check", dist("schema_check")).config_text(&config);
    Gate::launch(filter, |bootstrap: Bootstrap| Launch::new(bootstrap.http(&telling())).concurrency(workers)).await
}

#[expect(clippy::cast_precision_loss, reason = "some MB")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// What Envoy takes with a small document and with this one. Returns the last of them.
async fn report(name: &str, document: &str) -> Gate {
    const SMALL: &str = r#"{"openapi": "3.1.0", "paths": {"/health": {"get": {}}}}"#;
    for (what, text) in [("a small document", SMALL), (name, document)] {
        for workers in [1, 2] {
            let begun = Instant::now();
            let gate = start(text, workers).await;
            let ready = begun.elapsed();
            println!(
                "{what}, {:.1} MB, {workers} workers: ready after {:.2} s, {:.2} s of processor time, {:.0} MB resident",
                megabytes(text.len() as u64),
                ready.as_secs_f64(),
                gate.envoy.cpu_time().as_secs_f64(),
                megabytes(gate.envoy.resident_bytes()),
            );
            if what == name && workers == 2 {
                return gate;
            }
        }
    }
    unreachable!("the last one returns")
}

/// Each request with the reason why it is refused, or `accepted`.
async fn judge(gate: &Gate, requests: Vec<(Request, &str)>) {
    let mut faults = Vec::new();
    for (version, client) in gate.clients() {
        for (request, expected) in &requests {
            gate.upstream.clear();
            let response = client.send(request.clone()).await;
            let found = reason(&response);
            let seen = gate.upstream.count();
            if found != *expected || seen != usize::from(found == "accepted") {
                faults
                    .push(format!("{version}: {request:?}: {found}, {seen} seen, not {expected}: {}", response.text()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let log = gate.envoy.log();
    println!("{} warnings", log.lines().filter(|line| line.contains("$.openapi")).count());
    gate.assert_no_vm_failed().await;
}

fn json(method: &str, path: &str, body: &str) -> Request {
    Request::new(method, path).body(body.to_owned()).header("content-type", "application/json")
}

fn form(path: &str, body: &str) -> Request {
    Request::post(path, body.to_owned()).header("content-type", "application/x-www-form-urlencoded")
}

#[tokio::test(flavor = "multi_thread")]
async fn github() {
    let Some(document) = published("github") else { return };
    let gate = report("GitHub's document", &document).await;
    let issues = "/repos/octocat/hello-world/issues";
    judge(
        &gate,
        vec![
            (Request::get(issues), "accepted"),
            (Request::get(&format!("{issues}?state=open&per_page=100")), "accepted"),
            (Request::get(&format!("{issues}?state=odd")), "parameter_invalid"),
            (Request::get(&format!("{issues}?per_page=many")), "parameter_invalid"),
            (Request::get(&format!("{issues}?other=1")), "query_unknown"),
            (Request::get(&format!("{issues}/7")), "accepted"),
            (Request::get(&format!("{issues}/seven")), "parameter_invalid"),
            (
                json("POST", issues, r#"{"title": "Found a bug", "labels": ["bug"], "assignees": ["octocat"]}"#),
                "accepted",
            ),
            (json("POST", issues, r#"{"title": 7, "assignee": null}"#), "accepted"),
            (json("POST", issues, r#"{"title": ["Found a bug"]}"#), "body_invalid"),
            (json("POST", issues, r#"{"body": "no title"}"#), "body_invalid"),
            (json("POST", issues, r#"{"title": "a", "title": "b"}"#), "json_duplicate_key"),
            (json("POST", "/user/repos", r#"{"name": "hello", "private": true}"#), "accepted"),
            (json("POST", "/user/repos", r#"{"name": "hello", "private": "yes"}"#), "body_invalid"),
            (json("POST", "/user/repos", r#"{"private": true}"#), "body_invalid"),
            (form("/user/repos", "name=hello"), "media_type_unknown"),
            (Request::new("POST", "/user/repos"), "body_missing"),
            (Request::new("PUT", "/user/repos"), "method_unknown"),
            (Request::get("/internal/debug"), "path_unknown"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe() {
    let Some(document) = published("stripe") else { return };
    let gate = report("Stripe's document", &document).await;
    judge(
        &gate,
        vec![
            (Request::get("/v1/charges?limit=3"), "accepted"),
            (Request::get("/v1/charges?created[gte]=1700000000&expand[]=data.customer"), "accepted"),
            (Request::get("/v1/charges?created[gte]=yesterday"), "parameter_invalid"),
            (Request::get("/v1/charges?limit=three"), "parameter_invalid"),
            (Request::get("/v1/charges?other=1"), "query_unknown"),
            (form("/v1/coupons", "percent_off=25.5&duration=once&metadata[a]=b"), "accepted"),
            (form("/v1/coupons", "currency_options[eur][amount_off]=5"), "accepted"),
            (form("/v1/coupons", "currency_options[eur][amount_off]=five"), "body_invalid"),
            (form("/v1/coupons", "duration=always"), "body_invalid"),
            (form("/v1/coupons", "other=1"), "body_invalid"),
            (json("POST", "/v1/coupons", r#"{"percent_off": 25.5}"#), "media_type_unknown"),
            (Request::get("/v2/charges"), "path_unknown"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes() {
    let Some(document) = published("kubernetes") else { return };
    let gate = report("Kubernetes' document", &document).await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod =
        |spec: &str| format!(r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "a"}}, "spec": {spec}}}"#);
    judge(
        &gate,
        vec![
            (Request::get(pods), "accepted"),
            (Request::get(&format!("{pods}?limit=10&labelSelector=app%3Dweb")), "accepted"),
            (Request::get(&format!("{pods}?limit=ten")), "parameter_invalid"),
            (json("POST", pods, &pod(r#"{"containers": [{"name": "a", "image": "b"}]}"#)), "accepted"),
            (json("POST", pods, &pod(r#"{"containers": [{"image": "b"}]}"#)), "body_invalid"),
            (json("POST", pods, &pod(r#"{"containers": "all"}"#)), "body_invalid"),
            (
                json("POST", pods, &pod(r#"{"containers": [{"name": "a", "ports": [{"containerPort": "80"}]}]}"#)),
                "body_invalid",
            ),
            (json("POST", pods, "[]"), "body_invalid"),
            (json("POST", &format!("{pods}?dryRun=All"), &pod(r#"{"containers": []}"#)), "accepted"),
            (Request::get("/api/v2/pods"), "path_unknown"),
        ],
    )
    .await;
}
