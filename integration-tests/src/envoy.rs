//! A real Envoy process: started on free ports, watched, and gone with the test.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::client::{Client, Request};
use crate::process::{Process, tail};
use crate::stats::Stats;
use crate::wait::{DEADLINE, until};
use crate::workspace;

/// Compiling a module of 4 MB takes 4 s of processor time, more when every core is busy.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How to start an Envoy.
#[derive(Clone, Debug)]
pub struct Launch {
    bootstrap: String,
    concurrency: u32,
    log_level: String,
    wasm_log_level: Option<String>,
    env: Vec<(String, String)>,
    args: Vec<String>,
}

impl Launch {
    /// Any bootstrap: a [`Bootstrap`](crate::Bootstrap), an [`Example`](crate::Example), JSON, or
    /// text in YAML. It needs an `admin` address; ports should be 0.
    #[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
    pub fn new(bootstrap: impl ToString) -> Self {
        Self {
            bootstrap: bootstrap.to_string(),
            concurrency: 1,
            log_level: "warning".to_owned(),
            wasm_log_level: None,
            env: Vec::new(),
            args: Vec::new(),
        }
    }

    /// The number of worker threads; 1 otherwise, so that what a test sees is deterministic.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Sets an environment variable of Envoy, for secrets that a VM reads.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Envoy's log level, `warning` otherwise; what Wasm filters log shows from `info` anyway.
    #[must_use]
    pub fn log_level(mut self, level: &str) -> Self {
        level.clone_into(&mut self.log_level);
        self
    }

    /// The log level of Envoy's Wasm parts alone: at `debug`, Envoy itself logs every request's headers.
    #[must_use]
    pub fn wasm_log_level(mut self, level: &str) -> Self {
        self.wasm_log_level = Some(level.to_owned());
        self
    }

    /// Adds a command line argument.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Starts Envoy and waits until it is ready; panics with its log if it does not get there.
    pub async fn start(self) -> Envoy {
        self.try_start().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts Envoy and waits until it is ready.
    pub async fn try_start(self) -> Result<Envoy, StartError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut process = Process::start("Envoy", self.command(folder.path()), folder);
        let outcome = until(START_LIMIT, || {
            let exited = process.exit_status();
            let admin = read_admin_address(process.folder());
            async move {
                if let Some(status) = exited {
                    return Some(Err(status));
                }
                let admin = Client::h1(admin?);
                let ready = admin.try_send(Request::get("/ready")).await.ok()?;
                (ready.status == 200).then_some(Ok(admin))
            }
        });
        match outcome.await {
            Some(Ok(admin)) => {
                let listeners = read_listeners(&admin).await;
                Ok(Envoy { process, admin, listeners })
            }
            failed => {
                process.may_end();
                let status = failed.and_then(Result::err);
                Err(StartError { status, log: process.log() })
            }
        }
    }

    fn command(&self, folder: &Path) -> Command {
        let json = self.bootstrap.trim_start().starts_with('{');
        let config = folder.join(if json { "bootstrap.json" } else { "bootstrap.yaml" });
        fs::write(&config, &self.bootstrap).expect("write the bootstrap");
        let wasm_level = match (self.wasm_log_level.as_deref(), self.log_level.as_str()) {
            (Some(level), _) | (None, level @ ("trace" | "debug")) => level,
            _ => "info",
        };
        let mut command = Command::new(binary());
        command
            .arg("--config-path")
            .arg(config)
            // Hot restart claims shared memory and sockets by number, which parallel tests and
            // other Envoys on the machine would fight for.
            .arg("--disable-hot-restart")
            .arg("--admin-address-path")
            .arg(folder.join("admin"))
            .args(["--concurrency", &self.concurrency.to_string()])
            .args(["--log-level", &self.log_level])
            .args(["--component-log-level", &format!("wasm:{wasm_level}")])
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Envoy did not get ready.
#[derive(Clone, Debug)]
pub struct StartError {
    /// How it exited; `None` if it lived but was not ready in time.
    pub status: Option<ExitStatus>,
    /// Everything it logged.
    pub log: String,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "Envoy did not start, {status}:")?,
            None => write!(f, "Envoy was not ready after {START_LIMIT:?}:")?,
        }
        write!(f, "\n{}", tail(&self.log))
    }
}

