//! Tokens that are good, and carried in ways that two readers would read in two ways.

use serde_json::{Value, json};

use super::{ACCEPTED, Table, rs256, signed};
use crate::mint::claims_with;

fn authorization(value: &str) -> Value {
    json!({"authorization": [value]})
}

pub(super) fn add(table: &mut Table) {
    let good = signed(&rs256());
    let other = signed(&rs256().claims(&claims_with(&json!({"sub": "bob"}))));
    missing(table, &good);
    malformed(table, &good);
    multiple(table, &good, &other);
    accepted(table, &good);
}

fn missing(table: &mut Table, good: &str) {
    for (name, request, why) in [
        ("no token", json!({}), "nothing at all"),
        ("Basic", authorization("Basic YWxpY2U6c2VjcmV0"), "another scheme"),
        ("a token as Basic", authorization(&format!("Basic {good}")), "another scheme"),
        ("Token", authorization(&format!("Token {good}")), "another scheme"),
        ("DPoP", authorization(&format!("DPoP {good}")), "another scheme, whose tokens are bound to a key"),
        ("Bearers", authorization(&format!("Bearers {good}")), "another scheme"),
        ("no scheme", authorization(good), "a token is no scheme"),
        (
            "another cookie",
            json!({"cookie": [format!("sessions={good}; Session={good}")]}),
            "names are compared exactly",
        ),
        ("a cookie without a name", json!({"cookie": [good]}), "no cookie of this name"),
        (
            "another parameter",
            json!({"query": format!("access_tokens={good}&ACCESS_TOKEN={good}")}),
            "compared exactly",
        ),
        ("the form's name with an index", json!({"query": format!("access_token[]={good}")}), "another name"),
    ] {
        table.carried(name, &request, "token_missing", why);
    }
}

fn malformed(table: &mut Table, good: &str) {
    let (start, end) = good.split_at(good.len() / 2);
    for (name, request, why) in [
        ("Bearer alone", authorization("Bearer"), "no token behind the scheme"),
        ("a tab", authorization(&format!("Bearer\t{good}")), "a blank follows the scheme, not a tab"),
        ("no blank", authorization(&format!("Bearer:{good}")), "a blank follows the scheme"),
        ("an equals sign", authorization(&format!("Bearer={good}")), "a blank follows the scheme"),
        ("quotes", authorization(&format!("Bearer \"{good}\"")), "no token's letters"),
        ("single quotes", authorization(&format!("Bearer '{good}'")), "no token's letters"),
        ("angle brackets", authorization(&format!("Bearer <{good}>")), "no token's letters"),
        ("a blank in the token", authorization(&format!("Bearer {start} {end}")), "two words"),
        ("a tab in the token", authorization(&format!("Bearer {start}\t{end}")), "no token's letters"),
        ("a word behind the token", authorization(&format!("Bearer {good} x")), "two words"),
        ("a parameter behind the token", authorization(&format!("Bearer {good};x=1")), "no token's letters"),
        ("token= before the token", authorization(&format!("Bearer token={good}")), "a parameter, not a token"),
        ("Bearer twice in a row", authorization(&format!("Bearer Bearer {good}")), "two words"),
        ("escapes", authorization(&format!("Bearer {}", good.replace('.', "%2E"))), "escapes are for addresses"),
        ("letters outside ASCII", authorization(&format!("Bearer {good}\u{e9}")), "no token's letters"),
        ("a blank of no width", authorization(&format!("Bearer {good}\u{200b}")), "no token's letters"),
        ("a hard blank", authorization(&format!("Bearer\u{a0}{good}")), "not the blank that follows a scheme"),
        ("a scheme in lookalikes", authorization(&format!("B\u{435}arer {good}")), "a Cyrillic letter"),
        ("an empty cookie", json!({"cookie": ["session="]}), "the cookie is there, and empty"),
        ("a cookie in quotes", json!({"cookie": [format!("session=\"{good}\"")]}), "quotes are not part of a token"),
        ("Bearer in the cookie", json!({"cookie": [format!("session=Bearer {good}")]}), "a cookie has no scheme"),
        ("escapes in the cookie", json!({"cookie": [format!("session={}", good.replace('.', "%2e"))]}), "no escapes"),
        ("an empty parameter", json!({"query": "access_token="}), "the parameter is there, and empty"),
        ("a parameter without a value", json!({"query": "access_token"}), "the parameter is there, and empty"),
        (
            "escapes in the parameter",
            json!({"query": format!("access_token={}", good.replace('.', "%2E"))}),
            "a second spelling",
        ),
        ("a blank in the parameter", json!({"query": format!("access_token={start}+{end}")}), "+ is a blank here"),
        (
            "Bearer in the parameter",
            json!({"query": format!("access_token=Bearer%20{good}")}),
            "a parameter has no scheme",
        ),
    ] {
        table.carried(name, &request, "token_source_malformed", why);
    }
}

