#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::Url;

#[test]
fn urls_are_read_strictly() {
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../testdata/document/urls.json")).unwrap();
    for case in cases {
        let text = case["url"].as_str().unwrap();
        match (text.parse::<Url>(), case["is"].as_array(), case["fault"].as_str()) {
            (Ok(url), Some(parts), None) => {
                assert_eq!([url.scheme, &url.authority, &url.path], parts[..], "{text}");
            }
            (Err(fault), None, Some(expected)) => {
                assert!(fault.contains(expected), "{text}: {fault}");
                assert!(!fault.contains("s3cr3t"), "{fault}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_long_url_is_refused() {
    let url = |length: usize| format!("https://h/{}", "x".repeat(length - "https://h/".len()));
    assert!(url(2048).parse::<Url>().is_ok());
    assert!(url(2049).parse::<Url>().unwrap_err().contains("at most 2048 bytes"));
}
