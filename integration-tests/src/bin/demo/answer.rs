//! Sends one request as curl does, on a connection of its own.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis_integration_tests::Headers;
use tokio::net::TcpSocket;

use crate::idp;
use crate::step::Request;

/// A request as it is sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) request: &'static Request,
    /// The text of its token.
    pub(crate) token: Option<String>,
}

impl Sent {
    pub(crate) fn new(request: &'static Request) -> Self {
        Self { request, token: request.token.map(idp::mint) }
    }
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: String,
}

/// Also tells the client's port, which Envoy knows the request by.
pub(crate) async fn send(sent: &Sent, gateway: SocketAddr) -> Result<(u16, Answer), Box<dyn Error>> {
    let Sent { request, token } = sent;
    let mut message = http::Request::builder()
        .method(request.method)
        .uri(request.path)
        .header("host", gateway.to_string())
        .body(Full::new(Bytes::from_static(request.body.unwrap_or_default().as_bytes())))?;
    for (name, value) in request.headers {
        message.headers_mut().append(*name, HeaderValue::from_bytes(value)?);
    }
    if let Some(token) = token {
        message.headers_mut().insert("authorization", HeaderValue::try_from(format!("Bearer {token}"))?);
    }
    message.headers_mut().insert("accept", HeaderValue::from_static("*/*"));
    let socket = TcpSocket::new_v4()?;
    if let Some(address) = request.from {
        socket.bind(SocketAddr::from((address, 0)))?;
    }
    let stream = socket.connect(gateway).await?;
    let port = stream.local_addr()?.port();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(message).await?.into_parts();
    let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
    Ok((port, Answer { status: head.status.as_u16(), headers: Headers::from(&head.headers), body }))
}
