//! Limits that a fleet shares through a rate limit service on Redis.

use portcullis_integration_tests::{RateLimitMode, Request};
use serde_json::{Value, json};

use crate::gate::{Gate, reason, service};

fn shared(quota: u32, more: &Value) -> Value {
    let mut global =
        json!({"cluster": "ratelimit", "domain": "portcullis", "timeout_ms": 1000, "fallback_factor": 0.1});
    for (key, value) in more.as_object().into_iter().flatten() {
        global[key] = value.clone();
    }
    json!({
        "limits": [{"name": "shared", "key": ["header:x-key"], "quota": quota, "window_s": 3600, "global": true}],
        "global": global,
    })
}

fn keyed(key: &str) -> Request {
    Request::get("/").header("x-key", key)
}

#[tokio::test]
async fn two_envoys_share_a_quota() {
    let (_redis, service) = service(&[("shared", "header:x-key", 5)]).await;
    let config = shared(5, &json!({}));
    let (one, two) = tokio::join!(Gate::with_service(&config, &service), Gate::with_service(&config, &service));
    for (gate, client) in [(&one, one.h1()), (&two, two.h2()), (&one, one.h2()), (&two, two.h1()), (&one, one.h1())] {
        gate.passed(&client, keyed("a")).await;
    }
    for gate in [&one, &two] {
        for (_, client) in gate.clients() {
            let refused = gate.refused_with(429, &client, keyed("a")).await;
            assert_eq!(reason(&refused), "quota_exceeded");
            let told = refused.headers.text("ratelimit").unwrap_or_default();
            assert!(told.starts_with("\"shared\";r=0;t="), "{told}");
        }
        // The first refusal was the service's, the second is remembered.
        gate.passed(&gate.h1(), keyed(if std::ptr::eq(gate, &one) { "b" } else { "c" })).await;
    }
    assert_eq!(service.counts().calls, 5 + 2 + 2);
    one.assert_no_vm_failed().await;
}

#[tokio::test]
async fn without_the_service_the_fallback_holds_and_it_comes_back() {
    let (redis, service) = service(&[("shared", "header:x-key", 1000)]).await;
    let gate = Gate::with_service(&shared(30, &json!({"timeout_ms": 200})), &service).await;
    gate.passed(&gate.h1(), keyed("a")).await;
    for (bad, way) in [("redis", 0), ("status", 1), ("down", 2), ("hang", 3)] {
        match way {
            0 => redis.kill(),
            1 => service.set_mode(RateLimitMode::Status(14)),
            2 => service.down().await,
            _ => service.set_mode(RateLimitMode::Hang),
        }
        // 30 times 0.1.
        for _ in 0..3 {
            gate.passed(&gate.h1(), keyed(bad)).await;
        }
        let refused = gate.refused_with(429, &gate.h1(), keyed(bad)).await;
        assert_eq!(reason(&refused), "quota_exceeded_in_fallback", "{bad}");
        match way {
            0 => redis.restart().await,
            2 => service.up().await,
            _ => service.set_mode(RateLimitMode::Ok),
        }
        let before = service.counts().calls;
        let back = async {
            while service.counts().calls == before || gate.h1().send(keyed(bad)).await.status != 200 {
                gate.h1().send(keyed("knocks")).await;
            }
        };
        tokio::time::timeout(portcullis_integration_tests::DEADLINE, back).await.expect("it is back");
    }
    gate.assert_no_vm_failed().await;
}
