//! The official JSON-Schema-Test-Suite, where it is at hand.

use std::path::Path;

use crate::json::{Document, Limits, Part};

use super::{Compiled, Compiler, Dialect, PLAIN};

/// Tests that fail, and why.
const KNOWN: [(&str, &str); 0] = [];

#[test]
fn required_tests_pass() {
    let conformance = std::env::var_os("PORTCULLIS_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), Into::into);
    let folder = conformance.join("json-schema-test-suite");
    if !folder.exists() {
        println!("skipped: no suite; PORTCULLIS_CONFORMANCE says where it is");
        return;
    }
    let mut failed = Vec::new();
    for (name, dialect) in
        [("draft4", Dialect::Draft4), ("draft7", Dialect::Draft7), ("draft2020-12", Dialect::Draft202012)]
    {
        let lines = std::fs::read_to_string(folder.join(format!("{name}.required.jsonl"))).unwrap();
        let mut count = 0;
        for line in lines.lines() {
            let document = std::rc::Rc::new(Document::parse(line.as_bytes(), &Limits::NONE).unwrap());
            let test = document.root();
            let id = test.get("id").unwrap().as_str().unwrap();
            let schema = Part::new(&document, test.get("schema").unwrap());
            let compiled = Compiled::new(&schema, dialect, PLAIN, |compiler| {
                if test.get("needs_metaschema").is_some() {
                    metaschemas(compiler);
                }
            });
            let instance = test.get("instance").unwrap().to_string();
            let expected = test.get("valid").unwrap().as_bool().unwrap();
            let passes = compiled.faults.is_empty() && compiled.is_valid(&instance) == expected;
            if !passes {
                let of = |name| test.get(name).unwrap().to_string();
                println!(
                    "{id}: {} / {}\n  {}\n  {instance} {expected} {:?}",
                    of("group"),
                    of("test"),
                    of("schema"),
                    compiled.faults
                );
                failed.push(id.to_owned());
            }
            count += 1;
        }
        println!("{name}: {count} tests");
        assert!(count > 500);
    }
    let known: Vec<_> = KNOWN.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(failed, known);
}

/// What some tests refer to: the metaschemas.
fn metaschemas(compiler: &mut Compiler) {
    use referencing::meta;
    let all = [
        (&*meta::DRAFT4, Dialect::Draft4),
        (&*meta::DRAFT7, Dialect::Draft7),
        (&*meta::DRAFT202012, Dialect::Draft202012),
        (&*meta::DRAFT202012_CORE, Dialect::Draft202012),
        (&*meta::DRAFT202012_APPLICATOR, Dialect::Draft202012),
        (&*meta::DRAFT202012_UNEVALUATED, Dialect::Draft202012),
        (&*meta::DRAFT202012_VALIDATION, Dialect::Draft202012),
        (&*meta::DRAFT202012_META_DATA, Dialect::Draft202012),
        (&*meta::DRAFT202012_FORMAT_ANNOTATION, Dialect::Draft202012),
        (&*meta::DRAFT202012_CONTENT, Dialect::Draft202012),
    ];
    for (schema, dialect) in all {
        compiler.also(Part::from(&**schema), dialect);
    }
}
