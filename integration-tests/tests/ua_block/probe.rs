use crate::gate::*;
use portcullis_integration_tests::*;
use serde_json::json;
#[tokio::test(flavor = "multi_thread")]
async fn probe() {
    let config = json!({
        "rules": [{"name": "named", "regex": ["bad.?bot$"], "contains": ["scraper"], "action": "deny"}],
        "too_long": "allow", "audit": {"cluster": "audit", "events": ["allow", "deny"], "batch": {"max_age_ms": 10}},
    });
    let options = json!({"max_request_headers_kb": 8192});
    let gate = Gate::launch(filter(&config), |bootstrap| Launch::new(bootstrap.http(&options))).await;
    for k in [59, 60, 63, 64, 65, 66, 100, 200, 1024, 4096] {
        for end in ["BadBot", "Scraper", "BadBot scraper", "x"] {
            let r = gate.h1().try_send(get("a".repeat(k << 10) + end)).await;
            println!(
                "P {k} {end} {:?} {:?}",
                r.map(|r| r.status),
                gate.upstream.requests().last().map(|r| r.headers.get("user-agent").map(|u| u.len()))
            );
        }
    }
    println!("P {:?}", gate.decisions().await);
    println!("P {}", gate.envoy.log());
    for e in gate.collector.events() {
        println!("P {} {:?}", e["rule"]["name"], e["user_agent"]["original"].as_str().map(|s| s.len()));
    }
}
