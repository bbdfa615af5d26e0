//! Schemas and values, with what is wrong with them.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::rc::Rc;

use crate::json::{Document, Limits, Part, Value};

use super::{BUDGET, Compiler, Dialect, Direction, Settings};

fn dialect(name: Option<&str>) -> Dialect {
    match name {
        Some("Draft4") => Dialect::Draft4,
        Some("Draft201909") => Dialect::Draft201909,
        Some("OpenApi30") => Dialect::OpenApi30,
        Some("OpenApi31") => Dialect::OpenApi31,
        None => Dialect::Draft202012,
        other => panic!("{other:?}"),
    }
}

fn direction(name: Option<&str>) -> Direction {
    match name {
        Some("request") => Direction::Request,
        Some("lenient request") => Direction::LenientRequest,
        Some("response") => Direction::Response,
        None => Direction::Any,
        other => panic!("{other:?}"),
    }
}

/// Lists of two texts.
fn pairs(list: Option<Value<'_>>) -> Vec<(String, String)> {
    let text = |pair: Value<'_>, at| pair.element(at).unwrap().as_str().unwrap().to_owned();
    list.into_iter().flat_map(Value::elements).map(|pair| (text(pair, 0), text(pair, 1))).collect()
}

/// Messages that end with `…` may go on.
fn assert_findings(found: &[super::Fault], expected: Option<Value<'_>>, schema: Value<'_>) {
    let mut found: Vec<_> = found.iter().map(|fault| (fault.pointer.clone(), fault.message.clone())).collect();
    let mut expected = pairs(expected);
    found.sort();
    expected.sort();
    for ((_, found), (_, expected)) in found.iter_mut().zip(&expected) {
        if let Some(start) = expected.strip_suffix('…')
            && found.starts_with(start)
        {
            found.clone_from(expected);
        }
    }
    assert_eq!(found, expected, "{schema}");
}

fn judge(cases: &str) {
    let cases = Rc::new(Document::parse(cases.as_bytes(), &Limits::NONE).unwrap());
    for case in cases.root().elements() {
        let text = |name| case.get(name).and_then(Value::as_str);
        let has = |name| case.get(name).and_then(Value::as_bool).unwrap_or_default();
        let document = Part::new(&cases, case.get("schema").unwrap());
        let settings = Settings { formats: has("formats"), closed: has("closed"), closed_responses: has("closed") };
        let ignored = case.get("ignored").into_iter().flat_map(Value::elements);
        let ignored: Vec<_> = ignored.map(|pointer| pointer.as_str().unwrap().to_owned()).collect();
        let mut compiler = Compiler::new(document.clone(), dialect(text("dialect")), settings, &ignored);
        let at = text("at").unwrap_or_default();
        let schema = document.value().lookup(at).unwrap();
        let id = compiler.schema(schema, at, direction(text("direction")));
        let (schemas, faults, warnings) = compiler.finish();
        assert_findings(&faults, case.get("faults"), document.value());
        let Some(values) = case.get("values") else {
            assert_findings(&warnings, case.get("warnings"), document.value());
            continue;
        };
        for pair in values.elements() {
            let value = pair.element(0).unwrap();
            let report = schemas.report(id, value, 10, &mut BUDGET.clone()).unwrap();
            let found: Vec<_> =
                report.violations.into_iter().map(|one| (one.pointer, one.keyword.to_owned())).collect();
            assert_eq!(found, pairs(pair.element(1)), "{}: {value}", text("name").unwrap_or_default());
            let is_valid = schemas.is_valid(id, value, &mut BUDGET.clone()).unwrap();
            assert_eq!(is_valid, found.is_empty(), "{value}");
        }
    }
}

#[test]
fn values_break_keywords_at_places() {
    judge(include_str!("../../../testdata/schema/cases.json"));
}

#[test]
fn documents_have_faults_at_places() {
    judge(include_str!("../../../testdata/schema/faults.json"));
}
