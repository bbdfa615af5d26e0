//! HTTP/2 frames by hand, for what no library agrees to send: forbidden bytes in values, names in
//! upper case, repeated pseudo-headers, trailers at odd moments.

use std::io;
use std::net::SocketAddr;

use loona_hpack::Decoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Response;
use crate::headers::Headers;
use crate::wait::within;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const PING: u8 = 0x6;
const GOAWAY: u8 = 0x7;
const CONTINUATION: u8 = 0x9;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// The largest frame a peer must take.
const MAX_FRAME: usize = 16_384;

/// How the peer answered a request.
#[derive(Clone, Debug)]
pub enum H2Answer {
    /// With a response.
    Response(Response),
    /// With `RST_STREAM` and this error code.
    Reset(u32),
    /// By giving up the connection with `GOAWAY` and this error code.
    GoAway(u32),
    /// By closing the connection without a word.
    Closed,
}

/// An HTTP/2 connection with prior knowledge on which any frame can be sent.
///
/// Bodies of responses must fit the default window of 65,535 bytes, as no window is ever updated.
pub struct RawH2 {
    stream: TcpStream,
    decoder: Decoder<'static>,
    next_stream: u32,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl RawH2 {
    /// Connects and sends the preface.
    pub async fn connect(target: SocketAddr) -> Self {
        let stream = within("connect", TcpStream::connect(target)).await.expect("connect");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let mut raw = Self { stream, decoder: Decoder::new(), next_stream: 1 };
        raw.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        raw.frame(SETTINGS, 0, 0, &[]).await;
        raw
    }

    /// A GET request of `/` with these headers after the usual pseudo-headers.
    pub async fn get(target: SocketAddr, headers: &[(&str, &[u8])]) -> H2Answer {
        let mut raw = Self::connect(target).await;
        let mut all: Vec<(&str, &[u8])> =
            vec![(":method", b"GET"), (":scheme", b"http"), (":authority", b"portcullis.test"), (":path", b"/")];
        all.extend(headers);
        let stream = raw.request(&all, true).await;
        raw.answer(stream).await
    }

    /// Opens a stream with exactly these headers, pseudo-headers included; returns its id.
    pub async fn request(&mut self, headers: &[(&str, &[u8])], end: bool) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.headers(stream, headers, end).await;
        stream
    }

    /// Sends a header block on an open stream: trailers, if `end` is set.
    pub async fn headers(&mut self, stream: u32, headers: &[(&str, &[u8])], end: bool) {
        let mut block = Vec::new();
        for (name, value) in headers {
            // "Literal without indexing": no Huffman coding, and no table to keep in step.
            block.push(0);
            put_string(&mut block, name.as_bytes());
            put_string(&mut block, value);
        }
        let end = if end { END_STREAM } else { 0 };
        let last = block.chunks(MAX_FRAME).count().saturating_sub(1);
        for (index, piece) in block.chunks(MAX_FRAME).enumerate() {
            let done = if index == last { END_HEADERS } else { 0 };
            let (kind, flags) = if index == 0 { (HEADERS, end) } else { (CONTINUATION, 0) };
            self.frame(kind, flags | done, stream, piece).await;
        }
    }

    /// Sends body bytes.
    pub async fn data(&mut self, stream: u32, bytes: &[u8], end: bool) {
        self.frame(DATA, if end { END_STREAM } else { 0 }, stream, bytes).await;
    }

    /// Sends any frame.
    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        self.write(&bytes).await;
    }

    /// Reads until `stream` is answered; panics after [`DEADLINE`](crate::DEADLINE).
    pub async fn answer(&mut self, stream: u32) -> H2Answer {
        let reading = within("an answer over HTTP/2", self.read_answer(stream));
        reading.await.unwrap_or(H2Answer::Closed)
    }

    async fn read_answer(&mut self, stream: u32) -> io::Result<H2Answer> {
        let (body, headers, trailers) = (Vec::new(), Headers::default(), Headers::default());
        let mut response = Response { status: 0, headers, body, trailers };
        let mut block = Vec::new();
        let mut ended = false;
        loop {
            let frame = self.read_frame().await?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]).await,
                PING if frame.flags & ACK == 0 => self.frame(PING, ACK, 0, &frame.payload).await,
                RST_STREAM if frame.stream == stream => {
                    return Ok(H2Answer::Reset(number(&frame.payload[..4])));
                }
                GOAWAY => return Ok(H2Answer::GoAway(number(&frame.payload[4..8]))),
                HEADERS | CONTINUATION => {
                    block.extend(frame.payload);
                    if frame.flags & END_HEADERS != 0 {
                        // Other streams' blocks are decoded too: the table is the connection's.
                        let fields = self.decoder.decode(&block).expect("a valid header block");
                        block.clear();
                        if frame.stream == stream {
                            take_fields(&mut response, &fields);
                        }
                    }
                }
                DATA if frame.stream == stream => response.body.extend(frame.payload),
                _ => {}
            }
            let may_end = matches!(frame.kind, DATA | HEADERS) && frame.stream == stream;
            ended |= may_end && frame.flags & END_STREAM != 0;
            if ended && block.is_empty() {
                return Ok(H2Answer::Response(response));
            }
        }
    }

    async fn read_frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await?;
        Ok(Frame { kind: head[3], flags: head[4], stream: number(&head[5..]), payload })
    }

    /// Errors show up when the answer is read.
    async fn write(&mut self, bytes: &[u8]) {
        let _ = within("write", self.stream.write_all(bytes)).await;
    }
}

impl H2Answer {
    /// The response; panics if it was none.
    pub fn response(self) -> Response {
        match self {
            Self::Response(response) => response,
            other => panic!("want a response, got {other:?}"),
        }
    }
}

/// A block with `:status` is a head (perhaps of an interim response); one without is trailers.
fn take_fields(response: &mut Response, fields: &[(Vec<u8>, Vec<u8>)]) {
    let mut headers = Headers::default();
    let mut status = None;
    for (name, value) in fields {
        match name.as_slice() {
            b":status" => status = String::from_utf8_lossy(value).parse().ok(),
            name => headers.push(&String::from_utf8_lossy(name), value),
        }
    }
    match status {
        Some(status) => (response.status, response.headers) = (status, headers),
        None => response.trailers = headers,
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

/// An HPACK string: its length with a 7-bit prefix, then its bytes as they are.
fn put_string(block: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("less than 127"));
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128 + 128).expect("a byte"));
            length /= 128;
        }
        block.push(u8::try_from(length).expect("less than 128"));
    }
    block.extend(bytes);
}
