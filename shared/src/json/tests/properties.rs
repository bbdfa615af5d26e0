//! Held against serde's reader, on texts that are nearly JSON.

use proptest::prelude::*;

use crate::{
    config::parse_json,
    json::{Fault, Limits, Tape},
};

/// Bits of JSON, whole and broken.
fn bits() -> impl Strategy<Value = String> {
    let bit = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\"a\"",
        "\"b\"",
        "\"\\u0061\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\\u00",
        "0",
        "1",
        "-",
        "-0",
        "1.5",
        "1e",
        "1e5",
        "E+",
        ".",
        "01",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\t",
        "\u{0}",
        "\u{feff}",
        "é",
        "\u{2028}",
        "{\"a\":1}",
        "[1,2]",
        "{\"a\":",
        "\"long enough for a whole word\"",
    ]);
    prop::collection::vec(bit, 0..12).prop_map(|bits| bits.concat())
}

/// JSON as serde writes it, with one byte changed now and then.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[a-c\"\\\\é]{0,2}", inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    (value, any::<Option<(prop::sample::Index, u8)>>()).prop_map(|(value, change)| {
        let mut text = value.to_string().into_bytes();
        if let Some((place, byte)) = change {
            let place = place.index(text.len());
            text[place] = byte;
        }
        text
    })
}

/// Ours reads what serde reads, but for members that come twice.
fn agree(text: &[u8]) {
    let mut tape = Tape::default();
    match (tape.parse(text, &Limits::NONE), parse_json(text)) {
        (Ok(ours), Ok(serde)) => {
            assert_eq!(parse_json(ours.to_string().as_bytes()).unwrap(), serde, "{}", String::from_utf8_lossy(text));
        }
        (Err(error), Err(serde)) => {
            assert!(serde.is_data() || error.fault != Fault::DuplicateKey, "{serde}");
        }
        // Serde reads a number as a float, and not one that is too large for it.
        (Ok(ours), Err(serde)) => assert!(serde.to_string().starts_with("number out of range"), "{ours}: {serde}"),
        (Err(error), Ok(serde)) => panic!("{error}: {serde}"),
    }
}

proptest! {
    #[test]
    fn bits_are_read_as_serde_reads_them(text in bits()) {
        agree(text.as_bytes());
    }

    #[test]
    fn json_is_read_as_serde_reads_it(text in nearly()) {
        agree(&text);
    }

    #[test]
    fn bytes_are_read_as_serde_reads_them(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        agree(&bytes);
    }

    #[test]
    fn limits_are_kept(text in nearly(), depth in 0_u32..5, keys in 0_u32..5, string_bytes in 0_u32..5, number_digits in 1_u32..5) {
        let limits = Limits { depth, keys, string_bytes, number_digits };
        let mut tape = Tape::default();
        if let Ok(value) = tape.parse(&text, &limits) {
            let text = value.to_string();
            let mut again = Tape::default();
            prop_assert_eq!(again.parse(text.as_bytes(), &limits).map(|value| value.to_string()), Ok(text.clone()));
        }
    }
}
