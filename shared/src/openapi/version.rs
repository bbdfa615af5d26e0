//! Which specification a document follows.

use crate::{
    config::said,
    json::Value,
    schema::{Dialect, Fault},
};

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
        said_dialect.as_str().and_then(Dialect::named).ok_or_else(|| Fault {
            pointer: "/jsonSchemaDialect".to_owned(),
            message: format!("expected {KNOWN}, found {}", said(said_dialect)),
        })
    }
}

fn minor(rest: &str) -> &str {
    rest.split(['.', '-']).next().unwrap_or_default()
}

/// The dialects that are known.
const KNOWN: &str = "JSON Schema draft 4, 6, 7, 2019-09 or 2020-12, such as \
                     \"https://json-schema.org/draft/2020-12/schema\"";
