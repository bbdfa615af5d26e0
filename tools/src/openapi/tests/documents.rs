//! Whole documents: hand-made ones with what becomes of them, and published ones.

use std::{fs, io::Read as _, path::PathBuf};

use super::super::{Options, convert, slim::slim};
use super::{Node, folder, node, read, testdata};
use crate::openapi::part::tokens;

const SMALL: &str = "openapi: 3.0.3\npaths: {}\n";

fn options(args: &[&'static str]) -> Options<'static> {
    Options::parse(args).unwrap()
}

/// The `openapi` of the configuration for this document.
fn converted(args: &[&'static str], text: &str) -> Node {
    node(&convert(&options(args), text, None).unwrap()).get("openapi").unwrap().clone()
}

fn error(text: &str) -> String {
    convert(&options(&["file.yaml"]), text, None).unwrap_err()
}

/// The published documents, by name, where they are on this machine.
fn published() -> Vec<(String, String)> {
    let conformance = std::env::var_os("PORTCULLIS_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from);
    let Ok(folder) = fs::read_dir(conformance.join("openapi")) else {
        println!("skipped: no documents; PORTCULLIS_CONFORMANCE says where they are");
        return Vec::new();
    };
    let mut documents: Vec<_> = folder
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "gz"))
        .map(|entry| {
            let mut text = String::new();
            flate2::read::GzDecoder::new(fs::File::open(entry.path()).unwrap()).read_to_string(&mut text).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect();
    documents.sort_unstable();
    assert_eq!(documents.len(), 66);
    documents
}

#[test]
fn published_documents_pass_unchanged_and_slim_ones_lead_nowhere_else() {
    for (name, text) in published() {
        let document = node(&text);
        assert_eq!(converted(&["-"], &text), document, "{name}");
        for responses in [false, true] {
            let slim = slim(&document, responses, &[]);
            assert!(slim.size() <= document.size(), "{name}");
            assert!(super::super::slim::slim(&slim, responses, &[]) == slim, "{name}");
            let mut references = Vec::new();
            find_references(&slim, &mut references);
            for reference in references {
                let Some(target) = reference.strip_prefix('#').and_then(tokens) else { continue };
                let was_there = document.at(&target).is_some();
                assert_eq!(slim.at(&target).is_some(), was_there, "{name}: {reference}");
            }
        }
    }
}

/// Every `$ref`, whatever it is.
fn find_references<'n>(node: &'n Node, found: &mut Vec<&'n str>) {
    match node {
        Node::List(elements) => elements.iter().for_each(|element| find_references(element, found)),
        Node::Map(members) => {
            found.extend(node.get("$ref").and_then(Node::as_str));
            for (_, member) in members {
                find_references(member, found);
            }
        }
        _ => {}
    }
}

/// By another crate's hand: what it writes is what is read.
#[test]
fn published_documents_are_the_same_in_yaml() {
    for (name, text) in published().iter().filter(|(_, text)| text.len() < 200_000) {
        let document: serde_json::Value = serde_json::from_str(text).unwrap();
        let yaml = yaml_serde::to_string(&document).unwrap();
        assert!(!yaml.starts_with('{'), "{name}");
        let mut json = String::new();
        read::parse(name, &yaml).unwrap().write(0, &mut json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), document, "{name}");
    }
}

#[test]
fn slim_documents_have_what_is_read() {
    let document = testdata("slim.yaml");
    let expected = node(&testdata("slim.json"));
    assert_eq!(converted(&["-", "--slim"], &document), expected);
    let with_responses = converted(&["-", "--slim", "--responses"], &document);
    for pointer in [
        "/paths/~1a/post/responses/204",
        "/paths/~1b/get/responses/200/content/application~1json/schema/type",
        "/paths/~1b/get/responses/200/headers/x-h/schema",
        "/components/schemas/ByResponse/type",
    ] {
        assert!(with_responses.at(&tokens(pointer).unwrap()).is_some(), "{pointer}");
    }
    for pointer in ["/paths/~1b/get/responses/200/links", "/components/schemas/ByResponse/description", "/tags"] {
        assert!(with_responses.at(&tokens(pointer).unwrap()).is_none(), "{pointer}");
    }
    // A configuration that judges responses needs them, said or not.
    let config = r#"{"response": {"mode": "shadow"}}"#;
    let text = convert(&options(&["-", "--slim"]), &document, Some(("config.json", config))).unwrap();
    assert_eq!(node(&text).get("openapi"), Some(&with_responses));
}

#[test]
fn what_is_ignored_stays() {
    let config = r#"{"ignore": ["/components/schemas/Unused", "/no/such/place"]}"#;
    let text = convert(&options(&["-", "--slim"]), &testdata("slim.yaml"), Some(("config.json", config))).unwrap();
    let unused = tokens("/openapi/components/schemas/Unused").unwrap();
    assert_eq!(node(&text).at(&unused), Some(&node("type: string")));
}

#[test]
fn schemas_that_are_found_by_anchor_stay() {
    let document =
        "openapi: 3.1.0\npaths: {}\ncomponents: {schemas: {A: {$anchor: a}, B: {description: D, type: string}}}\n";
    let kept = "openapi: 3.1.0\npaths: {}\ncomponents: {schemas: {A: {$anchor: a}, B: {type: string}}}\n";
    assert_eq!(converted(&["-", "--slim"], document), node(kept));
}

#[test]
fn other_files_become_components() {
    let file = folder().join("split/openapi.yaml");
    let name: &'static str = file.display().to_string().leak();
    let bundled = converted(&[name], &fs::read_to_string(&file).unwrap());
    let mut expected = String::new();
    node(&testdata("split/bundled.json")).write(0, &mut expected);
    let mut text = String::new();
    bundled.write(0, &mut text);
    assert_eq!(text, expected);
}

#[test]
fn references_that_lead_nowhere_are_told() {
    let of = |reference: &str| error(&format!("{SMALL}components:\n  schemas:\n    A:\n      $ref: {reference}\n"));
    let cases = [
        ("https://example.com/a.yaml", "not a local file"),
        ("//example.com/a.yaml", "not a local file"),
        ("./no/such.yaml#/A", "no/such.yaml: No such file"),
    ];
    for (reference, what) in cases {
        let error = of(reference);
        assert!(error.starts_with(&format!("file.yaml:6: $ref {reference}: ")), "{error}");
        assert!(error.contains(what), "{error}");
    }
    assert!(of("https://example.com/a.yaml").contains("@redocly/cli bundle"));

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let root = |reference: &str| {
        let text = format!("{SMALL}components: {{schemas: {{A: {{$ref: '{reference}'}}}}}}\n");
        let file: &'static str = write("root.yaml", &text).leak();
        convert(&options(&[file]), &text, None).unwrap_err()
    };
    write("other.yaml", "A: {type: string}\nB: {$id: 'https://example.com/b', type: string}\n");
    write("broken.yaml", "A: 1\nA: 2\n");
    assert!(root("other.yaml#/Z").contains("has no such place"));
    assert!(root("other.yaml#anchor").contains("not the place of something by JSON pointer"));
    assert!(root("other.yaml#/B").contains("a base of its own"));
    assert!(root("broken.yaml#/A").contains("broken.yaml:2: the key A is already there"));
    let text = "openapi: 3.0.3\npaths: {/a: {$ref: 'item.yaml'}}\n";
    write("item.yaml", "$ref: item.yaml\n");
    let file: &'static str = write("root.yaml", text).leak();
    assert!(convert(&options(&[file]), text, None).unwrap_err().contains("leads to itself"));
}

#[test]
fn what_is_no_document_is_told() {
    let cases = [
        ("swagger: '2.0'\npaths: {}\n", "swagger2openapi"),
        ("openapi: 3.0\npaths: {}\n", "\"3.0.0\""),
        ("openapi: 4.0.0\n", "only 3.0 and 3.1"),
        ("openapi: [3]\n", "not a version"),
        ("paths: {}\n", "no key `openapi`"),
        ("just a text", "no key `openapi`"),
    ];
    for (text, what) in cases {
        let error = error(text);
        assert!(error.starts_with("file.yaml: ") && error.contains(what), "{error}");
    }
}

#[test]
fn the_configuration_has_the_other_keys() {
    let with = |config| convert(&options(&["-"]), SMALL, Some(("config.json", config)));
    let text = with(r#"{"status": 422, "openapi": "an older one", "limits": {"depth": 1e1}}"#).unwrap();
    assert_eq!(
        text,
        "{ \"status\": 422, \"openapi\": { \"openapi\": \"3.0.3\", \"paths\": {} }, \"limits\": { \"depth\": 1e1 } }\n"
    );
    assert_eq!(node(&with("# in YAML\nstatus: 422\n").unwrap()).get("status"), Some(&Node::Number("422".into())));
    assert_eq!(with("[]"), Err("config.json: not an object".to_owned()));
    assert!(with("{\"a\": 1,\n}").unwrap_err().starts_with("config.json:2: "));
}

#[test]
fn fragments_are_entries_of_http_filters() {
    let configuration = |args: &[&'static str], config| {
        let text = convert(&options(args), &testdata("slim.yaml"), config).unwrap();
        let Node::List(entries) = node(&text) else { panic!("{text}") };
        let entry = entries[0].get("typed_config").unwrap().get("config").unwrap().clone();
        assert_eq!(entry.get("allow_on_headers_stop_iteration"), Some(&Node::Bool(true)));
        let file = entry.get("vm_config").unwrap().get("code").unwrap().get("local").unwrap().get("filename").cloned();
        (node(entry.get("configuration").unwrap().get("value").unwrap().as_str().unwrap()), file.unwrap())
    };
    let (config, file) = configuration(&["-", "--envoy"], None);
    assert_eq!(config.get("openapi"), Some(&node(&testdata("slim.yaml"))));
    assert_eq!(file, Node::text("dist/schema_check.wasm"));
    let responses = Node::text("dist/schema_check_responses.wasm");
    assert_eq!(configuration(&["-", "--envoy", "--responses"], None).1, responses);
    let shadow = Some(("config.json", r#"{"response": {"mode": "shadow"}}"#));
    assert_eq!(configuration(&["-", "--envoy"], shadow).1, responses);
    let off = Some(("config.json", r#"{"response": {"mode": "off"}}"#));
    assert_eq!(configuration(&["--envoy", "-"], off).1, file);
}

#[test]
fn options_are_understood_or_told() {
    assert_eq!(
        Options::parse(&["--slim", "a.yaml", "--config", "c", "--envoy", "--responses"]),
        Ok(Options { file: "a.yaml", config: Some("c"), envoy: true, slim: true, responses: true })
    );
    for args in [&[][..], &["--envoy"], &["a", "b"], &["a", "--nope"], &["a", "--config"]] {
        assert!(Options::parse(args).is_err(), "{args:?}");
    }
}