fn multiple(table: &mut Table, good: &str, other: &str) {
    let bearer = format!("Bearer {good}");
    for (name, request) in [
        ("two headers", json!({"authorization": [bearer, format!("Bearer {other}")]})),
        ("two equal headers", json!({"authorization": [bearer, bearer]})),
        ("two headers, one of another scheme", json!({"authorization": [bearer, "Basic YWxpY2U6c2VjcmV0"]})),
        ("two tokens in a header", authorization(&format!("{bearer}, Bearer {other}"))),
        ("two tokens in a header, one scheme", authorization(&format!("{bearer},{other}"))),
        ("a comma behind the token", authorization(&format!("{bearer},"))),
        ("another scheme first", authorization(&format!("Basic YWxpY2U6c2VjcmV0, {bearer}"))),
        ("two cookies", json!({"cookie": [format!("session={good}; session={other}")]})),
        ("two equal cookies", json!({"cookie": [format!("session={good}; session={good}")]})),
        ("two cookies, one empty", json!({"cookie": [format!("session=; session={good}")]})),
        ("two Cookie headers", json!({"cookie": [format!("session={good}"), format!("session={other}")]})),
        ("two parameters", json!({"query": format!("access_token={good}&access_token={other}")})),
        ("two equal parameters", json!({"query": format!("access_token={good}&access_token={good}")})),
        ("two parameters, one in escapes", json!({"query": format!("access_token={good}&access%5Ftoken={other}")})),
        ("two parameters, one empty", json!({"query": format!("access_token&access_token={good}")})),
        ("header and cookie", json!({"authorization": [bearer], "cookie": [format!("session={other}")]})),
        ("header and cookie, equal", json!({"authorization": [bearer], "cookie": [format!("session={good}")]})),
        ("header and parameter", json!({"authorization": [bearer], "query": format!("access_token={other}")})),
        (
            "cookie and parameter",
            json!({"cookie": [format!("session={good}")], "query": format!("access_token={good}")}),
        ),
    ] {
        let why = "which of them the upstream would take, nobody knows";
        table.carried(name, &request, "token_source_multiple", why);
    }
}

fn accepted(table: &mut Table, good: &str) {
    for (name, request, why) in [
        ("bearer in lower case", authorization(&format!("bearer {good}")), "schemes have no case"),
        ("BEARER in upper case", authorization(&format!("BEARER {good}")), "schemes have no case"),
        ("several blanks", authorization(&format!("Bearer   {good}")), "RFC 9110: one blank or more"),
        ("a cookie", json!({"cookie": [format!("session={good}")]}), "the cookie session"),
        ("a cookie among others", json!({"cookie": [format!("a=b; session={good}; c=d=e")]}), "others do not matter"),
        ("a parameter", json!({"query": format!("access_token={good}")}), "the parameter access_token"),
        ("a parameter among others", json!({"query": format!("a=b&access_token={good}&c")}), "others do not matter"),
    ] {
        table.carried(name, &request, ACCEPTED, why);
    }
}
