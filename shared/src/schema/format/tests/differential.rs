//! Formats against the `jsonschema` crate.

use std::collections::BTreeMap;

use jsonschema::{Draft, Validator};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::schema::format::Format;

/// What it knows, but for those that mean something else here, on purpose: see the module.
const SAME: [&str; 15] = [
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uri-template",
    "uuid",
    "json-pointer",
    "relative-json-pointer",
];

thread_local! {
    static REFERENCES: BTreeMap<&'static str, Validator> = SAME.into_iter().map(|name| (name, reference(name))).collect();
}

fn reference(format: &str) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(&json!({"format": format})).unwrap()
}

/// Of each format, texts that are near to it.
#[expect(clippy::arithmetic_side_effects, reason = "minutes of a day")]
fn near(format: &'static str) -> BoxedStrategy<String> {
    let of = |parts: &'static str, most: usize| {
        vec(select(parts.split(' ').collect::<Vec<_>>()), 0..most).prop_map(|parts| parts.concat()).boxed()
    };
    let date = || {
        (1999..2001_u32, 0..14_u32, 0..33_u32).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
    };
    let time = || {
        let leap = prop_oneof![3 => 0..61_u32, 1 => Just(60)];
        (0..25_u32, 0..61_u32, leap, of(". 5 Z z + - 0 00:00 01:00 01:30 23:59 24:00", 4))
            .prop_map(|(hour, minute, second, end)| format!("{hour:02}:{minute:02}:{second:02}{end}"))
    };
    // Leap seconds in all zones.
    let zoned = (0..48_i64, prop::bool::ANY, 0..3_i64).prop_map(|(halves, west, late)| {
        let offset = halves * 30;
        let local = (24 * 60 - 1 + if west { -offset } else { offset } + late / 2).rem_euclid(24 * 60);
        let sign = if west { '-' } else { '+' };
        format!("{:02}:{:02}:60{sign}{:02}:{:02}", local / 60, local % 60, offset / 60, offset % 60)
    });
    match format {
        "date" => date().boxed(),
        "time" => prop_oneof![time(), zoned].boxed(),
        "date-time" => (date(), select(vec!["T", "t", " ", ""]), time())
            .prop_map(|(date, t, time)| format!("{date}{t}{time}"))
            .boxed(),
        "duration" => of("P P T 1 20 Y M D W H M S 1Y 2M 3D 4W T1H 5M 6S", 7),
        "email" => of("a b.c . @ @ \" \\ ! é -x [ ] 127.0.0.1 IPv6:::1 [1.2.3.4] d.e", 7),
        "ipv4" => of("1 25 255 256 0 00 . . . a", 9),
        "ipv6" => of("1 25 fffe abcde 0 : : : :: 1.2.3.4 g %", 12),
        "uri-template" => of("{ } { } a b + # . / , * : 3 %41 % é - | ' ^", 9),
        "uuid" => of("2eb8aa08 aa98 11ea b4aa 73b441d16380 - - - - 2eb8aa08-aa98-11ea-b4aa- a g", 9),
        "json-pointer" | "relative-json-pointer" => of("/ / ~ 0 1 2 # a é 12", 6),
        _ => of("a b: http: // / / ? # : @ % %41 [ ] [::1] [v1.a] 80 é \u{E000} \u{FFFE} \u{FDD0} ü \\ | ~ ! a.b", 8),
    }
}

/// Where it is not as the RFCs say: it takes a name before a mailbox.
const OTHERS: [&str; 1] = ["Joe <joe@example.com>"];

#[test]
fn the_table_is_right() {
    let mut others = Vec::new();
    for case in super::cases() {
        let Some(name) = SAME.iter().find(|name| **name == case.format) else { continue };
        for (text, expected) in case.texts() {
            let found = REFERENCES.with(|references| references[name].is_valid(&Value::from(text.as_str())));
            others.extend((found != expected).then(|| text.clone()));
        }
    }
    assert_eq!(others, OTHERS);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.saturating_mul(16), ..ProptestConfig::default() })]

    #[test]
    fn texts_are_judged_alike((name, text) in select(SAME.to_vec()).prop_flat_map(|name| (Just(name), near(name)))) {
        let found = Format::find(name).unwrap().is_valid(&text);
        let expected = REFERENCES.with(|references| references[name].is_valid(&Value::from(text.as_str())));
        prop_assert_eq!(found, expected, "{} {:?}", name, text);
    }

    #[test]
    fn other_texts_never_panic(text: String) {
        for (_, format) in super::NAMES {
            format.is_valid(&text);
        }
    }
}
