//! The HTTP server below [`Upstream`](crate::Upstream) and [`Collector`](crate::Collector): HTTP/1.1
//! and h2c on one port.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

pub(crate) type ServerRequest = hyper::Request<Incoming>;
pub(crate) type Body = BoxBody<Bytes, io::Error>;
/// An error closes the connection without an answer.
pub(crate) type Answer = Result<hyper::Response<Body>, io::Error>;

pub(crate) trait Service: Send + Sync + 'static {
    /// A connection was accepted.
    fn connected(&self) {}

    /// Called once for each request, with the body still to be read.
    fn answer(self: Arc<Self>, request: ServerRequest) -> impl Future<Output = Answer> + Send;
}

/// A free port on 127.0.0.1 that stays this server's own while nothing listens on it.
///
/// A bound socket that does not listen refuses connections, exactly as a dead server does, and
/// keeps the kernel from giving the port to another test meanwhile. With `SO_REUSEPORT` the
/// listening socket can come and go beside it.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    _held: TcpSocket,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let held = Self::bind("127.0.0.1:0".parse().expect("an address"));
        Self { address: held.local_addr().expect("a bound socket has an address"), _held: held }
    }

    pub(crate) fn listen(&self) -> TcpListener {
        Self::bind(self.address).listen(1024).expect("listen on a port that is ours")
    }

    fn bind(address: SocketAddr) -> TcpSocket {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseport(true).expect("SO_REUSEPORT");
        socket.bind(address).unwrap_or_else(|error| panic!("bind {address}: {error}"));
        socket
    }
}

/// A running server; dropping it closes the listening socket and every connection.
pub(crate) struct Server {
    accept: JoinSet<()>,
    connections: Connections,
}

type Connections = Arc<Mutex<JoinSet<()>>>;

impl Server {
    pub(crate) fn start(listener: TcpListener, service: Arc<impl Service>) -> Self {
        let connections = Connections::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, service, Arc::clone(&connections)));
        Self { accept: tasks, connections }
    }

    /// Like drop, and returns when the sockets are closed.
    pub(crate) async fn stop(mut self) {
        self.accept.shutdown().await;
        let mut connections = std::mem::take(&mut *self.connections.lock().expect("no panic"));
        connections.shutdown().await;
    }
}

async fn accept(listener: TcpListener, service: Arc<impl Service>, connections: Connections) {
    while let Ok((stream, _)) = listener.accept().await {
        service.connected();
        let connection = serve(stream, Arc::clone(&service));
        let mut connections = connections.lock().expect("no panic");
        connections.spawn(connection);
        // Forget finished connections, or thousands of them pile up in a benchmark.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, service: Arc<impl Service>) {
    // Answers go out in several small writes; with Nagle's algorithm on, each costs 40 ms.
    let _ = stream.set_nodelay(true);
    let call = service_fn(move |request| Arc::clone(&service).answer(request));
    let mut server = auto::Builder::new(TokioExecutor::new());
    // What Envoy lets through must arrive: it adds headers of its own to the most it allows.
    server.http1().max_headers(1000);
    server.http2().max_header_list_size(1 << 20);
    // A connection that breaks is the peer's doing and part of many tests.
    let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), call).await;
}
