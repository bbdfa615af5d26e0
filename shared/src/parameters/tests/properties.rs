//! What is written by the specification's rules is read as what it was; and nothing that is written panics.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::{Case, LIMITS, bodies, check, compile, run, set};
use crate::{
    json::Tape,
    parameters::{Inputs, Wanted, read_form, read_multipart},
    request::Headers,
};

/// Percent-encoded as RFC 6570 has it (section 3.2.1): all but unreserved characters.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A text without delimiters: they count after decoding.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 _~é/?&#%+:!'()*@-]{0,6}"
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Zé]{1,4}"
}

/// A value: a text, a list or an object.
fn value() -> impl Strategy<Value = Json> {
    prop_oneof![
        text().prop_map(Json::from),
        prop::collection::vec(text(), 1..5).prop_map(Json::from),
        prop::collection::btree_map(name(), text(), 1..5).prop_map(|members| json!(members)),
    ]
}

fn schema(value: &Json) -> Json {
    match value {
        Json::Array(_) => json!({ "type": "array", "items": { "type": "string" } }),
        Json::Object(members) => {
            let members: Map<_, _> = members.keys().map(|name| (name.clone(), json!({ "type": "string" }))).collect();
            json!({ "type": "object", "properties": members, "additionalProperties": false })
        }
        _ => json!({ "type": "string" }),
    }
}

/// Writes a value (RFC 6570 section 3.2): what comes first, between, and whether there are names.
fn write(value: &Json, explode: bool, first: &str, between: &str, named: bool, code: fn(&str) -> String) -> String {
    let text = |value: &Json| code(value.as_str().unwrap());
    let name = |rest: String| if named { format!("v={rest}") } else { rest };
    let pieces: Vec<String> = match value {
        Json::Array(items) if explode => items.iter().map(|item| name(text(item))).collect(),
        Json::Array(items) => vec![name(items.iter().map(text).collect::<Vec<_>>().join(","))],
        Json::Object(members) if explode => {
            members.iter().map(|(name, value)| format!("{}={}", code(name), text(value))).collect()
        }
        Json::Object(members) => {
            let couples = members.iter().map(|(name, value)| format!("{},{}", code(name), text(value)));
            vec![name(couples.collect::<Vec<_>>().join(","))]
        }
        _ => vec![name(text(value))],
    };
    format!("{first}{}", pieces.join(between))
}

fn plain(text: &str) -> String {
    text.to_owned()
}

/// What is read of a request that has one parameter.
fn read(place: &str, style: &str, explode: bool, schema: &Json, text: &str) -> (Option<Json>, Vec<String>) {
    let mut case = Case {
        name: String::new(),
        parameters: vec![json!({ "name": "v", "in": place, "style": style, "explode": explode, "schema": schema })],
        path: Vec::new(),
        query: None,
        headers: Vec::new(),
        unknown: true,
        value: None,
        problems: Vec::new(),
    };
    match place {
        "path" => case.path.push(("v".to_owned(), text.to_owned())),
        "query" => case.query = Some(text.to_owned()),
        "header" => case.headers.push(("v".to_owned(), text.to_owned())),
        _ => case.headers.push(("cookie".to_owned(), text.to_owned())),
    }
    check(&case)
}

/// Bits of requests, whole and broken.
fn bits() -> impl Strategy<Value = Vec<u8>> {
    let bit = prop::sample::select(vec![
        &b"v"[..],
        b"v=",
        b"v[",
        b"]",
        b"[0]",
        b"[]",
        b"[a]",
        b"=",
        b"&",
        b";",
        b",",
        b".",
        b"|",
        b"+",
        b" ",
        b"%",
        b"%2C",
        b"%5B",
        b"%00",
        b"%FF",
        b"1",
        b"true",
        b"null",
        b"x",
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"\xff",
        b"\0",
        b"\r\n",
        b"\n",
        b"--b",
        b"--b\r\n",
        b"\r\n--b",
        b"--",
        b"Content-Disposition: form-data; name=\"v\"",
        b"\r\n\r\n",
        b"; filename=\"x\"",
        b"Content-Type: application/json\r\n",
        "é".as_bytes(),
    ]);
    prop::collection::vec(bit, 0..20).prop_map(|bits| bits.concat())
}

