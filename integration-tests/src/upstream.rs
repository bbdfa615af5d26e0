//! The server behind Envoy: records what got through, answers what the test tells it to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use crate::headers::{Headers, announce};
use crate::server::{Answer, Body, Port, Server, ServerRequest, Service};
use crate::wait::DEADLINE;

/// One request that reached the upstream.
#[derive(Clone)]
pub struct Received {
    id: u64,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query as they came.
    pub path: String,
    /// The `Host` header or `:authority`.
    pub authority: String,
    /// The version Envoy spoke to the upstream.
    pub version: http::Version,
    /// The headers, repeats apart.
    pub headers: Headers,
    /// The body as far as it has come.
    pub body: Vec<u8>,
    /// The trailers, if any came.
    pub trailers: Headers,
    /// Whether the whole request arrived; false while it comes and for ever if it broke off.
    pub complete: bool,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {} {:?}", self.version, self.method, self.path, self.headers)?;
        write!(f, " body=\"{}\" trailers={:?}", self.body.escape_ascii(), self.trailers)?;
        if self.complete { Ok(()) } else { f.write_str(" (incomplete)") }
    }
}

/// What the upstream answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Headers,
    body: Bytes,
    trailers: Headers,
    delay: Duration,
    reset: bool,
}

impl Reply {
    /// An answer with this status and an empty body.
    pub fn status(status: u16) -> Self {
        let (headers, trailers) = (Headers::default(), Headers::default());
        Self { status, headers, body: Bytes::new(), trailers, delay: Duration::ZERO, reset: false }
    }

    /// Closes the connection (resets the stream in HTTP/2) instead of answering.
    pub fn reset() -> Self {
        Self { reset: true, ..Self::status(500) }
    }

    /// Adds a header; the value may hold any bytes HTTP allows.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a trailer. Over HTTP/1.1 it goes only to who asked with `te: trailers`.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push(name, value);
        self
    }

    /// Waits before answering.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Handler = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

struct Shared {
    seen: watch::Sender<Vec<Received>>,
    handler: Mutex<Handler>,
    next_id: AtomicU64,
    connections: AtomicUsize,
}

/// A real HTTP server (HTTP/1.1 and h2c) which records every request.
///
/// A request is recorded when its headers arrive, not when its body ends: a test that says
/// "nothing reached the upstream" must see half a request as well. Requests with an `Upgrade`
/// header get 101 and from then on an echo of every byte.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: Server,
}

impl Upstream {
    /// Starts it on a free port; it answers 200 with the body `hello` until told otherwise.
    #[expect(clippy::unused_async, reason = "needs a runtime; async makes that plain")]
    pub async fn start() -> Self {
        let port = Port::reserve();
        let shared = Arc::new(Shared {
            seen: watch::Sender::new(Vec::new()),
            handler: Mutex::new(Arc::new(|_| Reply::status(200).body("hello"))),
            next_id: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        });
        let server = Server::start(port.listen(), Arc::clone(&shared));
        Self { address: port.address, shared, _server: server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers every request from now on with `reply`.
    pub fn reply(&self, reply: Reply) {
        self.handle(move |_| reply.clone());
    }

    /// Answers every request from now on with what `handler` makes of it.
    pub fn handle(&self, handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *self.shared.handler.lock().expect("handler lock") = Arc::new(handler);
    }

    /// Every request since the start or the last [`clear`](Self::clear), oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.seen.borrow().clone()
    }

    /// The only request; panics if there were none or more.
    pub fn only_request(&self) -> Received {
        let requests = self.requests();
        let [only] = requests.as_slice() else { panic!("want one request, got {requests:#?}") };
        only.clone()
    }

    /// How many requests arrived, complete or not.
    pub fn count(&self) -> usize {
        self.shared.seen.borrow().len()
    }

    /// How many connections were accepted since the start.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.shared.seen.send_modify(Vec::clear);
    }

    /// Waits until at least `n` requests have arrived, complete or not.
    pub async fn await_count(&self, n: usize) {
        self.wait(&format!("{n} requests at the upstream"), |seen| seen.len() >= n).await;
    }

