//! Media types: what a body says it is, and what a contract says it may be.
//!
//! What a user expects:
//! - A `content-type` is read as RFC 9110 section 8.3.1 writes it, or not at all: what one server reads in one way and
//!   the next one in another is refused, a parameter that comes twice among it.
//! - Case matters in values alone, and there only where it is not a charset's name.
//! - A contract's most specific range wins: `application/json` before `application/*+json`, that before `application/*`,
//!   that before `*/*`.

mod parse;
mod range;
#[cfg(test)]
mod tests;

use std::{error::Error, fmt};

pub use range::{MediaRange, MediaTable};

/// A media type with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype` in lower case.
    essence: String,
    /// Names in lower case, each once; values without quotes and escapes.
    parameters: Vec<(String, String)>,
}

/// Why a text is no media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFault {
    /// It is not `type/subtype`, each of them a token.
    Essence,
    /// What follows is not `;name=value`, with a token or a quoted text of ASCII as the value.
    Parameter,
    /// A parameter comes twice: some servers take the first, some the last.
    Repeated,
}

impl fmt::Display for MediaFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Essence => "no media type such as `application/json`",
            Self::Parameter => "a parameter that is not `;name=value`",
            Self::Repeated => "a parameter that comes twice",
        })
    }
}

impl Error for MediaFault {}

impl MediaType {
    /// The longest text that is read, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Reads a `content-type`'s value.
    ///
    /// # Errors
    /// A [`MediaFault`]. A list of media types is none.
    pub fn parse(value: &[u8]) -> Result<Self, MediaFault> {
        let (essence, parameters) = parse::media_type(value, parse::is_plain_type)?;
        Ok(Self { essence, parameters })
    }

    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Whether it is JSON (RFC 8259, RFC 6839 section 3.1): `application/json`, `text/json`, or anything `+json`.
    pub fn is_json(&self) -> bool {
        matches!(self.essence.as_str(), "application/json" | "text/json")
            || self.essence.strip_suffix("+json").is_some_and(|start| !start.ends_with('/'))
    }

    /// The value of the parameter with this name in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The parameters in their order, with names in lower case.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The charset as it is written; its case means nothing (RFC 9110 section 8.3.2).
    pub fn charset(&self) -> Option<&str> {
        self.parameter("charset")
    }

    /// Whether the charset is UTF-8, or is not said.
    pub fn is_utf8(&self) -> bool {
        self.charset().is_none_or(|charset| charset.eq_ignore_ascii_case(UTF_8))
    }

    /// The boundary between the parts of a multipart body, if it is one (RFC 2046 section 5.1.1).
    pub fn boundary(&self) -> Option<&str> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
        let is_boundary =
            |text: &&str| (1..=70).contains(&text.len()) && text.bytes().all(is_known) && !text.ends_with(' ');
        self.parameter("boundary").filter(is_boundary)
    }
}

const UTF_8: &str = "utf-8";
