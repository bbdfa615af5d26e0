//! Each trap of YAML, and what is made of it.

use std::fmt::Write as _;

use serde::Deserialize;

use super::{Node, node, read, testdata};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    yaml: String,
    /// As text: numbers are compared by their digits.
    json: Option<String>,
    line: Option<usize>,
    error: Option<String>,
}

#[test]
fn the_table_holds() {
    let cases: Vec<Case> = serde_json::from_str(&testdata("yaml.json")).unwrap();
    assert!(cases.len() > 50);
    for Case { name, yaml, json, line, error } in cases {
        let read = read::parse("file.yaml", &yaml);
        match (json, line, error) {
            (Some(json), None, None) => assert_eq!(read, Ok(node(&json)), "{name}"),
            (None, Some(line), Some(error)) => {
                let told = read.expect_err(&name);
                assert!(told.starts_with(&format!("file.yaml:{line}: ")), "{name}: {told}");
                assert!(told.contains(&error), "{name}: {told}");
            }
            _ => panic!("{name}: a result or an error"),
        }
    }
}

#[test]
fn aliases_of_aliases_end() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..=9 {
        let below = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", vec![below; 9].join(", ")).unwrap();
    }
    let told = read::parse("bomb", &text).unwrap_err();
    assert!(told.contains("aliases make the document more than 64 MiB larger"), "{told}");
    // Merged maps are no way around it.
    let mut text = format!("m0: &m0 {{ k0: {} }}\n", "x".repeat(1 << 20));
    for level in 1..=100 {
        writeln!(text, "m{level}: &m{level}\n  <<: *m{}\n  k{level}: 1", level - 1).unwrap();
    }
    assert!(read::parse("bomb", &text).unwrap_err().contains("aliases"));
}

#[test]
fn depth_ends() {
    let nested = |depth: usize| "- ".repeat(depth) + "x";
    assert!(read::parse("deep", &nested(512)).is_ok());
    assert!(read::parse("deep", &nested(513)).unwrap_err().contains("more than 512 levels deep"));
    assert!(read::parse("deep", &"[".repeat(100_000)).is_err());
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(read::parse("deep", &nested(512)).is_ok());
    assert!(read::parse("deep", &nested(513)).unwrap_err().contains("nested too deep"));
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let texts =
        ["", "a", "\"\\/", "\u{0}\u{1f}\u{7f}\u{85}\u{9f}", "\u{2028}\u{2029}\u{feff}\u{ffff}", "é😀", "a\n\tb\r"];
    let long = Node::List((0..100).map(|number| Node::Number(number.to_string())).collect());
    let members = texts.iter().map(|text| ((*text).to_owned(), Node::text(*text)));
    let all =
        Node::Map(members.chain([("long".to_owned(), long), ("none".to_owned(), Node::Map(Vec::new()))]).collect());
    let mut text = String::new();
    all.write(0, &mut text);
    assert_eq!(node(&text), all);
    assert!(text.lines().all(|line| line.len() <= 130 || !line.contains(", ")), "{text}");
    // As a block of YAML, every line counts.
    let mut block = "value: |\n  ".to_owned();
    all.write(2, &mut block);
    assert_eq!(node(node(&block).get("value").unwrap().as_str().unwrap()), all);
    assert!(!text.contains(['\u{7f}', '\u{85}', '\u{2028}', '\u{feff}']));
}
