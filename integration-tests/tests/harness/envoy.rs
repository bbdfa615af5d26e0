//! The process: how it starts, fails to start, and ends.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use portcullis_integration_tests::{Bootstrap, Client, DEADLINE, Envoy, Launch, Upstream, until};
use serde_json::json;

use crate::{lua, proxy};

/// Dead, whether or not its parent has reaped it.
async fn gone(pid: u32) -> bool {
    let status = format!("/proc/{pid}/status");
    let dead = || async {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        // A zombie with other threads is still dying.
        let zombie = status.contains("\tZ") && status.contains("Threads:\t1\n");
        (status.is_empty() || zombie).then_some(())
    };
    until(DEADLINE, dead).await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_h1_and_h2_on_one_port() {
    let (envoy, upstream) = proxy().await;
    assert_eq!(Client::h1(envoy.address()).get("/1").await.status, 200);
    assert_eq!(Client::h2(envoy.address()).get("/2").await.status, 200);
    assert_eq!(upstream.count(), 2);
    assert_ne!(envoy.address().port(), 0);
    assert_eq!(envoy.address(), envoy.listener("main"));
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_yaml_and_options() {
    let yaml = "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}";
    let envoy = Launch::new(yaml).concurrency(2).log_level("info").start().await;
    let info = envoy.admin().get("/server_info").await.json();
    assert_eq!(info["command_line_options"]["concurrency"], 2);
    envoy.await_log("starting main dispatch loop").await;
    assert!(envoy.folder().join("bootstrap.yaml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_the_environment() {
    let upstream = Upstream::start().await;
    let script = "function envoy_on_request(h) h:headers():add('x', os.getenv('SECRET')) end";
    let bootstrap = Bootstrap::new(upstream.address()).filter(lua(script));
    let envoy = Launch::new(bootstrap).env("SECRET", "s3").start().await;
    Client::h1(envoy.address()).get("/").await;
    assert_eq!(upstream.only_request().headers.text("x").unwrap(), "s3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_bootstrap_is_an_error_with_envoys_words() {
    let upstream = Upstream::start().await;
    let bootstrap = Bootstrap::new(upstream.address()).http(&json!({"no_such_field": 1}));
    let error = Envoy::try_start(bootstrap).await.err().unwrap();
    assert_eq!(error.status.unwrap().code(), Some(1));
    assert!(error.log.contains("no_such_field"), "{error}");
    assert!(error.to_string().contains("no_such_field"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_processor_time_and_memory() {
    let (envoy, _upstream) = proxy().await;
    assert!(envoy.cpu_time() > Duration::ZERO);
    assert!(envoy.cpu_time() < Duration::from_mins(1));
    assert!((10 << 20..1 << 30).contains(&envoy.resident_bytes()), "{}", envoy.resident_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_when_dropped_and_when_told() {
    let (envoy, _upstream) = proxy().await;
    let pid = envoy.pid();
    drop(envoy);
    assert!(gone(pid).await);

    let (envoy, _upstream) = proxy().await;
    let (status, _log) = envoy.terminate().await;
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "Envoy died during the test")]
async fn a_crash_fails_the_test() {
    let (envoy, _upstream) = proxy().await;
    let pid = rustix::process::Pid::from_raw(envoy.pid().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    assert!(gone(envoy.pid()).await);
}

/// Not a test of its own: what the test below runs in another process, to kill it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "helper of no_envoy_outlives_a_killed_test"]
async fn holds_an_envoy() {
    let (envoy, _upstream) = proxy().await;
    println!("\npid {}", envoy.pid());
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_envoy_outlives_a_killed_test() {
    let mut test = Command::new(env::current_exe().unwrap())
        .args(["envoy::holds_an_envoy", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(test.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("pid ")).expect("the helper got an Envoy");
    test.kill().unwrap();
    test.wait().unwrap();
    assert!(gone(line["pid ".len()..].parse().unwrap()).await);
}
