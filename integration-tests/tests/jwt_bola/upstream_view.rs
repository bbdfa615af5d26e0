//! What the upstream and later filters see of a caller and of the token, and that no client can make it up.

use portcullis_integration_tests::mint::encode;
use portcullis_integration_tests::{
    Bootstrap, Client, DEADLINE, Launch, Line, Received, Request, Upstream, merge, until,
};
use serde_json::{Value, json};

use crate::gate::{Gate, config, filter, token, users, with_token};

/// Rules about `/users/{user_id}/**`, and all places for tokens.
fn everywhere(provider: &Value) -> Value {
    let mut config = config(&users());
    let from = json!([
        {"header": "authorization", "scheme": "Bearer"}, {"header": "x-token"}, {"cookie": "sid"}, {"query": "t"},
    ]);
    merge(&mut config, &json!({"providers": {"main": {"from": from}}, "default": "allow"}));
    merge(&mut config["providers"]["main"], provider);
    config
}

/// What the upstream sees of a request that passes.
async fn seen(gate: &Gate, client: &Client, request: Request) -> Received {
    gate.upstream.clear();
    gate.passed(client, request).await;
    gate.upstream.only_request()
}

struct Carried {
    path: String,
    header: Option<(&'static str, String)>,
    /// What is left of both without the token.
    path_without: &'static str,
    header_without: Option<&'static str>,
}

/// A token in each place, with something beside it.
fn carried(token: &str) -> Vec<Carried> {
    let path = "/users/42/orders?a=%41&b=2;3";
    let header = |name, value: String, header_without| Carried {
        path: path.to_owned(),
        header: Some((name, value)),
        path_without: path,
        header_without,
    };
    let query = |path: String, path_without| Carried { path, header: None, path_without, header_without: None };
    vec![
        header("authorization", format!("Bearer {token}"), None),
        header("authorization", format!("bEARER   {token}"), None),
        header("x-token", token.to_owned(), None),
        header("cookie", format!("sid={token}"), None),
        header("cookie", format!("a=1; sid={token}; b=\"2\""), Some("a=1; b=\"2\"")),
        header("cookie", format!("sid={token}; sid2=x"), Some("sid2=x")),
        header("cookie", format!("xsid=x; sid={token}"), Some("xsid=x")),
        query(format!("/users/42/orders?t={token}"), "/users/42/orders"),
        query(format!("/users/42/orders?a=%41&t={token}&b=1+2"), "/users/42/orders?a=%41&b=1+2"),
        query(format!("/users/42/orders?tt=1&t={token}"), "/users/42/orders?tt=1"),
        query(format!("/users/42/orders?%74={token}&a"), "/users/42/orders?a"),
        query(format!("/users/%34%32/orders?t={token}"), "/users/%34%32/orders"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_taken_out_or_forwarded_and_all_else_stays() {
    let token = token(&json!({}));
    for forward in [false, true] {
        let gate = Gate::start(&everywhere(&json!({"forward": forward}))).await;
        for (version, client) in gate.clients() {
            for Carried { path, header, path_without, header_without } in carried(&token) {
                let mut request = Request::get(&path).header("accept", "text/plain").header("x-other", "1");
                if let Some((name, value)) = &header {
                    request = request.header(name, value);
                }
                let seen = seen(&gate, &client, request).await;
                assert_eq!(seen.path, if forward { &path } else { path_without }, "{version}");
                if let Some((name, value)) = &header {
                    let expected = if forward { Some(value.as_str()) } else { header_without };
                    assert_eq!(seen.headers.text(name).as_deref(), expected, "{version} {name}");
                }
                assert_eq!(seen.headers.get("x-other"), Some(&b"1"[..]));
                assert_eq!(seen.headers.get("x-user-id"), Some(&b"42"[..]));
                assert_eq!(format!("{seen:?}").contains(&token), forward, "{version}: {seen:?}");
            }
            // As browsers do over HTTP/2, and as one cookie a header.
            let request = Request::get("/users/42/orders").header("cookie", "a=1");
            let request = request.header("cookie", format!("sid={token}")).header("cookie", "b=2");
            let cookies = self::seen(&gate, &client, request).await.headers.all("cookie").join(&b"; "[..]);
            let expected = if forward { format!("a=1; sid={token}; b=2") } else { "a=1; b=2".to_owned() };
            assert_eq!(String::from_utf8(cookies).unwrap(), expected, "{version}");
        }
        gate.assert_no_vm_failed().await;
    }
}

/// Nor does anyone else see it: refused tokens are in no event.
#[tokio::test(flavor = "multi_thread")]
async fn events_have_no_token() {
    let gate = Gate::start(&everywhere(&json!({}))).await;
    let token = token(&json!({"sub": "7", "jti": "secret"}));
    let (mut count, client) = (0, gate.h1());
    for Carried { path, header, .. } in carried(&token) {
        let mut request = Request::get(&path).header("referer", format!("https://app.example/?t={token}"));
        if let Some((name, value)) = &header {
            request = request.header(name, value);
        }
        gate.refused_with(403, &client, request).await;
        count += 1;
    }
    let events = Value::from(gate.collector.await_count(count).await).to_string();
    let log = gate.envoy.log();
    for part in token.split('.') {
        assert!(!events.contains(part), "{events}");
        assert!(!log.contains(part));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_become_headers() {
    let gate = Gate::start(&everywhere(&json!({"claims_to_headers": {"x-claim": "/it", "X-Other": "/a~1b/0"}}))).await;
    let long = "l".repeat(2000);
    let cases = [
        (json!("text"), Some("text")),
        (json!("w\u{f6}rter \u{1f600}, \"quoted\""), Some("w\u{f6}rter \u{1f600}, \"quoted\"")),
        (json!(long), Some(long.as_str())),
        (json!(""), Some("")),
        (json!(7), Some("7")),
        (json!(-7.5), Some("-7.5")),
        (json!(u64::MAX), Some("18446744073709551615")),
        (json!(true), Some("true")),
        (json!(["a", "b", 3, false]), Some("a,b,3,false")),
        (json!(["a"]), Some("a")),
        // No one could tell these apart from another list.
        (json!(["a,b", "c"]), None),
        (json!([["a"]]), None),
        (json!(["a", null]), None),
        (json!({"a": 1}), None),
        (Value::Null, None),
    ];
    for (version, client) in gate.clients() {
        for (claim, expected) in &cases {
            // A merge patch takes null for "not there", which is a case as well.
            let token = token(&json!({"it": claim, "a/b": ["first"]}));
            let request = Request::get("/users/42/orders").header("x-claim", "forged").header("x-other", "forged");
            let seen = seen(&gate, &client, with_token(request, &token)).await;
            let values: Vec<String> =
                seen.headers.all("x-claim").iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect();
            assert_eq!(values, expected.iter().copied().collect::<Vec<_>>(), "{version} {claim}");
            assert_eq!(seen.headers.all("x-other"), [b"first"]);
        }
        for odd in ["a\nb", "a\r\nx-admin: 1", "\0", "a\u{7f}", "\u{85}"] {
            let request = with_token(Request::get("/users/42/orders"), &token(&json!({"it": odd})));
            gate.refused_with(401, &client, request).await;
        }
    }
    gate.assert_no_vm_failed().await;
}

/// Names that a server may take for `x-user-id`.
const SPELLINGS: [&str; 5] = ["x-user-id", "X-User-Id", "x_user_id", "X_USER_ID", "x-user_id"];

#[tokio::test(flavor = "multi_thread")]
async fn no_client_sends_a_claim_on_any_route() {
    let mut config = everywhere(&json!({}));
    config["rules"].as_array_mut().unwrap().extend([
        json!({"name": "trial", "path": "/trial", "auth": ["main"], "mode": "shadow"}),
        json!({"name": "asleep", "path": "/asleep", "auth": ["main"], "mode": "off"}),
    ]);
    let gate = Gate::start(&config).await;
    let token = token(&json!({}));
    let admin = self::token(&json!({"sub": "1", "roles": ["admin"]}));
    let nameless = self::token(&json!({"sub": null, "roles": ["admin"]}));
    let routes = [
        ("/health", None, None),
        ("/no/rule", None, None),
        ("/no/rule", Some(&token), None),
        ("/trial", None, None),
        ("/trial", Some(&token), Some("42")),
        ("/asleep", Some(&token), None),
        ("/users/42", Some(&token), Some("42")),
        ("/users/42", Some(&admin), Some("1")),
        ("/users/42", Some(&nameless), None),
    ];
    for (version, client) in gate.clients() {
        for (path, token, expected) in routes {
            for spelling in SPELLINGS {
                let request = Request::get(path).header(spelling, "7").header(spelling, "42").header("x-user-idx", "7");
                let request = token.iter().fold(request, |request, token| with_token(request, token));
                let seen = seen(&gate, &client, request).await;
                let values: Vec<_> =
                    SPELLINGS.iter().flat_map(|name| seen.headers.all(name)).map(String::from_utf8_lossy).collect();
                let expected = expected.map(|user| vec![user; 2]).unwrap_or_default();
                // The first two are one name.
                assert_eq!(values, expected, "{version} {path} {spelling}");
                assert_eq!(seen.headers.get("x-user-idx"), Some(&b"7"[..]), "another header");
            }
        }
    }
    // A client that tells proxies to drop the header takes nothing away.
    let mut line = Line::h1(gate.envoy.address());
    gate.upstream.clear();
    let headers: [(&str, &[u8]); 5] = [
        (":method", b"GET"),
        (":path", b"/users/42"),
        (":authority", b"portcullis.test"),
        ("connection", b"keep-alive, x-user-id"),
        ("authorization", &[b"Bearer ", token.as_bytes()].concat()),
    ];
    let answer = line.send(&headers, None).await.unwrap();
    let seen = gate.upstream.requests();
    assert!(answer.status == 400 || seen[0].headers.all("x-user-id") == [b"42"], "{answer:?} {seen:?}");
    gate.assert_no_vm_failed().await;
}

/// As the docs tell operators to write it.
const SUBJECT: &str = "%FILTER_STATE(wasm.portcullis.claim./sub:PLAIN)%";

#[tokio::test(flavor = "multi_thread")]
async fn later_filters_and_the_access_log_see_claims_that_no_client_can_forge() {
    let log = tempfile::tempdir().unwrap();
    let file = log.path().join("access.log");
    let config = everywhere(&json!({"claims_to_filters": ["/sub", "/roles", "/deep/0/er"]}));
    let claims = [SUBJECT.to_owned(), SUBJECT.replace("sub", "roles"), SUBJECT.replace("sub", "deep/0/er")];
    let gate = Gate::launch(filter(&config), |bootstrap| {
        let access_log = json!([{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": file,
                "log_format": {"text_format_source": {"inline_string": claims.join(" ") + "\n"}},
            },
        }]);
        let append = |index: usize| {
            let header = json!({"key": format!("x-later-{index}"), "value": claims[index]});
            json!({"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}})
        };
        let mutation = json!({
            "name": "later",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
                "mutations": {"request_mutations": [append(0), append(1), append(2)]},
            },
        });
        let bootstrap: Bootstrap = bootstrap.filter(mutation).http(&json!({"access_log": access_log}));
        Launch::new(bootstrap).arg("--file-flush-interval-msec").arg("10")
    })
    .await;
    // There is no way to set filter state from outside; what looks like one is a header like any other.
    let forge =
        |path: &str| Request::get(path).header("portcullis.claim.sub", "7").header("wasm.portcullis.claim.sub", "7");
    let shown = |seen: &Received| ["x-later-0", "x-later-1", "x-later-2"].map(|name| seen.headers.text(name));
    let some = |text: &str| Some(text.to_owned());
    let full = token(&json!({"roles": ["a", "b"], "deep": [{"er": 3}]}));
    let mut logged = Vec::new();
    for (version, client) in gate.clients() {
        let found = seen(&gate, &client, with_token(forge("/users/42"), &full)).await;
        assert_eq!(shown(&found), [some("42"), some("a,b"), some("3")], "{version}");
        let found = seen(&gate, &client, with_token(forge("/users/42"), &token(&json!({})))).await;
        assert_eq!(shown(&found)[0], some("42"), "{version}");
        logged.extend(["42 a,b 3", "42 - -"]);
        for path in ["/health", "/no/rule"] {
            let found = seen(&gate, &client, with_token(forge(path), &full)).await;
            assert_eq!(shown(&found), [None, None, None], "{version}");
            logged.push("- - -");
        }
        // Not of a token that nobody verified.
        let (head, _) = full.rsplit_once('.').unwrap();
        gate.refused_with(401, &client, with_token(forge("/users/42"), &format!("{head}.{}", encode([1; 256])))).await;
        logged.push("- - -");
    }
    let written = || async {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        (text.lines().count() == logged.len()).then(|| text.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let lines = until(DEADLINE, written).await;
    assert_eq!(lines.expect("all requests are logged"), logged);
    gate.assert_no_vm_failed().await;
}

/// An upstream that speaks HTTP/2 gets the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_over_http2_sees_the_same() {
    let upstream = Upstream::start().await;
    let gate = Gate::launch(filter(&everywhere(&json!({}))), |bootstrap| {
        let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "modern"}});
        Launch::new(bootstrap.http2_cluster("modern", upstream.address()).routes(&[route]))
    })
    .await;
    let token = token(&json!({}));
    for (version, client) in gate.clients() {
        let path = format!("/users/42?a=1&t={token}");
        let request = Request::post(&path, "body").header("x-user-id", "7").header("X_user_id", "7");
        let request = request.trailer("x-user-id", "7").trailer("x_user_id", "7").trailer("x-other", "7");
        upstream.clear();
        assert_eq!(client.send(request).await.status, 200);
        let seen = upstream.only_request();
        assert_eq!((seen.version, seen.path.as_str()), (http::Version::HTTP_2, "/users/42?a=1"), "{version}");
        assert_eq!(seen.headers.all("x-user-id"), [b"42"]);
        assert_eq!(seen.headers.get("x_user_id"), None);
        assert_eq!(seen.body, b"body");
        // Over HTTP/1.1 Envoy drops all trailers.
        let other = seen.trailers.get("x-other");
        assert_eq!(other, (version == "HTTP/2").then_some(&b"7"[..]), "{version} {:?}", seen.trailers);
        assert_eq!((seen.trailers.get("x-user-id"), seen.trailers.get("x_user_id")), (None, None), "{version}");
    }
}