    /// Waits for a request that `wanted` accepts; looks again as bodies grow.
    pub async fn wait_for(&self, wanted: impl Fn(&Received) -> bool) -> Received {
        self.wait("a request at the upstream", |seen| seen.iter().any(&wanted)).await;
        self.requests().into_iter().find(&wanted).expect("it was there a moment ago")
    }

    async fn wait(&self, what: &str, ready: impl Fn(&Vec<Received>) -> bool) {
        let mut seen = self.shared.seen.subscribe();
        let done = tokio::time::timeout(DEADLINE, seen.wait_for(ready)).await.is_ok();
        assert!(done, "no {what} after {DEADLINE:?}; got {:#?}", self.requests());
    }
}

impl Shared {
    fn update(&self, id: u64, change: impl FnOnce(&mut Received)) {
        self.seen.send_modify(|seen| {
            if let Some(received) = seen.iter_mut().find(|received| received.id == id) {
                change(received);
            }
        });
    }

    /// Reads the body into the record, and returns the record (which may be cleared by then).
    async fn record(&self, request: &mut ServerRequest) -> Result<Received, io::Error> {
        let mut received = begin(self.next_id.fetch_add(1, Ordering::SeqCst), request);
        let id = received.id;
        self.seen.send_modify(|seen| seen.push(received.clone()));
        while let Some(frame) = request.frame().await {
            match frame.map_err(io::Error::other)?.into_data() {
                Ok(data) => {
                    received.body.extend_from_slice(&data);
                    self.update(id, |seen| seen.body.extend_from_slice(&data));
                }
                Err(frame) => {
                    received.trailers = frame.trailers_ref().map(Headers::from).unwrap_or_default();
                }
            }
        }
        received.complete = true;
        self.update(id, |seen| {
            seen.trailers = received.trailers.clone();
            seen.complete = true;
        });
        Ok(received)
    }
}

fn begin(id: u64, request: &ServerRequest) -> Received {
    let headers = Headers::from(request.headers());
    let uri = request.uri();
    let authority = uri.authority().map(ToString::to_string).or_else(|| headers.text("host"));
    Received {
        id,
        method: request.method().to_string(),
        path: uri.path_and_query().map_or_else(|| uri.to_string(), ToString::to_string),
        authority: authority.unwrap_or_default(),
        version: request.version(),
        headers,
        body: Vec::new(),
        trailers: Headers::default(),
        complete: false,
    }
}

impl Service for Shared {
    fn connected(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    async fn answer(self: Arc<Self>, mut request: ServerRequest) -> Answer {
        if let Some(protocol) = request.headers().get("upgrade").cloned() {
            let id = self.next_id.fetch_add(1, Ordering::SeqCst);
            let received = Received { complete: true, ..begin(id, &request) };
            self.seen.send_modify(|seen| seen.push(received));
            tokio::spawn(echo(hyper::upgrade::on(request)));
            let mut response = respond(&Reply::status(101));
            response.headers_mut().insert("connection", "upgrade".parse().expect("a value"));
            response.headers_mut().insert("upgrade", protocol);
            return Ok(response);
        }
        let received = self.record(&mut request).await?;
        let handler = Arc::clone(&self.handler.lock().expect("handler lock"));
        let reply = handler(&received);
        tokio::time::sleep(reply.delay).await;
        if reply.reset { Err(io::Error::other("told to reset")) } else { Ok(respond(&reply)) }
    }
}

fn respond(reply: &Reply) -> hyper::Response<Body> {
    let full = Full::new(reply.body.clone()).map_err(io::Error::other);
    let trailers = reply.trailers.to_map();
    let mut headers = reply.headers.to_map();
    let body = if trailers.is_empty() {
        full.boxed()
    } else {
        announce(&trailers, &mut headers);
        full.with_trailers(async move { Some(Ok(trailers)) }).boxed()
    };
    let mut response = hyper::Response::new(body);
    *response.status_mut() = reply.status.try_into().expect("a status code");
    *response.headers_mut() = headers;
    response
}

async fn echo(upgrade: hyper::upgrade::OnUpgrade) {
    if let Ok(upgraded) = upgrade.await {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
        let _ = tokio::io::copy(&mut read, &mut write).await;
    }
}
