//! Reading a token's claims (RFC 7519), and judging them by a provider's rules.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    Fault,
    token::{media_type_is, parse_object},
};

/// The claims of a token. Registered claims are of their types; the times count from 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    members: Value,
    /// `exp`.
    pub expires: Option<Duration>,
    /// `nbf`.
    pub not_before: Option<Duration>,
    /// `iat`.
    pub issued_at: Option<Duration>,
}

impl Claims {
    /// Reads a payload.
    ///
    /// A time is an integer or a decimal from 0 to the end of the year 9999: a time in milliseconds lies behind that,
    /// and is refused rather than believed.
    ///
    /// # Errors
    /// [`Fault::DuplicateMember`], at any depth; [`Fault::Claims`] for what is not a JSON object, or has a registered
    /// claim of the wrong type, `null` included.
    pub fn parse(payload: &[u8]) -> Result<Self, Fault> {
        let members = parse_object(payload).ok_or(Fault::Claims)??;
        let texts_are_good = ["iss", "sub", "jti"].iter().all(|name| members.get(*name).is_none_or(Value::is_string));
        let audience_is_good = match members.get("aud") {
            None | Some(Value::String(_)) => true,
            Some(Value::Array(all)) => all.iter().all(Value::is_string),
            Some(_) => false,
        };
        if !texts_are_good || !audience_is_good {
            return Err(Fault::Claims);
        }
        let [expires, not_before, issued_at] = ["exp", "nbf", "iat"].map(|name| time(&members, name));
        Ok(Self { expires: expires?, not_before: not_before?, issued_at: issued_at?, members: Value::Object(members) })
    }

    /// `iss`, `sub`, `jti` and `iat` alone: what revocations ask for, and what may be kept for long.
    #[must_use]
    pub fn identity(&self) -> Self {
        let wanted = ["iss", "sub", "jti"];
        let members = wanted.iter().filter_map(|name| Some(((*name).to_owned(), self.members.get(name)?.clone())));
        Self { members: Value::Object(members.collect()), expires: None, not_before: None, issued_at: self.issued_at }
    }

    /// All claims: an object.
    pub const fn value(&self) -> &Value {
        &self.members
    }

    /// `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `jti`.
    pub fn id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// `aud`, one or several.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let all = match self.members.get("aud") {
            Some(Value::Array(all)) => all.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        all.iter().filter_map(Value::as_str)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }
}

/// 9999-12-31T23:59:59Z: dates have four digits for the year (RFC 3339).
const LATEST: Duration = Duration::from_secs(253_402_300_799);

/// A `NumericDate` (RFC 7519 section 2).
fn time(members: &Map<String, Value>, name: &str) -> Result<Option<Duration>, Fault> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let whole = value.as_u64().map(Duration::from_secs);
    let since_1970 = whole.or_else(|| Duration::try_from_secs_f64(value.as_f64()?).ok());
    since_1970.filter(|time| *time <= LATEST).map(Some).ok_or(Fault::Claims)
}

/// What a provider's tokens must claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRules {
    /// The one `iss`; `None`: any or none.
    pub issuer: Option<String>,
    /// Of these `aud` holds one at least; `None`: any or none.
    pub audiences: Option<Vec<String>>,
    /// How far the clocks of issuer and proxy may be apart, in seconds.
    pub leeway_s: u32,
    /// Whether a token must have `exp`.
    pub require_exp: bool,
    /// How long after `iat` a token is accepted, in seconds; it must have `iat` then.
    pub max_age_s: Option<u32>,
    /// Of these `typ` is one (compared by [`media_type_is`]); `None`: any or none.
    pub typ: Option<Vec<String>>,
}

impl Default for ClaimRules {
    /// Any token that has `exp`, without leeway.
    fn default() -> Self {
        Self { issuer: None, audiences: None, leeway_s: 0, require_exp: true, max_age_s: None, typ: None }
    }
}

/// How long a token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From this moment on the token is no longer accepted, in nanoseconds since 1970; leeway is counted in. The
    /// greatest value stands for never.
    pub until: u64,
}

