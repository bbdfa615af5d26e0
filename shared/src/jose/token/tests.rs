use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Compact, Fault, media_type_is};

#[cfg(not(target_arch = "wasm32"))]
mod properties;

const MAX: usize = 8192;

/// A whole token, or its parts not encoded, and what reading it yields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    token: Option<String>,
    header: Option<String>,
    /// For what is not UTF-8.
    header_hex: Option<String>,
    payload: Option<String>,
    signature: Option<String>,
    fault: Option<String>,
    algorithm: Option<String>,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

impl Case {
    fn token(&self) -> String {
        let header = match (&self.token, &self.header, &self.header_hex) {
            (Some(token), None, None) => return token.clone(),
            (None, Some(header), None) => header.clone().into_bytes(),
            (None, None, Some(hex)) => {
                let digits = hex.as_bytes().chunks(2).map(|digits| str::from_utf8(digits).unwrap());
                digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
            }
            _ => panic!("a case has either token, header or header_hex"),
        };
        token(&header, self.payload().as_bytes(), self.signature().as_bytes())
    }

    fn payload(&self) -> &str {
        self.payload.as_deref().unwrap_or("{}")
    }

    fn signature(&self) -> &str {
        self.signature.as_deref().unwrap_or("signature")
    }
}

fn token(header: &[u8], payload: &[u8], signature: &[u8]) -> String {
    [header, payload, signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../testdata/jose/tokens.json")).unwrap()
}

fn header_fault(header: &str) -> Option<Fault> {
    Compact::parse(token(header.as_bytes(), b"{}", b"").as_bytes(), MAX).err()
}

#[test]
fn tokens_are_read_as_the_table_says() {
    for case in cases() {
        let token = case.token();
        match Compact::parse(token.as_bytes(), MAX) {
            Ok(compact) => {
                assert_eq!(Some(compact.algorithm.as_str()), case.algorithm.as_deref(), "{token}");
                assert_eq!((&compact.kid, &compact.typ), (&case.kid, &case.typ), "{token}");
                assert_eq!(compact.signing_input, token.rsplit_once('.').unwrap().0.as_bytes(), "{token}");
                if case.token.is_none() {
                    assert_eq!(compact.payload, case.payload().as_bytes(), "{token}");
                    assert_eq!(compact.signature, case.signature().as_bytes(), "{token}");
                }
            }
            Err(fault) => assert_eq!(Some(fault.code()), case.fault.as_deref(), "{token}"),
        }
    }
}

#[test]
fn the_table_has_every_fault_of_reading() {
    let cases = cases();
    for fault in Fault::ALL.iter().filter(|fault| **fault > Fault::TooLarge && **fault <= Fault::TypeUnexpected) {
        assert!(cases.iter().any(|case| case.fault.as_deref() == Some(fault.code())), "{fault:?}");
    }
}

#[test]
fn the_example_of_rfc_7515_is_read() {
    let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let compact = Compact::parse(text.as_bytes(), MAX).unwrap();
    assert_eq!(compact.payload, b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
    let signature = [
        116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
        240, 91, 88, 5, 88, 83, 132, 141, 121,
    ];
    assert_eq!(compact.signature, signature);
}

#[test]
fn a_limit_of_bytes_is_kept() {
    let token = token(br#"{"alg":"RS256"}"#, b"{}", b"signature");
    assert!(Compact::parse(token.as_bytes(), token.len()).is_ok());
    assert_eq!(Compact::parse(token.as_bytes(), token.len() - 1), Err(Fault::TooLarge));
    assert_eq!(Compact::parse(b"no token", 7), Err(Fault::TooLarge));
}

#[test]
fn a_key_id_has_a_limit_of_bytes() {
    let header = |kid: &str| format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
    assert_eq!(header_fault(&header(&"k".repeat(256))), None);
    assert_eq!(header_fault(&header(&"k".repeat(257))), Some(Fault::Header));
    assert_eq!(header_fault(&header(&"é".repeat(128))), None);
    assert_eq!(header_fault(&header(&"é".repeat(129))), Some(Fault::Header));
}

#[test]
fn a_bottomless_header_is_a_fault() {
    let header = |depth| format!(r#"{{"alg":"RS256","a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(header_fault(&header(100)), None);
    assert_eq!(header_fault(&header(200)), Some(Fault::Header));
    assert_eq!(header_fault(&header(2000)), Some(Fault::Header));
}

#[test]
fn media_types_are_compared_as_rfc_7515_says() {
    for (one, other, same) in [
        ("JWT", "jwt", true),
        ("application/jwt", "JWT", true),
        ("APPLICATION/jwt", "application/JWT", true),
        ("application/a/b", "a/b", false),
        ("text/jwt", "jwt", false),
        ("application/", "", true),
        ("at+jwt", "jwt", false),
        ("\u{212a}ey", "key", false),
    ] {
        assert_eq!(media_type_is(one, other), same, "{one} {other}");
    }
}
