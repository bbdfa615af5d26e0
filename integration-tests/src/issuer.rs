//! The server of an identity provider: its key set, its list of revoked tokens, and its bad days.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::headers::Headers;
use crate::server::{Answer, Body, Port, Server, ServerRequest, Service};
use crate::wait::DEADLINE;

/// How the issuer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerMode {
    /// With the document of the path, or 404 where there is none.
    Ok,
    /// Like `Ok`, after this long.
    Slow(Duration),
    /// With the document, but with this status.
    Status(u16),
    /// With this status and where to go instead.
    Redirect(u16, String),
    /// With status 200 and these bytes instead of the document.
    Body(Bytes),
    /// With status 200, the document, and blanks after it until there are so many bytes: large, and still valid JSON.
    Oversize(usize),
    /// With the document in pieces of so many bytes, and so long a pause after each.
    Drip(usize, Duration),
    /// With half of the document; then the connection closes.
    CutOff,
    /// Accepts connections and requests, and never answers.
    Hang,
    /// Closes the connection instead of an answer.
    Reset,
}

/// One request that the issuer got.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// `GET`, hopefully.
    pub method: String,
    /// The `Host` header or `:authority`.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: Headers,
}

/// A real HTTP server that plays an identity provider.
///
/// It serves JSON documents: the key set at [`Issuer::JWKS`], the list of what is revoked at [`Issuer::REVOKED`], and
/// any other that a test sets.
pub struct Issuer {
    port: Port,
    shared: Arc<Shared>,
    server: Mutex<Option<Server>>,
}

struct Shared {
    state: Mutex<State>,
    fetches: watch::Sender<Vec<Fetch>>,
}

struct State {
    documents: BTreeMap<String, Value>,
    mode: IssuerMode,
    /// Paths with a mode of their own.
    modes: BTreeMap<String, IssuerMode>,
}

impl Issuer {
    /// The path of the key set.
    pub const JWKS: &str = "/.well-known/jwks.json";
    /// The path of the list of what is revoked.
    pub const REVOKED: &str = "/revoked.json";

    /// Starts it on a free port with an empty key set.
    #[expect(clippy::unused_async, reason = "needs a runtime; async makes that plain")]
    pub async fn start() -> Self {
        let port = Port::reserve();
        let documents = BTreeMap::from([(Self::JWKS.to_owned(), json!({"keys": []}))]);
        let state = Mutex::new(State { documents, mode: IssuerMode::Ok, modes: BTreeMap::new() });
        let shared = Arc::new(Shared { state, fetches: watch::Sender::default() });
        let server = Mutex::new(Some(Server::start(port.listen(), Arc::clone(&shared))));
        Self { port, shared, server }
    }

    /// Where it listens; the same after it was down.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// Replaces the keys of the key set.
    pub fn set_keys(&self, keys: impl IntoIterator<Item = Value>) {
        self.set_document(Self::JWKS, json!({"keys": keys.into_iter().collect::<Vec<_>>()}));
    }

    /// Adds a key at the end of the key set.
    pub fn add_key(&self, jwk: Value) {
        self.change_keys(|keys| keys.push(jwk));
    }

    /// Takes every key with this `kid` out of the key set; panics if there is none.
    pub fn remove_key(&self, kid: &str) {
        self.change_keys(|keys| {
            let before = keys.len();
            keys.retain(|key| key["kid"] != kid);
            assert_ne!(before, keys.len(), "the key set has no key {kid}");
        });
    }

    fn change_keys(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut state = self.shared.state();
        let keys = state.documents.get_mut(Self::JWKS).and_then(|set| set["keys"].as_array_mut());
        change(keys.expect("the document is a key set"));
    }

    /// Sets the list of what is revoked.
    pub fn set_revoked(&self, list: Value) {
        self.set_document(Self::REVOKED, list);
    }

    /// Sets the document of a path (without a query).
    pub fn set_document(&self, path: &str, document: Value) {
        self.shared.state().documents.insert(path.to_owned(), document);
    }

    /// Changes the behaviour on every path for requests that arrive from now on.
    pub fn set_mode(&self, mode: IssuerMode) {
        let mut state = self.shared.state();
        state.modes.clear();
        state.mode = mode;
    }

    /// Changes the behaviour on one path, until the next [`set_mode`](Self::set_mode).
    pub fn set_mode_at(&self, path: &str, mode: IssuerMode) {
        self.shared.state().modes.insert(path.to_owned(), mode);
    }

