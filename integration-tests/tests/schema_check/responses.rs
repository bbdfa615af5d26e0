//! Responses held against the contract, by `schema_check_responses.wasm`.

use std::io::Write;
use std::net::SocketAddr;

use flate2::{Compression, write::GzEncoder};
use portcullis_integration_tests::{
    Bootstrap, Client, Decisions, Envoy, Launch, Raw, Reply, Request, Response, Upstream, WasmFilter, dist, merge,
    telling,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::gate::{Gate, filter};
use crate::sample::{bad, config, create, good};

/// What must not get out.
const SECRET: &str = "078-05-1120";

/// The document says nothing of members that it does not declare.
fn judging(response: &Value) -> Value {
    let mut config = config(&json!({"response": response}));
    config["openapi"]["components"]["schemas"]["User"].as_object_mut().unwrap().remove("additionalProperties");
    config["openapi"]["paths"]["/socket"] =
        json!({"get": {"operationId": "socket", "responses": {"200": {"description": ""}}}});
    config
}

fn module(config: &Value) -> WasmFilter {
    WasmFilter::new("schema_check", dist("schema_check_responses")).config(config)
}

/// With more clusters and routes before that to the upstream.
async fn with_routes(config: &Value, change: impl FnOnce(Bootstrap) -> Bootstrap, routes: &[Value]) -> Gate {
    let rest = json!({"match": {"prefix": "/"}, "route": {"cluster": "upstream"}});
    let routes: Vec<_> = routes.iter().cloned().chain([rest]).collect();
    Gate::launch(module(config), |bootstrap| Launch::new(change(bootstrap.http(&telling()).routes(&routes)))).await
}

fn route(prefix: &str, cluster: &str) -> Value {
    json!({"match": {"prefix": prefix}, "route": {"cluster": cluster}})
}

fn typed(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply::status(status).header("content-type", media_type).body(body.into())
}

fn user(patch: &Value) -> Vec<u8> {
    let mut user = json!({"id": 1, "email": "alice@example.com"});
    merge(&mut user, patch);
    user.to_string().into_bytes()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

struct Case {
    name: &'static str,
    request: Request,
    reply: Reply,
    /// The operation and the reason, if it breaks the contract.
    breach: Option<(&'static str, &'static str)>,
    errors: Value,
}

fn case(name: &'static str, reply: Reply, reason: Option<&'static str>, errors: Value) -> Case {
    Case { name, request: Request::get("/users/1"), reply, breach: reason.map(|reason| ("getUser", reason)), errors }
}

fn cases() -> Vec<Case> {
    let json = "application/json";
    let none = || Value::Null;
    let invalid = |pointer: &str, keyword: &str| json!([{"in": "response", "pointer": pointer, "keyword": keyword}]);
    let status = Some("response_status_unknown");
    let media_type = Some("response_media_type_unknown");
    let no_json = Some("response_json_invalid");
    let body = Some("response_body_invalid");
    let secret = || user(&json!({"ssn": SECRET}));
    let mut cases = vec![
        case("good", typed(200, json, user(&json!({}))), None, none()),
        case("charset", typed(200, "application/json; charset=utf-8", user(&json!({}))), None, none()),
        case("not modified", Reply::status(304).header("etag", "\"1\""), None, none()),
        case("empty", Reply::status(200).header("content-type", json), None, none()),
        case("compressed", typed(200, json, gzip(&user(&json!({})))).header("content-encoding", "gzip"), None, none()),
        case("error", typed(500, json, format!(r#"{{"trace": "{SECRET}"}}"#)), status, none()),
        case("error without a body", Reply::status(404), status, none()),
        case("undeclared redirect", Reply::status(302).header("location", "/"), status, none()),
        case("page", typed(200, "text/html", format!("<p>{SECRET}</p>")), media_type, none()),
        case("no media type", Reply::status(200).body(secret()), media_type, none()),
        case("two media types", typed(200, json, secret()).header("content-type", "text/plain"), media_type, none()),
        case("undeclared member", typed(200, json, secret()), body, invalid("/ssn", "undeclared")),
        case(
            "undeclared member, compressed",
            typed(200, json, gzip(&secret())).header("content-encoding", "gzip"),
            body,
            invalid("/ssn", "undeclared"),
        ),
        case(
            "write-only",
            typed(200, json, user(&json!({"password": SECRET}))),
            body,
            invalid("/password", "writeOnly"),
        ),
        case("missing", typed(200, json, user(&json!({"email": null}))), body, invalid("/email", "required")),
        case("type", typed(200, json, user(&json!({"age": SECRET}))), body, invalid("/age", "type")),
        case("no object", typed(200, json, format!("\"{SECRET}\"")), body, invalid("", "type")),
        case("no JSON", typed(200, json, format!("{{\"email\": \"{SECRET}")), no_json, none()),
        case("twice", typed(200, json, format!(r#"{{"email": "a@b.example", "email": "{SECRET}"}}"#)), no_json, none()),
        case("no gzip", typed(200, json, secret()).header("content-encoding", "gzip"), no_json, none()),
    ];
    cases.push(Case {
        name: "after a body",
        request: create(&json!({"email": "alice@example.com"})),
        reply: typed(201, json, secret()),
        breach: Some(("createUser", "response_body_invalid")),
        errors: invalid("/ssn", "undeclared"),
    });
    cases.push(Case { name: "no content", request: good(), reply: Reply::status(204), breach: None, errors: none() });
    cases.push(Case {
        name: "in a list",
        request: Request::get("/users"),
        reply: typed(
            200,
            json,
            format!("[{}, {}]", json!({"email": "a@b.example"}), String::from_utf8(secret()).unwrap()),
        ),
        breach: Some(("findUsers", "response_body_invalid")),
        errors: invalid("/1/ssn", "undeclared"),
    });
    // Nothing follows the headers, which are as those of GET.
    cases.push(Case {
        name: "head",
        request: Request::new("HEAD", "/users/1"),
        reply: typed(200, json, user(&json!({}))),
        breach: None,
        errors: none(),
    });
    cases.push(Case {
        name: "head of a page",
        request: Request::new("HEAD", "/users/1"),
        reply: Reply::status(500),
        breach: Some(("getUser", "response_status_unknown")),
        errors: none(),
    });
    cases
}

/// What clients see of a response, but for what differs each time.
fn seen(response: &Response) -> (u16, Vec<u8>, Vec<String>) {
    let names = ["content-type", "content-encoding", "content-length", "etag", "location"];
    let all = |name| {
        response.headers.all(name).iter().map(|value| String::from_utf8_lossy(value)).collect::<Vec<_>>().join(",")
    };
    (response.status, response.body.clone(), names.map(all).to_vec())
}

/// That of the upstream alone.
async fn bare(case: &Case) -> Response {
    let upstream = Upstream::start().await;
    upstream.reply(case.reply.clone());
    Client::h1(upstream.address()).send(case.request.clone()).await
}

async fn await_decisions(gate: &Gate, expected: &Decisions) {
    gate.await_decisions(expected).await.unwrap_or_else(|found| panic!("{found:#?} instead of {expected:#?}"));
    gate.assert_no_vm_failed().await;
}

/// Those about responses.
async fn about_responses(gate: &Gate) -> Decisions {
    gate.decisions().await.into_iter().filter(|(decision, _)| decision.contains(" response_")).collect()
}

fn passed(case: &Case) -> String {
    let operation = match case.breach {
        Some((operation, _)) => operation,
        None if case.name == "no content" => "createUser",
        None => "getUser",
    };
    format!("allow {operation} valid enforce")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mode_responses_are_as_they_are() {
    let all = [
        filter(&judging(&json!({"mode": "off"}))),
        module(&judging(&json!({}))),
        module(&judging(&json!({"mode": "off"}))),
    ];
    for filter in all {
        let gate = Gate::launch(filter, |bootstrap| Launch::new(bootstrap.http(&telling()))).await;
        let mut expected = Decisions::new();
        for (version, client) in gate.clients() {
            for case in cases() {
                gate.upstream.reply(case.reply.clone());
                let response = client.send(case.request.clone()).await;
                assert_eq!(seen(&response), seen(&bare(&case).await), "{version}: {}", case.name);
                *expected.entry(passed(&case)).or_default() += 1;
            }
        }
        await_decisions(&gate, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn breaches_are_told_of_in_shadow_mode_and_pass() {
    let gate = Gate::with_responses(&judging(&json!({"mode": "shadow"}))).await;
    let mut expected = Decisions::new();
    for (version, client) in gate.clients() {
        for case in cases() {
            let context = format!("{version}: {}", case.name);
            gate.upstream.reply(case.reply.clone());
            gate.collector.clear();
            let response = client.send(case.request.clone().header("x-request-id", "abc")).await;
            assert_eq!(seen(&response), seen(&bare(&case).await), "{context}");
            *expected.entry(passed(&case)).or_default() += 1;
            let Some((operation, reason)) = case.breach else { continue };
            *expected.entry(format!("deny {operation} {reason} shadow")).or_default() += 1;
            let event = gate.collector.await_count(1).await.remove(0);
            let at = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or("(none)");
            assert_eq!(["/event/reason", "/rule/name"].map(at), [reason, operation], "{context}: {event:#}");
            assert_eq!(
                ["/portcullis/class", "/portcullis/mode", "/event/action"].map(at),
                ["shadow", "shadow", "allow"],
                "{context}: {event:#}"
            );
            // It names the request that it answers.
            let request = format!("{:?}", case.request);
            assert!(request.contains(at("/url/path")), "{context}: {event:#}");
            assert!(request.contains(at("/http/request/method")), "{context}: {event:#}");
            assert!(event.pointer("/http/request/id").is_some() && event.pointer("/source/ip").is_some(), "{event:#}");
            let details = &event["portcullis"]["details"];
            assert_eq!(details["response_status"], response.status, "{context}: {event:#}");
            assert_eq!(without_keyword(&details["errors"]), without_keyword(&case.errors), "{context}: {event:#}");
            assert!(!event.to_string().contains(SECRET), "{context}: {event:#}");
        }
    }
    await_decisions(&gate, &expected).await;
}

/// What is undeclared may be found by several keywords.
fn without_keyword(errors: &Value) -> Value {
    let mut errors = errors.clone();
    for error in errors.as_array_mut().into_iter().flatten() {
        let keyword = error["keyword"].as_str().unwrap();
        if ["undeclared", "additionalProperties", "unevaluatedProperties"].contains(&keyword) {
            error["keyword"] = json!("undeclared");
        }
    }
    errors
}

#[tokio::test(flavor = "multi_thread")]
async fn breaches_become_502_in_enforce_mode() {
    let gate = Gate::with_responses(&judging(&json!({"mode": "enforce"}))).await;
    let mut expected = Decisions::new();
    for (version, client) in gate.clients() {
        for case in cases() {
            let context = format!("{version}: {}", case.name);
            gate.upstream.reply(case.reply.clone());
            let response = client.send(case.request.clone()).await;
            *expected.entry(passed(&case)).or_default() += 1;
            let Some((operation, reason)) = case.breach else {
                assert_eq!(seen(&response), seen(&bare(&case).await), "{context}");
                continue;
            };
            *expected.entry(format!("deny {operation} {reason} enforce")).or_default() += 1;
            is_refused(&response, &context);
            if !case.name.starts_with("head") {
                assert_eq!(response.text(), r#"{"title":"Bad Gateway","status":502}"#, "{context}");
            }
            assert_eq!(response.headers.text("content-type").as_deref(), Some("application/problem+json"), "{context}");
        }
    }
    await_decisions(&gate, &expected).await;
    let denied: u64 =
        expected.iter().filter(|(decision, _)| decision.starts_with("deny")).map(|(_, count)| count).sum();
    for event in gate.collector.await_count(usize::try_from(denied).unwrap()).await {
        assert_eq!(event["http"]["response"]["status_code"], 502, "{event:#}");
        assert!(!event.to_string().contains(SECRET), "{event:#}");
    }
}

fn is_refused(response: &Response, context: &str) {
    assert_eq!(response.status, 502, "{context}: {response:?}");
    let all = format!("{response:?} {}", response.text());
    for part in [SECRET, "alice", "ssn", "email"] {
        assert!(!all.contains(part), "{context}: {all}");
    }
    for name in ["content-encoding", "etag", "location"] {
        assert_eq!(response.headers.get(name), None, "{context}: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_not_declared_may_be_allowed() {
    let gate = Gate::with_responses(&judging(&json!({"mode": "enforce", "undeclared_properties": "allow"}))).await;
    for (_, client) in gate.clients() {
        gate.upstream.reply(typed(200, "application/json", user(&json!({"ssn": SECRET}))));
        assert_eq!(client.send(Request::get("/users/1")).await.status, 200);
        gate.upstream.reply(typed(200, "application/json", user(&json!({"ssn": SECRET, "age": -1}))));
        is_refused(&client.send(Request::get("/users/1")).await, "age");
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_responses() {
    let of = |bytes: usize, member: &str| user(&json!({"tags": vec!["a"; bytes / 4], member: SECRET}));
    for mode in ["shadow", "enforce"] {
        // More than is looked at.
        let gate = Gate::with_responses(&judging(&json!({"mode": mode, "body_bytes": 1000}))).await;
        for (version, client) in gate.clients() {
            let large = typed(200, "application/json", user(&json!({"tags": vec!["a"; 5000]})));
            gate.upstream.reply(large);
            let response = client.send(Request::get("/users/1")).await;
            if mode == "shadow" {
                assert_eq!(
                    (response.status, response.body.len()),
                    (200, user(&json!({"tags": vec!["a"; 5000]})).len())
                );
            } else {
                is_refused(&response, version);
            }
        }
        let expected = Decisions::from([(format!("deny getUser response_too_large {mode}"), 2)]);
        assert_eq!(about_responses(&gate).await, expected);
        gate.assert_no_vm_failed().await;

        // Up to Envoy's own limit all is judged; beyond it, in shadow mode only.
        let limits = json!({"keys": 1_000_000});
        let mut config = judging(&json!({"mode": mode, "body_bytes": 8 << 20}));
        config["limits"] = limits;
        let gate = Gate::with_responses(&config).await;
        for (version, client) in gate.clients() {
            for (bytes, member) in [(900_000, "age"), (900_000, "ssn"), (3_000_000, "ssn")] {
                gate.upstream.reply(typed(200, "application/json", of(bytes, member)));
                let response = client.send(Request::get("/users/1")).await;
                let context = format!("{version}: {mode}: {bytes} {member}");
                if mode == "shadow" {
                    assert_eq!((response.status, &response.body), (200, &of(bytes, member)), "{context}");
                } else {
                    assert!(response.status >= 500, "{context}: {response:?}");
                    assert!(!response.text().contains(SECRET), "{context}");
                }
            }
            let good = user(&json!({"tags": vec!["a"; 200_000]}));
            gate.upstream.reply(typed(200, "application/json", good.clone()));
            let response = client.send(Request::get("/users/1")).await;
            assert_eq!((response.status, &response.body), (200, &good), "{version}: {mode}");
        }
        let found = about_responses(&gate).await;
        let judged = found[&format!("deny getUser response_body_invalid {mode}")];
        // What is more than Envoy holds may be refused by Envoy.
        assert!((if mode == "shadow" { 6..=6 } else { 4..=6 }).contains(&judged), "{found:?}");
        assert_eq!(found.len(), 1, "{found:?}");
        gate.assert_no_vm_failed().await;
    }
}

/// A server that answers as the test says, step by step: it reads a request's head, then runs `answer`.
async fn server<A, F>(answer: A) -> (SocketAddr, JoinHandle<()>)
where
    A: Fn(TcpStream, usize) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        for turn in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or_default() == 0 {
                    break;
                }
            }
            if !head.is_empty() {
                tokio::spawn(answer(stream, turn));
            }
        }
    });
    (address, serving)
}

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// In shadow mode the client has the first piece of a response before the upstream sends the second.
#[tokio::test(flavor = "multi_thread")]
async fn streams_are_not_delayed_in_shadow_mode() {
    let (go, gone) = tokio::sync::watch::channel(0);
    let (address, _serving) = server(move |mut stream, turn| {
        let mut gone = gone.clone();
        async move {
            stream.write_all(format!("{CHUNKED}{}", chunk("{\"email\": ")).as_bytes()).await.unwrap();
            gone.wait_for(|turns| *turns > turn).await.unwrap();
            let rest = format!("{}0\r\n\r\n", chunk(&format!("\"{SECRET}\"}}")));
            stream.write_all(rest.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    })
    .await;
    for (mode, breaches) in [("off", 0), ("shadow", 1)] {
        let gate = with_routes(
            &judging(&json!({"mode": mode})),
            |bootstrap| bootstrap.cluster("slow", address),
            &[route("/users", "slow")],
        )
        .await;
        let mut raw = Raw::connect(gate.envoy.address()).await;
        raw.write("GET /users/1 HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(raw.read_head().await.status, 200, "{mode}");
        // Envoy may cut it in other chunks.
        let first = raw.read_exact(chunk("{\"email\": ").len()).await;
        assert_eq!(String::from_utf8_lossy(&first), chunk("{\"email\": "), "{mode}");
        go.send_modify(|turns| *turns += 1);
        let rest = raw.read_exact(format!("{}0\r\n\r\n", chunk(&format!("\"{SECRET}\"}}"))).len()).await;
        assert!(String::from_utf8_lossy(&rest).contains(SECRET), "{mode}");
        let mut expected = Decisions::from([("allow getUser valid enforce".to_owned(), 1)]);
        if breaches > 0 {
            expected.insert("deny getUser response_body_invalid shadow".to_owned(), breaches);
        }
        await_decisions(&gate, &expected).await;
    }
}

/// In enforce mode it has nothing of a response before the whole is judged.
#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_a_response_do_not_get_out_before_the_rest() {
    let (address, _serving) = server(|mut stream, _| async move {
        for piece in [
            CHUNKED,
            &chunk("{\"email\": \"alice@example.com\""),
            &chunk(", \"ssn\": "),
            &chunk("\"078-05-1120\"}"),
            "0\r\n\r\n",
        ] {
            stream.write_all(piece.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            // So that Envoy reads each by itself.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        stream.shutdown().await.unwrap();
    })
    .await;
    let config = judging(&json!({"mode": "enforce"}));
    let gate = with_routes(&config, |bootstrap| bootstrap.cluster("slow", address), &[route("/users", "slow")]).await;
    for (version, client) in gate.clients() {
        let response = client.send(Request::get("/users/1")).await;
        is_refused(&response, version);
        assert_eq!(response.text(), r#"{"title":"Bad Gateway","status":502}"#, "{version}");
    }
    gate.assert_no_vm_failed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_with_trailers_are_judged_at_their_end() {
    for mode in ["shadow", "enforce"] {
        let upstream = Upstream::start().await;
        let address = upstream.address();
        let config = judging(&json!({"mode": mode}));
        let gate =
            with_routes(&config, |bootstrap| bootstrap.http2_cluster("h2", address), &[route("/users", "h2")]).await;
        let client = gate.h2();
        let good = typed(200, "application/json", user(&json!({}))).trailer("x-trailer", "1");
        upstream.reply(good);
        let response = client.send(Request::get("/users/1")).await;
        assert_eq!((response.status, &response.body), (200, &user(&json!({}))), "{mode}");
        assert_eq!(response.trailers.get("x-trailer"), Some(&b"1"[..]), "{mode}");
        upstream.reply(typed(200, "application/json", user(&json!({"ssn": SECRET}))).trailer("x-trailer", "1"));
        let response = client.send(Request::get("/users/1")).await;
        if mode == "shadow" {
            assert_eq!((response.status, &response.body), (200, &user(&json!({"ssn": SECRET}))));
            assert_eq!(response.trailers.get("x-trailer"), Some(&b"1"[..]));
        } else {
            is_refused(&response, mode);
            assert_eq!(response.text(), r#"{"title":"Bad Gateway","status":502}"#);
            assert_eq!(response.trailers.get("x-trailer"), None, "{:?}", response.trailers);
        }
        let expected = Decisions::from([
            ("allow getUser valid enforce".to_owned(), 2),
            (format!("deny getUser response_body_invalid {mode}"), 1),
        ]);
        await_decisions(&gate, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_envoy_itself_answers_is_not_judged() {
    for mode in ["shadow", "enforce"] {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let direct = json!({
            "match": {"prefix": "/users/8"},
            "direct_response": {"status": 404, "body": {"inline_string": "gone"}},
        });
        let config = judging(&json!({"mode": mode}));
        let gate = with_routes(
            &config,
            |bootstrap| bootstrap.cluster("nowhere", nowhere),
            &[route("/users/9", "nowhere"), direct],
        )
        .await;
        for (version, client) in gate.clients() {
            assert_eq!(client.send(Request::get("/users/9")).await.status, 503, "{version}");
            let response = client.send(Request::get("/users/8")).await;
            assert_eq!((response.status, response.text().as_str()), (404, "gone"), "{version}");
            gate.upstream.reply(Reply::reset());
            assert_eq!(client.send(Request::get("/users/1")).await.status, 503, "{version}");
            // Nor what the filter answers itself.
            for (request, _, reason) in bad() {
                if reason != "body_invalid" {
                    assert_eq!(client.send(request).await.status, 400, "{version}: {reason}");
                }
            }
        }
        assert_eq!(about_responses(&gate).await, Decisions::new(), "{mode}");
        gate.assert_no_vm_failed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_are_not_touched() {
    for mode in ["shadow", "enforce"] {
        let gate = Gate::with_responses(&judging(&json!({"mode": mode}))).await;
        let mut raw = Raw::connect(gate.envoy.address()).await;
        raw.write("GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").await;
        assert_eq!(raw.read_head().await.status, 101, "{mode}");
        for piece in ["hello", "again"] {
            raw.write(piece).await;
            assert_eq!(raw.read_exact(piece.len()).await, piece.as_bytes(), "{mode}");
        }
        let expected = Decisions::from([("allow socket valid enforce".to_owned(), 1)]);
        await_decisions(&gate, &expected).await;
    }
}

/// More than there is room for all copies, each broken off by the upstream or by the client.
#[tokio::test(flavor = "multi_thread")]
async fn responses_that_break_off_leave_nothing() {
    let (address, _serving) = server(|mut stream, _| async move {
        let half = "a".repeat(1_000_000);
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1040000\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(format!("{head}{half}").as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    for mode in ["shadow", "enforce"] {
        let config = judging(&json!({"mode": mode}));
        let gate =
            with_routes(&config, |bootstrap| bootstrap.cluster("broken", address), &[route("/users/9", "broken")])
                .await;
        let client = gate.h1();
        for turn in 0..160 {
            if turn % 2 == 0 {
                let answer = client.try_send(Request::get("/users/9")).await;
                assert!(answer.as_ref().map_or(true, |answer| answer.status >= 500), "{mode}: {answer:?}");
            } else {
                let mut raw = Raw::connect(gate.envoy.address()).await;
                raw.write("GET /users/9 HTTP/1.1\r\nhost: a\r\n\r\n").await;
                if mode == "shadow" {
                    assert_eq!(raw.read_head().await.status, 200);
                    raw.read_exact(100_000).await;
                }
            }
        }
        assert_eq!(about_responses(&gate).await, Decisions::new(), "{mode}");
        // There is room for others.
        gate.upstream.reply(typed(200, "application/json", user(&json!({"ssn": SECRET}))));
        for _ in 0..3 {
            client.send(Request::get("/users/1")).await;
        }
        let expected = Decisions::from([(format!("deny getUser response_body_invalid {mode}"), 3)]);
        assert_eq!(about_responses(&gate).await, expected, "{mode}");
        gate.assert_no_vm_failed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_are_off_or_unmatched_are_not_judged() {
    let mut config = judging(&json!({"mode": "enforce"}));
    config["overrides"] =
        json!([{"operation": "getUser", "mode": "off"}, {"operation": "findUsers", "mode": "shadow"}]);
    config["unknown"] = json!({"path": "allow"});
    let gate = Gate::with_responses(&config).await;
    gate.upstream.reply(typed(500, "text/plain", SECRET));
    for (version, client) in gate.clients() {
        for path in ["/users/1", "/elsewhere"] {
            assert_eq!(client.send(Request::get(path)).await.status, 500, "{version}: {path}");
        }
        // The request is in shadow mode, its response is not.
        is_refused(&client.send(Request::get("/users")).await, version);
    }
    gate.assert_no_vm_failed().await;
}

/// The module that cannot do it says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_module_refuses_to_judge_responses() {
    let upstream = Upstream::start().await;
    for mode in ["shadow", "enforce"] {
        let bootstrap = Bootstrap::new(upstream.address()).filter(filter(&judging(&json!({"mode": mode}))));
        let Err(error) = Envoy::try_start(bootstrap).await else { panic!("Envoy started") };
        assert!(error.log.contains("$.response.mode"), "{error}");
        assert!(error.log.contains("schema_check_responses.wasm"), "{error}");
    }
}
