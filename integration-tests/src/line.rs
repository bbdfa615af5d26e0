//! Any bytes in any place of a request, over either version of HTTP.

use std::net::SocketAddr;

use crate::client::{ClientError, Response};
use crate::raw::Raw;
use crate::raw_h2::{H2Answer, RawH2};

/// A connection for requests that no library agrees to send; it is made anew when Envoy gives it up.
///
/// A request is a list of headers as HTTP/2 has them, pseudo-headers first, and perhaps a body.
pub struct Line {
    target: SocketAddr,
    connection: Connection,
}

enum Connection {
    H1(Option<Raw>),
    /// And how many bytes of answers it may still get: no window is ever opened.
    H2(Option<(RawH2, usize)>),
}

impl Line {
    /// Bytes of answers over one HTTP/2 connection. An answer to the last request still fits.
    const WINDOW: usize = 40_000;
    /// The largest DATA frame.
    const FRAME: usize = 16_384;

    /// A line that speaks HTTP/1.1.
    pub fn h1(target: SocketAddr) -> Self {
        Self { target, connection: Connection::H1(None) }
    }

    /// A line that speaks HTTP/2.
    pub fn h2(target: SocketAddr) -> Self {
        Self { target, connection: Connection::H2(None) }
    }

    /// Sends a request; `None` when Envoy broke off the stream or the connection instead of an answer. Over HTTP/1.1 a
    /// body goes with its `content-length`.
    pub async fn send(&mut self, headers: &[(&str, &[u8])], body: Option<&[u8]>) -> Option<Response> {
        match &mut self.connection {
            Connection::H1(line) => {
                let mut raw = match line.take() {
                    Some(raw) => raw,
                    None => Raw::connect(self.target).await,
                };
                let mut bytes = head(headers, body);
                bytes.extend(body.unwrap_or_default());
                raw.write(&bytes).await;
                let has_body = !headers.contains(&(":method", b"HEAD"));
                let answer = if has_body { raw.try_read_response().await } else { raw.try_read_head().await };
                match answer {
                    Ok(response) => {
                        let kept = response.headers.get("connection") != Some(b"close");
                        *line = kept.then_some(raw);
                        Some(response)
                    }
                    Err(ClientError::Closed) => None,
                    Err(error) => panic!("{error}: {}", head(headers, body).escape_ascii()),
                }
            }
            Connection::H2(line) => {
                let (mut raw, window) = match line.take() {
                    Some(line) => line,
                    None => (RawH2::connect(self.target).await, Self::WINDOW),
                };
                let stream = raw.request(headers, body.is_none()).await;
                let mut frames = body.unwrap_or_default().chunks(Self::FRAME).peekable();
                if body.is_some() && frames.peek().is_none() {
                    raw.data(stream, b"", true).await;
                }
                while let Some(frame) = frames.next() {
                    raw.data(stream, frame, frames.peek().is_none()).await;
                }
                match raw.answer(stream).await {
                    H2Answer::Response(response) => {
                        *line = window.checked_sub(response.body.len()).map(|rest| (raw, rest));
                        Some(response)
                    }
                    H2Answer::Reset(_) => {
                        *line = Some((raw, window));
                        None
                    }
                    H2Answer::GoAway(_) | H2Answer::Closed => None,
                }
            }
        }
    }
}

/// The head of the request in HTTP/1.1.
fn head(headers: &[(&str, &[u8])], body: Option<&[u8]>) -> Vec<u8> {
    let of = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted).map_or(&b""[..], |(_, value)| value);
    let mut head = [of(":method"), b" ", of(":path"), b" HTTP/1.1\r\nhost: ", of(":authority"), b"\r\n"].concat();
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(':')) {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    if let Some(body) = body {
        head.extend(format!("content-length: {}\r\n", body.len()).bytes());
    }
    head.extend(b"\r\n");
    head
}
