//! Wycheproof's JWS vectors, which a clone of the project does not have. Their payloads are no claims, so as tokens all are
//! refused, whatever their signatures are worth; that is tested where signatures are verified.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_integration_tests::mint::Key;
use portcullis_integration_tests::{Launch, Request, telling, workspace};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};

#[derive(Deserialize)]
struct Vector {
    id: String,
    jws: String,
    jwks_ref: String,
}

/// The vectors and their key sets, where they are on this machine.
fn vectors() -> Option<(Vec<Vector>, BTreeMap<String, Value>)> {
    let conformance = std::env::var_os("PORTCULLIS_CONFORMANCE");
    let folder = conformance.map_or_else(|| workspace("../shared/conformance"), PathBuf::from).join("wycheproof");
    if !folder.is_dir() {
        println!("skipped: no vectors; PORTCULLIS_CONFORMANCE says where they are");
        return None;
    }
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let vectors = read("wycheproof_jws_raw.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Some((vectors, serde_json::from_str(&read("wycheproof_jwks.json")).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_vectors_are_refused_as_tokens() {
    let Some((vectors, key_sets)) = vectors() else { return };
    assert!(vectors.len() > 400);
    let (proxy, module) = tokio::join!(judge(&vectors, &key_sets, "auto"), judge(&vectors, &key_sets, "wasm"));
    assert_eq!(proxy, module);
}

/// The reasons of all vectors, over both versions of HTTP.
async fn judge(vectors: &[Vector], key_sets: &BTreeMap<String, Value>, signatures: &str) -> Vec<String> {
    // All that could be wrong with a token but for its payload is allowed.
    let provider = |name: &String| {
        let algorithms = ["HS", "RS", "PS", "ES"].map(|kind| [256, 384, 512].map(|bits| format!("{kind}{bits}")));
        json!({
            "issuer": null, "audiences": "any", "require_exp": false, "algorithms": algorithms.concat(),
            "jwks": {"env": variable(name)},
        })
    };
    let rule = |name: &String| json!({"path": format!("/{name}"), "auth": [name]});
    let config = json!({
        "providers": key_sets.keys().map(|name| (name.clone(), provider(name))).collect::<BTreeMap<_, _>>(),
        "rules": key_sets.keys().map(rule).collect::<Vec<_>>(),
        "signatures": signatures,
    });
    // Of some sets no key is fit for use; such a configuration is refused.
    let usable = |keys: &Value| {
        let mut keys = keys.clone();
        keys["keys"].as_array_mut().unwrap().push(Key::load("p384-1").public());
        keys.to_string()
    };
    let variables: Vec<String> = key_sets.keys().map(|name| variable(name)).collect();
    let names: Vec<&str> = variables.iter().map(String::as_str).collect();
    let gate = Gate::launch(filter(&config).env(&names), |bootstrap| {
        let launch = Launch::new(bootstrap.http(&telling()));
        key_sets.iter().fold(launch, |launch, (name, keys)| launch.env(&variable(name), &usable(keys)))
    })
    .await;
    let mut reasons = Vec::new();
    for (version, client) in gate.clients() {
        for Vector { id, jws, jwks_ref } in vectors {
            let request = Request::get(&format!("/{jwks_ref}")).header("authorization", format!("Bearer {jws}"));
            let answer = client.send(request).await;
            assert!(matches!(answer.status, 400 | 401), "{version}: {id}: {answer:?}");
            reasons.push(format!("{id}: {} {}", answer.status, reason(&answer)));
        }
    }
    assert_eq!(gate.upstream.count(), 0, "{:#?}", gate.upstream.requests());
    let ours = reasons.iter().all(|reason| reason.contains(" token_"));
    assert!(ours, "Envoy itself refused one: {reasons:#?}");
    gate.assert_no_vm_failed().await;
    reasons
}

fn variable(name: &str) -> String {
    format!("PORTCULLIS_{name}")
}
