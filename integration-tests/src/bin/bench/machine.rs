//! Where the figures come from.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_integration_tests::{Envoy, workspace};
use serde_json::{Value, json};

use crate::stage::Stage;

pub(crate) struct Machine {
    processor: String,
    processors: usize,
    memory_mb: u64,
    kernel: String,
    envoy: String,
    h2load: String,
    commit: String,
    date: String,
    pinning: String,
    /// The load average of the last minute, before the run.
    load_before: f64,
}

impl Machine {
    pub(crate) async fn look(stage: &Stage) -> Self {
        let load = read("/proc/loadavg");
        let envoy = Envoy::start(stage.proxy()).await;
        let info = envoy.admin().get("/server_info").await.json();
        // `e64ee1b/1.40.0/Clean/RELEASE/BoringSSL`
        let version = info["version"].as_str().and_then(|version| version.split('/').nth(1));
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mb: field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0) / 1024,
            kernel: read("/proc/sys/kernel/osrelease"),
            envoy: version.unwrap_or("unknown").to_owned(),
            h2load: first_line("h2load", &["--version"]),
            commit: commit(),
            date: first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            pinning: stage.processors.describe(),
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "processors": self.processors,
            "memory_mb": self.memory_mb,
            "kernel": self.kernel,
            "envoy": self.envoy,
            "h2load": self.h2load,
            "commit": self.commit,
            "date": self.date,
            "pinning": self.pinning,
            "load_before": self.load_before,
        })
    }

    /// One line for a picture.
    pub(crate) fn brief(&self) -> String {
        let Self { processor, processors, envoy, commit, date, .. } = self;
        format!("Envoy {envoy}, one worker; {processors} x {processor}; commit {commit}; {date}")
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, processors, memory_mb, kernel, envoy, h2load, commit, date, pinning, load_before } = self;
        writeln!(f, "machine  {processors} x {processor}, {memory_mb} MB, Linux {kernel}")?;
        writeln!(f, "pinning  {pinning}")?;
        write!(
            f,
            "of       Envoy {envoy} with one worker where no other number is given, {h2load}, commit {commit}, {date}"
        )?;
        if *load_before > 0.5 {
            write!(f, "\nnote     the machine was busy before the run (load {load_before}): expect noise")?;
        }
        Ok(())
    }
}

fn commit() -> String {
    let git = |args: &[&str]| first_line("git", &[&["-C", &workspace("").display().to_string()], args].concat());
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    let changed = !git(&["status", "--porcelain"]).is_empty();
    match (commit.as_str(), changed) {
        ("", _) => "unknown".to_owned(),
        (_, true) => format!("{commit} with changes"),
        (_, false) => commit,
    }
}

fn first_line(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// The value of the first line `name : value`.
fn field(file: impl AsRef<Path>, name: &str) -> String {
    let text = read(file);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    line.unwrap_or("unknown").trim().to_owned()
}

fn read(file: impl AsRef<Path>) -> String {
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}
