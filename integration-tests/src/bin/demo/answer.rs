//! Sends one request as curl does, on a connection of its own.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis_integration_tests::Headers;
use tokio::net::TcpStream;

use crate::step::Request;

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: String,
}

/// Also tells the client's port, which Envoy knows the request by.
pub(crate) async fn send(request: &Request, gateway: SocketAddr) -> Result<(u16, Answer), Box<dyn Error>> {
    let mut message = http::Request::builder()
        .method(request.method)
        .uri(request.path)
        .header("host", gateway.to_string())
        .body(Empty::<Bytes>::new())?;
    for (name, value) in request.headers {
        message.headers_mut().append(*name, HeaderValue::from_bytes(value)?);
    }
    message.headers_mut().insert("accept", HeaderValue::from_static("*/*"));
    let stream = TcpStream::connect(gateway).await?;
    let port = stream.local_addr()?.port();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(message).await?.into_parts();
    let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
    Ok((port, Answer { status: head.status.as_u16(), headers: Headers::from(&head.headers), body }))
}
