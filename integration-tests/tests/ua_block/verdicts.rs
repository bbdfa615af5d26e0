//! The filter's own table of verdicts (`filters/ua_block/testdata/verdicts.json`) with real requests: status, body,
//! metric, and what the upstream saw.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use portcullis_integration_tests::{Bootstrap, Client, Launch, Request, Response, merge, workspace};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinSet;

use portcullis_integration_tests::Decisions;

use crate::gate::{Gate, filter};

#[derive(Deserialize)]
struct Group {
    about: String,
    config: Value,
    cases: Vec<Case>,
}

#[derive(Clone, Debug, Deserialize)]
struct Case {
    /// One value for each header.
    agent: Option<Vec<String>>,
    agent_hex: Option<String>,
    agent_repeat: Option<(String, usize)>,
    path: Option<String>,
    source: Option<String>,
    /// `action rule reason`, or `none`.
    verdict: String,
    /// The decision in shadow mode before that one.
    shadow: Option<String>,
}

/// A way for Envoy to read paths, each with a listener of its own.
struct Reading {
    listener: &'static str,
    options: Value,
    /// Paths that Envoy itself changes or refuses before the filter sees them, and what comes of that.
    differences: &'static [(&'static str, Difference)],
}

#[derive(Clone, Copy)]
enum Difference {
    /// Envoy answers 400.
    Refused,
    /// The upstream gets this path, and this is decided.
    Changed(&'static str, &'static str, Option<&'static str>),
}
use Difference::{Changed, Refused};

const PASSES: &str = "allow default no_rule_matched";
const TRIED: Option<&str> = Some("deny api-tools user_agent_denied");

fn readings() -> [Reading; 3] {
    let normal = json!({"normalize_path": true, "merge_slashes": true});
    let mut strict = normal.clone();
    merge(&mut strict, &json!({"path_with_escaped_slashes_action": "REJECT_REQUEST"}));
    [
        Reading { listener: "main", options: json!({}), differences: &[] },
        Reading {
            listener: "normal",
            options: normal,
            differences: &[
                ("/%69nternal/x", Changed("/internal/x", PASSES, TRIED)),
                ("/x;/../internal", Changed("/internal", PASSES, TRIED)),
                ("/adm%00in", Refused),
            ],
        },
        Reading {
            // As in `envoy/ua_block.yaml`.
            listener: "strict",
            options: strict,
            differences: &[
                ("/%69nternal/x", Changed("/internal/x", PASSES, TRIED)),
                ("/x;/../internal", Changed("/internal", PASSES, TRIED)),
                ("/adm%00in", Refused),
                ("/a/..%2finternal/x", Refused),
                ("/users%2f..%2fhealth", Refused),
                ("/users/7%2F8/keys", Refused),
                ("/x/..%5cadmin", Refused),
            ],
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_the_table_over_every_listener() {
    let table = std::fs::read(workspace("filters/ua_block/testdata/verdicts.json")).unwrap();
    let groups: Vec<Group> = serde_json::from_slice(&table).unwrap();
    let mut running = JoinSet::new();
    for group in groups {
        running.spawn(judge(group));
    }
    let faults: String = running.join_all().await.concat();
    assert!(faults.is_empty(), "{faults}");
}

/// Runs all cases of a group; the faults, a line each.
async fn judge(group: Group) -> String {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("envoy.sock");
    let gate = Gate::launch(filter(&group.config), |bootstrap| Launch::new(listeners(&bootstrap, &socket))).await;
    let local = bridge(socket).await;
    let mut judge = Judge { gate, group: &group, decided: Decisions::new(), faults: String::new() };
    for case in &group.cases {
        if case.source.as_deref() == Some("unknown") {
            judge.run(case, local, "a Unix socket", &[]).await;
            continue;
        }
        for Reading { listener, differences, .. } in readings() {
            if listener == "main" || case.path.is_some() {
                let address = judge.gate.envoy.listener(listener);
                judge.run(case, address, listener, differences).await;
            }
        }
    }
    judge.gate.assert_no_vm_failed().await;
    judge.faults
}

struct Judge<'a> {
    gate: Gate,
    group: &'a Group,
    /// By the cases so far.
    decided: Decisions,
    faults: String,
}

impl Judge<'_> {
    /// Sends the case's request in each version of HTTP.
    async fn run(&mut self, case: &Case, address: SocketAddr, listener: &str, differences: &[(&str, Difference)]) {
        let difference = differences.iter().find(|(path, _)| Some(*path) == case.path.as_deref());
        for (version, client) in [("HTTP/1.1", Client::h1(address)), ("HTTP/2", Client::h2(address))] {
            let context = format!("{version} to {listener}");
            let answer = client.send(request(case)).await;
            match difference {
                None => self.check(case, &context, &answer).await,
                Some((_, Changed(path, verdict, shadow))) => {
                    let (path, verdict) = (Some((*path).to_owned()), (*verdict).to_owned());
                    let case = Case { path, verdict, shadow: shadow.map(str::to_owned), ..case.clone() };
                    self.check(&case, &context, &answer).await;
                }
                Some((_, Refused)) => {
                    self.expect(case, &context, "Envoy's own refusal", &400, &answer.status);
                    self.check_decisions(case, &context, &[]).await;
                }
            }
        }
    }

    /// Holds what came of a case against what should.
    async fn check(&mut self, case: &Case, context: &str, answer: &Response) {
        let refused = case.verdict.starts_with("deny ");
        if refused {
            let (status, body) = self.refusal(&case.verdict);
            self.expect(case, context, "status", &status, &answer.status);
            let content_type = answer.headers.text("content-type").unwrap_or_default();
            self.expect(case, context, "content type", &"application/problem+json", &content_type.as_str());
            self.expect(case, context, "body", &body, &serde_json::from_slice(&answer.body).unwrap_or_default());
            self.expect(case, context, "requests at the upstream", &0, &self.gate.upstream.count());
        } else {
            self.expect(case, context, "status", &200, &answer.status);
            // Envoy takes the white space around values away for HTTP/1.1, and keeps it for HTTP/2.
            let shown = |agent: &[u8]| agent.trim_ascii().escape_ascii().to_string();
            let sent = (case.path().to_owned(), case.agent().map(|values| shown(&values.join(&b","[..]))));
            let seen = self.gate.upstream.requests().into_iter();
            let seen = seen.map(|seen| (seen.path, seen.headers.get("user-agent").map(shown))).collect::<Vec<_>>();
            self.expect(case, context, "what the upstream saw", &vec![sent], &seen);
        }
        let decided = [case.shadow.as_deref(), Some(case.verdict.as_str()).filter(|verdict| *verdict != "none")];
        self.check_decisions(case, context, &decided.into_iter().flatten().collect::<Vec<_>>()).await;
    }

    /// The counters of these decisions moved by one, and no others.
    async fn check_decisions(&mut self, case: &Case, context: &str, decided: &[&str]) {
        for decision in decided {
            let mode = if Some(*decision) == case.shadow.as_deref() { "shadow" } else { self.mode(decision) };
            *self.decided.entry(format!("{decision} {mode}")).or_default() += 1;
        }
        if let Err(found) = self.gate.await_decisions(&self.decided).await {
            // Show only what differs.
            let differing = |from: &Decisions, other: &Decisions| {
                from.iter()
                    .filter(|(key, count)| other.get(*key) != Some(count))
                    .map(|(key, count)| format!("{count} {key}"))
                    .collect::<Vec<_>>()
            };
            let (want, got) = (differing(&self.decided, &found), differing(&found, &self.decided));
            self.expect(case, context, "decisions", &want, &got);
            self.decided = found;
        }
        self.gate.upstream.clear();
    }

    fn expect<T: PartialEq + std::fmt::Debug>(&mut self, case: &Case, context: &str, what: &str, want: &T, got: &T) {
        if want != got {
            let about = &self.group.about;
            let _ = writeln!(self.faults, "{about}: {case:?} by {context}: {what}: expected {want:?}, found {got:?}");
        }
    }

    /// The part of the config for the rule that this decision names, if it is a rule's.
    fn rule(&self, decision: &str) -> &Value {
        let name = decision.split(' ').nth(1);
        let rules = self.group.config["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        rules.iter().find(|rule| rule["name"].as_str() == name).unwrap_or(&Value::Null)
    }

    fn mode(&self, decision: &str) -> &'static str {
        let mode = self.rule(decision)["mode"].as_str().or_else(|| self.group.config["mode"].as_str());
        if mode == Some("shadow") { "shadow" } else { "enforce" }
    }

    /// Status and body as the config has them.
    fn refusal(&self, decision: &str) -> (u16, Value) {
        let own = self.rule(decision).get("response");
        let response = own.or_else(|| self.group.config.get("response")).unwrap_or(&Value::Null);
        let status = response["status"].as_u64().unwrap_or(403).try_into().unwrap();
        let title = http::StatusCode::from_u16(status).unwrap().canonical_reason().unwrap();
        let mut body = json!({"status": status, "title": title});
        if let Some(message) = response.get("message") {
            body["detail"] = message.clone();
        }
        (status, body)
    }
}

impl Case {
    fn agent(&self) -> Option<Vec<Vec<u8>>> {
        if let Some(hex) = &self.agent_hex {
            let byte = |index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
            return Some(vec![(0..hex.len()).step_by(2).map(byte).collect()]);
        }
        if let Some((text, times)) = &self.agent_repeat {
            return Some(vec![text.repeat(*times).into_bytes()]);
        }
        let values = self.agent.as_ref().unwrap();
        (!values.is_empty()).then(|| values.iter().map(|value| value.clone().into_bytes()).collect())
    }

    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or("/")
    }

    fn headers(&self) -> Vec<(&'static str, Vec<u8>)> {
        let agents = self.agent().unwrap_or_default().into_iter().map(|agent| ("user-agent", agent));
        // The test is the proxy that Envoy trusts.
        let source = self.source.iter().filter(|source| *source != "unknown");
        agents.chain(source.map(|source| ("x-forwarded-for", source.clone().into_bytes()))).collect()
    }
}

fn request(case: &Case) -> Request {
    let headers = case.headers();
    headers.iter().fold(Request::get(case.path()), |request, (name, value)| request.header(name, value))
}

/// The bootstrap with a listener for each reading, and one on a Unix socket.
fn listeners(bootstrap: &Bootstrap, socket: &Path) -> Value {
    let mut root = bootstrap.build();
    let main = root["static_resources"]["listeners"][0].clone();
    let mut all: Vec<Value> = Vec::new();
    for Reading { listener, options, .. } in readings() {
        let mut new = main.clone();
        new["name"] = json!(listener);
        let manager = &mut new["filter_chains"][0]["filters"][0]["typed_config"];
        merge(manager, &json!({"xff_num_trusted_hops": 1}));
        merge(manager, &options);
        all.push(new);
    }
    let mut local = main;
    merge(&mut local, &json!({"name": "local", "address": {"pipe": {"path": socket}, "socket_address": null}}));
    all.push(local);
    root["static_resources"]["listeners"] = all.into();
    root
}

/// A port whose connections reach Envoy over its Unix socket.
async fn bridge(socket: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut unix = UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut tcp, &mut unix).await });
        }
    });
    address
}