impl std::error::Error for StartError {}

/// A running Envoy, killed when dropped or when the test's process ends in any way.
///
/// A test that fails shows the end of its Envoy's log; so does one whose Envoy dies on the way,
/// and it fails even if nothing else in it does.
pub struct Envoy {
    process: Process,
    admin: Client,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Envoy {
    /// Starts with defaults; panics with Envoy's log if it does not get ready. [`Launch`] has the
    /// options.
    pub async fn start(bootstrap: impl ToString) -> Self {
        Launch::new(bootstrap).start().await
    }

    /// Starts with defaults.
    pub async fn try_start(bootstrap: impl ToString) -> Result<Self, StartError> {
        Launch::new(bootstrap).try_start().await
    }

    /// The address of the only listener, or of the one named `main`.
    pub fn address(&self) -> SocketAddr {
        match self.listeners.values().collect::<Vec<_>>().as_slice() {
            [only] => **only,
            _ => self.listener("main"),
        }
    }

    /// The address of a listener by name.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let found = self.listeners.get(name);
        *found.unwrap_or_else(|| panic!("no listener {name:?} among {:?}", self.listeners))
    }

    /// A client for the admin interface.
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// Its statistics.
    pub fn stats(&self) -> Stats {
        Stats { admin: self.admin.clone() }
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until the log contains `text`.
    pub async fn await_log(&self, text: &str) {
        let found = until(DEADLINE, || async { self.log().contains(text).then_some(()) }).await;
        assert!(found.is_some(), "Envoy has not logged {text:?} after {DEADLINE:?}");
    }

    /// Its folder: bootstrap, log, and its working directory.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Processor time used so far, user and system.
    pub fn cpu_time(&self) -> Duration {
        self.process.cpu_time()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.process.resident_bytes()
    }

    /// Sends SIGTERM, as an orchestrator does, and waits for the end. Returns how it exited and
    /// what it logged.
    pub async fn terminate(mut self) -> (ExitStatus, String) {
        self.process.terminate();
        let ended = until(DEADLINE, || {
            let exited = self.process.exit_status();
            async move { exited }
        });
        let status = ended.await;
        (status.unwrap_or_else(|| panic!("Envoy lives {DEADLINE:?} after SIGTERM")), self.log())
    }
}

async fn read_listeners(admin: &Client) -> BTreeMap<String, SocketAddr> {
    let page = admin.get("/listeners?format=json").await.json();
    let statuses = page["listener_statuses"].as_array().cloned().unwrap_or_default();
    let listeners = statuses.iter().filter_map(|status| {
        let socket = &status["local_address"]["socket_address"];
        let ip = socket["address"].as_str()?.parse().ok()?;
        let port = socket["port_value"].as_u64()?.try_into().ok()?;
        Some((status["name"].as_str()?.to_owned(), SocketAddr::new(ip, port)))
    });
    listeners.collect()
}

/// The binary: `$ENVOY_BIN`, else the one `make setup` fetched, else `envoy` on the path.
fn binary() -> PathBuf {
    if let Some(binary) = env::var_os("ENVOY_BIN") {
        return binary.into();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let fetched = workspace(".cache/envoy/1.40.0/envoy");
    let installed = env::split_paths(&path).map(|folder| folder.join("envoy"));
    let found = [fetched].into_iter().chain(installed).find(|file| file.is_file());
    found.expect("no Envoy: run `make setup` or `make test`, or set ENVOY_BIN")
}

fn read_admin_address(folder: &Path) -> Option<SocketAddr> {
    fs::read_to_string(folder.join("admin")).ok()?.trim().parse().ok()
}
