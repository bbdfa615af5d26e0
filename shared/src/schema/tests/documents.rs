//! Schemas of published OpenAPI documents, where they are at hand: each compiles, or has faults that are sensible.

use std::{io::Read as _, path::Path, rc::Rc};

use crate::json::{Document, Kind, Limits, Part, Value};

use super::{BUDGET, Compiler, Dialect, Direction, Settings};

/// Shows what is likely to be a schema: what is called so, and what is in a list of such.
fn schemas<'d>(value: Value<'d>, see: &mut dyn FnMut(Value<'d>)) {
    for (name, member) in value.members() {
        match name {
            _ if name.starts_with("x-") => {}
            "schema" if member.kind() == Kind::Object => see(member),
            "schemas" => member.members().for_each(|(_, schema)| see(schema)),
            _ => schemas(member, see),
        }
    }
    value.elements().for_each(|element| schemas(element, see));
}

/// Documents that break their own specification: a regex of Ruby (`\A`).
const FAULTY: [&str; 1] = ["linode.json"];

#[test]
fn published_documents_compile() {
    let conformance = std::env::var_os("PORTCULLIS_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), Into::into);
    let Ok(folder) = std::fs::read_dir(conformance.join("openapi")) else {
        println!("skipped: no documents; PORTCULLIS_CONFORMANCE says where they are");
        return;
    };
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    assert!(files.len() > 60);
    let mut broken = Vec::new();
    for path in files {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_end(&mut text).unwrap();
        let document = Rc::new(Document::parse(&text, &Limits::NONE).unwrap());
        let version = document.root().get("openapi").and_then(Value::as_str).unwrap_or_default();
        let dialect = if version.starts_with("3.0") { Dialect::OpenApi30 } else { Dialect::OpenApi31 };
        let settings = Settings { formats: true, closed: false, closed_responses: false };
        let mut compiler = Compiler::new(Part::new(&document, document.root()), dialect, settings, &[]);
        let mut ids = Vec::new();
        schemas(document.root(), &mut |schema| ids.push(compiler.schema(schema, "", Direction::Request)));
        let (all, faults, warnings) = compiler.finish();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        println!("{name}: {} schemas, {} in use, {} warnings", ids.len(), all.len(), warnings.len());
        if !faults.is_empty() {
            broken.push(name);
        }
        for fault in faults {
            println!("  {} {}", fault.pointer, fault.message);
        }
        for id in ids {
            let null = Document::parse(b"{}", &Limits::NONE).unwrap();
            all.is_valid(id, null.root(), &mut BUDGET.clone()).unwrap();
        }
    }
    assert_eq!(broken, FAULTY);
}
