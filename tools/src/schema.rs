//! The JSON schema of each filter's config, made from the types the filter parses it with.

use std::error::Error;

use serde_json::Value;

/// A filter's name, and what makes its schema.
type Entry = (&'static str, fn() -> Value);

/// One line for each filter in `filters/`.
const SCHEMAS: &[Entry] = &[
    ("jwt_bola", || schemars::schema_for!(jwt_bola::config::Config).to_value()),
    ("ratelimit", || schemars::schema_for!(ratelimit::config::Config).to_value()),
    ("schema_check", || schemars::schema_for!(schema_check::config::Config).to_value()),
    ("ua_block", || schemars::schema_for!(ua_block::config::Config).to_value()),
];

/// The names of the filters that have a schema, one to a line.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for (name, _) in SCHEMAS {
        text.push_str(name);
        text.push('\n');
    }
    text
}

/// The schema of one filter's config, ready to print.
pub(crate) fn of(filter: &str) -> Result<String, Box<dyn Error>> {
    let (_, schema) = SCHEMAS
        .iter()
        .find(|(name, _)| *name == filter)
        .ok_or_else(|| format!("no schema for {filter}: add it to SCHEMAS in tools/src/schema.rs"))?;
    Ok(format!("{:#}\n", schema()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_schema_can_be_printed() {
        for filter in list().lines() {
            let schema: Value = serde_json::from_str(&of(filter).unwrap()).unwrap();
            assert!(schema.is_object(), "{filter}");
        }
    }

    #[test]
    fn the_schemas_that_are_checked_in_are_current() {
        for filter in list().lines() {
            let file = format!("{}/../filters/{filter}/config.schema.json", env!("CARGO_MANIFEST_DIR"));
            let checked_in = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(checked_in == of(filter).unwrap(), "cargo run -p portcullis-tools -- schema {filter} >{file}");
        }
    }

    #[test]
    fn an_unknown_filter_is_told_where_to_add_it() {
        let error = of("no_such_filter").unwrap_err().to_string();
        assert!(error.contains("tools/src/schema.rs"), "{error}");
    }
}
