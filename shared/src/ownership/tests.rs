use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{
    config::{Errors, parse},
    path::{Normaliser, PathBuffer, Template},
};

use super::{
    ClaimRule, ClaimTable, Compare, Denial, Fault, Form, MAX_ID, MAX_POINTERS, METHOD_OVERRIDE_HEADERS, OwnerRule,
    Ownership, PATH_OVERRIDE_HEADERS, Requirement, Resource, Split, Values, check_id, judge, owns, refuse_overrides,
};

mod enumeration;
mod evasions;
#[cfg(not(target_arch = "wasm32"))]
mod properties;

#[test]
fn resources_parse_as_the_table_says() {
    let schema = schemars::schema_for!(Resource);
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap();
    let pattern = regex_automata::dfa::regex::Regex::new(pattern).unwrap();
    let cases: Vec<(String, Value)> =
        serde_json::from_str(include_str!("../../testdata/ownership/resources.json")).unwrap();
    for (text, expected) in cases {
        let found = parse::<Resource>(Value::from(text.as_str()).to_string().as_bytes());
        if let Some(good) = expected.as_bool() {
            assert_eq!(found.is_ok(), good, "{text}");
            assert_eq!(found.unwrap().to_string(), text);
            assert!(pattern.is_match(&text), "the schema refuses {text:?}");
        } else if let Some(canonical) = expected.get("is").and_then(Value::as_str) {
            assert_eq!(serde_json::to_value(found.unwrap()).unwrap(), canonical);
        } else {
            let error = found.unwrap_err().to_string();
            let start = format!("$: expected {}", expected.as_str().unwrap());
            assert!(error.starts_with(&start), "{error:?} does not start with {start:?}");
        }
    }
}

#[test]
fn a_resources_error_is_short() {
    let error = format!("query.{}", "?".repeat(1_000_000)).parse::<Resource>().unwrap_err().to_string();
    assert!(error.len() < 300, "{error}");
    assert!(format!("query.{}", "a".repeat(129)).parse::<Resource>().is_err());
}

#[test]
fn a_rule_has_defaults() {
    let rule: OwnerRule = parse(br#"{"resource": "path.id", "claim": "/sub"}"#).unwrap();
    assert_eq!((rule.compare, rule.split), (Compare::Exact, Split::Never));
    assert_eq!(
        serde_json::to_value(&rule).unwrap(),
        json!({"resource": "path.id", "claim": "/sub", "compare": "exact", "split": "never"})
    );
    let schema = schemars::schema_for!(OwnerRule).to_value();
    assert_eq!(schema["required"], json!(["resource", "claim"]));
    assert_eq!(schema["properties"]["compare"]["default"], "exact");
}

#[test]
fn codes_are_distinct() {
    let codes: std::collections::BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.code()).collect();
    assert_eq!(codes.len(), Fault::ALL.len());
}

