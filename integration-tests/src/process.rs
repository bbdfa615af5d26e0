//! The process of an Envoy or a Redis: it can never outlive the tests, and shows its log when one fails.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use tempfile::TempDir;

type Job = (Command, Sender<io::Result<Child>>);

/// The thread that starts every child.
///
/// Linux sends the death signal when the *thread* that started the child ends, and test threads
/// end with their test while tokio's end at any time. This one ends with the process.
static SPAWNER: LazyLock<Sender<Job>> = LazyLock::new(|| {
    let (jobs, queue) = channel::<Job>();
    std::thread::spawn(move || {
        for (mut command, answer) in queue {
            let _ = answer.send(command.spawn());
        }
    });
    jobs
});

/// How much of the log a failing test shows.
const LOG_TAIL_LINES: usize = 80;

/// A running process, its folder and its log; killed when dropped.
pub(crate) struct Process {
    /// Its name for people.
    program: &'static str,
    child: Child,
    folder: TempDir,
    /// Its end is expected.
    ended: bool,
}

impl Process {
    /// Starts `command` in `folder`, where what it prints becomes its log.
    pub(crate) fn start(program: &'static str, mut command: Command, folder: TempDir) -> Self {
        let log = File::create(log_file(folder.path())).expect("create the log");
        command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log);
        let file = command.get_program().to_owned();
        let child = spawn(command);
        let child = child.unwrap_or_else(|error| panic!("cannot start {program} ({}): {error}", file.display()));
        Self { program, child, folder, ended: false }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(log_file(self.folder())).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("wait for a child")
    }

    /// From here on its end is no surprise.
    pub(crate) fn may_end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn terminate(&mut self) {
        self.may_end();
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signal a child");
    }

    /// Processor time used so far by all threads, in user and kernel mode.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = self.proc("stat");
        // The name in parentheses may hold anything, so count from its end: utime and stime are
        // the 12th and 13th field after it.
        let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
        let fields = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().expect("a number of ticks")).sum();
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.expect("a VmRSS line").trim().trim_end_matches(" kB");
        kibibytes.parse::<u64>().expect("a number of kB") * 1024
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid())).expect("the process lives")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let died = !self.ended && matches!(self.child.try_wait(), Ok(Some(_)));
        let _ = self.child.kill();
        let _ = self.child.wait();
        let panicking = std::thread::panicking();
        if died || panicking {
            eprintln!("--- {}'s log ---\n{}\n-------------------", self.program, tail(&self.log()));
        }
        assert!(!died || panicking, "{} died during the test", self.program);
    }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log")
}

pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

/// Starts `command`; the kernel kills it when this process ends in whatever way.
fn spawn(mut command: Command) -> io::Result<Child> {
    let parent = rustix::process::getpid();
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; `tie` makes two
    // system calls and allocates nothing.
    unsafe { command.pre_exec(tie) };
    let (answer, child) = channel();
    SPAWNER.send((command, answer)).expect("the spawner lives as long as the process");
    child.recv().expect("the spawner answers")
}
