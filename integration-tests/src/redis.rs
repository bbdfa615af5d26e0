//! The Redis behind the rate limit service, and its bad days.
//!
//! What a user may expect: a real `redis-server` of the test's own, on a Unix socket in a folder of its own, so that no
//! port is taken and none is fixed. It keeps nothing on disk: after [`Redis::kill`] it comes back empty, in the same
//! place. It ends with the test, in whatever way that ends.

mod client;
mod reply;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use rustix::process::Signal;
use tempfile::TempDir;

pub use client::RedisClient;
pub use reply::RedisReply;

use crate::process::Process;
use crate::wait::{DEADLINE, until};

/// A running Redis, killed when dropped.
pub struct Redis {
    /// Of the socket, which outlives a process.
    folder: TempDir,
    process: Mutex<Option<Process>>,
    client: RedisClient,
}

impl Redis {
    /// Whether this machine has the program.
    pub fn is_installed() -> bool {
        let mut command = Command::new("redis-server");
        let run = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    }

    /// Starts an empty one and waits until it answers; panics with its log if it does not.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let client = RedisClient::new(socket(folder.path()));
        let redis = Self { folder, process: Mutex::new(None), client };
        redis.restart().await;
        redis
    }

    /// The socket it listens at, the same after a restart: `redis-cli -s` takes it.
    pub fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// A client, whose connection is shared with everyone else who asked for one here.
    pub fn client(&self) -> RedisClient {
        self.client.clone()
    }

    /// Runs one command; panics with its error.
    pub async fn command(&self, words: &[&str]) -> RedisReply {
        let replies = self.client.pipeline(&[words]).await;
        replies.unwrap_or_else(|error| panic!("{words:?}: {error}")).remove(0)
    }

    /// The id of its process, which a restart changes.
    pub fn pid(&self) -> u32 {
        self.process.lock().expect("process lock").as_ref().expect("Redis runs").pid()
    }

    /// Ends it at once, with all that it knows. Connections break, and new ones are refused.
    pub fn kill(&self) {
        if let Some(mut process) = self.process.lock().expect("process lock").take() {
            process.may_end();
        }
    }

    /// Ends it if it runs, starts an empty one in its place, and waits until that answers.
    pub async fn restart(&self) {
        self.kill();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--unixsocket"]).arg(self.socket()).args(["--save", "", "--appendonly", "no"]);
        // Ctrl-C in a terminal is for its owner, who ends it.
        command.process_group(0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = Process::start("Redis", command, folder);
        *self.process.lock().expect("process lock") = Some(process);
        let ready = until(DEADLINE, || async { self.client.pipeline(&[&["PING"]]).await.ok() }).await;
        assert!(ready.is_some(), "Redis does not answer after {DEADLINE:?}");
    }

    /// Stops it in its tracks: it takes connections and commands, and answers none of them until it may go on.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on. Commands that came meanwhile are carried out, also those that nobody waits for any more.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        self.process.lock().expect("process lock").as_ref().expect("Redis runs").signal(signal);
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}
