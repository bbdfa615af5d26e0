#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Kind, Remote};
use crate::{
    config::{Errors, parse},
    document::{Document, Source, pace::Pace},
};

const JWKS: Kind = Kind::new("jwks");

fn compile_as(kind: Kind, rest: &str) -> Result<Source, Errors> {
    let json = format!(r#"{{"cluster": "idp", "url": "https://idp.example/jwks?a=b"{rest}}}"#);
    let config: Remote = parse(json.as_bytes())?;
    let mut errors = Errors::default();
    let environment = |name: &str| match name {
        "TOKEN" => Some("Bearer s3cr3t".to_owned()),
        "OTHER_TOKEN" => Some("Bearer 0th3r".to_owned()),
        _ => None,
    };
    let source = config.compile(kind, "$.remote", &environment, &mut errors);
    assert_eq!(source.is_some(), errors.is_empty());
    source.ok_or(errors)
}

fn compile(rest: &str) -> Result<Source, Errors> {
    compile_as(JWKS, rest)
}

fn faults(rest: &str) -> Vec<String> {
    compile(rest).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn cluster_and_url_are_enough() {
    let source = compile("").unwrap();
    let headers: Vec<_> = source.request_headers().collect();
    assert_eq!(
        headers,
        [(":method", "GET"), (":scheme", "https"), (":path", "/jwks?a=b"), (":authority", "idp.example")]
    );
    assert_eq!((source.cluster.as_str(), source.timeout_ms, source.max_bytes), ("idp", 1000, 65_536));
    assert_eq!(source.pace, Pace::new(300, 1000, 86_400, 10));
}

#[test]
fn defaults_depend_on_the_kind() {
    let revoked = Kind { refresh_s: 10, max_bytes: 1 << 20, stale_s: 0, demand_s: 3, ..Kind::new("revoked") };
    let source = compile_as(revoked, "").unwrap();
    assert_eq!((source.pace, source.max_bytes), (Pace::new(10, 1000, 0, 3), 1 << 20));
    let source = compile_as(revoked, r#", "refresh_s": 20, "stale_s": 40, "max_bytes": 2000"#).unwrap();
    assert_eq!((source.pace, source.max_bytes), (Pace::new(20, 1000, 40, 3), 2000));
}

#[test]
fn the_default_of_staleness_grows_with_the_refresh() {
    let kind = Kind { stale_s: 400, ..JWKS };
    assert_eq!(compile_as(kind, r#", "refresh_s": 500"#).unwrap().pace, Pace::new(500, 1000, 500, 10));
    let kind = Kind { stale_s: 0, ..JWKS };
    assert_eq!(compile_as(kind, r#", "refresh_s": 500"#).unwrap().pace, Pace::new(500, 1000, 0, 10));
}

#[test]
fn headers_are_added_and_not_shown() {
    let source =
        compile(r#", "headers": {"Accept": "application/json"}, "header_env": {"Authorization": "TOKEN"}"#).unwrap();
    let headers: Vec<_> = source.request_headers().skip(4).collect();
    assert_eq!(headers, [("accept", "application/json"), ("authorization", "Bearer s3cr3t")]);
    let document = Document::new("jwt_bola", source);
    assert!(!format!("{document:?}").contains("s3cr3t"));
}

#[test]
fn every_fault_is_named() {
    let faults = faults(
        r#", "refresh_s": 0, "timeout_ms": 60001, "max_bytes": 1023, "stale_s": 2592001,
            "headers": {"authorization": "s3cr3t"}, "header_env": {"x": "MISSING"}"#,
    );
    let expected = [
        "$.remote.refresh_s: expected 1 to 86400, found 0",
        "$.remote.timeout_ms: expected 1 to 60000, found 60001",
        "$.remote.max_bytes: expected 1024 to 16777216, found 1023",
        "$.remote.stale_s: expected 0 to 2592000, found 2592001",
        "$.remote.headers[\"authorization\"]: expected no credentials in the configuration: name a variable in \
         `header_env`, found a header that carries some",
        "$.remote.header_env[\"x\"]: expected a variable that `vm_config.environment_variables` sets, found \"MISSING\"",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn staleness_fits_the_refresh() {
    assert_eq!(
        faults(r#", "refresh_s": 60, "stale_s": 59"#),
        ["$.remote.stale_s: expected 0, or no less than refresh_s, 60, found 59"]
    );
    assert!(compile(r#", "refresh_s": 60, "stale_s": 60"#).is_ok());
    assert!(compile(r#", "refresh_s": 60, "stale_s": 0"#).is_ok());
}

#[test]
fn cluster_and_url_are_checked() {
    for (json, fault) in [
        (r#"{"url": "https://h/"}"#, "$: expected key `cluster`"),
        (r#"{"cluster": "c"}"#, "$: expected key `url`"),
        (r#"{"cluster": "c", "url": "https://h/", "path": "/"}"#, "$.path: expected one of `cluster`, `url`"),
    ] {
        let faults = parse::<Remote>(json.as_bytes()).unwrap_err();
        assert!(faults.to_string().starts_with(fault), "{faults}");
    }
    let config: Remote = parse(br#"{"cluster": "", "url": "https://u:s3cr3t@h/"}"#).unwrap();
    let mut errors = Errors::default();
    assert!(config.compile(JWKS, "$", &|_| None, &mut errors).is_none());
    let faults: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(faults, ["$.cluster", "$.url"]);
}

#[test]
fn a_key_says_what_may_be_shared() {
    let key = |rest: &str| compile(rest).unwrap().key("jwt_bola");
    let own = key("");
    assert!(own.starts_with("portcullis.document.1.jwt_bola.jwks."), "{own}");
    // Times do not matter, so that a changed configuration finds the document.
    assert_eq!(own, key(r#", "refresh_s": 10, "stale_s": 0, "timeout_ms": 5"#));
    assert_eq!(key(r#", "headers": {"a": "1", "b": "2"}"#), key(r#", "headers": {"b": "2", "a": "1"}"#));
    let others = [
        compile("").unwrap().key("ratelimit"),
        compile_as(Kind::new("revoked"), "").unwrap().key("jwt_bola"),
        key(r#", "max_bytes": 5000"#),
        key(r#", "headers": {"a": "1"}"#),
        key(r#", "headers": {"a": "2"}"#),
        key(r#", "header_env": {"authorization": "TOKEN"}"#),
        key(r#", "header_env": {"authorization": "OTHER_TOKEN"}"#),
        {
            let mut source = compile("").unwrap();
            source.cluster.push('2');
            source.key("jwt_bola")
        },
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(*other, own, "{index}");
        assert!(others[..index].iter().all(|earlier| earlier != other), "{index}");
    }
}

#[test]
fn the_schema_has_every_default_that_is_fixed() {
    let schema = serde_json::to_value(schemars::schema_for!(Remote)).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["cluster", "url"]));
    assert_eq!(schema["properties"]["timeout_ms"]["default"], 1000);
    for (key, property) in schema["properties"].as_object().unwrap() {
        assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
}
