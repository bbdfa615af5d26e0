//! Attempts to get a body or a parameter past the contract, as raw bytes over both versions of HTTP: of what is refused the
//! upstream sees nothing, and of what passes it sees what was judged.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use portcullis_integration_tests::{ClientError, Launch, Line, Raw, RawH2, Request, Response, merge, workspace};
use serde_json::{Value, json};

use crate::gate::{Gate, filter, reason};

const GOOD: &[u8] = br#"{"id": 42, "name": "Ada"}"#;
const BAD: &[u8] = br#"{"malformed": true}"#;

/// An API with a body, and one with parameters of every kind.
fn settings() -> Value {
    let user = json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {
            "id": {"type": "integer"}, "name": {"type": "string", "maxLength": 20}, "is_admin": {"const": false},
            "tags": {"type": "array", "items": {"type": "string"}}, "nested": {"type": "object"},
        },
    });
    let parameter = |place: &str, name: &str, schema: &Value| json!({"in": place, "name": name, "schema": schema});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 100});
    let word = json!({"type": "string", "pattern": "^[a-z]{1,8}$"});
    json!({
        "openapi": {
            "openapi": "3.1.0",
            "info": {"title": "Users", "version": "1"},
            "paths": {
                "/users": {
                    "post": {
                        "operationId": "createUser",
                        "requestBody": {"required": true, "content": {"application/json": {"schema": user}}},
                    },
                    "get": {
                        "operationId": "listUsers",
                        "parameters": [
                            parameter("query", "limit", &limit),
                            parameter("query", "tags", &json!({"type": "array", "items": word, "maxItems": 3})),
                            parameter("header", "X-Tenant", &word),
                            parameter("cookie", "region", &word),
                        ],
                    },
                },
                "/users/{id}": {
                    "parameters": [{"in": "path", "name": "id", "required": true, "schema": limit}],
                    "get": {"operationId": "getUser"},
                },
                "/admin/users": {
                    "post": {
                        "operationId": "createAdmin",
                        "requestBody": {"required": true, "content": {"application/json": {"schema": {"not": {}}}}},
                    },
                },
            },
        },
        "limits": {"body_bytes": 65536},
    })
}

/// One attempt.
struct Case<'a> {
    request: (&'a [u8], &'a [u8]),
    headers: Vec<(&'a str, &'a [u8])>,
    body: Option<&'a [u8]>,
    /// What may become of it: reasons with `|` between them, `envoy` for any of Envoy's own.
    expect: &'a str,
}

impl<'a> Case<'a> {
    fn post(headers: &[(&'a str, &'a [u8])], body: &'a [u8], expect: &'a str) -> Self {
        Self { request: (b"POST", b"/users"), headers: headers.to_vec(), body: Some(body), expect }
    }

    fn json(body: &'a [u8], expect: &'a str) -> Self {
        Self::post(&[("content-type", b"application/json")], body, expect)
    }

    fn get(target: &'a [u8], headers: &[(&'a str, &'a [u8])], expect: &'a str) -> Self {
        Self { request: (b"GET", target), headers: headers.to_vec(), body: None, expect }
    }
}

