//! What the Envoys are measured with: their upstream, collectors alive and dead, and who runs on which processor.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command as StdCommand, Stdio};
use std::time::Duration;

use portcullis_integration_tests::{Bootstrap, Envoy, until};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};

use crate::Result;
use crate::service::Service;

pub(crate) struct Stage {
    pub(crate) processors: Processors,
    folder: TempDir,
    upstream: SocketAddr,
    collector: SocketAddr,
    /// Bound and never listening: whoever connects is refused, and nobody else gets the port.
    dead: TcpSocket,
    nginx: Child,
    /// A rate limit service, if any variant asks one.
    service: Option<Service>,
}

impl Stage {
    pub(crate) async fn set(with_service: bool) -> Result<Self> {
        let processors = Processors::share()?;
        let service = if with_service { Some(Service::start(&processors)?) } else { None };
        let folder = tempfile::tempdir()?;
        let dead = TcpSocket::new_v4()?;
        dead.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let mut tries = 0;
        loop {
            // nginx can't say which port the kernel picked, so it is told one that was free a moment ago.
            let (upstream, collector) = free_ports()?;
            fs::write(folder.path().join("nginx.conf"), nginx_config(folder.path(), upstream, collector))?;
            let mut nginx = start_nginx(folder.path(), &processors)?;
            let up = until(Duration::from_secs(5), || {
                let ended = matches!(nginx.try_wait(), Ok(Some(_)));
                async move { if ended { Some(false) } else { TcpStream::connect(upstream).await.ok().map(|_| true) } }
            });
            if up.await == Some(true) {
                return Ok(Self { processors, folder, upstream, collector, dead, nginx, service });
            }
            tries += 1;
            if tries == 3 {
                let log = fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
                return Err(format!("nginx does not start:\n{log}").into());
            }
        }
    }

    /// What runs beside the Envoys all the time.
    pub(crate) fn helpers(&self) -> Vec<u32> {
        self.nginx.id().into_iter().chain(self.service.as_ref().map(|service| service.redis)).collect()
    }

    /// A folder that goes away at the end.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Envoy without any filter.
    pub(crate) fn proxy(&self) -> Bootstrap {
        Bootstrap::new(self.upstream)
    }

    /// With a collector that takes everything.
    pub(crate) fn audited(&self) -> Bootstrap {
        self.proxy().cluster("audit", self.collector)
    }

    /// With a collector where connections are refused.
    pub(crate) fn audited_in_vain(&self) -> Bootstrap {
        self.proxy().cluster("audit", self.dead.local_addr().expect("it is bound"))
    }

    /// With the rate limit service.
    pub(crate) fn limited(&self) -> Bootstrap {
        let service = self.service.as_ref().expect("the stage was set for it");
        self.proxy().http2_cluster("ratelimit", service.address)
    }

    /// A command on the load's processors, which ends with this process however that ends.
    pub(crate) fn command(&self, program: impl Into<PathBuf>) -> Command {
        command(&program.into(), &self.processors)
    }
}

/// One processor for Envoy, the others for those who keep it busy.
#[derive(Clone)]
pub(crate) struct Processors {
    split: Option<Split>,
    count: usize,
}

#[derive(Clone)]
struct Split {
    load: CpuSet,
    envoy: CpuSet,
    /// The last two, for Envoys with more workers; one of them is the load's as well.
    envoy_of_two: CpuSet,
    /// Where Envoy is.
    last: usize,
}

impl Processors {
    fn share() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let numbers: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
        let count = numbers.len();
        let [.., one_before, last] = numbers[..] else { return Ok(Self { split: None, count }) };
        let mut load = allowed;
        load.unset(last);
        let mut envoy = CpuSet::new();
        envoy.set(last);
        let mut envoy_of_two = envoy;
        envoy_of_two.set(one_before);
        Ok(Self { split: Some(Split { load, envoy, envoy_of_two, last }), count })
    }

    /// Whether Envoy has a processor of its own.
    pub(crate) fn pinned(&self) -> bool {
        self.split.is_some()
    }

    /// Moves a running Envoy to its processor, or to two of them if it has several workers.
    pub(crate) fn pin(&self, envoy: &Envoy, workers: u32) -> io::Result<()> {
        let Some(split) = &self.split else { return Ok(()) };
        move_to(envoy.pid(), if workers == 1 { &split.envoy } else { &split.envoy_of_two })
    }

    /// Moves a running process to the load's processors.
    pub(crate) fn move_to_load(&self, process: u32) -> io::Result<()> {
        self.split.as_ref().map_or(Ok(()), |split| move_to(process, &split.load))
    }

    /// Moves the calling thread to the load's processors.
    pub(crate) fn join_load(&self) -> io::Result<()> {
        self.split.as_ref().map_or(Ok(()), |split| Ok(sched_setaffinity(None, &split.load)?))
    }

    pub(crate) fn describe(&self) -> String {
        match &self.split {
            Some(split) if self.count == 2 => {
                format!("Envoy on processor {}, nginx and the load on the other", split.last)
            }
            Some(split) => {
                format!("Envoy on processor {}, nginx and the load on the {} others", split.last, self.count - 1)
            }
            None => "not pinned, there is one processor: expect noise".to_owned(),
        }
    }
}

fn move_to(process: u32, processors: &CpuSet) -> io::Result<()> {
    for thread in crate::meter::threads(process)? {
        let id = thread.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            sched_setaffinity(Some(id), processors)?;
        }
    }
    Ok(())
}

fn command(program: &Path, processors: &Processors) -> Command {
    let mut command = StdCommand::new(program);
    command.stdin(Stdio::null());
    let parent = getpid();
    let load = processors.split.as_ref().map(|split| split.load);
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if let Some(load) = &load {
            sched_setaffinity(None, load)?;
        }
        // The parent may have died before the first line.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; `tie` makes system calls only, and
    // allocates nothing.
    unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, tie) };
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

fn free_ports() -> io::Result<(SocketAddr, SocketAddr)> {
    // Both at once, so that they differ.
    let (one, two) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((one.local_addr()?, two.local_addr()?))
}

fn start_nginx(folder: &Path, processors: &Processors) -> Result<Child> {
    // Debian keeps it where a user's PATH does not look.
    let debian = Path::new("/usr/sbin/nginx");
    let program = if debian.exists() { debian } else { Path::new("nginx") };
    let started = command(program, processors)
        .arg("-e")
        .arg(folder.join("error.log"))
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.map_err(|error| format!("cannot start nginx: {error}\n  Run: scripts/setup bench").into())
}

/// One process, all its files in `folder`, keep-alive without end.
fn nginx_config(folder: &Path, upstream: SocketAddr, collector: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        r#"
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen {upstream}; location / {{ return 200 "ok\n"; }} }}
  server {{ listen {collector}; location / {{ return 204; }} }}
}}
"#
    )
}
