use serde::Deserialize;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Claims, Revocations, Revoked, RevokedThings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    lists: Vec<ListCase>,
    faulty: Vec<FaultyCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListCase {
    list: Value,
    tokens: Vec<TokenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenCase {
    claims: Value,
    kid: Option<String>,
    /// By what; none: it is not revoked.
    by: Option<String>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultyCase {
    list: Value,
    error: String,
}

fn table() -> Table {
    serde_json::from_str(include_str!("../../../testdata/jose/revocations.json")).unwrap()
}

fn list(json: &Value) -> RevokedThings {
    RevokedThings::parse(json.to_string().as_bytes(), 100).unwrap()
}

fn claims(json: &Value) -> Claims {
    Claims::parse(json.to_string().as_bytes()).unwrap()
}

#[test]
fn lists_revoke_what_the_table_says() {
    for ListCase { list: json, tokens } in table().lists {
        let revocations = Revocations::from(list(&json));
        for case in tokens {
            let by = revocations.revokes(&claims(&case.claims), case.kid.as_deref()).map(Revoked::as_str);
            assert_eq!(by, case.by.as_deref(), "{} by {json}", case.claims);
        }
    }
}

#[test]
fn faults_of_a_list_are_named() {
    for case in table().faulty {
        let errors = RevokedThings::parse(case.list.to_string().as_bytes(), 3).unwrap_err();
        assert_eq!(errors.to_string(), case.error);
    }
}

#[test]
fn a_list_that_is_no_json_is_refused() {
    for text in ["", "<html>", r#"{"jti":[],"jti":["a"]}"#, r#"{"jti":["a"]"#] {
        assert!(RevokedThings::parse(text.as_bytes(), 100).is_err(), "{text}");
    }
}

#[test]
fn identifiers_have_a_length() {
    let of = |length| RevokedThings::parse(json!({"jti": ["j".repeat(length)]}).to_string().as_bytes(), 100);
    assert!(of(1).is_ok() && of(1024).is_ok());
    let fault = of(1025).unwrap_err().to_string();
    assert_eq!(fault, "$.jti[0]: expected 1 to 1024 bytes, found 1025", "without the identifier");
}

#[test]
fn entries_are_counted_in_all_parts() {
    let json = json!({"jti": ["a", "b"], "subjects": [{"sub": "c", "issued_before": 1}], "kid": ["d"]});
    assert_eq!(list(&json).len(), 4);
    assert!(!list(&json).is_empty() && list(&json!({})).is_empty());
    assert!(RevokedThings::parse(json.to_string().as_bytes(), 4).is_ok());
    assert!(RevokedThings::parse(json.to_string().as_bytes(), 3).is_err());
}

#[test]
fn the_schema_says_what_the_parser_does() {
    let schema = schemars::schema_for!(RevokedThings).to_value();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["jti"]["default"], json!([]));
    let entry = &schema["properties"]["jti"]["items"]["$ref"].as_str().unwrap();
    let entry = schema.pointer(entry.trim_start_matches('#')).unwrap();
    assert_eq!(
        entry["anyOf"][0],
        json!({"type": "string", "minLength": 1, "maxLength": 1024, "description": "The identifier."})
    );
}
