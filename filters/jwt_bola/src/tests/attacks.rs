//! The table of attack tokens, which the Envoy tests run too.

use portcullis_shared::{config::parse, policy::Filter, request::Parts};
use serde::Deserialize;
use serde_json::Value;

use super::{NOW_S, reason};
use crate::{JwtBola, config::Config};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    name: String,
    token: Option<String>,
    authorization: Option<Vec<String>>,
    cookie: Option<Vec<String>>,
    query: Option<String>,
    expect: String,
    /// Where the order of checks is a matter of taste.
    or: Option<String>,
    why: String,
}

impl Attack {
    fn request(&self) -> Parts {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut headers = vec![(":method", "GET".to_owned()), (":path", format!("/orders/1{query}"))];
        headers.extend(self.token.iter().map(|token| ("authorization", format!("Bearer {token}"))));
        for (name, values) in [("authorization", &self.authorization), ("cookie", &self.cookie)] {
            headers.extend(values.iter().flatten().map(|value| (name, value.clone())));
        }
        Parts { now: NOW_S * 1_000_000_000, ..Parts::new(headers) }
    }
}

#[test]
fn attack_tokens_are_refused_each_for_its_reason() {
    let environment: Value = serde_json::from_str(include_str!("../../testdata/attacks.env.json")).unwrap();
    let config: Config = parse(include_bytes!("../../testdata/attacks.config.json")).unwrap();
    let filter = JwtBola::compile(config, &|name| environment[name].as_str().map(str::to_owned)).unwrap();
    let attacks: Vec<Attack> = serde_json::from_str(include_str!("../../testdata/attacks.json")).unwrap();
    let refused = attacks.iter().filter(|attack| attack.expect != "accepted").count();
    assert!(refused >= 120 && attacks.len() - refused >= 25, "{refused} of {}", attacks.len());
    let wrong: Vec<_> = attacks
        .iter()
        .filter_map(|attack| {
            let found = match reason(&filter, &attack.request(), b"") {
                "authorized" => "accepted",
                other => other,
            };
            let is_good = found == attack.expect || attack.or.as_deref() == Some(found);
            (!is_good).then(|| format!("{}: {found} instead of {} ({})", attack.name, attack.expect, attack.why))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