const STYLES: [(&str, &str); 9] = [
    ("path", "simple"),
    ("path", "label"),
    ("path", "matrix"),
    ("query", "form"),
    ("query", "spaceDelimited"),
    ("query", "pipeDelimited"),
    ("query", "deepObject"),
    ("header", "simple"),
    ("cookie", "form"),
];

proptest! {
    #[test]
    fn what_is_written_is_read(value in value(), explode in any::<bool>()) {
        let schema = schema(&value);
        let expected = (Some(value.clone()), Vec::new());
        let form = write(&value, explode, "", "&", true, escaped);
        prop_assert_eq!(read("query", "form", explode, &schema, &form), expected.clone(), "{}", form);
        // Nobody decodes the names of cookies.
        if !(explode && value.as_object().is_some_and(|members| members.keys().any(|name| !name.is_ascii()))) {
            let cookie = write(&value, explode, "", "; ", true, escaped);
            prop_assert_eq!(read("cookie", "form", explode, &schema, &cookie), expected.clone(), "{}", cookie);
        }
        // A path's segment was decoded before.
        let simple = write(&value, explode, "", ",", false, plain);
        prop_assert_eq!(read("path", "simple", explode, &schema, &simple), expected.clone(), "{}", simple);
        let between = if explode { "." } else { "," };
        let label = write(&value, explode, ".", between, false, plain);
        prop_assert_eq!(read("path", "label", explode, &schema, &label), expected.clone(), "{}", label);
        let matrix = write(&value, explode, ";", ";", true, plain);
        prop_assert_eq!(read("path", "matrix", explode, &schema, &matrix), expected, "{}", matrix);
    }

    #[test]
    fn headers_are_read(items in prop::collection::vec("[a-z]([a-z ]{0,3}[a-z])?", 1..5)) {
        let value = Json::from(items);
        let text = write(&value, false, "", ", ", false, plain);
        prop_assert_eq!(read("header", "simple", false, &schema(&value), &text), (Some(value), Vec::new()));
    }

    #[test]
    fn lists_are_read(items in prop::collection::vec("[a-zé,&#%+]{1,4}", 1..5)) {
        let value = Json::from(items.clone());
        let schema = schema(&value);
        let items: Vec<_> = items.iter().map(|item| escaped(item)).collect();
        for (style, between) in [("spaceDelimited", "%20"), ("spaceDelimited", "+"), ("pipeDelimited", "%7C"), ("pipeDelimited", "|")] {
            let text = format!("v={}", items.join(between));
            prop_assert_eq!(read("query", style, false, &schema, &text), (Some(value.clone()), Vec::new()), "{}", text);
        }
    }

    #[test]
    fn deep_objects_are_read(members in prop::collection::btree_map(name(), prop::collection::btree_map(name(), text(), 1..3), 1..4)) {
        let value = json!(members);
        let mut pairs = Vec::new();
        for (outer, inner) in &members {
            for (name, text) in inner {
                pairs.push(format!("v%5B{}%5D[{}]={}", escaped(outer), escaped(name), escaped(text)));
            }
        }
        let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
        let schema = json!({ "type": "object", "additionalProperties": texts });
        let found = read("query", "deepObject", true, &schema, &pairs.join("&"));
        prop_assert_eq!(found, (Some(value), Vec::new()));
    }

    #[test]
    fn forms_are_read(members in prop::collection::btree_map(name(), prop::collection::vec(text(), 1..4), 1..4)) {
        let value = json!(members);
        let pairs = members.iter().flat_map(|(name, texts)| {
            texts.iter().map(move |text| format!("{}={}", escaped(name), escaped(text).replace("%20", "+")))
        });
        let texts = json!({ "type": "array", "items": { "type": "string" } });
        let properties: Map<_, _> = members.keys().map(|name| (name.clone(), texts.clone())).collect();
        let schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        let case: bodies::Case = serde_json::from_value(json!({
            "name": "", "schema": schema, "body": pairs.collect::<Vec<_>>().join("&"),
        })).unwrap();
        prop_assert_eq!(case.form(&mut Tape::default(), false).unwrap(), value);
    }

    #[test]
    fn parts_are_read(parts in prop::collection::btree_map("[a-z]{1,4}", "[a-z\r\n -]{0,20}", 0..4)) {
        // The boundary has letters that are in no part.
        let part = |(name, text): (&String, &String)| {
            format!("--B-B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let text = parts.iter().map(part).collect::<Vec<_>>().concat();
        let case: bodies::Case = serde_json::from_value(json!({
            "name": "", "schema": { "additionalProperties": { "type": "string" } }, "body": format!("{text}--B-B--"),
        })).unwrap();
        let (schemas, ids) = compile(&[&case.schema]);
        let tape = &mut Tape::default();
        let schema = (ids[0], &case.media());
        read_multipart(case.body.as_bytes(), "B-B", schema, (&schemas, &LIMITS), tape, false).unwrap();
        prop_assert_eq!(tape.built().to_serde(), json!(parts));
    }

    #[test]
    fn nothing_panics(bytes in prop_oneof![bits(), prop::collection::vec(any::<u8>(), 0..64)], explode in any::<bool>()) {
        let headers = [("v".to_owned(), bytes.clone()), ("cookie".to_owned(), bytes.clone())];
        for schema in [json!({}), json!({ "type": "array" }), json!({ "type": "object" }), json!({ "type": ["null", "integer"] })] {
            for (place, style) in STYLES {
                let text = json!({ "name": "v", "in": place, "style": style, "explode": explode, "schema": schema });
                let (set, schemas) = set(&[text], Wanted { query: true, headers: true, cookies: true });
                let mut path = [("v", bytes.as_slice())].into_iter();
                let inputs = Inputs { path: &mut path, query: Some(&bytes), headers: &Headers::Listed(&headers) };
                run((&set, &schemas), inputs, 100);
            }
        }
    }

    #[test]
    fn no_body_panics(bytes in prop_oneof![bits(), prop::collection::vec(any::<u8>(), 0..64)], index in any::<prop::sample::Index>()) {
        let cases = bodies::forms();
        let case = &cases[index.index(cases.len())];
        let (schemas, ids) = compile(&[&case.schema]);
        let tape = &mut Tape::default();
        let schema = (ids[0], &case.media());
        let _ = read_form(&bytes, schema, (&schemas, &LIMITS), tape, false);
        let _ = read_multipart(&bytes, "b", schema, (&schemas, &LIMITS), tape, false);
    }

    #[test]
    fn a_body_that_is_cut_is_refused(index in any::<prop::sample::Index>(), place in any::<prop::sample::Index>()) {
        let cases: Vec<_> = bodies::multipart();
        let case = &cases[index.index(cases.len())];
        let whole = case.body.trim_end_matches("\r\n").as_bytes();
        let (schemas, ids) = compile(&[&case.schema]);
        let schema = (ids[0], &case.media());
        let is_read = |body: &[u8]| {
            read_multipart(body, "b0undary", schema, (&schemas, &LIMITS), &mut Tape::default(), false).is_ok()
        };
        // What is wrong with a body may be behind its end, and a cut then mends it.
        if !is_read(whole) {
            return Ok(());
        }
        let cut = &whole[..place.index(whole.len())];
        prop_assert!(!is_read(cut), "{:?} of {:?}", str::from_utf8(cut), str::from_utf8(whole));
    }
}
