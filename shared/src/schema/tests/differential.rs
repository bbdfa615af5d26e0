//! Held against the `jsonschema` crate, with schemas and values made at random.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::json::Part;

use super::{Compiled, Dialect, PLAIN};

const NAMES: [&str; 4] = ["a", "b", "ab", "c"];

/// Values that have much in common.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..4_i64).prop_map(Value::from),
        prop::sample::select(vec![0.5, 1.0, -1.5, 2.0, 1e3]).prop_map(Value::from),
        prop::sample::select(vec!["", "a", "b", "ab", "éa", "abc"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((prop::sample::select(&NAMES[..]), inner), 0..4)
        .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// At least one, as draft 4 wants it.
fn some_names() -> impl Strategy<Value = Value> {
    prop::sample::subsequence(&NAMES[..], 1..3).prop_map(|names| json!(names))
}

/// One keyword, or some that belong together.
fn keyword(inner: &BoxedStrategy<Value>, dialect: Dialect) -> BoxedStrategy<Value> {
    let small = || 0..4_u32;
    let number = || prop::sample::select(vec![json!(-1), json!(0), json!(0.5), json!(2)]);
    let types = || prop::sample::select(vec!["null", "boolean", "integer", "number", "string", "array", "object"]);
    let list = || prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from);
    let object = || members(inner.clone()).prop_map(Value::Object);
    let one =
        |name: &'static str, value: BoxedStrategy<Value>| value.prop_map(move |value| json!({ name: value })).boxed();
    let count = |name: &'static str| one(name, small().prop_map(Value::from).boxed());
    let mut all = vec![
        one("type", types().prop_map(Value::from).boxed()),
        one("type", prop::collection::btree_set(types(), 1..3).prop_map(|types| json!(types)).boxed()),
        one("enum", prop::collection::vec(value(), 1..4).prop_map(|values| json!(values)).boxed()),
        count("minLength"),
        count("maxLength"),
        count("minItems"),
        count("maxItems"),
        count("minProperties"),
        count("maxProperties"),
        one("minimum", number().boxed()),
        one("maximum", number().boxed()),
        one("multipleOf", prop::sample::select(vec![json!(1), json!(2), json!(0.5)]).boxed()),
        one("pattern", prop::sample::select(vec![json!("^a"), json!("b$"), json!("[^a]")]).boxed()),
        one("uniqueItems", any::<bool>().prop_map(Value::from).boxed()),
        one("required", some_names().boxed()),
        one("properties", object().boxed()),
        one("properties", object().boxed()),
        one("additionalProperties", inner.clone()),
        one("patternProperties", inner.clone().prop_map(|schema| json!({ "^a": schema })).boxed()),
        one("allOf", list().boxed()),
        one("anyOf", list().boxed()),
        one("oneOf", list().boxed()),
        one("not", inner.clone()),
        one("items", inner.clone()),
        one("$ref", prop::sample::select(vec![json!("#/definitions/x"), json!("#/definitions/y")]).boxed()),
    ];
    if dialect != Dialect::Draft4 {
        all.extend([
            one("const", value().boxed()),
            one("propertyNames", inner.clone()),
            one("exclusiveMinimum", number().boxed()),
            one("exclusiveMaximum", number().boxed()),
        ]);
    }
    // To the crate, what `contains` finds is evaluated in 2019-09 too, where it is not (core section 9.3.1.3).
    if !matches!(dialect, Dialect::Draft4 | Dialect::Draft201909) {
        all.push(one("contains", inner.clone()));
    }
    if matches!(dialect, Dialect::Draft4 | Dialect::Draft6 | Dialect::Draft7) {
        all.extend([
            one("dependencies", object().boxed()),
            one("dependencies", some_names().prop_map(|names| json!({ "a": names })).boxed()),
        ]);
    }
    if !matches!(dialect, Dialect::Draft4 | Dialect::Draft6) {
        all.push(
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(i, t, e)| json!({ "if": i, "then": t, "else": e }))
                .boxed(),
        );
    }
    if matches!(dialect, Dialect::Draft4 | Dialect::Draft6 | Dialect::Draft7 | Dialect::Draft201909) {
        all.push(
            (list(), inner.clone())
                .prop_map(|(items, more)| json!({ "items": items, "additionalItems": more }))
                .boxed(),
        );
    }
    if matches!(dialect, Dialect::Draft201909 | Dialect::Draft202012) {
        all.extend([
            one("unevaluatedProperties", inner.clone()),
            one("unevaluatedProperties", Just(json!(false)).boxed()),
            one("unevaluatedItems", inner.clone()),
            one("unevaluatedItems", Just(json!(false)).boxed()),
            one("dependentSchemas", object().boxed()),
            one("dependentRequired", some_names().prop_map(|names| json!({ "a": names })).boxed()),
        ]);
    }
    if dialect == Dialect::Draft202012 {
        all.push(
            (inner.clone(), small(), small())
                .prop_map(
                    |(schema, least, most)| json!({ "contains": schema, "minContains": least, "maxContains": most }),
                )
                .boxed(),
        );
        all.push(one("prefixItems", list().boxed()));
    }
    prop::strategy::Union::new(all).boxed()
}

