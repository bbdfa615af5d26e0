//! The attack tokens: that their file is current, and that the good ones among them are good.

use std::collections::BTreeSet;
use std::fs;

use portcullis_integration_tests::{Bootstrap, Client, Envoy, Upstream, attacks, jwt_authn, local_jwks, workspace};
use serde_json::Value;

/// If it fails: `cargo run -p portcullis-integration-tests --bin attacks`.
#[test]
fn the_files_are_current() {
    for (file, text) in attacks::files() {
        let there = fs::read_to_string(&file).unwrap_or_default();
        assert!(there == text, "{} is out of date: run the binary `attacks`", file.display());
    }
}

#[test]
fn every_reason_is_known_and_has_cases() {
    let library = fs::read_to_string(workspace("shared/src/jose/fault.rs")).unwrap();
    let faults = library.lines().filter_map(|line| line.split_once(" = \"")?.1.strip_suffix("\","));
    let sources = ["accepted", "token_missing", "token_source_malformed", "token_source_multiple"];
    let known: BTreeSet<&str> = faults.chain(sources).collect();
    assert!(known.len() > 25, "{known:?}");

    let table = attacks::table();
    let text = |case: &'_ Value, member: &str| case[member].as_str().map(str::to_owned);
    let expected: BTreeSet<String> = table.iter().map(|case| text(case, "expect").unwrap()).collect();
    assert_eq!(expected.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
    assert!(table.iter().filter_map(|case| text(case, "or")).all(|code| known.contains(code.as_str())));
    let names: BTreeSet<String> = table.iter().map(|case| text(case, "name").unwrap()).collect();
    assert_eq!(names.len(), table.len(), "names are unique");
    let good = table.iter().filter(|case| case["expect"] == "accepted").count();
    assert!(good >= 25 && table.len() - good >= 150, "{good} of {}", table.len());
}

/// A second opinion: a spoiled control would let a filter that refuses everything look right. Envoy has no opinion on
/// much of the rest; it takes some sixty of the attacks.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_agrees_on_what_is_good_and_what_is_not_signed() {
    const NOT_SIGNED: [&str; 3] = ["token_signature_invalid", "token_algorithm_none", "token_algorithm_not_allowed"];
    let upstream = Upstream::start().await;
    let config = attacks::config();
    let filter = jwt_authn(&local_jwks(&config["providers"]["main"]["jwks"]["inline"]), false);
    let envoy = Envoy::start(Bootstrap::new(upstream.address()).filter(filter)).await;
    let client = Client::h1(envoy.address());
    let mut asked = 0;
    for case in attacks::table() {
        let good = case["expect"] == "accepted";
        let bad = NOT_SIGNED.iter().any(|code| case["expect"] == *code);
        // Of the provider `internal`, which this Envoy does not have.
        let internal = case["name"] == "good HS256";
        if !(good || bad) || internal || case["token"].is_null() {
            continue;
        }
        asked += 1;
        let response = client.send(attacks::request(&case, "/")).await;
        assert_eq!(response.status, if good { 200 } else { 401 }, "{}: {}", case["name"], response.text());
    }
    assert!(asked > 150, "{asked}");
}

/// Envoy refuses none of them by itself, so what refuses them in a test is the filter.
#[tokio::test(flavor = "multi_thread")]
async fn every_case_can_be_sent() {
    let upstream = Upstream::start().await;
    let envoy = Envoy::start(Bootstrap::new(upstream.address())).await;
    let direct = Client::h1(upstream.address());
    for case in attacks::table() {
        upstream.clear();
        direct.send(attacks::request(&case, "/orders/1")).await;
        let received = upstream.only_request();
        let query = case["query"].as_str().map(|query| format!("?{query}")).unwrap_or_default();
        assert_eq!(received.path, format!("/orders/1{query}"));
        let length = |member: &str| case[member].as_array().map_or(0, Vec::len);
        let authorizations = length("authorization") + usize::from(case["token"].is_string());
        assert_eq!(received.headers.all("authorization").len(), authorizations, "{case}");
        assert_eq!(received.headers.all("cookie").len(), length("cookie"), "{case}");
        for client in [Client::h1(envoy.address()), Client::h2(envoy.address())] {
            assert_eq!(client.send(attacks::request(&case, "/orders/1")).await.status, 200, "{case}");
        }
    }
}
