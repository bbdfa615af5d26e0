//! A request full of secrets leaves none in any event, nor in Envoy's log.

use portcullis_integration_tests::{Batch, Bootstrap, Launch, Mode, Request};
use serde_json::json;

use crate::gate::{Gate, bad_bots, filter};

/// What must never be seen again; each is part of one secret below.
const SECRETS: &[&str] = &[
    "querytoken1",
    "queryencoded2",
    "querycode3",
    "queryredirect4",
    "querylogin5",
    "pathsession6",
    "pathjwtsignature7",
    "pathassigned8",
    "agentbearer9",
    "agentpassword10",
    "authorization11",
    "cookie12",
    "apikey13",
    "proxyauth14",
    "requestid15",
    "traceparent16",
    "forwardedcert17",
    "authoritylogin18",
    "refererquery19",
    "custom20",
    "body21",
    "collector22",
];

fn bad_request(agent: &str) -> Request {
    Request::post(
        "/a;jsessionid=pathsession6/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.pathjwtsignature7/token=pathassigned8/x\
         ?token=querytoken1&%74oken=queryencoded2&code=querycode3\
         &next=https%3A%2F%2Fa%2F%3Faccess_token%3Dqueryredirect4&at=https://user:querylogin5@host/",
        "password=body21",
    )
    .header("user-agent", agent)
    .header("authorization", "Bearer authorization11")
    .header("cookie", "session=cookie12")
    .header("x-api-key", "apikey13")
    .header("proxy-authorization", "Basic proxyauth14")
    .header("x-request-id", "token=requestid15")
    .header("traceparent", "00-password=traceparent16")
    .header("x-forwarded-client-cert", "forwardedcert17")
    .header("referer", "https://a/?token=refererquery19")
    .header("x-custom", "custom20")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_in_events_or_log() {
    let agents = [
        ("BadBot Authorization: Bearer agentbearer9", 403),
        ("BadBot (password=agentpassword10)", 403),
        ("Mozilla/5.0 Bearer agentbearer9", 200),
    ];
    let config = bad_bots(&json!({
        "events": ["allow", "deny", "shadow", "error"],
        "header_env": {"authorization": "AUDIT_TOKEN"},
    }));
    let options = json!({"preserve_external_request_id": true});
    let launch = |bootstrap: Bootstrap| Launch::new(bootstrap.http(&options)).env("AUDIT_TOKEN", "Bearer collector22");
    let gate = Gate::launch(filter(&config).env(&["AUDIT_TOKEN"]), launch).await;
    for (agent, status) in agents {
        let login = "user:authoritylogin18@api.example.com";
        assert_eq!(gate.h1().send(bad_request(agent).header("host", login)).await.status, status);
        // Envoy itself refuses a login in HTTP/2's authority.
        assert_eq!(gate.h2().send(bad_request(agent)).await.status, status);
    }
    gate.collector.await_count(6).await;
    // Trouble with the collector is logged; that must not show what could not be delivered.
    for (mode, result) in [(Mode::Status(400), "rejected"), (Mode::Down, "failed")] {
        gate.collector.set_mode(mode).await;
        assert_eq!(gate.h1().send(bad_request(agents[0].0)).await.status, 403);
        gate.stats().await_counter("portcullis_audit_calls_total", &[("result", result)], 1).await;
    }

    let batches = gate.collector.batches();
    let authorized = |batch: &Batch| batch.headers.text("authorization").as_deref() == Some("Bearer collector22");
    assert!(batches.iter().all(authorized), "the secret from the environment goes to the collector alone");
    let bodies = batches.into_iter().flat_map(|batch| batch.body).collect::<Vec<u8>>();
    let bodies = bodies.escape_ascii().to_string();
    assert!(bodies.contains("token=[REDACTED]"));
    let (_, log) = gate.0.envoy.terminate().await;
    for secret in SECRETS {
        assert!(!bodies.contains(secret), "{secret} is in an event");
        assert!(!log.contains(secret), "{secret} is in Envoy's log");
    }
}
