//! The attack tokens: a table of what a token filter must refuse, each with its reason, and of what it must accept.
//!
//! The `attacks` binary writes [`table`] and [`config`] to `filters/jwt_bola/testdata/`, where the tests of the filter
//! read them. All times are far away (2001 and 2100), and all signatures are deterministic; so the files change only
//! when this code does.

mod carrier;
mod claims;
mod form;
mod good;
mod header;
mod keys;
mod signature;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::client::Request;
use crate::config::merge;
use crate::mint::{self, Key, Token, claims_with};
use crate::workspace;

/// What the filter says of a good token.
const ACCEPTED: &str = "accepted";

/// The name of the environment variable with the secret of the provider `internal`.
const SECRET: &str = "PORTCULLIS_HS256";

/// The files and what is in them: `attacks.json`, the config that goes with it, and the environment that it needs.
pub fn files() -> Vec<(PathBuf, String)> {
    let folder = workspace("filters/jwt_bola/testdata");
    vec![
        (folder.join("attacks.json"), lines(&table())),
        (folder.join("attacks.config.json"), pretty(config())),
        (folder.join("attacks.env.json"), pretty(json!({SECRET: secret()}))),
    ]
}

/// Every case: `name`; `token`, which goes into `Authorization: Bearer`, or the request's `authorization` and `cookie`
/// headers (lists of values) and `query` as they are; `expect`, a reason code or `accepted`; for a few that can be
/// judged in either of two ways, the other one as `or`; and `why`.
pub fn table() -> Vec<Value> {
    let mut table = Table(Vec::new());
    form::add(&mut table);
    header::add(&mut table);
    keys::add(&mut table);
    claims::add(&mut table);
    signature::add(&mut table);
    carrier::add(&mut table);
    good::add(&mut table);
    table.0
}

/// All but HMAC, which has a provider of its own.
const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/// The config that the cases are meant for.
pub fn config() -> Value {
    json!({
        "providers": {
            "main": {
                "issuer": "https://idp.example",
                "audiences": ["orders-api"],
                "algorithms": ALGORITHMS,
                "jwks": {"inline": {"keys": keys::set()}},
                "from": [
                    {"header": "authorization", "scheme": "Bearer"},
                    {"cookie": "session"},
                    {"query": "access_token"},
                ],
            },
            "internal": {
                "issuer": "internal",
                "audiences": "any",
                "algorithms": ["HS256"],
                "secret": {"env": SECRET},
                "typ": ["JWT"],
                // Tokens of 2023 are good until 2071, those of 1970 are not.
                "max_age_s": 1_500_000_000,
            },
        },
        "rules": [{"path": "/orders/**", "auth": ["main", "internal"]}],
        "default": "deny",
        "revoked": {
            "jti": ["stolen"],
            "subjects": [{"sub": "mallory", "issued_before": 1_750_000_000}],
            "kid": ["rsa-stolen"],
        },
    })
}

/// The request of a case: a GET of `path`, which has no query of its own.
pub fn request(case: &Value, path: &str) -> Request {
    let values = |name: &str| case[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let path = case["query"].as_str().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let token = case["token"].as_str().map(|token| format!("Bearer {token}"));
    let mut request = Request::get(&path);
    for value in token.into_iter().chain(values("authorization")) {
        request = request.header("authorization", value);
    }
    for value in values("cookie") {
        request = request.header("cookie", value);
    }
    request
}

/// Letters and digits, so that a variable can hold it.
fn secret() -> String {
    String::from_utf8(Key::load("oct-1").secret()).expect("letters and digits")
}

/// The members of a case, in the order of the file.
const MEMBERS: [&str; 8] = ["name", "token", "authorization", "cookie", "query", "expect", "or", "why"];

/// A list with a case on each line: diffs stay small.
fn lines(cases: &[Value]) -> String {
    let line = |case: &Value| {
        let member = |name: &&str| Some(format!("{}: {}", json!(name), case.get(name)?));
        format!("  {{{}}}", MEMBERS.iter().filter_map(member).collect::<Vec<_>>().join(", "))
    };
    format!("[\n{}\n]\n", cases.iter().map(line).collect::<Vec<_>>().join(",\n"))
}

fn pretty(mut value: Value) -> String {
    value.sort_all_objects();
    format!("{value:#}\n")
}

struct Table(Vec<Value>);

impl Table {
    fn token(&mut self, name: &str, token: impl Into<String>, expect: &str, why: &str) {
        self.add(name, &json!({"token": token.into()}), expect, why);
    }

    /// A request that carries something odd: its `authorization`, `cookie` and `query`.
    fn carried(&mut self, name: &str, request: &Value, expect: &str, why: &str) {
        self.add(name, request, expect, why);
    }

    /// The last case may be judged so, too.
    fn or(&mut self, code: &str) {
        self.0.last_mut().expect("a case")["or"] = json!(code);
    }

    fn add(&mut self, name: &str, request: &Value, expect: &str, why: &str) {
        let mut case = json!({"name": name, "expect": expect, "why": why});
        merge(&mut case, request);
        self.0.push(case);
    }
}

/// The request of [`Table::carried`] that has this text behind the scheme.
fn bearer(text: &str) -> Value {
    json!({"authorization": [format!("Bearer {text}")]})
}

/// A good token for the provider `main`, to be spoiled: by `rsa-1` with RS256.
fn rs256() -> Token {
    Token::new("RS256", &mint::claims()).kid("rsa-1")
}

fn rsa() -> Key {
    Key::load("rsa-1")
}

/// Signed as it should be: by `rsa-1`.
fn signed(token: &Token) -> String {
    token.sign_as("RS256", &rsa())
}

/// A token for `main` that is good but for these claims.
fn claiming(patch: &Value) -> String {
    signed(&Token::new("RS256", &claims_with(patch)).kid("rsa-1"))
}

/// A token for `internal`, which is good but for these claims.
fn internal(patch: &Value) -> Token {
    let mut claims = claims_with(&json!({"iss": "internal"}));
    merge(&mut claims, patch);
    Token::new("HS256", &claims)
}
