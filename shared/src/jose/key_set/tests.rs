use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::jose::{
    Algorithm, Fault, Key, KeyFault, KeySet, KeySetFault, LeftOut, Secrets,
    testing::{SECRETS, SIGNED, signed},
};

fn parse(keys: &[Value]) -> (KeySet, Vec<LeftOut>) {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), Secrets::Allow).unwrap()
}

/// The key of this name in the data, under another name.
fn named(kid: &str, name: impl Into<Value>) -> Value {
    let all = [signed(SIGNED).keys, signed(SECRETS).keys].concat();
    let mut key = all.into_iter().find(|key| key["kid"] == kid).unwrap();
    key["kid"] = name.into();
    if key["kid"].is_null() {
        key.as_object_mut().unwrap().remove("kid");
    }
    key
}

fn left_out(index: usize, kid: Option<&str>, why: KeyFault) -> LeftOut {
    LeftOut { index, kid: kid.map(str::to_owned), why }
}

#[test]
fn what_is_no_set_is_refused() {
    let fault = |json: &str| KeySet::parse(json.as_bytes(), Secrets::Allow).unwrap_err();
    for json in ["{}", "[]", "null", "\"keys\"", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"Keys":[]}"#] {
        assert_eq!(fault(json), KeySetFault::NoKeys, "{json}");
    }
    for (json, line, column) in [
        ("", 1, 0),
        ("<html>", 1, 1),
        ("{\"keys\":[]}\n}", 2, 1),
        ("{\"keys\":[],}", 1, 12),
        ("\u{feff}{\"keys\":[]}", 1, 1),
    ] {
        assert_eq!(fault(json), KeySetFault::Syntax { line, column }, "{json}");
    }
    assert_eq!(
        KeySet::parse(b"{\"keys\":[\"\xff\"]}", Secrets::Allow).unwrap_err().to_string(),
        "not JSON at line 1 column 11"
    );
    for json in
        [r#"{"keys":[],"keys":[]}"#, r#"{"keys":[{"kty":"RSA","kty":"oct"}]}"#, r#"{"keys":[],"a":[{"b":1,"b":1}]}"#]
    {
        assert_eq!(fault(json), KeySetFault::DuplicateMember, "{json}");
    }
    let deep = format!(r#"{{"keys":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(fault(&deep), KeySetFault::Syntax { .. }));
}

#[test]
fn a_set_may_be_empty_and_have_other_members() {
    let (keys, left_out) = KeySet::parse(br#" { "keys": [], "issued": 1, "x": {} } "#, Secrets::Refuse).unwrap();
    assert!(keys.is_empty() && left_out.is_empty());
    assert_eq!(keys.candidates(Algorithm::Rs256, None).err(), Some(Fault::KeyUnknown));
    assert_eq!(keys.candidates(Algorithm::Rs256, Some("a")).err(), Some(Fault::KeyUnknown));
}

#[test]
fn good_keys_are_kept_beside_broken_ones() {
    let mut broken = named("P-256-0", "bro ken");
    broken["y"] = broken["x"].clone();
    let mut unknown = named("P-384-0", "later");
    unknown["kty"] = "AKP".into();
    let (keys, found) = parse(&[
        json!(1),
        named("P-256-0", "a"),
        broken,
        unknown,
        named("ed25519-0", "b"),
        json!({ "kid": "k".repeat(65) }),
    ]);
    let kids: Vec<_> = keys.keys().iter().map(|key| key.kid().unwrap()).collect();
    assert_eq!(kids, ["a", "b"]);
    let expected = [
        left_out(0, None, KeyFault::NotAnObject),
        left_out(2, None, KeyFault::Point),
        left_out(3, Some("later"), KeyFault::TypeUnknown),
        left_out(5, None, KeyFault::Member("kty")),
    ];
    assert_eq!(found, expected);
    assert_eq!(found[2].to_string(), "keys[3] (kid \"later\"): `kty` is not supported");
    assert_eq!(found[3].to_string(), "keys[5]: `kty` is missing or malformed");
}

#[test]
fn keys_beyond_the_limit_are_left_out() {
    let many = |count| (0..count).map(|number: u32| named("ed25519-0", number.to_string())).collect::<Vec<_>>();
    let (keys, found) = parse(&many(256));
    assert_eq!((keys.keys().len(), found), (256, vec![]));
    let (keys, found) = parse(&many(300));
    assert_eq!((keys.keys().len(), found), (256, vec![left_out(256, Some("256"), KeyFault::TooMany)]));
    // Broken ones count, too: they cost time and room in a log.
    let (keys, found) = parse(&[vec![json!({}); 300], many(1)].concat());
    assert_eq!((keys.keys().len(), found.len()), (0, 257));
}

#[test]
fn secrets_must_be_clear() {
    let secret = |kid: &str, name: Option<&str>| named(kid, name);
    let (keys, found) =
        parse(&[secret("secret-32", Some("a")), secret("secret-64", Some("b")), secret("secret-48", None)]);
    assert_eq!((keys.keys().len(), found), (3, vec![]));
    let (keys, found) = parse(&[secret("secret-32", Some("a")), named("P-256-0", "a")]);
    assert_eq!((keys.keys().len(), found), (1, vec![left_out(0, Some("a"), KeyFault::SecretMixed)]));
    let (keys, found) =
        parse(&[secret("secret-32", Some("a")), secret("secret-48", Some("b")), secret("secret-64", Some("a"))]);
    let expected = [0, 2].map(|index| left_out(index, Some("a"), KeyFault::SecretAmbiguous));
    assert_eq!((keys.keys().len(), found.as_slice()), (1, expected.as_slice()));
    let (keys, found) = parse(&[secret("secret-32", None), secret("secret-64", None)]);
    assert_eq!((keys.keys().len(), found), (2, vec![]));
}

#[test]
fn keys_are_chosen_by_name_and_algorithm() {
    let mut bound = named("rsa-2048-65537", "bound");
    bound["alg"] = "PS256".into();
    let mut encrypts = named("rsa-2048-65537", "encrypts");
    encrypts["use"] = "enc".into();
    let (keys, _) = parse(&[
        named("P-256-0", "a"),
        named("P-256-1", "a"),
        named("P-384-0", "a"),
        named("P-256-0", Value::Null),
        bound,
        encrypts,
        named("P-521-0", ""),
    ]);
    let places = |algorithm, kid| {
        keys.candidates(algorithm, kid).map(|found| {
            let place = |key: &Key| keys.keys().iter().position(|other| std::ptr::eq(other, key)).unwrap();
            found.map(place).collect::<Vec<_>>()
        })
    };
    // By name: all of that name, and none by another.
    assert_eq!(places(Algorithm::Es256, Some("a")), Ok(vec![0, 1]));
    assert_eq!(places(Algorithm::Es384, Some("a")), Ok(vec![2]));
    assert_eq!(places(Algorithm::Es512, Some("")), Ok(vec![6]));
    assert_eq!(places(Algorithm::Es256, Some("A")), Err(Fault::KeyUnknown));
    assert_eq!(places(Algorithm::Es256, Some("a ")), Err(Fault::KeyUnknown));
    assert_eq!(places(Algorithm::Es256, Some("")), Err(Fault::KeyMismatch));
    assert_eq!(places(Algorithm::Es512, Some("a")), Err(Fault::KeyMismatch));
    assert_eq!(places(Algorithm::Rs256, Some("bound")), Err(Fault::KeyMismatch));
    assert_eq!(places(Algorithm::Ps256, Some("bound")), Ok(vec![4]));
    assert_eq!(places(Algorithm::Rs256, Some("encrypts")), Err(Fault::KeyMismatch));
    // Without a name: all that fit.
    assert_eq!(places(Algorithm::Es256, None), Ok(vec![0, 1, 3]));
    assert_eq!(places(Algorithm::Ps256, None), Ok(vec![4]));
    assert_eq!(places(Algorithm::Rs256, None), Err(Fault::KeyUnknown));
    assert_eq!(places(Algorithm::EdDsa, None), Err(Fault::KeyUnknown));
}

#[test]
fn a_token_is_tried_with_few_keys() {
    let same: Vec<_> = (0..6).map(|_| named("ed25519-0", "same")).collect();
    let (keys, _) = parse(&same);
    for kid in [None, Some("same")] {
        assert_eq!(keys.candidates(Algorithm::EdDsa, kid).unwrap().count(), KeySet::TRIED);
    }
}
