//! Reading a compact JWS (RFC 7515 sections 5.2 and 7.1) with the care that RFC 8725 asks for.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::{Algorithm, Fault, base64url};
use crate::config::parse_json;

/// A token in its three parts, of which nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact<'a> {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`: up to 256 bytes.
    pub kid: Option<String>,
    /// `typ`, as it is written.
    pub typ: Option<String>,
    /// What is signed: the header and the payload in base64url, with the dot between them.
    pub signing_input: &'a [u8],
    /// The signature, decoded.
    pub signature: Vec<u8>,
    /// The payload, decoded.
    pub payload: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// The longest `kid`, in bytes.
    pub const MAX_KID: usize = 256;

    /// Reads a token of up to `max_bytes` bytes.
    ///
    /// Members of the header that are not known here are ignored (RFC 7515 section 4), `x5t` and `x5t#S256` among
    /// them: they point to a key, and do not bring it.
    ///
    /// # Errors
    /// The faults from [`Fault::TooLarge`] to [`Fault::TypeUnexpected`]; the last for `cty` alone, as which `typ` is
    /// expected is the provider's to say.
    pub fn parse(token: &'a [u8], max_bytes: usize) -> Result<Self, Fault> {
        if token.len() > max_bytes {
            return Err(Fault::TooLarge);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let three = (parts.next(), parts.next(), parts.next());
        let more = parts.take(3).count();
        let (Some(header), Some(payload), Some(signature), 0) = (three.0, three.1, three.2, more) else {
            return Err(if more == 2 { Fault::Encrypted } else { Fault::Malformed });
        };
        let signing_input = header.len().checked_add(payload.len()).and_then(|sum| sum.checked_add(1));
        let signing_input = signing_input.and_then(|length| token.get(..length)).ok_or(Fault::Malformed)?;

        let header = base64url::decode(header).ok_or(Fault::Base64)?;
        let payload = base64url::decode(payload).ok_or(Fault::Base64)?;
        let signature = base64url::decode(signature).ok_or(Fault::Base64)?;
        let Header { algorithm, kid, typ } = Header::parse(&header)?;
        Ok(Self { algorithm, kid, typ, signing_input, signature, payload })
    }
}

/// What a header says.
struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, Fault> {
        let mut members = parse_object(json).ok_or(Fault::Header)??;
        let alg = take_text(&mut members, "alg")?.ok_or(Fault::Header)?;
        let kid = take_text(&mut members, "kid")?;
        let typ = take_text(&mut members, "typ")?;
        let cty = take_text(&mut members, "cty")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > Compact::MAX_KID) {
            return Err(Fault::Header);
        }
        if alg.eq_ignore_ascii_case("none") {
            return Err(Fault::AlgorithmNone);
        }
        let algorithm = alg.parse().map_err(|()| Fault::AlgorithmUnknown)?;
        for (name, fault) in [
            ("jwk", Fault::KeyEmbedded),
            ("jku", Fault::KeyEmbedded),
            ("x5u", Fault::KeyEmbedded),
            ("x5c", Fault::KeyEmbedded),
            ("b64", Fault::PayloadUnencoded),
            ("crit", Fault::CriticalUnknown),
        ] {
            if members.contains_key(name) {
                return Err(fault);
            }
        }
        if cty.is_some_and(|cty| is_nested(&cty)) {
            return Err(Fault::TypeUnexpected);
        }
        Ok(Self { algorithm, kid, typ })
    }
}

/// The members of a JSON object: `None` when the text is not one, and a fault when one of them comes twice, however
/// deep. Serde bounds the depth.
pub(super) fn parse_object(json: &[u8]) -> Option<Result<Map<String, Value>, Fault>> {
    match parse_json(json) {
        Ok(Value::Object(members)) => Some(Ok(members)),
        // All else that `parse_json` finds is wrong with the text, not with what it says.
        Err(error) if error.is_data() => Some(Err(Fault::DuplicateMember)),
        _ => None,
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Fault> {
    match members.get_mut(name).map(Value::take) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::Header),
    }
}

/// Whether a content type is that of a token (RFC 7519 section 5.2): `JWT` and its kin such as `at+jwt`, or `JOSE`.
fn is_nested(cty: &str) -> bool {
    let short = without_application(cty);
    let ends_in_jwt = short.rsplit('+').next().is_some_and(|last| last.eq_ignore_ascii_case("jwt"));
    ends_in_jwt || ["jose", "jose+json"].iter().any(|known| short.eq_ignore_ascii_case(known))
}

/// Whether two values of `typ` or `cty` name the same media type: without regard to case, and to `application/` where
/// no other slash follows (RFC 7515 sections 4.1.9 and 4.1.10).
pub fn media_type_is(one: &str, other: &str) -> bool {
    without_application(one).eq_ignore_ascii_case(without_application(other))
}

fn without_application(name: &str) -> &str {
    match name.split_once('/') {
        Some((kind, short)) if kind.eq_ignore_ascii_case("application") && !short.contains('/') => short,
        _ => name,
    }
}