/// Sends all of them over both versions; panics with all that went wrong.
async fn judge(gate: &Gate, cases: &[Case<'_>]) {
    let mut faults = String::new();
    for (version, mut line) in
        [("HTTP/1.1", Line::h1(gate.envoy.address())), ("HTTP/2", Line::h2(gate.envoy.address()))]
    {
        for case in cases {
            gate.upstream.clear();
            let mut headers: Vec<(&str, &[u8])> = vec![
                (":method", case.request.0),
                (":scheme", b"http"),
                (":authority", b"a"),
                (":path", case.request.1),
            ];
            headers.extend(&case.headers);
            let answer = line.send(&headers, case.body).await;
            let found = answer.as_ref().map_or_else(|| "envoy:closed".to_owned(), reason);
            let may = |expect: &str| found == expect || (expect == "envoy" && found.starts_with("envoy:"));
            let seen = gate.upstream.requests();
            let is_intact = seen.iter().all(|seen| seen.body == case.body.unwrap_or_default());
            let passed = usize::from(found == "accepted");
            if !case.expect.split('|').any(may) || seen.len() != passed || !is_intact {
                let (method, target) = (case.request.0.escape_ascii(), case.request.1.escape_ascii());
                let start: Vec<u8> = case.body.unwrap_or_default().iter().take(60).copied().collect();
                let _ = writeln!(
                    faults,
                    "{version}: {method} {target} {} {}: {found}, not {}; {} at the upstream",
                    case.headers
                        .iter()
                        .map(|(name, value)| format!("{name}: {}", value.escape_ascii()))
                        .collect::<Vec<_>>()
                        .join(", "),
                    start.escape_ascii(),
                    case.expect,
                    seen.len(),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{}:\n{faults}", faults.lines().count());
    gate.assert_no_vm_failed().await;
}

/// What `curl -X POST -d '{"malformed": true}'` sends.
#[tokio::test(flavor = "multi_thread")]
async fn the_request_of_the_article() {
    let gate = Gate::start(&settings()).await;
    let form = ("content-type", &b"application/x-www-form-urlencoded"[..]);
    let curl: [(&str, &[u8]); 3] = [("user-agent", b"curl/8.5.0"), ("accept", b"*/*"), form];
    judge(
        &gate,
        &[
            Case::post(&curl, BAD, "media_type_unknown"),
            Case::post(&curl, GOOD, "media_type_unknown"),
            Case::json(BAD, "body_invalid"),
            Case::json(GOOD, "accepted"),
        ],
    )
    .await;
    let request = Request::post("/users", BAD).header("content-type", "application/x-www-form-urlencoded");
    let answer = gate.refused_with(400, &gate.h1(), request).await;
    let problem = answer.json();
    assert_eq!(problem["status"], 400);
    assert!(!answer.text().contains("malformed"), "{problem}");
    let answer = gate
        .refused_with(400, &gate.h1(), Request::post("/users", BAD).header("content-type", "application/json"))
        .await;
    let problem = answer.json();
    for error in [
        json!({"in": "body", "pointer": "/name", "keyword": "required"}),
        json!({"in": "body", "pointer": "/malformed", "keyword": "additionalProperties"}),
    ] {
        assert!(problem["errors"].as_array().unwrap().contains(&error), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types() {
    let gate = Gate::start(&settings()).await;
    let mut cases = Vec::new();
    // Other ways to say the same: the body decides.
    for same in [
        "application/json",
        "APPLICATION/JSON",
        "Application/Json;charset=utf-8",
        "application/json; charset=UTF-8",
        "application/json ; charset=\"utf-8\"",
        "application/json;version=1; charset=utf-8",
        " application/json\t",
    ] {
        cases.push(Case::post(&[("content-type", same.as_bytes())], GOOD, "accepted|envoy"));
        cases.push(Case::post(&[("content-type", same.as_bytes())], BAD, "body_invalid|envoy"));
    }
    for other in [
        "",
        " ",
        "text/plain",
        "text/json",
        "application/*",
        "*/*",
        "application/problem+json",
        "application/json+x",
        "application/jsonx",
        "application/x-json",
        "application/json/x",
        "application//json",
        "application/ json",
        "application /json",
        "/json",
        "json",
        "application/json,text/plain",
        "text/plain, application/json",
        "application/json, application/json",
        "application/json;",
        "application/json;;charset=utf-8",
        "application/json; charset",
        "application/json; charset=",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset=utf-8; Charset=utf-8",
        "application/json; charset=\"utf-8",
        "application/json charset=utf-8",
        "application/json; =utf-8",
        "application/json; charset = utf-8",
        "\"application/json\"",
        "application\\json",
        "application/json%00",
        "application/json\u{a0}",
        "\u{feff}application/json",
        "multipart/form-data; boundary=application/json",
        "application/x-www-form-urlencoded; application/json",
        "application/ſon",
    ] {
        for body in [GOOD, BAD] {
            let expect = match other {
                // An empty element is nothing in some grammars; then the body decides.
                "application/json;" | "application/json;;charset=utf-8" if body == BAD => {
                    "media_type_unknown|body_invalid"
                }
                "application/json;" | "application/json;;charset=utf-8" => "media_type_unknown|accepted",
                _ => "media_type_unknown",
            };
            cases.push(Case::post(&[("content-type", other.as_bytes())], body, expect));
        }
    }
    for charset in ["utf-16", "UTF-7", "utf-32", "iso-8859-1", "utf8mb4", "ibm037", "x"] {
        let value = format!("application/json; charset={charset}").leak().as_bytes();
        cases.push(Case::post(&[("content-type", value)], GOOD, "charset_unsupported"));
    }
    // Twice, in any order.
    for (first, second) in [
        ("application/json", "text/plain"),
        ("text/plain", "application/json"),
        ("application/json", "application/json"),
    ] {
        let headers = [("content-type", first.as_bytes()), ("content-type", second.as_bytes())];
        cases.push(Case::post(&headers, GOOD, "media_type_unknown"));
        cases.push(Case::post(&headers, BAD, "media_type_unknown"));
    }
    // Envoy leaves the empty one out.
    for (first, second) in [("application/json", ""), ("", "application/json")] {
        let headers = [("content-type", first.as_bytes()), ("content-type", second.as_bytes())];
        cases.push(Case::post(&headers, GOOD, "accepted"));
        cases.push(Case::post(&headers, BAD, "body_invalid"));
    }
    cases.push(Case::post(&[], GOOD, "media_type_unknown"));
    cases.push(Case::post(&[("content_type", b"application/json")], BAD, "media_type_unknown"));
    cases.push(Case::post(&[("content-type ", b"application/json")], BAD, "media_type_unknown|envoy"));
    cases.push(Case::post(&[("content-type", b"application/json\0")], BAD, "envoy"));
    cases.push(Case::post(&[("content-type", b"application/json\xff")], BAD, "media_type_unknown"));
    judge(&gate, &cases).await;
}

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

#[tokio::test(flavor = "multi_thread")]
async fn shapes_of_paths() {
    let gate = Gate::start(&settings()).await;
    let json: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let post = |target: &'static str, expect: &'static str| Case {
        request: (b"POST", target.as_bytes()),
        ..Case::post(&json, BAD, expect)
    };
    let mut cases: Vec<Case> = [
        // The same operation, and so its body is judged.
        ("/users", "body_invalid"),
        ("/%75sers", "body_invalid"),
        ("/%75%73%65%72%73", "body_invalid"),
        ("/users/", "body_invalid"),
        ("/users?", "body_invalid"),
        ("/users?&", "body_invalid"),
        // Another one, by case.
        ("/USERS", "path_unknown"),
        ("/usersx", "path_unknown"),
        ("/user", "path_unknown"),
        ("/users.json", "path_unknown"),
        ("/", "path_unknown"),
        ("/users%20", "path_whitespace"),
        ("/users/1/x", "path_unknown"),
        ("/\u{ff55}sers", "path_lookalike|envoy"),
        ("/users?admin=1", "query_unknown"),
        // What servers read in different ways.
        ("//users", "path_empty_segment"),
        ("/users//", "path_empty_segment"),
        ("/./users", "path_dot_segment"),
        ("/x/../users", "path_dot_segment"),
        ("/users/..", "path_dot_segment"),
        ("/users/.", "path_dot_segment"),
        ("/%2e/users", "path_encoded_dot"),
        ("/x/%2E%2e/users", "path_encoded_dot"),
        ("/x/.%2e/users", "path_encoded_dot"),
        ("/users;a=b", "path_parameter"),
        ("/x/..;/users", "path_parameter|path_dot_segment"),
        ("/users%3ba", "path_parameter"),
        ("/users%2f", "path_encoded_slash"),
        ("/users%2F1", "path_encoded_slash"),
        ("\\users", "path_not_absolute|path_backslash|envoy"),
        ("/\\users", "path_backslash"),
        ("/users%5c", "path_backslash"),
        ("/users%00", "path_control_byte"),
        ("/users%0a", "path_control_byte"),
        ("/users%0d%0ax-a:%201", "path_control_byte"),
        ("/users%252f", "path_double_encoding"),
        ("/%2575sers", "path_double_encoding"),
        ("/users%", "path_bad_percent"),
        ("/users%2", "path_bad_percent"),
        ("/users%u0041", "path_bad_percent"),
        ("/users%zz", "path_bad_percent"),
        ("/users%3Fa=1", "path_encoded_delimiter"),
        ("/users%23a", "path_encoded_delimiter"),
        ("/users#a", "path_fragment|envoy"),
        ("/users?a#b", "path_fragment|envoy"),
        ("/%c0%afusers", "path_unknown|path_overlong_utf8|path_not_utf8|path_invalid_utf8"),
        ("/users%c0%ae", "path_unknown|path_overlong_utf8|path_not_utf8|path_invalid_utf8"),
        ("/users%ff", "path_unknown|path_overlong_utf8|path_not_utf8|path_invalid_utf8"),
        ("http://a/users", "body_invalid|path_absolute_form|path_not_absolute|envoy"),
        ("*", "path_asterisk_form|envoy"),
        ("", "path_not_absolute|envoy"),
        ("users", "path_not_absolute|envoy"),
        ("?users", "path_not_absolute|envoy"),
        (" /users", "body_invalid|path_not_absolute|envoy"),
        ("/users /x", "envoy|path_unknown|path_control_byte"),
        ("/users\t", "body_invalid|path_control_byte|envoy"),
    ]
    .map(|(target, expect)| post(target, expect))
    .into();
    // Variables are decoded once, and are one segment.
    for (target, expect) in [
        ("/users/7", "accepted"),
        ("/users/%37", "accepted"),
        ("/users/7/", "accepted"),
        ("/users/0", "parameter_invalid"),
        ("/users/101", "parameter_invalid"),
        ("/users/+7", "parameter_invalid"),
        ("/users/%207", "path_whitespace"),
        ("/users/7%20", "path_whitespace"),
        ("/users/07", "parameter_invalid"),
        ("/users/0x7", "parameter_invalid"),
        ("/users/7.5", "parameter_invalid"),
        ("/users/7,8", "parameter_invalid"),
        ("/users/null", "parameter_invalid"),
        ("/users/%EF%BC%97", "path_lookalike"),
        ("/users/{id}", "parameter_invalid|envoy"),
        ("/users/%7Bid%7D", "parameter_invalid"),
        ("/users/7%00", "path_control_byte"),
        ("/users/7;a", "path_parameter"),
        ("/users/7%2f..", "path_encoded_slash|path_encoded_dot|path_dot_segment"),
    ] {
        cases.push(Case::get(target.as_bytes(), &[], expect));
    }
    judge(&gate, &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_headers_cookies_and_methods() {
    let gate = Gate::start(&settings()).await;
    let mut cases: Vec<Case> = [
        ("/users?limit=5", "accepted"),
        ("/users?%6cimit=5", "accepted"),
        ("/users?limit=%35", "accepted"),
        ("/users?&limit=5&", "accepted"),
        ("/users?tags=a&tags=b", "accepted"),
        ("/users?limit=500", "parameter_invalid"),
        ("/users?limit=5&limit=500", "parameter_repeated"),
        ("/users?limit=500&limit=5", "parameter_repeated"),
        ("/users?limit=5&%6cimit=500", "parameter_repeated"),
        ("/users?limit=5&limit", "parameter_repeated"),
        ("/users?%6Cimit=500", "parameter_invalid"),
        ("/users?limit=%35%30%30", "parameter_invalid"),
        ("/users?limit=+5", "parameter_invalid"),
        ("/users?limit=%2b5", "parameter_invalid"),
        ("/users?limit=5%20", "parameter_invalid"),
        ("/users?limit=0x5", "parameter_invalid"),
        ("/users?limit=05", "parameter_invalid"),
        ("/users?limit=", "parameter_invalid"),
        ("/users?limit", "parameter_invalid"),
        ("/users?limit=null", "parameter_invalid"),
        ("/users?limit=5;limit=500", "parameter_invalid|parameter_malformed"),
        ("/users?limit=5?limit=500", "parameter_invalid"),
        ("/users?limit=5,500", "parameter_invalid"),
        ("/users?limit=%EF%BC%95", "parameter_invalid"),
        ("/users?limit=5%00", "parameter_invalid|parameter_malformed"),
        ("/users?limit=5%", "parameter_malformed"),
        ("/users?limit=5%zz", "parameter_malformed"),
        ("/users?limit=%ff", "parameter_malformed"),
        ("/users?limit=%c0%b5", "parameter_malformed"),
        ("/users?%ff=1", "query_unknown|parameter_malformed"),
        ("/users?%=1", "query_unknown|parameter_malformed"),
        ("/users?LIMIT=5", "query_unknown"),
        ("/users?limit%00=5", "query_unknown|parameter_malformed"),
        ("/users?limit%20=5", "query_unknown"),
        ("/users?+limit=5", "query_unknown"),
        ("/users?limit[]=5", "query_unknown"),
        ("/users?limit%5B%5D=500", "query_unknown"),
        ("/users?limit.=5", "query_unknown"),
        ("/users?x=1", "query_unknown"),
        ("/users?limit=5&x=1", "query_unknown"),
        ("/users?x", "query_unknown"),
        ("/users?=1", "query_unknown"),
        ("/users??limit=5", "query_unknown"),
        ("/users?amp;limit=500", "parameter_malformed"),
        ("/users?tags=a&tags=b&tags=c&tags=d", "parameter_invalid"),
        ("/users?tags=a&tags=B", "parameter_invalid"),
        ("/users?tags=a,b", "parameter_invalid"),
        ("/users?tags[]=a", "query_unknown"),
        ("/users?tags[0]=a", "query_unknown"),
    ]
    .map(|(target, expect)| Case::get(target.as_bytes(), &[], expect))
    .into();
    for (headers, expect) in [
        (&[("x-tenant", "acme")][..], "accepted"),
        (&[("X-TENANT", "acme")], "accepted|envoy"),
        (&[("x-tenant", " acme\t")], "accepted|parameter_invalid"),
        (&[("x-tenant", "ACME")], "parameter_invalid"),
        (&[("x-tenant", "")], "parameter_invalid"),
        (&[("x-tenant", "acme,acme")], "parameter_invalid"),
        (&[("x-tenant", "acme"), ("x-tenant", "../x")], "parameter_repeated"),
        (&[("x-tenant", "../x"), ("x-tenant", "acme")], "parameter_repeated"),
        (&[("x-tenant", "acme"), ("x-tenant", "acme")], "parameter_repeated"),
        (&[("x-tenant", "acme"), ("X-Tenant", "../x")], "parameter_repeated|envoy"),
        // Servers that pass headers as variables take these for one (CGI).
        (&[("x-tenant", "acme"), ("x_tenant", "../x")], "parameter_repeated"),
        (&[("x_tenant", "../x")], "parameter_repeated|parameter_invalid"),
        (&[("x-tenant", "%61cme")], "parameter_invalid"),
        (&[("x-tenant", "acme\u{e9}")], "parameter_invalid"),
        (&[("cookie", "region=eu")], "accepted"),
        (&[("cookie", "a=b; region=eu; c=d")], "accepted"),
        (&[("cookie", "region=eu; region=../x")], "parameter_repeated"),
        (&[("cookie", "region=../x; region=eu")], "parameter_repeated"),
        (&[("cookie", "region=eu"), ("cookie", "region=../x")], "parameter_repeated"),
        (&[("cookie", "region=../x"), ("cookie", "region=eu")], "parameter_repeated"),
        (&[("cookie", "region=\"eu\"")], "parameter_invalid|accepted"),
        (&[("cookie", "region=../x")], "parameter_invalid"),
        (&[("cookie", "a=b;region=../x")], "parameter_invalid"),
        (&[("cookie", "a=b,region=../x")], "accepted"),
        (&[("cookie", "region=")], "parameter_invalid"),
    ] {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        cases.push(Case::get(b"/users", &headers, expect));
    }
    cases.push(Case::get(b"/users", &[("x-tenant", b"acme\xff")], "parameter_malformed|parameter_invalid"));
    cases.push(Case::get(b"/users", &[("cookie", b"region=\xff")], "parameter_malformed|parameter_invalid"));
    for method in ["post", "Post", "POSTX", "PUT", "PATCH", "TRACE", "PROPFIND", "QUERY", "OPTIONS", "get", "CONNECTX"]
    {
        let json: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        let request = (method.as_bytes(), &b"/users"[..]);
        cases.push(Case { request, ..Case::post(&json, GOOD, "method_unknown|envoy") });
    }
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        // Its own body is judged; what a service makes of such a header is the service's.
        let headers: [(&str, &[u8]); 2] = [("content-type", b"application/json"), (name, b"DELETE")];
        cases.push(Case::post(&headers, BAD, "body_invalid"));
    }
    judge(&gate, &cases).await;
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// As RFC 7932 has it for what is not compressed: a block that says its length, and an empty one that is the last.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 1).unwrap();
    let head = (length << 4 | 1 << 20).to_le_bytes();
    [&head[..3], bytes, &[3]].concat()
}

/// A bomb of brotli, made by its reference encoder: 15 bytes, and 100,000 zeros in them.
fn brotli_bomb() -> Vec<u8> {
    let streams = std::fs::read(workspace("shared/testdata/encoding/streams.json")).unwrap();
    let streams: Value = serde_json::from_slice(&streams).unwrap();
    let zeros = streams.as_array().unwrap().iter().find(|stream| stream["name"] == "br: zeros").unwrap();
    let digits = zeros["body"].as_str().unwrap().as_bytes().chunks(2);
    digits.map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap()).collect()
}

fn coded<'a>(coding: &'a [u8], body: &'a [u8], expect: &'a str) -> Case<'a> {
    Case::post(&[("content-type", b"application/json"), ("content-encoding", coding)], body, expect)
}

#[tokio::test(flavor = "multi_thread")]
async fn content_encodings_are_refused() {
    let gate = Gate::start(&settings()).await;
    let (good, bad) = (gzip(GOOD), gzip(BAD));
    let mut cases = Vec::new();
    for coding in [
        "gzip",
        "GZIP",
        "x-gzip",
        "br",
        "deflate",
        "zstd",
        "compress",
        "identity, gzip",
        "gzip, identity",
        "gzip;q=1",
        "*",
        "x",
        "gzip,",
    ] {
        for body in [GOOD, BAD, &good, &bad] {
            cases.push(coded(coding.as_bytes(), body, "content_encoding_unsupported"));
        }
    }
    for coding in ["identity", "", "Identity", "identity, identity", " "] {
        cases.push(coded(coding.as_bytes(), GOOD, "accepted"));
        cases.push(coded(coding.as_bytes(), BAD, "body_invalid"));
        cases.push(coded(coding.as_bytes(), &good, "json_not_utf8"));
    }
    cases.push(coded(b"gzip\xff", GOOD, "content_encoding_unsupported"));
    for (first, second) in [("identity", "gzip"), ("gzip", "identity"), ("gzip", "gzip")] {
        let headers = [
            ("content-type", &b"application/json"[..]),
            ("content-encoding", first.as_bytes()),
            ("content-encoding", second.as_bytes()),
        ];
        cases.push(Case::post(&headers, GOOD, "content_encoding_unsupported"));
    }
    // What no one says is compressed is not JSON.
    cases.push(Case::json(&bad, "json_not_utf8"));
    // Transfer codings are Envoy's own business.
    let headers: [(&str, &[u8]); 2] = [("content-type", b"application/json"), ("content_encoding", b"gzip")];
    cases.push(Case::post(&headers, &good, "json_not_utf8"));
    judge(&gate, &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_encodings_are_decoded() {
    let mut settings = settings();
    merge(&mut settings, &json!({"content_encoding": "decode"}));
    let gate = Gate::start(&settings).await;
    let twice = |body: &[u8]| gzip(&deflate(body));
    let codings: [(&[u8], &dyn Fn(&[u8]) -> Vec<u8>); 6] = [
        (b"gzip", &gzip),
        (b"X-GZIP", &gzip),
        (b"deflate", &deflate),
        (b"br", &brotli),
        (b"deflate, gzip", &twice),
        (b"identity, gzip", &gzip),
    ];
    let mut bodies = Vec::new();
    let duplicate = br#"{"name": "x", "n\u0061me": "y"}"#;
    for (coding, encode) in codings {
        bodies.push((coding, encode(GOOD), "accepted"));
        bodies.push((coding, encode(BAD), "body_invalid"));
        bodies.push((coding, encode(duplicate), "json_duplicate_key"));
        bodies.push((coding, encode(b"\xff\xfe"), "json_not_utf8"));
        bodies.push((coding, encode(&[GOOD, b" ".repeat(60_000).as_slice()].concat()), "accepted"));
        // 65,537 bytes of JSON, or MBs.
        bodies.push((
            coding,
            encode(&[GOOD, b" ".repeat(65_537 - GOOD.len()).as_slice()].concat()),
            "body_bomb|body_too_large",
        ));
        let mut cut = encode(GOOD);
        cut.pop();
        bodies.push((coding, cut, "content_encoding_invalid"));
        bodies.push((coding, [encode(GOOD).as_slice(), b"x"].concat(), "content_encoding_invalid"));
        bodies.push((coding, GOOD.to_vec(), "content_encoding_invalid"));
        bodies.push((coding, encode(GOOD)[..1].to_vec(), "content_encoding_invalid"));
    }
    // Two members behind each other are one text for some, and only the first counts for others.
    bodies.push((b"gzip", [gzip(GOOD), gzip(BAD)].concat(), "content_encoding_invalid|json_trailing_data"));
    bodies.push((b"gzip", [gzip(&GOOD[..9]), gzip(&GOOD[9..])].concat(), "content_encoding_invalid|accepted"));
    for byte in [4, 5, 10, 11] {
        let mut broken = gzip(GOOD);
        let at = broken.len() - byte;
        broken[at] ^= 0xff;
        bodies.push((b"gzip", broken, "content_encoding_invalid|body_bomb"));
    }
    bodies.push((b"gzip", gzip(&vec![b' '; 20 << 20]), "body_bomb"));
    bodies.push((b"deflate", deflate(&vec![b' '; 20 << 20]), "body_bomb"));
    bodies.push((b"gzip, gzip", gzip(&gzip(&vec![b' '; 20 << 20])), "body_bomb"));
    bodies.push((b"br", brotli_bomb(), "body_bomb"));
    bodies.push((b"deflate", gzip(GOOD), "content_encoding_invalid"));
    bodies.push((b"gzip", deflate(GOOD), "content_encoding_invalid"));
    // zlib's format without its frame, which some call deflate.
    let bare = deflate(GOOD);
    bodies.push((b"deflate", bare[2..bare.len() - 4].to_vec(), "content_encoding_invalid"));
    bodies.push((b"gzip, gzip, gzip", gzip(&gzip(&gzip(GOOD))), "content_encoding_unsupported"));
    bodies.push((b"zstd", GOOD.to_vec(), "content_encoding_unsupported"));
    bodies.push((b"gzip;q=1", gzip(GOOD), "content_encoding_unsupported"));
    let mut cases: Vec<Case> = bodies.iter().map(|(coding, body, expect)| coded(coding, body, expect)).collect();
    let plain = gzip(BAD);
    cases.push(coded(b"identity", &plain, "json_not_utf8"));
    cases.push(coded(b"identity", BAD, "body_invalid"));
    cases.push(coded(b"gzip", b"", "body_missing"));
    // In pieces, and with trailers.
    judge(&gate, &cases).await;
    for (version, client) in gate.clients() {
        for (body, expect) in [(gzip(GOOD), "accepted"), (gzip(BAD), "body_invalid")] {
            gate.upstream.clear();
            let request = Request::new("POST", "/users")
                .header("content-type", "application/json")
                .header("content-encoding", "gzip");
            let request = request.body(body[..9].to_vec()).body(body[9..].to_vec()).trailer("x-a", "b");
            assert_eq!(reason(&client.send(request).await), expect, "{version}");
            let seen = gate.upstream.requests();
            assert_eq!(seen.len(), usize::from(expect == "accepted"));
            assert!(
                seen.iter()
                    .all(|seen| seen.body == body && seen.headers.text("content-encoding").as_deref() == Some("gzip"))
            );
        }
    }
}

/// Bytes whose length is said in two ways: whatever Envoy makes of them, no body reaches the upstream that was not judged.
#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_contradict_each_other() {
    let gate = Gate::start(&settings()).await;
    let target = gate.envoy.address();
    let (good, chunked) = (GOOD.len(), format!("{:x}\r\n{}\r\n0\r\n\r\n", GOOD.len(), str::from_utf8(GOOD).unwrap()));
    let inner = format!(
        "POST /users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        BAD.len(),
        str::from_utf8(BAD).unwrap()
    );
    let text = str::from_utf8(GOOD).unwrap();
    let mut passed = 0;
    for (headers, rest) in [
        (format!("content-length: {good}\r\ncontent-length: {}\r\n", good + 5), format!("{text}12345")),
        (format!("content-length: {}\r\ncontent-length: {good}\r\n", good + 5), format!("{text}12345")),
        (format!("content-length: {good}, {}\r\n", good + 5), format!("{text}12345")),
        (format!("content-length: {good},{good}\r\n"), text.to_owned()),
        (format!("content-length: +{good}\r\n"), text.to_owned()),
        (format!("content-length: -{good}\r\n"), text.to_owned()),
        (format!("content-length: 0x{good:x}\r\n"), text.to_owned()),
        (format!("content-length: {good}.0\r\n"), text.to_owned()),
        ("content-length: 99999999999999999999\r\n".to_owned(), text.to_owned()),
        ("content-length: \r\n".to_owned(), text.to_owned()),
        (format!("content-length : {good}\r\n"), text.to_owned()),
        (format!("content-length:\r\n {good}\r\n"), text.to_owned()),
        (format!("content_length: 3\r\ncontent-length: {good}\r\n"), text.to_owned()),
        (format!("content-length: {good}\r\ntransfer-encoding: chunked\r\n"), format!("{chunked}{inner}")),
        (format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", chunked.len() + 3), chunked.clone()),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: chunked, chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: identity\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: chunked, identity\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: identity, chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: gzip, chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: xchunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: \"chunked\"\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: CHUNKED\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding:\x0bchunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding : chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding:\r\n chunked\r\n".to_owned(), chunked.clone()),
        (" transfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("transfer_encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("x: y\rtransfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        (format!("x: y\ncontent-length: {good}\r\n"), text.to_owned()),
        // Chunks that say what they are not.
        ("transfer-encoding: chunked\r\n".to_owned(), chunked.replace("\r\n0\r\n", "\n0\r\n")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("0{chunked}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("+{chunked}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("0x{chunked}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("ffffffffffffffff1\r\n{text}\r\n0\r\n\r\n")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("-1\r\n{text}\r\n0\r\n\r\n")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("{good:x};a=\"\r\n\"\r\n{text}\r\n0\r\n\r\n")),
        (
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("{good:x}\r\n{text}\r\n0\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\n"),
        ),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("{chunked}{inner}")),
    ] {
        gate.upstream.clear();
        let head = format!("POST /users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{headers}\r\n");
        let mut raw = Raw::connect(target).await;
        raw.write(format!("{head}{rest}")).await;
        for _ in 0..if rest.contains("POST") { 2 } else { 1 } {
            let answer = raw.try_read_response().await;
            assert!(matches!(answer, Ok(_) | Err(ClientError::Closed)), "{head}{rest}: {answer:?}");
        }
        let seen = gate.upstream.requests();
        assert!(seen.len() <= 1, "{head}{rest}: {seen:#?}");
        for seen in seen {
            assert_eq!(seen.body, GOOD, "{head}{rest}: {seen:#?}");
            let lengths = seen.headers.all("content-length").len() + seen.headers.all("transfer-encoding").len();
            assert_eq!(lengths, 1, "{head}{rest}: {seen:#?}");
            passed += 1;
        }
    }
    assert!(passed > 1, "nothing passed, not even what is good: {passed}");
    // Over HTTP/2 a length is a header like any other, and DATA frames are the body.
    for (lengths, body, may_pass) in [
        (vec!["25"], GOOD, true),
        (vec!["24"], GOOD, false),
        (vec!["26"], GOOD, false),
        (vec!["0"], GOOD, false),
        (vec!["25", "24"], GOOD, false),
        (vec!["+25"], GOOD, false),
        (vec!["x"], GOOD, false),
        (vec!["19"], BAD, false),
        (vec!["0"], BAD, false),
    ] {
        for end in [true, false] {
            gate.upstream.clear();
            let mut head: Vec<(&str, &[u8])> = vec![
                (":method", b"POST"),
                (":scheme", b"http"),
                (":authority", b"a"),
                (":path", b"/users"),
                ("content-type", b"application/json"),
            ];
            head.extend(lengths.iter().map(|length| ("content-length", length.as_bytes())));
            let mut raw = RawH2::connect(target).await;
            let stream = raw.request(&head, false).await;
            raw.data(stream, body, end).await;
            if !end {
                raw.headers(stream, &[("content-length", b"25"), ("x-a", b"b")], true).await;
            }
            raw.answer(stream).await;
            let seen = gate.upstream.requests();
            assert!(may_pass || seen.is_empty(), "{lengths:?} {end}: {seen:#?}");
            assert!(seen.iter().all(|seen| seen.body == GOOD));
        }
    }
    for name in ["transfer-encoding", "connection", "upgrade"] {
        gate.upstream.clear();
        let head: [(&str, &[u8]); 6] = [
            (":method", b"POST"),
            (":scheme", b"http"),
            (":authority", b"a"),
            (":path", b"/users"),
            ("content-type", b"application/json"),
            (name, b"chunked"),
        ];
        let mut raw = RawH2::connect(target).await;
        let stream = raw.request(&head, false).await;
        raw.data(stream, chunked.as_bytes(), true).await;
        raw.answer(stream).await;
        assert_eq!(gate.upstream.count(), 0, "{name}");
    }
    gate.assert_no_vm_failed().await;
}

/// A contract whose members are partly the service's own.
fn dropping() -> Value {
    let own = json!({"type": "string", "readOnly": true});
    let schema = json!({
        "type": "object", "required": ["id", "name"], "additionalProperties": false,
        "properties": {
            "id": own, "name": {"type": "string"},
            "nested": {"type": "object", "properties": {"id": own, "b": {}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"id": own, "b": {}}}},
        },
    });
    let body = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    json!({
        "openapi": {
            "openapi": "3.1.0", "info": {"title": "Users", "version": "1"},
            "paths": {"/users": {"post": {"operationId": "createUser", "requestBody": body}}},
        },
        "read_only": "drop", "content_encoding": "decode",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_changed_is_whole() {
    let gate =
        Gate::launch(filter(&dropping()), |bootstrap| Launch::new(bootstrap.http(&crate::gate::telling()))).await;
    let hidden = "GET /smuggled HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n";
    let bodies = [
        (format!(r#"{{"id": "{hidden}", "name": "Ada"}}"#), json!({"name": "Ada"})),
        (format!(r#"{{"name": "Ada", "id": "{hidden}"}}"#), json!({"name": "Ada"})),
        (
            r#"{"id": "1", "name": "Ada", "nested": {"id": "2", "b": [1.50, {"id": 3}]}}"#.to_owned(),
            json!({"name": "Ada", "nested": {"b": [1.5, {"id": 3}]}}),
        ),
        (
            r#"{"name": "Ada", "list": [{"id": "1"}, {"id": "2", "b": 1}, {}]}"#.to_owned(),
            json!({"name": "Ada", "list": [{}, {"b": 1}, {}]}),
        ),
        (r#" {"\u0069d": "1", "name": "\u0041da\n"} "#.to_owned(), json!({"name": "Ada\n"})),
        (r#"{"name": "Ada"}"#.to_owned(), json!({"name": "Ada"})),
    ];
    let head = "POST /users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let mut expected: Vec<Value> = Vec::new();
    // On one connection, which is Envoy's to the upstream as well; and one behind the other without waiting.
    let mut raw = Raw::connect(gate.envoy.address()).await;
    for (body, left) in &bodies {
        let length = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let (start, end) = body.split_at(body.len() / 2);
        let chunked = format!(
            "{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
            start.len(),
            end.len()
        );
        for request in [&length, &chunked] {
            raw.write(request).await;
            assert_eq!(raw.read_response().await.status, 200, "{request}");
            expected.push(left.clone());
        }
        raw.write([length.as_str(), &chunked, &length].concat()).await;
        for _ in 0..3 {
            assert_eq!(raw.read_response().await.status, 200, "{body}");
            expected.push(left.clone());
        }
    }
    assert_eq!(gate.upstream.connections(), 1);
    for (_, client) in gate.clients() {
        for (body, left) in &bodies {
            let post = || Request::new("POST", "/users").header("content-type", "application/json");
            let (start, end) = body.split_at(body.len() / 2);
            for request in [
                post().body(body.clone()),
                post().body(start.to_owned()).body(end.to_owned()),
                post().body(body.clone()).trailer("x-trailer", "1"),
            ] {
                gate.passed(&client, request).await;
                expected.push(left.clone());
            }
        }
    }
    let seen = gate.upstream.requests();
    let read = |body: &[u8]| {
        serde_json::from_slice::<Value>(body).unwrap_or_else(|error| panic!("{error}: {}", body.escape_ascii()))
    };
    assert_eq!(seen.iter().map(|seen| read(&seen.body)).collect::<Vec<_>>(), expected);
    for seen in &seen {
        assert!(seen.complete && seen.path == "/users", "{seen:?}");
        let length = seen.headers.text("content-length").map(|length| length.parse::<usize>().unwrap());
        assert!(length.is_none_or(|length| length == seen.body.len()), "{seen:?}");
        assert!(length.is_some() != (seen.headers.text("transfer-encoding").is_some()), "{seen:?}");
    }
    // What is not changed is sent on as it came; what is compressed cannot be changed.
    let odd = b" {\"name\" :\t\"\\u0041\"}\n".to_vec();
    gate.upstream.clear();
    gate.passed(&gate.h1(), Request::post("/users", odd.clone()).header("content-type", "application/json")).await;
    assert_eq!(gate.upstream.only_request().body, odd);
    for (body, expect) in [(r#"{"id": "1", "name": "Ada"}"#, "body_invalid"), (r#"{"name": "Ada"}"#, "accepted")] {
        let request = Request::post("/users", gzip(body.as_bytes())).header("content-type", "application/json");
        let answer: Response = gate.h1().send(request.header("content-encoding", "gzip")).await;
        assert_eq!(reason(&answer), expect, "{body}");
    }
    // What is dropped is not judged less for that.
    for (body, expect) in [
        (r#"{"id": 1, "name": "Ada"}"#, "body_invalid|accepted"),
        (r#"{"id": "1", "id": "2", "name": "Ada"}"#, "json_duplicate_key"),
        (r#"{"id": "1"}"#, "body_invalid"),
        (r#"{"id": "1", "name": "Ada", "x": 1}"#, "body_invalid"),
    ] {
        let answer = gate.h1().send(Request::post("/users", body).header("content-type", "application/json")).await;
        assert!(expect.split('|').any(|expect| reason(&answer) == expect), "{body}: {}", reason(&answer));
    }
    gate.assert_no_vm_failed().await;
}
