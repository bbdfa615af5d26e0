//! What is kept of a verified token: what rules ask of it, ready to be compared.

use portcullis_shared::{
    decision::Detail,
    jose::{Claims, Compact, Fault},
    ownership::{self, ClaimTable},
    pointer::Pointer,
};
use serde_json::Value;
use std::rc::Rc;

use crate::{
    config::AuditClaim,
    provider::{Accepted, Provider},
};

/// Claims as texts, by the name of a header or property.
pub(crate) type Texts = Box<[(Rc<str>, Box<[u8]>)]>;

/// A verified token.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The claims that rules compare.
    pub(crate) claims: ownership::Claims,
    pub(crate) identity: Identity,
    /// For the upstream.
    pub(crate) headers: Texts,
    /// For later filters.
    pub(crate) properties: Texts,
    pub(crate) forward: bool,
    /// Whether a claim that goes into a header cannot stand in one.
    has_odd_header: bool,
}

/// Whose token it is.
#[derive(Debug)]
pub(crate) struct Identity {
    /// `iss`, `sub`, `jti`, `iat` alone.
    pub(crate) claims: Claims,
    pub(crate) kid: Option<Box<str>>,
    /// The id of the key that verified it.
    pub(crate) key: Option<Box<str>>,
}

impl Verified {
    pub(crate) fn new(
        provider: &Provider,
        table: &ClaimTable,
        claims: &Claims,
        compact: &Compact<'_>,
        accepted: &Accepted,
    ) -> Self {
        let mut has_odd_header = false;
        let mut texts = |wanted: &[(Rc<str>, Pointer)]| -> Texts {
            let text = |(name, pointer): &(Rc<str>, Pointer)| {
                let text = text(pointer.lookup(claims.value())?)?;
                if text.chars().any(char::is_control) {
                    has_odd_header = true;
                    return None;
                }
                Some((Rc::clone(name), text.into_bytes().into()))
            };
            wanted.iter().filter_map(text).collect()
        };
        Self {
            claims: table.read(claims.value()),
            headers: texts(&provider.headers),
            properties: texts(&provider.properties),
            identity: Identity {
                claims: claims.identity(),
                kid: compact.kid.as_deref().map(Into::into),
                key: accepted.kid.clone(),
            },
            forward: provider.forward,
            has_odd_header,
        }
    }

    /// Judges what does not depend on the route.
    pub(crate) fn check(&self, provider: &Provider) -> Result<(), Fault> {
        if self.has_odd_header || provider.require.iter().any(|required| required.check(&self.claims).is_err()) {
            return Err(Fault::Claims);
        }
        Ok(())
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let texts = self.headers.iter().chain(&self.properties);
        texts.fold(self.claims.size().saturating_add(512), |size, (_, text)| {
            size.saturating_add(text.len()).saturating_add(32)
        })
    }
}

impl Identity {
    pub(crate) fn details(&self, wanted: &[AuditClaim]) -> Vec<Detail> {
        details(wanted, &self.claims, self.kid.as_deref())
    }
}

/// What a token that was not accepted says of itself.
pub(crate) fn unverified(wanted: &[AuditClaim], compact: &Compact<'_>, claims: &Claims) -> Vec<Detail> {
    let mut details = details(wanted, claims, compact.kid.as_deref());
    if !details.is_empty() {
        details.push(Detail { name: "unverified", value: true.into() });
    }
    details
}

fn details(wanted: &[AuditClaim], claims: &Claims, kid: Option<&str>) -> Vec<Detail> {
    let detail = |wanted: &AuditClaim| {
        let (name, text) = match wanted {
            AuditClaim::Issuer => ("iss", claims.issuer()),
            AuditClaim::Subject => ("sub", claims.subject()),
            AuditClaim::Id => ("jti", claims.id()),
            AuditClaim::Key => ("kid", kid),
        };
        Some(Detail { name, value: text?.into() })
    };
    wanted.iter().filter_map(detail).collect()
}

/// A claim as the text of a header.
fn text(claim: &Value) -> Option<String> {
    match claim {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        // What has a comma in a member would be told apart in another way.
        Value::Array(values) => {
            let one = |value: &Value| text(value).filter(|text| !text.contains(',') && !value.is_array());
            values.iter().map(one).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}