    /// Goes down: when this returns, connections are refused and open ones are closed.
    pub async fn down(&self) {
        let running = self.server.lock().expect("server lock").take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// Comes back on the same port, if it was down.
    #[expect(clippy::unused_async, reason = "needs a runtime; async makes that plain")]
    pub async fn up(&self) {
        let mut server = self.server.lock().expect("server lock");
        server.get_or_insert_with(|| Server::start(self.port.listen(), Arc::clone(&self.shared)));
    }

    /// Every request since the start or the last [`clear`](Self::clear), oldest first, however it was answered. While
    /// the issuer is down it sees none.
    pub fn fetches(&self) -> Vec<Fetch> {
        self.shared.fetches.borrow().clone()
    }

    /// How many requests came for this path, whatever their query.
    pub fn count(&self, path: &str) -> usize {
        count(&self.shared.fetches.borrow(), path)
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.shared.fetches.send_modify(Vec::clear);
    }

    /// Waits until at least `n` requests came for this path. They may still wait for their answers.
    pub async fn await_fetches(&self, path: &str, n: usize) {
        let mut fetches = self.shared.fetches.subscribe();
        let done = tokio::time::timeout(DEADLINE, fetches.wait_for(|fetches| count(fetches, path) >= n)).await.is_ok();
        assert!(done, "no {n} requests for {path} after {DEADLINE:?}; got {:#?}", self.fetches());
    }
}

fn count(fetches: &[Fetch], path: &str) -> usize {
    fetches.iter().filter(|fetch| fetch.path.split('?').next() == Some(path)).count()
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("state lock")
    }
}

impl Service for Shared {
    async fn answer(self: Arc<Self>, request: ServerRequest) -> Answer {
        let headers = Headers::from(request.headers());
        let uri = request.uri();
        let authority = uri.authority().map(ToString::to_string).or_else(|| headers.text("host"));
        let fetch = Fetch {
            method: request.method().to_string(),
            authority: authority.unwrap_or_default(),
            path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers,
        };
        let (mode, document) = {
            let state = self.state();
            let mode = state.modes.get(uri.path()).unwrap_or(&state.mode).clone();
            (mode, state.documents.get(uri.path()).map(ToString::to_string))
        };
        self.fetches.send_modify(|fetches| fetches.push(fetch));
        let found = if document.is_some() { 200 } else { 404 };
        let document = document.unwrap_or_default();
        match mode {
            IssuerMode::Ok => Ok(respond(found, full(document))),
            IssuerMode::Slow(delay) => {
                sleep(delay).await;
                Ok(respond(found, full(document)))
            }
            IssuerMode::Status(status) => Ok(respond(status, full(document))),
            IssuerMode::Redirect(status, to) => {
                let mut response = respond(status, full(""));
                response.headers_mut().insert("location", to.parse().expect("a header's value"));
                Ok(response)
            }
            IssuerMode::Body(body) => Ok(respond(200, full(body))),
            IssuerMode::Oversize(size) => {
                let mut body = document.into_bytes();
                body.resize(size.max(body.len()), b' ');
                Ok(respond(200, full(body)))
            }
            IssuerMode::Drip(size, pause) => Ok(respond(found, drip(document, size, pause))),
            IssuerMode::CutOff => Ok(respond(found, cut_off(&document))),
            IssuerMode::Hang => std::future::pending().await,
            IssuerMode::Reset => Err(io::Error::other("told to reset")),
        }
    }
}

fn respond(status: u16, body: Body) -> hyper::Response<Body> {
    let response = hyper::Response::builder().status(status).header("content-type", "application/json").body(body);
    response.expect("a status code")
}

fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(io::Error::other).boxed()
}

/// Without a content-length, as its end is not known before it comes.
fn drip(document: String, size: usize, pause: Duration) -> Body {
    let (mut sender, body): (Sender<Bytes, io::Error>, _) = Channel::new(1);
    tokio::spawn(async move {
        for piece in document.as_bytes().chunks(size) {
            if sender.send_data(Bytes::copy_from_slice(piece)).await.is_err() {
                return;
            }
            sleep(pause).await;
        }
    });
    body.boxed()
}

fn cut_off(document: &str) -> Body {
    let half = Bytes::copy_from_slice(&document.as_bytes()[..document.len() / 2]);
    let (mut sender, body): (Sender<Bytes, io::Error>, _) = Channel::new(1);
    tokio::spawn(async move {
        let _ = sender.send_data(half).await;
        // Let it out before the error closes the connection.
        sleep(Duration::from_millis(20)).await;
        sender.abort(io::Error::other("told to cut off"));
    });
    body.boxed()
}
