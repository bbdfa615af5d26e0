//! The configuration that users copy: it loads, and does what its comments and its page say.

use std::fs;

use portcullis_integration_tests::{Client, Collector, Example, Launch, Request, Upstream, workspace};
use serde_json::json;

const FILE: &str = "envoy/schema_check.yaml";

/// A `curl` command as it stands in a comment or on a page, for the port of the example.
fn curl(command: &str) -> Request {
    // Words, some of them in quotes.
    let mut words = Vec::new();
    for (position, part) in command.split('\'').enumerate() {
        if position % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    let (mut method, mut headers, mut body, mut path) = (None, Vec::new(), None, None);
    let mut words = words.into_iter();
    assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
    while let Some(word) = words.next() {
        match word.as_str() {
            "-i" | "-s" => {}
            "-X" => method = words.next(),
            "-H" => headers.push(words.next().unwrap()),
            "-d" => body = words.next(),
            url => {
                let found = url.strip_prefix("http://localhost:10002");
                assert!(found.is_some(), "{command}: {url}");
                path = found.map(str::to_owned);
                break;
            }
        }
    }
    let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
    let mut request = Request::new(&method, &path.unwrap());
    let is_typed = headers.iter().any(|header| header.to_lowercase().starts_with("content-type"));
    if body.is_some() && !is_typed {
        headers.push("content-type: application/x-www-form-urlencoded".to_owned());
    }
    for header in headers {
        let (name, value) = header.split_once(':').unwrap();
        request = request.header(name, value.trim());
    }
    if let Some(body) = body { request.body(body) } else { request }
}

/// Those of a text that are for the example.
fn curls(file: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace(file)).unwrap();
    let commands = text.lines().filter_map(|line| line.find("curl ").map(|at| line[at..].to_owned()));
    commands.filter(|command| command.contains("http://localhost:10002/")).collect()
}

struct Parts {
    upstream: Upstream,
    collector: Collector,
    envoy: portcullis_integration_tests::Envoy,
}

async fn start() -> Parts {
    let (upstream, collector) = (Upstream::start().await, Collector::start().await);
    let example = Example::load(FILE).endpoint("upstream", upstream.address()).endpoint("audit", collector.address());
    let envoy = Launch::new(&example).start().await;
    Parts { upstream, collector, envoy }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_does_what_is_said_of_it() {
    let Parts { upstream, envoy, .. } = start().await;
    let client = Client::h1(envoy.address());
    let mut passed = 0;
    let commands: Vec<_> = [FILE, "docs/schema_check.md"].into_iter().flat_map(curls).collect();
    assert!(commands.len() >= 4, "{commands:#?}");
    for command in &commands {
        let response = client.send(curl(command)).await;
        // What is malformed is refused, and the only other one is good.
        if command.contains("malformed") {
            assert_eq!(response.status, 400, "{command}");
            let is_form = !command.contains("application/json");
            assert_eq!(response.json().get("errors").is_none(), is_form, "{command}: {}", response.text());
        } else {
            assert_eq!(response.status, 200, "{command}: {}", response.text());
            passed += 1;
        }
        assert_eq!(upstream.count(), passed, "{command}");
    }
    assert!(passed >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_does_what_it_says() {
    let Parts { upstream, collector, envoy } = start().await;
    let user = |body: &str| Request::post("/v1/users", body.to_owned()).header("content-type", "application/json");
    let order = |body: &str| {
        Request::post("/v1/orders", body.to_owned())
            .header("content-type", "application/json")
            .header("idempotency-key", "550e8400-e29b-41d4-a716-446655440000")
    };
    let good_order = r#"{"currency": "EUR", "items": [{"sku": "AB-1234", "quantity": 2}]}"#;
    let no_key = Request::post("/v1/orders", good_order).header("content-type", "application/json");
    let (mut passed, mut refused) = (0, 0);
    for client in [Client::h1(envoy.address()), Client::h2(envoy.address())] {
        for (request, status) in [
            (Request::get("/v1/health"), 200),
            (user(r#"{"email": "alice@example.com", "name": "Alice"}"#), 200),
            (user(r#"{"email": "alice@example.com", "name": "Alice", "role": "admin"}"#), 400),
            (user(r#"{"email": "no address", "name": "Alice"}"#), 400),
            (user(r#"{"email": "alice@example.com", "name": "Alice", "name": "Bob"}"#), 400),
            (Request::get("/v1/users/550e8400-e29b-41d4-a716-446655440000"), 200),
            (Request::get("/v1/users/42"), 400),
            (Request::new("PUT", "/v1/users/550e8400-e29b-41d4-a716-446655440000"), 405),
            (Request::get("/v1/orders?limit=10&status=open&status=paid"), 200),
            (Request::get("/v1/orders?limit=1000"), 400),
            (Request::get("/v1/orders?status=lost"), 400),
            (order(good_order), 200),
            (order(r#"{"currency": "EUR", "items": []}"#), 400),
            (order(r#"{"currency": "EUR", "items": [{"sku": "ab", "quantity": 2}]}"#), 400),
            (order(r#"{"currency": "EUR", "items": [{"sku": "AB-1234", "quantity": -2}]}"#), 400),
            (no_key.clone(), 400),
            (Request::get("/users"), 404),
            (Request::get("/v1/admin"), 404),
        ] {
            let shown = format!("{request:?}");
            let response = client.send(request).await;
            assert_eq!(response.status, status, "{shown}: {}", response.text());
            assert_eq!(response.headers.get("allow").is_some(), status == 405, "{shown}");
            if status == 200 {
                passed += 1;
            } else {
                refused += 1;
            }
            assert_eq!(upstream.count(), passed, "{shown}");
        }
    }
    let events = collector.await_count(refused).await;
    assert_eq!(events.len(), refused);
    assert!(collector.batches().iter().all(|batch| batch.path == "/ingest"));
    let mass = events.iter().filter(|event| {
        event["portcullis"]["details"]["errors"] == json!([{"in": "body", "pointer": "/role", "keyword": "readOnly"}])
    });
    assert_eq!(mass.count(), 2);
}
