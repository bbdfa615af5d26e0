//! The server that audit events are sent to, in all the states a real one gets into.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::sync::watch;

use crate::headers::Headers;
use crate::server::{Answer, Port, Server, ServerRequest, Service};
use crate::wait::DEADLINE;

/// How the collector behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Takes the batch and answers 200.
    Ok,
    /// Answers with this status.
    Status(u16),
    /// Answers 200 after this long.
    Slow(Duration),
    /// Accepts connections and requests, and never answers.
    Hang,
    /// Nothing listens: connections are refused, open ones are closed.
    Down,
}

/// One request the collector got.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: Headers,
    /// The body as it came.
    pub body: Vec<u8>,
    /// The events in the body: a JSON array, or one JSON value a line (NDJSON). The
    /// error says why it was neither.
    pub events: Result<Vec<Value>, String>,
    /// The status it was answered with; `None` in [`Mode::Hang`].
    pub answered: Option<u16>,
}

struct Shared {
    mode: Mutex<Mode>,
    batches: watch::Sender<Vec<Batch>>,
}

/// A real HTTP server that stores the batches of events it gets.
pub struct Collector {
    port: Port,
    shared: Arc<Shared>,
    server: Mutex<Option<Server>>,
}

impl Collector {
    /// Starts it on a free port in [`Mode::Ok`].
    #[expect(clippy::unused_async, reason = "needs a runtime; async makes that plain")]
    pub async fn start() -> Self {
        let port = Port::reserve();
        let shared = Arc::new(Shared { mode: Mutex::new(Mode::Ok), batches: watch::Sender::default() });
        let server = Mutex::new(Some(Server::start(port.listen(), Arc::clone(&shared))));
        Self { port, shared, server }
    }

    /// Where it listens; the same after it was down.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// Changes the behaviour for requests that arrive from now on. When this returns after
    /// [`Mode::Down`] every connection is closed; after another mode, it listens.
    pub async fn set_mode(&self, mode: Mode) {
        *self.shared.mode.lock().expect("mode lock") = mode;
        let old = self.server.lock().expect("server lock").take();
        let new = match (mode, old) {
            (Mode::Down, Some(running)) => {
                running.stop().await;
                None
            }
            (Mode::Down, None) => None,
            (_, Some(running)) => Some(running),
            (_, None) => Some(Server::start(self.port.listen(), Arc::clone(&self.shared))),
        };
        *self.server.lock().expect("server lock") = new;
    }

    /// Every batch that came, whatever it was answered, oldest first.
    pub fn batches(&self) -> Vec<Batch> {
        self.shared.batches.borrow().clone()
    }

    /// The events of the batches that were answered 2xx, oldest first: what a SIEM would hold.
    /// Panics if one of them cannot be parsed.
    pub fn events(&self) -> Vec<Value> {
        delivered(&self.shared.batches.borrow())
    }

    /// Forgets the batches so far.
    pub fn clear(&self) {
        self.shared.batches.send_modify(Vec::clear);
    }

    /// Waits for a delivered event that `wanted` accepts, and returns the first.
    pub async fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = |batches: &Vec<Batch>| delivered(batches).iter().any(&wanted);
        self.wait("the event waited for", found).await;
        self.events().into_iter().find(&wanted).expect("it was there a moment ago")
    }

    /// Waits until at least `n` events are delivered, and returns all of them.
    pub async fn await_count(&self, n: usize) -> Vec<Value> {
        self.wait(&format!("{n} events"), |batches| delivered(batches).len() >= n).await;
        self.events()
    }

    /// Waits until at least `n` batches have come, whatever they were answered.
    pub async fn await_batches(&self, n: usize) -> Vec<Batch> {
        self.wait(&format!("{n} batches"), |batches| batches.len() >= n).await;
        self.batches()
    }

    async fn wait(&self, what: &str, ready: impl Fn(&Vec<Batch>) -> bool) {
        let mut batches = self.shared.batches.subscribe();
        if tokio::time::timeout(DEADLINE, batches.wait_for(ready)).await.is_ok() {
            return;
        }
        let got: Vec<String> = self.batches().iter().map(describe).collect();
        panic!("the collector lacks {what} after {DEADLINE:?}; it got:\n{}", got.join("\n"));
    }
}

fn delivered(batches: &[Batch]) -> Vec<Value> {
    let taken = batches.iter().filter(|batch| matches!(batch.answered, Some(200..300)));
    taken.flat_map(|batch| batch.events.clone().unwrap_or_else(|why| panic!("{why}"))).collect()
}

fn describe(batch: &Batch) -> String {
    let body = String::from_utf8_lossy(&batch.body);
    format!("  {} answered {:?}: {body}", batch.path, batch.answered)
}

fn parse(body: &[u8]) -> Result<Vec<Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Value::Array(events)) => return Ok(events),
        Ok(event) => return Ok(vec![event]),
        Err(_) => {}
    }
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events: Result<_, _> = lines.map(serde_json::from_slice).collect();
    events.map_err(|error| format!("no JSON, no NDJSON ({error}): \"{}\"", body.escape_ascii()))
}

impl Service for Shared {
    async fn answer(self: Arc<Self>, request: ServerRequest) -> Answer {
        let mode = *self.mode.lock().expect("mode lock");
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let headers = Headers::from(request.headers());
        let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        if let Mode::Slow(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        let answered = match mode {
            Mode::Ok | Mode::Slow(_) => Some(200),
            Mode::Status(status) => Some(status),
            Mode::Hang | Mode::Down => None,
        };
        let batch = Batch { path, headers, events: parse(&body), body: body.to_vec(), answered };
        self.batches.send_modify(|batches| batches.push(batch));
        let Some(status) = answered else {
            return std::future::pending().await;
        };
        let body = Full::new(Bytes::new()).map_err(|never: Infallible| match never {});
        let response = hyper::Response::builder().status(status).body(body.boxed());
        Ok(response.expect("a status code"))
    }
}
