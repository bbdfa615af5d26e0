use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    config::{Errors, parse, parse_json},
    ownership::{
        ClaimTable, Compare, Fault, Form, OwnerRule, Ownership, Split, Values, body, check_id, judge, refuse_overrides,
    },
    path::{Normaliser, PathBuffer, Template},
    pointer::Pointer,
    query,
};

/// Texts made of what attacks are made of.
fn pieces(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    vec(select(pieces), 0..most).prop_map(|pieces| pieces.concat())
}

fn any_query() -> impl Strategy<Value = Vec<u8>> {
    let attack = pieces(
        &[
            "id", "id", "=", "=", "=", "&", "&", "ID", "[", "]", ".", "+", "%", "%25", "%69", "64", "%26", "%3D", ";",
            "%00", "%20", " ", "é", "%C3", "%A9", "%C0", "42", "43", "_", "-", "?", "/", "\u{17f}",
        ],
        12,
    );
    prop_oneof![9 => attack.prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..30)]
}

/// All pairs by a plain reading: split, then decode.
fn plain_pairs(query: &[u8]) -> Vec<(String, String)> {
    let decode = |text: &[u8]| {
        let text = str::from_utf8(text).unwrap();
        let mut parts = text.split('%');
        let mut decoded = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            let (digits, after) = part.split_at(2);
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            decoded.extend(after.bytes());
        }
        String::from_utf8(decoded).unwrap()
    };
    let pair = |pair: &[u8]| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (decode(&pair[..at]), decode(pair.get(at.saturating_add(1)..).unwrap_or_default()))
    };
    query.split(|byte| *byte == b'&').map(pair).collect()
}

fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let attack = pieces(
        &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"id\":",
            "\"id\":",
            "\"Id\":",
            "\"x\":",
            "\"x\":{",
            "\"42\"",
            "43",
            "42",
            "-0",
            "1e2",
            "null",
            "true",
            "\"\\u0034\"",
            "\"\\ud800\"",
            "\"i\\u0064\":",
            " ",
            "\u{feff}",
            "\0",
        ],
        14,
    );
    let leaf = prop_oneof![
        select(&["\"42\"", "42", "43", "\"\"", "null", "true", "1.5", "[]", "{}", "9007199254740993", "-7"][..])
            .prop_map(str::to_owned),
        "\"[a-z0-9 é]{0,4}\"",
    ];
    let document = leaf.prop_recursive(4, 24, 4, |inner| {
        let name = select(&["id", "Id", "x", "0", "_id", "y"][..]);
        prop_oneof![
            vec((name, inner.clone()), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
            vec(inner, 0..3).prop_map(|values| format!("[{}]", values.join(","))),
        ]
    });
    prop_oneof![
        4 => document.prop_map(String::into_bytes),
        4 => attack.prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..30),
    ]
}

fn pointers() -> impl Strategy<Value = Vec<Pointer>> {
    let pointer = select(&["", "/id", "/x/id", "/x/x", "/0", "/0/id", "/x/0/id", "/y"][..]);
    vec(pointer.prop_map(|text| text.parse().unwrap()), 1..5)
}

/// An id by a plain reading of the parsed document.
fn plain_id(value: Option<&Value>) -> Result<String, Fault> {
    match value {
        None => Err(Fault::ResourceMissing),
        Some(Value::Null) => Err(Fault::ResourceEmpty),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) if number.is_f64() => Err(Fault::ResourceInvalid),
        Some(Value::Number(number)) => {
            let safe = number.as_i64().is_some_and(|number| number.unsigned_abs() < 1 << 53);
            if safe { Ok(number.to_string()) } else { Err(Fault::ResourceAmbiguous) }
        }
        Some(_) => Err(Fault::ResourceInvalid),
    }
}

