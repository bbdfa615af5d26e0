//! The client without manners: exact bytes out, an HTTP/1.1 response back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{ClientError, Response};
use crate::headers::Headers;
use crate::wait::{DEADLINE, within};

/// A TCP connection that writes exactly what it is given: repeats, odd bytes, pipelines, bodies in
/// pieces, requests that never end.
pub struct Raw {
    stream: TcpStream,
    /// Read but not yet part of a response.
    buffer: Vec<u8>,
    deadline: Duration,
}

impl Raw {
    /// Connects.
    pub async fn connect(target: SocketAddr) -> Self {
        let stream = within("connect", TcpStream::connect(target)).await.expect("connect");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Self { stream, buffer: Vec::new(), deadline: DEADLINE }
    }

    /// Connects, writes and reads one response; panics if none comes.
    pub async fn exchange(target: SocketAddr, bytes: impl AsRef<[u8]>) -> Response {
        let mut raw = Self::connect(target).await;
        raw.write(bytes).await;
        raw.read_response().await
    }

    /// How long each read may take; [`DEADLINE`] otherwise.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Writes these bytes. A peer that has closed already is no error here: the read after it
    /// tells what the peer had to say.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within("write", self.stream.write_all(bytes.as_ref())).await;
    }

    /// Ends the sending side, as a client does that sends no more.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads one response with its body; panics if none comes.
    pub async fn read_response(&mut self) -> Response {
        self.try_read_response().await.unwrap_or_else(|error| panic!("raw request: {error}"))
    }

    /// Reads one response with its body.
    pub async fn try_read_response(&mut self) -> Result<Response, ClientError> {
        let limit = self.deadline;
        let reading = async {
            let mut response = self.head().await?;
            self.body(&mut response).await?;
            Ok(response)
        };
        timeout(limit, reading).await.unwrap_or(Err(ClientError::TimedOut(limit)))
    }

    /// Reads the head only: for answers to HEAD, and for 101, after which bytes follow.
    pub async fn read_head(&mut self) -> Response {
        self.try_read_head().await.unwrap_or_else(|error| panic!("head: {error}"))
    }

    /// Reads the head only.
    pub async fn try_read_head(&mut self) -> Result<Response, ClientError> {
        within("response head", self.head()).await
    }

    /// Reads exactly `n` bytes, after an upgrade.
    pub async fn read_exact(&mut self, n: usize) -> Vec<u8> {
        let read = within("bytes after the head", self.take(n)).await;
        read.unwrap_or_else(|error| panic!("{n} bytes: {error}"))
    }

    /// Everything until the peer closes.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        let end = async { while self.fill().await.is_ok() {} };
        within("the peer closes the connection", end).await;
        std::mem::take(&mut self.buffer)
    }

    async fn fill(&mut self) -> Result<(), ClientError> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(ClientError::Closed),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(ClientError::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(ClientError::Failed(error.to_string())),
        }
    }

    async fn take(&mut self, n: usize) -> Result<Vec<u8>, ClientError> {
        while self.buffer.len() < n {
            self.fill().await?;
        }
        let rest = self.buffer.split_off(n);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// One line without its CR LF.
    async fn line(&mut self) -> Result<Vec<u8>, ClientError> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let mut line = self.take(end + 2).await?;
                line.truncate(end);
                return Ok(line);
            }
            self.fill().await?;
        }
    }

    async fn head(&mut self) -> Result<Response, ClientError> {
        loop {
            if let Some((length, response)) = parse_head(&self.buffer)? {
                self.take(length).await?;
                return Ok(response);
            }
            self.fill().await?;
        }
    }

    async fn body(&mut self, response: &mut Response) -> Result<(), ClientError> {
        if response.status < 200 || matches!(response.status, 204 | 304) {
            return Ok(());
        }
        if response.headers.get("transfer-encoding") == Some(b"chunked") {
            return self.chunks(response).await;
        }
        if let Some(length) = response.headers.text("content-length") {
            let length = length.parse().map_err(|_| failed(format!("length {length:?}")))?;
            response.body = self.take(length).await?;
            return Ok(());
        }
        while self.fill().await.is_ok() {}
        response.body = std::mem::take(&mut self.buffer);
        Ok(())
    }

    async fn chunks(&mut self, response: &mut Response) -> Result<(), ClientError> {
        loop {
            let line = self.line().await?;
            let size = str::from_utf8(&line).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
            let size = size.ok_or_else(|| failed(format!("chunk size {}", line.escape_ascii())))?;
            if size == 0 {
                break;
            }
            response.body.extend(self.take(size).await?);
            self.line().await?;
        }
        loop {
            let line = self.line().await?;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                return Ok(());
            };
            let name = String::from_utf8_lossy(&line[..colon]);
            response.trailers.push(&name, line[colon + 1..].trim_ascii());
        }
    }
}

fn parse_head(buffer: &[u8]) -> Result<Option<(usize, Response)>, ClientError> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(buffer);
    let parsed = parsed.map_err(|e| failed(format!("{e}: {}", buffer.escape_ascii())))?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let mut headers = Headers::default();
    for field in head.headers {
        headers.push(field.name, field.value);
    }
    let status = head.code.unwrap_or_default();
    let (body, trailers) = (Vec::new(), Headers::default());
    Ok(Some((length, Response { status, headers, body, trailers })))
}

fn failed(why: String) -> ClientError {
    ClientError::Failed(why)
}
