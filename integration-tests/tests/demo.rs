//! `make demo` as its users start it: a tour that must go as it says, and no trace of it afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Read};
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
    assert!(steps.len() >= 15);
    for step in steps {
        assert_eq!(step["as_expected"], true, "{step:#}");
    }
    let bad_bot = steps.iter().find(|step| step["curl"].as_str().unwrap().contains("-A BadBot ")).unwrap();
    assert_eq!(bad_bot["response"]["status"], 403);
    assert_eq!(bad_bot["response"]["content_type"], "application/problem+json");
    assert_eq!(bad_bot["upstream"].as_array().unwrap().len(), 0);
    assert_eq!(bad_bot["metrics"][0]["labels"]["rule"], "named");
    assert_eq!(bad_bot["events"][0]["user_agent"]["original"], "BadBot");
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

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_until_it_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo(&[], &folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    let gateway = line_with("gateway  ", &mut out);
    let gateway = gateway.trim().trim_start_matches("gateway").trim();
    let address = gateway.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    line_with("grep ^portcullis", &mut out);

    let client = Client::h1(address);
    let refused = client.send(Request::get("/later").header("user-agent", "BadBot/9")).await;
    assert_eq!(refused.status, 403);
    let passed = client.send(Request::get("/later").header("user-agent", "Browser/9")).await;
    assert_eq!(passed.text(), "hello from the upstream\n");
    let reading = tokio::task::spawn_blocking(move || {
        let upstream = line_with("upstream ", &mut out);
        (upstream, line_with("event ", &mut out), out)
    });
    let (upstream, event, mut out) = within("a line for each", reading).await.unwrap();
    assert!(upstream.contains("GET /later  Browser/9"), "{upstream}");
    assert!(event.contains("deny by named, enforce  user_agent_denied  GET /later  BadBot/9"), "{event}");

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