/// Why claims are not accepted, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// What is wrong.
    pub fault: Fault,
    /// For a fault of time: how many seconds lie between now and the claim, rounded up. Leeway is **not** counted in:
    /// a token 30 s after its `exp` says 30, with a leeway of 10 s or without. So the number is what the clocks show,
    /// and a few seconds look like clock skew, hours like an old token.
    ///
    /// The time since `exp` ([`Fault::Expired`]) or since `iat` plus the greatest age ([`Fault::TooOld`]), the time to
    /// `nbf` ([`Fault::NotYetValid`]) or to `iat` ([`Fault::IssuedInFuture`]). 0 when `exp` is this very moment.
    pub by_s: Option<u64>,
}

impl From<Fault> for Missed {
    fn from(fault: Fault) -> Self {
        Self { fault, by_s: None }
    }
}

impl ClaimRules {
    /// Judges the claims, and the header's `typ`, at a time in nanoseconds since 1970.
    ///
    /// A token is refused from `exp` plus leeway on, that moment included ("on or after", RFC 7519 section 4.1.4), and
    /// so it is from `iat` plus the greatest age plus leeway on. It is accepted from `nbf` and `iat` minus leeway on,
    /// that moment included.
    ///
    /// # Errors
    /// [`Fault::TypeUnexpected`], [`Fault::IssuerMismatch`], and the faults from [`Fault::AudienceMismatch`] to
    /// [`Fault::TooOld`], in this order.
    pub fn check(&self, claims: &Claims, typ: Option<&str>, now_ns: u64) -> Result<Validity, Missed> {
        self.check_type(typ)?;
        self.check_issuer(claims)?;
        let wanted = |found: &str| self.audiences.iter().flatten().any(|known| known == found);
        if self.audiences.is_some() && !claims.audiences().any(wanted) {
            return Err(Fault::AudienceMismatch.into());
        }
        self.check_times(claims, Duration::from_nanos(now_ns))
    }

    /// Judges `typ` alone: a token of another kind need not be verified first.
    pub fn check_type(&self, typ: Option<&str>) -> Result<(), Fault> {
        let Some(known) = &self.typ else { return Ok(()) };
        let good = typ.is_some_and(|found| known.iter().any(|known| media_type_is(known, found)));
        if good { Ok(()) } else { Err(Fault::TypeUnexpected) }
    }

    /// Judges `iss` alone: a token of another issuer need not be verified first.
    pub fn check_issuer(&self, claims: &Claims) -> Result<(), Fault> {
        let good = self.issuer.is_none() || self.issuer.as_deref() == claims.issuer();
        if good { Ok(()) } else { Err(Fault::IssuerMismatch) }
    }

    fn check_times(&self, claims: &Claims, now: Duration) -> Result<Validity, Missed> {
        let leeway = Duration::from_secs(self.leeway_s.into());
        let mut until = Duration::MAX;
        // From `limit` plus leeway on, there is a fault.
        let mut end = |limit: Duration, fault| {
            let last = limit.saturating_add(leeway);
            until = until.min(last);
            if now < last { Ok(()) } else { Err(missed(fault, now.saturating_sub(limit))) }
        };
        let begin = |start: Duration, fault| {
            if now.saturating_add(leeway) >= start { Ok(()) } else { Err(missed(fault, start.saturating_sub(now))) }
        };
        match claims.expires {
            Some(expires) => end(expires, Fault::Expired)?,
            None if self.require_exp => return Err(Fault::ExpiryMissing.into()),
            None => {}
        }
        if let Some(not_before) = claims.not_before {
            begin(not_before, Fault::NotYetValid)?;
        }
        if let Some(issued_at) = claims.issued_at {
            begin(issued_at, Fault::IssuedInFuture)?;
        }
        if let Some(max_age) = self.max_age_s {
            let issued_at = claims.issued_at.ok_or(Fault::IssuedAtMissing)?;
            end(issued_at.saturating_add(Duration::from_secs(max_age.into())), Fault::TooOld)?;
        }
        Ok(Validity { until: until.as_nanos().try_into().unwrap_or(u64::MAX) })
    }
}

fn missed(fault: Fault, by: Duration) -> Missed {
    let rounded_up = by.as_secs().saturating_add(u64::from(by.subsec_nanos() > 0));
    Missed { fault, by_s: Some(rounded_up) }
}