fn ownership(resource: &str) -> (Ownership, ClaimTable) {
    let rules: Vec<OwnerRule> = parse(json!([{"resource": resource, "claim": "/sub"}]).to_string().as_bytes()).unwrap();
    let (mut table, mut errors) = (ClaimTable::default(), Errors::default());
    let template: Template = "/users/{id}/**".parse().unwrap();
    let ownership = Ownership::new(rules, &template, &mut table, &"$", &mut errors);
    assert!(errors.is_empty());
    (ownership, table)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_query_is_read_as_plainly_as_can_be(query in any_query()) {
        if let Ok(value) = query::only(&query, "id") {
            let pairs = plain_pairs(&query);
            let named = pairs.iter().filter(|(name, _)| name == "id");
            let values: Vec<_> = named.map(|(_, value)| value.as_str()).collect();
            prop_assert_eq!(values, value.as_deref().into_iter().collect::<Vec<_>>());
            // Nobody who ignores case or separates at `;` sees another one.
            let alike = pairs.iter().filter(|(name, _)| name.to_lowercase() == "id").count();
            prop_assert_eq!(alike, usize::from(value.is_some()));
            prop_assert!(!query.contains(&b';'));
        }
        let seen = query.starts_with(b"id=") || query.windows(4).any(|window| window == b"&id=");
        prop_assert!(!seen || query::may_have(&query, "id"));
    }

    #[test]
    fn a_body_is_read_as_plainly_as_can_be(body in any_json(), pointers in pointers()) {
        let strict = parse_json(&body);
        match body::read(&body, &pointers) {
            Ok(found) => {
                prop_assert!(strict.is_ok(), "{:?}", strict);
                let document = strict.unwrap();
                for (pointer, found) in pointers.iter().zip(found) {
                    let plain = plain_id(pointer.lookup(&document));
                    let near = matches!(found, Err(Fault::ResourceAmbiguous | Fault::ResourceRepeated));
                    prop_assert!(found == plain || near, "{pointer}: {found:?} is not {plain:?}");
                    // Only `Id` can be taken for `id`.
                    let text = str::from_utf8(&body).unwrap();
                    let alike = text.contains("Id") || text.contains("90071992");
                    prop_assert!(found == plain || alike, "{pointer}: {found:?} is not {plain:?}");
                }
            }
            Err(fault) => prop_assert!(strict.is_err(), "{fault}"),
        }
    }

    #[test]
    fn what_is_allowed_is_the_callers(target in pieces(
        &[
            "/", "users", "/users/", "/users/", "42", "42", "43", "%34%32", "%2f", "..", ".", ";", "%00", "?", "/a",
            "%", "+", "２",
        ],
        8,
    ), own in select(&["42", "43", "4242"][..])) {
        let (ownership, table) = ownership("path.id");
        let claims = table.read(&json!({"sub": own}));
        let mut buffer = PathBuffer::default();
        let none: [(&[u8], &[u8]); 0] = [];
        if let Ok(path) = Normaliser::strict().normalise(target.as_bytes(), &mut buffer)
            && ownership.check_headers(&claims, &path, &none.into_iter()).is_ok()
        {
            let segment = target.split('?').next().unwrap().split('/').nth(2).unwrap();
            prop_assert_eq!(segment.replace("%34", "4").replace("%32", "2"), own);
        }
    }

    #[test]
    fn a_header_is_one_plain_value(values in vec("[ -~é]{0,3}|42", 0..3), odd in any::<bool>()) {
        let (ownership, table) = ownership("header.x-id");
        let claims = table.read(&json!({"sub": "42"}));
        let mut buffer = PathBuffer::default();
        let path = Normaliser::strict().normalise(b"/", &mut buffer).unwrap();
        let name: &[u8] = if odd { b"X_Id" } else { b"X-Id" };
        let headers = values.iter().map(|value| (name, value.as_bytes()));
        let allowed = ownership.check_headers(&claims, &path, &headers).is_ok();
        prop_assert_eq!(allowed, !odd && values == ["42"]);
    }

    #[test]
    fn equal_is_what_each_comparison_says(
        id in pieces(&["4", "2", "a", "B", "b", "-", "0", "é"], 5),
        own in pieces(&["4", "2", "A", "b", "-", "0", "É"], 5),
    ) {
        let Ok(values) = Values::new(Some(&json!(own)), Form::Ids(Split::Never)) else { return Ok(()) };
        let judged = |compare| judge(&values, id.as_bytes(), compare);
        let exact = judged(Compare::Exact);
        prop_assert_eq!(exact.is_ok(), !id.is_empty() && id == own);
        prop_assert!(exact.is_err() || judged(Compare::IgnoreCase).is_ok());
        prop_assert_eq!(judged(Compare::IgnoreCase).is_ok(), !id.is_empty() && id.eq_ignore_ascii_case(&own));
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| number.to_string() == text);
        prop_assert_eq!(judged(Compare::Integer).is_ok(), number(&id).is_some() && number(&id) == number(&own));
    }

    #[test]
    fn nothing_panics(bytes in vec(any::<u8>(), 0..60), text in ".{0,20}") {
        let _ = check_id(&bytes);
        let _ = query::only(&bytes, &text);
        let _ = query::may_have(&bytes, &text);
        let _ = body::read(&bytes, &["/a".parse().unwrap()]);
        let _ = text.parse::<Pointer>();
        let _ = refuse_overrides([(bytes.as_slice(), bytes.as_slice())], Some(&bytes));
        let _ = body::check_headers([(b"content-type".as_slice(), bytes.as_slice())]);
    }
}
