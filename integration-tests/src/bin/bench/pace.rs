//! Load of our own: at a fixed rate, to see how long each answer takes; or as much as goes, of requests that differ.
//!
//! h2load could keep a rate as well, but its connections fire together every few milliseconds, and then a latency is
//! mostly the queue of fifty. Here requests come at random moments, as from many clients that know nothing of each
//! other; the moments are the same for each variant of a round. Nobody waits for an answer before sending the next
//! request: where no connection is free, the time spent waiting for one counts.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::epoll;

use crate::agents::Random;
use crate::variants::Load;
use crate::{Result, tokens};

const CONNECTIONS: usize = 50;

/// How long after the last request all answers must be here.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests as bytes, sent in turn. Whoever sends on begins where the last one ended.
#[derive(Clone)]
pub(crate) struct Turns {
    requests: Arc<[Vec<u8>]>,
    next: Arc<AtomicUsize>,
}

impl Turns {
    /// The requests of a load.
    pub(crate) fn of(load: &Load) -> Result<Self> {
        let requests = match load.algorithm {
            Some(algorithm) => tokens::many(algorithm)?.iter().map(|token| render(load, Some(token))).collect(),
            None => [render(load, None)].into(),
        };
        Ok(Self { requests, next: Arc::default() })
    }

    /// The same requests, from the first on.
    pub(crate) fn anew(&self) -> Self {
        Self { requests: Arc::clone(&self.requests), next: Arc::default() }
    }

    fn take(&self) -> &[u8] {
        &self.requests[self.next.fetch_add(1, Ordering::Relaxed) % self.requests.len()]
    }
}

/// The same for every Envoy.
fn render(load: &Load, token: Option<&str>) -> Vec<u8> {
    let method = if load.body.is_empty() { "GET" } else { "POST" };
    let mut head = format!("{method} {} HTTP/1.1\r\nhost: bench.example\r\n", load.path);
    for (name, value) in &load.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if let Some(token) = token {
        let _ = write!(head, "authorization: Bearer {token}\r\n");
    }
    if !load.body.is_empty() {
        let _ = write!(head, "content-length: {}\r\n", load.body.len());
    }
    head += "\r\n";
    [head.as_bytes(), &load.body].concat()
}

/// As many requests as go, on fifty connections: what h2load does for a request that is always the same. Blocks until
/// all `count` are answered, and returns how many were in a second.
pub(crate) fn flood(to: SocketAddr, turns: &Turns, status: u16, count: u64) -> io::Result<f64> {
    let mut pool = Pool::connect(to)?;
    let mut answers = Vec::new();
    let mut left = count;
    let start = Instant::now();
    let mut waiting = VecDeque::new();
    while left > 0 || pool.busy() {
        let now = Instant::now();
        let more = left.min(pool.idle.len() as u64);
        waiting.extend((0..more).map(|_| Due { at: now, missed: false }));
        left -= more;
        pool.send(turns, &mut waiting)?;
        let before = answers.len();
        pool.wait(PATIENCE, status, &mut answers)?;
        if answers.len() == before && now.elapsed() >= PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "answers are missing"));
        }
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// What a run is: to whom, what, how fast, how long.
pub(crate) struct Plan {
    pub(crate) to: SocketAddr,
    pub(crate) turns: Turns,
    pub(crate) status: u16,
    /// Requests a second.
    pub(crate) rate: u32,
    pub(crate) length: Duration,
    pub(crate) seed: u64,
}

impl Plan {
    /// Blocks until all is done. The latencies are in microseconds, in the order of the answers.
    pub(crate) fn run(&self) -> io::Result<Vec<f64>> {
        // The kernel may wake us late by this much; 50 us otherwise.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1000))?;
        let mut pool = Pool::connect(self.to)?;
        let mut random = Random::new(self.seed);
        let mut latencies = Vec::new();
        let mut waiting = VecDeque::new();
        let start = Instant::now();
        let end = start + self.length;
        let mut next = start;
        while next < end || !waiting.is_empty() || pool.busy() {
            let now = Instant::now();
            if now > end + PATIENCE {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "answers are missing"));
            }
            while next <= now && next < end {
                waiting.push_back(Due { at: next, missed: false });
                next += Duration::from_secs_f64(-random.fraction().ln() / f64::from(self.rate));
            }
            pool.send(&self.turns, &mut waiting)?;
            let until = if next < end { next } else { end + PATIENCE };
            pool.wait(until.saturating_duration_since(Instant::now()), self.status, &mut latencies)?;
        }
        Ok(latencies)
    }
}

/// A request that is to be sent.
struct Due {
    at: Instant,
    /// No connection was free at that time.
    missed: bool,
}

struct Pool {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    idle: Vec<usize>,
}

struct Connection {
    stream: TcpStream,
    sent: Instant,
    received: Vec<u8>,
}

impl Pool {
    fn connect(to: SocketAddr) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::new();
        for index in 0..CONNECTIONS {
            let stream = TcpStream::connect(to)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
            connections.push(Connection { stream, sent: Instant::now(), received: Vec::new() });
        }
        Ok(Self { epoll, connections, idle: (0..CONNECTIONS).collect() })
    }

    fn busy(&self) -> bool {
        self.idle.len() < self.connections.len()
    }

    /// Sends what waits while connections are free. A request that finds one at once is timed from here, so that our
    /// being woken late is not held against Envoy.
    fn send(&mut self, turns: &Turns, waiting: &mut VecDeque<Due>) -> io::Result<()> {
        while !waiting.is_empty() {
            let Some(index) = self.idle.pop() else { break };
            let Some(due) = waiting.pop_front() else { break };
            let connection = &mut self.connections[index];
            connection.sent = if due.missed { due.at } else { Instant::now() };
            connection.stream.write_all(turns.take())?;
        }
        for due in waiting {
            due.missed = true;
        }
        Ok(())
    }

    fn wait(&mut self, limit: Duration, status: u16, latencies: &mut Vec<f64>) -> io::Result<()> {
        let limit = limit.try_into().map_err(io::Error::other)?;
        let mut events = Vec::with_capacity(CONNECTIONS);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&limit)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            outcome => outcome?,
        };
        for event in events {
            let index = usize::try_from(event.data.u64()).expect("an index");
            let connection = &mut self.connections[index];
            if connection.read(status)? {
                latencies.push(connection.sent.elapsed().as_secs_f64() * 1e6);
                self.idle.push(index);
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Whether the answer is complete.
    fn read(&mut self, status: u16) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        let length = match self.stream.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Envoy closed a connection")),
            outcome => outcome?,
        };
        self.received.extend_from_slice(&chunk[..length]);
        let complete = is_complete(&self.received, status)?;
        if complete {
            self.received.clear();
        }
        Ok(complete)
    }
}

fn is_complete(bytes: &[u8], status: u16) -> io::Result<bool> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).map_err(io::Error::other)? else { return Ok(false) };
    if response.code != Some(status) {
        return Err(io::Error::other(format!("answered {:?}, not {status}", response.code)));
    }
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let length = length.ok_or_else(|| io::Error::other("an answer without content-length"))?;
    Ok(bytes.len() >= head + length)
}
