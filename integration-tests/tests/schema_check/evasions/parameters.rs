//! Parameters that are written in odd ways, and methods that are none.

use super::{BAD, Case, GOOD, judge, settings};
use crate::gate::Gate;

#[tokio::test(flavor = "multi_thread")]
async fn queries_headers_cookies_and_methods() {
    let gate = Gate::start(&settings()).await;
    let mut cases: Vec<Case> = [
        ("/users?limit=5", "accepted"),
        ("/users?%6cimit=5", "accepted"),
        ("/users?limit=%35", "accepted"),
        ("/users?&limit=5&", "accepted"),
        ("/users?tags=a&tags=b", "accepted"),
        ("/users?limit=500", "parameter_invalid"),
        ("/users?limit=5&limit=500", "parameter_repeated"),
        ("/users?limit=500&limit=5", "parameter_repeated"),
        ("/users?limit=5&%6cimit=500", "parameter_repeated"),
        ("/users?limit=5&limit", "parameter_repeated"),
        ("/users?%6Cimit=500", "parameter_invalid"),
        ("/users?limit=%35%30%30", "parameter_invalid"),
        ("/users?limit=+5", "parameter_invalid"),
        ("/users?limit=%2b5", "parameter_invalid"),
        ("/users?limit=5%20", "parameter_invalid"),
        ("/users?limit=0x5", "parameter_invalid"),
        ("/users?limit=05", "parameter_invalid"),
        ("/users?limit=", "parameter_invalid"),
        ("/users?limit", "parameter_invalid"),
        ("/users?limit=null", "parameter_invalid"),
        ("/users?limit=5;limit=500", "parameter_invalid|parameter_malformed"),
        ("/users?limit=5?limit=500", "parameter_invalid"),
        ("/users?limit=5,500", "parameter_invalid"),
        ("/users?limit=%EF%BC%95", "parameter_invalid"),
        ("/users?limit=5%00", "parameter_invalid|parameter_malformed"),
        ("/users?limit=5%", "parameter_malformed"),
        ("/users?limit=5%zz", "parameter_malformed"),
        ("/users?limit=%ff", "parameter_malformed"),
        ("/users?limit=%c0%b5", "parameter_malformed"),
        ("/users?%ff=1", "query_unknown|parameter_malformed"),
        ("/users?%=1", "query_unknown|parameter_malformed"),
        ("/users?LIMIT=5", "query_unknown"),
        ("/users?limit%00=5", "query_unknown|parameter_malformed"),
        ("/users?limit%20=5", "query_unknown"),
        ("/users?+limit=5", "query_unknown"),
        ("/users?limit[]=5", "query_unknown"),
        ("/users?limit%5B%5D=500", "query_unknown"),
        ("/users?limit.=5", "query_unknown"),
        ("/users?x=1", "query_unknown"),
        ("/users?limit=5&x=1", "query_unknown"),
        ("/users?x", "query_unknown"),
        ("/users?=1", "query_unknown"),
        ("/users??limit=5", "query_unknown"),
        ("/users?amp;limit=500", "parameter_malformed"),
        ("/users?tags=a&tags=b&tags=c&tags=d", "parameter_invalid"),
        ("/users?tags=a&tags=B", "parameter_invalid"),
        ("/users?tags=a,b", "parameter_invalid"),
        ("/users?tags[]=a", "query_unknown"),
        ("/users?tags[0]=a", "query_unknown"),
    ]
    .map(|(target, expect)| Case::get(target.as_bytes(), &[], expect))
    .into();
    for (headers, expect) in [
        (&[("x-tenant", "acme")][..], "accepted"),
        (&[("X-TENANT", "acme")], "accepted|envoy"),
        (&[("x-tenant", " acme\t")], "accepted|parameter_invalid"),
        (&[("x-tenant", "ACME")], "parameter_invalid"),
        (&[("x-tenant", "")], "parameter_invalid"),
        (&[("x-tenant", "acme,acme")], "parameter_invalid"),
        (&[("x-tenant", "acme"), ("x-tenant", "../x")], "parameter_repeated"),
        (&[("x-tenant", "../x"), ("x-tenant", "acme")], "parameter_repeated"),
        (&[("x-tenant", "acme"), ("x-tenant", "acme")], "parameter_repeated"),
        (&[("x-tenant", "acme"), ("X-Tenant", "../x")], "parameter_repeated|envoy"),
        // Servers that pass headers as variables take these for one (CGI).
        (&[("x-tenant", "acme"), ("x_tenant", "../x")], "parameter_repeated"),
        (&[("x_tenant", "../x")], "parameter_repeated|parameter_invalid"),
        (&[("x-tenant", "%61cme")], "parameter_invalid"),
        (&[("x-tenant", "acme\u{e9}")], "parameter_invalid"),
        (&[("cookie", "region=eu")], "accepted"),
        (&[("cookie", "a=b; region=eu; c=d")], "accepted"),
        (&[("cookie", "region=eu; region=../x")], "parameter_repeated"),
        (&[("cookie", "region=../x; region=eu")], "parameter_repeated"),
        (&[("cookie", "region=eu"), ("cookie", "region=../x")], "parameter_repeated"),
        (&[("cookie", "region=../x"), ("cookie", "region=eu")], "parameter_repeated"),
        (&[("cookie", "region=\"eu\"")], "parameter_invalid|accepted"),
        (&[("cookie", "region=../x")], "parameter_invalid"),
        (&[("cookie", "a=b;region=../x")], "parameter_invalid"),
        (&[("cookie", "a=b,region=../x")], "accepted"),
        (&[("cookie", "region=")], "parameter_invalid"),
    ] {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        cases.push(Case::get(b"/users", &headers, expect));
    }
    cases.push(Case::get(b"/users", &[("x-tenant", b"acme\xff")], "parameter_malformed|parameter_invalid"));
    cases.push(Case::get(b"/users", &[("cookie", b"region=\xff")], "parameter_malformed|parameter_invalid"));
    for method in ["post", "Post", "POSTX", "PUT", "PATCH", "TRACE", "PROPFIND", "QUERY", "OPTIONS", "get", "CONNECTX"]
    {
        let json: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        let request = (method.as_bytes(), &b"/users"[..]);
        cases.push(Case { request, ..Case::post(&json, GOOD, "method_unknown|envoy") });
    }
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        // Its own body is judged; what a service makes of such a header is the service's.
        let headers: [(&str, &[u8]); 2] = [("content-type", b"application/json"), (name, b"DELETE")];
        cases.push(Case::post(&headers, BAD, "body_invalid"));
    }
    judge(&gate, &cases).await;
}
