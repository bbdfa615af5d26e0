//! What the keyword `format` names: texts (JSON Schema 2020-12 validation, section 7.3, and OpenAPI's `byte`) and numbers
//! (OpenAPI's registry of formats).
//!
//! What a user may expect:
//! - Grammars are those of the RFCs, and nothing is guessed: a date has its day in its month, a leap second is one at
//!   23:59 UTC, addresses are as the RFCs write them.
//! - `idn-hostname` and `idn-email` take any characters beyond ASCII but white space and controls, and `hostname` any
//!   `xn--` label: IDNA's tables would be larger than all else here.
//! - `regex` is what [`super::pattern`] takes.
//! - Time is linear in the text.

mod host;
mod numbers;
mod pointer;
mod scan;
#[cfg(test)]
mod tests;
mod time;
mod uri;

use std::net::{Ipv4Addr, Ipv6Addr};

use super::pattern;

pub use numbers::NumberFormat;

/// A format of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Accepts every text: what OpenAPI says only for readers (`binary`, `password`).
    Any,
    /// RFC 3339 section 5.6, as are the next two.
    DateTime,
    /// A day.
    Date,
    /// A time of a day, with its offset.
    Time,
    /// RFC 3339 appendix A.
    Duration,
    /// RFC 5321 section 4.1.2.
    Email,
    /// RFC 6531.
    IdnEmail,
    /// RFC 1123 section 2.1.
    Hostname,
    /// RFC 5890 section 2.3.2.3.
    IdnHostname,
    /// RFC 2673 section 3.2: four decimal numbers.
    Ipv4,
    /// RFC 4291 section 2.2, without zones.
    Ipv6,
    /// RFC 3986.
    Uri,
    /// RFC 3986, relative ones included.
    UriReference,
    /// RFC 3987.
    Iri,
    /// RFC 3987, relative ones included.
    IriReference,
    /// RFC 6570.
    UriTemplate,
    /// RFC 4122: with hyphens, in any case, of any version.
    Uuid,
    /// RFC 6901 section 5.
    JsonPointer,
    /// draft-handrews-relative-json-pointer-01.
    RelativeJsonPointer,
    /// ECMA-262.
    Regex,
    /// RFC 4648 section 4: base64 with its padding.
    Byte,
}

const NAMES: [(&str, Format); 22] = [
    ("binary", Format::Any),
    ("password", Format::Any),
    ("date-time", Format::DateTime),
    ("date", Format::Date),
    ("time", Format::Time),
    ("duration", Format::Duration),
    ("email", Format::Email),
    ("idn-email", Format::IdnEmail),
    ("hostname", Format::Hostname),
    ("idn-hostname", Format::IdnHostname),
    ("ipv4", Format::Ipv4),
    ("ipv6", Format::Ipv6),
    ("uri", Format::Uri),
    ("uri-reference", Format::UriReference),
    ("iri", Format::Iri),
    ("iri-reference", Format::IriReference),
    ("uri-template", Format::UriTemplate),
    ("uuid", Format::Uuid),
    ("json-pointer", Format::JsonPointer),
    ("relative-json-pointer", Format::RelativeJsonPointer),
    ("regex", Format::Regex),
    ("byte", Format::Byte),
];

impl Format {
    /// The format of that name, if it is known.
    pub fn find(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Whether a text is of this format.
    pub fn is_valid(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::DateTime => time::is_date_time(text),
            Self::Date => time::is_date(text),
            Self::Time => time::is_time(text),
            Self::Duration => time::is_duration(text),
            Self::Email => host::is_email(text, false),
            Self::IdnEmail => host::is_email(text, true),
            Self::Hostname => host::is_name(text, false),
            Self::IdnHostname => host::is_name(text, true),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uri => uri::is_reference(text, true, false),
            Self::UriReference => uri::is_reference(text, false, false),
            Self::Iri => uri::is_reference(text, true, true),
            Self::IriReference => uri::is_reference(text, false, true),
            Self::UriTemplate => uri::is_template(text),
            Self::Uuid => is_uuid(text),
            Self::JsonPointer => pointer::is_pointer(text),
            Self::RelativeJsonPointer => pointer::is_relative(text),
            Self::Regex => pattern::check(text).is_ok(),
            Self::Byte => is_base64(text),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let is_good = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_good)
}

fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    text.len().is_multiple_of(4)
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}