#[test]
fn what_a_template_lacks_is_a_fault() {
    let rules: Vec<OwnerRule> =
        parse(br#"[{"resource": "path.id", "claim": "/sub"}, {"resource": "path.x", "claim": "/sub"}]"#).unwrap();
    let template: Template = "/users/{id}".parse().unwrap();
    let mut errors = Errors::default();
    Ownership::new(rules, &template, &mut ClaimTable::default(), &"$.rules[3].owner", &mut errors);
    assert_eq!(errors.to_string(), "$.rules[3].owner[1].resource: expected a name that `/users/{id}` has, found `x`");
}

#[test]
fn places_in_a_body_are_limited() {
    let rules = |count: usize| -> Vec<OwnerRule> {
        let rule = |index| json!({"resource": format!("body./{index}/x"), "claim": "/sub"});
        parse((0..count).map(rule).collect::<Value>().to_string().as_bytes()).unwrap()
    };
    let compile = |count| {
        let mut errors = Errors::default();
        let mut table = ClaimTable::default();
        let compiled = Ownership::new(rules(count), &"/".parse().unwrap(), &mut table, &"$", &mut errors);
        (compiled, table, errors)
    };
    assert_eq!(compile(MAX_POINTERS + 1).2.to_string(), "$: expected at most 64 places in the body, found 65");
    let (ownership, table, errors) = compile(MAX_POINTERS);
    assert!(errors.is_empty() && ownership.needs_body());
    let claims = table.read(&json!({"sub": "42"}));
    let body = |last: &str| {
        let mut members = serde_json::Map::new();
        members.extend((0..MAX_POINTERS).map(|index| (index.to_string(), json!({"x": "42"}))));
        members.insert("63".to_owned(), json!({ "x": last }));
        Value::from(members).to_string()
    };
    assert_eq!(ownership.check_body(&claims, body("42").as_bytes()), Ok(()));
    let denial = ownership.check_body(&claims, body("43").as_bytes()).unwrap_err();
    assert_eq!(denial, Denial { fault: Fault::OwnerMismatch, rule: Some(63), object: Some("43".into()) });
}

#[test]
fn a_denial_names_its_rule_and_the_object() {
    let rules = parse(
        br#"[{"resource": "body./c", "claim": "/sub"}, {"resource": "path.t", "claim": "/tenants"},
             {"resource": "body./d", "claim": "/sub"}]"#,
    );
    let mut table = ClaimTable::default();
    let mut errors = Errors::default();
    let ownership = Ownership::new(rules.unwrap(), &"/{t}".parse().unwrap(), &mut table, &"$", &mut errors);
    let claims = table.read(&json!({"sub": "42", "tenants": [1, 2]}));
    let headers = [(b"content-type".as_slice(), b"application/json".as_slice())];
    let at_headers = |target: &str, headers: &[(&'static [u8], &'static [u8])]| {
        let mut buffer = PathBuffer::default();
        let path = Normaliser::strict().normalise(target.as_bytes(), &mut buffer).unwrap();
        ownership.check_headers(&claims, &path, &headers.iter().copied())
    };
    let denial = |fault, rule, object: Option<&str>| Err(Denial { fault, rule, object: object.map(Into::into) });
    assert_eq!(at_headers("/2", &headers), Ok(()));
    assert_eq!(at_headers("/3", &headers), denial(Fault::OwnerMismatch, Some(1), Some("3")));
    assert_eq!(at_headers("/2", &[]), denial(Fault::BodyInvalid, None, None));
    // The object is told before the missing media type: what the caller may not have comes first.
    assert_eq!(at_headers("/3", &[]), denial(Fault::OwnerMismatch, Some(1), Some("3")));
    let at_body = |body: &str| ownership.check_body(&claims, body.as_bytes());
    assert_eq!(at_body(r#"{"c": 42, "d": "42"}"#), Ok(()));
    assert_eq!(at_body(r#"{"c": 42, "d": "7"}"#), denial(Fault::OwnerMismatch, Some(2), Some("7")));
    assert_eq!(at_body(r#"{"c": " ", "d": "7"}"#), denial(Fault::ResourceAmbiguous, Some(0), None));
    assert_eq!(at_body("{"), denial(Fault::BodyInvalid, None, None));
    let nobody = table.read(&json!({}));
    assert_eq!(ownership.check_body(&nobody, br#"{"c": 42}"#), denial(Fault::ClaimMissing, Some(0), None));
}

#[test]
fn rules_without_a_body_do_not_look_at_it() {
    let rules = parse(br#"[{"resource": "query.id", "claim": "/sub"}]"#).unwrap();
    let (mut table, mut errors) = (ClaimTable::default(), Errors::default());
    let ownership = Ownership::new(rules, &"/".parse().unwrap(), &mut table, &"$", &mut errors);
    assert!(!ownership.needs_body());
    assert_eq!(ownership.check_body(&table.read(&json!({})), b"{"), Ok(()));
}

/// Values of the same claim, asked for in the same form, are kept once.
#[test]
fn claims_are_read_once() {
    let mut table = ClaimTable::default();
    let sub = "/sub".parse().unwrap();
    let ids = table.add(&sub, Form::Ids(Split::Never));
    assert_eq!(table.add(&sub, Form::Ids(Split::Never)), ids);
    let words = table.add(&sub, Form::Words);
    assert_ne!(words, ids);
    let claims = table.read(&json!({"sub": "a b"}));
    assert_eq!(claims.get(ids).unwrap().texts().collect::<Vec<_>>(), ["a b"]);
    assert_eq!(claims.get(words).unwrap().texts().collect::<Vec<_>>(), ["a", "b"]);
    let smaller = table.read(&json!({"sub": "a"}));
    assert!(claims.size() > smaller.size() && smaller.size() > table.read(&json!({})).size());
    let other = ClaimTable::default().read(&json!({"sub": "a b"}));
    assert_eq!(other.get(ids), Err(Fault::ClaimMissing));
}

#[test]
fn the_number_of_values_is_limited() {
    let values = |count: usize, form| Values::new(Some(&json!(vec!["a"; count])), form).map(|_| ());
    let words = |count: usize, form| Values::new(Some(&json!("a ".repeat(count))), form).map(|_| ());
    for form in [Form::Ids(Split::Never), Form::Ids(Split::Space), Form::Words] {
        assert_eq!(values(Values::MAX, form), Ok(()));
        assert_eq!(values(Values::MAX + 1, form), Err(Fault::ClaimInvalid));
    }
    assert_eq!(words(Values::MAX, Form::Words), Ok(()));
    assert_eq!(words(Values::MAX + 1, Form::Words), Err(Fault::ClaimInvalid));
}

#[test]
fn numbers_beyond_64_bits_are_no_values() {
    let values = |text: &str| Values::new(Some(&serde_json::from_str(text).unwrap()), Form::Ids(Split::Never));
    assert_eq!(values("18446744073709551615").unwrap().texts().collect::<Vec<_>>(), ["18446744073709551615"]);
    assert_eq!(values("-9223372036854775808").unwrap().texts().collect::<Vec<_>>(), ["-9223372036854775808"]);
    assert_eq!(values("18446744073709551616"), Err(Fault::ClaimInvalid));
}

#[test]
fn requirements_hold_as_they_say() {
    let holds = |rule: &str, claims: Value| {
        let (mut table, mut errors) = (ClaimTable::default(), Errors::default());
        let rule: ClaimRule = parse(rule.as_bytes()).unwrap();
        let rule = Requirement::new(rule, &mut table, &"$", &mut errors);
        assert!(errors.is_empty());
        rule.check(&table.read(&claims))
    };
    let all = r#"{"claim": "/scope", "all_of": ["a", "b"]}"#;
    assert_eq!(holds(all, json!({"scope": "b c a"})), Ok(()));
    assert_eq!(holds(all, json!({"scope": "a"})), Err(Fault::ClaimMismatch));
    let both = r#"{"claim": "/r", "any_of": ["a", "b"], "all_of": ["c"]}"#;
    assert_eq!(holds(both, json!({"r": ["c", "b"]})), Ok(()));
    assert_eq!(holds(both, json!({"r": ["c"]})), Err(Fault::ClaimMismatch));
    assert_eq!(holds(both, json!({"r": ["a", "b"]})), Err(Fault::ClaimMismatch));
    let level = r#"{"claim": "/level", "any_of": [3, 4]}"#;
    assert_eq!(holds(level, json!({"level": 3})), Ok(()));
    assert_eq!(holds(level, json!({"level": "3"})), Err(Fault::ClaimMismatch));
    assert_eq!(holds(level, json!({"level": 3.0})), Err(Fault::ClaimInvalid));
}

#[test]
fn a_requirement_asks_for_something() {
    let (mut table, mut errors) = (ClaimTable::default(), Errors::default());
    let rule: ClaimRule = parse(br#"{"claim": "/scope"}"#).unwrap();
    Requirement::new(rule, &mut table, &"$.require[0]", &mut errors);
    assert_eq!(errors.to_string(), "$.require[0]: expected values in `any_of` or `all_of`, found none");
    for value in ["1.5", "null", "[]", "\"\""] {
        let rule = format!(r#"{{"claim": "/scope", "any_of": [{value}]}}"#);
        let error = parse::<ClaimRule>(rule.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("$.any_of[0]: expected a text of 1 to 512 bytes, a whole number"), "{error}");
    }
    let rule: ClaimRule = parse(br#"{"claim": "/a", "any_of": ["x", -1, true]}"#).unwrap();
    assert_eq!(serde_json::to_value(rule).unwrap(), json!({"claim": "/a", "any_of": ["x", -1, true], "all_of": []}));
}

#[test]
fn ids_end_where_the_limit_is() {
    let id = "4".repeat(MAX_ID);
    let values = Values::new(Some(&json!(id)), Form::Ids(Split::Never)).unwrap();
    assert!(owns(&values, id.as_bytes(), Compare::Exact));
    assert_eq!(judge(&values, id.as_bytes(), Compare::Integer), Err(Fault::ResourceInvalid));
    assert_eq!(check_id("4".repeat(MAX_ID + 1).as_bytes()), Err(Fault::ResourceTooLong));
    assert_eq!(check_id(b"\xff"), Err(Fault::ResourceAmbiguous));
    assert_eq!(check_id(b""), Err(Fault::ResourceEmpty));
    for text in ["a b", "a/b", "50%", "100%!", "é", "東京", "a.b@c:d"] {
        assert_eq!(check_id(text.as_bytes()), Ok(text));
    }
}

#[test]
fn every_override_is_refused_in_every_spelling() {
    for (names, fault) in
        [(METHOD_OVERRIDE_HEADERS, Fault::MethodOverride), (PATH_OVERRIDE_HEADERS, Fault::PathOverride)]
    {
        for name in names {
            for spelling in [(*name).to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                let headers = [(b"a".as_slice(), b"".as_slice()), (spelling.as_bytes(), b"")];
                assert_eq!(refuse_overrides(headers, None), Err(fault), "{spelling}");
            }
        }
    }
    assert_eq!(
        refuse_overrides([(b"x-original-urls".as_slice(), b"".as_slice())], Some(b"%&_methods=1&method")),
        Ok(())
    );
}

#[test]
fn names_in_large_objects_are_held_against_all_others() {
    let pointers = ["/id".parse().unwrap()];
    for count in [1_usize, 15, 16, 17, 18, 100] {
        let members = |again: &str| {
            let members: Vec<_> = (0..count).map(|index| format!(r#""m{index}": 1"#)).collect();
            super::body::read(format!(r#"{{{}, "id": 42, "{again}": 1}}"#, members.join(",")).as_bytes(), &pointers)
        };
        assert_eq!(members("n"), Ok(vec![Ok("42".to_owned())]));
        assert_eq!(members("m0"), Err(Fault::BodyInvalid));
        assert_eq!(members(&format!("m{}", count - 1)), Err(Fault::BodyInvalid));
        assert_eq!(members("id"), Err(Fault::ResourceRepeated));
    }
}
