//! The well-behaved client: HTTP/1.1 and HTTP/2 with prior knowledge, by hyper.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::connector::Connector;
use crate::headers::{Headers, announce};
use crate::wait::DEADLINE;

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// None came in this time.
    TimedOut(Duration),
    /// The peer closed the connection instead.
    Closed,
    /// Anything else, as text.
    Failed(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(limit) => write!(f, "no whole response after {limit:?}: it hangs"),
            Self::Closed => f.write_str("the connection was closed without a response"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ClientError {}

/// A response, read to its end.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, repeats apart.
    pub headers: Headers,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
    /// The trailers, if any.
    pub trailers: Headers,
}

impl Response {
    /// The body as text, with U+FFFD for what is no UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics, showing the response, if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {self:?}, body \"{}\"", self.text()))
    }
}

/// A step of sending a body.
#[derive(Clone, Debug)]
enum Part {
    Data(Bytes),
    Pause(Duration),
}

/// A request to be sent by a [`Client`].
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    authority: Option<String>,
    headers: Headers,
    parts: Vec<Part>,
    trailers: Headers,
}

impl Request {
    /// A request with any method.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            authority: None,
            headers: Headers::default(),
            parts: Vec::new(),
            trailers: Headers::default(),
        }
    }

    /// A GET request.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST request with a body.
    pub fn post(path: &str, body: impl Into<Bytes>) -> Self {
        Self::new("POST", path).body(body)
    }

    /// Adds a header. The value may hold the bytes 0x80 to 0xFF; for those that HTTP forbids use
    /// [`Raw`](crate::Raw) or [`RawH2`](crate::RawH2).
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets `Host` or `:authority`; the address of the target otherwise.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Sends these bytes next. One piece goes with a `content-length`; several, or one with a
    /// pause or trailers, go chunked (HTTP/1.1) or as DATA frames without a length.
    #[must_use]
    pub fn body(mut self, data: impl Into<Bytes>) -> Self {
        self.parts.push(Part::Data(data.into()));
        self
    }

    /// Waits before what follows, be it more body or the end of it.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.parts.push(Part::Pause(pause));
        self
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push(name, value);
        self
    }

    fn to_hyper(&self, target: SocketAddr) -> hyper::Request<Body> {
        let authority = self.authority.clone().unwrap_or_else(|| target.to_string());
        let mut request = hyper::Request::builder()
            .method(self.method.as_str())
            .uri(format!("http://{authority}{}", self.path))
            .body(self.to_body())
            .unwrap_or_else(|error| panic!("hyper cannot send {self:?} ({error}); use Raw"));
        *request.headers_mut() = self.headers.to_map();
        if !self.trailers.is_empty() {
            announce(&self.trailers.to_map(), request.headers_mut());
        }
        request
    }

    fn to_body(&self) -> Body {
        let data = match self.parts.as_slice() {
            [] if self.trailers.is_empty() => Bytes::new(),
            [Part::Data(data)] if self.trailers.is_empty() => data.clone(),
            _ => {
                let (sender, body) = Channel::new(1);
                tokio::spawn(send_parts(sender, self.parts.clone(), self.trailers.clone()));
                return body.boxed();
            }
        };
        Full::new(data).boxed()
    }
}

/// Stops early when the peer has answered and wants no more.
async fn send_parts(mut sender: Sender<Bytes>, parts: Vec<Part>, trailers: Headers) {
    for part in parts {
        match part {
            Part::Data(data) => {
                if sender.send_data(data).await.is_err() {
                    return;
                }
            }
            Part::Pause(pause) => sleep(pause).await,
        }
    }
    if !trailers.is_empty() {
        let _ = sender.send_trailers(trailers.to_map()).await;
    }
}

type Body = BoxBody<Bytes, std::convert::Infallible>;

/// Sends requests to one address over pooled connections; clones share the pool.
#[derive(Clone)]
pub struct Client {
    target: SocketAddr,
    connector: Connector,
    http2: bool,
    deadline: Duration,
    pool: legacy::Client<Connector, Body>,
}

impl Client {
    /// A client that speaks HTTP/1.1.
    pub fn h1(target: SocketAddr) -> Self {
        Self::new(Connector { target, source: None }, false)
    }

    /// A client that speaks HTTP/2 with prior knowledge (h2c).
    pub fn h2(target: SocketAddr) -> Self {
        Self::new(Connector { target, source: None }, true)
    }

    fn new(connector: Connector, http2: bool) -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        // A retry behind the test's back would falsify every count.
        builder.http2_only(http2).retry_canceled_requests(false);
        let pool = builder.build(connector.clone());
        Self { target: connector.target, connector, http2, deadline: DEADLINE, pool }
    }

    /// Connects from this address: on Linux any of 127.0.0.0/8 works, so that one test can be many
    /// clients.
    #[must_use]
    pub fn source(self, source: impl Into<IpAddr>) -> Self {
        let connector = Connector { source: Some(source.into()), ..self.connector };
        Self { deadline: self.deadline, ..Self::new(connector, self.http2) }
    }

    /// How long a whole response may take; [`DEADLINE`] otherwise.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sends a GET request; panics if no response comes.
    pub async fn get(&self, path: &str) -> Response {
        self.send(Request::get(path)).await
    }

    /// Sends a request; panics if no response comes.
    pub async fn send(&self, request: Request) -> Response {
        let what = format!("{} {}", request.method, request.path);
        self.try_send(request).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends a request, for tests in which the connection breaks or the answer stays out.
    pub async fn try_send(&self, request: Request) -> Result<Response, ClientError> {
        let exchange = async {
            let response = self.pool.request(request.to_hyper(self.target)).await;
            let (head, body) = response.map_err(|error| explain(&error))?.into_parts();
            let body = body.collect().await.map_err(|error| explain(&error))?;
            Ok(Response {
                status: head.status.as_u16(),
                headers: Headers::from(&head.headers),
                trailers: body.trailers().map(Headers::from).unwrap_or_default(),
                body: body.to_bytes().to_vec(),
            })
        };
        let limit = self.deadline;
        timeout(limit, exchange).await.unwrap_or(Err(ClientError::TimedOut(limit)))
    }
}

/// hyper hides the cause in the sources of its errors.
fn explain(error: &dyn std::error::Error) -> ClientError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    ClientError::Failed(texts.join(": "))
}
