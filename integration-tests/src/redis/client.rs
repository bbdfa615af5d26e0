//! Commands to Redis: the few lines that three commands need, where a whole client would take longer to build.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::reply::{RedisReply, parse};
use crate::wait::DEADLINE;

/// How many calls may wait to be written; further ones wait outside.
const QUEUE: usize = 1024;

type Answer = io::Result<Vec<RedisReply>>;

/// One connection for all who hold a clone of this, made when it is first needed and anew after it broke.
///
/// Calls do not wait for each other: what is asked while an answer is under way is written at once. When the connection
/// breaks, each call that waits fails at once and is not tried again, since nobody knows whether Redis has counted it.
#[derive(Clone)]
pub struct RedisClient {
    calls: mpsc::Sender<Call>,
}

struct Call {
    /// The commands as they are written.
    commands: Vec<u8>,
    /// How many answers are still to come.
    lacking: usize,
    replies: Vec<RedisReply>,
    answer: oneshot::Sender<Answer>,
}

impl RedisClient {
    /// A client of the Redis at this socket, which need not be there yet.
    pub fn new(socket: PathBuf) -> Self {
        let (calls, queue) = mpsc::channel(QUEUE);
        tokio::spawn(serve(socket, queue));
        Self { calls }
    }

    /// Runs these commands one after another in one go, and returns as many answers. An error says that it could not be
    /// reached, broke off, gave no answer within [`DEADLINE`], or refused one of the commands.
    pub async fn pipeline<W: AsRef<str>>(&self, commands: &[&[W]]) -> Answer {
        let (answer, replies) = oneshot::channel();
        let written = commands.iter().flat_map(|words| write(words)).collect();
        let call = Call { commands: written, lacking: commands.len(), replies: Vec::new(), answer };
        let answered = timeout(DEADLINE, async {
            self.calls.send(call).await.map_err(|_| closed())?;
            replies.await.map_err(|_| closed())?
        });
        let replies = answered.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        match replies.iter().find_map(RedisReply::error) {
            Some(refused) => Err(io::Error::other(refused)),
            None => Ok(replies),
        }
    }
}

fn closed() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

fn write<W: AsRef<str>>(words: &[W]) -> Vec<u8> {
    let text = |word: &W| format!("${}\r\n{}\r\n", word.as_ref().len(), word.as_ref());
    let head = format!("*{}\r\n", words.len());
    [head].into_iter().chain(words.iter().map(text)).flat_map(String::into_bytes).collect()
}

/// Serves calls until no client is left.
async fn serve(socket: PathBuf, mut calls: mpsc::Receiver<Call>) {
    while let Some(first) = calls.recv().await {
        let mut waiting = VecDeque::from([first]);
        let Err(broken) = converse(&socket, &mut calls, &mut waiting).await else { return };
        for call in waiting {
            // Who gave up waiting has dropped the other end.
            let _ = call.answer.send(Err(io::Error::new(broken.kind(), broken.to_string())));
        }
    }
}

/// Over one connection, until it breaks or no client is left.
async fn converse(socket: &Path, calls: &mut mpsc::Receiver<Call>, waiting: &mut VecDeque<Call>) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    let mut read = BytesMut::new();
    stream.write_all(&waiting[0].commands).await?;
    loop {
        tokio::select! {
            call = calls.recv() => {
                let Some(call) = call else { return Ok(()) };
                let mut bytes = call.commands.clone();
                waiting.push_back(call);
                while let Ok(call) = calls.try_recv() {
                    bytes.extend(&call.commands);
                    waiting.push_back(call);
                }
                stream.write_all(&bytes).await?;
            }
            length = stream.read_buf(&mut read) => {
                if length? == 0 {
                    return Err(closed());
                }
                while let Some(reply) = parse(&mut read)? {
                    take(waiting, reply)?;
                }
            }
        }
    }
}

/// Answers come in the order of the commands.
fn take(waiting: &mut VecDeque<Call>, reply: RedisReply) -> io::Result<()> {
    let call = waiting.front_mut().ok_or_else(|| io::Error::other("an answer that nothing asked for"))?;
    call.replies.push(reply);
    call.lacking -= 1;
    if call.lacking == 0
        && let Some(call) = waiting.pop_front()
    {
        let _ = call.answer.send(Ok(call.replies));
    }
    Ok(())
}
