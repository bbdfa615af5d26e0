#[cfg(not(target_arch = "wasm32"))]
mod properties;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Document, Fault, Kind, Limits, Tape};

const LIMITS: Limits = Limits { depth: 4, keys: 30, string_bytes: 8, number_digits: 6 };

#[test]
fn what_is_accepted_is_what_serde_reads() {
    for text in [
        "null",
        " true\n",
        "[]",
        "{}",
        "[1,-1,0.5,1e3,-1.5E-2]",
        r#"{"a":[{"b":null},"x"],"c":{}}"#,
        r#""\u00e9\ud83d\ude00""#,
        r#"{"\u0061":1,"b\n":"\"\\\/\b\f\n\r\t"}"#,
        "[[[[]]]]",
        "\"12345678\"",
        "123456",
        "[\"\u{7f}\",\"é\"]",
    ] {
        let mut tape = Tape::default();
        let value = tape.parse(text.as_bytes(), &LIMITS).unwrap_or_else(|error| panic!("{text}: {error}"));
        let serde: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(value.to_serde(), serde, "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&value.to_string()).unwrap(), serde, "{text}");
    }
}

#[test]
fn what_is_refused() {
    let cases: &[(&[u8], Fault, usize)] = &[
        (b"", Fault::Invalid, 0),
        (b" ", Fault::Invalid, 1),
        (b"\xef\xbb\xbf{}", Fault::Invalid, 0),
        (b"\"\xff\"", Fault::NotUtf8, 1),
        (b"\"\xed\xa0\x80\"", Fault::NotUtf8, 1),
        (b"{\"a\":1,\"a\":2}", Fault::DuplicateKey, 7),
        (b"{\"a\":1,\"\\u0061\":2}", Fault::DuplicateKey, 17),
        (b"\"\\ud800\"", Fault::LoneSurrogate, 7),
        (b"\"\\udc00\"", Fault::LoneSurrogate, 7),
        (b"\"\\ud800\\ud800\"", Fault::LoneSurrogate, 13),
        (b"\"\\ud800x\"", Fault::LoneSurrogate, 7),
        (b"1 2", Fault::TrailingData, 2),
        (b"{}]", Fault::TrailingData, 2),
        (b"{}\0", Fault::TrailingData, 2),
        (b"[[[[[]]]]]", Fault::TooDeep, 4),
        (b"\"123456789\"", Fault::StringTooLong, 10),
        (b"\"\\n23456789\"", Fault::StringTooLong, 11),
        (b"{\"123456789\":1}", Fault::StringTooLong, 11),
        (b"1234567", Fault::NumberTooLong, 0),
        (b"0.123456", Fault::NumberTooLong, 0),
        (b"NaN", Fault::Invalid, 0),
        (b"Infinity", Fault::Invalid, 0),
        (b"-", Fault::Invalid, 0),
        (b"01", Fault::Invalid, 0),
        (b"-01", Fault::Invalid, 0),
        (b"1.", Fault::Invalid, 0),
        (b".5", Fault::Invalid, 0),
        (b"+1", Fault::Invalid, 0),
        (b"1e", Fault::Invalid, 0),
        (b"0x10", Fault::TrailingData, 1),
        (b"[1,]", Fault::Invalid, 3),
        (b"[,1]", Fault::Invalid, 1),
        (b"[1 2]", Fault::Invalid, 3),
        (b"{\"a\":1,}", Fault::Invalid, 7),
        (b"{,}", Fault::Invalid, 1),
        (b"{a:1}", Fault::Invalid, 1),
        (b"{'a':1}", Fault::Invalid, 1),
        (b"{\"a\" 1}", Fault::Invalid, 5),
        (b"{\"a\"}", Fault::Invalid, 4),
        (b"{\"a\":}", Fault::Invalid, 5),
        (b"[1}", Fault::Invalid, 2),
        (b"{\"a\":1]", Fault::Invalid, 6),
        (b"[", Fault::Invalid, 1),
        (b"\"a", Fault::Invalid, 2),
        (b"\"a\nb\"", Fault::Invalid, 2),
        (b"\"\\x\"", Fault::Invalid, 2),
        (b"\"\\u12\"", Fault::Invalid, 3),
        (b"tru", Fault::Invalid, 0),
        (b"/**/1", Fault::Invalid, 0),
        (b"1//", Fault::TrailingData, 1),
    ];
    for (text, fault, offset) in cases {
        let error = Tape::default().parse(text, &LIMITS).map(|value| value.to_string()).unwrap_err();
        assert_eq!((error.fault, error.offset), (*fault, *offset), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn members_are_counted_over_all_objects() {
    let many = |count: usize| format!("[{}]", vec![r#"{"a":1}"#; count].join(","));
    assert!(Tape::default().parse(many(30).as_bytes(), &LIMITS).is_ok());
    assert_eq!(Tape::default().parse(many(31).as_bytes(), &LIMITS).unwrap_err().fault, Fault::TooManyKeys);
}

#[test]
fn twins_are_found_among_many() {
    let object = |names: &[String]| {
        format!("{{{}}}", names.iter().map(|name| format!("\"{name}\":{{\"a\":[]}}")).collect::<Vec<_>>().join(","))
    };
    for count in [2, 5, 12, 13, 50, 1000] {
        let mut names: Vec<_> = (0..count).map(|number| format!("n{number}")).collect();
        assert!(Document::parse(object(&names).as_bytes(), &Limits::NONE).is_ok());
        let last = names.len() - 1;
        names[last] = "n0".to_owned();
        let error = Document::parse(object(&names).as_bytes(), &Limits::NONE).unwrap_err();
        assert_eq!(error.fault, Fault::DuplicateKey, "{count}");
    }
}

#[test]
fn values_are_built_by_hand() {
    let mut tape = Tape::default();
    tape.begin();
    tape.object();
    tape.name("a");
    tape.array();
    tape.number("1");
    let before = tape.len();
    tape.boolean(true);
    tape.truncate(before);
    tape.json(br#"{"x":"\n","y":[1,2]}"#, &Limits::NONE).unwrap();
    tape.null();
    tape.close();
    tape.name("b");
    tape.string("two");
    tape.close();
    let value = tape.built();
    assert_eq!(value.to_string(), r#"{"a":[1,{"x":"\u000a","y":[1,2]},null],"b":"two"}"#);
    assert_eq!(value.len(), 2);
    assert_eq!(value.get("a").unwrap().len(), 3);
    assert_eq!(value.get("a").unwrap().element(1).unwrap().kind(), Kind::Object);
    assert_eq!(tape.json(b"{\"a\":1,\"a\":1}", &Limits::NONE).unwrap_err().fault, Fault::DuplicateKey);
}

#[test]
fn members_can_be_left_out() {
    let document = Document::parse(br#"{"a":1,"b":{"c":2,"d":[{"e":3}]},"f":4}"#, &Limits::NONE).unwrap();
    let root = document.root();
    let b = root.get("b").unwrap();
    let e = b.get("d").unwrap().element(0).unwrap().get("e").unwrap();
    let mut out = vec![root.get("a").unwrap().id(), e.id()];
    out.sort_unstable();
    assert_eq!(super::Without(root, &out).to_string(), r#"{"b":{"c":2,"d":[{}]},"f":4}"#);
    assert_eq!(super::Without(root, &[b.id()]).to_string(), r#"{"a":1,"f":4}"#);
}

#[test]
fn pointers_name_values() {
    let document = Document::parse(br#"{"a/b":[{"~":1},2],"":3}"#, &Limits::NONE).unwrap();
    for (pointer, value) in [
        ("", Some(r#"{"a/b":[{"~":1},2],"":3}"#)),
        ("/a~1b/0/~0", Some("1")),
        ("/a~1b/1", Some("2")),
        ("/", Some("3")),
        ("/a", None),
        ("/a~1b/01", None),
        ("/a~1b/2", None),
        ("a", None),
    ] {
        assert_eq!(document.root().lookup(pointer).map(|value| value.to_string()).as_deref(), value, "{pointer}");
    }
}
