//! `make demo` as its users start it: a tour that must go as it says, and no trace of it afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use portcullis_integration_tests::{Client, DEADLINE, Request, until, within};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The demo, with a folder of its own for what it leaves about.
fn demo(arguments: &[&str], folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(arguments).env("TMPDIR", folder.path()).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

async fn run(arguments: &'static [&'static str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(arguments, &folder).output();
    assert_nothing_left(folder.path()).await;
    output.unwrap()
}

/// No file in the demo's folder, and no process that knows it: Envoy is started with a path in it.
async fn assert_nothing_left(folder: &Path) {
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "files are left in {}", folder.display());
    let folder = folder.display().to_string();
    let gone = until(DEADLINE, || async { (!any_process_with(&folder)).then_some(()) });
    assert!(gone.await.is_some(), "a process is left");
}

fn any_process_with(text: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.into_iter().any(|line| String::from_utf8_lossy(&line).contains(text))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn json_tells_of_a_tour_that_went_as_expected() {
    let output = run(&["--once", "--json"]).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(err, "");
    assert!(!out.contains('\x1b'));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["as_expected"], true);
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() >= 50);
    for step in steps {
        assert_eq!(step["as_expected"], true, "{step:#}");
    }
    let bad_bot = steps.iter().find(|step| step["curl"].as_str().unwrap().contains("-A BadBot ")).unwrap();
    assert_eq!(bad_bot["response"]["status"], 403);
    assert_eq!(bad_bot["response"]["content_type"], "application/problem+json");
    assert_eq!(bad_bot["upstream"].as_array().unwrap().len(), 0);
    assert_eq!(bad_bot["metrics"][0]["labels"]["rule"], "named");
    assert_eq!(bad_bot["events"][0]["user_agent"]["original"], "BadBot");

    let step = |title: &str| steps.iter().find(|step| step["title"] == title).unwrap_or_else(|| panic!("{title}"));
    let lie = step("A header that lies");
    let seen: Vec<_> = lie["upstream"][0]["headers"].as_array().unwrap().iter().map(|header| &header[0]).collect();
    assert!(
        seen.iter().any(|name| *name == "x-user-id") && !seen.iter().any(|name| *name == "authorization"),
        "{seen:?}"
    );
    let expired = &step("Expired, outside leeway")["events"][0]["portcullis"]["details"];
    assert!((600..660).contains(&expired["missed_by_s"].as_u64().unwrap()), "{expired}");
    let exempt = &step("An admin")["events"][0];
    assert_eq!(exempt["event"]["reason"], "owner_exempt");
    let burst = step("A burst of logins");
    assert!(burst["response"]["body"].as_str().unwrap().contains(r#""violated-policies":["login"]"#), "{burst:#}");
    let policy = |title: &str| {
        let headers = step(title)["response"]["headers"].as_array().unwrap();
        let policy = headers.iter().find(|header| header[0] == "ratelimit-policy").unwrap();
        policy[1].as_str().unwrap().to_owned()
    };
    assert!(policy("A limit for a fleet").contains(r#""per-key";q=1000;"#));
    assert!(policy("Redis is killed").contains(r#""per-key";q=500;"#));
    // What shows all that was sent has the tokens; what is for others has none.
    let token = lie["request"]["token"].as_str().unwrap();
    assert!(lie["curl"].as_str().unwrap().starts_with(&format!("ALICE={token}; curl ")));
    assert!(steps.iter().all(|step| !step["events"].to_string().contains(token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_plain_and_fits_a_terminal() {
    let output = run(&["--once"]).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(!out.contains('\x1b'));
    for line in out.lines() {
        assert!(line.chars().count() <= 100, "too long: {line}");
        assert_eq!(line, line.trim_end());
    }
    assert!(out.contains(" steps went as expected.\n"), "{out}");
}

/// Reads on until a line contains `text`, and returns it.
fn line_with(text: &str, output: &mut impl BufRead) -> String {
    let mut lines = output.lines().map_while(Result::ok);
    lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("no line with {text:?}"))
}

/// The address of the listener with this filter, which comes next.
fn gateway(filter: &str, output: &mut impl BufRead) -> SocketAddr {
    let line = line_with(&format!("(with {filter})"), output);
    let url = line.split_whitespace().nth(1).unwrap();
    url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_until_it_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo(&[], &folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    let address = gateway("ua_block", &mut out);
    let tokens = Client::h1(gateway("jwt_bola", &mut out));
    let limits = Client::h1(gateway("ratelimit", &mut out));
    let alice = line_with("ALICE=", &mut out);
    let bearer = format!("Bearer {}", alice.trim_start_matches("ALICE="));
    line_with("grep ^portcullis", &mut out);

    // The service counts on: this is no client of the tour.
    let limited = limits.send(Request::get("/limited").header("x-api-key", "k-later")).await;
    let left = limited.headers.text("ratelimit").unwrap();
    assert!(left.contains(r#""per-key";r=999;"#), "{left}");
    for (user, status) in [("alice", 200), ("bob", 403)] {
        let request = Request::get(&format!("/users/{user}/later")).header("authorization", &bearer);
        assert_eq!(tokens.send(request).await.status, status, "{user}");
    }
    let client = Client::h1(address);
    let refused = client.send(Request::get("/later").header("user-agent", "BadBot/9")).await;
    assert_eq!(refused.status, 403);
    let passed = client.send(Request::get("/later").header("user-agent", "Browser/9")).await;
    assert_eq!(passed.text(), "hello from the upstream\n");
    let reading = tokio::task::spawn_blocking(move || {
        line_with("GET /users/alice/later", &mut out);
        let upstream = line_with("upstream ", &mut out);
        (upstream, line_with("event ", &mut out), line_with("event ", &mut out), out)
    });
    let (upstream, one, other, mut out) = within("a line for each", reading).await.unwrap();
    assert!(upstream.contains("GET /later  Browser/9"), "{upstream}");
    for text in [
        "deny by named, enforce  user_agent_denied  GET /later  BadBot/9",
        "deny by users, enforce  owner_mismatch  GET /users/bob/later",
    ] {
        assert!(one.contains(text) || other.contains(text), "{one} {other}");
    }

    interrupt(&demo);
    let status = demo.wait().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    demo.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
    assert!(status.success(), "{rest}");
    assert_nothing_left(folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_option_is_explained() {
    let output = run(&["--onec"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("unknown option \"--onec\""));
}
