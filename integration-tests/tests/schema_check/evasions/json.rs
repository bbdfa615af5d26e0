//! JSON that readers take in different ways.

use super::{Case, judge, settings};
use crate::gate::Gate;

#[tokio::test(flavor = "multi_thread")]
async fn json_that_readers_take_in_different_ways() {
    let gate = Gate::start(&settings()).await;
    let utf16 = |bom: &[u8], little: bool| {
        let text = r#"{"name": "x", "is_admin": true}"#.encode_utf16();
        let units = text.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
        bom.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let wide = [utf16(b"", true), utf16(b"", false), utf16(b"\xff\xfe", true), utf16(b"\xfe\xff", false)];
    let deep = format!(r#"{{"name": "x", "nested": {}1{}}}"#, "{\"a\":".repeat(64), "}".repeat(64));
    let mut cases = vec![
        // The first or the last counts, by reader.
        Case::json(br#"{"name": "x", "is_admin": false, "is_admin": true}"#, "json_duplicate_key"),
        Case::json(br#"{"name": "x", "is_admin": true, "is_admin": false}"#, "json_duplicate_key"),
        Case::json(br#"{"name": "x", "is_admin": false, "is\u005fadmin": true}"#, "json_duplicate_key"),
        Case::json(br#"{"name": "x", "\u0069\u0073_\u0061dmin": true, "is_admin": false}"#, "json_duplicate_key"),
        Case::json(br#"{"name": "x", "nested": {"a/": 1, "a\/": 2}}"#, "json_duplicate_key"),
        Case::json(br#"{"name": "x", "nested": {"\ud83d\ude00": 1, "\uD83D\uDE00": 2}}"#, "json_duplicate_key"),
        Case::json("{\"name\": \"x\", \"nested\": {\"\u{1f600}\": 1, \"\\ud83d\\ude00\": 2}}".as_bytes(), "json_duplicate_key"),
        Case::json(br#"{"name": "x", "nested": {"": 1, "": 2}}"#, "json_duplicate_key"),
        // Alike for people only.
        Case::json("{\"name\": \"x\", \"nested\": {\"\u{e9}\": 1, \"e\u{301}\": 2}}".as_bytes(), "accepted"),
        Case::json(br#"{"name": "x", "nested": {"a": 1, "A": 2}}"#, "accepted"),
        // Escapes do not hide a name or a value.
        Case::json(br#"{"n\u0061me": "x"}"#, "accepted"),
        Case::json(br#"{"name": "x", "\u0069s_admin": true}"#, "body_invalid"),
        Case::json(br#"{"name": "x", "IS_ADMIN": true}"#, "body_invalid"),
        Case::json(br#"{"name": "x", "is_admin\u0000": true}"#, "body_invalid"),
        Case::json(br#"{"name": "x", "is_admin ": true}"#, "body_invalid"),
        Case::json("{\"name\": \"x\", \"is_adm\u{131}n\": true}".as_bytes(), "body_invalid"),
        Case::json(br#"{"name": "x", "__proto__": {"is_admin": true}}"#, "body_invalid"),
        Case::json(br#"[{"name": "x"}]"#, "body_invalid"),
        Case::json(br#""{\"name\": \"x\"}""#, "body_invalid"),
        Case::json(br#"{"name": "x", "is_admin": 0}"#, "body_invalid"),
        Case::json(br#"{"name": "x", "is_admin": "false"}"#, "body_invalid"),
        Case::json(br#"{"name": "x", "id": 1.0}"#, "accepted"),
        Case::json(br#"{"name": "x", "id": 1e-1}"#, "body_invalid"),
        Case::json(b"null", "body_invalid"),
        Case::json(b"0", "body_invalid"),
        // Behind it, or before it.
        Case::json(br#"{"name": "x"}{"is_admin": true}"#, "json_trailing_data"),
        Case::json(br#"{"name": "x"}, {"is_admin": true}"#, "json_trailing_data"),
        Case::json(b"{\"name\": \"x\"}\n{\"is_admin\": true}\n", "json_trailing_data"),
        Case::json(b"{\"name\": \"x\"}\0", "json_trailing_data"),
        Case::json(b"{\"name\": \"x\"}\x1a", "json_trailing_data"),
        Case::json(br#"{"name": "x"}}"#, "json_trailing_data"),
        Case::json(b")]}',\n{\"name\": \"x\"}", "json_invalid"),
        Case::json(b"\0{\"name\": \"x\"}", "json_invalid"),
        Case::json(b"\x1e{\"name\": \"x\"}\n", "json_invalid"),
        Case::json(b"\xef\xbb\xbf{\"name\": \"x\"}", "json_invalid"),
        Case::json(b"\x0b{\"name\": \"x\"}", "json_invalid"),
        Case::json("\u{a0}{\"name\": \"x\"}".as_bytes(), "json_invalid"),
        Case::json("\u{2028}{\"name\": \"x\"}".as_bytes(), "json_invalid"),
        Case::json(b" \r\n\t{\"name\": \"x\"} \r\n\t", "accepted"),
        Case::json(b" ", "json_invalid"),
        // Lenient readers.
        Case::json(b"{'name': 'x'}", "json_invalid"),
        Case::json(b"{name: \"x\"}", "json_invalid"),
        Case::json(br#"{"name": "x",}"#, "json_invalid"),
        Case::json(br#"{"name": "x" "is_admin": true}"#, "json_invalid"),
        Case::json(br#"{"name": "x", /* */ "is_admin": true}"#, "json_invalid"),
        Case::json(b"{\"name\": \"x\" // \"\n}", "json_invalid"),
        Case::json(b"{\"name\": \"x\" # \"\n}", "json_invalid"),
        Case::json(br#"{"name": "x", "id": NaN}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": Infinity}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": -Infinity}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": +1}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": 01}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": 0x1}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": 1.}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": .1}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": 1_000}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": undefined}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "is_admin": True}"#, "json_invalid"),
        Case::json(br#"{"name": "x", "id": 1"#, "json_invalid"),
        Case::json(b"{\"name\": \"x\ny\"}", "json_invalid"),
        Case::json(b"{\"name\": \"x\ty\"}", "json_invalid"),
        Case::json(b"{\"name\": \"x\0y\"}", "json_invalid"),
        Case::json(br#"{"name": "\x41"}"#, "json_invalid"),
        Case::json(br#"{"name": "\u00"}"#, "json_invalid"),
        Case::json(br#"{"name": "\U0041"}"#, "json_invalid"),
        // Texts that are none.
        Case::json(br#"{"name": "\ud800"}"#, "json_lone_surrogate"),
        Case::json(br#"{"name": "\udc00\ud800"}"#, "json_lone_surrogate"),
        Case::json(br#"{"name": "x", "nested": {"\ud83d": 1}}"#, "json_lone_surrogate"),
        Case::json(b"{\"name\": \"\xed\xa0\x80\"}", "json_not_utf8"),
        Case::json(b"{\"name\": \"\xc0\xa2, \xc0\xa2is_admin\xc0\xa2: true\"}", "json_not_utf8"),
        Case::json(b"{\"name\": \"\xff\"}", "json_not_utf8"),
        Case::json(b"{\"name\": \"\xf4\x90\x80\x80\"}", "json_not_utf8"),
        Case::json(b"{\"name\": \"caf\xe9\"}", "json_not_utf8"),
        Case::json(b"+AHsAIg-name+ACIAOg +ACI-x+ACIAfQ-", "json_invalid"),
        Case::json(b"\0\0\0{\0\0\0}", "json_invalid"),
        Case::json(b"\x83\xa4name\xa1x", "json_not_utf8"),
        Case::json(deep.as_bytes(), "json_too_deep"),
        // A text as JSON counts it: in characters, not in units or bytes.
        Case::json("{\"name\": \"\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\"}".as_bytes(), "accepted"),
        Case::json(br#"{"name": "aaaaaaaaaaaaaaaaaaaaa"}"#, "body_invalid"),
    ];
    for body in &wide {
        cases.push(Case::json(
            body,
            if body.starts_with(b"\xff") || body.starts_with(b"\xfe") { "json_not_utf8" } else { "json_invalid" },
        ));
        cases.push(Case::post(&[("content-type", b"application/json;charset=utf-16")], body, "charset_unsupported"));
    }
    judge(&gate, &cases).await;
}
