//! Which specification a document follows.

use crate::{
    json::Value,
    schema::{Dialect, Fault},
};

use super::findings::said;

/// The versions that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V30,
    V31,
}

impl Version {
    pub(super) fn of(document: Value<'_>) -> Result<Self, Fault> {
        let fault = |pointer: &str, message: String| Err(Fault { pointer: pointer.to_owned(), message });
        if document.get("openapi").is_none() && document.get("swagger").is_some() {
            let message = "expected OpenAPI 3.0 or 3.1, found Swagger 2.0: convert it first, such as with \
                           `npx swagger2openapi --outfile openapi.json swagger.json`";
            return fault("/swagger", message.to_owned());
        }
        let Some(version) = document.get("openapi") else {
            let message = "expected an OpenAPI document, whose `openapi` is such as \"3.1.0\", found ";
            return fault("", format!("{message}{}", if document.is_empty() { said(document) } else { "none".into() }));
        };
        match version.as_str().and_then(|text| text.split_once('.')).map(|(major, rest)| (major, minor(rest))) {
            Some(("3", "0")) => Ok(Self::V30),
            Some(("3", "1")) => Ok(Self::V31),
            Some(("3", _)) => fault(
                "/openapi",
                format!(
                    "expected OpenAPI 3.0 or 3.1, found {}: if nothing in the document is newer than 3.1, write \"3.1.1\"",
                    said(version)
                ),
            ),
            _ => fault("/openapi", format!("expected OpenAPI 3.0 or 3.1, such as \"3.1.0\", found {}", said(version))),
        }
    }

    /// What schemas are written in, where they do not say themselves.
    pub(super) fn dialect(self, document: Value<'_>) -> Result<Dialect, Fault> {
        if self == Self::V30 {
            return Ok(Dialect::OpenApi30);
        }
        let Some(said_dialect) = document.get("jsonSchemaDialect") else { return Ok(Dialect::OpenApi31) };
        said_dialect.as_str().and_then(dialect).ok_or_else(|| Fault {
            pointer: "/jsonSchemaDialect".to_owned(),
            message: format!("expected {KNOWN}, found {}", said(said_dialect)),
        })
    }
}

fn minor(rest: &str) -> &str {
    rest.split(['.', '-']).next().unwrap_or_default()
}

/// The dialects that [`dialect`] knows.
pub(super) const KNOWN: &str = "JSON Schema draft 4, 6, 7, 2019-09 or 2020-12, such as \
                                \"https://json-schema.org/draft/2020-12/schema\"";

/// The dialect that a URI names.
pub(super) fn dialect(uri: &str) -> Option<Dialect> {
    let name = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
    match name.strip_suffix('#').unwrap_or(name) {
        "json-schema.org/draft-04/schema" => Some(Dialect::Draft4),
        "json-schema.org/draft-06/schema" => Some(Dialect::Draft6),
        "json-schema.org/draft-07/schema" => Some(Dialect::Draft7),
        "json-schema.org/draft/2019-09/schema" => Some(Dialect::Draft201909),
        "json-schema.org/draft/2020-12/schema" => Some(Dialect::Draft202012),
        name if name.starts_with("spec.openapis.org/oas/3.1/dialect/") => Some(Dialect::OpenApi31),
        _ => None,
    }
}
