//! The table of evasions, judged with all parts put together as a filter does it.
#![allow(unreachable_pub, reason = "the macro makes public types")]

use serde::Deserialize;
use serde_json::{Map, Value};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{
    config::{Errors, parse},
    config_struct,
    ownership::{ClaimRule, ClaimTable, Fault, OwnerRule, Ownership, Requirement, refuse_overrides},
    path::{Ambiguity, Case, Normaliser, PathBuffer, Template, TemplateSet},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evasion {
    name: String,
    /// One rule; else [`DEFAULT`].
    config: Option<Value>,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// For what is not UTF-8.
    body_hex: Option<String>,
    claims: Map<String, Value>,
    /// A reason code, `no_rule` or `allowed`.
    expect: String,
    why: String,
}

const DEFAULT: &str = r#"{"path": "/users/{user_id}/**", "owner": [{"resource": "path.user_id", "claim": "/sub"}]}"#;

config_struct! {
    /// What the table's rules have of a filter's rules.
    #[derive(Clone)]
    pub struct Rule {
        /// The route.
        pub path: Template,
        /// The objects.
        pub owner: Vec<OwnerRule>,
        /// What the token must hold.
        pub require: Vec<ClaimRule> = Vec::new(),
    }
}

impl Evasion {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_hex) {
            (_, None) => self.body.clone().unwrap_or_default().into_bytes(),
            (None, Some(hex)) => hex
                .as_bytes()
                .chunks(2)
                .map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap())
                .collect(),
            _ => panic!("a case has either body or body_hex"),
        }
    }

    /// In a filter's order: what makes the upstream see another request, the path, the rule, what the token must hold,
    /// the objects.
    fn verdict(&self) -> Result<(), &'static str> {
        let config = self.config.as_ref().map_or(DEFAULT.to_owned(), Value::to_string);
        let Rule { path: template, owner, require } = parse(config.as_bytes()).unwrap();
        let (mut table, mut errors) = (ClaimTable::default(), Errors::default());
        let ownership = Ownership::new(owner, &template, &mut table, &"$.owner", &mut errors);
        let mut compile = |rule| Requirement::new(rule, &mut table, &"$.require", &mut errors);
        let require: Vec<_> = require.into_iter().map(&mut compile).collect();
        assert!(errors.is_empty(), "{errors}");
        let claims = table.read(&Value::Object(self.claims.clone()));

        let headers = self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let mut buffer = PathBuffer::default();
        let path = Normaliser::strict().normalise(self.target.as_bytes(), &mut buffer).map_err(Ambiguity::code)?;
        refuse_overrides(headers.clone(), path.query()).map_err(Fault::code)?;
        let set = TemplateSet::new([(template, ownership)], Case::Sensitive);
        let ownership = set.find(&path).ok_or("no_rule")?.value;
        require.iter().try_for_each(|rule| rule.check(&claims)).map_err(Fault::code)?;
        ownership.check_headers(&claims, &path, &headers).map_err(|denial| denial.fault.code())?;
        ownership.check_body(&claims, &self.body()).map_err(|denial| denial.fault.code())
    }
}

fn evasions() -> Vec<Evasion> {
    serde_json::from_str(include_str!("../../../testdata/ownership/evasions.json")).unwrap()
}

#[test]
fn evasions_are_judged_as_the_table_says() {
    let faults: Vec<_> = evasions()
        .iter()
        .filter_map(|case| {
            let found = case.verdict().err().unwrap_or("allowed");
            (found != case.expect).then(|| format!("{}: {found} instead of {} ({})", case.name, case.expect, case.why))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_is_large_and_has_every_reason() {
    let cases = evasions();
    let allowed = cases.iter().filter(|case| case.expect == "allowed").count();
    assert!(allowed >= 25 && cases.len() - allowed >= 100, "{allowed} of {} are allowed", cases.len());
    for fault in Fault::ALL {
        // The filter knows the limit of bodies.
        let seen = cases.iter().any(|case| case.expect == fault.code());
        assert!(seen || *fault == Fault::BodyTooLarge, "{fault}");
    }
    for case in &cases {
        assert!(!case.why.is_empty() && !case.method.is_empty(), "{}", case.name);
        assert!(cases.iter().filter(|other| other.name == case.name).count() == 1, "{} twice", case.name);
    }
}
