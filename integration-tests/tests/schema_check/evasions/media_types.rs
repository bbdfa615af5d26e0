//! Bodies that say they are something else.

use super::{BAD, Case, GOOD, judge, settings};
use crate::gate::Gate;

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
