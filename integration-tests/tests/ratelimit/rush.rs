//! What the tests share: requests as fast as Envoy answers them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;

use portcullis_integration_tests::DEADLINE;

use crate::gate::Gate;

/// How many requests passed, and how many were refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) passed: usize,
    pub(crate) refused: usize,
}

/// Sends GET `/flood` for each of these numbers, with the number's `x-key`, over eight connections at once. Panics if one
/// is not answered.
pub(crate) async fn rush(
    gate: &Gate,
    numbers: Range<usize>,
    key: impl Fn(usize) -> String + Copy + Send + 'static,
) -> Answers {
    const CONNECTIONS: usize = 8;
    let target = gate.envoy.address();
    let part = numbers.len().div_ceil(CONNECTIONS).max(1);
    let parts = numbers.clone().step_by(part).map(|start| start..(start + part).min(numbers.end));
    let threads: Vec<_> =
        parts.map(|part| tokio::task::spawn_blocking(move || Rush::connect(target).send(&part, key))).collect();
    let mut all = Answers::default();
    for thread in threads {
        let Answers { passed, refused } = thread.await.unwrap();
        all.passed += passed;
        all.refused += refused;
    }
    assert_eq!(all.passed + all.refused, numbers.len());
    all
}

/// An HTTP/2 connection that sends as fast as Envoy answers, which no library does: many streams in one write, and of the
/// answers it reads the status alone.
struct Rush {
    stream: TcpStream,
    next_stream: u32,
    /// Read, but no whole frame yet.
    buffer: Vec<u8>,
}

impl Rush {
    const BATCH: usize = 200;

    fn connect(target: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(target).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        // No dynamic table (SETTINGS_HEADER_TABLE_SIZE is 0), and a window for 2 GB of answers.
        let mut start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        put_frame(&mut start, SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]);
        put_frame(&mut start, WINDOW_UPDATE, 0, 0, &0x7f00_0000_u32.to_be_bytes());
        stream.write_all(&start).unwrap();
        Self { stream, next_stream: 1, buffer: Vec::new() }
    }

    fn send(mut self, numbers: &Range<usize>, key: impl Fn(usize) -> String) -> Answers {
        let mut answers = Answers::default();
        for start in numbers.clone().step_by(Self::BATCH) {
            let batch = start..(start + Self::BATCH).min(numbers.end);
            let mut bytes = Vec::with_capacity(Self::BATCH * 80);
            for number in batch.clone() {
                // GET, http, and literals without indexing: `:path`, `:authority`, `x-key`.
                let mut block = b"\x82\x86\x04\x06/flood\x01\x01a\x00\x05x-key".to_vec();
                let key = key(number);
                block.push(u8::try_from(key.len()).unwrap());
                block.extend(key.bytes());
                put_frame(&mut bytes, HEADERS, END_HEADERS | END_STREAM, self.next_stream, &block);
                self.next_stream += 2;
            }
            self.stream.write_all(&bytes).unwrap();
            self.read(batch.len(), &mut answers);
        }
        answers
    }

    fn read(&mut self, mut missing: usize, answers: &mut Answers) {
        let mut piece = vec![0; 64 << 10];
        while missing > 0 {
            let read = self.stream.read(&mut piece).unwrap();
            assert!(read > 0, "Envoy closed the connection");
            self.buffer.extend_from_slice(&piece[..read]);
            let mut rest = self.buffer.as_slice();
            let mut acknowledges = false;
            while let Some((head, after)) = rest.split_first_chunk::<9>() {
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                let Some((payload, after)) = after.split_at_checked(length) else { break };
                rest = after;
                let (kind, flags) = (head[3], head[4]);
                match kind {
                    SETTINGS => acknowledges |= flags & ACK == 0,
                    // The first block tells the size of the dynamic table; 200 is an entry of the static one.
                    HEADERS if payload.strip_prefix(b"\x20").unwrap_or(payload).starts_with(b"\x88") => {
                        answers.passed += 1;
                    }
                    HEADERS => {
                        assert!(payload.windows(4).any(|it| it == b"\x03429"), "{}", payload.escape_ascii());
                        answers.refused += 1;
                    }
                    DATA | WINDOW_UPDATE => {}
                    other => panic!("frame {other}: {}", payload.escape_ascii()),
                }
                missing -= usize::from(matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0);
            }
            self.buffer = rest.to_vec();
            if acknowledges {
                let mut ack = Vec::new();
                put_frame(&mut ack, SETTINGS, ACK, 0, &[]);
                self.stream.write_all(&ack).unwrap();
            }
        }
    }
}

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const SETTINGS: u8 = 0x4;
const WINDOW_UPDATE: u8 = 0x8;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

fn put_frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    bytes.extend(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
}