fn schema(dialect: Dialect) -> BoxedStrategy<Value> {
    let leaf = if dialect == Dialect::Draft4 {
        Just(json!({})).boxed()
    } else {
        prop_oneof![Just(json!({})), Just(json!(true)), Just(json!(false))].boxed()
    };
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop::collection::vec(keyword(&inner.boxed(), dialect), 1..4).prop_map(|keywords| {
            let mut all = Map::new();
            for keyword in keywords {
                all.extend(keyword.as_object().cloned().unwrap_or_default());
            }
            Value::Object(all)
        })
    })
    .boxed()
}

/// Definitions refer to nothing, so that there are no circles.
fn whole(dialect: Dialect) -> impl Strategy<Value = Value> {
    let definition = || value().prop_map(|value| json!({ "enum": [value, 1, "a"], "properties": { "a": {} } }));
    (schema(dialect), definition(), definition()).prop_map(|(schema, x, y)| {
        let mut whole = schema.as_object().cloned().unwrap_or_default();
        let alone = whole.remove("$ref");
        if let Some(alone) = alone {
            whole.insert("allOf".to_owned(), json!([{ "$ref": alone }]));
        }
        whole.insert("definitions".to_owned(), json!({ "x": x, "y": y }));
        Value::Object(whole)
    })
}

fn compare(dialect: Dialect, draft: jsonschema::Draft, schema: &Value, values: &[Value]) -> Result<(), TestCaseError> {
    let reference = jsonschema::options().with_draft(draft).should_validate_formats(false).build(schema).unwrap();
    let compiled = Compiled::new(&Part::from(schema), dialect, PLAIN, |_| {});
    prop_assert_eq!(&compiled.faults, &[]);
    for value in values {
        let expected = reference.is_valid(value);
        prop_assert_eq!(compiled.is_valid(&value.to_string()), expected, "{} {}", schema, value);
    }
    Ok(())
}

fn values() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(value(), 8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.min(100), ..ProptestConfig::default() })]

    #[test]
    fn draft_4(schema in whole(Dialect::Draft4), values in values()) {
        compare(Dialect::Draft4, jsonschema::Draft::Draft4, &schema, &values)?;
    }

    #[test]
    fn draft_6(schema in whole(Dialect::Draft6), values in values()) {
        compare(Dialect::Draft6, jsonschema::Draft::Draft6, &schema, &values)?;
    }

    #[test]
    fn draft_7(schema in whole(Dialect::Draft7), values in values()) {
        compare(Dialect::Draft7, jsonschema::Draft::Draft7, &schema, &values)?;
    }

    #[test]
    fn draft_2019_09(schema in whole(Dialect::Draft201909), values in values()) {
        compare(Dialect::Draft201909, jsonschema::Draft::Draft201909, &schema, &values)?;
    }

    #[test]
    fn draft_2020_12(schema in whole(Dialect::Draft202012), values in values()) {
        compare(Dialect::Draft202012, jsonschema::Draft::Draft202012, &schema, &values)?;
    }
}
