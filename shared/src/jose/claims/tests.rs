use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{ClaimRules, Claims, Fault, Validity};

#[cfg(not(target_arch = "wasm32"))]
mod properties;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    good: Vec<GoodCase>,
    bad: Vec<BadCase>,
    rules: Vec<RulesCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoodCase {
    payload: String,
    issuer: Option<String>,
    subject: Option<String>,
    id: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
    expires: Option<f64>,
    not_before: Option<f64>,
    issued_at: Option<f64>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BadCase {
    payload: String,
    fault: String,
    #[serde(rename = "why")]
    _why: Option<String>,
}

/// Times are in seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesCase {
    rules: Rules,
    claims: Value,
    typ: Option<String>,
    now: f64,
    /// A number, or `never`.
    until: Option<Value>,
    fault: Option<String>,
    by_s: Option<u64>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    issuer: Option<String>,
    audiences: Option<Vec<String>>,
    leeway_s: Option<u32>,
    require_exp: Option<bool>,
    max_age_s: Option<u32>,
    typ: Option<Vec<String>>,
}

impl From<Rules> for ClaimRules {
    fn from(rules: Rules) -> Self {
        let default = Self::default();
        Self {
            issuer: rules.issuer,
            audiences: rules.audiences,
            leeway_s: rules.leeway_s.unwrap_or(default.leeway_s),
            require_exp: rules.require_exp.unwrap_or(default.require_exp),
            max_age_s: rules.max_age_s,
            typ: rules.typ,
        }
    }
}

fn table() -> Table {
    serde_json::from_str(include_str!("../../../testdata/jose/claims.json")).unwrap()
}

fn nanoseconds(seconds: f64) -> u64 {
    Duration::from_secs_f64(seconds).as_nanos().try_into().unwrap()
}

#[test]
fn claims_are_read_as_the_table_says() {
    for case in table().good {
        let claims =
            Claims::parse(case.payload.as_bytes()).unwrap_or_else(|fault| panic!("{}: {fault:?}", case.payload));
        let texts = [claims.issuer(), claims.subject(), claims.id()];
        assert_eq!(texts, [&case.issuer, &case.subject, &case.id].map(Option::as_deref), "{}", case.payload);
        assert_eq!(claims.audiences().collect::<Vec<_>>(), case.audiences, "{}", case.payload);
        let times = [claims.expires, claims.not_before, claims.issued_at];
        let expected = [case.expires, case.not_before, case.issued_at].map(|time| time.map(Duration::from_secs_f64));
        assert_eq!(times, expected, "{}", case.payload);
        assert_eq!(*claims.value(), serde_json::from_str::<Value>(&case.payload).unwrap());
    }
}

#[test]
fn bad_claims_are_refused_as_the_table_says() {
    for case in table().bad {
        let fault = Claims::parse(case.payload.as_bytes()).err().map(Fault::code);
        assert_eq!(fault, Some(case.fault.as_str()), "{}", case.payload);
    }
    assert_eq!(Claims::parse(b"{\"sub\":\"\xff\"}").err(), Some(Fault::Claims));
}

#[test]
fn rules_judge_as_the_table_says() {
    for case in table().rules {
        let shown = format!("{} at {}", case.claims, case.now);
        let claims = Claims::parse(case.claims.to_string().as_bytes()).unwrap();
        let rules = ClaimRules::from(case.rules);
        match rules.check(&claims, case.typ.as_deref(), nanoseconds(case.now)) {
            Ok(Validity { until }) => {
                let expected = match case.until.unwrap_or_else(|| panic!("{shown}: accepted")) {
                    Value::Number(seconds) => nanoseconds(seconds.as_f64().unwrap()),
                    never => {
                        assert_eq!(never, "never");
                        u64::MAX
                    }
                };
                assert_eq!(until, expected, "{shown}");
            }
            Err(missed) => {
                assert_eq!((Some(missed.fault.code()), missed.by_s), (case.fault.as_deref(), case.by_s), "{shown}");
            }
        }
    }
}

#[test]
fn the_table_has_every_fault_of_claims() {
    let cases = table().rules;
    let judged = |fault: &Fault| {
        [Fault::TypeUnexpected, Fault::IssuerMismatch].contains(fault)
            || (*fault >= Fault::AudienceMismatch && *fault <= Fault::TooOld)
    };
    for fault in Fault::ALL.iter().filter(|fault| judged(fault)) {
        assert!(cases.iter().any(|case| case.fault.as_deref() == Some(fault.code())), "{fault:?}");
    }
}

#[test]
fn a_token_is_accepted_up_to_the_moment_that_is_promised() {
    for case in table().rules {
        let claims = Claims::parse(case.claims.to_string().as_bytes()).unwrap();
        let rules = ClaimRules::from(case.rules);
        let typ = case.typ.as_deref();
        if let Ok(Validity { until }) = rules.check(&claims, typ, nanoseconds(case.now))
            && until != u64::MAX
        {
            assert!(rules.check(&claims, typ, until - 1).is_ok(), "{}", case.claims);
            assert!(rules.check(&claims, typ, until).is_err(), "{}", case.claims);
        }
    }
}

#[test]
fn bottomless_claims_are_a_fault() {
    let claims = |depth| format!(r#"{{"a":{}{}}}"#, r#"{"b":"#.repeat(depth) + "1", "}".repeat(depth));
    assert!(Claims::parse(claims(100).as_bytes()).is_ok());
    assert_eq!(Claims::parse(claims(200).as_bytes()).err(), Some(Fault::Claims));
}
